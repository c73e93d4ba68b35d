//! Every error of the program with its message: what it names, and what mends it.
//!
//! A variant that is not in the table does not compile, an enum that is not in it fails
//! `every_error_is_in_the_table`.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wattwise::assistant::admin::AdminError;
use wattwise::assistant::{AssistantError, RepliesError};
use wattwise::codec::CodecError;
use wattwise::config::ConfigError;
use wattwise::crawl::{FetchError, ListError};
use wattwise::embed::EmbedError;
use wattwise::encoder::EncoderError;
use wattwise::evaluate::QuestionsError;
use wattwise::evaluate::beir::BeirError;
use wattwise::extract::ExtractError;
use wattwise::generate::GenerateError;
use wattwise::generate::prompt::PromptError;
use wattwise::http::TlsError;
use wattwise::index::IndexError;
use wattwise::ingest::IngestError;
use wattwise::model::{EmbedderFingerprint, SessionId, VectorError};
use wattwise::notify::NotifyError;
use wattwise::objects::{Fault, ObjectsError};
use wattwise::postgres::DatabaseError;
use wattwise::reader::ReadError;
use wattwise::retrieve::RetrieveError;
use wattwise::snapshot::SnapshotError;
use wattwise::store::StoreError;
use wattwise::tables::TablesError;

