//! Limits of what accounts hold: each list is read as a whole.

/// Most copies of files of one older format.
pub(crate) const COPIES_MAX: u32 = 1_000;

/// Most characters of a display name.
pub(crate) const NAME_CHARS_MAX: usize = 200;

/// Most characters of a buyer.
pub(crate) const BUYER_CHARS_MAX: usize = 2_000;

/// Most changes of one subscription, those of its state not counted: they are always possible.
pub(crate) const SUBSCRIPTION_CHANGES_MAX: u64 = 1_000;

/// Most price overrides of an installation that have not ended.
pub(crate) const PRICE_OVERRIDES_MAX: u64 = 10_000;

/// Most tiers of a price override.
pub(crate) const OVERRIDE_TIERS_MAX: usize = 100;

/// Most characters of a category's name in a price override.
pub(crate) const CATEGORY_CHARS_MAX: usize = 256;

/// Most meter aliases of an installation in force.
pub(crate) const METER_ALIASES_MAX: u64 = 100_000;

/// Most resource groups of one subscription that have tags.
pub(crate) const TAGGED_GROUPS_MAX: u64 = 10_000;

/// Most tags of a resource group, which is Azure's limit.
pub(crate) const TAGS_MAX: usize = 50;

/// Most characters of a tag's name, which is Azure's limit.
pub(crate) const TAG_NAME_CHARS_MAX: usize = 512;

/// Most characters of a tag's value, which is Azure's limit.
pub(crate) const TAG_VALUE_CHARS_MAX: usize = 256;

/// Most sources of one subscription that declare watermarks.
pub(crate) const WATERMARK_SOURCES_MAX: u64 = 1_000;

/// Least time between two watermarks of one source on file, in seconds.
pub(crate) const WATERMARK_SECONDS_MIN: i64 = 60;

/// Most role assignments in force of one subscription, which is Azure's limit.
pub(crate) const ROLE_ASSIGNMENTS_MAX: u64 = 4_000;

/// Most custom roles of one tenant.
pub(crate) const CUSTOM_ROLES_MAX: u64 = 1_000;

/// Most characters of a custom role's name.
pub(crate) const ROLE_NAME_CHARS_MAX: usize = 128;

/// Most characters of the description of a custom role or a role assignment.
pub(crate) const ROLE_DESCRIPTION_CHARS_MAX: usize = 1_024;

/// Most patterns in each list of a custom role.
pub(crate) const PATTERNS_MAX: usize = 200;

/// Most characters of a pattern of actions.
pub(crate) const ACTION_PATTERN_CHARS_MAX: usize = 256;

/// Most scopes that a custom role can be assigned at.
pub(crate) const ASSIGNABLE_SCOPES_MAX: usize = 100;

/// Most service principals of an installation that are not deleted: all are held in memory.
pub(crate) const SERVICE_PRINCIPALS_MAX: u64 = 10_000;

/// Most secrets that a service principal is ever given.
pub(crate) const SECRETS_MAX: u64 = 1_000;

/// Most days until a secret expires.
pub(crate) const SECRET_DAYS_MAX: u32 = 730;

/// Most hours for which earlier secrets stay in force beside a new one.
pub(crate) const OVERLAP_HOURS_MAX: u32 = 720;

/// Most days for which the details of usage may be kept.
pub(crate) const RETENTION_DAYS_MAX: u32 = 36_500;

/// Most characters of the reason of a legal hold.
pub(crate) const HOLD_REASON_CHARS_MAX: usize = 1_000;
