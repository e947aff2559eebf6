//! Every case of `tests/rating` at the root gives, through `domain`, the bill that stands there.

use std::path::Path;

use testkit::cases;

use crate::bill::bill_of;

#[test]
fn every_case_gives_its_bill() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/rating");
    for case in cases(&folder).unwrap() {
        let (name, behaviour) = (&case.name, &case.behaviour);
        assert_eq!(bill_of(&case.statements), case.expected, "{name}: {behaviour}");
    }
}
