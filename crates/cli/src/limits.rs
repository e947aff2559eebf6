//! Every limit of the command line: on what it sends, reads, keeps and waits for.

use std::time::Duration;

/// Most rows in one import request; the server takes 50,000.
pub(crate) const BATCH_ROWS: usize = 10_000;

/// Most bytes of rows in one import request; the server takes 32 MiB.
pub(crate) const BATCH_BYTES: usize = 8 << 20;

/// Most rows of one slice that is compared, as many as the server takes in a request.
pub(crate) const SLICE_ROWS: usize = 50_000;

/// Most bytes of one slice that is compared; the server takes 32 MiB.
pub(crate) const SLICE_BYTES: usize = 30 << 20;

/// Most bytes of a file of whole slices, unpacked: it is in memory, as only its end says that each slice is
/// whole.
pub(crate) const SLICES_BYTES: usize = 512 << 20;

/// Longest event that takes the place of a record, in bytes.
pub(crate) const EVENT_BYTES: u64 = 1 << 20;

/// Longest line of a CSV file of usage, in bytes.
pub(crate) const ROW_BYTES: usize = 1 << 20;

/// How much of a file is looked at to tell JSON from CSV, in bytes.
pub(crate) const SNIFF_BYTES: usize = 64 << 10;

/// Buffer for reading files, in bytes.
pub(crate) const READ_BUFFER_BYTES: usize = 1 << 20;

/// Largest rate card file, unpacked, in bytes.
pub(crate) const RATE_CARD_BYTES: u64 = 32 << 20;

/// Most rejected and most conflicting rows listed in the result of an import.
pub(crate) const PROBLEMS_LISTED: usize = 10_000;

/// Most slices and most of their rows listed in the result of an import that corrects.
pub(crate) const DIFFERENCES_LISTED: usize = 10_000;

/// Most wrong rows of usage that `rate` names.
pub(crate) const WRONG_ROWS_NAMED: usize = 20;

/// Most changes of the audit log that are asked for at a time, as many as the server gives.
pub(crate) const AUDIT_PAGE_ENTRIES: u64 = 1_000;

/// Largest answer read, in bytes.
pub(crate) const ANSWER_BYTES: u64 = 256 << 20;

/// Deepest nesting of an answer.
pub(crate) const ANSWER_DEPTH: usize = 128;

/// Longest wait for a connection.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);

/// Longest wait for the first byte of an answer.
pub(crate) const ANSWER: Duration = Duration::from_secs(120);

/// How often a request is sent again that a busy server put off.
pub(crate) const RETRIES: u32 = 8;

/// Longest wait before a request is sent again, whatever the server asks for.
pub(crate) const RETRY_WAIT: Duration = Duration::from_secs(30);

/// How long work takes before it shows its progress.
pub(crate) const PROGRESS_AFTER: Duration = Duration::from_secs(1);

/// How often it is asked how far an erasure is.
pub(crate) const ERASURE_ASK: Duration = Duration::from_millis(500);

/// What is read of a file with a passphrase, in bytes: more than a passphrase may have.
pub(crate) const PASSPHRASE_FILE_BYTES: u64 = 4096;
/// Longest manifest of a backup, in bytes: one names every file.
pub(crate) const MANIFEST_BYTES: u64 = 1 << 30;
/// Bytes of a file that are received at a time.
pub(crate) const PIECE_BYTES: usize = 1 << 16;
/// How long the server may take to begin a file, as it goes over all usage before the first byte of some,
/// and to answer an import once it was sent.
pub(crate) const FIRST_BYTE: Duration = Duration::from_secs(30 * 60);
