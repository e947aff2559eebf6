//! `Microsoft.Consumption`: what was used and what it costs, item by item, and the price sheet.

pub(crate) mod price_sheet;
pub(crate) mod usage_details;

/// What the clients send, from the first to the latest.
pub(crate) const API_VERSIONS: &[&str] = &[
    "2018-01-31",
    "2018-03-31",
    "2018-05-31",
    "2018-06-30",
    "2018-08-31",
    "2018-10-01",
    "2019-01-01",
    "2019-04-01-preview",
    "2019-05-01",
    "2019-06-01",
    "2019-10-01",
    "2019-11-01",
    "2021-05-01",
    "2021-10-01",
    "2022-06-01",
    "2022-09-01",
    "2023-03-01",
    "2023-05-01",
    "2023-11-01",
    "2024-08-01",
];
