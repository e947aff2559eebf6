//! Why a command did not do all that it was asked to, and the exit code that says so.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// The exit codes, as the help shows them.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the server refused: its error code and message are on standard error
  2  the command line is wrong
  3  the server cannot be reached, or its certificate is not trusted
  4  an input file cannot be read, or is wrong: its place is on standard error
  5  done in part: some rows were rejected or conflict with stored ones
  6  done, and files of the ledger are damaged: the result names them";

/// What went wrong; one variant for each exit code, and one for the output.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server answered with an error, or did not start.
    Refused {
        /// Code and message.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The command line does not say enough, or says something wrong.
    Usage(String),
    /// No answer.
    Unreachable {
        /// The server.
        server: String,
        /// What happened.
        reason: String,
        /// What to do about it.
        hint: Option<&'static str>,
    },
    /// A file that was handed in is wrong.
    Input {
        /// The file as named on the command line; `-` is standard input.
        file: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// Some rows were not stored.
    Partial {
        /// Wrong ones.
        rejected: u64,
        /// Ones that are stored with other content.
        conflicting: u64,
    },
    /// Files of the ledger are damaged.
    Damaged {
        /// How many.
        files: u64,
    },
    /// Standard output does not take what is written to it.
    Output(io::Error),
}

impl Failure {
    /// What to return to the shell.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            // A reader that has seen enough (`head`) is no failure.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Refused { .. } | Self::Output(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable { .. } => 3,
            Self::Input { .. } => 4,
            Self::Partial { .. } => 5,
            Self::Damaged { .. } => 6,
        })
    }

    /// What to do about it, where there is something to say.
    pub(crate) fn hint(&self) -> Option<&str> {
        match self {
            Self::Refused { hint, .. } => hint.as_deref(),
            Self::Unreachable { hint, .. } => *hint,
            Self::Partial { .. } => {
                Some("the result lists the rows; \"position\" counts the rows of the file from 0")
            }
            Self::Damaged { .. } => {
                Some("the result names them; keep the folder, and restore a backup beside it")
            }
            _ => None,
        }
    }

    /// Whether there is nothing to say: whoever read the output has gone.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { message, .. } | Self::Usage(message) => f.write_str(message),
            Self::Unreachable { server, reason, .. } => {
                write!(f, "cannot reach {server}: {reason}")
            }
            Self::Input { file, reason } if file == "-" => write!(f, "standard input: {reason}"),
            Self::Input { file, reason } => write!(f, "{file}: {reason}"),
            Self::Partial { rejected, conflicting } => {
                write!(
                    f,
                    "not all rows were stored: {rejected} rejected, {conflicting} conflicting"
                )
            }
            Self::Damaged { files: 1 } => f.write_str("a file of the ledger is damaged"),
            Self::Damaged { files } => write!(f, "{files} files of the ledger are damaged"),
            Self::Output(error) => write!(f, "cannot write the output: {error}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    /// Errors of writing; readers map theirs to [`Failure::Input`] with the file's name.
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
