//! The command line of xtask: one command, then options. What nobody asked for is an error.

use anyhow::{Context, Result, bail};

/// Arguments that were not read yet.
pub(crate) struct Arguments {
    rest: Vec<String>,
}

impl Arguments {
    /// Those that the program was started with.
    pub(crate) fn of_process() -> Self {
        Self { rest: std::env::args().skip(1).collect() }
    }

    /// The command: the first of them.
    pub(crate) fn command(&mut self) -> Option<String> {
        (!self.rest.is_empty()).then(|| self.rest.remove(0))
    }

    /// Whether this option was given.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let found = self.rest.iter().position(|argument| argument == name);
        found.map(|place| self.rest.remove(place)).is_some()
    }

    /// The text after this option.
    pub(crate) fn value(&mut self, name: &str) -> Result<Option<String>> {
        let Some(place) = self.rest.iter().position(|argument| argument == name) else {
            return Ok(None);
        };
        if place + 1 >= self.rest.len() {
            bail!("{name} needs a value");
        }
        self.rest.remove(place);
        Ok(Some(self.rest.remove(place)))
    }

    /// The whole number after this option.
    pub(crate) fn number(&mut self, name: &str) -> Result<Option<u64>> {
        let Some(text) = self.value(name)? else {
            return Ok(None);
        };
        let plain = text.replace('_', "");
        plain.parse().map(Some).with_context(|| format!("{name} {text} is no whole number"))
    }

    /// Says that all was read.
    pub(crate) fn finish(self) -> Result<()> {
        match self.rest.first() {
            None => Ok(()),
            Some(unknown) => bail!("unknown argument {unknown}"),
        }
    }
}
