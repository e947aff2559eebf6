//! Sums of the meters of all subscriptions, kept once they were asked for: what is stored later is added
//! to them, so that asking again mostly costs what is new. In memory alone, and few.
//!
//! They are of the rows that lay in data files, up to a commit. Joins and erasures change no sum, so they
//! stay true while each file has commits up to that one only, or later ones only. Where a join has mixed
//! both, all is summed anew.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use domain::record::Commit;
use domain::sums::{MeterQuery, MeterSums, SumStep};
use domain::time::UtcTime;

use super::collect::Meters;
use super::{add_chunks, add_files, selection_of};
use crate::limits::KEPT_SUMS_BYTES;
use crate::rollup::{Failed, Reading};
use crate::scan::Selection;

/// Those asked for last, the last one at the end.
#[derive(Debug, Default)]
pub(crate) struct KeptSums(Mutex<Vec<Kept>>);

#[derive(Debug, Clone)]
struct Kept {
    start: Range<UtcTime>,
    step: SumStep,
    /// All rows in data files up to this commit are in them.
    sealed: Commit,
    sums: Arc<Vec<MeterSums>>,
}

impl KeptSums {
    fn find(&self, query: &MeterQuery) -> Option<Kept> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |kept: &Kept| kept.start == query.start && kept.step == query.step;
        let place = all.iter().position(is_it)?;
        let kept = all.remove(place);
        all.push(kept.clone());
        Some(kept)
    }

    fn keep(&self, new: Kept) {
        if new.size() > KEPT_SUMS_BYTES {
            return;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|kept| kept.start != new.start || kept.step != new.step);
        all.push(new);
        let mut size: usize = all.iter().map(Kept::size).sum();
        while size > KEPT_SUMS_BYTES {
            size -= all.remove(0).size();
        }
    }
}

impl Kept {
    /// Bytes of memory, without the texts, which sums share.
    fn size(&self) -> usize {
        let of = |meter: &MeterSums| size_of::<MeterSums>() + size_of_val(&*meter.sums);
        self.sums.iter().map(of).sum()
    }

    fn count(&self) -> usize {
        self.sums.iter().map(|meter| meter.sums.len()).sum()
    }

    /// Whether what a reading sees is these and what files and chunks of later commits have.
    fn is_part_of(&self, reading: &Reading<'_>, whole: &Selection) -> bool {
        let is_apart = |(first, last): (Commit, Commit)| last <= self.sealed || self.sealed < first;
        reading.files(whole).all(|file| is_apart(file.bounds.commit))
            && reading.state.chunks().all(|chunk| self.sealed < chunk.first)
    }
}

/// Sums of all subscriptions, of which those before are made use of.
pub(super) fn of_all(
    reading: &Reading<'_>,
    query: &MeterQuery,
    most: usize,
) -> Result<Option<Arc<Vec<MeterSums>>>, Failed> {
    let whole = selection_of(query, reading.last);
    let newest = reading.files(&whole).map(|file| file.bounds.commit.1).max();
    let newest = newest.unwrap_or(Commit(0));
    let all = &reading.state.kept_sums;
    let before = all.find(query);
    // An earlier version of the ledger is summed by itself.
    let known = before.as_ref().map_or(newest, |kept| kept.sealed.max(newest));
    if reading.is_rows_only() || reading.last < known {
        return Ok(super::of_meters(reading, query, most)?.map(Arc::new));
    }
    let before = before.filter(|kept| kept.is_part_of(reading, &whole));
    let kept = match before {
        Some(kept) if newest <= kept.sealed => kept,
        before => {
            let (sealed, sums) = match before {
                Some(kept) => (Some(kept.sealed), Vec::clone(&kept.sums)),
                None => (None, Vec::new()),
            };
            let files = reading.files(&whole);
            let files =
                files.filter(|file| sealed.is_none_or(|sealed| sealed < file.bounds.commit.0));
            let files: Vec<_> = files.collect();
            let mut meters = Meters::on(query, most, sums);
            if !add_files(reading, &files, query, &mut meters)? {
                return Ok(None);
            }
            let Some(mut sums) = meters.finish()? else { return Ok(None) };
            sums.iter_mut().for_each(|meter| meter.sums.shrink_to_fit());
            let (start, step, sums) = (query.start.clone(), query.step, Arc::new(sums));
            let kept = Kept { start, step, sealed: newest, sums };
            all.keep(kept.clone());
            kept
        }
    };
    if kept.count() > most {
        return Ok(None);
    }
    if reading.state.chunks().next().is_none() {
        return Ok(Some(kept.sums));
    }
    let mut meters = Meters::on(query, most, Vec::clone(&kept.sums));
    add_chunks(reading, query, &mut meters)?;
    Ok(meters.finish()?.map(Arc::new))
}
