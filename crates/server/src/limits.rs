//! Every limit of the server: what grows is bounded here.

use std::time::Duration;

/// Largest request body, in bytes.
pub const BODY_BYTES: usize = 32 << 20;
/// Most events or rows in one request.
pub const EVENTS_PER_REQUEST: usize = 50_000;
/// Imports of any length under way at a time: each may hold some four hundred megabytes.
pub const IMPORTS: usize = 4;
/// Pieces of an import's body that wait to be split into rows.
pub const IMPORT_PIECES: usize = 16;
/// Bytes of rows that an import stores at a time.
pub const IMPORT_BLOCK_BYTES: usize = 4 << 20;
/// Rows that it stores at a time.
pub const IMPORT_BLOCK_ROWS: usize = 16 << 10;
/// Blocks of rows of one import under way at a time: while one waits for its sync, others are read.
pub const IMPORT_BLOCKS: usize = 4;
/// Rows whose occurrences an import counts at a time, with four more for each slice: 130 MB.
pub const IMPORT_ROWS_COUNTED: usize = 2_000_000;
/// Slices whose rows an import counts no more: 70 MB.
pub const IMPORT_SLICES_CLOSED: usize = 3_600_000;
/// Rejected and conflicting rows that the answer to an import lists, each.
pub const IMPORT_PROBLEMS_LISTED: usize = 10_000;
/// Buckets that the answer to an import lists.
pub const IMPORT_TOUCHED_LISTED: usize = 100_000;
/// How long the client of an import may take to send its next `IMPORT_READ_BYTES` before it is given up;
/// time in which the server takes nothing is not counted.
pub const IMPORT_READ: Duration = Duration::from_secs(300);
/// Bytes that the client of an import sends within that time: two hundred a second.
pub const IMPORT_READ_BYTES: usize = 64 << 10;
/// How long an import waits for a busy ledger.
pub const IMPORT_PATIENCE: Duration = Duration::from_secs(600);

/// Of the limits of an import those that take long to reach: in a test they are lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportLimits {
    /// See [`IMPORT_ROWS_COUNTED`].
    pub rows_counted: usize,
    /// See [`IMPORT_SLICES_CLOSED`].
    pub slices_closed: usize,
    /// See [`IMPORT_READ`].
    pub read: Duration,
}

impl Default for ImportLimits {
    fn default() -> Self {
        Self {
            rows_counted: IMPORT_ROWS_COUNTED,
            slices_closed: IMPORT_SLICES_CLOSED,
            read: IMPORT_READ,
        }
    }
}

