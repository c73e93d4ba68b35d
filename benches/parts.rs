//! Times of the parts that dominate a run and a request: `make bench`.
//!
//! Machines are shared and noisy: read medians and ratios.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use wattwise::chunk::{ChunkParameters, split};
use wattwise::embed::transformer::{ModelFiles, TransformerEmbedder};
use wattwise::embed::{Embedder as _, Passage};
use wattwise::extract::extract;
use wattwise::index::bm25::LexicalQuery;
use wattwise::index::lexical::LexicalIndex;
use wattwise::model::ContentKind;

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
            Passage::whole(&guide.text[start..end])
        })
        .collect();
    let mut group = c.benchmark_group("embed");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(8));
    for threads in [1, 2] {
        let threads = NonZeroUsize::new(threads).expect("not zero");
        let embedder = TransformerEmbedder::open(ModelFiles::shipped(), threads)
            .expect("the model in the program opens");
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

fn words(c: &mut Criterion) {
    const ROWS: usize = 10_000;
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
    c.bench_function("words of 10,000 chunks, all scores", |b| {
        b.iter(|| LexicalQuery::new(&lexical, black_box("how thick is loft insulation")).scores());
    });
}

criterion_group!(benches, text_to_chunks, embedding, words);
criterion_main!(benches);
