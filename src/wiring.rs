//! The composition root: settings in, assembled parts out. The only module that names concrete
//! adapters.

mod index;
mod state;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::Notify;

use crate::assistant::admin::{Admin, AdminParts};
use crate::assistant::answer_cache::{AnswerCache, AnswerCacheOptions};
use crate::assistant::{QuestionLog, Replies, SHIPPED_REPLIES};
use crate::chunk::{ChunkParameters, Chunker};
use crate::config::{
    self, ChatSettings, ConfigError, EmbedSettings, GenerateSettings, IngestSettings,
    ServeSettings, Switch,
};
use crate::crawl::{FetchLimits, FrontierLimits, MASKED_PARAMETERS, Manners, PrivateHosts};
use crate::embed::Embedder;
use crate::embed::ollama::{OllamaEmbedder, OllamaOptions};
use crate::embed::openai::{OpenAiEmbedder, OpenAiOptions};
use crate::embed::transformer::{ModelFiles, TransformerEmbedder};
use crate::generate::chat_model::ChatModelOptions;
use crate::generate::ollama::{OllamaChatOptions, OllamaGenerator};
use crate::generate::openai::{OpenAiChatOptions, OpenAiGenerator};
use crate::generate::prompt::Prompts;
use crate::generate::{ChatModel, Generator, TimeLimits, TokenLimits};
use crate::index::hnsw::HnswParameters;
use crate::ingest::ocr::{OCR_PAGES, OCR_TIMEOUT, Ocr};
use crate::ingest::{ExtractorOptions, FolderRules, IngestOptions, Ingestor, Progress};
use crate::model::GenerationId;
use crate::notify::Notifier;
use crate::reader::{NetworkReader, Reader, Remembered};
use crate::retrieve::check_embedder;
use crate::runtime::breaker::BreakerOptions;
use crate::runtime::{blocking, clock, cpu_pool};
use crate::snapshot::live::Live;
use crate::snapshot::{Generation, current, open};
use crate::store::answers::AnswerRoom;
use crate::store::questions::QuestionStore;
use crate::store::shared::StateStore;

pub use index::{Index, Workspace, migrate_index};
pub use state::{StoreOptions, migrate, store};

/// Candidates kept during a graph search (ef).
pub const SEARCH_WIDTH: usize = 192;

/// How long a connection to a model's server may take; one that is slower would not answer in time.
const CHAT_CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// The least cosine of two questions that may share an answer; docs/answers.md has what other values
/// gave.
const ANSWER_CACHE_THRESHOLD: f32 = 0.8;

/// Kept answers at most …
const ANSWER_CACHE_ENTRIES: u32 = 2000;

/// … and their bytes.
const ANSWER_CACHE_BYTES: u64 = 16 << 20;

/// How long the index directory may take to answer at the start.
const INDEX_LIMIT: Duration = Duration::from_secs(10);

/// The hidden subcommand that makes this program an extraction worker.
pub const WORKER_COMMAND: &str = "extract-worker";

/// Opens the embedder that the settings name.
pub async fn embedder(settings: EmbedSettings) -> anyhow::Result<Arc<dyn Embedder>> {
    Ok(match settings {
        EmbedSettings::InProcess { model_dir, threads } => {
            let open = move || {
                let files = model_dir
                    .as_deref()
                    .map_or_else(|| Ok(ModelFiles::shipped()), ModelFiles::read)?;
                TransformerEmbedder::open(files, threads)
            };
            Arc::new(blocking::run(open).await?)
        }
        EmbedSettings::Ollama { url, model } => {
            Arc::new(OllamaEmbedder::connect(OllamaOptions { url, model }).await?)
        }
        EmbedSettings::Openai {
            url,
            model,
            api_key,
        } => Arc::new(
            OpenAiEmbedder::connect(OpenAiOptions {
                url,
                model,
                api_key,
            })
            .await?,
        ),
    })
}

