//! What is ingested, and within which bounds.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use serde::Serializer;
use url::Url;

use super::chunker::Chunker;
use super::places::{INDEX_OTHERWISE, index_place};
use super::private::{self, HostList};
use super::section::section;
use super::{ConfigError, NotifySettings, notify};

section! {
    "ingest";
    /// Flags and keys.
    pub struct IngestConfig;
    /// Checked values.
    #[derive(Debug, Clone, PartialEq)]
    pub struct IngestSettings;

    /// File that names the pages to fetch: one address a line, a JSON list, or lists in a JSON object;
    /// - is standard input
    urls: PathBuf; unit("FILE").variable("URLs_JSON_FILE_PATH").example("\"pages.txt\"");
    /// Folders of documents: PDF, HTML, Markdown, Office, books, mails, tables, text; may be repeated
    docs: Vec<PathBuf> = Vec::<PathBuf>::new();
        unit("DIR").many().variable("PDF_FOLDER_PATH").example("[\"documents\"]");
    /// Addresses of pages, as the arguments of `ingest` name them
    #[serde(serialize_with = "without_secrets")]
    pages: Vec<String> => Vec<Url> = |given| addresses("--pages", given);
        unit("URL").example("[\"https://www.example.org/page\"]").tuning();
    /// Where generations are written: a folder, an object store (`s3://bucket/prefix`, gs, az) or a
    /// database (`postgres://user:password@host/database`)
    #[serde(serialize_with = "super::places::serialize_index")]
    index: PathBuf => PathBuf = index_place;
        unit("DIR|URL").otherwise(INDEX_OTHERWISE).secret().example("\"index\"");
    /// Where the copy of an index at an address is kept
    #[serde(skip_serializing_if = "Option::is_none")]
    index_cache: PathBuf;
        unit("DIR").otherwise("the user's cache folder").example("\"/var/cache/wattwise\"").tuning();
    /// Follow links in the folders that lead out of them
    follow_links: bool = false; under(DOCUMENTS);
    /// Read hidden files and folders of tools and caches (`.git`, `node_modules`) too
    all_files: bool = false; under(DOCUMENTS);
    /// Largest page or file, after decompression
    max_size: u64 = 32, within 1..=200; under(DOCUMENTS).unit("MIB");
    /// Program that reads scanned pages: PGM in, text out; `off` for none
    ocr_command: String;
        under(DOCUMENTS).unit("COMMAND").otherwise("tesseract, if it is installed")
        .example("\"tesseract stdin stdout -l deu\"");
    /// Sources fetched and extracted at a time
    concurrency: NonZeroUsize = EIGHT; under(DOCUMENTS).unit("N");
    /// Time for the extraction of one document, and again for its splitting
    extract_timeout: u64 = 30, within 1..=86_400; under(DOCUMENTS).unit("SECONDS").tuning();
    /// Time for the embedding of one document
    embed_timeout: u64 = 3600, within 1..=86_400; under(DOCUMENTS).unit("SECONDS").tuning();
    /// Memory of one extraction worker
    extract_memory: u64 = 1024, within 256..=1 << 20; under(DOCUMENTS).unit("MIB").tuning();
    /// How texts are split
    chunker: Chunker = Chunker::Structure; under(DOCUMENTS).unit("KIND").tuning();
    /// Most tokens in a chunk, its headings included; for `--chunker structure`. Smaller chunks than the
    /// least say too little to be found
    chunk_tokens: usize = 160, within 32..=1 << 20; under(DOCUMENTS).unit("N").tuning();
    /// Sitemap whose pages are fetched too, or a site's robots.txt that names its sitemaps; may be
    /// repeated. Only pages of the sitemap's own site count
    #[serde(serialize_with = "without_secrets")]
    sitemap: Vec<String> => Vec<Url> = |given| addresses("--sitemap", given);
        under(CRAWLING).unit("URL").example("[\"https://www.example.org/sitemap.xml\"]");
    /// Links to follow from each page, within its site; 0 fetches only the pages that are named
    depth: u32 = 0; under(CRAWLING).unit("N");
    /// Most pages of a run, those from links and sitemaps included; pages of the list are never left out
    max_pages: usize = 500, within 1..=1 << 30; under(CRAWLING).unit("N");
    /// Milliseconds between two requests to one host
    pace: u64 = 500, within 0..=3_600_000; under(CRAWLING).unit("MS");
    /// Longest pause that a robots.txt may ask for; hosts that ask for more are not fetched
    max_crawl_delay: u64 = 30, within 0..=3600; under(CRAWLING).unit("SECONDS").tuning();
    /// Further attempts after time-outs, lost connections and answers 429, 500, 502, 503 and 504
    retries: u32 = 2, within 0..=10; under(CRAWLING).unit("N").tuning();
    /// Time for one page, redirects included
    fetch_timeout: u64 = 60, within 1..=86_400; under(CRAWLING).unit("SECONDS").tuning();
    /// Time for which a server may say nothing
    read_timeout: u64 = 15, within 1..=86_400; under(CRAWLING).unit("SECONDS").tuning();
    /// Sent with every request, so that sites know who fetches
    user_agent: String;
        under(CRAWLING).unit("TEXT").variable("USER_AGENT").otherwise("wattwise/… (document indexer)")
        .example("\"example.org indexer (admin@example.org)\"");
    /// Fetch these hosts although they are inside private networks, on the port that is named or on any;
    /// without names, every such host
    allow_private: HostList => Vec<String> = private::hosts;
        under(CRAWLING).unit("HOST[:PORT]").example("[\"wiki.example.org\"]");
    /// Query parameters of addresses whose values are shown nowhere, between commas; so are those of
    /// parameters whose last word is one of them
    mask_params: Vec<String>;
        under(CRAWLING).unit("NAME")
        .otherwise("token,key,sig,signature,password,access_token")
        .example("[\"token\", \"key\", \"sig\", \"signature\", \"password\", \"access_token\"]");
    /// Fetch through the proxy that the environment names (`HTTPS_PROXY` and so on). The proxy then
    /// resolves names, so private addresses behind names are no longer refused
    use_proxy: bool = false; under(CRAWLING);
    /// Generations kept besides the live one
    keep: usize = 2; under(PUBLISHING).unit("N");
    /// Days for which a failing source keeps its last good content
    max_stale: u32; under(PUBLISHING).unit("DAYS").otherwise("for ever").example("30");
    /// Labelled questions; a generation that answers fewer of them than the live one is not published
    gate: PathBuf; under(PUBLISHING).unit("FILE").example("\"questions.jsonl\"");
    /// By how much the share of questions answered in 10 contexts may fall
    gate_drop: f64 = 0.02, within 0.0..=1.0; under(PUBLISHING).unit("SHARE").tuning();
    /// By how much the number of chunks may fall, as a share
    gate_shrink: f64 = 0.3, within 0.0..=1.0; under(PUBLISHING).unit("SHARE").tuning();
    /// Send the report to this address when something needs a look, as a signed webhook: a run that
    /// failed or was refused by the gate, sources that failed or are kept stale
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "notify::site_alone")]
    notify: String;
        under(PUBLISHING).unit("URL").secret().example("\"https://hooks.example.org/wattwise\"");
    /// Secret that signs it, `whsec_` and base64; better given through the variable
    #[serde(skip)]
    notify_secret: String;
        under(PUBLISHING).unit("SECRET").secret()
        .example("\"whsec_… better in WATTWISE_NOTIFY_SECRET\"");
    /// Send it after runs that went well too
    notify_always: bool = false; under(PUBLISHING);
}

