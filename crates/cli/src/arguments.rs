//! The command line: groups and verbs after `az`. Doc comments are the help.

mod audit;
mod backup;
mod cost;
mod export;
mod price;
mod rate;
mod ratecard;
mod resource_group;
mod service_principal;
mod subscription;
mod usage;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use domain::id::{IdError, ObjectId, TenantId};
use domain::time::Date;

pub(crate) use audit::{AuditCommand, AuditListOptions};
pub(crate) use backup::{BackupOptions, RestoreOptions};
pub(crate) use cost::{
    CostCommand, CostCompareOptions, CostExplainOptions, CostListOptions, CostRangeOptions,
    CostShowOptions,
};
pub(crate) use export::{ExportCommand, ExportFocusOptions};
pub(crate) use price::{
    MeterAliasCommand, PriceCommand, PriceOverrideCommand, PriceOverrideOptions,
};
pub(crate) use rate::RateOptions;
pub(crate) use ratecard::{RateCardOptions, RatecardCommand};
pub(crate) use resource_group::ResourceGroupCommand;
pub(crate) use service_principal::ServicePrincipalCommand;
pub(crate) use subscription::{
    HoldCommand, OrNone, RetentionCommand, StateOptions, SubscriptionCommand,
    SubscriptionCreateOptions, SubscriptionUpdateOptions,
};
pub(crate) use usage::{UsageCommand, UsageCorrectOptions, UsageEraseOptions, UsageListOptions};

use crate::connection::ConnectionOptions;
use crate::failure::EXIT_CODES;
use crate::output::Format;

/// A self-hosted billing server that speaks Azure's billing APIs, and its client.
///
/// Usage goes in and is kept for good, rate cards price it exactly, and Azure's own SDKs read it
/// back. `tallyhouse demo` shows all of it on sample usage and real prices.
#[derive(Debug, Parser)]
#[command(name = "tallyhouse", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Arguments {
    /// How to reach the server.
    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,
    /// What to print.
    #[command(flatten)]
    pub(crate) output: OutputOptions,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The form of what is printed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputOptions {
    /// Form of the data on standard output [default: json]
    #[arg(short, long, global = true, value_enum, default_value_t)]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    #[arg(value_name = "json|jsonc|table|tsv|yaml")]
    pub(crate) output: Format,

    /// JMESPath expression that selects what is printed, such as "[].name". Numbers keep their
    /// digits and sum() is exact; avg(), ceil(), floor() and comparisons use floating point
    #[arg(long, global = true, value_name = "JMESPATH")]
    pub(crate) query: Option<String>,
}

/// The groups.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(ServeOptions),
    Demo(DemoOptions),
    /// Subscriptions: what usage and charges belong to
    #[command(subcommand)]
    Subscription(SubscriptionCommand),
    /// Rate cards: the prices of meters
    #[command(subcommand)]
    Ratecard(RatecardCommand),
    /// Prices of your own, over those of rate cards
    #[command(subcommand)]
    Price(PriceCommand),
    /// Resource groups: tags that their resources inherit
    #[command(subcommand)]
    ResourceGroup(ResourceGroupCommand),
    /// Usage: what was used, and when it was reported
    #[command(subcommand)]
    Usage(UsageCommand),
    /// Cost: usage times prices
    #[command(subcommand)]
    Cost(CostCommand),
    Rate(RateOptions),
    /// Exports: files for other tools
    #[command(subcommand)]
    Export(ExportCommand),
    /// Roles: who may read and write what
    #[command(subcommand)]
    Role(RoleCommand),
    /// Service principals of the built-in issuer: who signs in with an id and a secret
    #[command(subcommand)]
    ServicePrincipal(ServicePrincipalCommand),
    /// Tokens of the built-in issuer
    #[command(subcommand)]
    Token(TokenCommand),
    /// The audit log: who changed what
    #[command(subcommand)]
    Audit(AuditCommand),
    /// The ledger that keeps the usage
    #[command(subcommand)]
    Ledger(LedgerCommand),
    Backup(BackupOptions),
    Restore(RestoreOptions),
}

