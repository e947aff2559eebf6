//! The disk of a machine as a ledger sees it: each call is done, done in part or not at all, as its fate is.

use std::ffi::OsStr;
use std::fs::TryLockError;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::faults::{Call, Fate};
use super::files::{Files, Id};
use super::machine::{Machine, World};
use super::random::{Random, place};
use crate::storage::{Disk, Lock, ReadFile, WriteFile};

/// The disk, as it is seen until the machine stops.
#[derive(Debug, Clone)]
pub(super) struct SimulatedDisk {
    pub(super) machine: Machine,
    /// Of which start of it.
    pub(super) boot: u64,
}

/// How much of a call is done.
#[derive(Debug, Clone, Copy)]
pub(super) enum Extent {
    Whole,
    /// A part, as the number says, or later.
    Part(u64),
    /// Whole, but one bit of what is read is wrong, as the number says.
    Wrong(u64),
    Nothing,
}

fn is_off() -> io::Error {
    io::Error::other("the machine is off")
}

pub(super) fn failed(text: &str) -> io::Error {
    io::Error::other(format!("injected: {text}"))
}

impl SimulatedDisk {
    /// Does a call as its fate is.
    pub(super) fn call<T>(
        &self,
        call: Call,
        path: &Path,
        work: impl FnOnce(&mut World, Extent) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut world = self.machine.world();
        if !world.is_on() || world.boots != self.boot {
            return Err(is_off());
        }
        world.happened.calls += 1;
        let (fate, number) = world.faults.fate(call, path);
        if let Some(crash) = world.faults.crashes() {
            // Before it, after it or in the middle.
            let _ = match number % 3 {
                0 => Ok(()),
                1 => work(&mut world, Extent::Whole).map(drop),
                _ => work(&mut world, Extent::Part(number)).map(drop),
            };
            world.stop(crash.power);
            return Err(is_off());
        }
        let (extent, failure) = match fate {
            Fate::Done | Fate::Slow => (Extent::Whole, None),
            Fate::Rotten(bit) => (Extent::Wrong(bit), None),
            Fate::Failed => (Extent::Nothing, Some("nothing was done")),
            Fate::AnswerLost => (Extent::Whole, Some("the answer was lost")),
            Fate::Partly(part) => (Extent::Part(part), Some("a part was done")),
        };
        let done = match extent {
            Extent::Nothing => Err(failed("nothing was done")),
            extent => work(&mut world, extent),
        };
        if let Some(text) = failure {
            world.happened.failed += 1;
            return done.and(Err(failed(text)));
        }
        drop(world);
        if fate == Fate::Slow {
            std::thread::yield_now();
        }
        done
    }

    /// A call that changes a folder: all of it or nothing.
    fn change<T>(
        &self,
        call: Call,
        path: &Path,
        work: impl FnOnce(&mut Files) -> io::Result<T>,
    ) -> io::Result<T> {
        self.call(call, path, |world, extent| match extent {
            Extent::Whole => work(&mut world.files),
            _ => Err(failed("nothing was done")),
        })
    }

    fn opened(&self, id: Id, path: &Path, end: usize) -> OpenFile {
        OpenFile { disk: self.clone(), id, path: path.to_owned(), end }
    }
}

