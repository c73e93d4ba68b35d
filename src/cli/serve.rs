//! `wattwise serve`

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::args::ServeArguments;
use super::refresh::Refresh;
use super::start::Start;
use super::upkeep::Upkeep;
use super::{ExitStatus, ports, printer};
use crate::assistant::access::Access;
use crate::assistant::upkeep::Retention;
use crate::assistant::{Assistant, AssistantParts, Replies, ask_again};
use crate::config::{
    ConfigError, EmbedSettings, File, GenerateSettings, Layer as _, LimitsSettings, ServeSettings,
    StatePlace, Switch, TlsPaths,
};
use crate::embed::Embedder;
use crate::generate::ChatModel;
use crate::http;
use crate::model::KeyHash;
use crate::objects::Index;
use crate::retrieve::RetrievalParameters;
use crate::retrieve::reload::{self, ReloadOptions};
use crate::runtime::{blocking, clock, cpu_pool};
use crate::snapshot::Generation;
use crate::snapshot::live::Live;
use crate::store::lock::{self, StateLock};
use crate::store::{KeyStore, SessionLimits};
use crate::telemetry::{self, LogLines, Traces};
use crate::wiring::{self, StoreOptions};

/// A server that starts with its database, or while that moves, waits so long for it.
const DATABASE_PATIENCE: Duration = Duration::from_mins(1);

pub(super) async fn run(
    arguments: ServeArguments,
    file: File,
    log: Option<LogLines>,
) -> anyhow::Result<ExitStatus> {
    serve(arguments, file, log, Afterwards::default()).await
}

/// What `up` wants done once the server answers.
#[derive(Default)]
pub(super) struct Afterwards {
    /// Open the page in the browser.
    pub(super) open: bool,
    /// Say on the terminal where it answers.
    pub(super) told: bool,
    /// Read the sources again.
    pub(super) refresh: Option<Refresh>,
}

impl Afterwards {
    fn begin(
        self,
        start: &Start,
        settings: &ServeSettings,
        embedder: &Arc<dyn Embedder>,
    ) -> Option<JoinHandle<()>> {
        if self.told {
            start.tell(settings);
        }
        if self.open {
            start.open();
        }
        let refresh = self.refresh?;
        Some(tokio::spawn(refresh.run(Arc::clone(embedder))))
    }
}

/// Flags, environment and file as one.
struct Resolved {
    settings: ServeSettings,
    embed: EmbedSettings,
    generate: GenerateSettings,
    reader: Switch,
    limits: LimitsSettings,
}

impl Resolved {
    fn of(arguments: ServeArguments, file: File) -> Result<Self, ConfigError> {
        let settings = arguments.serve.over(file.serve).resolve()?;
        let embed = arguments.embed.over(file.embed);
        let generate = arguments.generate.over(file.generate);
        let reader = generate.reader();
        let generate = generate.resolve(&embed)?;
        let limits = arguments.limits.over(file.limits).resolve()?;
        generate.check_request_timeout(limits.request_timeout)?;
        Ok(Self {
            settings,
            embed: embed.resolve(cpu_pool::available_threads())?,
            generate,
            reader,
            limits,
        })
    }

    /// Without secrets.
    fn to_toml(&self) -> Result<String, toml::ser::Error> {
        let parts = [
            toml::to_string(&self.settings)?,
            toml::to_string(&self.limits)?,
            toml::to_string(&self.embed)?,
            toml::to_string(&self.generate)?,
            // This key is no part of what writes answers.
            toml::to_string(&BTreeMap::from([("reader", self.reader)]))?,
        ];
        Ok(parts.join("\n"))
    }
}

