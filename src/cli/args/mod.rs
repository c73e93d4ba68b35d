//! What the command line may say.

mod eval;
mod place;
mod questions;
mod upkeep;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::config::{
    EmbedConfig, GenerateConfig, IngestConfig, LimitsConfig, LogConfig, Loudness, ServeConfig,
};

pub(super) use eval::{EvalArguments, Weights};
pub(super) use place::IndexArguments;
pub(super) use questions::{AskArguments, ChatArguments};
pub(super) use upkeep::{
    KeysAction, KeysArguments, MigrateArguments, RepliesAction, RepliesArguments, SnapshotAction,
    SnapshotArguments, VerifyArguments,
};

/// Stands below the help of commands that take settings.
const SETTINGS_HELP: &str = "Each setting is also a variable (WATTWISE_MAX_BODY for --max-body, where none is named) and a key of wattwise.toml (max-body). For tuning there are more: docs/configuration.md.";

/// An assistant over your own documents: it reads pages and files, and answers with citations that it
/// has checked.
///
/// Without a command it does what `wattwise up` does. Settings: flag over environment over
/// wattwise.toml over default.
#[derive(Debug, Parser)]
#[command(
    name = "wattwise",
    version,
    max_term_width = 100,
    disable_help_flag = true
)]
pub struct Cli {
    /// Configuration file [default: wattwise.toml, if there is one]
    #[arg(long, global = true, env = "WATTWISE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print help
    #[arg(long, short, global = true, action = ArgAction::HelpShort)]
    pub help: Option<bool>,
    /// How much is said.
    #[command(flatten)]
    pub loudness: Loudness,
    /// Log settings.
    #[command(flatten)]
    pub log: LogConfig,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read what is named, serve it, and say at which address
    ///
    /// Where there is no index yet, one is made first: of the folders, files and addresses that are
    /// named, or of the guides that come with the program. What was named is remembered: the next `up`
    /// answers at once from the index and reads the sources again meanwhile. Named anew, other sources
    /// are read first and take the place of those before.
    #[command(after_help = SETTINGS_HELP)]
    Up(Box<UpArguments>),
    /// Fetch, extract, embed and index all sources, then publish a new generation
    ///
    /// Exit status: 0 published or nothing to do, 1 published but some sources failed, 2 usage or
    /// configuration, 3 nothing published.
    #[command(after_help = SETTINGS_HELP)]
    Ingest(IngestArguments),
    /// Answer over HTTP from the published generation
    #[command(after_help = SETTINGS_HELP)]
    Serve(Box<ServeArguments>),
    /// Ask the server that these settings start whether it can answer; for container health checks
    ///
    /// Exit status: 0 it can, 3 it cannot.
    Health(HealthArguments),
    /// Ask one question on the terminal
    Ask(AskArguments),
    /// Hold a conversation on the terminal
    Chat(ChatArguments),
    /// Speak the Model Context Protocol over standard input and output, for programs on this machine
    Mcp(McpArguments),
    /// Show what ingest would keep of files
    Extract(ExtractArguments),
    /// Create, list and revoke the keys that clients of the server need
    ///
    /// As soon as there is one, the server asks for one on every route but /healthz and /readyz.
    Keys(KeysArguments),
    /// Make or update the tables of the state, as before servers that may not
    Migrate(MigrateArguments),
    /// Check the replies that are given before anything is searched
    Replies(RepliesArguments),
    /// List, verify, roll back and prune generations
    Snapshot(SnapshotArguments),
    /// Measure retrieval on labelled questions
    Eval(EvalArguments),
    /// Print what a shell needs to complete commands and flags
    ///
    /// For bash: wattwise completions bash > ~/.local/share/bash-completion/completions/wattwise
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Write the manual pages, one for each command
    Man {
        /// The folder that they are written to
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    #[command(hide = true)]
    ExtractWorker(WorkerArguments),
}

/// `up`
#[derive(Debug, Args)]
pub struct UpArguments {
    /// Folders, files and addresses of pages [default: what was named before, else the guides that come
    /// with the program]
    #[arg(value_name = "FOLDER|FILE|URL")]
    pub sources: Vec<String>,
    /// Open the page in the browser
    #[arg(long)]
    pub open: bool,
    /// Read the sources again whenever a file in the folders changes
    #[arg(long)]
    pub watch: bool,
    /// All that `serve` takes.
    #[command(flatten)]
    pub serve: ServeArguments,
}

/// `ingest`
#[derive(Debug, Args)]
pub struct IngestArguments {
    /// Folders, files and addresses of pages, instead of those in wattwise.toml
    #[arg(value_name = "FOLDER|FILE|URL")]
    pub sources: Vec<String>,
    /// Go on, and run again whenever a file in the folders changes
    #[arg(long, conflicts_with = "dry_run")]
    pub watch: bool,
    /// Sources and bounds.
    #[command(flatten)]
    pub ingest: IngestConfig,
    /// The embedder.
    #[command(flatten)]
    pub embed: EmbedConfig,
    /// Write what became of every source to this file, as JSON; - is standard output
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
    /// Where the generations are.
    #[command(flatten)]
    pub place: IndexArguments,
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

/// `extract`
#[derive(Debug, Args)]
pub struct ExtractArguments {
    /// PDF, HTML, Markdown, office, mail or text files; - is standard input
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_of_each_command_fits_two_screens() {
        let mut command = Cli::command();
        command.build();
        for name in ["up", "serve", "ingest", "ask", "eval"] {
            let part = command.find_subcommand_mut(name).unwrap();
            let help = part.render_help().to_string();
            let widest = help.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(100), "{help}");
            assert!(
                help.lines().count() <= 100,
                "{} lines: {help}",
                help.lines().count()
            );
        }
    }
}
