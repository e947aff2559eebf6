//! Figures as a table, on the screen and in `BENCHMARKS.md`. All arithmetic is on whole numbers.

use std::fmt::Write as _;
use std::fs;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::process::{command, output, root};

const PAGE: &str = "BENCHMARKS.md";
const END: &str = "<!-- end -->";

/// One measurement.
pub(crate) struct Line {
    what: String,
    cells: String,
}

impl Line {
    /// So many records in so much time.
    pub(crate) fn rate(what: &str, records: u64, wall_us: u64, cpu_us: u64) -> Self {
        let second = 1_000_000;
        let wall = thousands(records * second / wall_us.max(1));
        let capacity = thousands(records * second * 2 / cpu_us.max(1));
        let seconds = hundredths(wall_us / 10_000);
        let cells = format!("{wall} records/s | {capacity} records/s | {seconds} s");
        Self { what: what.to_owned(), cells }
    }

    /// The same, with how long a request took: half of them less, and 99 of 100 less.
    pub(crate) fn rate_and_wait(
        what: &str,
        records: u64,
        wall_us: u64,
        cpu_us: u64,
        waits_us: &mut [u64],
    ) -> Self {
        let mut line = Self::rate(what, records, wall_us, cpu_us);
        write!(line.cells, ", {}", waits(waits_us)).expect("writing to a text does not fail");
        line
    }

    /// How long one answer takes.
    pub(crate) fn answer(what: &str, wall_us: &mut [u64], cpu_us: u64) -> Self {
        let wall = hundredths(median(wall_us) / 10);
        let cells = format!("{wall} ms | {} ms | {} runs", hundredths(cpu_us / 10), wall_us.len());
        Self { what: what.to_owned(), cells }
    }
}

/// The lines of one run.
pub(crate) struct Report {
    /// `bench` or `bench ledger`: which section of the page this is.
    command: &'static str,
    records: u64,
    /// Load of the machine before the run, averaged over a minute: more than 0 is other work.
    load_before: String,
    text: String,
}

impl Report {
    /// Of a run of this command with this many records.
    pub(crate) fn new(command: &'static str, records: u64) -> Result<Self> {
        let load = fs::read_to_string("/proc/loadavg")?;
        let load_before = load.split(' ').next().unwrap_or_default().to_owned();
        Ok(Self { command, records, load_before, text: String::new() })
    }

    /// Begins a table.
    pub(crate) fn section(&mut self, title: &str, how: &str) {
        self.show(&format!(
            "\n### {title}\n\n{how}.\n\n| what | wall | processor | |\n|---|---|---|---|"
        ));
    }

    /// Begins a table with columns of its own.
    pub(crate) fn table(&mut self, title: &str, how: &str, columns: &[&str]) {
        let line = vec!["---"; columns.len()].join("|");
        let columns = columns.join(" | ");
        self.show(&format!("\n### {title}\n\n{how}\n\n| {columns} |\n|{line}|"));
    }

    /// Adds a row to it.
    pub(crate) fn row(&mut self, cells: &[&str]) {
        self.show(&format!("| {} |", cells.join(" | ")));
    }

    /// Adds a measurement to it, with its target.
    pub(crate) fn line_with_target(&mut self, line: &Line, target: &str) {
        self.show(&format!("| {} | {} | {target} |", line.what, line.cells));
    }

    /// Adds a measurement to it, with its target and a limit that no target can be above.
    pub(crate) fn line_with_limit(&mut self, line: &Line, target: &str, limit: &str) {
        self.show(&format!("| {} | {} | {target} | {limit} |", line.what, line.cells));
    }

    /// Adds a paragraph.
    pub(crate) fn note(&mut self, text: &str) {
        self.show(&format!("\n{text}"));
    }

    /// Adds a measurement to the table.
    pub(crate) fn line(&mut self, line: Line) {
        self.show(&format!("| {} | {} |", line.what, line.cells));
    }