pub(super) async fn serve(
    arguments: ServeArguments,
    file: File,
    log: Option<LogLines>,
    afterwards: Afterwards,
) -> anyhow::Result<ExitStatus> {
    let prints = arguments.print_config;
    let resolved = Resolved::of(arguments, file)?;
    if prints {
        printer::result(resolved.to_toml()?)?;
        return Ok(ExitStatus::Done);
    }
    let Resolved {
        mut settings,
        embed,
        generate,
        reader,
        limits,
    } = resolved;
    let figures = telemetry::install_metrics(log.as_ref())?;
    let collector = settings.otlp_endpoint.as_ref();
    let traces = collector.map(Traces::install).transpose()?;
    http::metrics::describe();
    let since = clock::utc(clock::now());
    // Released when this function ends, after the store is closed.
    let mut lock = take_state(&settings, &since).await?;
    let store = wiring::store(&settings.state, store_options(&settings, &limits)).await?;
    let access = open_access(&settings, Arc::clone(&store) as _).await?;
    let chat_model = wiring::chat_model(generate.clone())?;
    let tls = settings.tls().map(open_tls).transpose()?;
    let embedder = wiring::embedder(embed).await?;
    let (index, generation) = open_index(&mut settings, embedder.as_ref()).await?;
    let (counts, id) = (generation.records.manifest.counts, generation.id().clone());
    let live = Arc::new(Live::new(generation));
    let replies = warned(wiring::replies(&settings.replies, embedder.as_ref()).await?);
    let reader = wiring::reader(reader).await?;
    let answer_cache = wiring::answer_cache(&generate, Arc::clone(&store), &id).await?;

    let reload_now = Arc::new(Notify::new());
    let watcher = tokio::spawn(reload::watch(
        Arc::clone(&live),
        Arc::clone(&embedder),
        reload_options(&settings, &index),
        Arc::clone(&reload_now),
    ));
    let admin = wiring::admin(&settings, &index, &live, &store, &reload_now);
    let hangups = tokio::spawn(reload_on_hangup(reload_now, tls.clone())?);
    let kept = retention(&limits, &settings);
    let upkeep = Upkeep::begin(&store, &access, answer_cache.as_ref(), kept);
    let probe = tokio::spawn(probe(chat_model.clone()));

    let listener = ports::listen(settings.bind).await?;
    let address = listener.local_addr()?;
    if let Some(lock) = &mut lock {
        lock.sign(&address.to_string(), &since);
    }
    let start = Start {
        address,
        tls: tls.is_some(),
        documents: counts.documents,
        needs_key: access.needs_key(),
        generator: chat_model.as_ref().map(|model| model.name().to_owned()),
    };
    start.log(&id, counts.chunks);
    let refresh = afterwards.begin(&start, &settings, &embedder);
    let question_log = wiring::question_log(settings.question_log, &store, embedder.as_ref());
    let assistant = Arc::new(Assistant::new(AssistantParts {
        chat_model,
        reader,
        answer_cache,
        replies,
        question_log,
        ..AssistantParts::new(store, live, embedder, RetrievalParameters::default())
    }));
    let again = tokio::spawn(ask_again(Arc::clone(&assistant.answers)));
    let limits = server_limits(&limits, settings.drain);
    let state = http::AppState::new(http::Parts {
        assistant,
        access,
        limits,
        known_hosts: known_hosts(&settings),
        cors_origins: settings.cors_origin,
        admin: Some(admin),
        lists_sources: settings.openai_sources == Switch::On,
        figures: Some(Arc::new(move || figures.render())),
        traces: traces.as_ref().map(Traces::sink),
        servers: upkeep.servers,
    });
    let outcome = http::serve(
        listener,
        http::application(state),
        limits,
        tls,
        shutdown_signal(log)?,
    )
    .await;
    let tasks = [watcher, hangups, probe, again];
    stop(tasks.into_iter().chain(upkeep.tasks).chain(refresh), traces).await;
    outcome.context("the server failed")?;
    tracing::info!("stopped");
    Ok(ExitStatus::Done)
}

/// Ends what runs beside the server, and sends the last traces.
async fn stop(tasks: impl Iterator<Item = JoinHandle<()>>, traces: Option<Traces>) {
    tasks.for_each(|task| task.abort());
    if let Some(traces) = traces {
        blocking::run(move || traces.close()).await;
    }
}

/// The index, as a folder from now on, and what is live in it.
async fn open_index(
    settings: &mut ServeSettings,
    embedder: &dyn Embedder,
) -> anyhow::Result<(Index, Generation)> {
    let index = wiring::index_to_read(settings).await?;
    index.folder_to_read().clone_into(&mut settings.index);
    let generation = wiring::generation(&settings.index, embedder).await?;
    Ok((index, generation))
}

fn reload_options(settings: &ServeSettings, index: &Index) -> ReloadOptions {
    ReloadOptions {
        index: settings.index.clone(),
        search_width: wiring::SEARCH_WIDTH,
        interval: Duration::from_secs(settings.reload_interval),
        supply: index.supply(),
    }
}

