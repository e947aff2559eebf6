//! Sums of usage by meter, by instance and day, and by windows of some days: from rollups where whole steps of time are wanted,
//! from rows at the edges of a range and of files that lack rollups. Their definitions are
//! [`domain::sums`]; a test compares them on random data.

mod collect;
mod instances;
mod kept;
mod meter_rows;
mod pieces;
mod places;
mod seen;
mod windows;

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{self, available_parallelism};

use domain::record::Commit;
use domain::sums::{
    DaySum, InstanceQuery, InstanceSums, MeterQuery, MeterSum, MeterSums, SumStep, WindowQuery,
    WindowSums,
};
use domain::time::UtcTime;

use crate::error::ReadError;
use crate::limits::SUM_THREADS;
use crate::rollup::{
    Failed, Grain, InstanceEntry, InstancePart, InstanceView, MeterView, Reading, journal,
};
use crate::row::Row;
use crate::scan::{self, Needed, Selection};
use crate::snapshot::Snapshot;
use crate::state::DataFile;
use crate::tail::Chunk;

use collect::{Ended, Meters, unless_too_many};
use instances::Instances;
use pieces::{Piece, pieces};

pub(crate) use kept::KeptSums;

impl Snapshot {
    /// Sums of meters as [`domain::sums::meter_sums`] defines them; none if there are more than `most`:
    /// then no more than four times as many were in memory.
    ///
    /// # Errors
    /// [`ReadError`] if a file cannot be read, or a sum would not be exact.
    pub async fn meter_sums(
        &self,
        query: &MeterQuery,
        most: usize,
    ) -> Result<Option<Vec<MeterSums>>, ReadError> {
        let query = query.clone();
        self.answer(move |reading| of_meters(reading, &query, most)).await
    }

    /// Sums of the meters of all subscriptions, as [`Self::meter_sums`] gives them. They are kept: asked for
    /// again, also of a later snapshot, they cost what was stored since.
    ///
    /// # Errors
    /// [`ReadError`] if a file cannot be read, or a sum would not be exact.
    pub async fn meter_sums_of_all(
        &self,
        start: Range<UtcTime>,
        step: SumStep,
        most: usize,
    ) -> Result<Option<Arc<Vec<MeterSums>>>, ReadError> {
        let query = MeterQuery { subscription: None, start, step };
        self.answer(move |reading| kept::of_all(reading, &query, most)).await
    }

    /// Sums of instances as [`domain::sums::instance_sums`] defines them; none if there are more than
    /// `most`: then no more than twice as many were in memory.
    ///
    /// # Errors
    /// [`ReadError`] if a file cannot be read, or a sum would not be exact.
    pub async fn instance_sums(
        &self,
        query: &InstanceQuery,
        most: usize,
    ) -> Result<Option<Vec<InstanceSums>>, ReadError> {
        let query = query.clone();
        self.answer(move |reading| unless_too_many(of_instances(reading, &query, most))).await
    }

    /// Sums of windows as [`domain::sums::window_sums`] defines them; none if there are more than `most`:
    /// then no more than twice as many were in memory.
    ///
    /// # Errors
    /// [`ReadError`] if a file cannot be read, or a sum would not be exact.
    pub async fn window_sums(
        &self,
        query: &WindowQuery,
        most: usize,
    ) -> Result<Option<Vec<WindowSums>>, ReadError> {
        let query = query.clone();
        self.answer(move |reading| unless_too_many(windows::of_windows(reading, &query, most)))
            .await
    }
}

/// The rows that a query is of, up to a commit.
fn selection_of(query: &MeterQuery, last: Commit) -> Selection {
    let (whose, start) = (query.subscription.into(), Some(query.start.clone()));
    Selection { whose, start, last: Some(last), ..Selection::default() }
}

