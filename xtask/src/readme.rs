//! The README's commands, run as a newcomer would paste them, in one shell and one new folder.
//!
//! Commands that build (`cargo …`) and install (`pip …`) are left out, and the port is a free one.
//! Every command must succeed, no answer may be an error, and the output that the README shows
//! must be there.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::conformance;
use crate::process::{fresh_folder, root, tallyhouse};

/// Port that the README names.
const PORT: &str = "127.0.0.1:8443";
/// A proxy that there is not, so that no command reaches another host.
const NOBODY: &str = "http://127.0.0.1:9";
/// Runs before the first command. What the shell started ends with it.
const PROLOGUE: &str = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n";
/// Runs after a command that goes on in the background: a person waits for its first line.
const WAIT: &str = "for _ in $(seq 600); do [ -s billing/server.url ] && break; sleep 0.1; done\n";

/// A command, and the output that the README shows under it.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    command: String,
    output: Vec<String>,
}

/// Runs them.
pub(crate) fn run() -> Result<()> {
    let steps = steps(&fs::read_to_string(root().join("README.md"))?);
    let built = |step: &Step| {
        ["cargo ", "pip ", "export PATH="].iter().any(|start| step.command.starts_with(start))
    };
    let steps: Vec<Step> = steps.into_iter().filter(|step| !built(step)).collect();
    ensure!(!steps.is_empty(), "the README has no commands");
    let folder = fresh_folder("readme")?;
    for shown in ["samples", "examples"] {
        std::os::unix::fs::symlink(root().join(shown), folder.join(shown))?;
    }
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    fs::write(folder.join("readme.sh"), script(&steps, &address))?;
    let said = shell(&folder)?.replace(&address, PORT);
    ensure!(!said.contains("\"error\""), "an answer is an error:\n{said}");
    for line in steps.iter().flat_map(|step| &step.output) {
        ensure!(
            said.contains(line.trim()),
            "the output lacks what the README shows: {line}\n{said}"
        );
    }
    println!("readme: {} commands do what it says", steps.len());
    Ok(())
}

/// Runs the script with the binary, the SDK's Python and `az` in reach, and no other host; gives all
/// that it said.
fn shell(folder: &Path) -> Result<String> {
    let binary = tallyhouse()?;
    // Both have a `python`: the README's is the first.
    let (python, az) = (conformance::client_python()?, conformance::az_python()?);
    let programs = [&binary, &python, &az];
    let folders = programs.map(|program| program.parent().expect("a file has a folder").to_owned());
    let path = std::env::var_os("PATH").context("there is no PATH")?;
    let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&path)))?;
    let log = fs::File::create(folder.join("readme.log"))?;
    let mut bash = Command::new("bash");
    bash.arg("readme.sh").current_dir(folder).env("PATH", path).stdin(std::process::Stdio::null());
    bash.env("HTTPS_PROXY", NOBODY).env("NO_PROXY", "127.0.0.1");
    bash.env("AZURE_CORE_COLLECT_TELEMETRY", "false");
    let status =
        bash.stdout(log.try_clone()?).stderr(log).status().context("bash does not start")?;
    let said = fs::read_to_string(folder.join("readme.log"))?;
    ensure!(status.success(), "a command of the README ended with {status}:\n{said}");
    Ok(said)
}

fn script(steps: &[Step], address: &str) -> String {
    let mut script = PROLOGUE.to_owned();
    for step in steps {
        let mut command = step.command.replace(PORT, address);
        if let Some(at) = command.find(" serve ") {
            command.insert_str(at + " serve".len(), &format!(" --listen {address}"));
        }
        script.push_str(&command);
        script.push('\n');
        if command.ends_with('&') {
            script.push_str(WAIT);
        }
    }
    script
}

/// The commands in `console` blocks. A command goes on while a line ends with a backslash or a
/// quotation is open.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    let mut open = false;
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside && !open) {
            steps.push(Step { command: command.to_owned(), output: Vec::new() });
            open = goes_on(command);
        } else if let Some(step) = steps.last_mut().filter(|_| inside) {
            if open {
                step.command.push('\n');
                step.command.push_str(line);
                open = goes_on(&step.command);
            } else if !line.is_empty() {
                step.output.push(line.to_owned());
            }
        }
    }
    steps
}

fn goes_on(command: &str) -> bool {
    command.ends_with('\\') || command.matches('\'').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_their_output_are_read_from_console_blocks() {
        let page = "# A\n```console\n$ one \\\n    --two\nsays\n$ three '{\n  }'\n```\n```json\n$ no\n```\n";
        let step = |command: &str, output: &[&str]| Step {
            command: command.to_owned(),
            output: output.iter().map(|line| (*line).to_owned()).collect(),
        };
        assert_eq!(
            steps(page),
            [step("one \\\n    --two", &["says"]), step("three '{\n  }'", &[])]
        );
    }

    #[test]
    fn the_server_gets_a_free_port() {
        let steps = steps(
            "```console\n$ tallyhouse serve --data ./billing &\non https://127.0.0.1:8443\n```\n",
        );
        let script = script(&steps, "127.0.0.1:9");
        assert!(script.contains("tallyhouse serve --listen 127.0.0.1:9 --data ./billing &\nfor _"));
    }
}
