//! Configuration: flag over environment over `wattwise.toml` over built-in default.
//!
//! Each section is declared once, in a table (`section`): its keys with their explanation, type,
//! default and bounds. A key is a flag, an environment variable and a key of the file at once;
//! [`Layer::over`] lays one source over another, and `resolve` turns the result into settings that the
//! rest of the program trusts. Unknown keys are errors, and errors name the source of a value.
//! `wattwise.example.toml` and docs/configuration.md are written from the same tables (`reference`).

mod chunker;
mod embed;
mod generate;
mod ingest;
mod key;
mod limits;
mod listen;
mod log;
mod notify;
mod origin;
mod places;
mod private;
#[cfg(test)]
mod reference;
mod section;
mod serve;
mod state;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

pub use chunker::Chunker;
pub use embed::{EmbedConfig, EmbedSettings, EmbedderKind};
pub use generate::{ChatSettings, GenerateConfig, GenerateSettings, GeneratorKind, Switch};
pub use ingest::{IngestConfig, IngestSettings};
pub use key::Key;
pub use limits::{LimitsConfig, LimitsSettings};
pub use listen::Listen;
pub use log::{LogConfig, LogFormat, LogSettings, Loudness};
pub use notify::{NotifySecret, NotifySettings};
pub use origin::{Origins, with_variable};
pub use places::{Places, guides, index_cache, shown_index};
pub use private::HostList;
pub use serve::{ServeConfig, ServeSettings, TlsPaths};
pub use state::StatePlace;

/// The file that is read when none is named.
pub const DEFAULT_FILE: &str = "wattwise.toml";

/// How many tables a file may have.
const SECTIONS: usize = 6;

/// Every key of every section.
pub const KEYS: [&[Key]; SECTIONS] = [
    EmbedConfig::KEYS,
    GenerateConfig::KEYS,
    IngestConfig::KEYS,
    ServeConfig::KEYS,
    LimitsConfig::KEYS,
    LogConfig::KEYS,
];

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
    let mut file = parse(&text).map_err(|reason| ConfigError::Malformed {
        path: path.to_owned(),
        reason,
    })?;
    file.remember_origins(&text, path);
    Ok(file)
}

fn parse(text: &str) -> Result<File, String> {
    toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())
}

impl File {
    /// Notes for each key in the file that it stands there.
    fn remember_origins(&mut self, text: &str, path: &Path) {
        let tables: toml::Table = toml::from_str(text).unwrap_or_default();
        let sections: [(&str, &[Key], &mut Origins); SECTIONS] = [
            ("embed", EmbedConfig::KEYS, &mut self.embed.origins),
            ("generate", GenerateConfig::KEYS, &mut self.generate.origins),
            ("ingest", IngestConfig::KEYS, &mut self.ingest.origins),
            ("serve", ServeConfig::KEYS, &mut self.serve.origins),
            ("limits", LimitsConfig::KEYS, &mut self.limits.origins),
            ("log", LogConfig::KEYS, &mut self.log.origins),
        ];
        for (name, keys, origins) in sections {
            if let Some(table) = tables.get(name).and_then(toml::Value::as_table) {
                *origins = Origins::of_table(keys, table, path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

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
    fn an_error_names_where_the_value_stands() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(
            file.path(),
            "[limits]\nmax-body = 0\n[embed]\nembed-model = \"m\"",
        )
        .unwrap();
        let loaded = load(Some(file.path())).unwrap();
        let path = file.path().display();
        let refused = loaded.limits.clone().resolve().unwrap_err().to_string();
        assert_eq!(
            refused,
            format!("--max-body: from 1 to 1073741824 (set by max-body of [limits] in {path})")
        );
        let cores = std::num::NonZeroUsize::MIN;
        let refused = loaded.embed.resolve(cores).err().unwrap().to_string();
        assert!(refused.ends_with(&format!("(set by embed-model of [embed] in {path})")));
        // A value from above takes its source along.
        let flags = LimitsConfig {
            max_body: Some(0),
            ..LimitsConfig::default()
        };
        let refused = flags.over(loaded.limits).resolve().unwrap_err().to_string();
        assert_eq!(refused, "--max-body: from 1 to 1073741824");
    }

    #[test]
    fn every_key_has_its_flag_its_variable_and_its_place_in_the_file() {
        let command = KEYS
            .iter()
            .fold(clap::Command::new("all"), |command, keys| {
                assert!(keys.iter().all(|key| key.section() == keys[0].section()));
                command
            });
        let command =
            LogConfig::augment_args(LimitsConfig::augment_args(ServeConfig::augment_args(
                GenerateConfig::augment_args(EmbedConfig::augment_args(command)),
            )));
        let ingest = IngestConfig::augment_args(clap::Command::new("ingest"));
        let mut variables = std::collections::BTreeSet::new();
        for key in KEYS.iter().copied().flatten() {
            let from = if key.section() == "ingest" {
                &ingest
            } else {
                &command
            };
            let arg = from
                .get_arguments()
                .find(|arg| arg.get_long() == Some(key.name()))
                .unwrap_or_else(|| panic!("no flag {}", key.flag()));
            let variable = key.variable_name();
            assert_eq!(arg.get_env().unwrap().to_str(), Some(variable.as_str()));
            variables.insert((variable, key.name()));
            let error = parse(&format!("[{}]\nno-key = 1", key.section())).unwrap_err();
            assert!(
                error.contains(&format!("`{}`", key.name())),
                "{}",
                key.name()
            );
        }
        // One variable never means two keys.
        let names: std::collections::BTreeSet<_> = variables.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), variables.len());
    }

    #[test]
    fn a_switch_can_be_set_off_above_what_sets_it_on() {
        let matches = |flags: &[&str]| {
            let command = GenerateConfig::augment_args(clap::Command::new("x"));
            let matches = command
                .try_get_matches_from([&["x"], flags].concat())
                .unwrap();
            GenerateConfig::from_arg_matches(&matches).unwrap()
        };
        let file = || parse("[generate]\nstrict = true").unwrap().generate;
        assert_eq!(matches(&["--strict"]).strict, Some(true));
        assert_eq!(matches(&["--strict=off"]).over(file()).strict, Some(false));
        assert_eq!(matches(&[]).over(file()).strict, Some(true));
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
