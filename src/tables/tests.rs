//! Against a real server: `scripts/postgres.sh run cargo nextest run --run-ignored all -E
//! 'test(/^tables::tests/)'` runs these; without it they are told as ignored.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::published::look;
use super::*;
use crate::assistant::fixture::{fake_embedder::HashEmbedder, tiny_generation};
use crate::embed::Embedder;
use crate::index::hnsw::HnswParameters;
use crate::model::{ContentKind, Filter, GenerationId};
use crate::postgres::{Database, DatabaseAddress, DatabaseError, Notice};
use crate::retrieve::{InContext, RetrievalParameters, Retriever};
use crate::runtime::cpu_pool;
use crate::snapshot::write::write;
use crate::snapshot::{Generation, Supply, current, open};

const KINDS: [ContentKind; 3] = [ContentKind::Pdf, ContentKind::Html, ContentKind::Text];

/// A database of its own, which goes with the server.
async fn fresh() -> DatabaseAddress {
    let server = std::env::var_os("WATTWISE_TEST_POSTGRES");
    let server =
        server.expect("NOT RUN: scripts/postgres.sh run … starts the server that this needs");
    let server = server.into_string().unwrap();
    let name = format!("test_{}", uuid::Uuid::new_v4().simple());
    let root = database(&server.parse().unwrap()).await;
    let create = format!("CREATE DATABASE {name}");
    let mut lease = root.lease("make a database").await.unwrap();
    lease.batch(&create).await.unwrap();
    let (host, _) = server.rsplit_once('/').unwrap();
    format!("{host}/{name}").parse().unwrap()
}

fn as_user(address: &DatabaseAddress, user: &str) -> DatabaseAddress {
    let text = address
        .to_string()
        .replace("postgres@", &format!("{user}@"));
    text.parse().unwrap()
}

async fn database(address: &DatabaseAddress) -> Database {
    let opened = Database::open(address, writing(), Duration::ZERO);
    opened.await.unwrap()
}

async fn tell(address: &DatabaseAddress, statements: &str) {
    let mut lease = database(address).await.lease("tell").await.unwrap();
    lease.batch(statements).await.unwrap();
}

/// How many rows a question of the catalogue has.
async fn count(address: &DatabaseAddress, asked: &str) -> usize {
    let mut lease = database(address).await.lease("count").await.unwrap();
    lease.rows(asked, &[]).await.unwrap().len()
}

fn embedder() -> Arc<dyn Embedder> {
    Arc::new(HashEmbedder::named("fake"))
}

/// `count` chunks, three of which make a document, in a folder that a run wrote to.
async fn generation(folder: &Path, count: u32) -> GenerationId {
    let mut contents = tiny_generation::contents(count, embedder().as_ref()).await;
    for (number, chunk) in (0_u32..).zip(contents.chunks.iter_mut()) {
        chunk.page = (number % 5 != 0).then_some(number % 7 + 1);
        let text = &mut contents.lexical_texts[number as usize];
        text.push_str(&format!(
            " Order code XK-{number}/7 of part {}.",
            number % 11
        ));
        if number % 3 != 0 {
            let (document, ordinal) = (number - number % 3, number % 3);
            // Their texts begin alike, so that the range fits.
            chunk.document = document;
            chunk.ordinal = ordinal;
            chunk.range = 0..7;
            chunk.sentences = vec![0..5; chunk.sentences.len()];
        }
    }
    for (number, document) in contents.documents.iter_mut().enumerate() {
        document.source = format!("https://host{}.org/{number}", number % 3);
        document.kind = KINDS[number % 3];
    }
    let pool = cpu_pool::build("tables", NonZeroUsize::MIN);
    let id = write(folder, &contents, HnswParameters::default(), &pool).unwrap();
    current::publish(folder, &id).unwrap();
    id
}

/// The same generation in a folder and in tables.
struct Both {
    address: DatabaseAddress,
    id: GenerationId,
    folder: tempfile::TempDir,
}

