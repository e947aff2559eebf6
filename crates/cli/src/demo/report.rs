//! What the demo prints: what it loaded, what it costs, and calls to paste.

use std::io::{self, Write};
use std::path::Path;

use domain::time::UtcTime;
use wire::own::{Cost, IngestResponse};

use super::scenario::SUBSCRIPTIONS;
use crate::arguments::RateCardOptions;
use crate::commands::write_spend;

/// Everything that is to be printed.
pub(super) struct Report<'a> {
    /// How this program was called.
    pub(super) program: &'a str,
    /// The data folder.
    pub(super) data: &'a Path,
    /// Address of the server.
    pub(super) url: &'a str,
    /// When.
    pub(super) now: UtcTime,
    /// The card.
    pub(super) card: &'a RateCardOptions,
    /// What was loaded.
    pub(super) loaded: Loaded,
    /// Spend of each subscription.
    pub(super) spend: Vec<Spend>,
}

/// What was loaded.
pub(super) struct Loaded {
    /// Days of usage.
    pub(super) days: u16,
    /// Meters on the card.
    pub(super) meters: usize,
    /// What became of the rows of usage.
    pub(super) usage: IngestResponse,
}

/// What a subscription spent in one or more billing periods.
pub(super) struct Spend {
    /// Its name.
    pub(super) name: &'static str,
    /// The periods, oldest first.
    pub(super) costs: Vec<Cost>,
}

impl Report<'_> {
    /// Writes everything.
    ///
    /// # Errors
    /// If the stream does not take it.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.write_loaded(out)?;
        let mut is_rounded = false;
        for Spend { name, costs } in &self.spend {
            for cost in costs {
                let provisional = if cost.provisional { ", provisional" } else { "" };
                let (from, to) = (day(&cost.from), day(&cost.to));
                writeln!(out, "\n{name}: billing period {from} to {to} (UTC){provisional}\n")?;
                is_rounded |= write_spend(out, cost)?;
            }
        }
        if is_rounded {
            writeln!(out, "\nAmounts are rounded for display; `-o json` has every digit.")?;
        }
        self.write_calls(out)
    }

    fn write_loaded(&self, out: &mut dyn Write) -> io::Result<()> {
        let RateCardOptions { offer, currency, locale, region } = self.card;
        let Loaded { days, meters, usage } = &self.loaded;
        let names: Vec<_> = SUBSCRIPTIONS.iter().map(|subscription| subscription.name).collect();
        writeln!(out, "Tallyhouse demo: {days} days of sample usage on real prices\n")?;
        writeln!(out, "  Server         {}", self.url)?;
        writeln!(out, "  Data folder    {}", self.data.display())?;
        writeln!(out, "  Rate card      {offer}, {currency}, {locale}, {region}: {meters} meters")?;
        writeln!(out, "  Subscriptions  {}", names.join(", "))?;
        let (accepted, duplicate) = (usage.accepted, usage.duplicate);
        writeln!(out, "  Usage          {accepted} rows stored, {duplicate} were there before")
    }

    /// Calls that work as they stand, in the folder where the demo was started.
    fn write_calls(&self, out: &mut dyn Write) -> io::Result<()> {
        let data = shell_word(&self.data.display().to_string());
        let program = shell_word(self.program);
        let (url, subscription) = (self.url, SUBSCRIPTIONS[0].id);
        let today = self.now.date();
        let (start, end) = (today.plus_days(-1), today);
        let RateCardOptions { offer, currency, locale, region } = self.card;
        let provider = format!("{url}/subscriptions/{subscription}/providers/Microsoft.Commerce");
        writeln!(
            out,
            r#"
Usage reported yesterday, as Azure's Usage API answers it:

  curl --cacert {data}/ca.pem -H "Authorization: Bearer $(cat {data}/admin.token)" \
    "{provider}/UsageAggregates?api-version=2015-06-01-preview&reportedStartTime={start}T00:00:00Z&reportedEndTime={end}T00:00:00Z&aggregationGranularity=Daily&showDetails=true"

The prices, as Azure's RateCard API answers them:

  curl --cacert {data}/ca.pem -H "Authorization: Bearer $(cat {data}/admin.token)" --get \
    "{provider}/RateCard?api-version=2015-06-01-preview" \
    --data-urlencode "\$filter=OfferDurableId eq '{offer}' and Currency eq '{currency}' and Locale eq '{locale}' and RegionInfo eq '{region}'"

Spend, from the command line:

  {program} --data {data} cost show --subscription {subscription} -o table
  {program} --data {data} cost show --subscription {subscription} --group-by tag:team -o table
  {program} --data {data} usage list --subscription {subscription} \
    --reported-start {start} --reported-end {end} -o table"#
        )?;
        self.write_python(out, subscription, start.civil(), end.civil())
    }

    fn write_python(
        &self,
        out: &mut dyn Write,
        subscription: &str,
        start: (i32, u8, u8),
        end: (i32, u8, u8),
    ) -> io::Result<()> {
        let absolute = std::path::absolute(self.data).unwrap_or_else(|_| self.data.to_owned());
        let data = python_text(&absolute.display().to_string());
        let url = self.url;
        writeln!(
            out,
            r#"
Microsoft's own SDK for Python (pip install azure-mgmt-commerce==6.0.1):

  from datetime import datetime, timezone
  from azure.core.credentials import AccessToken
  from azure.mgmt.commerce import UsageManagementClient

  data = {data}

  class Token:
      def get_token(self, *scopes, **options):
          return AccessToken(open(data + "/admin.token").read().strip(), 2**31)

  client = UsageManagementClient(
      Token(), "{subscription}",
      base_url="{url}", credential_scopes=["{url}/.default"],
      connection_verify=data + "/ca.pem")
  for row in client.usage_aggregates.list(
          datetime{start:?}.replace(tzinfo=timezone.utc),
          datetime{end:?}.replace(tzinfo=timezone.utc)):
      print(row.usage_start_time, row.meter_name, row.quantity, row.unit)"#
        )
    }
}

/// The day of an RFC 3339 time.
fn day(time: &str) -> &str {
    time.split('T').next().unwrap_or(time)
}

/// The text as one word of a POSIX shell.
fn shell_word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@:,".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The text as a Python string.
fn python_text(text: &str) -> String {
    format!("{text:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_one_word_for_the_shell() {
        assert_eq!(shell_word("./tallyhouse-demo"), "./tallyhouse-demo");
        assert_eq!(shell_word("my data's"), r"'my data'\''s'");
    }
}