/// The keys, of which a server that others can reach needs one.
async fn open_access(
    settings: &ServeSettings,
    store: Arc<dyn KeyStore>,
) -> anyhow::Result<Arc<Access>> {
    let operator = settings.auth_api_key.as_deref().map(str::trim);
    let operator = operator.map(|key| KeyHash::of(key.as_bytes()));
    let access = Access::open(store, operator).await?;
    settings.check_exposure(access.needs_key())?;
    Ok(Arc::new(access))
}

/// Who listens to the whole network, or says that it is safe, is called by any name.
fn known_hosts(settings: &ServeSettings) -> Option<http::KnownHosts> {
    (settings.bind.ip().is_loopback() && !settings.insecure)
        .then(|| http::KnownHosts::with(settings.allowed_host.clone()))
}

/// Keeps other servers away from a state that is one server's.
async fn take_state(settings: &ServeSettings, since: &str) -> anyhow::Result<Option<StateLock>> {
    let StatePlace::Folder(state) = settings.state.clone() else {
        return Ok(None);
    };
    let (address, since) = (settings.bind.to_string(), since.to_owned());
    let lock = blocking::run(move || lock::acquire(&state, &address, &since)).await?;
    Ok(Some(lock))
}

fn store_options(settings: &ServeSettings, limits: &LimitsSettings) -> StoreOptions {
    StoreOptions {
        limits: session_limits(limits),
        most_bytes: limits.max_state_size << 20,
        connections: settings.database_connections,
        patience: DATABASE_PATIENCE,
    }
}

/// Names the replies that the owner should read.
fn warned(replies: Option<Arc<Replies>>) -> Option<Arc<Replies>> {
    let unchecked: Vec<&str> = replies
        .iter()
        .flat_map(|replies| replies.unchecked())
        .collect();
    if !unchecked.is_empty() {
        tracing::warn!(
            replies = unchecked.join(", "),
            "these replies are given although nobody has marked them as checked"
        );
    }
    replies
}

/// Says at once if answers will not be a model's. The server serves all the same.
async fn probe(chat_model: Option<Arc<ChatModel>>) {
    let Some(model) = chat_model else {
        return;
    };
    match model.probe().await {
        Ok(()) => tracing::info!(generator = model.name(), "the language model is there"),
        Err(error) => tracing::warn!(
            %error, generator = model.name(),
            "answers will be extractive until the language model can be asked: {error}"
        ),
    }
}

fn retention(limits: &LimitsSettings, settings: &ServeSettings) -> Retention {
    Retention {
        session_ttl: (limits.session_ttl > 0).then(|| Duration::from_secs(limits.session_ttl)),
        questions: settings.question_retention(),
    }
}

fn session_limits(limits: &LimitsSettings) -> SessionLimits {
    SessionLimits {
        entries: limits.max_session_entries,
        bytes: limits.max_session_size * 1024,
    }
}

fn server_limits(limits: &LimitsSettings, drain: u64) -> http::ServerLimits {
    http::ServerLimits {
        max_connections: limits.max_connections,
        first_bytes_timeout: Duration::from_secs(limits.first_bytes_timeout),
        header_timeout: Duration::from_secs(limits.header_timeout),
        max_header_bytes: limits.max_header * 1024,
        max_body_bytes: limits.max_body * 1024,
        body_timeout: Duration::from_secs(limits.body_timeout),
        request_timeout: Duration::from_secs(limits.request_timeout),
        write_timeout: Duration::from_secs(limits.write_timeout),
        max_arriving_bytes: limits.max_arriving * 1024 * 1024,
        max_unread_bytes: limits.max_unread * 1024 * 1024,
        max_unread_bytes_per_connection: limits.max_unread_per_connection * 1024,
        max_concurrent_requests: limits.max_concurrent,
        requests_per_minute: limits.requests_per_minute,
        max_message_bytes: limits.max_message * 1024,
        max_contexts: limits.max_contexts,
        max_json_depth: limits.max_json_depth,
        drain_timeout: Duration::from_secs(drain),
    }
}

fn open_tls(paths: TlsPaths) -> Result<Arc<http::Tls>, http::TlsError> {
    let files = http::TlsFiles {
        certificates: paths.cert,
        key: paths.key,
    };
    http::Tls::open(files).map(Arc::new)
}

/// SIGHUP asks for a look at `CURRENT` and at the certificate at once.
fn reload_on_hangup(
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

/// Ends with the first SIGTERM or SIGINT; a second one ends the process at once.
fn shutdown_signal(log: Option<LogLines>) -> std::io::Result<impl Future<Output = ()>> {
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
            std::process::abort();
        });
    })
}
