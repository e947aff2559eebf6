//! Resource groups are read of the rows that are not known yet. What they are is compared with the
//! model beside pages and records.

use std::fs;
use std::sync::Arc;

use crate::folder::{append, files, open, run};
use crate::support::{Clock, Spec, hour, subscription};

#[test]
fn groups_that_are_known_are_gone_on_from_without_reading_their_rows_again() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), &Clock::at(hour(5))).unwrap();
        let spec = |event: u16, instance| Spec { event, instance, ..Spec::default() };
        append(&ledger, &[spec(0, 1)]).await;
        ledger.seal().await.unwrap();
        let id = subscription(0);
        let groups = async |known, most| {
            let snapshot = ledger.snapshot(None).await.unwrap();
            snapshot.resource_groups(id, known, most).await
        };
        let known = groups(None, 10).await.unwrap();
        let too_many = groups(None, 0).await.unwrap();

        append(&ledger, &[spec(1, 2)]).await;
        for day in files(&dir.path().join("usage/data")) {
            files(&day).iter().for_each(|file| fs::write(file, "damaged").unwrap());
        }
        let on = groups(Some(known), 10).await.unwrap();
        let names: Vec<_> = on.groups().iter().map(|(_, group)| group.name()).collect();
        assert_eq!(names, ["Grün-(1)", "Grün-(1)2"]);
        // That there are too many is known as well, and of so many alone.
        assert!(groups(Some(Arc::clone(&too_many)), 0).await.unwrap().more());
        assert!(groups(Some(too_many), 10).await.is_err());
        let error = groups(None, 10).await.unwrap_err();
        assert!(error.to_string().contains("is damaged"), "{error}");
        ledger.close().await.unwrap();
    });
}
