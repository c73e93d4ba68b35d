//! `wattwise health`

use std::time::Duration;

use anyhow::Context as _;

use super::args::HealthArguments;
use super::ports::reachable;
use super::{ExitStatus, printer};
use crate::config::{File, Layer as _};
use crate::runtime::tls;

/// Container run-times ask every few seconds; a slower answer is none.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn run(arguments: HealthArguments, file: File) -> anyhow::Result<ExitStatus> {
    let settings = arguments.serve.over(file.serve).resolve()?;
    let scheme = if settings.tls().is_some() {
        "https"
    } else {
        "http"
    };
    let url = format!("{scheme}://{}/readyz", reachable(settings.bind));
    tls::install_provider();
    let client = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .no_proxy()
        // The certificate is for the name that clients use, and this asks the own machine.
        .tls_danger_accept_invalid_certs(true)
        .build()?;
    let response = client.get(&url).send().await.with_context(|| {
        format!("no server answers at {url}; `wattwise serve` with the same settings starts it")
    })?;
    let is_ready = response.status().is_success();
    printer::result(response.text().await?)?;
    Ok(if is_ready {
        ExitStatus::Done
    } else {
        ExitStatus::Failed
    })
}