/// Run the server until it is told to stop.
///
/// Makes the data folder if there is none, prints one line with its address once it answers, logs
/// on standard error, and stops cleanly on SIGTERM or Ctrl-C. It writes ca.pem, server.url and,
/// readable by the owner alone, admin.token to the folder.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  tallyhouse serve --data ./data
  tallyhouse serve --data ./data --listen 0.0.0.0:8443 --public-url https://billing.example.com")]
pub(crate) struct ServeOptions {
    /// Folder that holds everything the server keeps (required)
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8443]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,

    /// TOML file with settings, which flags override
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Object store of the ledger, s3://BUCKET/PREFIX or az://CONTAINER/PREFIX [default: in DIR]
    #[arg(long, value_name = "URL")]
    pub(crate) ledger: Option<String>,

    /// Where the journal of such a ledger lies [default: local]
    #[arg(long, value_name = "local|object", value_parser = ["local", "object"])]
    #[arg(hide_possible_values = true)]
    pub(crate) journal: Option<String>,

    /// Origin under which clients reach the server
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,

    /// Further host name or address for the certificate; may be given again
    #[arg(long = "host-name", value_name = "NAME")]
    pub(crate) host_names: Vec<String>,

    /// Form of the log on standard error [default: text]
    #[arg(long, value_name = "text|json", value_parser = ["text", "json"])]
    #[arg(hide_possible_values = true)]
    pub(crate) log: Option<String>,
}

/// Run a server with sample usage, real prices and calls to paste.
///
/// Loads a rate card that Azure once answered, makes three subscriptions with 75 days of hourly
/// sample usage up to now, prints the month's spend, and serves until Ctrl-C. On a folder of an
/// earlier demo it adds what happened since.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  tallyhouse demo
  tallyhouse demo --exit
  tallyhouse demo --data /tmp/demo --listen 127.0.0.1:0")]
pub(crate) struct DemoOptions {
    /// Data folder [default: ./tallyhouse-demo]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    pub(crate) listen: String,

    /// How many days of sample usage, with today
    #[arg(long, value_name = "COUNT", default_value_t = 75)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=400))]
    pub(crate) days: u16,

    /// Stop after printing instead of serving
    #[arg(long)]
    pub(crate) exit: bool,
}
/// What can be done with roles.
#[derive(Debug, Subcommand)]
pub(crate) enum RoleCommand {
    /// Assign a role to a principal
    ///
    /// Roles: Owner, Contributor, Reader, Billing Reader, Usage Writer.
    #[command(after_long_help = "\
Example:
  tallyhouse role assign --assignee 2f8f0f6e-0a35-4a0d-a6f1-7d7c4c3f9b11 --role Reader \\
    --scope /subscriptions/8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1001")]
    Assign {
        /// Object id of the user, group or service principal
        #[arg(long, value_name = "OID", value_parser = ObjectId::parse)]
        assignee: ObjectId,
        /// Name or GUID of the role
        #[arg(long)]
        role: String,
        /// /subscriptions/GUID, or a resource group or resource below it
        #[arg(long)]
        scope: String,
    },
    /// List the role assignments
    #[command(after_long_help = "\
Example:
  tallyhouse role list --query \"[].[name, roleName, scope]\" -o tsv")]
    List,
    /// Remove a role assignment
    #[command(after_long_help = "\
Example:
  tallyhouse role remove --name 5d0f6f0a-7a0b-4a55-9a25-0b8f8f3d2c77")]
    Remove {
        /// GUID of the assignment: its "name" in `role list`
        #[arg(long, value_name = "GUID", value_parser = guid)]
        name: String,
    },
}

/// What can be done with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Issue a token for a principal
    #[command(after_long_help = "\
