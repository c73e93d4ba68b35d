//! Filters against an oracle.

use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock};

use futures::executor::block_on;
use proptest::option::of as option;
use proptest::prelude::*;

use super::{InContext, RetrievalParameters, Retriever};
use crate::assistant::fixture::{fake_embedder, tiny_generation};
use crate::embed::Embedder;
use crate::index::hnsw::HnswParameters;
use crate::index::words::QueryTokens;
use crate::model::{ContentKind, Filter};
use crate::runtime::cpu_pool;
use crate::snapshot::write::write;
use crate::snapshot::{Generation, open};

const KINDS: [ContentKind; 4] = [
    ContentKind::Pdf,
    ContentKind::Html,
    ContentKind::Markdown,
    ContentKind::Text,
];

struct Fixture {
    generation: Arc<Generation>,
    embedder: Arc<dyn Embedder>,
}

/// Forty documents of all kinds, hosts, pages and days.
static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let embedder: Arc<dyn Embedder> = Arc::new(fake_embedder::HashEmbedder::named("fake"));
    let mut contents = block_on(tiny_generation::contents(40, embedder.as_ref()));
    for (number, document) in contents.documents.iter_mut().enumerate() {
        document.source = format!("https://host{}.org/part{}/{number}", number % 3, number % 2);
        document.kind = KINDS[number % 4];
        document.fetched_at = i64::try_from(number).unwrap() * 1_000;
    }
    for (number, chunk) in (0_u32..).zip(contents.chunks.iter_mut()) {
        chunk.page = (number % 5 != 0).then_some(number % 7 + 1);
    }
    let directory = tempfile::tempdir().unwrap();
    let pool = cpu_pool::build("fixture", NonZeroUsize::MIN);
    let id = write(
        directory.path(),
        &contents,
        HnswParameters::default(),
        &pool,
    )
    .unwrap();
    Fixture {
        generation: Arc::new(open::open(directory.path(), &id, 64).unwrap()),
        embedder,
    }
});

fn rows(filter: &Filter, k: usize, parameters: RetrievalParameters) -> Vec<u32> {
    let retriever = Retriever::new(Arc::clone(&FIXTURE.embedder), parameters);
    let generation = Arc::clone(&FIXTURE.generation);
    let asked = InContext::alone("thermostat energy 7");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let ranked = runtime
        .block_on(retriever.retrieve(generation, &asked, k, filter))
        .unwrap();
    assert!(ranked.chunks.is_sorted_by(|a, b| a.score >= b.score));
    ranked.chunks.iter().map(|chunk| chunk.row).collect()
}

/// Every part of what is asked makes a question of its own; what is remembered is what a search finds.
#[tokio::test]
async fn a_question_asked_again_is_remembered_with_its_filter_and_count() {
    let retriever = Retriever::new(
        Arc::clone(&FIXTURE.embedder),
        RetrievalParameters::default(),
    );
    let pages = Filter {
        first_page: Some(3),
        ..Filter::default()
    };
    let (alone, after) = (
        InContext::alone("thermostat energy 7"),
        InContext {
            before: Some(("heating 3".to_owned(), 0.5)),
            ..InContext::alone("thermostat energy 7")
        },
    );
    for (asked, k, filter) in [
        (&alone, 5, &Filter::default()),
        (&alone, 4, &Filter::default()),
        (&alone, 5, &pages),
        (&after, 5, &Filter::default()),
    ] {
        let ask = async |retriever: &Retriever| {
            let generation = Arc::clone(&FIXTURE.generation);
            retriever
                .retrieve(generation, asked, k, filter)
                .await
                .unwrap()
        };
        let searched = retriever.remembered();
        let (first, again) = (ask(&retriever).await, ask(&retriever).await);
        assert_eq!(retriever.remembered(), searched + 1);
        let anew = Retriever::new(
            Arc::clone(&FIXTURE.embedder),
            RetrievalParameters::default(),
        );
        let anew = ask(&anew).await;
        for found in [again, anew] {
            assert_eq!(
                (first.chunks.clone(), first.covered),
                (found.chunks, found.covered)
            );
            assert_eq!(first.query, found.query);
        }
    }
}

