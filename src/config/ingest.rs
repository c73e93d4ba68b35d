//! What is ingested, and within which bounds.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};
use serde::{Deserialize, Serialize, Serializer};
use url::Url;

use super::places::check_index;
use super::private::{self, ALL_HOSTS};
use super::{ConfigError, Layer, NotifySettings, Places};

/// Flags and keys.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct IngestConfig {
    /// File that names the pages to fetch: one address a line, a JSON list, or one under the key
    /// `energy_saving_resources`; - is standard input
    #[arg(long, env = "URLs_JSON_FILE_PATH", value_name = "FILE")]
    pub urls: Option<PathBuf>,
    /// Addresses of pages to fetch, as the arguments of `ingest` name them.
    #[arg(skip)]
    pub pages: Option<Vec<String>>,
    /// Folders of documents: PDF, HTML, Markdown, Office, books, mails, tables, text; may be repeated
    #[arg(long, env = "PDF_FOLDER_PATH", value_name = "DIR", num_args = 1.., value_delimiter = ',')]
    pub docs: Option<Vec<PathBuf>>,
    /// Follow links in the folders that lead out of them
    #[arg(long, env = "WATTWISE_FOLLOW_LINKS", action = ArgAction::SetTrue, help_heading = "Folders", hide_short_help = true)]
    #[serde(default)]
    pub follow_links: Option<bool>,
    /// Read hidden files and folders of tools and caches (`.git`, `node_modules`) too
    #[arg(long, env = "WATTWISE_ALL_FILES", action = ArgAction::SetTrue, help_heading = "Folders", hide_short_help = true)]
    #[serde(default)]
    pub all_files: Option<bool>,
    /// Sitemap whose pages are fetched too, or a site's robots.txt that names its sitemaps; may be
    /// repeated. Only pages of the sitemap's own site count
    #[arg(
        long,
        env = "WATTWISE_SITEMAP",
        value_name = "URL",
        value_delimiter = ',',
        help_heading = "Crawling"
    )]
    pub sitemap: Option<Vec<String>>,
    /// Links to follow from each page, within its site [default: 0, only the pages that are named]
    #[arg(
        long,
        env = "WATTWISE_DEPTH",
        value_name = "N",
        help_heading = "Crawling"
    )]
    pub depth: Option<u32>,
    /// Most pages of a run, those from links and sitemaps included; pages of the URL list are never
    /// left out [default: 500]
    #[arg(
        long,
        env = "WATTWISE_MAX_PAGES",
        value_name = "N",
        help_heading = "Crawling"
    )]
    pub max_pages: Option<usize>,
    /// Milliseconds between two requests to one host [default: 500]
    #[arg(
        long,
        env = "WATTWISE_PACE",
        value_name = "MS",
        help_heading = "Crawling",
        hide_short_help = true
    )]
    pub pace: Option<u64>,
    /// Longest pause, in seconds, that a robots.txt may ask for; hosts that ask for more are not
    /// fetched [default: 30]
    #[arg(
        long,
        env = "WATTWISE_MAX_CRAWL_DELAY",
        value_name = "SECONDS",
        help_heading = "Crawling",
        hide_short_help = true
    )]
    pub max_crawl_delay: Option<u64>,
    /// Further attempts after time-outs, lost connections and answers 429, 500, 502, 503 and 504
    /// [default: 2]
    #[arg(
        long,
        env = "WATTWISE_RETRIES",
        value_name = "N",
        help_heading = "Crawling",
        hide_short_help = true
    )]
    pub retries: Option<u32>,
    /// Where generations are written: a folder, or an object store as `s3://bucket/prefix`, gs or az
    /// [default: index, if there is one here; else in the user's data folder]
    #[arg(long, env = "WATTWISE_INDEX", value_name = "DIR|URL")]
    pub index: Option<PathBuf>,
    /// Where the copy of an index in an object store is kept [default: the user's cache folder]
    #[arg(
        long,
        env = "WATTWISE_INDEX_CACHE",
        value_name = "DIR",
        hide_short_help = true
    )]
    pub index_cache: Option<PathBuf>,
    /// Fetch these hosts although they are inside private networks, on the port that is named or on
    /// any; without names, every such host
    #[arg(
        long,
        env = "WATTWISE_ALLOW_PRIVATE",
        value_name = "HOST[:PORT]",
        num_args = 0..,
        default_missing_value = ALL_HOSTS,
        value_delimiter = ',', help_heading = "Crawling", hide_short_help = true)]
    #[serde(default, deserialize_with = "private::hosts_or_all")]
    pub allow_private: Option<Vec<String>>,
    /// Query parameters of addresses whose values are shown nowhere, between commas; so are those of
    /// parameters whose last word is one of them
    /// [default: token,key,sig,signature,password,`access_token`]
    #[arg(
        long,
        env = "WATTWISE_MASK_PARAMS",
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Crawling",
        hide_short_help = true
    )]
    pub mask_params: Option<Vec<String>>,
    /// Fetch through the proxy that the environment names (`HTTPS_PROXY` and so on). The proxy then
    /// resolves names, so private addresses behind names are no longer refused
    #[arg(long, env = "WATTWISE_USE_PROXY", action = ArgAction::SetTrue, help_heading = "Crawling", hide_short_help = true)]
    #[serde(default)]
    pub use_proxy: Option<bool>,
    /// Sent with every request, so that sites know who fetches
    #[arg(
        long,
        env = "USER_AGENT",
        value_name = "TEXT",
        help_heading = "Crawling",
        hide_short_help = true
    )]
    pub user_agent: Option<String>,
    /// Sources fetched and extracted at a time [default: 8]
    #[arg(
        long,
        value_name = "N",
        help_heading = "Documents",
        hide_short_help = true
    )]
    pub concurrency: Option<NonZeroUsize>,
    /// Seconds for one page, redirects included [default: 60]
    #[arg(
        long,
        value_name = "SECONDS",
        help_heading = "Crawling",
        hide_short_help = true
    )]
    pub fetch_timeout: Option<u64>,
    /// Seconds for which a server may say nothing [default: 15]
    #[arg(
        long,
        env = "WATTWISE_READ_TIMEOUT",
        value_name = "SECONDS",
        help_heading = "Crawling",
        hide_short_help = true
    )]
    pub read_timeout: Option<u64>,
    /// Seconds for the extraction of one document, and again for its splitting [default: 30]
    #[arg(
        long,
        value_name = "SECONDS",
        help_heading = "Documents",
        hide_short_help = true
    )]
    pub extract_timeout: Option<u64>,
    /// Seconds for the embedding of one document [default: 3600]
    #[arg(
        long,
        value_name = "SECONDS",
        help_heading = "Documents",
        hide_short_help = true
    )]
    pub embed_timeout: Option<u64>,
    /// Memory of one extraction worker, in MiB [default: 1024]
    #[arg(
        long,
        value_name = "MIB",
        help_heading = "Documents",
        hide_short_help = true
    )]
    pub extract_memory: Option<u64>,
    /// Program that reads scanned pages: PGM in, text out; `off` for none [default: `tesseract stdin
    /// stdout`, if it is installed]
    #[arg(
        long,
        env = "WATTWISE_OCR_COMMAND",
        value_name = "COMMAND",
        help_heading = "Documents",
        hide_short_help = true
    )]
    pub ocr_command: Option<String>,
    /// Largest page or file, in MiB, after decompression [default: 32]
    #[arg(
        long,
        value_name = "MIB",
        help_heading = "Documents",
        hide_short_help = true
    )]
    pub max_size: Option<u64>,
    /// How texts are split [default: structure]
    #[arg(long, value_enum, help_heading = "Documents", hide_short_help = true)]
    pub chunker: Option<Chunker>,
    /// Most tokens in a chunk, its headings included; for `--chunker structure` [default: 160]
    #[arg(
        long,
        value_name = "N",
        help_heading = "Documents",
        hide_short_help = true
    )]
    pub chunk_tokens: Option<usize>,
    /// Generations kept besides the live one [default: 2]
    #[arg(
        long,
        value_name = "N",
        help_heading = "Publishing",
        hide_short_help = true
    )]
    pub keep: Option<usize>,
    /// Days for which a failing source keeps its last good content [default: for ever]
    #[arg(
        long,
        value_name = "DAYS",
        help_heading = "Publishing",
        hide_short_help = true
    )]
    pub max_stale: Option<u32>,
    /// Labelled questions; a generation that answers fewer of them than the live one is not published
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Publishing",
        hide_short_help = true
    )]
    pub gate: Option<PathBuf>,
    /// By how much the share of questions answered in 10 contexts may fall [default: 0.02]
    #[arg(
        long,
        value_name = "SHARE",
        help_heading = "Publishing",
        hide_short_help = true
    )]
    pub gate_drop: Option<f64>,
    /// By how much the number of chunks may fall, as a share [default: 0.3]
    #[arg(
        long,
        value_name = "SHARE",
        help_heading = "Publishing",
        hide_short_help = true
    )]
    pub gate_shrink: Option<f64>,
    /// Send the report to this address when something needs a look, as a signed webhook: a run that
    /// failed or was refused by the gate, sources that failed or are kept stale
    #[arg(
        long,
        env = "WATTWISE_NOTIFY",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Publishing",
        hide_short_help = true
    )]
    pub notify: Option<String>,
    /// Secret that signs it, `whsec_` and base64; better given through the environment
    #[arg(
        long,
        env = "WATTWISE_NOTIFY_SECRET",
        hide_env_values = true,
        value_name = "SECRET",
        help_heading = "Publishing",
        hide_short_help = true
    )]
    pub notify_secret: Option<String>,
    /// Send it after runs that went well too
    #[arg(long, env = "WATTWISE_NOTIFY_ALWAYS", action = ArgAction::SetTrue, help_heading = "Publishing", hide_short_help = true)]
    #[serde(default)]
    pub notify_always: Option<bool>,
}