/// Rows that may be stored of a slice that is compared, with those that were taken back: a kilobyte of
/// memory each, at most twice over.
pub const SLICE_ROWS: usize = 100_000;
/// Conflicts of one request of which the stored record is looked at, where it may have been erased.
pub const CONFLICTS_LOOKED_AT: usize = 100;
/// Rows that differ and are listed in one answer.
pub const DIFFERENCES_LISTED: usize = 1_000;
/// How often a slice is compared again that others change meanwhile.
pub const SLICE_ATTEMPTS: usize = 4;
/// Changes of the accounts under way at a time; they are made one after the other.
pub const CHANGES: u16 = 64;
/// Most watermarks in one request: each asks the accounts what they know of its source.
pub const WATERMARKS_PER_REQUEST: usize = 1_000;
/// Rows on a page of the usage answer.
///
/// Source: Azure Usage Aggregates, paging.
pub const USAGE_PAGE_ROWS: usize = 1_000;
/// Billing periods on a page.
///
/// Source: recorded answers of Azure Billing.
pub const BILLING_PERIODS_PER_PAGE: usize = 14;
/// Rate-card answers and price lists held in memory, each.
pub const CARDS_IN_MEMORY: usize = 64;
/// Revisions of the accounts whose price overrides and aliases are held in memory.
pub const PRICE_CHANGES_IN_MEMORY: usize = 8;
/// Versions of a rate card in one answer: each is read, and compared with the one before.
pub const CARD_VERSIONS_LISTED: usize = 100;
/// Resource groups that usage of a subscription may name and be listed, far more than Azure has room
/// for.
pub const RESOURCE_GROUPS: usize = 10_000;
/// Subscriptions whose resource groups are held in memory.
pub const RESOURCE_GROUPS_IN_MEMORY: usize = 64;
/// Subscriptions of which it is held in memory when they were first used.
pub const FIRST_USAGES_IN_MEMORY: usize = 4_096;
/// Resource groups on a page.
///
/// Source: Azure Resource Manager, Resource Groups - List.
pub const RESOURCE_GROUP_PAGE: usize = 1_000;
/// Spend questions worked on at a time: each holds its usage in memory.
pub const COST_QUESTIONS: usize = 4;
/// Subscriptions up to which a question about several asks for the usage of each by itself.
pub const ASKED_ONE_BY_ONE: usize = 8;
/// Subscriptions of whose instances the sums are in memory at a time, for each thread.
pub const INSTANCES_OF_SUBSCRIPTIONS: usize = 32;
/// Ranges of time in which the usage of all subscriptions is summed for one question.
pub const RANGES_TOGETHER: usize = 128;
/// Threads that rate the usage of many subscriptions.
pub const RATING_THREADS: usize = 4;
/// Billing periods that one spend question may touch.
pub const PERIODS_PER_QUESTION: usize = 120;
/// Rows of usage that one spend question may touch: some hundred bytes of memory each.
pub const ROWS_PER_QUESTION: usize = 5_000_000;
/// Lines of days that one question of the cost APIs may touch: some hundred bytes of memory each.
pub const LINES_PER_QUESTION: usize = 1_000_000;
/// Rows on a page of a cost query.
///
/// Source: Azure Cost Management, query, `$top`.
pub const QUERY_PAGE_ROWS: usize = 5_000;
/// Meters on a page of a price sheet.
///
/// Source: Azure Consumption, pricesheets, `$top`.
pub const SHEET_PAGE_METERS: usize = 1_000;
/// Items on a page of retail prices.
///
/// Source: Azure Retail Prices, paging.
pub const RETAIL_PAGE_ITEMS: usize = 1_000;
/// Questions about retail prices worked on at a time: anybody may ask them.
pub const RETAIL_QUESTIONS: usize = 2;
/// Changes on a page of the audit log.
pub const AUDIT_PAGE_ENTRIES: usize = 1_000;
/// Erasures of a subscription in one answer.
pub const ERASURES_LISTED: usize = 1_000;
/// How often it is looked whether something is to be erased, beside being told so.
pub const ERASURE_LOOK: Duration = Duration::from_secs(60);
/// After how many seconds an erasure that failed is tried again: it may read a whole table before it fails.
pub const ERASURE_RETRY_SECONDS: i64 = 3_600;
/// Groups of one cost answer.
pub const GROUPS_IN_ANSWER: usize = 100_000;
/// Entries that one cost question may group by.
pub const GROUPS_PER_QUESTION: usize = 4;
/// Filters of one cost question.
pub const FILTERS_PER_QUESTION: usize = 100;
/// Fixed shares of one cost question.
pub const SHARES_PER_QUESTION: usize = 1_000;
/// Rows of usage that an explanation shows for each day.
pub const EXPLAINED_ROWS_PER_DAY: usize = 1_000;
/// Bytes of an export that are sent as one piece.
pub const EXPORT_PIECE_BYTES: usize = 1 << 16;
/// Exports under way at a time.
pub const EXPORTS: usize = 8;
/// How long a client of an export may take nothing before it is given up.
pub const EXPORT_SEND: Duration = Duration::from_secs(60);
/// Pieces of an export that wait for a slow client.
pub const EXPORT_PIECES: usize = 16;
/// Backups taken at a time.
pub const BACKUPS: usize = 1;
/// Checks of the ledger at a time.
pub const CHECKS: usize = 1;
/// How often at most a check tells how far it is.
pub const CHECK_STEPS: u64 = 200;
/// First day of usage that is taken; before there were clouds to bill, a date is a mistake.
pub const OLDEST_USAGE: &str = "2000-01-01";
/// How far ahead of the clock usage may start, in hours: producers' clocks differ.
pub const USAGE_AHEAD_HOURS: i64 = 24;
/// How long requests under way may take to finish once the server shuts down.
pub const SHUTDOWN: Duration = Duration::from_secs(10);
/// How long a client may take to send a request's head.
pub const HEAD_READ: Duration = Duration::from_secs(30);
/// How long a client may take to send its request body.
pub const BODY_READ: Duration = Duration::from_secs(60);
/// Seconds after which a client refused for back-pressure should try again.
pub const RETRY_AFTER_SECONDS: u32 = 1;
/// Longest life of a token that the built-in issuer gives out, in seconds.
pub const TOKEN_SECONDS_MAX: u32 = 86_400;
/// The same, in hours.
pub const TOKEN_HOURS_MAX: u32 = 24;
/// Life of a token that asks for none, in seconds.
pub const TOKEN_SECONDS: u32 = 3_600;
/// Life of the administrator's token, which is written anew at each start, in seconds.
pub const ADMINISTRATOR_TOKEN_SECONDS: u32 = 365 * 86_400;
/// Most bytes of an echoed client request id.
pub const CLIENT_REQUEST_ID_BYTES: usize = 128;
/// Reads of a principal in an hour, as Azure limits them. Where the configuration has no limit, every
/// answer says that one less is left, and nothing is counted.
///
/// Source: Azure Resource Manager, request limits, "Subscription and tenant limits".
pub const READS_PER_HOUR: u32 = 12_000;
/// The same for writes.
pub const WRITES_PER_HOUR: u32 = 1_200;
/// The same for deletes.
pub const DELETES_PER_HOUR: u32 = 15_000;
/// Most calls in an hour that a limit may allow.
pub const CALLS_PER_HOUR_MAX: u32 = 1_000_000_000;
/// Counters of calls held in memory: one for each principal, subscription and kind of call.
pub const CALL_COUNTERS: usize = 100_000;
/// What the header for remaining requests of Azure's billing provider says, which are not limited here.
pub const RESOURCE_REQUESTS_REMAINING: &str = "99";
/// How often it is looked whether the user's own certificate was renewed.
pub const CERTIFICATE_LOOK: Duration = Duration::from_secs(60);
/// Longest path of a request, in bytes.
pub const PATH_BYTES: usize = 8_192;
/// Longest name of a host.
///
/// Source: RFC 1035, section 2.3.4, with a port.
pub const HOST_BYTES: usize = 261;
/// Most issuers that others run.
pub const ISSUERS: usize = 32;
/// Most tenants of one issuer.
pub const ISSUER_TENANTS: usize = 1_000;
/// How far clocks of issuers may be from ours if no setting says it, in seconds, as Azure allows.
pub const CLOCK_SKEW_SECONDS: u64 = 300;
/// How far they may be at most.
pub const CLOCK_SKEW_SECONDS_MAX: u64 = 600;
/// How long a document of an issuer may take to arrive, connecting included.
pub const ISSUER_FETCH: Duration = Duration::from_secs(10);
/// Largest document of an issuer, in bytes, unpacked.
pub const ISSUER_DOCUMENT_BYTES: u64 = 256 << 10;
/// Most keys in an issuer's list of keys.
pub const ISSUER_KEYS: usize = 100;
/// Age at which an issuer's keys are read anew, in seconds.
pub const ISSUER_KEYS_FRESH_SECONDS: i64 = 6 * 3_600;
/// Age at which they count no more, if the issuer has not answered since, in seconds.
pub const ISSUER_KEYS_SECONDS: i64 = ISSUER_KEYS_FRESH_SECONDS + 24 * 3_600;
/// How often tokens that name an unknown key may have an issuer's keys read anew, in seconds.
pub const ISSUER_ASKED_SECONDS: i64 = 30;
/// How often it is looked whether an issuer's keys are to be read anew.
pub const ISSUER_LOOK: Duration = Duration::from_secs(60);
/// Requests that wait for an issuer's keys at a time.
pub const ISSUER_WAITING: usize = 256;
/// Most bytes of a client's name in a message: users choose their names.
pub const CLIENT_NAME_CHARS: usize = 200;
/// Life of a token that a service principal gets for its secret, in seconds.
pub const CLIENT_TOKEN_SECONDS: u32 = 3_599;
/// Largest form that the token endpoint takes, in bytes.
pub const TOKEN_FORM_BYTES: usize = 64 << 10;
/// Days until a secret expires that asks for none.
pub const SECRET_DAYS: u32 = 365;
/// Secrets hashed or checked at a time: each takes 19 MiB and tens of milliseconds of a core.
pub const SECRET_CHECKS: usize = 2;
/// Secrets that wait for their turn to be hashed or checked.
pub const SECRET_CHECKS_WAITING: usize = 64;
/// Failed attempts to sign in as one application, by one kind of secret, until it has to wait.
pub const SIGN_IN_FAILURES: u32 = 20;
/// For how long failed attempts count, from the first on, in seconds.
pub const SIGN_IN_FAILURES_SECONDS: i64 = 300;
/// Applications whose failed attempts are held in memory.
pub const SIGN_IN_FAILURES_HELD: usize = 10_000;
