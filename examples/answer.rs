//! Answers a question from an index, in this process: `cargo run --example answer -- index "…"`.
//!
//! `wattwise ingest` makes the index; nothing is kept of the question.

#![expect(clippy::print_stdout, reason = "an example says what it found")]

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use wattwise::assistant::{Assistant, AssistantParts, SummaryRequest};
use wattwise::config::EmbedConfig;
use wattwise::model::Owner;
use wattwise::retrieve::RetrievalParameters;
use wattwise::snapshot::live::Live;
use wattwise::store::memory::MemoryStore;
use wattwise::wiring::{self, Index};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().context("name the folder of an index")?;
    let question = arguments.next().context("ask a question, in quotes")?;
    let model = EmbedConfig::default().resolve(NonZeroUsize::MIN)?;
    let embedder = wiring::embedder(model).await?;
    let index = Index::at(Path::new(&folder), None)?;
    let generation = wiring::generation(&index, embedder.as_ref()).await?;
    let assistant = Assistant::new(AssistantParts::new(
        Arc::new(MemoryStore::default()),
        Arc::new(Live::new(generation)),
        embedder,
        RetrievalParameters::default(),
    ));
    let summary = assistant
        .answers
        .answer(SummaryRequest {
            owner: Owner::OPERATOR,
            session: String::new(),
            contexts: None,
            history: Some(vec![question]),
        })
        .await?;
    println!("{}", summary.answer.text);
    for citation in &summary.answer.citations {
        println!("[{}] {}", citation.marker, citation.quote);
    }
    Ok(())
}