/// How texts are split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Chunker {
    /// By headings, paragraphs, list items and table rows, packed by the embedder's tokens
    #[default]
    Structure,
    /// 500 characters with 20 shared, exactly as the splitter of LangChain's tutorials does
    Langchain,
}

/// Checked values.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct IngestSettings {
    /// URL list.
    pub urls: Option<PathBuf>,
    /// Pages that are named one by one.
    #[serde(serialize_with = "without_secrets")]
    pub pages: Vec<Url>,
    /// Folders.
    pub docs: Vec<PathBuf>,
    /// Out of the folders too.
    pub follow_links: bool,
    /// Hidden ones and those of tools too.
    pub all_files: bool,
    /// Sitemaps.
    #[serde(serialize_with = "without_secrets")]
    pub sitemap: Vec<Url>,
    /// Links followed.
    pub depth: u32,
    /// Pages.
    pub max_pages: usize,
    /// Milliseconds.
    pub pace: u64,
    /// Seconds.
    pub max_crawl_delay: u64,
    /// Attempts after the first.
    pub retries: u32,
    /// Index directory, or address.
    pub index: PathBuf,
    /// Where the copy of an index at an address is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_cache: Option<PathBuf>,
    /// Hosts inside private networks that may be fetched, some with a port; `*` is every one.
    pub allow_private: Vec<String>,
    /// Names of query parameters; `None` for the usual ones.
    pub mask_params: Option<Vec<String>>,
    /// Through the proxy of the environment.
    pub use_proxy: bool,
    /// `User-Agent`, if not the program's own.
    pub user_agent: Option<String>,
    /// Sources at a time.
    pub concurrency: NonZeroUsize,
    /// Seconds.
    pub fetch_timeout: u64,
    /// Seconds.
    pub read_timeout: u64,
    /// Seconds.
    pub extract_timeout: u64,
    /// Seconds.
    pub embed_timeout: u64,
    /// MiB.
    pub extract_memory: u64,
    /// What reads scanned pages.
    pub ocr_command: Option<String>,
    /// MiB.
    pub max_size: u64,
    /// How texts are split.
    pub chunker: Chunker,
    /// Tokens.
    pub chunk_tokens: usize,
    /// Generations.
    pub keep: usize,
    /// Days; `None` is for ever.
    pub max_stale: Option<u32>,
    /// Questions of the publish gate.
    pub gate: Option<PathBuf>,
    /// Share of questions.
    pub gate_drop: f64,
    /// Share of chunks.
    pub gate_shrink: f64,
    /// Who is told how a run ended.
    #[serde(flatten)]
    pub notify: Option<NotifySettings>,
}

