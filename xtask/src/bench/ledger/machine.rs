//! What the machine can do, measured in the same run: how long a sync takes, and how fast bytes come
//! from the disk and from memory. No figure can be better than these.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;

use crate::bench::report::{median, micros};

const SYNCS: usize = 200;
/// Bytes that are read at most.
const READ_BYTES: u64 = 2 << 30;
const DROP: &str = "/proc/sys/vm/drop_caches";

/// What was measured.
pub(super) struct Machine {
    /// Median time to append 4 KiB to a file and sync it.
    pub(super) sync_us: u64,
    /// The same for 400 KiB: a thousand records.
    pub(super) sync_batch_us: u64,
    /// Bytes a second from the disk, if the page cache could be emptied.
    pub(super) disk_rate: Option<u64>,
    /// Bytes a second from the page cache.
    pub(super) memory_rate: u64,
}

/// Measures in a folder, and on files that are there.
pub(super) fn measure(folder: &Path, files: &[PathBuf]) -> Result<Machine> {
    let disk_rate = if drop_caches() { Some(read_rate(files)?) } else { None };
    Ok(Machine {
        sync_us: sync_us(folder, 4 << 10)?,
        sync_batch_us: sync_us(folder, 400 << 10)?,
        disk_rate,
        memory_rate: read_rate(files)?,
    })
}

impl Machine {
    /// The least time in which so many bytes can be read from the page cache, in microseconds.
    pub(super) fn least_us(&self, bytes: u64) -> u64 {
        bytes.saturating_mul(1_000_000) / self.memory_rate.max(1)
    }
}

/// Bytes of a record in the journal, about, as in what is synced here.
const RECORD_BYTES: u64 = 400;

impl Machine {
    /// The most records a second that can be made durable, so many with each sync.
    pub(super) fn most_durable(&self, records: u64) -> u64 {
        let (small, large) = (4 << 10, 400 << 10);
        let bytes = (records * RECORD_BYTES).max(small);
        let more_us = self.sync_batch_us.saturating_sub(self.sync_us);
        let sync_us = self.sync_us + more_us * (bytes - small) / (large - small);
        records * 1_000_000 / sync_us.max(1)
    }
}

/// Empties the page cache of what is synced, if we may.
pub(super) fn drop_caches() -> bool {
    fs::write(DROP, "1").is_ok()
}

fn sync_us(folder: &Path, bytes: usize) -> Result<u64> {
    let path = folder.join("synced");
    let (mut file, frame, mut waits) = (File::create(&path)?, vec![7; bytes], Vec::new());
    for _ in 0..SYNCS {
        let begun = Instant::now();
        file.write_all(&frame)?;
        file.sync_data()?;
        waits.push(micros(begun));
    }
    fs::remove_file(path)?;
    Ok(median(&mut waits))
}

fn read_rate(files: &[PathBuf]) -> Result<u64> {
    let (begun, mut buffer, mut read) = (Instant::now(), vec![0; 1 << 20], 0);
    for path in files {
        let mut file = File::open(path)?;
        while read < READ_BYTES {
            match u64::try_from(file.read(&mut buffer)?)? {
                0 => break,
                bytes => read += bytes,
            }
        }
    }
    Ok(read * 1_000_000 / micros(begun).max(1))
}