fn of_meters(
    reading: &Reading<'_>,
    query: &MeterQuery,
    most: usize,
) -> Result<Option<Vec<MeterSums>>, Failed> {
    let files: Vec<_> = reading.files(&selection_of(query, reading.last)).collect();
    let mut meters = Meters::on(query, most, Vec::new());
    if !add_files(reading, &files, query, &mut meters)? {
        return Ok(None);
    }
    add_chunks(reading, query, &mut meters)?;
    meters.finish()
}

/// Adds what files have; false if that is too much.
fn add_files<'q>(
    reading: &Reading<'_>,
    files: &[&Arc<DataFile>],
    query: &'q MeterQuery,
    meters: &mut Meters<'q>,
) -> Result<bool, Failed> {
    let whole = selection_of(query, reading.last);
    let grains: &[Grain] = match query.step {
        SumStep::Hour => &[Grain::Hour],
        SumStep::Day | SumStep::Whole => &[Grain::Day, Grain::Hour],
    };
    let of_files = pieces(&query.start, grains);
    let threads = match query.subscription {
        // It has little in each.
        Some(_) => 1,
        None => available_parallelism().map_or(1, usize::from).min(SUM_THREADS),
    };
    let most = meters.most();
    let part = |files: &[&Arc<DataFile>]| -> Result<Option<Meters<'q>>, Failed> {
        let mut part = Meters::part(query, most, threads);
        for file in files {
            meters_of_file(reading, file, &whole, &of_files, &mut part)?;
            if part.are_too_many()? {
                return Ok(None);
            }
        }
        Ok(Some(part))
    };
    for part in in_parts(files, threads, part) {
        let Some(part) = part? else { return Ok(false) };
        meters.absorb(part);
        if meters.are_too_many()? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Adds what the tail has.
fn add_chunks(
    reading: &Reading<'_>,
    query: &MeterQuery,
    meters: &mut Meters<'_>,
) -> Result<(), Failed> {
    let whole = selection_of(query, reading.last);
    let of_chunks = pieces(&query.start, &[Grain::Hour]);
    for chunk in reading.state.chunks() {
        let sums = reading.sums_of(chunk, &whole);
        let Some(sums) = sums else {
            rows_of_chunk(chunk, &whole, |row| meters.add(&of_row(row)))?;
            continue;
        };
        for Piece { range, grain } in &of_chunks {
            if grain.is_none() {
                let edge = Selection { start: Some(range.clone()), ..whole.clone() };
                rows_of_chunk(chunk, &edge, |row| meters.add(&of_row(row)))?;
                continue;
            }
            let hours = sums.hours_of(query.subscription).iter();
            for entry in hours.filter(|entry| range.contains(&entry.sum.step)) {
                meters.add(&entry.view())?;
            }
        }
    }
    Ok(())
}

/// What becomes of the files, in so many parts at most that are worked on at the same time.
fn in_parts<T: Send>(
    files: &[&Arc<DataFile>],
    threads: usize,
    part: impl Fn(&[&Arc<DataFile>]) -> T + Sync,
) -> Vec<T> {
    let length = files.len().div_ceil(threads).max(1);
    if files.len() <= length {
        return vec![part(files)];
    }
    let part = &part;
    thread::scope(|scope| {
        let begin = |files| scope.spawn(move || part(files));
        let parts: Vec<_> = files.chunks(length).map(begin).collect();
        parts
            .into_iter()
            .map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}

fn meters_of_file(
    reading: &Reading<'_>,
    file: &DataFile,
    whole: &Selection,
    pieces: &[Piece],
    meters: &mut Meters<'_>,
) -> Result<(), Failed> {
    let touched = pieces.iter().map(|Piece { range, grain }| {
        (Selection { start: Some(range.clone()), ..whole.clone() }, *grain)
    });
    let touched: Vec<_> = touched.filter(|(part, _)| part.may_match(&file.bounds)).collect();
    let mut opened = Vec::with_capacity(touched.len());
    for (_, grain) in &touched {
        let rollup = grain.map(|grain| reading.rollup(file, grain));
        if rollup.as_ref().is_some_and(Option::is_none) {
            return meter_rows::add(file, whole, meters);
        }
        opened.push(rollup.flatten());
    }
    for ((part, _), opened) in touched.iter().zip(opened) {
        match opened {
            Some(opened) => opened.meters(part, |view| meters.add(view))?,
            None => meter_rows::add(file, part, meters)?,
        }
    }
    Ok(())
}

fn of_instances(
    reading: &Reading<'_>,
    query: &InstanceQuery,
    most: usize,
) -> Result<Vec<InstanceSums>, Ended> {
    let whole = Selection {
        whose: query.whose.clone(),
        start: Some(query.start.clone()),
        last: Some(reading.last),
        ..Selection::default()
    };
    let mut instances = Instances::new(query.facets, most);
    let pieces = pieces(&query.start, &[Grain::Instance]);
    for file in reading.files(&whole) {
        instances_of_file(reading, file, &whole, &pieces, &mut instances)?;
    }
    for chunk in reading.state.chunks() {
        let Some(sums) = reading.sums_of(chunk, &whole) else {
            rows_of_chunk(chunk, &whole, |row| instances.add(&as_instance(row), journal()))?;
            continue;
        };
        for Piece { range, grain } in &pieces {
            if grain.is_none() {
                let edge = Selection { start: Some(range.clone()), ..whole.clone() };
                rows_of_chunk(chunk, &edge, |row| instances.add(&as_instance(row), journal()))?;
                continue;
            }
            let sums = sums.instances_of(query.whose.one()).iter();
            let wanted = |entry: &&InstanceEntry| {
                query.whose.has(entry.subscription) && range.contains(&entry.sum.day.start())
            };
            for entry in sums.filter(wanted) {
                instances.add(&entry.view(), journal())?;
            }
        }
    }
    instances.finish()
}

fn instances_of_file(
    reading: &Reading<'_>,
    file: &DataFile,
    whole: &Selection,
    pieces: &[Piece],
    instances: &mut Instances,
) -> Result<(), Ended> {
    let needed = Needed::Description(instances.facets());
    let opened = reading.rollup(file, Grain::Instance);
    let Some(opened) = opened else {
        return scan::file(file, whole, needed, |row| instances.add(&as_instance(row), &file.path));
    };
    for Piece { range, grain } in pieces {
        let selection = Selection { start: Some(range.clone()), ..whole.clone() };
        if !selection.may_match(&file.bounds) {
            continue;
        }
        if grain.is_none() {
            scan::file(file, &selection, needed, |row| {
                instances.add(&as_instance(row), &file.path)
            })?;
            continue;
        }
        let part = InstancePart {
            whose: whole.whose.clone(),
            start: Some(range.clone()),
            reported: domain::time::ReportedTime(file.day.start()),
            facets: instances.facets(),
        };
        opened.instance_batches(&opened.groups(&selection), &part, |batch| {
            instances.add_batch(&opened, batch, &part)
        })?;
    }
    Ok(())
}

fn rows_of_chunk<E>(
    chunk: &Chunk,
    selection: &Selection,
    mut each: impl FnMut(&Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    selection.of_chunk(chunk).try_for_each(|entry| each(&chunk.row(entry)))
}

/// A row as the sum of itself.
fn of_row<'a>(row: &Row<'a>) -> MeterView<'a> {
    let start = row.window.start();
    MeterView {
        subscription: row.subscription,
        meter: row.meter,
        sum: MeterSum { step: start, first: start, last: start, quantity: row.quantity },
        description: Some(row.texts.description()),
    }
}

fn as_instance<'a>(row: &Row<'a>) -> InstanceView<'a> {
    let DaySum { taken_back, .. } = DaySum::of(row.window.start(), row.quantity);
    InstanceView { row: *row, taken_back }
}