impl Both {
    async fn make(count: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (address, id) = (fresh().await, generation(folder.path(), count).await);
        let writer = Writer::new(address.clone(), folder.path().to_owned());
        let base = writer.pull().await.unwrap();
        writer.push(&base, 3).await.unwrap();
        Self {
            address,
            id,
            folder,
        }
    }

    fn in_folder(&self) -> Generation {
        open::open(self.folder.path(), &self.id, 192).unwrap()
    }

    async fn reader(&self) -> (tempfile::TempDir, Reader) {
        let folder = tempfile::tempdir().unwrap();
        let reader = Reader::new(self.address.clone(), 4, folder.path().join("read"));
        reader.start().await.unwrap();
        (folder, reader)
    }

    async fn in_tables(&self) -> Generation {
        let (_folder, reader) = self.reader().await;
        let (generation, refused) = reader.open_usable().await.unwrap();
        assert!(refused.is_empty() && *generation.id() == self.id);
        generation
    }
}

fn filters() -> Vec<Filter> {
    let kind = Filter {
        kind: Some(ContentKind::Html),
        ..Filter::default()
    };
    let pages = Filter {
        first_page: Some(3),
        ..Filter::default()
    };
    let none = Filter {
        host: Some("nowhere.org".to_owned()),
        ..Filter::default()
    };
    vec![Filter::default(), kind, pages, none]
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/postgres.sh run"]
async fn an_index_in_tables_answers_as_one_in_files() {
    let both = Both::make(240).await;
    let (one, other) = (Arc::new(both.in_folder()), Arc::new(both.in_tables().await));
    let retriever = || Retriever::new(embedder(), RetrievalParameters::default());
    let (files, tables) = (retriever(), retriever());
    let before = InContext {
        before: Some(("heating by 30 °C".to_owned(), 0.5)),
        ..InContext::alone("And what saves energy?")
    };
    let many: Vec<String> = (0..90)
        .map(|number| format!("guide {number} part{number}"))
        .collect();
    let many = many.join(" ");
    let questions = [
        "thermostat energy 7",
        "XK-12/7",
        "zeppelin",
        "guide on heating part 3",
        &many,
    ];
    let mut asked: Vec<InContext> = questions.map(InContext::alone).into();
    asked.push(before);
    for asked in &asked {
        for filter in filters() {
            let found = files
                .retrieve(Arc::clone(&one), asked, 12, &filter)
                .await
                .unwrap();
            let again = tables
                .retrieve(Arc::clone(&other), asked, 12, &filter)
                .await
                .unwrap();
            let rows = |ranked: &crate::retrieve::Ranked| {
                let rows = ranked.chunks.iter().map(|chunk| chunk.row);
                rows.collect::<Vec<u32>>()
            };
            assert_eq!(rows(&found), rows(&again), "{asked:?} {filter:?}");
            let near = |a: f32, b: f32| assert!((a - b).abs() < 1e-3, "{a} {b} {asked:?}");
            near(found.coverage.share, again.coverage.share);
            for (a, b) in found.chunks.iter().zip(&again.chunks) {
                near(a.score, b.score);
            }
            assert_eq!(found.contexts(), {
                let mut contexts = again.contexts();
                for (context, like) in contexts.iter_mut().zip(found.contexts()) {
                    context.score = like.score;
                }
                contexts
            });
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/postgres.sh run"]
async fn what_is_asked_beside_a_search_is_the_same() {
    let both = Both::make(60).await;
    let (files, tables) = (both.in_folder(), both.in_tables().await);
    assert_eq!(files.records.documents(), tables.records.documents());
    assert_eq!(files.records.chunks(), tables.records.chunks());
    let query = embedder().embed_query("thermostat").await.unwrap().whole;
    for row in [0, 7, 59] {
        assert_eq!(files.vector(row), tables.vector(row));
        assert_eq!(
            files.sentence_cosines(row, &query),
            tables.sentence_cosines(row, &query)
        );
        let chunk = files.chunk(row);
        let text = files.records.chunk_text(chunk);
        assert_eq!(text, tables.records.chunk_text(chunk));
        assert_eq!(files.row_with_text(text), tables.row_with_text(text));
        assert_eq!(files.row_of(&chunk.id), tables.row_of(&chunk.id));
    }
    assert_eq!(tables.row_with_text("nothing of it"), None);
    for term in ["thermostat", "heat", "7", "zeppelin"] {
        assert_eq!(
            files.terms().held_by(term),
            tables.terms().held_by(term),
            "{term}"
        );
    }
    let (share, again) = (
        files.terms().known_share("heating zeppelin"),
        tables.terms(),
    );
    assert!((share - again.known_share("heating zeppelin")).abs() < 1e-6);
    for word in ["thermostt", "enrgy"] {
        assert_eq!(
            files.spellings().nearest(word),
            tables.spellings().nearest(word)
        );
    }
    let rows = |generation: &Generation, admitted: Option<&[bool]>| {
        let hits = generation.nearest(&query, 5, admitted).into_iter();
        hits.map(|hit| hit.row).collect::<Vec<_>>()
    };
    let few: Vec<bool> = (0..60).map(|row| row % 4 == 1).collect();
    for admitted in [None, Some(few.as_slice()), Some(&[false; 60])] {
        assert_eq!(rows(&files, admitted), rows(&tables, admitted));
    }
}

/// More rows than are looked at one by one: by the graph, with a filter that lets half through and one
/// that lets few.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/postgres.sh run"]
async fn many_rows_are_searched_by_the_graph() {
    let count = u32::try_from(statement::FEW_ROWS).unwrap() * 2 + 100;
    let both = Both::make(count).await;
    let (files, tables) = (both.in_folder(), both.in_tables().await);
    let half: Vec<bool> = (0..count).map(|row| row % 2 == 0).collect();
    let few: Vec<bool> = (0..count).map(|row| row % 100 == 0).collect();
    let (mut wanted, mut found) = (0, 0);
    for number in 0..20 {
        let query = embedder()
            .embed_query(&format!("guide {number} heating"))
            .await;
        let query = query.unwrap().whole;
        for admitted in [None, Some(half.as_slice()), Some(few.as_slice())] {
            let truth = files.nearest(&query, 10, admitted);
            let hits = tables.nearest(&query, 10, admitted);
            assert!(hits.len() == 10 && hits.is_sorted_by(|a, b| a.score >= b.score));
            assert!(
                hits.iter()
                    .all(|hit| admitted.is_none_or(|rows| rows[hit.row as usize]))
            );
            // Equal vectors are no miss, whichever of them was found.
            wanted += truth.len();
            let least = truth.last().unwrap().score;
            found += hits.iter().filter(|hit| hit.score >= least - 1e-6).count();
        }
    }
    assert!(found * 10 >= wanted * 9, "{found} of {wanted}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/postgres.sh run"]
async fn what_is_interrupted_was_never_there() {
    const TABLES: &str = "SELECT FROM pg_tables WHERE schemaname = 'wattwise_index'";
    let folder = tempfile::tempdir().unwrap();
    let address = fresh().await;
    generation(folder.path(), 3_000).await;
    let writer = Arc::new(Writer::new(address.clone(), folder.path().to_owned()));
    let base = writer.pull().await.unwrap();
    let publishing = tokio::spawn({
        let writer = Arc::clone(&writer);
        async move { writer.push(&base, 3).await }
    });
    let name = address.to_string();
    let name = name.rsplit('/').next().unwrap();
    let kill = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = '{name}' AND query LIKE 'COPY%'"
    );
    while count(&address, &kill).await == 0 {
        assert!(!publishing.is_finished(), "it was quicker than this test");
    }
    let outcome = publishing.await.unwrap();
    assert!(
        matches!(&outcome, Err(error) if error.is_away()),
        "{outcome:?}"
    );
    let nothing = look(&database(&address).await).await;
    assert!(
        matches!(nothing, Err(TablesError::Nothing { .. })),
        "{nothing:?}"
    );
    assert_eq!(count(&address, TABLES).await, 0);
    let base = writer.pull().await.unwrap();
    writer.push(&base, 3).await.unwrap();
    let published = look(&database(&address).await).await.unwrap();
    assert_eq!(
        (published.all.len(), published.live),
        (1, published.all.first().cloned())
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/postgres.sh run"]
async fn generations_follow_each_other_and_servers_hear_of_it() {
    let both = Both::make(30).await;
    let (home, reader) = both.reader().await;
    let mut notices = reader.listen().unwrap();
    assert_eq!(notices.recv().await, Some(Notice::Listening));
    let writer = Writer::new(both.address.clone(), both.folder.path().to_owned());
    let (base, stale) = (writer.pull().await.unwrap(), writer.pull().await.unwrap());
    let second = generation(both.folder.path(), 33).await;
    writer.push(&base, 3).await.unwrap();
    let said = notices.recv().await;
    assert!(matches!(said, Some(Notice::Said { words, .. }) if words == second.as_str()));
    reader.refresh(false).await;
    let mirror = home.path().join("read");
    assert_eq!(current::read(&mirror).unwrap(), second);
    assert_eq!(
        current::list(&mirror).unwrap(),
        [both.id.clone(), second.clone()]
    );
    let opened = reader.open(&second).await.unwrap().unwrap();
    assert_eq!(opened.records.chunks().len(), 33);

    // Whoever began before that is refused, and so is a second one at the same moment.
    let third = generation(both.folder.path(), 36).await;
    let refused = writer.push(&stale, 3).await;
    assert!(matches!(refused, Err(TablesError::Moved { now, .. }) if now == second.as_str()));
    let other = database(&both.address).await;
    let held = publish::begin(&other).await.unwrap();
    let base = writer.pull().await.unwrap();
    let refused = writer.push(&base, 3).await;
    assert!(
        matches!(refused, Err(TablesError::Busy { .. })),
        "{refused:?}"
    );
    drop(held);

    let workspace = Workspace::open(&writer).await.unwrap();
    workspace.roll_back(&both.id).await.unwrap();
    let live = async || look(&other).await.unwrap().live;
    assert_eq!(live().await, Some(both.id.clone()));
    assert!(matches!(
        workspace.roll_back(&third).await,
        Err(TablesError::NoGeneration { .. })
    ));
    // The old one goes on answering while it is there, and everything of it goes at once.
    let gone = workspace.prune(0).await.unwrap();
    assert_eq!(gone, std::slice::from_ref(&second));
    assert_eq!(
        count(&both.address, "SELECT FROM wattwise_index.chunks").await,
        30
    );
    let query = embedder().embed_query("thermostat").await.unwrap().whole;
    assert!(opened.nearest(&query, 3, None).is_empty());
    let gone = reader.open(&second).await.unwrap();
    assert!(gone.is_err_and(|error| error.to_string().contains("holds no generation")));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/postgres.sh run"]
async fn damage_is_found_and_named() {
    let both = Both::make(30).await;
    let writer = Writer::new(both.address.clone(), both.folder.path().to_owned());
    let workspace = Workspace::open(&writer).await.unwrap();
    let (manifest, tables) = workspace.verify(&both.id).await.unwrap();
    assert_eq!((manifest.counts.chunks, tables), (30, 7));
    for (table, change, mend) in [
        (
            "texts",
            "packed = packed || '\\x00'",
            "packed = substr(packed, 1, length(packed) - 1)",
        ),
        (
            "exact",
            "words = words || '\\x00'",
            "words = substr(words, 1, length(words) - 1)",
        ),
        ("vectors", "near = near * near", ""),
    ] {
        let set = |set: &str| format!("UPDATE wattwise_index.{table}_1 SET {set}");
        tell(&both.address, &set(change)).await;
        let told = workspace.verify(&both.id).await.unwrap_err().to_string();
        assert!(
            told.contains(table) && told.contains(both.id.as_str()),
            "{told}"
        );
        assert!(
            workspace.generation(&both.id).await.is_ok(),
            "it is no part of the catalogue"
        );
        if !mend.is_empty() {
            tell(&both.address, &set(mend)).await;
        }
    }
    tell(
        &both.address,
        "UPDATE wattwise_index.chunks_1 SET record = '\\x01' WHERE row = 3",
    )
    .await;
    let told = workspace
        .generation(&both.id)
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(
        told.contains("chunks") && told.contains("wattwise ingest"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/postgres.sh run"]
async fn servers_need_to_read_and_no_more() {
    let both = Both::make(30).await;
    let role = format!("r{}", uuid::Uuid::new_v4().simple());
    tell(&both.address, &format!("CREATE ROLE {role} LOGIN")).await;
    let reader = |role: &str| {
        let folder = tempfile::tempdir().unwrap();
        let address = as_user(&both.address, role);
        let reader = Reader::new(address, 2, folder.path().join("read"));
        (folder, reader)
    };
    let (_folder, shut_out) = reader(&role);
    let told = shut_out.start().await.unwrap_err();
    assert!(
        matches!(told, TablesError::Database(DatabaseError::NoRight { .. })),
        "{told}"
    );
    grant(&database(&both.address).await, &role).await.unwrap();
    let (_other, let_in) = reader(&role);
    let_in.start().await.unwrap();
    // Tables of later generations too.
    let writer = Writer::new(both.address.clone(), both.folder.path().to_owned());
    let base = writer.pull().await.unwrap();
    generation(both.folder.path(), 33).await;
    writer.push(&base, 3).await.unwrap();
    let (generation, _) = let_in.open_usable().await.unwrap();
    assert_eq!(generation.records.chunks().len(), 33);
    let theirs = Writer::new(as_user(&both.address, &role), both.folder.path().to_owned());
    let base = theirs.pull().await.unwrap();
    self::generation(both.folder.path(), 36).await;
    let refused = theirs.push(&base, 3).await;
    assert!(
        matches!(
            refused,
            Err(TablesError::Database(DatabaseError::NoRight { .. }))
        ),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: scripts/postgres.sh run"]
async fn what_lacks_is_said_with_its_mend() {
    let address = fresh().await;
    let folder = tempfile::tempdir().unwrap();
    let reader = Reader::new(address.clone(), 2, folder.path().join("read"));
    let told = reader.start().await.unwrap_err().to_string();
    assert!(
        told.contains("wattwise ingest") && told.contains("test_"),
        "{told}"
    );
    // Who may not make an extension is told who may.
    let role = format!("r{}", uuid::Uuid::new_v4().simple());
    let name = address.to_string();
    let name = name.rsplit('/').next().unwrap();
    tell(
        &address,
        &format!("CREATE ROLE {role} LOGIN; REVOKE CREATE ON DATABASE {name} FROM PUBLIC"),
    )
    .await;
    generation(folder.path(), 30).await;
    let writer = Writer::new(as_user(&address, &role), folder.path().to_owned());
    let base = writer.pull().await.unwrap();
    let told = writer.push(&base, 3).await.unwrap_err();
    assert!(matches!(told, TablesError::NoExtension { .. }), "{told}");
    tell(&address, "CREATE EXTENSION vector").await;
    let told = writer.push(&base, 3).await.unwrap_err();
    assert!(
        matches!(told, TablesError::Database(DatabaseError::NoRight { .. })),
        "{told}"
    );
    Writer::new(address.clone(), folder.path().to_owned())
        .push(&base, 3)
        .await
        .unwrap();
    tell(&address, "UPDATE wattwise_index.layout SET version = 99").await;
    let told = reader.start().await.unwrap_err();
    assert!(
        matches!(told, TablesError::Layout { found: 99, .. }),
        "{told}"
    );
}
