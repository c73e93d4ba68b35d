//! Indexes in object stores: `s3://bucket/prefix` and its like.
//!
//! A store holds what a folder holds, under the same names: a generation's files below its id, and
//! `CURRENT`. What is here turns either into a folder on this machine, so that nothing else in the program
//! knows of stores: a reader's folder is brought up to date before each look at its `CURRENT`, a
//! writer's is brought up to date before a run and published after it.
//!
//! Everything in a generation is put before `CURRENT` names it, and `CURRENT` is only ever replaced by
//! who saw what it replaces (RFC 9110, If-Match): a half upload is never seen, and of two publishers
//! the second is refused. What is fetched is checked against the manifest's digests before it gets its
//! name in the folder.

mod address;
mod bucket;
mod connect;
mod error;
mod fetch;
mod publish;
mod published;
mod reading;
mod workspace;
mod writing;

pub use address::{Address, Provider, is_address};
pub use bucket::{Bucket, Look};
pub use error::{Fault, ObjectsError};
pub use published::Published;
pub use reading::Reader;
pub use workspace::Workspace;
pub use writing::{Base, Writer};
