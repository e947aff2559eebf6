//! What a disk holds: each file's bytes and each folder's names, as programs see them now and as they
//! are after a power cut.
//!
//! A file's bytes become durable by a sync of the file, its name by one of the folder, each on its
//! own. Of what was not synced a power cut keeps any part: writes torn at any byte or by sectors in
//! any order, some names and not others.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path};

use super::random::Random;

/// Bytes that a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;
/// Of what a sync that fails had to write, how much it has written, of a thousand.
const SYNCED_PER_MILLE: u64 = 300;

/// Names a file or folder, whatever its names are.
pub(super) type Id = usize;

#[derive(Debug, Clone)]
enum Node {
    File(Bytes),
    Folder(Names),
}

#[derive(Debug, Clone, Default)]
struct Bytes {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// What the next sync writes, in order.
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Cut(usize),
}

#[derive(Debug, Clone, Default)]
struct Names {
    now: BTreeMap<String, Id>,
    durable: BTreeMap<String, Id>,
    /// What the next sync writes, in order; none for a name that is gone.
    pending: Vec<(String, Option<Id>)>,
}

/// The disk's contents.
#[derive(Debug, Clone)]
pub(super) struct Files(Vec<Node>);

impl Files {
    pub(super) fn empty() -> Self {
        Self(vec![Node::Folder(Names::default())])
    }

    pub(super) fn is_folder(&self, path: &Path) -> bool {
        self.find(path).is_some_and(|id| matches!(self.0[id], Node::Folder(_)))
    }

    pub(super) fn make_folder(&mut self, path: &Path) -> io::Result<()> {
        self.put(path, Node::Folder(Names::default())).map(drop)
    }

