//! Data folders made by earlier commits, which every later commit must open and answer from.
//!
//! `tests/folders/1` was made by the first version: usage imported, sealed into the table, and more
//! usage left in the journal. `tests/folders/2` has accounts of format 2 with a change of each kind, `tests/folders/3` of format 3 with
//! usage that names somebody, and `tests/folders/4` of format 4, in which that was erased.
//! They are never made anew; a new format gets a folder of its own.

use std::path::Path;

use crate::{http, stories};

/// Answers from a copy of a kept folder.
async fn check(number: u32) {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/folders");
    let folder = tempfile::tempdir().unwrap();
    copy(&kept.join(number.to_string()), folder.path());
    http::check_on(&stories().join(format!("kept_folder_{number}.http")), folder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_of_the_first_version() {
    check(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_with_accounts_of_format_2() {
    check(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_with_accounts_of_format_3() {
    check(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_with_accounts_of_format_4() {
    check(4).await;
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
