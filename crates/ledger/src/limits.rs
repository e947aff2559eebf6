//! Every limit of the ledger, with its reason. Sizes are in bytes unless the name says otherwise.

/// Longest encoding of one record: well above any real one, so that a broken producer is named.
pub const RECORD_BYTES_MAX: usize = 1 << 20;
/// Longest payload of a journal frame, and so of the records of one `append`.
pub const FRAME_PAYLOAD_BYTES_MAX: usize = 64 << 20;
/// Appends of more records are encoded on the pool of threads that may block.
pub const ENCODED_IN_PLACE_MAX: usize = 64;
/// A group commit takes no further request once it holds this much.
pub const GROUP_BYTES: usize = 16 << 20;
/// Most requests in one group commit.
pub const GROUP_REQUESTS_MAX: usize = 1_024;
/// Most messages that wait for the committer.
pub const COMMITTER_QUEUE: usize = 1_024;
/// Most commands that wait for the sealer.
pub const SEALER_QUEUE: usize = 16;
/// Bytes waiting for the committer or not yet sealed; above it appends are answered `Busy`.
pub const UNSEALED_BYTES_MAX: u64 = 256 << 20;
/// How often an append that may wait looks whether it is its turn, in milliseconds.
pub const BUSY_PAUSE_MS: u64 = 20;
/// Most bytes at which the journal may be told to be sealed: a seal and what comes meanwhile fit.
pub const SEAL_BYTES_MAX: u64 = UNSEALED_BYTES_MAX / 2;
/// Tail chunks are merged up to this size, so that a snapshot holds few of them.
pub const CHUNK_MERGE_BYTES_MAX: usize = 8 << 20;
/// Bytes in the journal at which it is sealed, unless the options say otherwise.
pub const SEAL_BYTES: u64 = 64 << 20;
/// Age of the first unsealed frame at which the journal is sealed, unless the options say otherwise.
pub const SEAL_AFTER_SECONDS: u64 = 30;
/// How far the clock may be behind the last commit before the status says so, in seconds.
pub const CLOCK_BEHIND_SECONDS: i64 = 600;
/// How often the sealer looks at that age, in milliseconds.
pub const SEAL_TICK_MS: u64 = 500;
/// Rows in one row group of a data file: the least that a selective read decodes of a column.
pub const ROW_GROUP_ROWS: usize = 64 << 10;
/// Rows in one data page: what the page index lets a selective read skip.
pub const PAGE_ROWS: usize = 4 << 10;
/// Footers of data files that are kept in memory: those of some thousand large files.
pub const FOOTERS_BYTES_MAX: usize = 64 << 20;
/// Rows decoded or encoded at a time.
pub const BATCH_ROWS: usize = 8 << 10;
/// Identities that the committer is asked for at a time: appends wait no longer than for these.
pub const FIND_IDS: usize = 1_024;
/// Most bytes of a small file that is read whole (the writer file, one log entry).
pub const SMALL_FILE_BYTES_MAX: u64 = 64 << 20;
/// Most commands that wait for the indexer: a seal waits once this many are ahead of it.
pub const INDEXER_QUEUE: usize = 4;
/// Segments of the index that are joined at a time, at least.
pub const INDEX_SEGMENTS_JOINED: usize = 4;
/// Identities that are sorted in memory while a segment of the index is made anew: 160 MB.
pub const INDEX_RUN_RECORDS: usize = 4 << 20;
/// Most commands that wait for the compactor.
pub const COMPACTOR_QUEUE: usize = 4;
/// How often the compactor looks for replaced files that may go, in milliseconds.
pub const COMPACTOR_TICK_MS: u64 = 10_000;
/// Data files of a reported day that are joined at a time, at least, while the day is young.
pub const FILES_JOINED: usize = 4;
/// The same once nothing but late usage is added to the day: few files are then worth more than few
/// writes.
pub const FILES_JOINED_LATE: usize = 2;
/// The same, at most: each is open, with a batch of its rows in memory.
pub const FILES_JOINED_MAX: usize = 32;
/// Days after which a reported day is no longer young.
pub const YOUNG_DAYS: i32 = 1;
/// Rows of a joined file, at most.
pub const JOINED_ROWS_MAX: u64 = 16 << 20;
/// Bytes of rows that are sorted in memory while a data file is written anew without what was erased:
/// those of more go into files for a while.
pub const ERASED_RUN_BYTES: usize = 128 << 20;
/// Rows whose texts and instances are kept in memory meanwhile, as they are likely to come again.
pub const INTERNED_ROWS: usize = 256 << 10;
/// Entries of the table's log after which there is a checkpoint: opening reads no more of them.
pub const CHECKPOINT_ENTRIES: u64 = 100;
/// How far apart the checkpoints are that stay, but for the last two, in seconds.
pub const CHECKPOINTS_APART_SECONDS: i64 = 3_600;
/// How long a replaced data file stays for readers outside, in seconds, unless the options say
/// otherwise: seven days.
pub const REPLACED_SECONDS: u64 = 7 * 86_400;

