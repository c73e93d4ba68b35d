//! `wattwise serve`

mod settings;
mod signals;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use self::settings::{
    Resolved, known_hosts, reload_options, retention, server_limits, store_options,
};
use self::signals::{reload_on_hangup, shutdown_signal};
use super::args::ServeArguments;
use super::refresh::Refresh;
use super::start::Start;
use super::upkeep::Upkeep;
use super::{ExitStatus, ports, printer};
use crate::assistant::access::Access;
use crate::assistant::{Assistant, AssistantParts, Replies, ask_again};
use crate::config::{
    EmbedSettings, File, GenerateSettings, LimitsSettings, ServeSettings, StatePlace, Switch,
    TlsPaths,
};
use crate::embed::Embedder;
use crate::generate::ChatModel;
use crate::http;
use crate::model::KeyHash;
use crate::retrieve::RetrievalParameters;
use crate::retrieve::reload;
use crate::runtime::{blocking, clock};
use crate::snapshot::Generation;
use crate::snapshot::live::Live;
use crate::store::KeyStore;
use crate::store::lock::{self, StateLock};
use crate::store::shared::StateStore;
use crate::telemetry::{self, LogLines, Traces};
use crate::wiring::{self, Index};

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

/// What a server answers with.
struct Opened {
    store: Arc<dyn StateStore>,
    access: Arc<Access>,
    tls: Option<Arc<http::Tls>>,
    index: Index,
    parts: AssistantParts,
}

impl Opened {
    async fn open(
        settings: &mut ServeSettings,
        limits: &LimitsSettings,
        (embed, generate, reader): (EmbedSettings, GenerateSettings, Switch),
    ) -> anyhow::Result<Self> {
        let store = wiring::store(&settings.state, store_options(settings, limits)).await?;
        let access = open_access(settings, Arc::clone(&store) as _).await?;
        let chat_model = wiring::chat_model(generate.clone())?;
        let tls = settings.tls().map(open_tls).transpose()?;
        let embedder = wiring::embedder(embed).await?;
        let (index, generation) = open_index(settings, embedder.as_ref()).await?;
        let cached = wiring::answer_cache(&generate, Arc::clone(&store), generation.id());
        let answer_cache = cached.await?;
        let (live, retrieval) = (
            Arc::new(Live::new(generation)),
            RetrievalParameters::default(),
        );
        let parts = AssistantParts {
            chat_model,
            answer_cache,
            replies: warned(wiring::replies(&settings.replies, embedder.as_ref()).await?),
            reader: wiring::reader(reader).await?,
            question_log: wiring::question_log(settings.question_log, &store, embedder.as_ref()),
            ..AssistantParts::new(Arc::clone(&store) as _, live, embedder, retrieval)
        };
        Ok(Self {
            store,
            access,
            tls,
            index,
            parts,
        })
    }

    /// How it is announced.
    fn start(&self, address: SocketAddr) -> Start {
        let generation = self.parts.live.current();
        let counts = generation.records.manifest.counts;
        let model = self.parts.chat_model.as_ref();
        let start = Start {
            address,
            tls: self.tls.is_some(),
            documents: counts.documents,
            needs_key: self.access.needs_key(),
            generator: model.map(|model| model.name().to_owned()),
        };
        start.log(generation.id(), counts.chunks);
        start
    }

    /// Begins what runs beside the server as long as it does.
    fn begin_tasks(
        &self,
        settings: &ServeSettings,
        reload_now: &Arc<Notify>,
    ) -> anyhow::Result<Vec<JoinHandle<()>>> {
        let watcher = reload::watch(
            Arc::clone(&self.parts.live),
            Arc::clone(&self.parts.embedder),
            reload_options(settings, &self.index),
            Arc::clone(reload_now),
        );
        let hangups = reload_on_hangup(Arc::clone(reload_now), self.tls.clone())?;
        let mut tasks = vec![
            tokio::spawn(watcher),
            tokio::spawn(hangups),
            tokio::spawn(probe(self.parts.chat_model.clone())),
        ];
        tasks.extend(self.index.follow(Arc::clone(reload_now)));
        Ok(tasks)
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
    Box::pin(serve_as(resolved, log, afterwards)).await
}

async fn serve_as(
    resolved: Resolved,
    log: Option<LogLines>,
    afterwards: Afterwards,
) -> anyhow::Result<ExitStatus> {
    let (mut settings, limits) = (resolved.settings, resolved.limits);
    let figures = telemetry::install_metrics(log.as_ref())?;
    let collector = settings.otlp_endpoint.as_ref();
    let traces = collector.map(Traces::install).transpose()?;
    http::metrics::describe();
    let since = clock::utc(clock::now());
    // Released when this function ends, after the store is closed.
    let mut lock = take_state(&settings, &since).await?;
    let models = (resolved.embed, resolved.generate, resolved.reader);
    let opened = Opened::open(&mut settings, &limits, models).await?;
    let reload_now = Arc::new(Notify::new());
    let mut tasks = opened.begin_tasks(&settings, &reload_now)?;
    let kept = retention(&limits, &settings);
    let cache = opened.parts.answer_cache.as_ref();
    let upkeep = Upkeep::begin(&opened.store, &opened.access, cache, kept);
    tasks.extend(upkeep.tasks);

    let listener = ports::listen(settings.bind).await?;
    let address = listener.local_addr()?;
    if let Some(lock) = &mut lock {
        lock.sign(&address.to_string(), &since);
    }
    let start = opened.start(address);
    tasks.extend(afterwards.begin(&start, &settings, &opened.parts.embedder));
    let (store, live) = (&opened.store, &opened.parts.live);
    let admin = wiring::admin(&settings, &opened.index, live, store, &reload_now);
    let assistant = Arc::new(Assistant::new(opened.parts));
    tasks.push(tokio::spawn(ask_again(Arc::clone(&assistant.answers))));
    let limits = server_limits(&limits, settings.drain);
    let state = http::AppState::new(http::Parts {
        assistant,
        access: opened.access,
        limits,
        known_hosts: known_hosts(&settings),
        cors_origins: settings.cors_origin,
        admin: Some(admin),
        lists_sources: settings.openai_sources == Switch::On,
        figures: Some(Arc::new(move || figures.render())),
        traces: traces.as_ref().map(Traces::sink),
        servers: upkeep.servers,
    });
    let application = http::application(state);
    let outcome = http::serve(
        listener,
        application,
        limits,
        opened.tls,
        shutdown_signal(log)?,
    )
    .await;
    stop(tasks, traces).await;
    outcome.context("the server failed")?;
    tracing::info!("stopped");
    Ok(ExitStatus::Done)
}

/// Ends what runs beside the server, and sends the last traces.
async fn stop(tasks: Vec<JoinHandle<()>>, traces: Option<Traces>) {
    tasks.iter().for_each(JoinHandle::abort);
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
    let generation = wiring::generation(&index, embedder).await?;
    Ok((index, generation))
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

/// Keeps other servers away from a state that is one server's.
async fn take_state(settings: &ServeSettings, since: &str) -> anyhow::Result<Option<StateLock>> {
    let StatePlace::Folder(state) = settings.state.clone() else {
        return Ok(None);
    };
    let (address, since) = (settings.bind.to_string(), since.to_owned());
    let lock = blocking::run(move || lock::acquire(&state, &address, &since)).await?;
    Ok(Some(lock))
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

fn open_tls(paths: TlsPaths) -> Result<Arc<http::Tls>, http::TlsError> {
    let files = http::TlsFiles {
        certificates: paths.cert,
        key: paths.key,
    };
    http::Tls::open(files).map(Arc::new)
}
