//! `keys`, `migrate`, `replies`, `snapshot`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::IndexArguments;
use crate::config::EmbedConfig;

/// `keys`
#[derive(Debug, Args)]
pub struct KeysArguments {
    /// Where the server keeps its state, a folder or postgres://… [default: state, where index is here;
    /// else in the user's data folder]
    #[arg(
        long,
        env = "WATTWISE_STATE",
        hide_env_values = true,
        value_name = "DIR|URL",
        global = true
    )]
    pub state: Option<PathBuf>,
    /// What to do with them.
    #[command(subcommand)]
    pub action: KeysAction,
}

/// `migrate`
#[derive(Debug, Args)]
pub struct MigrateArguments {
    /// Where the state is, a folder or postgres://… [default: state, where index is here; else in the
    /// user's data folder]
    #[arg(
        long,
        env = "WATTWISE_STATE",
        hide_env_values = true,
        value_name = "DIR|URL"
    )]
    pub state: Option<PathBuf>,
    /// Make the tables of an index in a database, postgres://…, instead
    #[arg(
        long,
        env = "WATTWISE_MIGRATE_INDEX",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub index: Option<PathBuf>,
    /// Let this role of the database read and write the rows of the state, or read those of the index, as
    /// a server must, and nothing more
    #[arg(long, value_name = "ROLE")]
    pub grant: Option<String>,
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
        /// Print it as JSON, with its id
        #[arg(long)]
        json: bool,
    },
    /// List all keys, revoked ones too
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// End a key's validity
    Revoke {
        /// Its name or its id, as `keys list` shows them, or the beginning of the id
        #[arg(value_name = "NAME|ID")]
        key: String,
    },
}

/// `snapshot`
#[derive(Debug, Args)]
pub struct SnapshotArguments {
    /// Where the generations are.
    #[command(flatten)]
    pub place: IndexArguments,
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
    /// Show what changed from one generation to another; without names, between the two newest
    Diff {
        /// The older one; the beginning of its id will do
        from: Option<String>,
        /// The newer one [default: the live one]
        to: Option<String>,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make an older generation the live one
    Rollback {
        /// Which one; the beginning of its id will do [default: the one before the live one]
        generation: Option<String>,
    },
    /// Delete old generations
    Prune {
        /// How many to keep besides the live one
        #[arg(long, default_value_t = 2)]
        keep: usize,
        /// One JSON object for each that was deleted
        #[arg(long)]
        json: bool,
    },
}

/// `snapshot verify`
#[derive(Debug, Clone, Args)]
pub struct VerifyArguments {
    /// Which one; the beginning of its id will do [default: the live one]
    pub generation: Option<String>,
    /// Check the files alone, without the embedder
    #[arg(long)]
    pub files_only: bool,
    /// The embedder.
    #[command(flatten)]
    pub embed: EmbedConfig,
}
