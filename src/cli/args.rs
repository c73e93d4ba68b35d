//! What the command line may say.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, value_parser};

use crate::config::{
    EmbedConfig, GenerateConfig, IngestConfig, LimitsConfig, LogConfig, ServeConfig, Switch,
};
use crate::model::{ContentKind, Filter};
use crate::runtime::clock;

/// An assistant over your own documents: ingest pages and PDFs, then ask, with verified citations.
///
/// Settings: flag over environment over wattwise.toml over default.
#[derive(Debug, Parser)]
#[command(name = "wattwise", version, max_term_width = 100)]
pub struct Cli {
    /// Configuration file [default: wattwise.toml, if there is one]
    #[arg(long, global = true, env = "WATTWISE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Log settings.
    #[command(flatten)]
    pub log: LogConfig,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fetch, extract, embed and index all sources, then publish a new generation
    ///
    /// Exit status: 0 published or nothing to do, 1 published but some sources failed, 2 usage or
    /// configuration, 3 nothing published.
    Ingest(IngestArguments),
    /// Answer over HTTP from the published generation
    Serve(Box<ServeArguments>),
    /// Ask the server that these settings start whether it can answer; for container health checks
    ///
    /// Exit status: 0 it can, 3 it cannot.
    Health(HealthArguments),
    /// Ask one question on the terminal
    Ask(AskArguments),
    /// Speak the Model Context Protocol over standard input and output, for programs on this machine
    Mcp(McpArguments),
    /// Show what ingest would keep of files
    Extract(ExtractArguments),
    /// Create, list and revoke the keys that clients of the server need
    ///
    /// As soon as there is one, the server asks for one on every route but /healthz and /readyz.
    Keys(KeysArguments),
    /// Check the replies that are given before anything is searched
    Replies(RepliesArguments),
    /// List, verify, roll back and prune generations
    Snapshot(SnapshotArguments),
    /// Measure retrieval on labelled questions
    Eval(EvalArguments),
    #[command(hide = true)]
    ExtractWorker(WorkerArguments),
}

/// `ingest`
#[derive(Debug, Args)]
pub struct IngestArguments {
    /// Sources and bounds.
    #[command(flatten)]
    pub ingest: IngestConfig,
    /// The embedder.
    #[command(flatten)]
    pub embed: EmbedConfig,
    /// Write what became of every source to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Fetch and extract, say what would happen, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print the merged settings without secrets, and stop
    #[arg(long)]
    pub print_config: bool,
}

/// `serve`
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Where and what.
    #[command(flatten)]
    pub serve: ServeConfig,
    /// What clients may cost.
    #[command(flatten)]
    pub limits: LimitsConfig,
    /// The embedder.
    #[command(flatten)]
    pub embed: EmbedConfig,
    /// What writes answers.
    #[command(flatten)]
    pub generate: GenerateConfig,
    /// Print the merged settings without secrets, and stop
    #[arg(long)]
    pub print_config: bool,
}

/// `mcp`
#[derive(Debug, Args)]
pub struct McpArguments {
    /// Where the generations are [default: index]
    #[arg(long, env = "WATTWISE_INDEX", value_name = "DIR")]
    pub index: Option<PathBuf>,
    /// The embedder.
    #[command(flatten)]
    pub embed: EmbedConfig,
    /// What writes answers.
    #[command(flatten)]
    pub generate: GenerateConfig,
}

/// `health`
#[derive(Debug, Args)]
pub struct HealthArguments {
    /// Where the server listens.
    #[command(flatten)]
    pub serve: ServeConfig,
}

/// `keys`
#[derive(Debug, Args)]
pub struct KeysArguments {
    /// Where the server keeps its state [default: state]
    #[arg(long, env = "WATTWISE_STATE", value_name = "DIR", global = true)]
    pub state: Option<PathBuf>,
    /// What to do with them.
    #[command(subcommand)]
    pub action: KeysAction,
}

/// `replies`
#[derive(Debug, Args)]
pub struct RepliesArguments {
    /// Embedder.
    #[command(flatten)]
    pub embed: EmbedConfig,
    /// What to do with them.
    #[command(subcommand)]
    pub action: RepliesAction,
}

/// What to do with replies.
#[derive(Debug, Clone, Subcommand)]
pub enum RepliesAction {
    /// Match the tests of a file; exit status 3 if any fails
    Check {
        /// The file; the one that `serve` would use if left out
        file: Option<String>,
    },
}

/// What to do with keys.
#[derive(Debug, Clone, Subcommand)]
pub enum KeysAction {
    /// Make a key and print it, this once
    Create {
        /// What to call it in lists
        #[arg(long)]
        name: String,
        /// What it opens, between commas: chat, retrieve, admin
        #[arg(long, default_value = "chat,retrieve")]
        scopes: String,
    },
    /// List all keys, revoked ones too
    List,
    /// End a key's validity
    Revoke {
        /// Its id, as `keys list` shows it
        id: String,
    },
}

