//! The ledger through its public face.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod agreement;
mod backup;
mod compaction;
mod corrections;
mod damage;
mod erasure;
mod folder;
mod groups;
mod index;
mod moments;
mod objects;
mod records;
mod sample;
mod support;
mod verify;