/// An ingest run with this program as its extraction worker.
pub fn ingestor(
    settings: IngestSettings,
    embedder: Arc<dyn Embedder>,
    progress: Progress,
    dry_run: bool,
) -> anyhow::Result<Ingestor> {
    let threads = cpu_pool::available_threads();
    let extractor = extractor(&settings)?;
    let mut fetch = FetchLimits {
        total_timeout: Duration::from_secs(settings.fetch_timeout),
        max_bytes: settings.max_size * 1024 * 1024,
        read_timeout: Duration::from_secs(settings.read_timeout),
        private_hosts: private_hosts(settings.allow_private),
        use_proxy: settings.use_proxy,
        ..FetchLimits::default()
    };
    if let Some(user_agent) = settings.user_agent {
        fetch.user_agent = user_agent;
    }
    let options = IngestOptions {
        urls: settings.urls,
        pages: settings.pages,
        folders: settings.docs,
        folder_rules: FolderRules {
            follow_links: settings.follow_links,
            all_files: settings.all_files,
        },
        index: settings.index,
        keep: settings.keep,
        concurrency: settings.concurrency,
        threads,
        fetch,
        mask_params: settings
            .mask_params
            .unwrap_or_else(|| MASKED_PARAMETERS.map(str::to_owned).to_vec()),
        manners: Manners {
            pace: Duration::from_millis(settings.pace),
            max_crawl_delay: Duration::from_secs(settings.max_crawl_delay),
            retries: settings.retries,
        },
        frontier: FrontierLimits {
            depth: settings.depth,
            max_pages: settings.max_pages,
        },
        sitemaps: settings.sitemap,
        extractor,
        embed_timeout: Duration::from_secs(settings.embed_timeout),
        chunking: ChunkParameters {
            chunker: match settings.chunker {
                config::Chunker::Structure => Chunker::Structure,
                config::Chunker::Langchain => Chunker::Langchain,
            },
            max_tokens: settings.chunk_tokens,
            ..ChunkParameters::default()
        },
        graph: HnswParameters::default(),
        max_stale_days: settings.max_stale,
        dry_run,
    };
    Ok(Ingestor::new(options, embedder, progress))
}

/// Who is told how runs end, if anybody is.
pub fn notifier(settings: &IngestSettings) -> Result<Option<Notifier>, ConfigError> {
    let Some(notify) = settings.notify()? else {
        return Ok(None);
    };
    let notifier = Notifier::new(
        notify.url,
        notify.secret.0,
        notify.always,
        settings.use_proxy,
    );
    notifier.map(Some).map_err(|error| ConfigError::Invalid {
        name: "--notify",
        reason: error.to_string(),
    })
}

/// Extraction workers: this program, within the limits of the settings.
pub fn extractor(settings: &IngestSettings) -> anyhow::Result<ExtractorOptions> {
    Ok(ExtractorOptions {
        program: std::env::current_exe()
            .context("cannot find the program's own file for extraction workers")?,
        arguments: vec![
            WORKER_COMMAND.to_owned(),
            "--memory-mib".to_owned(),
            settings.extract_memory.to_string(),
            "--timeout".to_owned(),
            settings.extract_timeout.to_string(),
        ],
        workers: cpu_pool::available_threads().get(),
        timeout: Duration::from_secs(settings.extract_timeout),
        ocr: Ocr::find(settings.ocr_command.as_deref(), OCR_TIMEOUT, OCR_PAGES)?,
    })
}

fn private_hosts(named: Vec<String>) -> PrivateHosts {
    if named.iter().any(|host| host == "*") {
        PrivateHosts::Allowed
    } else if named.is_empty() {
        PrivateHosts::Refused
    } else {
        PrivateHosts::Named(named.into_iter().collect())
    }
}

/// The index that the settings name, with something to answer from in its folder if there is anything.
pub async fn index_to_read(settings: &ServeSettings) -> anyhow::Result<Index> {
    let index = Index::at(&settings.index, settings.index_cache.as_deref())?;
    Box::pin(index.bring()).await?;
    Ok(index)
}

/// Opens the live generation, or the newest older one that is whole, and checks that `embedder`
/// made its vectors.
pub async fn generation(index: &Index, embedder: &dyn Embedder) -> anyhow::Result<Generation> {
    let generation = match index {
        Index::Database { reader, .. } => {
            let (generation, refused) = Box::pin(reader.open_usable()).await?;
            for (id, reason) in refused {
                tracing::error!(snapshot.generation = %id, %reason, "a generation was refused; an older one answers");
            }
            generation
        }
        Index::Folder(_) | Index::Store { .. } => in_folder(index.folder_to_read()).await?,
    };
    check_embedder(&generation.records.manifest, embedder).await??;
    Ok(generation)
}

async fn in_folder(index: &Path) -> anyhow::Result<Generation> {
    // To verify a large generation takes long; to say which one it is does not.
    let (index, looked) = (index.to_owned(), index.to_owned());
    let look = blocking::run(move || current::read(&looked).is_ok());
    if tokio::time::timeout(INDEX_LIMIT, look).await.is_err() {
        anyhow::bail!(
            "{} did not answer within {} s; is what is mounted there away?",
            index.display(),
            INDEX_LIMIT.as_secs()
        );
    }
    let (generation, refused) =
        blocking::run(move || open::open_usable(&index, SEARCH_WIDTH)).await?;
    for (id, reason) in refused {
        tracing::error!(snapshot.generation = %id, %reason, "a generation was refused; an older one answers");
    }
    Ok(generation)
}

