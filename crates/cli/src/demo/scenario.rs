//! Who uses what in the demo: three subscriptions of two invented companies, on meters of a card
//! that Azure once answered.
//!
//! How much a resource uses in an hour depends on the resource and the hour alone, in whole
//! millionths: another run, on another day, makes the same rows of the same hours.

use domain::time::UtcTime;

/// A subscription of the demo.
pub(super) struct SampleSubscription {
    /// Its GUID.
    pub(super) id: &'static str,
    /// Its name.
    pub(super) name: &'static str,
    /// Day on which its billing periods begin.
    pub(super) anchor_day: u8,
    /// What it uses.
    pub(super) resources: &'static [Resource],
}

/// A resource that one meter measures.
pub(super) struct Resource {
    /// Resource group.
    pub(super) group: &'static str,
    /// Provider and type, such as `Microsoft.Compute/virtualMachines`.
    pub(super) kind: &'static str,
    /// Its name.
    pub(super) name: &'static str,
    /// Where it is, such as `eastus`.
    pub(super) location: &'static str,
    /// GUID of its meter.
    pub(super) meter: &'static str,
    /// Environment, team and cost center; some resources have no tags.
    pub(super) tags: Option<[&'static str; 3]>,
    /// When it uses how much.
    pub(super) pattern: Pattern,
}

/// When a resource uses how much, in millionths of the meter's unit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pattern {
    /// The same every hour.
    Steady(u64),
    /// On working days from 7 to 19 UTC, the same every hour.
    WorkingHours(u64),
    /// Every night for four and a half hours from 1 UTC.
    Nightly(u64),
    /// With the day and the week: about this much at night, and twice as much more at noon.
    Traffic(u64),
    /// Gigabytes that are kept, charged by the month: so many, and so many more every day.
    Kept { gigabytes: u64, more_a_day: u64 },
}

/// A million millionths.
const ONE: u64 = 1_000_000;
/// Hours of the month that storage is charged by.
const HOURS_A_MONTH: u64 = 744;
/// Days since 1970-01-01 of 2026-01-01, when the demo's storage began to fill.
const STORAGE_EPOCH_DAY: u64 = 20_454;

/// A meter that no rate card of the demo has: its usage is unpriced.
pub(super) const UNKNOWN_METER: &str = "5f0c1a77-9b1e-4b0a-8c6a-7d2f5e9a4b10";

impl Resource {
    /// How much it uses in the hour that starts at this time, in millionths; nothing while it rests.
    pub(super) fn used(&self, hour: UtcTime) -> u64 {
        let hours =
            u64::try_from(hour.to_micros() / 3_600_000_000).expect("the demo is after 1970");
        let (day, hour) = (hours / 24, hours % 24);
        let is_weekend = matches!(day % 7, 2 | 3); // 1970-01-01 was a Thursday
        match self.pattern {
            Pattern::Steady(amount) => amount,
            Pattern::WorkingHours(amount) if !is_weekend && (7..19).contains(&hour) => amount,
            Pattern::Nightly(amount) if (1..5).contains(&hour) => amount,
            Pattern::Nightly(amount) if hour == 5 => amount / 2,
            Pattern::WorkingHours(_) | Pattern::Nightly(_) => 0,
            Pattern::Traffic(amount) => {
                let from_noon = hour.abs_diff(12);
                let daytime = 2 * amount * (12 - from_noon) / 12;
                let week = if is_weekend { 60 } else { 100 };
                let chance = 85 + self.chance(hours) % 31; // percent
                (amount + daytime) * week / 100 * chance / 100
            }
            Pattern::Kept { gigabytes, more_a_day } => {
                let days = day.saturating_sub(STORAGE_EPOCH_DAY);
                (gigabytes + more_a_day * days) * ONE / HOURS_A_MONTH
            }
        }
    }

    /// Hours from the end of usage until it is reported: two days more for a collector that fails
    /// every ninth afternoon, none else.
    pub(super) fn lateness_hours(&self, hour: UtcTime) -> i64 {
        let fails = matches!(self.pattern, Pattern::Traffic(_));
        let is_ninth_day = hour.date().to_days() % 9 == 4;
        if fails && is_ninth_day && (12..18).contains(&hour.civil().hour) { 48 } else { 0 }
    }