    /// Adds several.
    pub(crate) fn lines(&mut self, lines: &[Line]) {
        for line in lines {
            self.show(&format!("| {} | {} |", line.what, line.cells));
        }
    }

    /// States how long a start on everything stored takes, and the server's highest memory after
    /// it and in the whole run.
    pub(crate) fn start(&mut self, wall_us: u64, after_start_kb: u64, peak_kb: u64) {
        self.show(&format!(
            "\nA start on all of it takes {} s. Highest resident memory: {} MB after the start, \
             {} MB in the run.",
            hundredths(wall_us / 10_000),
            after_start_kb / 1024,
            peak_kb / 1024,
        ));
    }

    /// Writes the section of BENCHMARKS.md, if asked to.
    pub(crate) fn finish(self, write: bool) -> Result<()> {
        if !write {
            return Ok(());
        }
        let path = root().join(PAGE);
        let page = fs::read_to_string(&path).with_context(|| format!("reading {PAGE}"))?;
        let section = format!("{}{}", self.head()?, self.text);
        fs::write(&path, with_section(&page, self.command, &section)?)?;
        println!("wrote {PAGE}");
        Ok(())
    }

    fn head(&self) -> Result<String> {
        let date = output(command("date").args(["-u", "+%Y-%m-%d"]))?;
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        let model = processors.lines().find_map(|line| line.strip_prefix("model name"));
        let model =
            model.map_or("unknown processor", |text| text.trim_start_matches([' ', '\t', ':']));
        let count = processors.lines().filter(|line| line.starts_with("processor")).count();
        Ok(format!(
            "`cargo xtask {} --records {}` on {}, {count} cores ({model}); load of the machine \
             before the run: {}.\n",
            self.command,
            self.records,
            date.trim(),
            self.load_before,
        ))
    }

    fn show(&mut self, text: &str) {
        println!("{text}");
        self.text.push_str(text);
        self.text.push('\n');
    }
}

/// The page with another text in the section that a command writes.
fn with_section(page: &str, command: &str, section: &str) -> Result<String> {
    let begin = format!("<!-- begin: written by `cargo xtask {command} --write` -->");
    let (before, rest) = page.split_once(&begin).with_context(|| format!("{PAGE}: no {begin}"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("{PAGE}: no {END}"))?;
    Ok(format!("{before}{begin}\n\n{section}\n{END}{after}"))
}

/// Time since then, in microseconds.
pub(crate) fn micros(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_micros()).expect("a run takes less than 500,000 years")
}

/// How long requests took: half of them less, and 99 of 100 less.
pub(crate) fn waits(waits_us: &mut [u64]) -> String {
    waits_us.sort_unstable();
    let at = |percent: usize| {
        let place = (waits_us.len() * percent / 100).min(waits_us.len().saturating_sub(1));
        hundredths(waits_us.get(place).copied().unwrap_or(0) / 10)
    };
    format!("p50 {} ms, p99 {} ms", at(50), at(99))
}

/// The middle one, after sorting.
pub(crate) fn median(values: &mut [u64]) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

/// With a comma between thousands.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of hundredths.
pub(crate) fn hundredths(number: u64) -> String {
    format!("{}.{:02}", number / 100, number % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_writes_its_own_section_of_the_page() {
        let page = fs::read_to_string(root().join(PAGE)).unwrap();
        let written = with_section(&page, "bench", "small\n").unwrap();
        let written = with_section(&written, "bench ledger", "large\n").unwrap();
        let (small, large) =
            (written.find("\nsmall\n").unwrap(), written.find("\nlarge\n").unwrap());
        assert!(small < large, "{written}");
        assert_eq!(written.matches(END).count(), 2);
        assert!(with_section(&page, "bench nothing", "").is_err());
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(12), "12");
        assert_eq!(hundredths(1_205), "12.05");
        assert_eq!(median(&mut [9, 1, 5]), 5);
    }
}
