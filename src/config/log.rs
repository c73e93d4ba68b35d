//! What is logged, and in which form.

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
    /// Form of the log on standard error [default: text]
    #[arg(long, env = "WATTWISE_LOG_FORMAT", value_enum, global = true)]
    pub log_format: Option<LogFormat>,
    /// What to log: error, warn, info, debug, trace, or a filter such as wattwise=debug
    /// [default: info]
    #[arg(long, env = "WATTWISE_LOG", value_name = "LEVEL", global = true)]
    pub log_level: Option<String>,
}

/// Checked values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogSettings {
    /// Form of a line.
    #[serde(rename = "log-format")]
    pub format: LogFormat,
    /// A `tracing` filter.
    #[serde(rename = "log-level")]
    pub level: String,
}

impl Layer for LogConfig {
    fn over(self, below: Self) -> Self {
        Self {
            log_format: self.log_format.or(below.log_format),
            log_level: self.log_level.or(below.log_level),
        }
    }
}

impl LogConfig {
    /// Fills in the defaults.
    pub fn resolve(self) -> LogSettings {
        LogSettings {
            format: self.log_format.unwrap_or(LogFormat::Text),
            level: self.log_level.unwrap_or_else(|| "info".to_owned()),
        }
    }
}