    pub(super) fn names(&self, path: &Path) -> io::Result<Vec<String>> {
        let id = self.find(path).ok_or(io::ErrorKind::NotFound)?;
        match &self.0[id] {
            Node::Folder(names) => Ok(names.now.keys().cloned().collect()),
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub(super) fn create(&mut self, path: &Path) -> io::Result<Id> {
        self.put(path, Node::File(Bytes::default()))
    }

    pub(super) fn open(&self, path: &Path) -> io::Result<Id> {
        let id = self.find(path).ok_or(io::ErrorKind::NotFound)?;
        match &self.0[id] {
            Node::File(_) => Ok(id),
            Node::Folder(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let id = self.open(from)?;
        self.set_name(to, Some(id))?;
        self.set_name(from, None)
    }

    pub(super) fn link(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let id = self.open(from)?;
        if self.find(to).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.set_name(to, Some(id))
    }

    /// Removes a name of a file; says how long the file is.
    pub(super) fn remove(&mut self, path: &Path) -> io::Result<usize> {
        let length = self.open(path).map(|id| self.bytes(id).len())?;
        self.set_name(path, None)?;
        Ok(length)
    }

    pub(super) fn bytes(&self, id: Id) -> &[u8] {
        match &self.0[id] {
            Node::File(file) => &file.now,
            Node::Folder(_) => panic!("a folder has no bytes"),
        }
    }

    pub(super) fn write(&mut self, id: Id, at: usize, bytes: &[u8]) {
        self.change(id, Change::Write { at, bytes: bytes.to_vec() });
    }

    pub(super) fn cut(&mut self, id: Id, length: usize) {
        self.change(id, Change::Cut(length));
    }

    pub(super) fn sync(&mut self, id: Id) {
        let file = self.file(id);
        for change in std::mem::take(&mut file.pending) {
            apply(&mut file.durable, &change);
        }
    }

    /// A sync that fails: of what was pending some is written, and the rest never will be by a later
    /// sync, though programs go on to see it (Linux, `fsync`).
    pub(super) fn sync_in_part(&mut self, id: Id, random: &mut Random) {
        let file = self.file(id);
        for change in std::mem::take(&mut file.pending) {
            if random.chance(SYNCED_PER_MILLE) {
                apply(&mut file.durable, &change);
            }
        }
    }

    pub(super) fn sync_folder(&mut self, path: &Path) -> io::Result<()> {
        let names = self.folder(path)?;
        names.durable = names.now.clone();
        names.pending.clear();
        Ok(())
    }

    /// Changes a file's bytes on the disk itself.
    pub(super) fn damage(&mut self, id: Id, change: impl Fn(&mut Vec<u8>)) {
        let file = self.file(id);
        change(&mut file.now);
        file.durable.clone_from(&file.now);
        file.pending.clear();
    }

    /// Everything that was not synced is gone, or is there in part.
    pub(super) fn lose_power(&mut self, random: &mut Random) {
        for node in &mut self.0 {
            match node {
                Node::File(file) => {
                    file.durable = after_power_loss(file, random);
                    file.now.clone_from(&file.durable);
                    file.pending.clear();
                }
                Node::Folder(names) => lose_names(names, random),
            }
        }
    }

    fn find(&self, path: &Path) -> Option<Id> {
        path.components().try_fold(0, |id, component| match component {
            Component::RootDir => Some(id),
            Component::Normal(name) => match &self.0[id] {
                Node::Folder(names) => names.now.get(name.to_str()?).copied(),
                Node::File(_) => None,
            },
            _ => panic!("the path {} is not plain", path.display()),
        })
    }

    fn put(&mut self, path: &Path, node: Node) -> io::Result<Id> {
        if self.find(path).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = self.0.len();
        self.set_name(path, Some(id))?;
        self.0.push(node);
        Ok(id)
    }

    fn set_name(&mut self, path: &Path, id: Option<Id>) -> io::Result<()> {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let names = self.folder(path.parent().unwrap())?;
        match id {
            Some(id) => names.now.insert(name.clone(), id),
            None => names.now.remove(&name),
        };
        names.pending.push((name, id));
        Ok(())
    }

    fn folder(&mut self, path: &Path) -> io::Result<&mut Names> {
        let id = self.find(path).ok_or(io::ErrorKind::NotFound)?;
        match &mut self.0[id] {
            Node::Folder(names) => Ok(names),
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn file(&mut self, id: Id) -> &mut Bytes {
        match &mut self.0[id] {
            Node::File(file) => file,
            Node::Folder(_) => panic!("a folder has no bytes"),
        }
    }

    fn change(&mut self, id: Id, change: Change) {
        let file = self.file(id);
        apply(&mut file.now, &change);
        file.pending.push(change);
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Cut(length) => bytes.resize(*length, 0),
        Change::Write { at, bytes: written } => {
            if bytes.len() < at + written.len() {
                bytes.resize(at + written.len(), 0);
            }
            bytes[*at..at + written.len()].copy_from_slice(written);
        }
    }
}

fn after_power_loss(file: &Bytes, random: &mut Random) -> Vec<u8> {
    let mut bytes = file.durable.clone();
    match random.below(4) {
        _ if file.pending.is_empty() => {}
        0 => {}
        1 => file.pending.iter().for_each(|change| apply(&mut bytes, change)),
        // In their order, and the last one torn at any byte.
        2 => {
            let whole = random.place(file.pending.len());
            file.pending[..whole].iter().for_each(|change| apply(&mut bytes, change));
            match &file.pending[whole] {
                Change::Write { at, bytes: written } if !written.is_empty() => {
                    let part = written[..random.place(written.len())].to_vec();
                    apply(&mut bytes, &Change::Write { at: *at, bytes: part });
                }
                other => apply(&mut bytes, other),
            }
        }
        // By sectors, in any order; the length may be there without the bytes.
        _ => {
            for change in &file.pending {
                keep_sectors(&mut bytes, change, random);
            }
            if random.chance(500) {
                bytes.resize(file.now.len(), 0);
            }
        }
    }
    bytes
}

fn keep_sectors(bytes: &mut Vec<u8>, change: &Change, random: &mut Random) {
    let Change::Write { at, bytes: written } = change else {
        if random.chance(500) {
            apply(bytes, change);
        }
        return;
    };
    let mut begin = 0;
    while begin < written.len() {
        let place = at + begin;
        let end = (begin + SECTOR_BYTES - place % SECTOR_BYTES).min(written.len());
        if random.chance(500) {
            let sector = written[begin..end].to_vec();
            apply(bytes, &Change::Write { at: place, bytes: sector });
        }
        begin = end;
    }
}

/// Each name is what it was when the folder was synced, or what it became at some time since.
fn lose_names(names: &mut Names, random: &mut Random) {
    let changed: BTreeSet<String> = names.pending.iter().map(|(name, _)| name.clone()).collect();
    for name in changed {
        let mut values = vec![names.durable.get(&name).copied()];
        values.extend(names.pending.iter().filter(|(it, _)| *it == name).map(|(_, id)| *id));
        match random.pick(&values) {
            Some(id) => names.durable.insert(name, id),
            None => names.durable.remove(&name),
        };
    }
    names.now = names.durable.clone();
    names.pending.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What may be in a file after a power cut, over many of them.
    fn outcomes(prepare: impl Fn(&mut Files)) -> BTreeSet<Option<Vec<u8>>> {
        let outcome = |seed| {
            let mut files = Files::empty();
            prepare(&mut files);
            files.lose_power(&mut Random::new(seed));
            files.open(Path::new("/a")).ok().map(|id| files.bytes(id).to_vec())
        };
        (0..400).map(outcome).collect()
    }

    #[test]
    fn what_was_not_synced_is_there_or_not_after_a_power_cut() {
        let (file, other, root) = (Path::new("/a"), Path::new("/b"), Path::new("/"));
        let some = |texts: &[&str]| -> BTreeSet<Option<Vec<u8>>> {
            texts.iter().map(|text| Some(text.as_bytes().to_vec())).collect()
        };
        // Neither name nor bytes.
        let found = outcomes(|files| {
            let id = files.create(file).unwrap();
            files.write(id, 0, b"xy");
        });
        let torn = ["", "x", "xy", "\0\0"];
        assert_eq!(found, [None].into_iter().chain(some(&torn)).collect());
        // The name without the bytes, and the bytes without the name.
        let found = outcomes(|files| {
            let id = files.create(file).unwrap();
            files.sync_folder(root).unwrap();
            files.write(id, 0, b"xy");
        });
        assert_eq!(found, some(&torn));
        let found = outcomes(|files| {
            let id = files.create(file).unwrap();
            files.write(id, 0, b"xy");
            files.sync(id);
        });
        assert_eq!(found, [None].into_iter().chain(some(&["xy"])).collect());
        // A rename in the place of another file.
        let found = outcomes(|files| {
            for (path, text) in [(file, b"old"), (other, b"new")] {
                let id = files.create(path).unwrap();
                files.write(id, 0, text);
                files.sync(id);
            }
            files.sync_folder(root).unwrap();
            files.rename(other, file).unwrap();
        });
        assert_eq!(found, some(&["old", "new"]));
        // A file that was removed.
        let found = outcomes(|files| {
            let id = files.create(file).unwrap();
            files.write(id, 0, b"old");
            files.sync(id);
            files.sync_folder(root).unwrap();
            files.remove(file).unwrap();
        });
        assert_eq!(found, [None].into_iter().chain(some(&["old"])).collect());
    }

    #[test]
    fn after_a_sync_that_failed_the_next_one_writes_nothing_of_it() {
        let loses = (0..).find(|seed| !Random::new(*seed).chance(SYNCED_PER_MILLE)).unwrap();
        let found = outcomes(|files| {
            let id = files.create(Path::new("/a")).unwrap();
            files.sync_folder(Path::new("/")).unwrap();
            files.write(id, 0, b"xy");
            files.sync_in_part(id, &mut Random::new(loses));
            assert_eq!(files.bytes(id), b"xy");
            files.sync(id);
        });
        assert_eq!(found, [Some(Vec::new())].into());
    }
}
