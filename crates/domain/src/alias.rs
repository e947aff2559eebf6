//! Meter aliases: usage of an old meter id is priced as that of a new one.
//!
//! Like prices, an alias does not reach billing periods that were closed when it was made, unless it
//! says so; so each period has aliases of its own.

use std::collections::BTreeMap;

use crate::id::MeterId;
use crate::period::BillingPeriod;
use crate::time::UtcTime;

/// An alias of an old id, or its removal; it never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeterAlias {
    /// The id that usage comes with.
    pub old: MeterId,
    /// The meter by which that usage is priced; none where an alias was removed.
    pub new: Option<MeterId>,
    /// When it was made.
    pub made_at: UtcTime,
    /// Whether it counts in billing periods that were closed by then, too.
    pub reprice_closed: bool,
}

impl MeterAlias {
    fn counts_in(&self, period: BillingPeriod) -> bool {
        self.reprice_closed || self.made_at < period.closes_at()
    }
}

/// The meter that usage of a meter is priced as, by what [`resolve`] gives.
pub(crate) fn priced_as(meter: MeterId, aliases: &BTreeMap<MeterId, MeterId>) -> MeterId {
    aliases.get(&meter).copied().unwrap_or(meter)
}

/// The meter that each old id stands for in a billing period, at the end of its chain of aliases;
/// of several aliases of one id the last counts that came before the period closed, or says that it
/// changes closed ones. `aliases` stand in the order in which they were made.
#[must_use]
pub fn resolve(aliases: &[MeterAlias], period: BillingPeriod) -> BTreeMap<MeterId, MeterId> {
    ends(aliases.iter().filter(|alias| alias.counts_in(period)))
}

/// The meter that each old id stands for in billing periods that are open, at the end of its chain.
/// `aliases` stand in the order in which they were made.
#[must_use]
pub fn in_force(aliases: &[MeterAlias]) -> BTreeMap<MeterId, MeterId> {
    ends(aliases.iter())
}

/// A direct alias, and its place in the order in which they were made.
type Link = (MeterId, usize);

fn ends<'a>(aliases: impl Iterator<Item = &'a MeterAlias>) -> BTreeMap<MeterId, MeterId> {
    let mut direct: BTreeMap<MeterId, Link> = BTreeMap::new();
    for (place, alias) in aliases.enumerate() {
        match alias.new {
            Some(new) => direct.insert(alias.old, (new, place)),
            None => direct.remove(&alias.old),
        };
    }
    open_circles(&mut direct);
    let mut ends: BTreeMap<MeterId, MeterId> = BTreeMap::new();
    for old in direct.keys() {
        let (mut last, mut passed) = (*old, Vec::new());
        while let Some((next, _)) = direct.get(&last) {
            passed.push(last);
            if let Some(end) = ends.get(&last) {
                last = *end;
                break;
            }
            last = *next;
        }
        ends.extend(passed.into_iter().map(|meter| (meter, last)));
    }
    ends
}

/// Nobody can make a circle; but where a removal does not count in a closed period and a later alias
/// does, that period has one. There the oldest alias of the circle gives way.
fn open_circles(direct: &mut BTreeMap<MeterId, Link>) {
    // The walk that came by first; a walk that meets itself is in a circle.
    let mut walks: BTreeMap<MeterId, MeterId> = BTreeMap::new();
    let starts: Vec<_> = direct.keys().copied().collect();
    for start in starts {
        let mut meter = start;
        while let Some((next, _)) = direct.get(&meter).filter(|_| !walks.contains_key(&meter)) {
            walks.insert(meter, start);
            meter = *next;
        }
        if direct.contains_key(&meter) && walks.get(&meter) == Some(&start) {
            let oldest = oldest_of_circle(direct, meter);
            direct.remove(&oldest);
        }
    }
}