#[test]
fn late_interaction_orders_by_what_the_tokens_find() {
    let by_words_alone = RetrievalParameters {
        late_weight: 1e6,
        feedback_weight: 0.0,
        duplicate_cosine: 2.0,
        ..RetrievalParameters::default()
    };
    let found = rows(&Filter::default(), 40, by_words_alone);
    let asked = block_on(FIXTURE.embedder.embed_query("thermostat energy 7")).unwrap();
    let words = &FIXTURE.generation.records.words;
    let meetings = words.meet(&QueryTokens::of(&asked.tokens), &found).unwrap();
    assert_eq!(found.len(), 40);
    assert!(meetings.iter().all(Option::is_some));
    assert!(meetings.is_sorted_by(|a, b| a >= b), "{meetings:?}");
    assert!(meetings[0] > meetings[39]);
    let usual = rows(&Filter::default(), 40, RetrievalParameters::default());
    let without = rows(
        &Filter::default(),
        40,
        RetrievalParameters {
            late_weight: 0.0,
            ..RetrievalParameters::default()
        },
    );
    assert_ne!(usual, without);
}

/// What a filter means, written down once more and by other means.
fn oracle(filter: &Filter, row: u32) -> bool {
    let records = &FIXTURE.generation.records;
    let chunk = FIXTURE.generation.chunk(row);
    let document = records.document_of(chunk);
    let address = url::Url::parse(&document.source).unwrap();
    let (from, to) = (filter.first_page, filter.last_page);
    let on_page = match chunk.page {
        Some(page) => page >= from.unwrap_or(0) && page <= to.unwrap_or(u32::MAX),
        None => from.is_none() && to.is_none(),
    };
    on_page
        && filter
            .host
            .as_ref()
            .is_none_or(|host| address.host_str() == Some(host.as_str()))
        && filter
            .source
            .as_ref()
            .is_none_or(|source| document.source.starts_with(&format!("{source}/")))
        && filter.kind.is_none_or(|kind| document.kind == kind)
        && document.fetched_at >= filter.since.unwrap_or(i64::MIN)
        && document.fetched_at < filter.before.unwrap_or(i64::MAX)
}

fn filters() -> impl Strategy<Value = Filter> {
    (
        option((0..4_u32, 0..2_u32).prop_map(|(h, p)| format!("https://host{h}.org/part{p}"))),
        option((0..4_u32).prop_map(|host| format!("host{host}.org"))),
        option((0..4_usize).prop_map(|kind| KINDS[kind])),
        option(1..9_u32),
        option(1..9_u32),
        option(0..45_000_i64),
        option(0..45_000_i64),
    )
        .prop_map(
            |(source, host, kind, first_page, last_page, since, before)| Filter {
                source,
                host,
                kind,
                first_page,
                last_page,
                since,
                before,
            },
        )
}

proptest! {
    /// Without feedback a chunk's score does not depend on the others, so that filtering before
    /// the search and filtering its whole result must agree.
    #[test]
    fn a_filter_gives_what_filtering_the_whole_result_gives(filter in filters()) {
        let parameters = RetrievalParameters {
            feedback_weight: 0.0,
            duplicate_cosine: 2.0,
            ..RetrievalParameters::default()
        };
        let expected: Vec<u32> = rows(&Filter::default(), 1_000, parameters)
            .into_iter()
            .filter(|row| oracle(&filter, *row))
            .collect();
        prop_assert_eq!(rows(&filter, 1_000, parameters), expected);
    }
}

#[test]
fn a_filter_for_one_document_finds_it_with_the_default_settings() {
    let filter = Filter {
        source: Some("https://host1.org/part1/37".to_owned()),
        ..Filter::default()
    };
    let found = rows(&filter, 4, RetrievalParameters::default());
    assert_eq!(found.len(), 1);
    assert_eq!(FIXTURE.generation.chunk(found[0]).document, 37);
}
