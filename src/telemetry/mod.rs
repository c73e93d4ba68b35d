//! Set-up of logs, figures and traces. Called once, from `cli`.

mod lines;
mod traces;

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, describe_counter};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::writer::{BoxMakeWriter, MakeWriterExt as _};

use crate::config::{ConfigError, LogFormat, LogSettings};

use self::lines::Losses;
pub(crate) use self::lines::{LogGuard, LogLines};
pub(crate) use traces::Traces;

/// Sends log lines where they were asked for, in the form and at the level that were asked for, each
/// before the program goes on.
pub(crate) fn install(settings: &LogSettings) -> Result<(), ConfigError> {
    let writer = match open(settings)? {
        Some(file) => {
            BoxMakeWriter::new(Arc::new(file).and(io::stderr.with_max_level(Level::ERROR)))
        }
        None => BoxMakeWriter::new(io::stderr),
    };
    install_writer(settings, writer)
}

/// The same from a thread of its own, so that nobody who logs waits. The guard writes what is left.
pub(crate) fn install_gathering(settings: &LogSettings) -> Result<LogGuard, ConfigError> {
    let (writer, guard) = match open(settings)? {
        Some(file) => lines::to(file),
        None => lines::to(io::stderr()),
    };
    install_writer(settings, BoxMakeWriter::new(writer))?;
    Ok(guard)
}

/// The file that lines are appended to, if one is named.
fn open(settings: &LogSettings) -> Result<Option<File>, ConfigError> {
    let Some(path) = &settings.file else {
        return Ok(None);
    };
    let file = OpenOptions::new().create(true).append(true).open(path);
    match file {
        Ok(file) => Ok(Some(file)),
        Err(error) => Err(ConfigError::Invalid {
            name: "--log-file",
            reason: format!(
                "cannot write to {}: {error}; name a file in a folder that exists",
                path.display()
            ),
        }),
    }
}

/// Only this program is heard at the level that is asked for: what its packages know concerns their
/// own developers, unless a filter names them.
fn filter(level: &str) -> Result<EnvFilter, ParseError> {
    let is_level = level.parse::<LevelFilter>().is_ok();
    let own = if is_level { "wattwise=" } else { "" };
    EnvFilter::try_new(format!("error,{own}{level}"))
}

fn install_writer(settings: &LogSettings, writer: BoxMakeWriter) -> Result<(), ConfigError> {
    let filter = filter(&settings.level).map_err(|error| ConfigError::Invalid {
        name: "--log-level",
        reason: format!(
            "{:?} is no level or filter: {error}; say error, warn, info, debug or trace",
            settings.level
        ),
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(settings.file.is_none() && io::stderr().is_terminal());
    // An error means that a subscriber is there already, as in tests.
    let _ = match settings.format {
        LogFormat::Text => lines.with_target(false).try_init(),
        // Time, level, the event's fields, its target, and the spans that it happened in.
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// Upper bounds of the time histograms, in seconds.
const BUCKETS: [f64; 14] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Between two sweeps of what was measured into the histograms.
const SWEEP: Duration = Duration::from_secs(5);

/// Begins to count and measure; the handle gives the figures as Prometheus text. Must be called on
/// a runtime: without a regular sweep, what was measured would pile up until somebody asks for it.
/// `log` is the log whose lost lines are counted.
pub(crate) fn install_metrics(log: Option<&LogLines>) -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets(&BUCKETS)?
        .install_recorder()?;
    describe_counter!(
        lines::DROPPED,
        "Log lines dropped, because nobody took them in time."
    );
    counter!(lines::DROPPED).absolute(0);
    let swept = handle.clone();
    let mut losses = log.map(Losses::of);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(SWEEP).await;
            swept.run_upkeep();
            if let Some(losses) = &mut losses {
                losses.look();
            }
        }
    });
    Ok(handle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_heard_only_where_a_filter_names_them() {
        let shown = |level: &str| filter(level).unwrap().to_string();
        assert!(shown("info").contains("wattwise=info") && shown("info").contains("error"));
        assert!(shown("WARN").to_lowercase().contains("wattwise=warn"));
        assert!(shown("html5ever=warn").contains("html5ever=warn"));
        assert!(filter("wattwise=loud").is_err());
    }
}
