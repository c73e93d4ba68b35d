//! `wattwise eval`

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::bail;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::args::{EvalArguments, Weights};
use super::evaluation::Evaluation;
use super::{ExitStatus, printer};
use crate::assistant::{Assistant, AssistantParts};
use crate::config::{File, Layer as _, Switch};
use crate::evaluate::{self, beir};
use crate::retrieve::RetrievalParameters;
use crate::runtime::cpu_pool;
use crate::snapshot::live::Live;
use crate::store::memory::MemoryStore;
use crate::wiring;

pub(super) async fn run(arguments: EvalArguments, file: File) -> anyhow::Result<ExitStatus> {
    let serve = arguments.place.to_serve().over(file.serve).resolve()?;
    let embed = arguments
        .embed
        .clone()
        .over(file.embed)
        .resolve(cpu_pool::available_threads())?;
    let reader = arguments.reader.or(file.generate.reader);
    let reader = reader.unwrap_or(Switch::On);
    let embedder = wiring::embedder(embed).await?;
    let index = wiring::index_to_read(&serve).await?;
    let generation = wiring::generation(&index, embedder.as_ref()).await?;
    let live = Arc::new(Live::new(generation));
    let store = Arc::new(MemoryStore::default());
    let assistant = Assistant::new(AssistantParts {
        reader: wiring::reader(reader).await?,
        mends_words: arguments.speller != Some(Switch::Off),
        ..AssistantParts::new(store, live, embedder, parameters(&arguments.weights))
    });
    if let Some(path) = &arguments.cache {
        let part = arguments.part.as_deref();
        on_pairs(&assistant, path, part, arguments.verbose).await?;
        return Ok(ExitStatus::Done);
    }
    if let Some(path) = &arguments.claims {
        let part = arguments.part.as_deref();
        let evaluation = on_claims(&assistant, path, part, arguments.verbose).await?;
        evaluation.print(arguments.json)?;
        return Ok(ExitStatus::Done);
    }
    let evaluation = match (&arguments.questions, &arguments.beir) {
        (Some(path), _) if arguments.answers => {
            on_answers(&assistant, path, arguments.verbose).await?
        }
        (Some(path), _) => on_questions(&assistant, path, arguments.verbose).await?,
        (None, Some(folder)) => on_beir(&assistant, folder).await?,
        (None, None) => bail!("name what to measure: --questions FILE or --beir DIR"),
    };
    evaluation.print(arguments.json)?;
    if let Some(path) = &arguments.output {
        let scores: serde_json::Map<String, Value> = evaluation
            .scores
            .iter()
            .map(|(id, score)| (id.clone(), json!(score)))
            .collect();
        printer::write(path, &serde_json::to_vec_pretty(&scores)?)?;
    }
    if let Some(path) = &arguments.compare {
        evaluation.compare(path)?;
    }
    Ok(ExitStatus::Done)
}

fn parameters(weights: &Weights) -> RetrievalParameters {
    let default = RetrievalParameters::default();
    RetrievalParameters {
        dense_weight: weights.dense_weight.unwrap_or(default.dense_weight),
        sentence_weight: weights.sentence_weight.unwrap_or(default.sentence_weight),
        neighbour_weight: weights.neighbour_weight.unwrap_or(default.neighbour_weight),
        document_weight: weights.document_weight.unwrap_or(default.document_weight),
        feedback_weight: weights.feedback_weight.unwrap_or(default.feedback_weight),
        late_weight: weights.late_weight.unwrap_or(default.late_weight),
        candidates: weights.candidates.unwrap_or(default.candidates),
        ..default
    }
}

async fn on_questions(
    assistant: &Assistant,
    path: &Path,
    verbose: bool,
) -> anyhow::Result<Evaluation> {
    let questions = evaluate::read_questions(path)?;
    let outcomes = evaluate::run(assistant, &questions).await?;
    if verbose {
        named(outcomes.iter().map(|outcome| {
            let (right, verdict) = match (outcome.answerable, outcome.covered, outcome.rank) {
                (true, true, Some(rank)) => (true, format!("found at {rank}")),
                (true, true, None) => (false, "not found".to_owned()),
                (true, false, _) => (false, "wrongly refused".to_owned()),
                (false, true, _) => (false, "should refuse".to_owned()),
                (false, false, _) => (true, "refused".to_owned()),
            };
            (right, format!("{verdict:<15} {}", outcome.question))
        }))?;
    }
    let figures = evaluate::figures(&outcomes);
    Ok(Evaluation {
        figures: vec![
            ("answerable", figures.answerable as f64),
            ("hit@1", figures.hits[0]),
            ("hit@4", figures.hits[1]),
            ("hit@10", figures.hits[2]),
            ("MRR@10", figures.mrr),
            ("wrongly refused", figures.wrongly_refused),
            ("unanswerable", figures.unanswerable as f64),
            ("refused", figures.refused),
            ("AUC of coverage", figures.coverage_auc),
        ],
        scores: outcomes
            .iter()
            .filter(|outcome| outcome.answerable)
            .map(|outcome| {
                (
                    outcome.question.clone(),
                    outcome.rank.map_or(0.0, |rank| 1.0 / rank as f64),
                )
            })
            .collect(),
        median: figures.median,
    })
}