/// The language model that writes answers, if one does.
pub fn chat_model(settings: GenerateSettings) -> anyhow::Result<Option<Arc<ChatModel>>> {
    let tokens = |chat: &ChatSettings| TokenLimits {
        context: chat.chat_context,
        answer: chat.chat_answer,
    };
    let time = |chat: &ChatSettings| TimeLimits {
        connect: CHAT_CONNECT_LIMIT,
        first_words: Duration::from_secs(chat.chat_words_timeout),
        total: Duration::from_secs(chat.chat_timeout),
    };
    let (generator, chat): (Arc<dyn Generator>, ChatSettings) = match settings {
        GenerateSettings::Extractive => return Ok(None),
        GenerateSettings::Ollama(chat) => {
            let options = OllamaChatOptions {
                url: chat.chat_url.clone(),
                model: chat.chat_model.clone(),
                keep_alive: Duration::from_secs(chat.chat_keep_alive),
                tokens: tokens(&chat),
                time: time(&chat),
                retries: chat.chat_retries,
            };
            (Arc::new(OllamaGenerator::new(options)?), chat)
        }
        GenerateSettings::Openai(chat) => {
            let options = OpenAiChatOptions {
                url: chat.chat_url.clone(),
                model: chat.chat_model.clone(),
                api_key: chat.chat_api_key.clone(),
                tokens: tokens(&chat),
                time: time(&chat),
                retries: chat.chat_retries,
            };
            (Arc::new(OpenAiGenerator::new(options)?), chat)
        }
    };
    let options = ChatModelOptions {
        prompts: match &chat.prompts {
            Some(folder) => Prompts::load(folder)?,
            None => Prompts::built_in(),
        },
        tokens: tokens(&chat),
        strict: chat.strict,
        breaker: BreakerOptions {
            failures: chat.chat_failures,
            pause: Duration::from_secs(chat.chat_pause),
        },
    };
    let model = ChatModel::new(generator, options, clock::monotonic());
    Ok(Some(Arc::new(model)))
}

/// The kept answers of the generation that answers now; `None` where none are kept.
pub async fn answer_cache(
    settings: &GenerateSettings,
    store: Arc<dyn StateStore>,
    generation: &GenerationId,
) -> anyhow::Result<Option<Arc<AnswerCache>>> {
    let chat = match settings {
        GenerateSettings::Ollama(chat) | GenerateSettings::Openai(chat)
            if chat.answer_cache == Switch::On =>
        {
            chat
        }
        // An extractive answer costs no more than looking one up.
        GenerateSettings::Extractive
        | GenerateSettings::Ollama(_)
        | GenerateSettings::Openai(_) => return Ok(None),
    };
    let options = AnswerCacheOptions {
        threshold: ANSWER_CACHE_THRESHOLD,
        room: AnswerRoom {
            entries: ANSWER_CACHE_ENTRIES,
            bytes: ANSWER_CACHE_BYTES,
            seconds: i64::try_from(chat.answer_cache_ttl).unwrap_or(i64::MAX),
        },
    };
    let cache = AnswerCache::open(store, options, generation.as_str()).await?;
    Ok(Some(Arc::new(cache)))
}

/// The replies that `named` means: `shipped`, `off`, or a file; `None` where they are off.
pub async fn replies(named: &str, embedder: &dyn Embedder) -> anyhow::Result<Option<Arc<Replies>>> {
    let text = match named {
        "off" => return Ok(None),
        "shipped" => SHIPPED_REPLIES.to_owned(),
        file => fs_err::read_to_string(file)?,
    };
    let replies = Replies::load(&text, embedder)
        .await
        .with_context(|| format!("cannot use the replies of {named}"))?;
    Ok(Some(Arc::new(replies)))
}

/// The reader, unless it is switched off.
pub async fn reader(switch: Switch) -> anyhow::Result<Option<Arc<dyn Reader>>> {
    Ok(match switch {
        Switch::On => {
            let reader = blocking::run(NetworkReader::open).await?;
            Some(Arc::new(Remembered::new(reader)))
        }
        Switch::Off => None,
    })
}

/// Where questions without an answer are kept, if they are.
pub fn question_log(
    switch: Switch,
    store: &Arc<dyn StateStore>,
    embedder: &dyn Embedder,
) -> Option<QuestionLog> {
    let store = Arc::clone(store) as Arc<dyn QuestionStore>;
    (switch == Switch::On).then(|| QuestionLog::new(store, embedder.fingerprint()))
}

/// The operator's view.
pub fn admin(
    settings: &ServeSettings,
    index: &Index,
    live: &Arc<Live>,
    store: &Arc<dyn StateStore>,
    reload_now: &Arc<Notify>,
) -> Admin {
    let is_kept = settings.question_log == Switch::On;
    Admin::new(AdminParts {
        index: settings.index.clone(),
        published_at: index.address(),
        live: Arc::clone(live),
        reload_now: Arc::clone(reload_now),
        questions: Arc::clone(store) as Arc<dyn QuestionStore>,
        question_log: is_kept.then(|| settings.question_retention()),
    })
}
