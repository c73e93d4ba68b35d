//! Configuration: flag over environment over `wattwise.toml` over built-in default.
//!
//! Each concern has one struct whose fields are flags, environment variables and keys of the file
//! at once, all optional; [`Layer::over`] lays one source over another, and `resolve` turns the
//! result into settings that the rest of the program trusts. Unknown keys are errors.

mod embed;
mod generate;
mod ingest;
mod limits;
mod listen;
mod log;
mod notify;
mod places;
mod private;
mod serve;
mod state;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

pub use embed::{EmbedConfig, EmbedSettings, EmbedderKind};
pub use generate::{ChatSettings, GenerateConfig, GenerateSettings, GeneratorKind, Switch};
pub use ingest::{Chunker, IngestConfig, IngestSettings};
pub use limits::{LimitsConfig, LimitsSettings};
pub use listen::Listen;
pub use log::{LogConfig, LogFormat, LogSettings, Loudness};
pub use notify::{NotifySecret, NotifySettings};
pub use places::{Places, guides, index_cache};
pub use serve::{ServeConfig, ServeSettings, TlsPaths};
pub use state::StatePlace;

/// The file that is read when none is named.
pub const DEFAULT_FILE: &str = "wattwise.toml";

/// A set of optional values from one source.
pub trait Layer {
    /// These values, and those of `below` where there are none here.
    #[must_use]
    fn over(self, below: Self) -> Self;
}

/// The whole configuration file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// `[embed]`
    pub embed: EmbedConfig,
    /// `[generate]`
    pub generate: GenerateConfig,
    /// `[ingest]`
    pub ingest: IngestConfig,
    /// `[serve]`
    pub serve: ServeConfig,
    /// `[limits]`
    pub limits: LimitsConfig,
    /// `[log]`
    pub log: LogConfig,
}

/// What is wrong with the configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file that was named cannot be read.
    #[error("cannot read the configuration {path}: {source}; --config names a file that exists")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file does not parse or has unknown keys.
    #[error("{path}: {reason}\nwattwise.example.toml shows every key")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line, column and what is wrong there.
        reason: String,
    },
    /// A value cannot be used.
    #[error("{name}: {reason}")]
    Invalid {
        /// The flag or key.
        name: &'static str,
        /// What is wrong with its value, and what would be right.
        reason: String,
    },
}

/// Reads the file at `named`, or `wattwise.toml` if that exists, or nothing.
pub fn load(named: Option<&Path>) -> Result<File, ConfigError> {
    let path = match named {
        Some(path) => path,
        None if Path::new(DEFAULT_FILE).exists() => Path::new(DEFAULT_FILE),
        None => return Ok(File::default()),
    };
    let text = fs_err::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    parse(&text).map_err(|reason| ConfigError::Malformed {
        path: path.to_owned(),
        reason,
    })
}

fn parse(text: &str) -> Result<File, String> {
    toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_errors_that_name_them() {
        assert!(
            parse("[serve]\nbnid = \"127.0.0.1:1\"")
                .unwrap_err()
                .contains("bnid")
        );
        assert!(parse("[server]").unwrap_err().contains("server"));
    }

    #[test]
    fn the_example_file_parses() {
        let example = include_str!("../../wattwise.example.toml");
        parse(example).unwrap();
        let uncommented: String = example
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line))
            .collect::<Vec<_>>()
            .join("\n");
        let file = parse(&uncommented).unwrap();
        assert!(
            file.serve.bind.is_some()
                && file.ingest.urls.is_some()
                && file.generate.generator.is_some()
                && file.limits.session_ttl.is_some(),
            "the example shows every section"
        );
    }

    #[test]
    fn the_example_file_shows_every_key() {
        let example = include_str!("../../wattwise.example.toml");
        let shown: Vec<&str> = example
            .lines()
            .map(|line| line.trim_start_matches(['#', ':', ' ']))
            .filter_map(|line| line.split_once(" = ").map(|(key, _)| key))
            .collect();
        for section in ["embed", "generate", "ingest", "serve", "limits", "log"] {
            // The error lists the keys that a section may have.
            let error = parse(&format!("[{section}]\nno-key = 1")).unwrap_err();
            let (_, keys) = error.split_once("expected one of ").unwrap();
            for key in keys
                .split('`')
                .filter(|key| key.contains(char::is_alphabetic))
            {
                assert!(shown.contains(&key), "[{section}] {key}");
            }
        }
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let flags = LogConfig {
            log_format: Some(LogFormat::Json),
            ..LogConfig::default()
        };
        let file = parse("[log]\nlog-format = \"text\"\nlog-level = \"debug\"")
            .unwrap()
            .log;
        let settings = flags.over(file).resolve(Loudness::default(), "info");
        assert_eq!(settings.format, LogFormat::Json);
        assert_eq!(settings.level, "debug");
    }
}
