//! Log set-up. Called once, from `cli`.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::config::{ConfigError, LogFormat, LogSettings};

/// Sends log lines to standard error in the form and at the level that were asked for.
pub fn install(settings: &LogSettings) -> Result<(), ConfigError> {
    // hnsw_rs tells of every layer at `info`; what it knows concerns its own developers.
    let filter = EnvFilter::try_new(format!("hnsw_rs=warn,lopdf=error,{}", settings.level))
        .map_err(|error| ConfigError::Invalid {
            name: "--log-level",
            reason: format!("{:?} is no level or filter: {error}", settings.level),
        })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(BoxMakeWriter::new(std::io::stderr))
        .with_ansi(std::io::stderr().is_terminal());
    // An error means that a subscriber is there already, as in tests.
    let _ = match settings.format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}
