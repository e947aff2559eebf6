//! What statements say, and which are refused.

use super::*;
use crate::case::Scope;

fn problem(statements: &str) -> String {
    Case::parse(statements).unwrap_err().to_string()
}

#[test]
fn every_statement_is_read() {
    let case = Case::parse(
        "# a remark\n\
         anchor 14\n\
         anchor 31 from 2026-03-10\n\
         card imported 2026-01-01 reprice\n\
         meter 1 included 5 from 2026-01-02 tag third-party category disk : 10:2E-06 0:1.50\n\
         term credit 100 from 2026-01-03T04:30 except 1 2\n\
         term commitment 500:5 1000:10.5\n\
         \n\
         alias 7 1\n\
         markup -10 category disk scope tenant until 2026-02-01\n\
         price 1 included 2 scope subscription made 2026-02-02 reprice : 0:3\n\
         commitment 500 from 2026-02-01\n\
         usage 2026-01-05T22 +2h 7 -1.5 by web\n",
    );
    let case = case.unwrap();
    let time = |text| Time::parse(text).unwrap();
    let anchors: Vec<_> = case.anchors.iter().map(|anchor| (anchor.day, anchor.from)).collect();
    assert_eq!(anchors, [(14, Time::ALWAYS), (31, time("2026-03-10"))]);
    let card = &case.cards[0];
    assert_eq!((card.imported, card.reprice), (time("2026-01-01"), true));
    let meter = &card.meters[0];
    assert_eq!((meter.included.text(), meter.from), ("5", time("2026-01-02")));
    assert_eq!((meter.third_party, meter.category.as_deref()), (true, Some("disk")));
    let tiers: Vec<_> = meter.tiers.iter().map(|one| (one.bound.text(), one.rate.text())).collect();
    assert_eq!(tiers, [("10", "2E-06"), ("0", "1.50")]);
    assert_eq!(
        (card.terms[0].from, &card.terms[0].except),
        (time("2026-01-03T04:30"), &vec![1, 2])
    );
    let Terms::Commitment(levels) = &card.terms[1].terms else { panic!("a commitment") };
    assert_eq!((levels[1].0.text(), levels[1].1.text()), ("1000", "10.5"));
    assert_eq!(case.aliases, [(7, 1)]);
    assert_eq!(case.overrides[0].target, Target::Category("disk".to_owned()));
    assert_eq!(
        (case.overrides[0].from, case.overrides[0].until),
        (Time::ALWAYS, Some(time("2026-02-01")))
    );
    let made: Vec<_> = case.overrides.iter().map(|own| (own.made, own.reprice)).collect();
    assert_eq!(made, [(Time::ALWAYS, false), (time("2026-02-02"), true)]);
    assert_eq!(
        (case.overrides[1].scope, &case.overrides[1].target),
        (Scope::Subscription, &Target::Meter(1))
    );
    assert_eq!(case.commitments[0].amount.text(), "500");
    let row = &case.usage[0];
    assert_eq!((row.start, row.end), (time("2026-01-05T22"), time("2026-01-06")));
    assert_eq!((row.meter, row.quantity.text(), row.instance.as_deref()), (7, "-1.5", Some("web")));
}

#[test]
fn a_wrong_statement_is_named_with_its_line_and_its_fault() {
    for (statements, expected) in [
        ("\nmetre 1", "line 2: no such statement: metre 1"),
        ("anchor 32", "line 1: no day of a month: 32"),
        ("anchor 2 from 2026-01-01\nanchor 1", "line 2: the first anchor stands first"),
        (
            "anchor 2 from 2026-01-01T05",
            "line 1: an anchor changes at a midnight after the change before it: 2026-01-01T05",
        ),
        ("meter 1 : 0:1", "line 1: there is no card above"),
        (
            "card imported 2026-01-02\ncard imported 2026-01-01",
            "line 2: imported before the card above: 2026-01-01",
        ),
        ("card\nmeter 1 0:1", "line 2: no prices after a lone `:`"),
        ("card\nmeter 1 : 5:1", "line 2: no price from 0"),
        ("card\nmeter 1 :", "line 2: no price from 0"),
        ("card\nmeter 1 : 0:1 0.0:2", "line 2: two prices from 0.0"),
        ("card\nmeter 1 : 0:-1", "line 2: below zero: -1"),
        ("card\nmeter 1 free 5 : 0:1", "line 2: no such option here: free"),
        ("card\nmeter 1 from 2026-01-01 from 2026-01-02 : 0:1", "line 2: given twice: from"),
        ("card\nmeter 1 tag red : 0:1", "line 2: no such tag: red"),
        ("card\nmeter 1 : 0:1\nmeter 1 : 0:2", "line 3: meter 1 has a price from always already"),
        (
            "card\nmeter 1 : 0:1\nmeter 1 from 2026-01-01 tag third-party : 0:2",
            "line 3: meter 1 has another tag or category above",
        ),
        ("card\nterm rebate 5", "line 2: no such term: rebate 5"),
        ("card\nterm credit 5 except", "line 2: except which meters?"),
        ("card\nterm recurring 5 except 1", "line 2: a recurring charge excepts nothing"),
        ("card\nterm commitment 5:10 5:20", "line 2: two percentages from 5"),
        ("card\nterm commitment 5:101", "line 2: no more than 100 percent can be taken off: 101"),
        ("alias 1 2\nalias 2 3", "line 2: an alias leads to itself or to another alias: 2 3"),
        ("alias 2 3\nalias 1 2", "line 2: an alias leads to itself or to another alias: 1 2"),
        ("markup -101", "line 1: no more than 100 percent can be taken off: -101"),
        ("markup 5 meter 1 category a", "line 1: a markup is for a meter or for a category"),
        ("price 1 from 2026-01-02 until 2026-01-02 : 0:1", "line 1: it ends before it begins"),
        ("price 1 scope world : 0:1", "line 1: no such scope: world"),
        ("commitment 5\ncommitment 6", "line 2: there is a commitment from always already"),
        ("usage 2026-01-05", "line 1: usage needs a meter and a quantity"),
        ("usage 2026-01-05 +xh 1 1", "line 1: no count of hours: +xh"),
        (
            "usage 2026-01-05T23 +2h 1 1",
            "line 1: usage lasts an hour or more, and no longer than its day",
        ),
        ("usage 2026-01-05 1 many", "line 1: no number: many"),
        ("usage 2026-01-05 1 1 by", "line 1: nothing after by"),
    ] {
        assert_eq!(problem(statements), expected, "{statements}");
    }
}
