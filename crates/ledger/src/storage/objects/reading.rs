//! Data files read here and there: in blocks, which stay in memory for a while, so that a page of an
//! answer makes few requests. A data file never changes, so its blocks never go stale.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use object_store::ObjectStoreExt;
use object_store::path::Path as Key;

use super::Objects;
use super::blocks::Blocks;
use crate::limits::OBJECT_BLOCK_BYTES;
use crate::storage::ReadFile;

/// A data file that is read.
pub(crate) struct ObjectReader {
    objects: Objects,
    key: Key,
    length: u64,
    /// What was read of it lately, and maybe of others.
    blocks: Arc<Mutex<Blocks>>,
}

impl ObjectReader {
    pub(super) fn new(objects: Objects, key: Key, length: u64, blocks: Arc<Mutex<Blocks>>) -> Self {
        Self { objects, key, length, blocks }
    }

    fn blocks(&self) -> MutexGuard<'_, Blocks> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes of blocks that follow each other, read in one request.
    fn fetch(&self, blocks: Range<u64>) -> io::Result<Bytes> {
        let size = OBJECT_BLOCK_BYTES as u64;
        let range = blocks.start * size..(blocks.end * size).min(self.length);
        let expected = range.end - range.start;
        let key = self.key.clone();
        let bytes =
            self.objects.ask(move |store| async move { store.get_range(&key, range).await });
        let bytes = bytes?;
        match bytes.len() as u64 == expected {
            true => Ok(bytes),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// The bytes of a range of blocks, those that are missing in memory read in as few requests as they
    /// lie apart.
    fn load(&self, wanted: Range<u64>) -> io::Result<Vec<Bytes>> {
        let mut found: Vec<Option<Bytes>> = {
            let mut kept = self.blocks();
            wanted.clone().map(|number| kept.find(&self.key, number)).collect()
        };
        let place = |number: u64| {
            usize::try_from(number - wanted.start).expect("blocks in memory fit its addresses")
        };
        let mut next = wanted.start;
        while next < wanted.end {
            if found[place(next)].is_some() {
                next += 1;
                continue;
            }
            let known = |number: &u64| found[place(*number)].is_some();
            let end = (next..wanted.end).find(known).unwrap_or(wanted.end);
            let mut bytes = self.fetch(next..end)?;
            let mut kept = self.blocks();
            for number in next..end {
                // A copy: a part of the whole would keep all of it in memory.
                let block = bytes.split_to(bytes.len().min(OBJECT_BLOCK_BYTES));
                let block = Bytes::copy_from_slice(&block);
                kept.keep(&self.key, number, block.clone());
                found[place(number)] = Some(block);
            }
            next = end;
        }
        Ok(found.into_iter().map(|block| block.expect("all are found or fetched")).collect())
    }
}

impl ReadFile for ObjectReader {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let size = OBJECT_BLOCK_BYTES as u64;
        let end = offset.checked_add(bytes.len() as u64).filter(|end| *end <= self.length);
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        if bytes.is_empty() {
            return Ok(());
        }
        let first = offset / size;
        let mut skipped = usize::try_from(offset % size).expect("a block is small");
        let mut rest = bytes;
        for block in self.load(first..end.div_ceil(size))? {
            let count = rest.len().min(block.len() - skipped);
            let (filled, left) = rest.split_at_mut(count);
            filled.copy_from_slice(&block[skipped..skipped + count]);
            (rest, skipped) = (left, 0);
        }
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.length)
    }

    fn forget(&self) {
        self.blocks().forget(&self.key);
    }
}

impl fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectReader({})", self.key)
    }
}