Examples:
  tallyhouse token issue --object-id 2f8f0f6e-0a35-4a0d-a6f1-7d7c4c3f9b11 --expires-in 8h
  TALLYHOUSE_TOKEN=$(tallyhouse token issue --object-id OID --query access_token -o tsv)")]
    Issue {
        /// Object id (`oid`) of the principal
        #[arg(long, value_name = "OID", value_parser = ObjectId::parse)]
        object_id: ObjectId,
        /// Tenant (`tid`); the installation's first if absent
        #[arg(long, value_name = "GUID", value_parser = TenantId::parse)]
        tenant: Option<TenantId>,
        /// How long it is good for, up to 24h: 90s, 15m, 1h, or seconds
        #[arg(long, value_name = "TIME", default_value = "1h", value_parser = seconds)]
        expires_in: u32,
    },
    /// Replace the administrator's token
    ///
    /// All tokens of the administrator that were given out so far count no more. The new one is
    /// written to admin.token of the server's data folder, and printed.
    #[command(after_long_help = "\
Example:
  tallyhouse --data ./data token rotate-administrator --query expires_in")]
    RotateAdministrator,
}

/// What can be done with the ledger.
#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Seal the journal now, so that other readers of the Delta table see all usage
    #[command(after_long_help = "Example:\n  tallyhouse --data ./data ledger seal")]
    Seal,
    /// Join small data files of the Delta table now; it happens by itself after seals
    #[command(after_long_help = "Example:\n  tallyhouse --data ./data ledger compact")]
    Compact,
    /// Check log, data files, index and journal, byte by byte and row by row, and name what is damaged
    ///
    /// The table's log, every data file down to each row, the index and the journal, as of now, while
    /// the server goes on; it takes as long as reading all of it. Nothing is changed. The exit code is
    /// 6 where something is damaged. Data files that an object store does not give are named as
    /// unreadable; where nothing else is wrong the exit code is then 1.
    #[command(after_long_help = "\
Examples:
  tallyhouse --data ./data ledger verify
  tallyhouse --data ./data ledger verify --offline --query damaged -o table")]
    Verify {
        /// Read the data folder itself; no server may have it open
        #[arg(long)]
        offline: bool,
    },
}

/// Reads a GUID that has no type of its own.
fn guid(text: &str) -> Result<String, IdError> {
    ObjectId::parse(text).map(|id| id.to_string())
}

/// Reads a day.
fn day(text: &str) -> Result<Date, &'static str> {
    Date::parse(text).map_err(|_| "not a day such as 2026-10-31")
}

/// Reads `90s`, `15m`, `1h`, or a number of seconds.
fn seconds(text: &str) -> Result<u32, String> {
    let (number, unit) = match text.as_bytes().last() {
        Some(b's') => (&text[..text.len() - 1], 1),
        Some(b'm') => (&text[..text.len() - 1], 60),
        Some(b'h') => (&text[..text.len() - 1], 3_600),
        _ => (text, 1),
    };
    let seconds = number.parse::<u32>().ok().and_then(|number| number.checked_mul(unit));
    match seconds {
        Some(seconds) if (1..=86_400).contains(&seconds) => Ok(seconds),
        _ => Err("a time from 1s to 24h, such as 90s, 15m, 1h".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound_and_every_command_has_an_example() {
        let mut command = Arguments::command();
        command.build();
        command.clone().debug_assert();
        let mut groups = vec![command];
        while let Some(group) = groups.pop() {
            let below: Vec<_> = group
                .get_subcommands()
                .filter(|command| command.get_name() != "help")
                .cloned()
                .collect();
            if below.is_empty() {
                let help = group.clone().render_long_help().to_string();
                assert!(help.contains("Example"), "{}", group.get_name());
            }
            groups.extend(below);
        }
    }

    #[test]
    fn a_time_has_a_unit_or_is_in_seconds() {
        assert_eq!(seconds("1h"), Ok(3_600));
        assert_eq!(seconds("15m"), Ok(900));
        assert_eq!(seconds("90"), Ok(90));
        for bad in ["", "h", "0s", "25h", "-1", "1.5h", "99999999999h"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
