//! `Microsoft.CostManagement`: questions about cost, answered by tables.

pub(crate) mod query;
mod table;
