//! Data folders made by earlier commits, which every later commit must open and answer from.
//!
//! `tests/folders/1` was made by the first version: usage imported, sealed into the table, and more
//! usage left in the journal. It is never made anew; a new format gets a folder of its own.

use std::path::Path;

use crate::{http, stories};

#[tokio::test(flavor = "multi_thread")]
async fn kept_folder() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/folders/1");
    let folder = tempfile::tempdir().unwrap();
    copy(&kept, folder.path());
    http::check_on(&stories().join("kept_folder.http"), folder).await;
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