/// `ask`
#[derive(Debug, Args)]
pub struct AskArguments {
    /// The question
    pub question: String,
    /// Where the generations are [default: index]
    #[arg(long, env = "WATTWISE_INDEX", value_name = "DIR")]
    pub index: Option<PathBuf>,
    /// The embedder.
    #[command(flatten)]
    pub embed: EmbedConfig,
    /// What writes the answer.
    #[command(flatten)]
    pub generate: GenerateConfig,
    /// Which documents may answer.
    #[command(flatten)]
    pub filter: FilterArguments,
    /// Print the answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// `extract`
#[derive(Debug, Args)]
pub struct ExtractArguments {
    /// PDF, HTML, Markdown or text files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Seconds for one file [default: 30, or as ingest's]
    #[arg(long, value_name = "SECONDS")]
    pub extract_timeout: Option<u64>,
    /// Memory of the process that reads a file, in MiB [default: 1024, or as ingest's]
    #[arg(long, value_name = "MIB")]
    pub extract_memory: Option<u64>,
    /// Largest file, in MiB [default: 32, or as ingest's]
    #[arg(long, value_name = "MIB")]
    pub max_size: Option<u64>,
    /// Program that reads scanned pages: PGM in, text out; `off` for none [default: `tesseract stdin
    /// stdout`, if it is installed]
    #[arg(long, env = "WATTWISE_OCR_COMMAND", value_name = "COMMAND")]
    pub ocr_command: Option<String>,
    /// One JSON object a file: title, text, blocks, `page_count`, metadata, dropped, warnings
    #[arg(long)]
    pub json: bool,
}

/// `extract-worker`
#[derive(Debug, Args)]
pub struct WorkerArguments {
    /// Most memory of this process
    #[arg(long, value_name = "MIB")]
    pub memory_mib: u64,
    /// Seconds for one document
    #[arg(long, value_name = "SECONDS")]
    pub timeout: u64,
}

/// `snapshot`
#[derive(Debug, Args)]
pub struct SnapshotArguments {
    /// Where the generations are [default: index]
    #[arg(long, env = "WATTWISE_INDEX", value_name = "DIR", global = true)]
    pub index: Option<PathBuf>,
    /// What to do with them.
    #[command(subcommand)]
    pub action: SnapshotAction,
}

/// What to do with generations.
#[derive(Debug, Clone, Subcommand)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one of these in the life of the program"
)]
pub enum SnapshotAction {
    /// List all generations, newest first
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Check every file of a generation against its digest, open it, and check that the embedder
    /// still gives its vectors
    Verify(VerifyArguments),
    /// Show what changed from one generation to another
    Diff {
        /// The older one
        from: String,
        /// The newer one [default: the live one]
        to: Option<String>,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make an older generation the live one
    Rollback {
        /// Which one [default: the one before the live one]
        generation: Option<String>,
    },
    /// Delete old generations
    Prune {
        /// How many to keep besides the live one
        #[arg(long, default_value_t = 2)]
        keep: usize,
    },
}

/// `snapshot verify`
#[derive(Debug, Clone, Args)]
pub struct VerifyArguments {
    /// Which one [default: the live one]
    pub generation: Option<String>,
    /// Check the files alone, without the embedder
    #[arg(long)]
    pub files_only: bool,
    /// The embedder.
    #[command(flatten)]
    pub embed: EmbedConfig,
}

/// `eval`
#[derive(Debug, Args)]
pub struct EvalArguments {
    /// Labelled questions, one JSON object a line: question, answers
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
    /// Where the generations are [default: index]
    #[arg(long, env = "WATTWISE_INDEX", value_name = "DIR")]
    pub index: Option<PathBuf>,
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
    /// Show each question with the rank at which its answer was complete, or with its answer
    #[arg(long)]
    pub verbose: bool,
    /// Print the figures as JSON
    #[arg(long)]
    pub json: bool,
    /// Write each query's score to this file, to be compared with another run
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Compare with the scores that an earlier run wrote: difference of means and p value
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
}

/// Which documents may answer.
#[derive(Debug, Args)]
#[command(next_help_heading = "Only from")]
pub struct FilterArguments {
    /// This source, or below this folder or address
    #[arg(long)]
    pub source: Option<String>,
    /// Web pages of this host
    #[arg(long)]
    pub host: Option<String>,
    /// Documents of this kind: pdf, html, markdown, text, docx, xlsx, mail and so on
    #[arg(long, value_parser = kind)]
    pub kind: Option<ContentKind>,
    /// This page on, in documents that have pages
    #[arg(long, value_name = "PAGE", value_parser = value_parser!(u32).range(1..))]
    pub page_from: Option<u32>,
    /// Pages up to this one
    #[arg(long, value_name = "PAGE", value_parser = value_parser!(u32).range(1..))]
    pub page_to: Option<u32>,
    /// Documents changed or fetched on this day (UTC) or later, as 2026-11-23
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub date_from: Option<i64>,
    /// Documents changed or fetched on this day or earlier
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub date_to: Option<i64>,
}

impl FilterArguments {
    /// The same as the retriever takes it.
    pub fn to_filter(&self) -> Filter {
        Filter {
            source: self.source.clone(),
            host: self.host.clone(),
            kind: self.kind,
            first_page: self.page_from,
            last_page: self.page_to,
            since: self.date_from,
            before: self.date_to.map(|day| day + 86_400),
        }
    }
}

fn kind(text: &str) -> Result<ContentKind, String> {
    ContentKind::from_name(text).ok_or_else(|| "it is none of ".to_owned() + &ContentKind::names())
}

fn day(text: &str) -> Result<i64, String> {
    clock::start_of_day(text).ok_or_else(|| "it is no day such as 2026-11-23".to_owned())
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
