//! A conversation as text: comments, `$ command` lines for a POSIX shell, and what they print.
//!
//! Standard output comes first as it is, then standard error with `2> ` before each line, then
//! `exit N` where the code is not 0. A command ends with the line that has no `\` at its end.

use std::path::Path;
use std::process::{Command, Stdio};

/// A conversation.
pub(crate) struct Transcript(Vec<Step>);

/// A command with the comments above it.
#[derive(Default)]
struct Step {
    comments: String,
    command: String,
}

impl Transcript {
    /// Reads comments and commands; what they printed is passed over.
    pub(crate) fn parse(text: &str) -> Self {
        let mut steps = vec![];
        let mut step = Step::default();
        let mut is_in_command = false;
        for line in text.lines() {
            if line.starts_with("# ") {
                step.comments.push_str(&format!("{line}\n"));
            }
            let Some(command) = line.strip_prefix("$ ").or(is_in_command.then_some(line)) else {
                continue;
            };
            step.command.push_str(&format!("{command}\n"));
            is_in_command = command.ends_with('\\');
            if !is_in_command {
                steps.push(std::mem::take(&mut step));
            }
        }
        Self(steps)
    }

    /// Runs the commands in this folder, and returns the conversation as it went.
    pub(crate) fn run(&self, folder: &Path) -> String {
        let steps = self.0.iter().map(|step| {
            let printed = run(&step.command, folder);
            format!("{}$ {}{printed}", step.comments, step.command)
        });
        steps.collect::<Vec<_>>().join("\n")
    }
}

fn run(command: &str, folder: &Path) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_tallyhouse"));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", binary.parent().unwrap().display());
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let mut printed = String::from_utf8(output.stdout).unwrap();
    for line in String::from_utf8(output.stderr).unwrap().lines() {
        printed.push_str(&format!("2> {line}\n"));
    }
    match output.status.code() {
        Some(0) => {}
        Some(code) => printed.push_str(&format!("exit {code}\n")),
        None => printed.push_str("killed by a signal\n"),
    }
    printed
}
