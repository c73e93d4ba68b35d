//! Set-up of logs and figures. Called once, from `cli`.

use std::io::IsTerminal;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
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
    let swept = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(SWEEP).await;
            swept.run_upkeep();
        }
    });
    Ok(handle)
}