/// What whoever reads the message is to do.
enum Mend {
    /// These words say it.
    Says(&'static str),
    /// Never told alone: a message of this enum holds it and says it.
    Cause(&'static str),
    /// A row of the report about somebody else's page or file, whose last good content stays; there is
    /// nothing to do on this side.
    Theirs,
    /// A reply over HTTP or a line of its log: the status code says it (docs/http-api.md).
    Reply,
}
use Mend::{Cause, Reply, Says, Theirs};

struct Row {
    variant: String,
    message: String,
    /// What the message must name.
    thing: &'static str,
    mend: Mend,
}

trait Variant {
    fn variant(&self) -> &'static str;
}

/// `Enum { Variant(fields) => thing, mend; … }`: the match has no other arm, so that it holds every
/// variant there is.
macro_rules! table {
    ($($enum:ident { $($variant:ident $fields:tt => $thing:expr, $mend:expr;)* })*) => {
        $(impl Variant for $enum {
            fn variant(&self) -> &'static str {
                match self {
                    $($enum::$variant { .. } => stringify!($variant),)*
                }
            }
        })*

        fn rows() -> Vec<Row> {
            let mut rows = Vec::new();
            $($({
                let error = value!($enum $variant $fields);
                let variant = error.variant();
                assert_eq!(variant, stringify!($variant));
                rows.push(Row {
                    variant: format!("{}::{variant}", stringify!($enum)),
                    message: error.to_string(),
                    thing: $thing,
                    mend: $mend,
                });
            })*)*
            rows
        }

        const ENUMS: &[&str] = &[$(stringify!($enum)),*];
    };
}

macro_rules! value {
    ($enum:ident $variant:ident {}) => { $enum::$variant };
    ($enum:ident $variant:ident { $($field:ident : $value:expr),+ $(,)? }) => {
        $enum::$variant { $($field: $value),+ }
    };
    ($enum:ident $variant:ident ($($value:expr),+)) => { $enum::$variant($($value),+) };
}

fn path() -> PathBuf {
    PathBuf::from("the-path")
}

fn bucket() -> String {
    "s3://the-bucket".to_owned()
}

fn reason() -> String {
    "the reason".to_owned()
}

fn url() -> String {
    "http://server.example/".to_owned()
}

fn place() -> String {
    "postgres://me@db.example:5432/w".to_owned()
}

fn away() -> io::Error {
    io::ErrorKind::NotFound.into()
}

fn fingerprint(model: &str) -> Box<EmbedderFingerprint> {
    Box::new(EmbedderFingerprint {
        adapter: "ollama".to_owned(),
        model: model.to_owned(),
        digest: None,
        dimension: 3,
        pooling: "mean".to_owned(),
        document_prefix: String::new(),
        query_prefix: String::new(),
    })
}

fn session() -> SessionId {
    SessionId::new_random()
}

table! {
    ConfigError {
        Unreadable { path: path(), source: away() } => "the-path", Says("--config");
        Malformed { path: path(), reason: reason() } => "the-path", Says("wattwise.example.toml");
        Invalid { name: "--flag", reason: reason() } => "--flag", Says("the reason");
    }
    FetchError {
        Scheme {} => "http", Says("https:// in front");
        Private { host: "wiki".to_owned(), port: 80, address: [10, 0, 0, 1].into() } => "wiki", Says("--allow-private");
        Unresolvable("host.example".to_owned()) => "host.example", Says("check the address");
        NoClient(reason()) => "the reason", Says("ca-certificates");
        Connect(reason()) => "the reason", Says("check the address");
        TimedOut(60) => "60 s", Says("--fetch-timeout");
        Status { status: 503, retry_after: None } => "503", Theirs;
        Gone(404) => "404", Theirs;
        TooLarge(7) => "7 bytes", Says("--max-size");
        TooManyRedirects(10) => "10 redirects", Theirs;
        BadRedirect {} => "redirect", Theirs;
        Forbidden("host.example".to_owned()) => "robots.txt of host.example", Theirs;
        NoRobots { host: "host.example".to_owned(), reason: reason() } => "host.example", Theirs;
        CrawlDelay { host: "host.example".to_owned(), asked: Duration::from_secs(99) } => "host.example", Says("--max-crawl-delay");
        Resting { host: "host.example".to_owned(), seconds: 9 } => "host.example", Theirs;
        OffSite("other.example".to_owned()) => "other.example", Says("name that address");
        NotASitemap {} => "sitemap", Says("a list of addresses");
        Broken(reason()) => "the reason", Theirs;
    }
    ListError {
        Unreadable { path: path(), source: away() } => "the-path", Says("--urls names");
        Malformed { path: path(), reason: reason() } => "the-path", Says("one address a line");
    }
    ExtractError {
        Malformed { kind: "PDF", reason: reason() } => "PDF", Theirs;
        Encrypted {} => "password", Says("save it without one");
        NoText(reason()) => "the reason", Theirs;
        NoDocument(reason()) => "the reason", Theirs;
        OverLimit(reason()) => "the reason", Theirs;
    }
    IngestError {
        NoSources {} => "nothing to ingest", Says("--urls");
        UrlList(ListError::Unreadable { path: path(), source: away() }) => "the-path", Says("--urls");
        Folder { path: path(), source: away() } => "the-path", Says("name a folder or file");
        NothingIndexed(reason()) => "the reason", Says("run it again");
        Worker { program: "the-program".to_owned(), source: away() } => "the-program", Says("must stay where it was");
        Gate { generation: "the-generation".to_owned(), reason: reason() } => "the-generation", Says("wattwise snapshot rollback");
        Embed(EmbedError::Unreachable { url: url(), reason: reason() }) => "server.example", Says("is it running?");
        Snapshot(SnapshotError::Missing { directory: path() }) => "the-path", Says("wattwise ingest");
    }
    SnapshotError {
        Missing { directory: path() } => "the-path", Says("wattwise ingest --index the-path FOLDER");
        NoneUsable { directory: path(), reasons: reason() } => "the-path", Says("wattwise ingest");
        Damaged { generation: "the-generation".to_owned(), file: "chunks".to_owned(), reason: reason() } => "the-generation is damaged: chunks", Says("wattwise snapshot rollback");
        Format { generation: "the-generation".to_owned(), found: 9, known: 4 } => "the-generation", Says("wattwise ingest");
        OtherEmbedder { snapshot: fingerprint("old"), configured: fingerprint("new") } => "ollama/old", Says("--embed-model old");
        EmbedderChanged { embedder: fingerprint("model"), cosine: 0.5 } => "ollama/model", Says("wattwise ingest");
        Locked { directory: path(), holder: "process 1".to_owned() } => "the-path (process 1)", Says("wait for it or stop it");
        Io { action: "write", path: path(), source: away() } => "write the-path", Says("check who may write");
        Index(IndexError::Empty) => "index", Cause("IngestError");
    }
    IndexError {
        Empty {} => "vector", Cause("SnapshotError");
        Dimension { row: 1, found: 2, expected: 3 } => "vector 1", Cause("SnapshotError");
        Io { action: "read", path: path(), source: away() } => "the-path", Cause("SnapshotError");
        Away { reason: reason() } => "the reason", Cause("AssistantError");
        Damaged { path: path(), reason: reason() } => "the-path", Cause("SnapshotError");
    }
    CodecError {
        Version { found: Some(9) } => "9", Cause("SnapshotError");
        Decode(reason()) => "the reason", Cause("SnapshotError");
        Trailing(3) => "3 bytes", Cause("SnapshotError");
        Encode(reason()) => "the reason", Cause("SnapshotError");
    }
    VectorError {
        NotFinite {} => "vector", Cause("EmbedError");
        Zero {} => "vector", Cause("EmbedError");
    }
    EmbedError {
        ModelMissing { path: path() } => "the-path", Says("--model-dir");
        ModelUnusable { path: path(), reason: reason() } => "the-path", Cause("cli");
        BlankText {} => "blank", Reply;
        Inference(reason()) => "the reason", Reply;
        Stopped {} => "embedding threads", Reply;
        Unreachable { url: url(), reason: reason() } => "server.example", Says("is it running?");
        Refused { url: url(), reason: reason() } => "server.example", Theirs;
        BadAnswer { url: url(), reason: reason() } => "server.example", Theirs;
    }
    RetrieveError {
        Embed(EmbedError::BlankText) => "blank", Cause("AssistantError");
        Index(IndexError::Empty) => "index", Cause("AssistantError");
    }
    EncoderError {
        Format(safetensors::SafeTensorError::TensorNotFound("places".to_owned())) => "places", Cause("ReadError");
        Tensor("norm.weight".to_owned()) => "norm.weight", Cause("ReadError");
    }
    ReadError {
        Unusable(reason()) => "the reason", Says("--reader off");
        Inference(reason()) => "the reason", Reply;
    }
    GenerateError {
        Resting { pause: Duration::from_secs(30) } => "language model", Says("then it is asked again");
        NotRunning { url: url(), reason: reason() } => "server.example", Says("--chat-url");
        ModelMissing { url: url(), model: "m".to_owned(), fix: "the fix".to_owned() } => "server.example/ has no model m", Says("the fix");
        WrongKey { url: url() } => "server.example", Says("OPENAI_API_KEY");
        Busy { url: url(), status: 429, retry_after: None } => "server.example", Theirs;
        Refused { url: url(), status: 400, reason: reason() } => "server.example", Theirs;
        TooSlow { url: url(), awaited: "words", limit: Duration::from_secs(9) } => "server.example", Says("--chat-words-timeout");
        BrokeOff { url: url(), reason: reason() } => "server.example", Theirs;
        BadAnswer { url: url(), reason: reason() } => "server.example", Theirs;
    }
    NotifyError {
        Plain(url()) => "server.example", Says("use https");
        NoClient { url: url(), reason: reason() } => "server.example", Says("certificate authorities");
        Unreachable { url: url(), reason: reason() } => "server.example", Says("--notify");
        Refused { url: url(), status: 401, retry_after: None } => "server.example", Says("--notify");
    }
    PromptError {
        Unreadable { path: path(), source: away() } => "the-path", Says("--prompts");
        UnknownPlaceholder { name: "system.txt".to_owned(), placeholder: "x".to_owned() } => "system.txt", Says("known are {contexts}");
        SingleBrace { name: "system.txt".to_owned() } => "system.txt", Says("write {{");
        MissingPlaceholder { name: "system.txt".to_owned(), placeholder: "contexts" } => "{contexts}", Says("write that");
    }
    RepliesError {
        Malformed(toml::from_str::<u8>("x").unwrap_err()) => "replies", Says("docs/answers.md");
        Embed(EmbedError::Unreachable { url: url(), reason: reason() }) => "replies", Says("is it running?");
    }
    QuestionsError {
        Unreadable { path: path(), source: away() } => "the-path", Says("one JSON object a line");
        Malformed { path: path(), line: 3, reason: reason(), expected: "this" } => "the-path, line 3", Says("expected this");
    }
    BeirError {
        Unreadable { path: path(), source: away() } => "the-path", Says("qrels/test.tsv");
        Malformed { path: path(), line: 3, reason: reason() } => "the-path, line 3", Says("the layout is that of BEIR");
    }
    DatabaseError {
        Address { reason: reason() } => "the reason", Says("postgres://user:password@host:5432/database");
        Authorities { file: "the-path".to_owned(), reason: reason() } => "the-path", Says("sslrootcert");
        NoHost { host: "db.example".to_owned(), reason: reason() } => "db.example", Says("check the name");
        Away { place: place(), reason: reason() } => "postgres://me@db", Says("check that it runs there");
        Tls { place: place(), reason: reason() } => "postgres://me@db", Says("sslrootcert=FILE");
        NotLetIn { place: place(), user: "me".to_owned(), reason: reason() } => "postgres://me@db", Says("pg_hba.conf");
        NoDatabase { database: "w".to_owned(), place: place() } => "postgres://me@db", Says("CREATE DATABASE w");
        NoRight { user: "me".to_owned(), action: "write", place: place(), reason: reason() } => "me may not write", Says("wattwise migrate --grant me");
        TooOld { place: place(), found: "9.6".to_owned(), needed: 14 } => "PostgreSQL 9.6", Says("upgrade the server");
        Encoding { place: place(), found: "LATIN1".to_owned() } => "LATIN1", Says("ENCODING 'UTF8'");
        ReadOnly { place: place() } => "postgres://me@db", Says("name the primary");
        NoConnections { place: place(), reason: reason() } => "postgres://me@db", Says("max_connections");
        NoRoom { place: place(), action: "write", reason: reason() } => "postgres://me@db", Says("make room on its disk");
        TooSlow { place: place(), action: "write", seconds: 5 } => "did not write within 5 s", Says("pg_stat_activity");
        Busy { place: place() } => "postgres://me@db", Says("--database-connections");
        Engine { place: place(), action: "write", reason: reason() } => "postgres://me@db", Reply;
    }
    StoreError {
        SessionNotFound(session()) => "session", Reply;
        SessionFull(session()) => "session", Reply;
        KeyReused {} => "idempotency key", Reply;
        Open { path: path(), reason: reason() } => "the-path", Says("--state");
        InUse { directory: path(), holder: "process 1".to_owned() } => "the-path (process 1)", Says("--state");
        NoRoom { reason: "the disk is full" } => "the disk is full", Says("--max-state-size");
        Lost { path: path(), fate: "was deleted" } => "the-path", Says("put the database back");
        TooNew { path: path(), found: 9, known: 5 } => "the-path", Says("use a newer wattwise");
        NotMigrated { place: place(), found: 1, known: 2, reason: reason() } => "postgres://me@db", Says("wattwise migrate");
        Database(DatabaseError::ReadOnly { place: place() }) => "postgres://me@db", Says("name the primary");
        Engine { action: "write", reason: reason() } => "failed to write", Reply;
        Overloaded {} => "store", Reply;
        Closed {} => "store", Reply;
    }
    AssistantError {
        SessionNotFound {} => "session", Reply;
        CitationNotFound {} => "citation", Reply;
        DocumentNotFound {} => "document", Reply;
        NoFile {} => "no file", Reply;
        SessionFull {} => "session", Reply;
        KeyReused {} => "idempotency key", Reply;
        Overloaded {} => "overloaded", Reply;
        NoRoom(StoreError::Overloaded) => "session store", Reply;
        StateLost(StoreError::Overloaded) => "database", Reply;
        Store(StoreError::Overloaded) => "session store", Reply;
        Embedder(reason()) => "the reason", Reply;
        Index(reason()) => "the reason", Reply;
        Silent { part: "index", seconds: 10 } => "index", Reply;
        Internal(reason()) => "the reason", Reply;
    }
    AdminError {
        NoGeneration("0190".to_owned()) => "0190", Says("GET /admin/generations");
        Unfit { id: "the-generation".to_owned(), reason: reason() } => "the-generation", Reply;
        Busy(reason()) => "the reason", Reply;
        ReadOnly { id: "the-generation".to_owned() } => "the-generation", Says("wattwise snapshot rollback");
        Copy { id: "the-generation".to_owned(), address: "s3://the-bucket".to_owned() } => "s3://the-bucket", Says("rollback the-generation");
        Index(SnapshotError::Missing { directory: path() }) => "the-path", Says("wattwise ingest");
        Store(StoreError::Overloaded) => "question log", Reply;
    }
    TablesError {
        Database(DatabaseError::ReadOnly { place: place() }) => "postgres://me@db", Says("name the primary");
        NoExtension { place: place(), needed: "0.8" } => "postgres://me@db", Says("CREATE EXTENSION vector");
        OldExtension { place: place(), found: "0.5".to_owned(), needed: "0.8" } => "pgvector 0.5", Says("ALTER EXTENSION vector UPDATE");
        Nothing { place: place() } => "postgres://me@db", Says("wattwise ingest");
        Layout { place: place(), found: 9, known: 1 } => "postgres://me@db", Says("drop the schema wattwise_index");
        Busy { place: place() } => "postgres://me@db", Says("run the same command again");
        Moved { place: place(), now: "the-generation".to_owned() } => "the-generation", Says("run the same command again");
        NoGeneration { place: place(), generation: "the-generation".to_owned() } => "the-generation", Says("wattwise snapshot list");
        Snapshot(SnapshotError::Missing { directory: path() }) => "the-path", Says("wattwise ingest");
    }
    ObjectsError {
        Address { address: "the-address".to_owned(), reason: reason() } => "the-address", Says("s3://bucket/prefix");
        Settings { address: bucket(), reason: reason() } => "s3://the-bucket", Says("environment variables");
        Nothing { address: bucket() } => "s3://the-bucket", Says("wattwise ingest");
        Unreadable { address: bucket(), reason: reason() } => "s3://the-bucket", Says("check the prefix");
        Store { action: "read", address: bucket(), reason: reason(), fault: Fault::Region } => "s3://the-bucket", Says("AWS_REGION");
        Moved { address: bucket(), now: "the-generation".to_owned() } => "the-generation", Says("run the same command again");
        ReadOnly { address: bucket() } => "s3://the-bucket", Says("s3, gs, az");
        NoRoom { generation: "the-generation".to_owned(), needed: 9, free: 7, folder: "the-path".to_owned() } => "the-path", Says("--index-cache");
        Busy { address: bucket(), holder: reason() } => "s3://the-bucket", Says("--index-cache");
        Snapshot(SnapshotError::Missing { directory: path() }) => "the-path", Says("wattwise ingest");
    }
    TlsError {
        Unreadable { path: path(), source: away() } => "the-path", Says("--tls-cert");
        Malformed { path: path(), source: rustls::pki_types::pem::Error::NoItemsFound } => "the-path", Says("PEM");
        Absent { path: path(), wanted: "key", section: "PRIVATE KEY" } => "the-path", Says("BEGIN PRIVATE KEY");
        KeyMismatch { certificates: path(), key: path() } => "the-path", Says("made together");
        Unusable { certificates: path(), key: path(), source: rustls::Error::NoCertificatesPresented } => "the-path", Says("RSA");
    }
}

#[test]
fn every_message_names_the_thing_and_the_mend() {
    for row in rows() {
        let Row {
            variant, message, ..
        } = &row;
        assert!(
            message.contains(row.thing),
            "{variant} names no {}: {message}",
            row.thing
        );
        assert!(
            !message.ends_with('.') && !message.contains("{:?}"),
            "{variant}: {message}"
        );
        match row.mend {
            Says(words) => assert!(
                message.contains(words),
                "{variant} does not say {words:?}: {message}"
            ),
            Cause(holder) => assert!(
                holder == "cli" || ENUMS.contains(&holder),
                "{variant}: {holder}"
            ),
            Theirs | Reply => {}
        }
    }
}

/// Those that are not `pub` never leave their module: they are put into words by one that is.
#[test]
fn every_error_is_in_the_table() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeSet::new();
    collect(&source, &mut found);
    let listed: BTreeSet<String> = ENUMS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(found, listed);
}

fn collect(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut derives_error = false;
        for line in text.lines() {
            if line.starts_with("#[derive(") {
                derives_error = line.trim_end_matches(")]").ends_with("Error");
            } else if let Some(rest) = line.strip_prefix("pub enum ") {
                if derives_error {
                    found.insert(rest.split([' ', '<', '{']).next().unwrap().to_owned());
                }
            } else if !line.starts_with('#') && !line.starts_with("//") {
                derives_error = false;
            }
        }
    }
}
