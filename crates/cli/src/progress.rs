//! Progress of work that takes longer than a moment, on standard error and on a terminal alone.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::limits;

/// A bar that shows itself once the work has taken [`limits::PROGRESS_AFTER`].
pub(crate) struct Progress {
    bar: ProgressBar,
    started: Instant,
    is_shown: bool,
}

impl Progress {
    /// A bar over bytes; without a known size it counts alone.
    pub(crate) fn of_bytes(total: Option<u64>, what: &'static str) -> Self {
        let known = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        let unknown = "{msg} {spinner} {bytes} {bytes_per_sec} {elapsed}";
        Self::new(total, if total.is_some() { known } else { unknown }, what)
    }

    /// A bar over a number of things.
    pub(crate) fn of_count(total: u64, what: &'static str) -> Self {
        Self::new(Some(total), "{msg} {wide_bar} {human_pos}/{human_len} {eta}", what)
    }

    fn new(total: Option<u64>, template: &str, what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template(template).expect("the template is well formed");
        bar.set_style(style.progress_chars("━━ "));
        bar.set_message(what);
        Self { bar, started: Instant::now(), is_shown: false }
    }

    /// Sets how far the work is.
    pub(crate) fn at(&mut self, position: u64) {
        self.bar.set_position(position);
        if !self.is_shown && self.started.elapsed() >= limits::PROGRESS_AFTER {
            self.is_shown = true;
            // Hidden by itself where standard error is no terminal.
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
