//! `eval`.

use std::path::PathBuf;

use clap::Args;

use super::IndexArguments;
use crate::config::{EmbedConfig, Switch};

/// `eval`
#[derive(Debug, Args)]
pub struct EvalArguments {
    /// Labelled questions, one JSON object a line: question, answers; - is standard input
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present_any = ["beir", "cache", "claims"],
        conflicts_with = "beir"
    )]
    pub questions: Option<PathBuf>,
    /// Measure the answers to the questions instead of the contexts
    #[arg(long, requires = "questions")]
    pub answers: bool,
    /// Folder with queries.jsonl and qrels/test.tsv, over an index whose files are named by the
    /// passages' ids
    #[arg(long, value_name = "DIR")]
    pub beir: Option<PathBuf>,
    /// Labelled pairs of questions, one JSON object a line: a, b, same; measures the answer cache
    #[arg(long, value_name = "FILE", conflicts_with_all = ["questions", "beir"])]
    pub cache: Option<PathBuf>,
    /// Labelled sentences, one JSON object a line: question, claim, supported; measures what passes as
    /// supported of what a model might say
    #[arg(long, value_name = "FILE", conflicts_with_all = ["questions", "beir", "cache"])]
    pub claims: Option<PathBuf>,
    /// Measure this part of the pairs or claims alone
    #[arg(long, value_name = "NAME", conflicts_with_all = ["questions", "beir"])]
    pub part: Option<String>,
    /// Where the generations are.
    #[command(flatten)]
    pub place: IndexArguments,
    /// The embedder.
    #[command(flatten)]
    pub embed: EmbedConfig,
    /// Whether the first contexts are read [default: on]
    #[arg(long, env = "WATTWISE_READER", value_enum)]
    pub reader: Option<Switch>,
    /// Whether mistyped words are mended [default: on]
    #[arg(long, value_enum)]
    pub speller: Option<Switch>,
    /// Other weights than the default ones, for ablations.
    #[command(flatten)]
    pub weights: Weights,
    /// Name each question with what became of it, those that failed first
    #[arg(long)]
    pub verbose: bool,
    /// Print the figures as JSON
    #[arg(long)]
    pub json: bool,
    /// Write each query's score to this file, to be compared with another run; - is standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Compare with the scores that an earlier run wrote: difference of means and p value
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
}

/// Weights of retrieval, for ablations.
#[derive(Debug, Args)]
#[command(next_help_heading = "Ablations")]
pub struct Weights {
    /// Weight of vectors against words, from 0 to 1
    #[arg(long, value_name = "WEIGHT")]
    pub dense_weight: Option<f32>,
    /// Weight of the best sentence against the whole chunk, from 0 to 1
    #[arg(long, value_name = "WEIGHT")]
    pub sentence_weight: Option<f32>,
    /// Weight of each neighbour beside the chunk, 0 to leave them out
    #[arg(long, value_name = "WEIGHT")]
    pub neighbour_weight: Option<f32>,
    /// Weight of the whole document's words against the chunk's, from 0 to 1
    #[arg(long, value_name = "WEIGHT")]
    pub document_weight: Option<f32>,
    /// Weight of the second look, from 0 to 1
    #[arg(long, value_name = "WEIGHT")]
    pub feedback_weight: Option<f32>,
    /// Weight of the nearest words, 0 to leave them out
    #[arg(long, value_name = "WEIGHT")]
    pub late_weight: Option<f32>,
    /// Candidates from each side
    #[arg(long, value_name = "N")]
    pub candidates: Option<usize>,
}
