//! Texts of a request as an error message shows them: quoted, and never long.

use std::fmt;

/// Most characters of a foreign text that a message repeats.
const EXCERPT_CHARACTERS_MAX: usize = 100;

/// The beginning of a text from a request, for an error message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt(Box<str>);

impl Excerpt {
    /// The first 100 characters.
    #[must_use]
    pub fn new(text: &str) -> Self {
        match text.char_indices().nth(EXCERPT_CHARACTERS_MAX) {
            Some((end, _)) => Self(format!("{}…", &text[..end]).into()),
            None => Self(text.into()),
        }
    }
}

impl fmt::Display for Excerpt {
    /// In single quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0)
    }
}
