//! An index in `PostgreSQL` with pgvector, for servers that share no disk and hold no copy.
//!
//! A run of `ingest` makes a generation in a folder, as always; [`Writer`] then copies it into tables,
//! one partition of each for a generation, and publishes it, all in one transaction: what is interrupted
//! was never there. A server ([`Reader`]) holds a catalogue in memory (documents, chunks, terms) and asks
//! the database for candidates and their vectors in one statement a question, and for texts.
//!
//! BM25 is exact and not `ts_rank`: a term's part of a text's score depends on the generation alone, so
//! that it is computed when the generation is published, by the code that scores a folder
//! ([`crate::index::impacts`]), and a question only adds up the parts of its terms.

mod bridge;
mod catalogue;
mod copying;
mod dictionary;
mod digests;
mod error;
mod layout;
mod publish;
mod published;
mod reader;
mod rows;
mod search;
mod statement;
mod verify;
mod workspace;
mod writer;

pub use error::TablesError;
pub use layout::grant;
pub use publish::make;
pub use reader::Reader;
pub use workspace::Workspace;
pub use writer::{Base, Writer};

use crate::postgres::DatabaseOptions;

/// What is told when another generation is live; its id are the words.
const CHANNEL: &str = "wattwise_index";

/// How an index is read: replicas will do.
pub fn reading(connections: usize) -> DatabaseOptions {
    DatabaseOptions {
        connections,
        writes: false,
        session: statement::SESSION,
        ..DatabaseOptions::default()
    }
}

/// How an index is published.
pub fn writing() -> DatabaseOptions {
    DatabaseOptions {
        connections: 2,
        ..DatabaseOptions::default()
    }
}

#[cfg(test)]
mod tests;
