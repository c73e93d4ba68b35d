//! Wattwise: an assistant over your own documents, with citations that the server has verified.
//!
//! `wattwise ingest` turns web pages and files into an immutable, checksummed snapshot;
//! `wattwise serve` answers from it over HTTP and moves to the next snapshot without dropping a
//! request. The two meet nowhere but in the snapshot.
//!
//! ```text
//! sources ─ crawl ─ extract ─ chunk ─ embed ─ index ─ snapshot        ingest (offline, cron)
//!                                                         │
//! http ─ assistant ─ retrieve ─ generate ─ store ─────────┘           serve (hot reload)
//! ```
//!
//! What the commands do, a program may do by itself. An index is made by `wattwise ingest` (its workers
//! are that program); this answers from one:
//!
//! ```no_run
//! use std::num::NonZeroUsize;
//! use std::path::Path;
//! use std::sync::Arc;
//!
//! use wattwise::assistant::{Assistant, AssistantParts, SummaryRequest};
//! use wattwise::config::EmbedConfig;
//! use wattwise::model::Owner;
//! use wattwise::retrieve::RetrievalParameters;
//! use wattwise::snapshot::live::Live;
//! use wattwise::store::memory::MemoryStore;
//! use wattwise::wiring;
//!
//! # async fn answer() -> anyhow::Result<()> {
//! let model = EmbedConfig::default().resolve(NonZeroUsize::MIN)?;
//! let embedder = wiring::embedder(model).await?;
//! let index = wiring::Index::at(Path::new("index"), None)?;
//! let generation = wiring::generation(&index, embedder.as_ref()).await?;
//! let assistant = Assistant::new(AssistantParts::new(
//!     Arc::new(MemoryStore::default()),
//!     Arc::new(Live::new(generation)),
//!     embedder,
//!     RetrievalParameters::default(),
//! ));
//! let question = SummaryRequest {
//!     owner: Owner::OPERATOR,
//!     session: String::new(),
//!     contexts: None,
//!     history: Some(vec!["How often is the filter changed?".to_owned()]),
//! };
//! let summary = assistant.answers.answer(question).await?;
//! println!("{}", summary.answer.text);
//! # Ok(())
//! # }
//! ```
//!
//! Start reading at [`cli`] for what the program does, at [`ingest::Ingestor::run`] for writing, at
//! [`assistant::Assistant`] for reading, and in ARCHITECTURE.md for why. Modules import downward
//! only; `tests/it/layering.rs` holds the table.

// Test fixtures are shared with `tests/it`, where the library goes by its own name.
#[cfg(test)]
extern crate self as wattwise;

pub mod assistant;
pub mod chunk;
pub mod cli;
pub mod codec;
pub mod config;
pub mod crawl;
pub mod embed;
pub mod encoder;
pub mod evaluate;
pub mod extract;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod generate;
pub mod http;
pub mod index;
pub mod ingest;
pub mod language;
pub mod mcp;
pub mod model;
pub mod notify;
pub mod objects;
pub mod postgres;
pub mod reader;
pub mod retrieve;
pub mod runtime;
pub mod snapshot;
pub mod store;
pub mod tables;
mod telemetry;
pub mod wiring;
