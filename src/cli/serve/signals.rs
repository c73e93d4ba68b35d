//! What signals a server follows: SIGHUP, and those that end it.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::http;
use crate::runtime::blocking;
use crate::telemetry::LogLines;

/// SIGHUP asks for a look at `CURRENT` and at the certificate at once.
pub(super) fn reload_on_hangup(
    reload_now: Arc<Notify>,
    tls: Option<Arc<http::Tls>>,
) -> std::io::Result<impl Future<Output = ()>> {
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        while hangup.recv().await.is_some() {
            reload_now.notify_one();
            if let Some(tls) = tls.clone() {
                blocking::run(move || reload_certificate(&tls)).await;
            }
        }
    })
}

fn reload_certificate(tls: &http::Tls) {
    match tls.reload() {
        Ok(()) => tracing::info!("new connections get the certificate as it is now"),
        Err(error) => {
            tracing::error!(%error, "the certificate was not replaced; the one before goes on");
        }
    }
}

/// Exit status of a program that was interrupted: 128 and the number of SIGINT.
const INTERRUPTED: i32 = 130;

/// Ends with the first SIGTERM or SIGINT; a second one ends the process at once.
#[expect(
    clippy::exit,
    reason = "whoever asks twice does not want to wait for the runtime"
)]
pub(super) fn shutdown_signal(log: Option<LogLines>) -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: requests under way may finish");
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            // The operator does not want to wait; every acknowledged write is on disk.
            if let Some(log) = log {
                log.end();
            }
            std::process::exit(INTERRUPTED);
        });
    })
}