/// How long the ledger may be held between two group commits, in seconds: appends wait meanwhile.
pub const HELD_SECONDS: u64 = 10;
/// Damaged places that a check names; of more it says how many.
pub const DAMAGE_NAMED: usize = 10_000;
/// Files that an erasure names as damaged, or as not read.
pub const ERASURE_FILES_NAMED: usize = 100;
/// Bytes of a file that are read and checked at a time.
pub const PIECE_BYTES: usize = 1 << 20;
/// How long one request to an object store may take, in seconds.
pub const OBJECT_REQUEST_SECONDS: u64 = 30;
/// How long an object store may leave a frame of the journal unanswered before it counts as one that does
/// not answer, in seconds.
pub const OBJECT_SILENT_SECONDS: u64 = 10;
/// How long a connection to an object store may take to be made, in seconds.
pub const OBJECT_CONNECT_SECONDS: u64 = 5;
/// How often a request to an object store is tried again.
pub const OBJECT_RETRIES: usize = 3;
/// How long after its beginning a request is not tried again any more, in seconds.
pub const OBJECT_RETRY_SECONDS: u64 = 20;
/// First pause before a request is tried again, in milliseconds; pauses double.
pub const OBJECT_PAUSE_MS: u64 = 100;
/// Longest pause, in milliseconds.
pub const OBJECT_PAUSE_MAX_MS: u64 = 5_000;
/// How often a conditional put is tried before it is left open what became of it.
pub const OBJECT_PUTS: u32 = 2;
/// Bytes of an object that are put at a time: larger ones are put in parts, of which one is in memory.
pub const OBJECT_PART_BYTES: usize = 16 << 20;
/// Bytes of a data file that are read at a time: one request serves many pages of many columns.
pub const OBJECT_BLOCK_BYTES: usize = 1 << 20;
/// Blocks of data files that are kept in memory, and of one that is checked or copied as many beside:
/// 128 MiB.
pub const OBJECT_BLOCKS_KEPT: usize = 128;
/// Objects of the journal that are read at the same time.
pub const OBJECTS_AT_ONCE: usize = 16;
/// How often a writer tries to come behind the entries of another that has not stopped yet.
pub const TAKE_OVER_TRIES: u64 = 100;
/// Rows that a data file has at least if it has rollups, and a part of the journal's tail if questions
/// keep its sums: those of a smaller one are read as fast.
pub const ROLLUP_ROWS: u64 = 2_048;
/// Rows in a row group of a rollup: the least that a read decodes.
pub const ROLLUP_GROUP_ROWS: usize = 4 << 10;
/// The same where it is by instance: a page needs few of its rows, each with long texts.
pub const ROLLUP_INSTANCE_GROUP_ROWS: usize = 1 << 10;
/// Row groups of a rollup that are read at a time, at most, where all are wanted.
pub const ROLLUP_GROUPS_READ: usize = 16;
/// Bytes of sums of all subscriptions that are kept for who asks again.
pub const KEPT_SUMS_BYTES: usize = 96 << 20;
/// Threads that sum the usage of all subscriptions together.
pub const SUM_THREADS: usize = 4;
/// Sums of one subscription that are held in memory while a file's rollups are written, at most, some
/// two hundred bytes each; a file with more has none.
pub const ROLLUP_SUMS_GATHERED_MAX: usize = 1 << 20;
/// Bytes of memory for what rollups say of themselves.
pub const ROLLUP_FOOTERS_BYTES: usize = 32 << 20;

/// Most instances whose visibility a page remembers.
pub(crate) const JUDGED_INSTANCES_MAX: usize = 1_000_000;
