//! The command line as text: each file of `tests/cli` is a conversation with a server of its own,
//! on an empty data folder. `UPDATE_EXPECT=1` writes what is printed into the files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod transcript;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use transcript::Transcript;

/// The corpus at the root of the repository.
fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cli")
}

/// A server on a free port, stopped with the test.
struct Server {
    process: Child,
    line: String,
}

impl Server {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let log = fs::File::create(folder.join("server.log")).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_tallyhouse"))
            .args(arguments)
            .args(["--data", "data", "--listen", "127.0.0.1:0"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { process, line }
    }

    fn terminate(&mut self) -> Option<i32> {
        let process = self.process.id().to_string();
        Command::new("kill").args(["-TERM", &process]).status().unwrap();
        self.process.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn run(transcript: &Transcript) -> String {
    let folder = tempfile::tempdir().unwrap();
    for file in fs::read_dir(corpus().join("files")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    let _server = Server::start(folder.path(), &["serve"]);
    transcript.run(folder.path())
}

#[test]
fn conversations_go_as_written() {
    let mut files: Vec<PathBuf> =
        fs::read_dir(corpus()).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    assert!(!files.is_empty());
    std::thread::scope(|scope| {
        let runs: Vec<_> = files
            .iter()
            .map(|file| {
                scope.spawn(move || {
                    let transcript = Transcript::parse(&fs::read_to_string(file).unwrap());
                    expect_test::expect_file![file].assert_eq(&run(&transcript));
                })
            })
            .collect();
        let failed = runs.into_iter().map(|run| run.join()).filter(Result::is_err).count();
        assert_eq!(failed, 0, "conversations differ from what is written");
    });
}

#[test]
fn the_server_says_where_it_is_and_stops_cleanly_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["serve", "--log", "json"]);
    let url = server.line.trim().strip_prefix("tallyhouse is listening on ").unwrap();
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    assert_eq!(fs::read_to_string(folder.path().join("data/server.url")).unwrap().trim(), url);
    assert_eq!(server.terminate(), Some(0));
    let log = fs::read_to_string(folder.path().join("server.log")).unwrap();
    assert!(log.lines().all(|line| line.starts_with('{')), "{log}");
}

#[test]
fn a_demo_run_again_counts_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let demo = || {
        let output = Command::new(env!("CARGO_BIN_EXE_tallyhouse"))
            .args(["demo", "--exit", "--days", "2", "--data", "data", "--listen", "127.0.0.1:0"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("not on rate card") && text.contains("Fabrikam Batch"), "{text}");
        let line = text.lines().find(|line| line.trim_start().starts_with("Usage ")).unwrap();
        let numbers = line.split_whitespace().filter_map(|word| word.parse().ok());
        numbers.collect::<Vec<u64>>()
    };
    let (first, second) = (demo(), demo());
    let ([stored, 0], [added, duplicate]) = (&first[..], &second[..]) else {
        panic!("{first:?} {second:?}")
    };
    assert!(*stored > 800, "{stored}");
    // Between the two an hour, or the oldest day, may have passed.
    assert!(*added < 100 && *duplicate > 0 && duplicate <= stored, "{added} {duplicate}");
}
