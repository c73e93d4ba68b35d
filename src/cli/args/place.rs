//! Where the index is, as commands that only read it are told.

use std::path::PathBuf;

use clap::Args;

use crate::config::{IngestConfig, ServeConfig};

/// `--index` and what belongs to it.
#[derive(Debug, Clone, Default, Args)]
pub struct IndexArguments {
    /// Where the generations are: a folder, an object store as `s3://bucket/prefix`, gs, az or https, or a
    /// database as `postgres://user:password@host/database` [default: index, if there is one here; else
    /// in the user's data folder]
    #[arg(
        long,
        env = "WATTWISE_INDEX",
        hide_env_values = true,
        value_name = "DIR|URL",
        global = true
    )]
    pub index: Option<PathBuf>,
    /// Where the copy of an index at an address is kept [default: the user's cache folder]
    #[arg(long, env = "WATTWISE_INDEX_CACHE", value_name = "DIR", global = true)]
    pub index_cache: Option<PathBuf>,
}

impl IndexArguments {
    /// The same among what a server is told.
    pub fn to_serve(&self) -> ServeConfig {
        ServeConfig {
            index: self.index.clone(),
            index_cache: self.index_cache.clone(),
            ..ServeConfig::default()
        }
    }

    /// The same among what a run is told.
    pub fn to_ingest(&self) -> IngestConfig {
        IngestConfig {
            index: self.index.clone(),
            index_cache: self.index_cache.clone(),
            ..IngestConfig::default()
        }
    }
}
