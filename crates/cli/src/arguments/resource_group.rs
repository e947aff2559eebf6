//! The group `resource-group`.

use clap::Subcommand;
use domain::id::SubscriptionId;
use domain::time::Date;

use super::day;

/// What can be done with resource groups.
#[derive(Debug, Subcommand)]
pub(crate) enum ResourceGroupCommand {
    /// Set the tags of a resource group from a day on
    ///
    /// They take the place of all that it had. Its resources inherit them in `cost show
    /// --inherit-tags`.
    #[command(after_long_help = "\
Examples:
  tallyhouse resource-group tag --subscription GUID --name web --tags env=prod team=web
  tallyhouse resource-group tag --subscription GUID --name web --tags \"\" --effective 2026-11-01")]
    Tag {
        /// Whose resource group
        #[arg(long, value_name = "GUID", value_parser = SubscriptionId::parse)]
        subscription: SubscriptionId,
        /// Its name, in any case
        #[arg(long)]
        name: String,
        /// All its tags; "" takes them away
        #[arg(long, value_name = "NAME=VALUE", required = true, num_args = 1.., value_parser = tag)]
        tags: Vec<Option<(String, String)>>,
        /// First day on which it has them, UTC; today if absent
        #[arg(long, value_name = "DAY", value_parser = day)]
        effective: Option<Date>,
    },
    /// List the resource groups that were tagged, as they are today
    #[command(after_long_help = "\
Example:
  tallyhouse resource-group list --subscription GUID --query \"[].[name, tags.env]\" -o tsv")]
    List {
        /// Whose resource groups
        #[arg(long, value_name = "GUID", value_parser = SubscriptionId::parse)]
        subscription: SubscriptionId,
    },
}

/// Reads `env=prod`; an empty text is no tag.
fn tag(text: &str) -> Result<Option<(String, String)>, &'static str> {
    if text.is_empty() {
        return Ok(None);
    }
    let (name, value) = text.split_once('=').ok_or("not a tag such as env=prod")?;
    Ok(Some((name.to_owned(), value.to_owned())))
}
