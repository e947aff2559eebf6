//! What a currency's amounts look like: its minor unit.

use crate::id::Currency;

/// Decimal places of a currency's smallest unit: 2 for USD, 0 for JPY, 3 for KWD.
///
/// Source: ISO 4217, table A.1; every currency that is not listed here has two.
#[must_use]
pub fn minor_unit_places(currency: &Currency) -> u32 {
    match currency.as_str() {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}