fn oldest_of_circle(direct: &BTreeMap<MeterId, Link>, within: MeterId) -> MeterId {
    let (mut oldest, mut meter) = (within, direct[&within].0);
    while meter != within {
        if direct[&meter].1 < direct[&oldest].1 {
            oldest = meter;
        }
        meter = direct[&meter].0;
    }
    oldest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::AnchorDay;
    use crate::time::{Date, Month};

    /// `1>2` or `1>` for a removal, then the day on which it was made, and `reprice`.
    fn alias(text: &str) -> MeterAlias {
        let words: Vec<_> = text.split(' ').collect();
        let (old, new) = words[0].split_once('>').unwrap();
        let meter = |text: &str| MeterId::from_bits(text.parse().unwrap());
        MeterAlias {
            old: meter(old),
            new: (!new.is_empty()).then(|| meter(new)),
            made_at: Date::parse(words[1]).unwrap().start(),
            reprice_closed: words.get(2) == Some(&"reprice"),
        }
    }

    fn text(ends: &BTreeMap<MeterId, MeterId>) -> String {
        let pairs = ends.iter().map(|(old, new)| format!("{}>{}", old.to_bits(), new.to_bits()));
        pairs.collect::<Vec<_>>().join(" ")
    }

    /// What counts in January 2026, which closes on 4 February, and what is in force.
    fn check(aliases: &[&str], january: &str, now: &str) {
        let aliases: Vec<_> = aliases.iter().map(|text| alias(text)).collect();
        let month = Month::parse("2026-01").unwrap();
        let period = BillingPeriod::starting_in(month, AnchorDay::FIRST);
        assert_eq!(text(&resolve(&aliases, period)), january, "{aliases:?}");
        assert_eq!(text(&in_force(&aliases)), now, "{aliases:?}");
    }

    #[test]
    fn chains_are_followed_to_their_ends() {
        check(&[], "", "");
        let chain = ["3>1 2026-01-01", "1>2 2026-01-01", "2>4 2026-01-01", "9>1 2026-01-01"];
        check(&chain, "1>4 2>4 3>4 9>4", "1>4 2>4 3>4 9>4");
    }

    #[test]
    fn the_last_alias_of_an_id_counts() {
        check(&["1>2 2026-01-01", "1>3 2026-01-01"], "1>3", "1>3");
        check(&["1>2 2026-01-01", "1> 2026-01-01"], "", "");
    }

    #[test]
    fn a_closed_period_keeps_what_was_known_when_it_closed() {
        check(&["1>2 2026-02-03"], "1>2", "1>2");
        check(&["1>2 2026-02-04"], "", "1>2");
        check(&["1>2 2026-01-01", "1>3 2026-02-04"], "1>2", "1>3");
        check(&["1>2 2026-01-01", "1> 2026-02-04"], "1>2", "");
    }

    #[test]
    fn an_alias_or_removal_that_says_so_changes_a_closed_period() {
        check(&["1>2 2026-02-04 reprice"], "1>2", "1>2");
        check(&["1>2 2026-01-01", "1> 2026-02-04 reprice"], "", "");
        // The last word on each period.
        check(&["1>2 2026-02-04 reprice", "1>3 2026-03-01"], "1>2", "1>3");
    }

    #[test]
    fn where_a_closed_period_has_a_circle_its_oldest_alias_gives_way() {
        check(&["1>2 2026-01-01", "1> 2026-03-01", "2>1 2026-03-02 reprice"], "2>1", "2>1");
        check(
            &[
                "5>1 2026-01-01",
                "1>2 2026-01-02",
                "2>3 2026-01-03",
                "2> 2026-03-01",
                "3>1 2026-03-02 reprice",
            ],
            "2>1 3>1 5>1",
            "1>2 3>2 5>2",
        );
        // A later walk that ends in an opened circle, and a meter that is its own alias.
        check(&["2>1 2026-01-01", "1>2 2026-01-02", "7>1 2026-01-03"], "1>2 7>2", "1>2 7>2");
        check(&["1>1 2026-01-01"], "", "");
    }

    #[test]
    fn a_chain_of_every_alias_there_may_be_is_resolved() {
        let made_at = Date::parse("2026-01-01").unwrap().start();
        let meter = |number: u32| MeterId::from_bits(number.into());
        let link = |number| MeterAlias {
            old: meter(number),
            new: Some(meter(number + 1)),
            made_at,
            reprice_closed: false,
        };
        let ends = in_force(&(0..100_000).map(link).collect::<Vec<_>>());
        assert_eq!(ends.len(), 100_000);
        assert!(ends.values().all(|end| *end == meter(100_000)));
    }
}
