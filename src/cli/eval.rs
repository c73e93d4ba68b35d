//! `wattwise eval`

use std::sync::Arc;

use serde_json::json;

use super::args::EvalArguments;
use super::{ExitStatus, printer};
use crate::config::{File, Layer as _, ServeConfig};
use crate::evaluate::{self, Figures};
use crate::runtime::cpu_pool;
use crate::snapshot::live::Live;
use crate::store::memory::MemoryStore;
use crate::wiring;

pub(super) async fn run(arguments: EvalArguments, file: File) -> anyhow::Result<ExitStatus> {
    let questions = evaluate::read_questions(&arguments.questions)?;
    let serve = ServeConfig {
        index: arguments.index,
        ..ServeConfig::default()
    }
    .over(file.serve)
    .resolve()?;
    let embed = arguments
        .embed
        .over(file.embed)
        .resolve(cpu_pool::available_threads())?;
    let embedder = wiring::embedder(embed).await?;
    let generation = wiring::generation(&serve.index, embedder.as_ref()).await?;
    let assistant = wiring::assistant(
        Arc::new(MemoryStore::default()),
        Arc::new(Live::new(generation)),
        embedder,
    );
    let outcomes = evaluate::run(&assistant, &questions).await?;
    if arguments.verbose {
        for outcome in &outcomes {
            let rank = outcome
                .rank
                .map_or_else(|| "-".to_owned(), |rank| rank.to_string());
            let covered = if outcome.covered {
                "covered"
            } else {
                "refused"
            };
            printer::result(format!("{rank:>3}  {covered}  {}", outcome.question))?;
        }
    }
    let figures = evaluate::figures(&outcomes);
    printer::result(if arguments.json {
        as_json(&figures)
    } else {
        as_text(&figures)
    })?;
    Ok(ExitStatus::Done)
}

fn as_text(figures: &Figures) -> String {
    format!(
        "{} answerable: hit@1 {:.3}  hit@4 {:.3}  hit@10 {:.3}  MRR@10 {:.3}  wrongly refused {:.3}\n\
         {} unanswerable: refused {:.3}\nmedian latency {:.1} ms",
        figures.answerable,
        figures.hits[0],
        figures.hits[1],
        figures.hits[2],
        figures.mrr,
        figures.wrongly_refused,
        figures.unanswerable,
        figures.refused,
        figures.median.as_secs_f64() * 1e3
    )
}

fn as_json(figures: &Figures) -> String {
    json!({
        "answerable": figures.answerable,
        "hit@1": figures.hits[0],
        "hit@4": figures.hits[1],
        "hit@10": figures.hits[2],
        "mrr@10": figures.mrr,
        "wrongly_refused": figures.wrongly_refused,
        "unanswerable": figures.unanswerable,
        "refused": figures.refused,
        "median_ms": figures.median.as_secs_f64() * 1e3,
    })
    .to_string()
}
