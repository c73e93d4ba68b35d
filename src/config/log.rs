//! What is logged, where to, and in which form.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::Layer;

/// The forms of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Flags and keys.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[command(next_help_heading = "Log")]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct LogConfig {
    /// Form of the log [default: text]
    #[arg(
        long,
        env = "WATTWISE_LOG_FORMAT",
        value_enum,
        global = true,
        hide_short_help = true
    )]
    pub log_format: Option<LogFormat>,
    /// What to log: error, warn, info, debug, trace of this program, or a filter that names others
    /// too, such as wattwise=debug,hyper=info [default: info]
    #[arg(
        long,
        env = "WATTWISE_LOG",
        value_name = "LEVEL",
        global = true,
        hide_short_help = true
    )]
    pub log_level: Option<String>,
    /// Append the log to this file; errors then go to standard error too [default: standard error]
    #[arg(
        long,
        env = "WATTWISE_LOG_FILE",
        value_name = "FILE",
        global = true,
        hide_short_help = true
    )]
    pub log_file: Option<PathBuf>,
}

/// How much is said on the terminal.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Log")]
pub struct Loudness {
    /// Log more: -v as --log-level debug, -vv as trace
    #[arg(short = 'v', action = clap::ArgAction::Count, global = true)]
    pub more: u8,
    /// Say nothing but errors and what needs a look: no progress, no report of what went well
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

impl Layer for LogConfig {
    fn over(self, below: Self) -> Self {
        Self {
            log_format: self.log_format.or(below.log_format),
            log_level: self.log_level.or(below.log_level),
            log_file: self.log_file.or(below.log_file),
        }
    }
}

impl LogConfig {
    /// Fills in the defaults. Without a level, `usual` holds; who wants it quiet means standard
    /// error, not a file.
    pub fn resolve(self, loudness: Loudness, usual: &str) -> LogSettings {
        let level = match (loudness.more, loudness.quiet, self.log_level) {
            (0, true, _) if self.log_file.is_none() => "error".to_owned(),
            (0, _, named) => named.unwrap_or_else(|| usual.to_owned()),
            (1, ..) => "debug".to_owned(),
            _ => "trace".to_owned(),
        };
        LogSettings {
            format: self.log_format.unwrap_or(LogFormat::Text),
            level,
            file: self.log_file,
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
