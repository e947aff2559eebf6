//! The blocks of data files that are in memory: as many as a limit says, the longest unused go first.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use object_store::path::Path as Key;

use crate::limits::OBJECT_BLOCKS_KEPT;

/// A block by file and number.
type Name = (Key, u64);

/// Blocks in memory.
#[derive(Default)]
pub(super) struct Blocks {
    kept: HashMap<Name, (u64, Bytes)>,
    /// Which block was used when; no two at once.
    used: BTreeMap<u64, Name>,
    uses: u64,
}

impl Blocks {
    pub(super) fn find(&mut self, file: &Key, number: u64) -> Option<Bytes> {
        let name = (file.clone(), number);
        let (used, bytes) = self.kept.get_mut(&name)?;
        self.used.remove(used);
        self.uses += 1;
        *used = self.uses;
        self.used.insert(self.uses, name);
        Some(bytes.clone())
    }

    pub(super) fn keep(&mut self, file: &Key, number: u64, bytes: Bytes) {
        let name = (file.clone(), number);
        self.uses += 1;
        if let Some((used, _)) = self.kept.insert(name.clone(), (self.uses, bytes)) {
            self.used.remove(&used);
        }
        self.used.insert(self.uses, name);
        while self.kept.len() > OBJECT_BLOCKS_KEPT {
            let (_, oldest) = self.used.pop_first().expect("each block was used");
            self.kept.remove(&oldest);
        }
    }

    pub(super) fn forget(&mut self, file: &Key) {
        self.kept.retain(|(of, _), _| of != file);
        self.used.retain(|_, (of, _)| of != file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_gone_is_forgotten() {
        let (mut blocks, gone, other) = (Blocks::default(), Key::from("a"), Key::from("b"));
        for number in 0..3 {
            blocks.keep(&gone, number, Bytes::new());
            blocks.keep(&other, number, Bytes::new());
        }
        blocks.forget(&gone);
        assert_eq!(blocks.find(&gone, 1), None);
        assert!(blocks.find(&other, 1).is_some());
        assert_eq!((blocks.kept.len(), blocks.used.len()), (3, 3));
    }

    #[test]
    fn the_longest_unused_block_goes_first() {
        let (mut blocks, file) = (Blocks::default(), Key::from("a"));
        let kept = OBJECT_BLOCKS_KEPT as u64;
        for number in 0..kept {
            blocks.keep(&file, number, Bytes::from(number.to_string()));
        }
        assert_eq!(blocks.find(&file, 0).as_deref(), Some(&b"0"[..]));
        blocks.keep(&file, kept, Bytes::new());
        assert_eq!(blocks.find(&file, 1), None);
        assert_eq!(blocks.find(&file, 0).as_deref(), Some(&b"0"[..]));
        assert_eq!(
            (blocks.kept.len(), blocks.used.len()),
            (OBJECT_BLOCKS_KEPT, OBJECT_BLOCKS_KEPT)
        );
    }
}
