//! `wattwise up`: from nothing to an answer.

use std::fs::{OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::args::UpArguments;
use super::ingest::{Run, interruptible};
use super::named::Named;
use super::refresh::Refresh;
use super::serve::{self, Afterwards};
use super::{ExitStatus, ports, printer};
use crate::config::{self, ConfigError, File, IngestConfig, IngestSettings, Layer as _, Places};
use crate::ingest::Progress;
use crate::objects::is_address;
use crate::runtime::cpu_pool;
use crate::snapshot::current;
use crate::telemetry::LogLines;
use crate::wiring;

/// What was named last, in the index directory. Addresses may hold passwords.
const SOURCES: &str = "sources.json";

/// What is to be done before and while the server answers.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    /// Read these, then answer.
    First(Vec<String>),
    /// Answer, and read these meanwhile.
    Meanwhile(Vec<String>),
    /// Answer. `ingest` made the index and knows its sources.
    Answer,
}

pub(super) async fn run(
    mut arguments: UpArguments,
    file: File,
    quiet: bool,
    lines: Option<LogLines>,
) -> anyhow::Result<ExitStatus> {
    let serve = &mut arguments.serve.serve;
    let below = file.serve.index.clone().or(file.ingest.index.clone());
    let index = serve.index.clone().or(below);
    let index = index.unwrap_or_else(|| Places::find().index);
    if is_address(&index) {
        return Err(ConfigError::Invalid {
            name: "--index",
            reason: format!(
                "`up` keeps its index in a folder; for {0} say `wattwise ingest --index {0}` on a schedule, and `wattwise serve --index {0}`",
                config::shown_index(&index)
            ),
        }
        .into());
    }
    serve.index = Some(index.clone());
    if arguments.serve.print_config {
        return Box::pin(serve::run(arguments.serve, file, lines)).await;
    }
    let named = Named::read(&arguments.sources)?.absolute()?;
    let plan = plan(named, &index, !file.ingest.names_sources())?;
    let mut refresh = None;
    match plan {
        Plan::First(sources) => {
            let settings = settings(&sources, &index, &file.ingest)?;
            // A port in use is told before minutes are spent.
            let server = arguments.serve.serve.clone().over(file.serve.clone());
            drop(ports::listen(server.resolve()?.bind).await?);
            if !first(settings, &arguments, &file, quiet).await? {
                return Ok(ExitStatus::Interrupted);
            }
            keep(&index, &sources)?;
            if arguments.watch {
                refresh = Some(self::settings(&sources, &index, &file.ingest)?);
            }
        }
        Plan::Meanwhile(sources) => refresh = Some(settings(&sources, &index, &file.ingest)?),
        Plan::Answer => {}
    }
    let afterwards = Afterwards {
        open: arguments.open,
        told: !quiet,
        refresh: refresh.map(|settings| Refresh {
            settings,
            watch: arguments.watch,
        }),
    };
    serve::serve(arguments.serve, file, lines, afterwards).await
}

/// An index answers at once, unless other sources are named than those that it was made of.
fn plan(named: Vec<String>, index: &Path, needs_sources: bool) -> Result<Plan, ConfigError> {
    let is_there =
        current::read(index).is_ok() || current::list(index).is_ok_and(|all| !all.is_empty());
    let before = kept(index);
    Ok(match (named.is_empty(), is_there, before) {
        (false, true, Some(before)) if before == named => Plan::Meanwhile(named),
        (false, ..) => Plan::First(named),
        (true, true, Some(before)) => Plan::Meanwhile(before),
        (true, true, None) => Plan::Answer,
        (true, false, Some(before)) => Plan::First(before),
        (true, false, None) if !needs_sources => Plan::First(Vec::new()),
        (true, false, None) => Plan::First(vec![guides()?]),
    })
}