impl Layer for IngestConfig {
    fn over(self, below: Self) -> Self {
        Self {
            urls: self.urls.or(below.urls),
            pages: self.pages.or(below.pages),
            docs: self.docs.or(below.docs),
            follow_links: self
                .follow_links
                .filter(|follows| *follows)
                .or(below.follow_links),
            all_files: self.all_files.filter(|all| *all).or(below.all_files),
            sitemap: self.sitemap.or(below.sitemap),
            depth: self.depth.or(below.depth),
            max_pages: self.max_pages.or(below.max_pages),
            pace: self.pace.or(below.pace),
            max_crawl_delay: self.max_crawl_delay.or(below.max_crawl_delay),
            retries: self.retries.or(below.retries),
            index: self.index.or(below.index),
            index_cache: self.index_cache.or(below.index_cache),
            allow_private: self.allow_private.or(below.allow_private),
            mask_params: self.mask_params.or(below.mask_params),
            // The flag can only switch on; absent, it says nothing.
            use_proxy: self
                .use_proxy
                .filter(|through| *through)
                .or(below.use_proxy),
            user_agent: self.user_agent.or(below.user_agent),
            concurrency: self.concurrency.or(below.concurrency),
            fetch_timeout: self.fetch_timeout.or(below.fetch_timeout),
            read_timeout: self.read_timeout.or(below.read_timeout),
            extract_timeout: self.extract_timeout.or(below.extract_timeout),
            embed_timeout: self.embed_timeout.or(below.embed_timeout),
            extract_memory: self.extract_memory.or(below.extract_memory),
            ocr_command: self.ocr_command.or(below.ocr_command),
            max_size: self.max_size.or(below.max_size),
            chunker: self.chunker.or(below.chunker),
            chunk_tokens: self.chunk_tokens.or(below.chunk_tokens),
            keep: self.keep.or(below.keep),
            max_stale: self.max_stale.or(below.max_stale),
            gate: self.gate.or(below.gate),
            gate_drop: self.gate_drop.or(below.gate_drop),
            gate_shrink: self.gate_shrink.or(below.gate_shrink),
            notify: self.notify.or(below.notify),
            notify_secret: self.notify_secret.or(below.notify_secret),
            notify_always: self
                .notify_always
                .filter(|always| *always)
                .or(below.notify_always),
        }
    }
}

