//! The commands `backup` and `restore`.

use std::path::PathBuf;

use clap::Args;

/// Take a backup of a running server into a new folder.
///
/// Everything as of one moment, while the server goes on: usage, accounts and, if told so, the private
/// keys, encrypted. The server streams it to this machine, and every byte is checked on its way. The folder has
/// manifest.json once the backup is whole; one without it is of no use.
///
/// Without --with-keys the folder has no private keys: after a restore the server makes new ones, so
/// that tokens that were given out count no more and clients need the new ca.pem. With it, the server
/// encrypts them by a passphrase: keep that elsewhere, as nobody gets at the keys without it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  tallyhouse --data ./data backup /backups/2026-12-01
  tallyhouse --server https://billing.example backup ./saved --with-keys --passphrase-file ./words")]
pub(crate) struct BackupOptions {
    /// Folder to make; it may be there if it is empty
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,

    /// Include the private keys, encrypted by the passphrase of --passphrase-file
    #[arg(long, requires = "passphrase_file")]
    pub(crate) with_keys: bool,

    /// File with the passphrase, of 12 to 1024 bytes; a line end at its end does not count
    #[arg(long, value_name = "FILE", requires = "with_keys")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// Make a data folder of a backup.
///
/// Needs no server. Every file is compared with the backup's manifest; a folder that is not whole is
/// opened by no server.
///
/// Private keys that the backup has are restored if their passphrase is given; otherwise the server
/// makes new ones.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  tallyhouse restore /backups/2026-12-01 --data ./restored --verify
  tallyhouse restore ./saved --data ./restored --passphrase-file ./words
  tallyhouse serve --data ./restored")]
pub(crate) struct RestoreOptions {
    /// Folder of the backup
    #[arg(value_name = "DIR")]
    pub(crate) backup: PathBuf,

    /// Data folder to make; it may be there if it is empty (required)
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// File with the passphrase of the private keys; without it everything else is restored
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,

    /// Open what was restored, and compare every subscription's rows and sums with the backup's
    #[arg(long)]
    pub(crate) verify: bool,
}
