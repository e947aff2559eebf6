//! Reading what sources reported from rollups.

use domain::complete::LateRows;
use domain::id::SubscriptionId;
use domain::time::ReportedTime;

use super::read::Damaged;
use super::shelf::Opened;
use crate::columns;
use crate::row::Malformed;
use crate::scan::Selection;

const COLUMNS: [&str; 7] = [
    "subscription_id",
    "source",
    "minutes_late",
    "rows",
    "first_reported",
    "last_reported",
    "newest_usage_end",
];

impl Opened {
    /// Gives what sources reported of a subscription, or of each, to `each`.
    pub(crate) fn sources<E: From<Damaged>>(
        &self,
        subscription: Option<SubscriptionId>,
        mut each: impl FnMut(SubscriptionId, &str, LateRows) -> Result<(), E>,
    ) -> Result<(), E> {
        let groups = self.groups(&Selection { whose: subscription.into(), ..Selection::default() });
        self.batches(&groups, &COLUMNS, subscription, |batch| {
            let rows = late_rows(batch).map_err(|error| self.damaged(error))?;
            let names = columns::texts(batch, "source").map_err(|error| self.damaged(error))?;
            let ids = columns::ids(batch, "subscription_id", SubscriptionId::parse);
            let ids = ids.map_err(|error| self.damaged(error))?;
            for (position, rows) in rows.into_iter().enumerate() {
                let name = names.text(position).ok_or_else(|| self.damaged("no source"))?;
                each(ids.id(position), name, rows)?;
            }
            Ok(())
        })
    }
}

fn late_rows(batch: &arrow_array::RecordBatch) -> Result<Vec<LateRows>, Malformed> {
    let minutes = columns::longs(batch, "minutes_late")?;
    let rows = columns::longs(batch, "rows")?;
    let first = columns::times(batch, "first_reported")?;
    let last = columns::times(batch, "last_reported")?;
    let newest = columns::times(batch, "newest_usage_end")?;
    let of = |position: usize| {
        Ok(LateRows {
            minutes: u16::try_from(minutes.value(position)).map_err(|_| Malformed("minutes"))?,
            rows: u64::try_from(rows.value(position)).map_err(|_| Malformed("rows"))?,
            first: ReportedTime(columns::time(first, position)?),
            last: ReportedTime(columns::time(last, position)?),
            newest_usage_end: columns::time(newest, position)?,
        })
    };
    (0..batch.num_rows()).map(of).collect()
}
