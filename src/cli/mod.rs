//! The command line: parse, call, print, say how it ended.

mod args;
mod ask;
mod chat;
mod diff;
mod eval;
mod evaluation;
mod exit;
mod extract;
mod gate;
mod generations;
mod health;
mod ingest;
mod keys;
mod manual;
mod mcp;
mod migrate;
mod named;
mod plain;
mod ports;
mod printer;
mod published;
mod refresh;
mod replies;
mod serve;
mod snapshot;
mod start;
mod up;
mod upkeep;

use std::ffi::OsString;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};

pub use args::Cli;
pub use exit::ExitStatus;

use self::args::Command;
use crate::assistant::RepliesError;
use crate::config::{self, ConfigError, Layer as _};
use crate::http::TlsError;
use crate::telemetry;

/// How long reads that are under way at the end are waited for.
const LAST_READS: Duration = Duration::from_secs(5);

/// Runs the program with its own arguments and says how it ended.
pub fn run() -> ExitStatus {
    let (cli, command) = match parse() {
        Ok(parsed) => parsed,
        Err(error) => {
            let error = config::with_variable(error);
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
    match dispatch(cli, command) {
        Ok(status) => status,
        Err(error) => {
            printer::error(&error);
            let replies = error.downcast_ref();
            let is_form = matches!(replies, Some(RepliesError::Malformed(_)));
            if error.is::<ConfigError>() || error.is::<TlsError>() || is_form {
                ExitStatus::Usage
            } else {
                ExitStatus::Failed
            }
        }
    }
}

/// Without a command, `up` is meant, also before flags of its own.
fn parse() -> Result<(Cli, Command), clap::Error> {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let begins_with_flag = arguments
        .get(1)
        .is_some_and(|first| first.to_string_lossy().starts_with('-'));
    let mut cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.kind() == ErrorKind::UnknownArgument && begins_with_flag => {
            arguments.insert(1, OsString::from("up"));
            Cli::try_parse_from(&arguments).map_err(|_| error)?
        }
        Err(error) => return Err(error),
    };
    if cli.command.is_none() {
        arguments.push(OsString::from("up"));
        cli = Cli::try_parse_from(arguments)?;
    }
    match cli.command.take() {
        Some(command) => Ok((cli, command)),
        None => {
            Err(Cli::command().error(ErrorKind::MissingSubcommand, "there is no command; say up"))
        }
    }
}

/// Commands that need neither settings nor log; gives the others back.
fn without_settings(command: Command) -> anyhow::Result<Result<ExitStatus, Command>> {
    if let Command::ExtractWorker(arguments) = &command {
        extract::work(arguments).map(Ok)
    } else if let Command::Completions { shell } = &command {
        manual::completions(*shell).map(Ok)
    } else if let Command::Man { folder } = &command {
        manual::pages(folder).map(Ok)
    } else {
        Ok(Err(command))
    }
}

fn dispatch(cli: Cli, command: Command) -> anyhow::Result<ExitStatus> {
    let command = match without_settings(command)? {
        Ok(status) => return Ok(status),
        Err(command) => command,
    };
    let file = config::load(cli.config.as_deref())?;
    let serves = matches!(command, Command::Serve(_) | Command::Up(_));
    // `up` says the same in a line of its own.
    let usual = if matches!(command, Command::Up(_)) {
        "warn"
    } else {
        "info"
    };
    let log = cli.log.over(file.log.clone()).resolve(cli.loudness, usual);
    // A server must not wait for whoever reads its log; with the other commands, lines and output
    // keep their order. Dropped last, so that it also writes what the end has to say.
    let log = if serves {
        Some(telemetry::install_gathering(&log)?)
    } else {
        telemetry::install(&log)?;
        None
    };
    let lines = log.as_ref().map(|guard| guard.lines().clone());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("wattwise")
        .build()?;
    let quiet = cli.loudness.quiet;
    let outcome = runtime.block_on(async {
        match command {
            Command::Up(arguments) => Box::pin(up::run(*arguments, file, quiet, lines)).await,
            Command::Ingest(arguments) => Box::pin(ingest::run(arguments, file, quiet)).await,
            Command::Serve(arguments) => Box::pin(serve::run(*arguments, file, lines)).await,
            Command::Health(arguments) => health::run(arguments, file).await,
            Command::Ask(arguments) => Box::pin(ask::run(arguments, file)).await,
            Command::Mcp(arguments) => Box::pin(mcp::run(arguments, file)).await,
            Command::Chat(arguments) => Box::pin(chat::run(arguments, file)).await,
            Command::Extract(arguments) => extract::run(&arguments, file).await,
            Command::Keys(arguments) => keys::run(arguments, file).await,
            Command::Migrate(arguments) => migrate::run(arguments, file).await,
            Command::Replies(arguments) => replies::run(arguments, file).await,
            Command::Snapshot(arguments) => snapshot::run(arguments, file).await,
            Command::Eval(arguments) => eval::run(arguments, file).await,
            Command::ExtractWorker(_) | Command::Completions { .. } | Command::Man { .. } => {
                unreachable!("handled before the runtime starts")
            }
        }
    });
    // A read that hangs, as on a mount that is away, must not keep the program from ending.
    runtime.shutdown_timeout(LAST_READS);
    outcome
}
