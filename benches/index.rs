//! Dense search at any size: `make bench-index`, or `cargo bench --bench index -- ROWS…`.
//!
//! One run compares, over the same vectors and the same questions: the graph that Wattwise keeps,
//! exact search by bytes, exact search by full vectors (the truth), `hnsw_rs` as it comes, and hnswlib
//! where it is installed.
//!
//! The vectors lie near a random subspace of 20 directions. That is harder than text: on 80,000
//! vectors that the default model gave to public texts, `hnsw_rs` as it comes found .997 of the ten
//! nearest with 64 candidates, on 100,000 of these .98.

#![expect(
    clippy::print_stdout,
    reason = "a benchmark reports on standard output"
)]

mod table;

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::process::Command;
use std::time::Instant;

use hnsw_rs::prelude::{Distance, Hnsw};
use wattwise::index::dense::DenseIndex;
use wattwise::index::flat::FlatVectors;
use wattwise::index::graph::Graph;
use wattwise::index::hnsw::HnswParameters;
use wattwise::index::link;
use wattwise::index::parts::InParts;
use wattwise::index::quantised::QuantisedVectors;
use wattwise::model::{UnitVector, dot};
use wattwise::runtime::cpu_pool;

use table::{Peer, cpu_seconds, row};

const DIMENSION: usize = 384;
const SUBSPACE: usize = 20;
/// Share of each vector that lies outside of the subspace.
const NOISE: f32 = 0.1;
const QUESTIONS: usize = 500;
const NEAREST: usize = 10;
/// What a search should find of the ten nearest, for the comparison.
const GOOD_RECALL: f64 = 0.97;
/// Rows that a filter lets through, one in so many.
const FILTERS: [usize; 4] = [2, 10, 100, 1_000];
/// What `serve` searches with.
const WIDTH: usize = 192;

fn main() {
    let sizes: Vec<usize> = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let sizes = if sizes.is_empty() {
        vec![10_000]
    } else {
        sizes
    };
    for size in sizes {
        measure(size);
    }
}

fn measure(rows: usize) {
    println!("\n{rows} vectors of {DIMENSION} values, {QUESTIONS} questions, one thread");
    let mut made = directions(rows + QUESTIONS);
    let questions = made.split_off(rows);
    let vectors = FlatVectors::collect(DIMENSION, &made).expect("all have one dimension");
    drop(made);
    let bytes = QuantisedVectors::of(&vectors).expect("they are in memory");
    let truth: Vec<Vec<u32>> = questions.iter().map(|q| exact(&vectors, q)).collect();

    println!(
        "{:<34}{:>9}{:>12}{:>12}",
        "search", "recall@10", "µs", "per CPU s"
    );
    report("exact, full vectors", &truth, |i| {
        exact(&vectors, &questions[i])
    });
    report("exact, bytes, then full vectors", &truth, |i| {
        let found = bytes.nearest(&bytes.query(&questions[i]), 2 * NEAREST, |_| true);
        rescored(&vectors, &questions[i], found)
    });

    let pool = cpu_pool::build("bench", cpu_pool::available_threads());
    let start = Usage::now();
    let graph = link::build(&bytes, HnswParameters::default(), &pool);
    let built = start.cpu_seconds();
    println!(
        "graph: built in {}, {} MB",
        start.spent(),
        graph.bytes() / 1_000_000
    );
    let mut found = Found::default();
    for width in [16, 24, 32, 48, 64, 96, 128, WIDTH] {
        found.note(report(&format!("graph, {width} candidates"), &truth, |i| {
            let found = graph.search(&bytes, &bytes.query(&questions[i]), width);
            rescored(&vectors, &questions[i], found)
        }));
    }
    println!(
        "a server keeps {} MB of bytes and the graph; {} MB of vectors stay in their file",
        rows * DIMENSION / 1_000_000,
        rows * DIMENSION * 4 / 1_000_000
    );
    filtered(&vectors, &questions, &graph);
    let mut peers = vec![(
        "hnsw_rs as it comes",
        as_it_comes(&vectors, &questions, &truth),
    )];
    peers.extend(hnswlib(&vectors, &questions).map(|costs| ("hnswlib", costs)));
    for (name, (peer_built, peer_found)) in peers {
        let named = |cost| Some(Peer { name, cost });
        let what = format!("graph of {rows} vectors, built");
        row(&what, built, "CPU s", named(peer_built).as_ref(), "");
        let what = format!("a search of {rows} at recall {GOOD_RECALL}");
        let peer = named(peer_found.micros);
        row(&what, found.micros, "CPU µs", peer.as_ref(), "ratio < 0.6");
    }
}

