//! Generations on disk: the contract between `ingest` and `serve`.
//!
//! A generation is a directory `index/<generation>/` that never changes once it has its name.
//! [`write`](write::write) makes it beside, syncs every file and renames it; [`current::publish`]
//! then replaces `index/CURRENT` atomically. A crash at any instant leaves the generation before it
//! in service. [`open`](open::open) believes nothing: it checks the manifest's digest, then every
//! file's length and BLAKE3, before any parser sees a byte.

pub mod arrive;
mod before4;
mod check;
pub mod current;
pub mod damage;
mod draft;
pub mod elsewhere;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod generation;
pub mod last_run;
pub mod live;
pub mod lock;
mod manifest;
pub mod open;
mod parts;
mod pointer;
mod records;
pub mod search;
mod supply;
mod synced;
mod texts;
pub mod unpublished;
mod verified;
pub mod write;
mod write_search;

pub use error::SnapshotError;
pub use generation::Generation;
pub use manifest::{Counts, FORMAT, FileEntry, Manifest};
pub use records::Records;
pub use supply::Supply;
pub use texts::TextSource;
