//! Times of the parts that dominate a run and a request: `make bench`.
//!
//! Machines are shared and noisy: read medians and ratios.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use wattwise::chunk::{ChunkParameters, split};
use wattwise::embed::transformer::TransformerEmbedder;
use wattwise::embed::{Embedder as _, Passage};
use wattwise::extract::extract;
use wattwise::index::VectorIndex as _;
use wattwise::index::bm25::LexicalQuery;
use wattwise::index::flat::FlatVectors;
use wattwise::index::hnsw::{self, HnswGraph, HnswParameters};
use wattwise::index::lexical::LexicalIndex;
use wattwise::model::{ContentKind, UnitVector};
use wattwise::runtime::cpu_pool;

fn data(path: &str) -> Vec<u8> {
    fs_err::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("data")
            .join(path),
    )
    .expect("the shipped data is there")
}

fn text_to_chunks(c: &mut Criterion) {
    let pdf = data("pdfs/winter-checklist.pdf");
    let html = data("guides/tariffs-and-bills.html");
    let guide = extract(
        ContentKind::Markdown,
        &data("guides/loft-insulation.md"),
        None,
    )
    .expect("the guide is readable");
    let mut group = c.benchmark_group("extract");
    group.bench_function("pdf of 3 pages", |b| {
        b.iter(|| extract(ContentKind::Pdf, black_box(&pdf), None));
    });
    group.bench_function("html guide", |b| {
        b.iter(|| extract(ContentKind::Html, black_box(&html), None));
    });
    group.finish();
    c.bench_function("split a guide of 800 words", |b| {
        b.iter(|| {
            split(
                &guide.text,
                &guide.blocks,
                &ChunkParameters::default(),
                &|text| text.split_whitespace().count(),
            )
        });
    });
}

fn embedding(c: &mut Criterion) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/all-MiniLM-L6-v2-int8");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let guide = extract(
        ContentKind::Markdown,
        &data("guides/loft-insulation.md"),
        None,
    )
    .expect("the guide is readable");
    let passages: Vec<Passage> = (0..8)
        .map(|position| {
            let start = guide.text.floor_char_boundary(position * 480);
            let end = guide.text.floor_char_boundary(position * 480 + 500);
            Passage {
                text: guide.text[start..end].to_owned(),
                spans: Vec::new(),
            }
        })
        .collect();
    let mut group = c.benchmark_group("embed");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(8));
    for threads in [1, 2] {
        let threads = NonZeroUsize::new(threads).expect("not zero");
        let embedder = TransformerEmbedder::open(&directory, threads)
            .expect("`make model` has fetched the model");
        group.throughput(Throughput::Elements(passages.len() as u64));
        group.bench_function(
            format!("chunks of 500 characters, {threads} threads"),
            |b| {
                b.iter_batched(
                    || passages.clone(),
                    |passages| runtime.block_on(embedder.embed_passages(passages)),
                    BatchSize::SmallInput,
                );
            },
        );
        if threads == NonZeroUsize::MIN {
            group.throughput(Throughput::Elements(1));
            group.bench_function("a question of 12 tokens", |b| {
                b.iter(|| {
                    runtime.block_on(
                        embedder.embed_query("how thick should the insulation of my loft be?"),
                    )
                });
            });
        }
    }
    group.finish();
}

/// Deterministic directions (xorshift).
fn directions(count: usize, dimension: usize) -> Vec<UnitVector> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        f32::from(i16::from_le_bytes([
            state.to_le_bytes()[2],
            state.to_le_bytes()[5],
        ])) / 32_768.0
    };
    (0..count)
        .map(|_| {
            UnitVector::normalize((0..dimension).map(|_| next()).collect())
                .expect("random values have a direction")
        })
        .collect()
}

fn search(c: &mut Criterion) {
    const ROWS: usize = 10_000;
    let vectors = FlatVectors::collect(384, &directions(ROWS, 384)).expect("all have 384 values");
    let query = directions(ROWS + 1, 384)
        .pop()
        .expect("there is a last one");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let pool = cpu_pool::build("bench", cpu_pool::available_threads());
    hnsw::build(&vectors, HnswParameters::default(), &pool, directory.path())
        .expect("the graph is built");
    let graph = HnswGraph::open(directory.path(), ROWS, 384, 192).expect("the graph opens");
    let words = [
        "loft", "wall", "boiler", "tariff", "heat", "pump", "window", "draught", "solar", "meter",
    ];
    let texts: Vec<String> = (0..ROWS)
        .map(|row| {
            (0..40)
                .map(|position| words[(row * 7 + position * (row % 11 + 1)) % 10])
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    let lexical = LexicalIndex::build(texts.iter().map(String::as_str));

    let mut group = c.benchmark_group("search 10,000 chunks");
    group.bench_function("graph, 100 nearest", |b| {
        b.iter(|| graph.search(black_box(&query), 100));
    });
    group.bench_function("exact, 100 nearest", |b| {
        b.iter(|| vectors.search(black_box(&query), 100));
    });
    group.bench_function("words, all scores", |b| {
        b.iter(|| LexicalQuery::new(&lexical, black_box("how thick is loft insulation")).scores());
    });
    group.finish();
}

criterion_group!(benches, text_to_chunks, embedding, search);
criterion_main!(benches);