/// The cost of the cheapest search that finds enough.
#[derive(Default)]
struct Found {
    micros: f64,
    recall: f64,
}

impl Found {
    fn note(&mut self, (recall, micros): (f64, f64)) {
        if self.recall < GOOD_RECALL {
            *self = Self { micros, recall };
        }
    }
}

/// What a filter does to the time, and that it does not harm what is found.
fn filtered(vectors: &FlatVectors, questions: &[UnitVector], graph: &Graph) {
    let bytes = QuantisedVectors::of(vectors).expect("they are in memory");
    let index = DenseIndex::new(bytes, Some(graph.clone()), WIDTH);
    let all = vectors;
    let vectors = InParts::whole(vectors.clone());
    for one_in in FILTERS {
        let admitted: Vec<bool> = (0..vectors.len())
            .map(|row| row.wrapping_mul(0x9e37_79b9) % one_in == 0)
            .collect();
        let truth: Vec<Vec<u32>> = questions
            .iter()
            .map(|question| {
                let hits = all.search_where(question, NEAREST, |row| admitted[row as usize]);
                hits.into_iter().map(|hit| hit.row).collect()
            })
            .collect();
        report(
            &format!("as served, 1 row in {one_in} admitted"),
            &truth,
            |i| {
                let hits = index.nearest(&vectors, &questions[i], NEAREST, Some(&admitted));
                hits.into_iter().map(|hit| hit.row).collect()
            },
        );
    }
}

/// The library without our own search: full vectors, its usual parameters.
fn as_it_comes(
    vectors: &FlatVectors,
    questions: &[UnitVector],
    truth: &[Vec<u32>],
) -> (f64, Found) {
    let before = memory();
    let start = Usage::now();
    let graph = Hnsw::new(16, vectors.len(), 16, 200, Cosine);
    let rows = (0..vectors.len() as u32).map(|row| vectors.row(row));
    let rows: Vec<_> = rows.collect();
    let rows: Vec<(&[f32], usize)> = rows.iter().map(AsRef::as_ref).zip(0..).collect();
    graph.insert_slice(rows[0]);
    let rest = rows[1..].to_vec();
    cpu_pool::build("bench", NonZeroUsize::new(2).expect("not zero"))
        .install(|| graph.parallel_insert_slice(&rest));
    let built = start.cpu_seconds();
    println!(
        "hnsw_rs as it comes (M 16, ef_construction 200): built in {}, {} MB",
        start.spent(),
        memory().saturating_sub(before)
    );
    let mut found = Found::default();
    for width in [16, 24, 32, 48, 64, 96, 128] {
        found.note(report(
            &format!("hnsw_rs as it comes, ef {width}"),
            truth,
            |i| {
                let found = graph.search(questions[i].as_slice(), NEAREST, width);
                found.into_iter().map(|hit| hit.d_id as u32).collect()
            },
        ));
    }
    (built, found)
}

/// What the library of the method's authors needs; nothing where it is not installed.
fn hnswlib(vectors: &FlatVectors, questions: &[UnitVector]) -> Option<(f64, Found)> {
    let mut file = tempfile::NamedTempFile::new().ok()?;
    let rows = (0..vectors.len() as u32).map(|row| vectors.row(row).into_owned());
    for row in rows.chain(
        questions
            .iter()
            .map(|question| question.as_slice().to_vec()),
    ) {
        let bytes: Vec<u8> = row.iter().flat_map(|value| value.to_le_bytes()).collect();
        file.write_all(&bytes).ok()?;
    }
    let output = Command::new("python3")
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/scripts/bench_hnswlib.py"
        ))
        .arg(file.path())
        .args([vectors.len(), questions.len(), DIMENSION].map(|count| count.to_string()))
        .output()
        .ok()?;
    let printed = String::from_utf8(output.stdout).ok()?;
    let mut lines = printed.lines();
    let built = lines.next()?.parse().ok()?;
    let mut found = Found::default();
    for line in lines {
        let (recall, micros) = line.split_once(' ')?;
        println!("hnswlib: recall {recall}, {micros} µs");
        found.note((recall.parse().ok()?, micros.parse().ok()?));
    }
    Some((built, found))
}

