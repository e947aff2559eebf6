//! Writes a bill with every kind of row to `focus.csv` and `focus.parquet` in a folder, for the
//! validators: `cargo run -p focus --example sample -- FOLDER`.

use std::error::Error;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::PathBuf;

use focus::{CsvWriter, ParquetWriter, Scales};

mod rows;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("name the folder to write to")?;
    let folder = PathBuf::from(folder);
    fs::create_dir_all(&folder)?;
    let rows = rows::sample()?;

    let mut csv = CsvWriter::new(BufWriter::new(File::create(folder.join("focus.csv"))?))?;
    let mut scales = Scales::default();
    for row in &rows {
        csv.write(row)?;
        scales.widen(row)?;
    }
    csv.finish()?;

    let file = File::create(folder.join("focus.parquet"))?;
    let mut parquet = ParquetWriter::new(file, &scales)?;
    for row in &rows {
        parquet.write(row)?;
    }
    parquet.finish()?;
    Ok(())
}
