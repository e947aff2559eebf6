//! What goes wrong, and when: decided from the seed, the thread, the kind of call, its path and how
//! often it came before, so that threads that run beside each other do not change each other's fate.

use std::collections::BTreeMap;
use std::path::Path;

use super::random::{hash, mixed};

/// A call of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Call {
    MakeFolder,
    SyncFolder,
    Names,
    Create,
    Open,
    Rename,
    Link,
    Remove,
    Lock,
    Write,
    Cut,
    Sync,
    Read,
}

/// Who calls: a thread of the ledger, or whoever opens and reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Committer,
    Sealer,
    Indexer,
    Compactor,
    Other,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Done,
    /// Done, after other threads had their turn.
    Slow,
    /// An error, and nothing was done.
    Failed,
    /// Done, and answered with an error.
    AnswerLost,
    /// An error, and a part of it was done, as the number says.
    Partly(u64),
    /// Done, with a wrong bit in what was read, as the number says.
    Rotten(u64),
}

/// When the machine stops.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crash {
    /// Whose call it is at; anybody's if none.
    pub(super) role: Option<Role>,
    /// Calls of theirs until then.
    pub(super) calls: u64,
    /// Whether everything that was not synced goes, too.
    pub(super) power: bool,
}

/// What may go wrong until the machine starts the next time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Plan {
    /// Calls that fail, of a thousand.
    pub(super) failing: u64,
    /// Whose calls fail; anybody's if none.
    pub(super) failing_of: Option<Role>,
    /// Reads with a wrong bit, of a thousand.
    pub(super) rotten: u64,
    /// Bytes that the disk still takes; any number if none.
    pub(super) space: Option<u64>,
    pub(super) crash: Option<Crash>,
}

/// A kind of sync call: whose, and of which files or folders.
pub(super) type SyncOf = (Role, Call, &'static str);

/// Decides.
#[derive(Debug)]
pub(super) struct Faults {
    seed: u64,
    pub(super) plan: Plan,
    /// A sync that is answered and not done: as if the ledger did not call it.
    ignored: Option<SyncOf>,
    counts: BTreeMap<(Role, Call, String), u64>,
}

impl Faults {
    pub(super) fn new(seed: u64, ignored: Option<SyncOf>) -> Self {
        Self { seed, plan: Plan::default(), ignored, counts: BTreeMap::new() }
    }

    /// The fate of a call, and a number for it.
    pub(super) fn fate(&mut self, call: Call, path: &Path) -> (Fate, u64) {
        let role = Role::of_thread();
        let class = class(path);
        let count = self.counts.entry((role, call, class.clone())).or_default();
        *count += 1;
        let text = format!("{role:?} {call:?} {class}");
        let number = hash(self.seed, &text, *count);
        let (first, more) = (number % 1_000, mixed(number ^ 1));
        let may_fail = self.plan.failing_of.is_none_or(|failing| failing == role);
        let fate = if may_fail && first < self.plan.failing {
            match more % 3 {
                0 => Fate::Failed,
                1 => Fate::AnswerLost,
                _ => Fate::Partly(mixed(more)),
            }
        } else if call == Call::Read && first < self.plan.failing + self.plan.rotten {
            Fate::Rotten(more)
        } else if first >= 960 {
            Fate::Slow
        } else {
            Fate::Done
        };
        (fate, more)
    }

    /// Whether the machine stops at this call.
    pub(super) fn crashes(&mut self) -> Option<Crash> {
        let crash = self.plan.crash.as_mut()?;
        if crash.role.is_some_and(|role| role != Role::of_thread()) {
            return None;
        }
        crash.calls = crash.calls.saturating_sub(1);
        if crash.calls == 0 { self.plan.crash.take() } else { None }
    }

    pub(super) fn ignores(&self, call: Call, path: &Path) -> bool {
        self.ignored.is_some_and(|(role, ignored, of)| {
            ignored == call && class(path) == of && role == Role::of_thread()
        })
    }

    /// Every sync that was called so far.
    pub(super) fn syncs(&self) -> impl Iterator<Item = (Role, Call, &str)> {
        let of = self.counts.keys().map(|(role, call, class)| (*role, *call, &**class));
        of.filter(|(_, call, _)| matches!(call, Call::Sync | Call::SyncFolder))
    }
}

impl Role {
    fn of_thread() -> Self {
        match std::thread::current().name() {
            Some("ledger-committer") => Self::Committer,
            Some("ledger-sealer") => Self::Sealer,
            Some("ledger-indexer") => Self::Indexer,
            Some("ledger-compactor") => Self::Compactor,
            _ => Self::Other,
        }
    }
}

/// A path without what differs from one file of a kind to the next: its numbers.
pub(super) fn class(path: &Path) -> String {
    let mut class = String::new();
    for character in path.to_str().unwrap().chars() {
        if !character.is_ascii_digit() {
            class.push(character);
        } else if !class.ends_with('#') {
            class.push('#');
        }
    }
    class
}
