//! Set-up of logs and figures. Called once, from `cli`.

mod json;
mod lines;

use std::io::IsTerminal;
use std::time::Duration;

use metrics::{counter, describe_counter};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::config::{ConfigError, LogFormat, LogSettings};

pub use lines::{LogGuard, LogLines};

/// Sends log lines to standard error in the form and at the level that were asked for, each before
/// the program goes on.
pub fn install(settings: &LogSettings) -> Result<(), ConfigError> {
    install_writer(settings, BoxMakeWriter::new(std::io::stderr))
}

/// The same from a thread of its own, so that nobody who logs waits. The guard writes what is left.
pub fn install_gathering(settings: &LogSettings) -> Result<Option<LogGuard>, ConfigError> {
    let Ok(lines) = LogLines::to(std::io::stderr()) else {
        // Without a thread the log is slow and still a log.
        return install(settings).map(|()| None);
    };
    let guard = lines.guard();
    install_writer(settings, BoxMakeWriter::new(lines))?;
    Ok(Some(guard))
}

fn install_writer(settings: &LogSettings, writer: BoxMakeWriter) -> Result<(), ConfigError> {
    // hnsw_rs tells of every layer at `info`; what it knows concerns its own developers.
    let filter = EnvFilter::try_new(format!(
        "hnsw_rs=warn,lopdf=error,html5ever=error,selectors=warn,{}",
        settings.level
    ))
    .map_err(|error| ConfigError::Invalid {
        name: "--log-level",
        reason: format!("{:?} is no level or filter: {error}", settings.level),
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(std::io::stderr().is_terminal());
    // An error means that a subscriber is there already, as in tests.
    let _ = match settings.format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines
            .fmt_fields(json::JsonLine)
            .event_format(json::JsonLine)
            .try_init(),
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
pub fn install_metrics() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets(&BUCKETS)?
        .install_recorder()?;
    describe_counter!(
        lines::DROPPED,
        "Log lines dropped, because nobody took them in time."
    );
    counter!(lines::DROPPED).absolute(0);
    let swept = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(SWEEP).await;
            swept.run_upkeep();
        }
    });
    Ok(handle)
}