fn guides() -> Result<String, ConfigError> {
    let found = config::guides().and_then(|guides| fs_err::canonicalize(guides).ok());
    let found = found.map(|guides| guides.to_string_lossy().into_owned());
    found.ok_or_else(|| ConfigError::Invalid {
        name: "FOLDER|FILE|URL",
        reason: "there is no index yet, and the guides of the program were not found beside it: name what it should answer from, such as `wattwise up ~/Documents`".to_owned(),
    })
}

/// The sources are those of the file where none are named.
fn settings(
    sources: &[String],
    index: &Path,
    file: &IngestConfig,
) -> Result<IngestSettings, ConfigError> {
    let flags = IngestConfig {
        index: Some(index.to_owned()),
        ..IngestConfig::default()
    };
    let (flags, below) = Named::read(sources)?.over(flags, file.clone());
    flags.over(below).resolve()
}

/// Makes the first generation, or the first of other sources; false where Ctrl-C ended it.
async fn first(
    settings: IngestSettings,
    arguments: &UpArguments,
    file: &File,
    quiet: bool,
) -> anyhow::Result<bool> {
    let embed = arguments.serve.embed.clone().over(file.embed.clone());
    let embed = embed.resolve(cpu_pool::available_threads())?;
    let progress = if quiet {
        Progress::hidden()
    } else {
        Progress::on_terminal()
    };
    if !quiet {
        printer::note(format!(
            "Reading {} into {}",
            names(&settings),
            settings.index.display()
        ));
    }
    let notifier = wiring::notifier(&settings)?;
    let embedder = wiring::embedder(embed).await?;
    let run = Run::new(settings, notifier, embedder, progress, true)?;
    let index = &run.settings.index;
    let Some(report) = interruptible(run.once(), &run.progress, index).await? else {
        return Ok(false);
    };
    match report.attention() {
        Some(attention) => printer::note(attention),
        None if quiet => {}
        None => printer::note(report.conclusion()),
    }
    Ok(true)
}

fn names(settings: &IngestSettings) -> String {
    let folders = settings.docs.iter().map(|path| path.display().to_string());
    let mut names: Vec<String> = folders.collect();
    let pages = settings.pages.len();
    if settings.urls.is_some() || !settings.sitemap.is_empty() {
        names.push("the pages of the configuration".to_owned());
    }
    if pages > 0 {
        names.push(format!(
            "{pages} {}",
            if pages == 1 { "page" } else { "pages" }
        ));
    }
    names.join(", ")
}

fn kept(index: &Path) -> Option<Vec<String>> {
    let text = fs_err::read(index.join(SOURCES)).ok()?;
    serde_json::from_slice(&text).ok()
}

fn keep(index: &Path, sources: &[String]) -> anyhow::Result<()> {
    let (path, next): (PathBuf, PathBuf) = (index.join(SOURCES), index.join(".sources.new"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&next)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(&serde_json::to_vec_pretty(sources)?)?;
    file.sync_all()?;
    fs_err::rename(next, path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_answers_at_once_unless_other_sources_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let index = folder.path();
        let of = |name: &str| vec![name.to_owned()];
        let plan = |named: Vec<String>| super::plan(named, index, true).unwrap();
        assert_eq!(plan(of("a")), Plan::First(of("a")), "nothing is there");
        keep(index, &of("a")).unwrap();
        assert_eq!(
            plan(Vec::new()),
            Plan::First(of("a")),
            "a first run that failed"
        );
        fs_err::create_dir(index.join("01900000-0000-7000-8000-000000000000")).unwrap();
        assert_eq!(plan(Vec::new()), Plan::Meanwhile(of("a")));
        assert_eq!(plan(of("a")), Plan::Meanwhile(of("a")));
        assert_eq!(plan(of("b")), Plan::First(of("b")));
        fs_err::remove_file(index.join(SOURCES)).unwrap();
        assert_eq!(plan(Vec::new()), Plan::Answer, "ingest made it");
    }

    #[test]
    fn what_may_hold_a_password_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        keep(folder.path(), &["https://a:b@c.example".to_owned()]).unwrap();
        let mode = fs_err::metadata(folder.path().join(SOURCES))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
