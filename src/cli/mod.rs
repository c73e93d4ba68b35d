//! The command line: parse, call, print, say how it ended.

mod args;
mod ask;
mod diff;
mod eval;
mod exit;
mod extract;
mod gate;
mod health;
mod ingest;
mod keys;
mod mcp;
mod printer;
mod replies;
mod serve;
mod snapshot;

use std::time::Duration;

use clap::Parser as _;
use clap::error::ErrorKind;

pub use args::Cli;
pub use exit::ExitStatus;

use self::args::Command;
use crate::config::{self, ConfigError, Layer as _};
use crate::http::TlsError;
use crate::telemetry;

/// How long reads that are under way at the end are waited for.
const LAST_READS: Duration = Duration::from_secs(5);

/// Runs the program with its own arguments and says how it ended.
pub fn run() -> ExitStatus {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Broken pipe while printing help is no failure.
            let _ = error.print();
            let only_asked = matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            );
            return if only_asked {
                ExitStatus::Done
            } else {
                ExitStatus::Usage
            };
        }
    };
    match dispatch(cli) {
        Ok(status) => status,
        Err(error) => {
            printer::error(&error);
            if error.is::<ConfigError>() || error.is::<TlsError>() {
                ExitStatus::Usage
            } else {
                ExitStatus::Failed
            }
        }
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<ExitStatus> {
    if let Command::ExtractWorker(arguments) = cli.command {
        return extract::work(&arguments);
    }
    let file = config::load(cli.config.as_deref())?;
    let log = cli.log.over(file.log.clone()).resolve();
    // A server must not wait for whoever reads its log; with the other commands, lines and output
    // keep their order. Dropped last, so that it also writes what the end has to say.
    let log = if matches!(cli.command, Command::Serve(_)) {
        telemetry::install_gathering(&log)?
    } else {
        telemetry::install(&log)?;
        None
    };
    let lines = log.as_ref().map(|guard| guard.lines().clone());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("wattwise")
        .build()?;
    let outcome = runtime.block_on(async {
        match cli.command {
            Command::Ingest(arguments) => ingest::run(arguments, file).await,
            Command::Serve(arguments) => serve::run(*arguments, file, lines).await,
            Command::Health(arguments) => health::run(arguments, file).await,
            Command::Ask(arguments) => ask::run(arguments, file).await,
            Command::Mcp(arguments) => Box::pin(mcp::run(arguments, file)).await,
            Command::Extract(arguments) => extract::run(&arguments, file).await,
            Command::Keys(arguments) => keys::run(arguments, file).await,
            Command::Replies(arguments) => replies::run(arguments, file).await,
            Command::Snapshot(arguments) => snapshot::run(arguments, file).await,
            Command::Eval(arguments) => eval::run(arguments, file).await,
            Command::ExtractWorker(_) => unreachable!("handled before the runtime starts"),
        }
    });
    // A read that hangs, as on a mount that is away, must not keep the program from ending.
    runtime.shutdown_timeout(LAST_READS);
    outcome
}