impl IngestConfig {
    /// Whether there is anything to ingest.
    pub fn names_sources(&self) -> bool {
        self.urls.is_some() || self.pages.is_some() || self.docs.is_some() || self.sitemap.is_some()
    }

    /// Fills in the defaults and checks the values.
    pub fn resolve(self) -> Result<IngestSettings, ConfigError> {
        let settings = IngestSettings {
            urls: self.urls,
            pages: addresses("pages", &self.pages.unwrap_or_default())?,
            docs: self.docs.unwrap_or_default(),
            follow_links: self.follow_links.unwrap_or(false),
            all_files: self.all_files.unwrap_or(false),
            sitemap: addresses("--sitemap", &self.sitemap.unwrap_or_default())?,
            depth: self.depth.unwrap_or(0),
            max_pages: self.max_pages.unwrap_or(500),
            pace: self.pace.unwrap_or(500),
            max_crawl_delay: self.max_crawl_delay.unwrap_or(30),
            retries: self.retries.unwrap_or(2),
            index: self.index.unwrap_or_else(|| Places::find().index),
            index_cache: self.index_cache,
            allow_private: private::hosts(self.allow_private.unwrap_or_default())?,
            mask_params: self.mask_params,
            use_proxy: self.use_proxy.unwrap_or(false),
            user_agent: self.user_agent,
            concurrency: self
                .concurrency
                .unwrap_or(NonZeroUsize::new(8).expect("eight is not zero")),
            fetch_timeout: self.fetch_timeout.unwrap_or(60),
            read_timeout: self.read_timeout.unwrap_or(15),
            extract_timeout: self.extract_timeout.unwrap_or(30),
            embed_timeout: self.embed_timeout.unwrap_or(3600),
            extract_memory: self.extract_memory.unwrap_or(1024),
            ocr_command: self.ocr_command,
            max_size: self.max_size.unwrap_or(32),
            chunker: self.chunker.unwrap_or_default(),
            chunk_tokens: self.chunk_tokens.unwrap_or(160),
            keep: self.keep.unwrap_or(2),
            max_stale: self.max_stale,
            gate: self.gate,
            gate_drop: self.gate_drop.unwrap_or(0.02),
            gate_shrink: self.gate_shrink.unwrap_or(0.3),
            notify: NotifySettings::resolve(
                self.notify.as_deref(),
                self.notify_secret.as_deref(),
                self.notify_always.unwrap_or(false),
            )?,
        };
        check_index(&settings.index)?;
        let invalid = |name, reason: &str| {
            Err(ConfigError::Invalid {
                name,
                reason: reason.to_owned(),
            })
        };
        if settings.chunk_tokens < 32 {
            return invalid(
                "--chunk-tokens",
                "at least 32: smaller chunks say too little to be found",
            );
        }
        let seconds = [
            settings.fetch_timeout,
            settings.read_timeout,
            settings.extract_timeout,
            settings.embed_timeout,
        ];
        if !seconds.iter().all(|limit| (1..=86_400).contains(limit)) {
            return invalid(
                "--fetch-timeout, --read-timeout, --extract-timeout, --embed-timeout",
                "from 1 second to a day",
            );
        }
        if settings.max_pages == 0 {
            return invalid("--max-pages", "at least 1");
        }
        if settings.pace > 3_600_000 || settings.max_crawl_delay > 3_600 {
            return invalid("--pace, --max-crawl-delay", "at most an hour");
        }
        if settings.retries > 10 {
            return invalid("--retries", "at most 10: more is no longer polite");
        }
        if !(1..=200).contains(&settings.max_size) {
            return invalid("--max-size", "from 1 to 200 MiB");
        }
        if settings.extract_memory < 256 {
            return invalid("--extract-memory", "at least 256 MiB");
        }
        let shares = [settings.gate_drop, settings.gate_shrink];
        if !shares.iter().all(|share| (0.0..=1.0).contains(share)) {
            return invalid("--gate-drop, --gate-shrink", "a share from 0 to 1");
        }
        Ok(settings)
    }
}

/// What is wrong is told without the address, which may hold a password.
fn addresses(name: &'static str, addresses: &[String]) -> Result<Vec<Url>, ConfigError> {
    let read = |(position, address): (usize, &String)| {
        let url = Url::parse(address.trim()).map_err(|error| error.to_string());
        let url = url.and_then(|url| match url.scheme() {
            "http" | "https" => Ok(url),
            _ => Err("another scheme".to_owned()),
        });
        url.map_err(|error| ConfigError::Invalid {
            name,
            reason: format!(
                "number {} is not an http or https address: {error}; write it as https://www.example.org/page",
                position + 1
            ),
        })
    };
    addresses.iter().enumerate().map(read).collect()
}

/// For `--print-config`: neither users nor passwords nor what stands in a query.
fn without_secrets<S: Serializer>(urls: &[Url], serializer: S) -> Result<S::Ok, S::Error> {
    let plain = urls.iter().map(|url| {
        let mut url = url.clone();
        // These fail only for addresses without a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        if url.query().is_some() {
            url.set_query(Some("***"));
        }
        url
    });
    serializer.collect_seq(plain)
}