impl Disk for SimulatedDisk {
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        self.change(Call::MakeFolder, folder, |files| files.make_folder(folder))
    }

    fn is_folder(&self, path: &Path) -> bool {
        self.machine.world().files.is_folder(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.call(Call::SyncFolder, folder, |world, extent| match extent {
            Extent::Whole if world.faults.ignores(Call::SyncFolder, folder) => Ok(()),
            Extent::Whole => world.files.sync_folder(folder),
            _ => Ok(()),
        })
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.change(Call::Names, folder, |files| files.names(folder))
    }

    fn create(&self, file: &Path) -> io::Result<Box<dyn WriteFile>> {
        let id = self.change(Call::Create, file, |files| files.create(file))?;
        Ok(Box::new(self.opened(id, file, 0)))
    }

    fn open_end(&self, file: &Path) -> io::Result<Box<dyn WriteFile>> {
        let find = |files: &mut Files| files.open(file).map(|id| (id, files.bytes(id).len()));
        let (id, end) = self.change(Call::Open, file, find)?;
        Ok(Box::new(self.opened(id, file, end)))
    }

    fn open(&self, file: &Path) -> io::Result<Box<dyn ReadFile>> {
        let id = self.change(Call::Open, file, |files| files.open(file))?;
        Ok(Box::new(self.opened(id, file, 0)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(Call::Rename, to, |files| files.rename(from, to))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(Call::Link, to, |files| files.link(from, to))
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        self.call(Call::Remove, file, |world, extent| match extent {
            Extent::Whole => {
                let freed = world.files.remove(file)? as u64;
                if let Some(space) = &mut world.faults.plan.space {
                    *space += freed;
                }
                Ok(())
            }
            _ => Err(failed("nothing was done")),
        })
    }

    fn lock(&self, file: &Path) -> Result<Box<dyn Lock>, TryLockError> {
        let locked = self.call(Call::Lock, file, |world, _| {
            if world.files.open(file).is_err() {
                world.files.create(file)?;
            }
            Ok(world.locks.insert(file.to_owned()))
        });
        match locked {
            Ok(true) => Ok(Box::new(Held { disk: self.clone(), path: file.to_owned() })),
            Ok(false) => Err(TryLockError::WouldBlock),
            Err(error) => {
                // A lock whose answer is lost goes with its file's handle.
                self.machine.world().locks.remove(file);
                Err(TryLockError::Error(error))
            }
        }
    }
}

struct Held {
    disk: SimulatedDisk,
    path: PathBuf,
}

impl Held {
    fn let_go(&self) {
        let mut world = self.disk.machine.world();
        if world.boots == self.disk.boot {
            world.locks.remove(&self.path);
        }
    }
}

impl Lock for Held {
    fn free(&self) -> io::Result<()> {
        self.let_go();
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.let_go();
    }
}

#[derive(Debug)]
struct OpenFile {
    disk: SimulatedDisk,
    id: Id,
    path: PathBuf,
    /// Where the next write goes.
    end: usize,
}

impl OpenFile {
    /// Writes as much as is taken; says how much.
    fn put(&self, at: usize, bytes: &[u8]) -> io::Result<usize> {
        self.disk.call(Call::Write, &self.path, |world, extent| {
            let mut length = match extent {
                Extent::Part(part) => place(part, bytes.len() + 1),
                _ => bytes.len(),
            };
            if let Some(space) = &mut world.faults.plan.space {
                length = length.min(usize::try_from(*space).unwrap());
                *space -= length as u64;
            }
            world.files.write(self.id, at, &bytes[..length]);
            if length == 0 && !bytes.is_empty() {
                world.happened.failed += 1;
                return Err(io::ErrorKind::StorageFull.into());
            }
            Ok(length)
        })
    }
}

impl Write for OpenFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.put(self.end, bytes)?;
        self.end += written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl WriteFile for OpenFile {
    fn sync(&mut self) -> io::Result<()> {
        self.disk.call(Call::Sync, &self.path, |world, extent| {
            match extent {
                Extent::Whole if world.faults.ignores(Call::Sync, &self.path) => {}
                Extent::Part(part) => {
                    world.files.sync_in_part(self.id, &mut Random::new(part));
                }
                _ => world.files.sync(self.id),
            }
            Ok(())
        })
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.sync()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).unwrap();
        self.disk.change(Call::Cut, &self.path, |files| {
            files.cut(self.id, length);
            Ok(())
        })?;
        self.end = length;
        Ok(())
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let (mut at, mut rest) = (usize::try_from(offset).unwrap(), bytes);
        while !rest.is_empty() {
            let written = self.put(at, rest)?;
            (at, rest) = (at + written, &rest[written..]);
        }
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        ReadFile::length(self)
    }
}

impl ReadFile for OpenFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let begin = usize::try_from(offset).unwrap();
        self.disk.call(Call::Read, &self.path, |world, extent| {
            let all = world.files.bytes(self.id);
            let there = all.get(begin..begin + bytes.len());
            bytes.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
            if let Extent::Wrong(number) = extent {
                let checked = checked_part(&self.path, all).saturating_sub(begin);
                let part = &mut bytes[..checked.min(there.map_or(0, <[u8]>::len))];
                flip(part, number);
                let is_wrong = !part.is_empty();
                world.happened.read_wrong(&self.path, is_wrong);
            }
            Ok(())
        })
    }

    fn length(&self) -> io::Result<u64> {
        let world = self.disk.machine.world();
        match world.is_on() && world.boots == self.disk.boot {
            true => Ok(world.files.bytes(self.id).len() as u64),
            false => Err(is_off()),
        }
    }
}

/// Flips one bit, if there is any.
pub(super) fn flip(bytes: &mut [u8], number: u64) {
    if !bytes.is_empty() {
        let at = place(number >> 3, bytes.len());
        bytes[at] ^= 1 << (number % 8);
    }
}

/// How far a file has checksums that notice a wrong bit: data files and rollups have them over all that they are
/// read for.
///
/// The last frame of the journal has one, too, but with a wrong bit it cannot be told from a torn one.
fn checked_part(path: &Path, bytes: &[u8]) -> usize {
    if is_of_day(path) {
        return bytes.len();
    }
    let folder = path.parent().and_then(Path::file_name).unwrap().to_str().unwrap();
    match folder {
        "index" | "_delta_log" | "ledger" => bytes.len(),
        "journal" => bytes.windows(4).rposition(|window| window == b"TLYJ").unwrap_or(0),
        _ => 0,
    }
}

/// Whether it is a data file, or a rollup of one.
pub(super) fn is_of_day(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name).and_then(OsStr::to_str);
    folder.is_some_and(|folder| folder.starts_with("reported_day="))
}

/// Whether it is a rollup.
pub(super) fn is_rollup(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "_rollup")
}
