//! What goes wrong, and when: decided from the seed, the thread, the kind of call, its path and how
//! often it came before, so that threads that run beside each other do not change each other's fate.
//! A request to an object store counts as a call of the thread that waits for its answer.

use std::collections::BTreeMap;
use std::path::Path;

use super::random::{hash, mixed};

tokio::task_local! {
    /// Whose request to the object store a task does.
    static ASKED_BY: Role;
}

/// A call of the disk, or a request to the object store.
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
    Put,
    /// A part of an object that is put in several.
    Part,
    Get,
    List,
    Delete,
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
    /// An error, and a part of it was done, as the number says, or in an object store all of it later.
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
    /// Requests to the object store that fail from now on, all of them.
    pub(super) away: u64,
    pub(super) crash: Option<Crash>,
}

/// A kind of call: whose, and of which files, folders or objects.
pub(super) type CallOf = (Role, Call, &'static str);

/// What is missing on purpose, as if the ledger did not have it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lack {
    /// Calls that make something durable: they are answered and not done.
    Calls(CallOf),
    /// The same, but for the first of them.
    LaterCalls(CallOf),
    /// The condition of puts: they are done also where there is an object.
    Condition(CallOf),
}

/// Decides.
#[derive(Debug)]
pub(super) struct Faults {
    seed: u64,
    pub(super) plan: Plan,
    lack: Option<Lack>,
    counts: BTreeMap<(Role, Call, String), u64>,
}

impl Faults {
    pub(super) fn new(seed: u64, lack: Option<Lack>) -> Self {
        Self { seed, plan: Plan::default(), lack, counts: BTreeMap::new() }
    }

    /// Those of another machine, from another seed.
    pub(super) fn of_another(&self, seed: u64) -> Self {
        Self::new(seed, self.lack)
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
        let is_away = call.is_request() && self.plan.away > 0;
        self.plan.away -= u64::from(is_away);
        let fate = if is_away || may_fail && first < self.plan.failing {
            match more % 3 {
                0 => Fate::Failed,
                1 => Fate::AnswerLost,
                _ => Fate::Partly(mixed(more)),
            }
        } else if matches!(call, Call::Read | Call::Get)
            && first < self.plan.failing + self.plan.rotten
        {
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

    /// Whether a call that was counted is answered and not done.
    pub(super) fn ignores(&self, call: Call, path: &Path) -> bool {
        match self.lack {
            Some(Lack::Calls(of)) => is_of(of, call, path),
            Some(Lack::LaterCalls(of)) => is_of(of, call, path) && self.count(call, path) > 1,
            Some(Lack::Condition(_)) | None => false,
        }
    }

    /// Whether a put is done in spite of its condition.
    pub(super) fn is_unconditional(&self, path: &Path) -> bool {
        matches!(self.lack, Some(Lack::Condition(of)) if is_of(of, Call::Put, path))
    }

    fn count(&self, call: Call, path: &Path) -> u64 {
        self.counts.get(&(Role::of_thread(), call, class(path))).copied().unwrap_or_default()
    }

    /// Every call so far that makes something durable.
    pub(super) fn durable(&self) -> impl Iterator<Item = (Role, Call, &str)> {
        let of = self.counts.keys().map(|(role, call, class)| (*role, *call, &**class));
        of.filter(|(_, call, _)| matches!(call, Call::Sync | Call::SyncFolder | Call::Put))
    }
}

fn is_of((role, of_call, of): CallOf, call: Call, path: &Path) -> bool {
    of_call == call && class(path) == of && role == Role::of_thread()
}

/// Has what a task does for this thread count as done by it.
pub(crate) fn asked_here<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    ASKED_BY.scope(Role::of_thread(), work)
}

impl Call {
    /// Whether it asks the object store.
    fn is_request(self) -> bool {
        matches!(self, Self::Put | Self::Part | Self::Get | Self::List | Self::Delete)
    }
}

impl Role {
    fn of_thread() -> Self {
        if let Ok(role) = ASKED_BY.try_with(|role| *role) {
            return role;
        }
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
