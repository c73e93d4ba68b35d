//! What is logged, where to, and in which form.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::section::section;

/// The forms of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

section! {
    "log";
    /// Flags and keys.
    pub struct LogConfig;
    /// Values with their defaults.
    #[expect(clippy::struct_field_names, reason = "keys have the section's name")]
    struct LogValues;

    /// Form of the log
    log_format: LogFormat = LogFormat::Text; under(LOG).unit("FORM").global();
    /// error, warn, info, debug or trace of this program, or a filter such as wattwise=debug,hyper=info
    log_level: String;
        under(LOG).unit("LEVEL").variable("WATTWISE_LOG").global()
        .otherwise("info; warn for `up`").example("\"info\"");
    /// Append the log to this file; errors go to standard error too
    log_file: PathBuf;
        under(LOG).unit("FILE").global()
        .otherwise("standard error").example("\"wattwise.log\"");
}

/// The heading of the help.
const LOG: &str = "Log";

/// How much is said on the terminal.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Log")]
pub struct Loudness {
    /// Log more: -v as --log-level debug, -vv as trace
    #[arg(short = 'v', action = clap::ArgAction::Count, global = true)]
    pub more: u8,
    /// Say nothing but errors and what needs a look
    #[arg(short, long, global = true, conflicts_with = "more")]
    pub quiet: bool,
}

/// Checked values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogSettings {
    /// Form of a line.
    #[serde(rename = "log-format")]
    pub format: LogFormat,
    /// A level of this program, or a `tracing` filter.
    #[serde(rename = "log-level")]
    pub level: String,
    /// Where lines are appended to, if not to standard error.
    #[serde(rename = "log-file", skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
}

impl LogConfig {
    /// Fills in the defaults. Without a level, `usual` holds; who wants it quiet means standard
    /// error, not a file.
    pub fn resolve(self, loudness: Loudness, usual: &str) -> LogSettings {
        let values = self.fill().expect("no key of this section has bounds");
        let level = match (loudness.more, loudness.quiet, values.log_level) {
            (0, true, _) if values.log_file.is_none() => "error".to_owned(),
            (0, _, named) => named.unwrap_or_else(|| usual.to_owned()),
            (1, ..) => "debug".to_owned(),
            _ => "trace".to_owned(),
        };
        LogSettings {
            format: values.log_format,
            level,
            file: values.log_file,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_win_over_words_and_quiet_is_about_the_terminal() {
        let level = |more, quiet, file: Option<&str>| {
            let config = LogConfig {
                log_level: Some("warn".to_owned()),
                log_file: file.map(PathBuf::from),
                ..LogConfig::default()
            };
            config.resolve(Loudness { more, quiet }, "info").level
        };
        assert_eq!(level(0, false, None), "warn");
        assert_eq!(
            (level(1, false, None), level(9, false, None)),
            ("debug".to_owned(), "trace".to_owned())
        );
        assert_eq!(
            (level(0, true, None), level(0, true, Some("f"))),
            ("error".to_owned(), "warn".to_owned())
        );
        assert_eq!(
            LogConfig::default()
                .resolve(Loudness::default(), "info")
                .level,
            "info"
        );
    }
}