    /// A number that looks random and is always the same for a resource and an hour (splitmix64).
    fn chance(&self, hours: u64) -> u64 {
        let seed = self.name.bytes().fold(0u64, |sum, byte| sum * 31 % (1 << 40) + u64::from(byte));
        let mut mixed = (seed ^ hours << 24).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

/// The tags that the demo's resources have, in the order of [`Resource::tags`].
pub(super) const TAG_NAMES: [&str; 3] = ["env", "team", "costCenter"];

const SHOP: Option<[&str; 3]> = Some(["prod", "shop", "CC-1001"]);
const SHOP_TEST: Option<[&str; 3]> = Some(["test", "shop", "CC-1001"]);
const MEDIA: Option<[&str; 3]> = Some(["prod", "media", "CC-1004"]);
const DATA: Option<[&str; 3]> = Some(["prod", "insight", "CC-2002"]);
const BATCH: Option<[&str; 3]> = Some(["prod", "render", "CC-3100"]);

const VM: &str = "Microsoft.Compute/virtualMachines";
const DISK: &str = "Microsoft.Storage/storageAccounts";
const IP: &str = "Microsoft.Network/publicIPAddresses";
const GATEWAY: &str = "Microsoft.Network/applicationGateways";
const SQL: &str = "Microsoft.Sql/servers";
const BUS: &str = "Microsoft.ServiceBus/namespaces";

/// A line of the tables below.
const fn uses(
    place: [&'static str; 3],
    name: &'static str,
    tags: Option<[&'static str; 3]>,
    meter: &'static str,
    pattern: Pattern,
) -> Resource {
    let [group, location, kind] = place;
    Resource { group, kind, name, location, meter, tags, pattern }
}

// Meters of the card MS-AZR-0062P in USD. Their names, regions and units are read from the card.
const D1_V2_US: &str = "c90f4d88-01c1-48e9-ba9d-cb9c6ccaedd3";
const D2_V2_US: &str = "14fc9a21-4919-4cb1-b495-5666966556bc";
const D3_V2_US: &str = "f830cae7-d1bd-4f19-b7af-4b2751654bd5";
const D4_V2_US: &str = "ad8b9e62-5b73-4de3-84ca-081df0a58adf";
const D4_V2_EU: &str = "040bce04-82d6-4337-a7dd-50a8971c4e79";
const D13_V2_EU: &str = "4d6302b1-a3cd-49c7-96bb-09bc268b59ee";
const WINDOWS_D2_V2_EU: &str = "a7000de2-db97-40cb-bccd-a63c76600dc1";
const WINDOWS_D3_V2_EU: &str = "b6d46ef1-b7ec-4c83-bcdc-cc80c3770aa3";
const TRANSFER_OUT_ZONE_1: &str = "9995d93a-7d35-4d3f-9c69-7a7fea447ef4";
const IP_HOURS: &str = "f114cb19-ea64-40b5-bcd7-aee474b62853";
const GATEWAY_HOURS_US: &str = "ec4b0893-9afd-43f7-af7e-609027099243";
const GATEWAY_DATA: &str = "c31b2562-1c9f-4a13-9c0b-f00848068558";
const REDIS_C1: &str = "37c8dbd7-412b-4892-a31a-915b96a66885";
const BLOB_LOCAL_GB: &str = "c1635534-1c1d-4fc4-b090-88fc2672ef87";
const BLOB_GEO_GB: &str = "0f521674-5ebd-4679-bd97-8bc2ac4a9040";
const DISK_LOCAL_GB: &str = "d23a5753-ff85-4ddf-af28-8cc5cf2d3882";
const TABLE_LOCAL_GB: &str = "3f2b1e1c-c886-4ec6-ad6f-dd0ef38819c9";
const BLOB_READS: &str = "40551b4c-e8be-48ed-b70b-f8d25c7de724";
const BLOB_WRITES: &str = "211e620c-ebcf-4db5-a7fd-996abebe9546";
const TABLE_READS: &str = "12da282f-7e96-49e2-983a-9a65da2a4866";
const TABLE_WRITES: &str = "9cb0bde8-bc0d-468c-8423-a25fe06779d3";
const SQL_S2_DAYS: &str = "f303a21a-05f1-4563-b2ad-7523eebc4058";
const SQL_P2_DAYS: &str = "b2d3ed0d-64b0-4a41-8c5a-cb49dfbb84f9";
const EVENT_HUB_UNITS: &str = "62d94a65-9300-48a6-8c15-0e70fc41eb44";
const EVENT_HUB_EVENTS: &str = "d0a685ee-f093-4c5c-ba76-3ec342a75de7";
const BUS_OPERATIONS: &str = "2a9992f8-e914-490b-a7a6-6d21ba55acda";

const WEB: [&str; 3] = ["web-prod", "eastus", VM];
const WEB_STORE: [&str; 3] = ["web-prod", "eastus", DISK];
const INSIGHT: [&str; 3] = ["insight-prod", "westeurope", VM];
const INSIGHT_STORE: [&str; 3] = ["insight-prod", "westeurope", DISK];
const INSIGHT_HUB: [&str; 3] = ["insight-prod", "westeurope", "Microsoft.EventHub/namespaces"];
const RENDER: [&str; 3] = ["render", "eastus", VM];
const RENDER_STORE: [&str; 3] = ["render", "eastus", DISK];

/// A twenty-fourth of a day, to the millionth, as a meter of days reports an hour.
const HOUR_IN_DAYS: u64 = 41_667;

/// The subscriptions.
pub(super) static SUBSCRIPTIONS: [SampleSubscription; 3] = [
    SampleSubscription {
        id: "8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1001",
        name: "Contoso Web",
        anchor_day: 1,
        resources: &[
            uses(WEB, "vm-shop-01", SHOP, D2_V2_US, Pattern::Steady(ONE)),
            uses(WEB, "vm-shop-02", SHOP, D2_V2_US, Pattern::Steady(ONE)),
            uses(WEB, "vm-shop-03", SHOP, D2_V2_US, Pattern::WorkingHours(ONE)),
            uses(WEB, "vm-shop-04", SHOP, D2_V2_US, Pattern::WorkingHours(750_000)),
            uses(
                ["web-emea", "westeurope", VM],
                "vm-iis-01",
                SHOP,
                WINDOWS_D2_V2_EU,
                Pattern::Steady(ONE),
            ),
            uses(
                ["web-test", "eastus", VM],
                "vm-test-01",
                SHOP_TEST,
                D1_V2_US,
                Pattern::WorkingHours(ONE),
            ),
            uses(
                ["web-prod", "eastus", GATEWAY],
                "agw-shop",
                SHOP,
                GATEWAY_HOURS_US,
                Pattern::Steady(ONE),
            ),
            uses(
                ["web-prod", "eastus", GATEWAY],
                "agw-shop",
                SHOP,
                GATEWAY_DATA,
                Pattern::Traffic(6_421_337),
            ),
            // Together about 24 GB an hour: past the first bound, 10,235 GB, within a month.
            uses(
                ["web-prod", "eastus", IP],
                "pip-shop",
                SHOP,
                TRANSFER_OUT_ZONE_1,
                Pattern::Traffic(4_207_419),
            ),
            uses(
                ["web-media", "eastus", IP],
                "pip-media",
                MEDIA,
                TRANSFER_OUT_ZONE_1,
                Pattern::Traffic(9_381_507),
            ),
            uses(["web-prod", "eastus", IP], "pip-shop", None, IP_HOURS, Pattern::Steady(ONE)),
            uses(
                ["web-prod", "eastus", "Microsoft.Cache/Redis"],
                "redis-shop",
                SHOP,
                REDIS_C1,
                Pattern::Steady(ONE),
            ),
            uses(
                WEB_STORE,
                "stshopassets",
                SHOP,
                BLOB_LOCAL_GB,
                Pattern::Kept { gigabytes: 900, more_a_day: 3 },
            ),
            uses(
                ["web-media", "eastus", DISK],
                "stmedia",
                MEDIA,
                BLOB_LOCAL_GB,
                Pattern::Kept { gigabytes: 4_800, more_a_day: 21 },
            ),
            uses(WEB_STORE, "stshopassets", SHOP, BLOB_READS, Pattern::Traffic(31_500_000)),
            uses(WEB_STORE, "stshopassets", SHOP, BLOB_WRITES, Pattern::Traffic(1_204_200)),
            uses(
                WEB_STORE,
                "stshopdisks",
                SHOP,
                DISK_LOCAL_GB,
                Pattern::Kept { gigabytes: 640, more_a_day: 0 },
            ),
            uses(
                ["web-prod", "eastus", SQL],
                "sql-shop",
                SHOP,
                SQL_S2_DAYS,
                Pattern::Steady(HOUR_IN_DAYS),
            ),
            uses(
                ["web-prod", "eastus", "Microsoft.Cdn/profiles"],
                "afd-shop",
                None,
                UNKNOWN_METER,
                Pattern::Traffic(2_500_000),
            ),
        ],
    },
    SampleSubscription {
        id: "8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1002",
        name: "Contoso Data",
        anchor_day: 1,
        resources: &[
            uses(INSIGHT, "vm-spark-01", DATA, D4_V2_EU, Pattern::Steady(ONE)),
            uses(INSIGHT, "vm-spark-02", DATA, D4_V2_EU, Pattern::Steady(ONE)),
            uses(INSIGHT, "vm-spark-03", DATA, D13_V2_EU, Pattern::Steady(ONE)),
            uses(INSIGHT, "vm-report-01", DATA, WINDOWS_D3_V2_EU, Pattern::WorkingHours(ONE)),
            uses(
                ["insight-prod", "westeurope", SQL],
                "sql-insight",
                DATA,
                SQL_P2_DAYS,
                Pattern::Steady(HOUR_IN_DAYS),
            ),
            uses(
                INSIGHT_STORE,
                "stinsightlake",
                DATA,
                BLOB_GEO_GB,
                Pattern::Kept { gigabytes: 12_400, more_a_day: 55 },
            ),
            uses(
                INSIGHT_STORE,
                "stinsighttables",
                DATA,
                TABLE_LOCAL_GB,
                Pattern::Kept { gigabytes: 310, more_a_day: 1 },
            ),
            uses(INSIGHT_STORE, "stinsighttables", DATA, TABLE_READS, Pattern::Traffic(12_750_100)),
            uses(INSIGHT_STORE, "stinsighttables", DATA, TABLE_WRITES, Pattern::Traffic(8_043_900)),
            uses(INSIGHT_STORE, "stinsightlake", DATA, BLOB_WRITES, Pattern::Traffic(2_310_000)),
            uses(INSIGHT_HUB, "evh-insight", DATA, EVENT_HUB_UNITS, Pattern::Steady(4 * ONE)),
            uses(INSIGHT_HUB, "evh-insight", DATA, EVENT_HUB_EVENTS, Pattern::Traffic(5_120_400)),
            uses(
                ["insight-prod", "westeurope", IP],
                "pip-insight",
                None,
                TRANSFER_OUT_ZONE_1,
                Pattern::Traffic(611_250),
            ),
            uses(
                ["insight-prod", "westeurope", IP],
                "pip-insight",
                None,
                IP_HOURS,
                Pattern::Steady(ONE),
            ),
        ],
    },
    SampleSubscription {
        id: "8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1003",
        name: "Fabrikam Batch",
        anchor_day: 14,
        resources: &[
            uses(RENDER, "vm-head", BATCH, D3_V2_US, Pattern::Steady(ONE)),
            uses(RENDER, "vm-node-01", BATCH, D4_V2_US, Pattern::Nightly(ONE)),
            uses(RENDER, "vm-node-02", BATCH, D4_V2_US, Pattern::Nightly(ONE)),
            uses(RENDER, "vm-node-03", BATCH, D4_V2_US, Pattern::Nightly(ONE)),
            uses(RENDER, "vm-node-04", BATCH, D4_V2_US, Pattern::Nightly(ONE)),
            uses(RENDER, "vm-node-05", BATCH, D4_V2_US, Pattern::Nightly(ONE)),
            uses(RENDER, "vm-node-06", BATCH, D4_V2_US, Pattern::Nightly(ONE)),
            uses(RENDER, "vm-node-07", BATCH, D4_V2_US, Pattern::Nightly(ONE)),
            uses(RENDER, "vm-node-08", BATCH, D4_V2_US, Pattern::Nightly(ONE)),
            uses(
                RENDER_STORE,
                "stframes",
                BATCH,
                BLOB_LOCAL_GB,
                Pattern::Kept { gigabytes: 2_100, more_a_day: 9 },
            ),
            uses(RENDER_STORE, "stframes", BATCH, BLOB_READS, Pattern::Nightly(18_440_000)),
            uses(RENDER_STORE, "stframes", BATCH, BLOB_WRITES, Pattern::Nightly(9_270_500)),
            uses(
                ["render", "eastus", BUS],
                "sb-render",
                BATCH,
                BUS_OPERATIONS,
                Pattern::Traffic(84_250),
            ),
            uses(
                ["render", "eastus", IP],
                "pip-render",
                None,
                TRANSFER_OUT_ZONE_1,
                Pattern::Nightly(42_180_000),
            ),
            uses(["render", "eastus", IP], "pip-render", None, IP_HOURS, Pattern::Steady(ONE)),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(pattern: Pattern) -> Resource {
        uses(WEB, "r", None, D2_V2_US, pattern)
    }

    #[test]
    fn an_hour_of_a_resource_is_always_the_same() {
        let noon = UtcTime::from_micros(1_790_251_200_000_000).unwrap(); // 2026-09-24T12:00Z
        assert_eq!(resource(Pattern::Steady(7)).used(noon), 7);
        assert_eq!(resource(Pattern::WorkingHours(7)).used(noon), 7);
        assert_eq!(resource(Pattern::WorkingHours(7)).used(noon.plus_hours(48)), 0);
        assert_eq!(resource(Pattern::Nightly(8)).used(noon), 0);
        assert_eq!(resource(Pattern::Nightly(8)).used(noon.plus_hours(13)), 8);
        assert_eq!(resource(Pattern::Nightly(8)).used(noon.plus_hours(17)), 4);
        assert_eq!(resource(Pattern::Traffic(1_000_000)).used(noon), 3_390_000);
        let kept = Pattern::Kept { gigabytes: 744, more_a_day: 0 };
        assert_eq!(resource(kept).used(noon), ONE);
    }
}