/// Headings of the help.
const DOCUMENTS: &str = "Documents";
const CRAWLING: &str = "Crawling";
const PUBLISHING: &str = "Publishing";

const EIGHT: NonZeroUsize = NonZeroUsize::new(8).expect("eight is not zero");

impl IngestConfig {
    /// Whether there is anything to ingest.
    pub fn names_sources(&self) -> bool {
        self.urls.is_some() || self.pages.is_some() || self.docs.is_some() || self.sitemap.is_some()
    }

    /// Fills in the defaults and checks the values.
    pub fn resolve(mut self) -> Result<IngestSettings, ConfigError> {
        let origins = std::mem::take(&mut self.origins);
        let settings = self
            .fill()
            .and_then(|settings| settings.notify().map(|_| settings));
        settings.map_err(|error| origins.locate(Self::KEYS, error))
    }
}

impl IngestSettings {
    /// Who is told how a run ended.
    pub fn notify(&self) -> Result<Option<NotifySettings>, ConfigError> {
        NotifySettings::resolve(
            self.notify.as_deref(),
            self.notify_secret.as_deref(),
            self.notify_always,
        )
    }
}

/// What is wrong is told without the address, which may hold a password.
fn addresses(name: &'static str, given: Option<Vec<String>>) -> Result<Vec<Url>, ConfigError> {
    let read = |(position, address): (usize, String)| {
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
    let given = given.into_iter().flatten();
    given.enumerate().map(read).collect()
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
