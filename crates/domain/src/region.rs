//! Regions: one table that joins the three spellings of each.
//!
//! Rate cards and the usage API write old names (`US East`), portals a display name (`East US`) and
//! the resource manager its own (`eastus`). Whatever the spelling, a region is one [`Region`].
//! Billing zones (`Zone 1`) hold many regions and Azure Stack is wherever its owner is: none.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The spellings that Microsoft's FinOps toolkit lists, as it is (NOTICE says from where). All of
/// its rows are used but for those of [`MISSPELT`] and [`NO_REGION`].
const TABLE: &str = include_str!("region/Regions.csv");

/// Spellings that the table lacks, in lower case, with the region's id.
const OLD_NAMES: [(&str, &str); 2] = [
    // The name on cards of early 2016, before West US 2 opened under its own.
    ("us northwest", "westus2"),
    ("tw northwest", "taiwannorthwest"),
];

/// Ids of the table that are no ids of the resource manager, and those that are meant.
const MISSPELT: [(&str, &str); 2] =
    [("ussouthcentral", "southcentralus"), ("useast2euap", "eastus2euap")];

/// The id by which the table calls a thing that is no region.
const NO_REGION: &str = "azurestack";

/// Longest text that is looked up; the longest spelling has 20 bytes.
const TEXT_BYTES_MAX: usize = 64;

/// A region of Azure, or a geography where the table knows no closer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region {
    /// Name in the resource manager, lower case without blanks: `eastus`.
    pub id: &'static str,
    /// Name for people: `East US`.
    pub name: &'static str,
}

/// The region of any of its spellings, without regard to case or to blanks around it.
///
/// None for what is no region: billing zones, Azure Stack, an empty text, an unknown name.
#[must_use]
pub fn find(text: &str) -> Option<Region> {
    let text = text.trim();
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let spelling = text.to_ascii_lowercase();
    if let Some(region) = SPELLINGS.get(&spelling) {
        return Some(*region);
    }
    // A display name that the table parts otherwise (`US Gov Arizona`) is the id with blanks.
    let id: String = spelling.split_ascii_whitespace().collect();
    SPELLINGS.get(&id).filter(|region| region.id == id).copied()
}

static SPELLINGS: LazyLock<HashMap<String, Region>> = LazyLock::new(|| {
    let rows: Vec<(&str, Region)> = TABLE.lines().skip(1).map(row).collect();
    let rows: Vec<_> = rows.into_iter().filter(|(_, region)| region.id != NO_REGION).collect();
    let by_id: HashMap<&str, Region> =
        rows.iter().map(|(_, region)| (region.id, *region)).collect();
    let region = |id| *by_id.get(meant(id)).expect("the ids meant are ids of rows");

    let mut spellings = HashMap::new();
    for (spelling, id) in OLD_NAMES {
        spellings.insert(spelling.to_owned(), region(id));
    }
    for (spelling, found) in &rows {
        spellings.insert((*spelling).to_owned(), region(found.id));
    }
    for (_, found) in &rows {
        spellings.entry(found.id.to_owned()).or_insert(region(found.id));
        spellings.entry(found.name.to_ascii_lowercase()).or_insert(region(found.id));
    }
    spellings
});

/// The resource manager's id for an id of the table.
fn meant(id: &'static str) -> &'static str {
    MISSPELT.iter().find(|(wrong, _)| *wrong == id).map_or(id, |(_, right)| right)
}

/// A row `spelling,id,name`, in which nothing is quoted.
fn row(line: &'static str) -> (&'static str, Region) {
    let mut fields = line.splitn(3, ',');
    let mut field = || fields.next().expect("the table's lines are rows: a test reads all");
    (field(), Region { id: field(), name: field() })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every region of the sample rate card, with what it is.
    const CARD: &str = include_str!("region/card_regions.txt");

    fn read(text: &str) -> String {
        let region = find(text);
        region.map_or_else(|| "none".to_owned(), |region| format!("{} {}", region.id, region.name))
    }

    fn check(cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            assert_eq!(read(text), *expected, "{text:?}");
        }
    }

    #[test]
    fn three_spellings_are_one_region() {
        check(&[
            ("US East", "eastus East US"),
            ("East US", "eastus East US"),
            ("eastus", "eastus East US"),
            ("EastUS", "eastus East US"),
            ("  us EAST\t", "eastus East US"),
            ("JA West", "japanwest Japan West"),
            ("Australia Central 2", "australiacentral2 Australia Central 2"),
            ("apeast", "eastasia East Asia"),
        ]);
    }

    #[test]
    fn spellings_that_the_table_lacks_or_misspells_are_found() {
        check(&[
            ("US Northwest", "westus2 West US 2"),
            ("TW Northwest", "taiwannorthwest Taiwan Northwest"),
            ("Dallas", "southcentralus South Central US"),
            ("ussouthcentral", "southcentralus South Central US"),
            ("US East 2 EUAP", "eastus2euap East US 2 EUAP"),
            ("useast2euap", "eastus2euap East US 2 EUAP"),
            ("US Gov Arizona", "usgovarizona USGov Arizona"),
        ]);
    }

    #[test]
    fn zones_and_unknown_names_are_no_region() {
        let long = "x".repeat(TEXT_BYTES_MAX + 1);
        let texts = [
            "",
            " ",
            "Zone 1",
            "Zone 5",
            "US Gov Zone 1",
            "Azure Stack",
            "azurestack",
            "Atlantis",
            "us 2",
            "East,US",
            "OriginalValue",
            "\u{130}stanbul",
            &long,
        ];
        check(&texts.map(|text| (text, "none")));
    }

    #[test]
    fn every_row_of_the_table_is_found_and_its_region_finds_itself() {
        let mut regions = BTreeSet::new();
        let rows: Vec<_> = TABLE.lines().skip(1).map(row).collect();
        assert_eq!(rows.len(), 500);
        for (spelling, listed) in rows.iter().filter(|(_, region)| region.id != NO_REGION) {
            let found = find(spelling).unwrap();
            let is_misspelt = MISSPELT.iter().any(|(wrong, _)| *wrong == listed.id);
            assert!(found == *listed || is_misspelt, "{spelling}");
            regions.insert(found);
        }
        for region in &regions {
            assert_eq!((find(region.id), find(region.name)), (Some(*region), Some(*region)));
            let is_id = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            assert!(region.id.bytes().all(is_id), "{}", region.id);
        }
        let ids: BTreeSet<&str> = regions.iter().map(|region| region.id).collect();
        assert_eq!((ids.len(), regions.len()), (98, 98));
    }

    #[test]
    fn every_region_of_the_real_card_is_known() {
        let mut meters = 0;
        for line in CARD.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split('|').map(str::trim).collect();
            let [count, text, expected] = fields[..] else { panic!("not three fields: {line}") };
            assert_eq!(read(text), expected, "{text:?}");
            meters += count.parse::<u32>().unwrap();
        }
        assert_eq!(meters, 3817);
    }
}
