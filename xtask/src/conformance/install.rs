//! Installs the clients that the tests use, from pinned lists, once for each list.
//!
//! An environment is ready exactly when it holds a copy of the list that it was made from.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::process::{command, run, target};

const COPY_OF_LIST: &str = "installed-from";

/// A Python environment with these requirements; gives its interpreter.
pub(crate) fn python(requirements: &Path, name: &str) -> Result<PathBuf> {
    environment(requirements, name, false)
}

/// As [`python`], of packages that ask for a newer Python than there is.
pub(crate) fn python_of_any_version(requirements: &Path, name: &str) -> Result<PathBuf> {
    environment(requirements, name, true)
}

fn environment(requirements: &Path, name: &str, any_version: bool) -> Result<PathBuf> {
    let folder = target().join("conformance/environments").join(name);
    let interpreter = folder.join("bin/python");
    let list = fs::read_to_string(requirements)
        .with_context(|| format!("reading {}", requirements.display()))?;
    if is_ready(&folder, &list) {
        return Ok(interpreter);
    }
    println!("installing {} into {}", requirements.display(), folder.display());
    run(command("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut pip = command(&interpreter);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    if any_version {
        pip.arg("--ignore-requires-python");
    }
    run(pip.arg("--requirement").arg(requirements))?;
    fs::write(folder.join(COPY_OF_LIST), list)?;
    Ok(interpreter)
}

/// A folder with the files of `source` and the packages of its lock file.
pub(crate) fn node(source: &Path, name: &str) -> Result<PathBuf> {
    let folder = target().join("conformance/environments").join(name);
    fs::create_dir_all(&folder)?;
    for entry in fs::read_dir(source)? {
        let path = entry?.path();
        if path.is_file() {
            fs::copy(&path, folder.join(path.file_name().expect("a file has a name")))?;
        }
    }
    let list = fs::read_to_string(folder.join("package-lock.json"))?;
    if !is_ready(&folder, &list) {
        println!("installing {} into {}", source.display(), folder.display());
        run(command("npm")
            .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(&folder))?;
        fs::write(folder.join(COPY_OF_LIST), list)?;
    }
    Ok(folder)
}

fn is_ready(folder: &Path, list: &str) -> bool {
    fs::read_to_string(folder.join(COPY_OF_LIST)).is_ok_and(|installed| installed == list)
}