async fn on_answers(
    assistant: &Assistant,
    path: &Path,
    verbose: bool,
) -> anyhow::Result<Evaluation> {
    let mut outcomes = Vec::new();
    for question in evaluate::read_questions(path)? {
        outcomes.push(evaluate::judge_answer(assistant, &question).await?);
    }
    if verbose {
        named(outcomes.iter().map(|outcome| {
            let (right, verdict) = match (outcome.answerable, outcome.answered, outcome.is_hit()) {
                (true, true, true) => (true, "answered"),
                (true, true, false) => (false, "missed"),
                (true, false, _) => (false, "wrongly refused"),
                (false, true, _) => (false, "should refuse"),
                (false, false, _) => (true, "refused"),
            };
            let text = outcome.text.replace('\n', "\n    ");
            (
                right,
                format!("{verdict:<15} {}\n    {text}", outcome.question),
            )
        }))?;
    }
    let figures = evaluate::answer_figures(&outcomes);
    Ok(Evaluation {
        figures: vec![
            ("answerable", figures.answerable as f64),
            ("answer string present", figures.hits),
            ("wrongly refused", figures.wrongly_refused),
            ("unanswerable", figures.unanswerable as f64),
            ("refused", figures.refused),
            ("citations verified", figures.verified),
            ("words to the answer", figures.mean_words_read),
            ("mean words", figures.mean_words),
            ("most words", figures.most_words as f64),
        ],
        scores: outcomes
            .iter()
            .map(|outcome| {
                let right = if outcome.answerable {
                    outcome.answered && outcome.is_hit()
                } else {
                    !outcome.answered
                };
                (outcome.question.clone(), f64::from(right))
            })
            .collect(),
        median: figures.median,
    })
}

/// Questions with whether all went well: those that failed first, and how many they are.
fn named(outcomes: impl Iterator<Item = (bool, String)>) -> anyhow::Result<()> {
    let (right, failed): (Vec<_>, Vec<_>) = outcomes.partition(|(right, _)| *right);
    for (_, line) in failed.iter().chain(&right) {
        printer::result(line)?;
    }
    let all = failed.len() + right.len();
    printer::result(format!("{} of {all} questions failed", failed.len()))?;
    Ok(())
}

/// Cosines at which the cache is measured.
const THRESHOLDS: [f32; 7] = [0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95];

async fn on_pairs(
    assistant: &Assistant,
    path: &Path,
    part: Option<&str>,
    verbose: bool,
) -> anyhow::Result<()> {
    let mut pairs = evaluate::read_pairs(path)?;
    pairs.retain(|pair| part.is_none_or(|part| pair.part == part));
    if pairs.is_empty() {
        bail!("{} holds no pair of that part", path.display());
    }
    let judged = evaluate::judge_pairs(assistant, pairs).await?;
    for judged in judged.iter().filter(|_| verbose) {
        let pair = &judged.pair;
        let verdict = match (pair.same, judged.may_share) {
            (true, true) | (false, false) => "right",
            (true, false) => "missed",
            (false, true) => "confused",
        };
        printer::result(format!(
            "{verdict:<8} {:.3}  {} | {}",
            judged.cosine, pair.a, pair.b
        ))?;
    }
    let same = judged.iter().filter(|judged| judged.pair.same).count();
    printer::result(format!(
        "{same} pairs ask the same, {} do not; in brackets by cosine alone",
        judged.len() - same
    ))?;
    for threshold in THRESHOLDS {
        let figures = evaluate::cache_figures(&judged, threshold);
        printer::result(format!(
            "threshold {threshold:.2}  hits {:.3} ({:.3})  false hits {:.3} ({:.3})",
            figures.hits, figures.hits_by_cosine, figures.false_hits, figures.false_hits_by_cosine
        ))?;
    }
    Ok(())
}

async fn on_claims(
    assistant: &Assistant,
    path: &Path,
    part: Option<&str>,
    verbose: bool,
) -> anyhow::Result<Evaluation> {
    let mut claims = evaluate::read_claims(path)?;
    claims.retain(|claim| part.is_none_or(|part| claim.part == part));
    if claims.is_empty() {
        bail!("{} holds no claim of that part", path.display());
    }
    let begun = Instant::now();
    let judged = evaluate::judge_claims(assistant, claims).await?;
    let mean = begun.elapsed() / u32::try_from(judged.len()).unwrap_or(u32::MAX);
    for judged in judged.iter().filter(|_| verbose) {
        let verdict = match (judged.claim.supported, judged.passed) {
            (true, true) | (false, false) => "right",
            (true, false) => "held back",
            (false, true) => "let through",
        };
        printer::result(format!("{verdict:<11} {}", judged.claim.claim))?;
    }
    let figures = evaluate::claim_figures(&judged);
    Ok(Evaluation {
        figures: vec![
            ("supported", figures.supported as f64),
            ("passed", figures.passed),
            ("unsupported", figures.unsupported as f64),
            ("wrongly passed", figures.wrongly_passed),
        ],
        scores: Vec::new(),
        median: mean,
    })
}

async fn on_beir(assistant: &Assistant, folder: &Path) -> anyhow::Result<Evaluation> {
    let queries = beir::read_beir(folder)?;
    let bar = ProgressBar::new(queries.len() as u64);
    let mut judged = Vec::with_capacity(queries.len());
    for query in &queries {
        judged.push(beir::judge(assistant, query).await?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let mean = |value: fn(&beir::Judged) -> f64| {
        judged.iter().map(value).sum::<f64>() / judged.len().max(1) as f64
    };
    Ok(Evaluation {
        figures: vec![
            ("queries", judged.len() as f64),
            ("nDCG@10", mean(|query| query.ndcg_10)),
            ("Recall@10", mean(|query| query.recall_10)),
            ("Recall@100", mean(|query| query.recall_100)),
            ("MRR@10", mean(|query| query.reciprocal_rank)),
        ],
        scores: judged
            .iter()
            .map(|query| (query.id.clone(), query.ndcg_10))
            .collect(),
        median: evaluate::median(judged.iter().map(|query| query.latency)),
    })
}