struct Cosine;

impl Distance<f32> for Cosine {
    fn eval(&self, a: &[f32], b: &[f32]) -> f32 {
        (1.0 - dot(a, b)).max(0.0)
    }
}

fn exact(vectors: &FlatVectors, question: &UnitVector) -> Vec<u32> {
    let hits = vectors.search_where(question, NEAREST, |_| true);
    hits.into_iter().map(|hit| hit.row).collect()
}

fn rescored(vectors: &FlatVectors, question: &UnitVector, rows: Vec<u32>) -> Vec<u32> {
    let mut rows: Vec<(f32, u32)> = rows
        .into_iter()
        .map(|row| (question.cosine(&vectors.row(row)), row))
        .collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Prints a search; its recall, and what one costs in CPU microseconds.
fn report(name: &str, truth: &[Vec<u32>], search: impl Fn(usize) -> Vec<u32>) -> (f64, f64) {
    let start = Usage::now();
    let found: Vec<Vec<u32>> = (0..truth.len()).map(search).collect();
    let (micros, cpu) = (start.micros(), start.cpu_seconds());
    let right: usize = found
        .iter()
        .zip(truth)
        .map(|(found, truth)| {
            let found = &found[..found.len().min(NEAREST)];
            found.iter().filter(|row| truth.contains(row)).count()
        })
        .sum();
    let wanted: usize = truth.iter().map(Vec::len).sum();
    let count = truth.len() as f64;
    println!(
        "{name:<34}{:>9.4}{:>12.0}{:>12.0}",
        right as f64 / wanted as f64,
        micros / count,
        // The clock ticks a hundred times a second; short runs are told by the wall.
        count / cpu.max(micros / 1e6)
    );
    (
        right as f64 / wanted as f64,
        cpu.max(micros / 1e6) / count * 1e6,
    )
}

/// Deterministic vectors near a random subspace.
fn directions(count: usize) -> Vec<UnitVector> {
    let mut random = fastrand::Rng::with_seed(5);
    let mut normal = move || (0..12).map(|_| random.f32()).sum::<f32>() - 6.0;
    let axes: Vec<Vec<f32>> = (0..SUBSPACE)
        .map(|_| (0..DIMENSION).map(|_| normal()).collect())
        .collect();
    let spread = (SUBSPACE as f32).sqrt() * NOISE;
    (0..count)
        .map(|_| {
            let mut values: Vec<f32> = (0..DIMENSION).map(|_| spread * normal()).collect();
            for axis in &axes {
                let along = normal();
                for (value, part) in values.iter_mut().zip(axis) {
                    *value += along * part;
                }
            }
            UnitVector::normalize(values).expect("random values have a direction")
        })
        .collect()
}

/// A moment of this process, to measure from.
struct Usage {
    wall: Instant,
    cpu: f64,
}

impl Usage {
    fn now() -> Self {
        Self {
            wall: Instant::now(),
            cpu: cpu_seconds().expect("Linux tells"),
        }
    }

    fn micros(&self) -> f64 {
        self.wall.elapsed().as_secs_f64() * 1e6
    }

    fn cpu_seconds(&self) -> f64 {
        cpu_seconds().expect("Linux tells") - self.cpu
    }

    fn spent(&self) -> String {
        format!(
            "{:.1} s, {:.1} CPU s",
            self.micros() / 1e6,
            self.cpu_seconds()
        )
    }
}

/// Resident megabytes.
fn memory() -> usize {
    let status = fs_err::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kilobytes.unwrap_or_default() / 1024
}
