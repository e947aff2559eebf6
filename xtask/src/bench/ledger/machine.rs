//! What the machine can do, measured in the same run: how long a sync takes, and how fast bytes come
//! from the disk and from memory. No figure can be better than these.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;

use crate::bench::report::{median, micros};

const SYNCS: usize = 200;
const SMALL_BYTES: u64 = 4 << 10;
/// A thousand records in the journal, about.
const BATCH_BYTES: u64 = 400 << 10;
const RECORD_BYTES: u64 = 400;
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
        sync_us: sync_us(folder, SMALL_BYTES)?,
        sync_batch_us: sync_us(folder, BATCH_BYTES)?,
        disk_rate,
        memory_rate: read_rate(files)?,
    })
}

impl Machine {
    /// About the most records a second that can be made durable, so many with each sync.
    pub(super) fn most_durable(&self, records: u64) -> u64 {
        let bytes = (records * RECORD_BYTES).max(SMALL_BYTES);
        let more_us = self.sync_batch_us.saturating_sub(self.sync_us);
        let more_bytes = BATCH_BYTES - SMALL_BYTES;
        let sync_us = self.sync_us + more_us * (bytes - SMALL_BYTES) / more_bytes;
        records * 1_000_000 / sync_us.max(1)
    }

    /// The least time in which so many bytes can be read from the page cache, in microseconds.
    pub(super) fn least_us(&self, bytes: u64) -> u64 {
        bytes.saturating_mul(1_000_000) / self.memory_rate.max(1)
    }
}

/// Empties the page cache of what is synced, if we may.
pub(super) fn drop_caches() -> bool {
    fs::write(DROP, "1").is_ok()
}

fn sync_us(folder: &Path, bytes: u64) -> Result<u64> {
    let path = folder.join("synced");
    let frame = vec![7; usize::try_from(bytes)?];
    let (mut file, mut waits) = (File::create(&path)?, Vec::new());
    for _ in 0..SYNCS {
        let begun = Instant::now();
        file.write_all(&frame)?;
        file.sync_data()?;
        waits.push(micros(begun));
    }
    fs::remove_file(path)?;
    Ok(median(&mut waits))
}

/// Reads every file below a folder, so that the page cache has it.
pub(super) fn read_all(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => read_all(&entry.path())?,
            false => drop(std::io::copy(&mut File::open(entry.path())?, &mut std::io::sink())?),
        }
    }
    Ok(())
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
