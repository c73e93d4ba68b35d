//! What a run of `ingest` costs, and that it follows what changed: `make bench-ingest`, or
//! `cargo bench --bench ingest -- CHUNKS…`.
//!
//! For each size a folder of Markdown files is ingested twice: as new, and after one file of three
//! chunks has changed and ten of one chunk have been added. Each run is a process of its own, whose
//! CPU seconds (those of its workers are told apart) and peak of memory are printed. The embedder
//! hashes words, so that what is measured is everything but the model; it gives vectors of
//! sentences and words as the default model does.

#![expect(
    clippy::print_stdout,
    reason = "a benchmark reports on standard output"
)]

mod table;

use std::error::Error;
use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use wattwise::chunk::ChunkParameters;
use wattwise::crawl::{FetchLimits, FrontierLimits, Manners};
use wattwise::embed::{EmbedError, Embedder, Passage, PassageVectors, QueryVectors};
use wattwise::index::hnsw::HnswParameters;
use wattwise::ingest::{ExtractorOptions, FolderRules, IngestOptions, Ingestor, Progress};
use wattwise::model::{EmbedderFingerprint, UnitVector, WordCodes};
use wattwise::runtime::{cpu_pool, tls};
use wattwise::wiring::WORKER_COMMAND;

use table::row;

const DIMENSION: usize = 384;
/// Chunks of a file: each is a section of its own.
const SECTIONS: usize = 3;
const WORDS: usize = 56;
const WORDS_OF_A_SENTENCE: usize = 14;
const VOCABULARY: usize = 20_000;
const FILES_OF_A_FOLDER: usize = 1_000;
const ADDED: usize = 10;
const CHANGED: &str = "1 and 10 new";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--test") {
        return Ok(());
    }
    if let [run, folder] = arguments.as_slice()
        && run == "--run"
    {
        return one_run(Path::new(folder));
    }
    let mut sizes: Vec<usize> = arguments.iter().filter_map(|a| a.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![1_000, 10_000];
    }
    println!(
        "{:>9} {:<12} {:>9} {:>8} {:>11} {:>8} {:>9} {:>9}",
        "chunks", "run", "embedded", "CPU s", "workers", "wall s", "peak MB", "written"
    );
    for size in sizes {
        measure(size)?;
    }
    Ok(())
}

fn measure(chunks: usize) -> Result<(), Box<dyn Error>> {
    let folder = match std::env::var_os("BENCH_FOLDER") {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    let docs = folder.path().join("docs");
    for file in 0..chunks.div_ceil(SECTIONS) {
        write_file(&docs, file, file as u64, SECTIONS)?;
    }
    report(chunks, "all new", folder.path())?;
    report(chunks, "unchanged", folder.path())?;
    write_file(&docs, chunks / 7, u64::MAX, SECTIONS)?;
    for file in 0..ADDED {
        let file = 10_000_000 + file;
        write_file(&docs, file, file as u64, 1)?;
    }
    report(chunks, CHANGED, folder.path())
}

fn report(chunks: usize, name: &str, folder: &Path) -> Result<(), Box<dyn Error>> {
    let before = bytes_in(&folder.join("index"))?;
    let output = Command::new(std::env::current_exe()?)
        .arg("--run")
        .arg(folder)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let written = bytes_in(&folder.join("index"))?.saturating_sub(before);
    let figures = String::from_utf8(output.stdout)?;
    if name == CHANGED
        && let [_, own, workers, _, peak] = figures
            .split_whitespace()
            .map(str::parse::<f64>)
            .collect::<Result<Vec<_>, _>>()?[..]
    {
        let (cpu, memory) = if chunks == 100_000 {
            ("3", "400")
        } else {
            ("", "")
        };
        let what = format!("{CHANGED} in {chunks} chunks");
        row(&what, own + workers, "CPU s", None, cpu);
        row(&what, peak, "MB", None, memory);
    }
    println!(
        "{chunks:>9} {name:<12} {} {:>6} MB",
        figures.trim_end(),
        written / 1_000_000
    );
    Ok(())
}

/// Bytes on disk: a file that several generations share counts once.
fn bytes_in(index: &Path) -> Result<u64, Box<dyn Error>> {
    if !index.exists() {
        return Ok(0);
    }
    let output = Command::new("du").arg("-sb").arg(index).output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.split_whitespace().next().unwrap_or("0").parse()?)
}

/// Runs once and prints embedded, CPU seconds, those of workers, wall seconds and peak memory.
fn one_run(folder: &Path) -> Result<(), Box<dyn Error>> {
    tls::install_provider();
    let begun = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let ingestor = Ingestor::new(
        options(folder),
        Arc::new(HashEmbedder::new()),
        Progress::hidden(),
    );
    let report = runtime.block_on(ingestor.run())?;
    // What the workers used is known once they have been waited for.
    runtime.block_on(async { tokio::time::sleep(Duration::from_millis(100)).await });
    let wall = begun.elapsed().as_secs_f64() - 0.1;
    let (own, workers) = cpu()?;
    println!(
        "{:>9} {own:>8.2} {workers:>11.2} {wall:>8.2} {:>9}",
        report.totals.embedded,
        peak()?
    );
    Ok(())
}

fn options(folder: &Path) -> IngestOptions {
    IngestOptions {
        urls: None,
        pages: Vec::new(),
        folders: vec![folder.join("docs")],
        folder_rules: FolderRules {
            follow_links: false,
            all_files: false,
        },
        index: folder.join("index"),
        keep: 2,
        concurrency: NonZeroUsize::new(8).unwrap_or(NonZeroUsize::MIN),
        threads: cpu_pool::available_threads(),
        fetch: FetchLimits::default(),
        mask_params: Vec::new(),
        manners: Manners::default(),
        frontier: FrontierLimits {
            depth: 0,
            max_pages: 0,
        },
        sitemaps: Vec::new(),
        extractor: ExtractorOptions {
            program: PathBuf::from(env!("CARGO_BIN_EXE_wattwise")),
            arguments: [WORKER_COMMAND, "--memory-mib", "1024", "--timeout", "60"]
                .map(str::to_owned)
                .to_vec(),
            workers: cpu_pool::available_threads().get(),
            timeout: Duration::from_mins(1),
            ocr: None,
        },
        embed_timeout: Duration::from_mins(10),
        chunking: ChunkParameters::default(),
        graph: HnswParameters::default(),
        max_stale_days: None,
        dry_run: false,
    }
}

/// A file of so many sections. The words of a text follow Zipf's law.
fn write_file(docs: &Path, file: usize, seed: u64, sections: usize) -> std::io::Result<()> {
    let folder = docs.join((file / FILES_OF_A_FOLDER).to_string());
    fs_err::create_dir_all(&folder)?;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut text = String::new();
    for section in 0..sections {
        let _ = write!(text, "# Part {section} of {}\n\n", word(&mut random));
        for at in 1..=WORDS {
            text.push_str(&word(&mut random));
            text.push_str(if at % WORDS_OF_A_SENTENCE == 0 {
                ". It "
            } else {
                " "
            });
        }
        text.push_str("ends.\n\n");
    }
    fs_err::write(folder.join(format!("{file}.md")), text)
}

fn word(random: &mut fastrand::Rng) -> String {
    let rank = ((VOCABULARY as f64).powf(random.f64()) as i64).unsigned_abs();
    let mut rest = rank.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut word = String::new();
    for _ in 0..(2 + rank % 3) {
        word.push(char::from(b"bcdfghlmnprstvw"[(rest % 15) as usize]));
        rest /= 15;
        word.push(char::from(b"aeiou"[(rest % 5) as usize]));
        rest /= 5;
    }
    word
}

/// An embedder that gives each word a random direction and each text the sum of those of its words.
struct HashEmbedder(EmbedderFingerprint);

impl HashEmbedder {
    fn new() -> Self {
        Self(EmbedderFingerprint {
            adapter: "bench".to_owned(),
            model: "hash".to_owned(),
            digest: None,
            dimension: DIMENSION,
            pooling: "sum".to_owned(),
            document_prefix: String::new(),
            query_prefix: String::new(),
        })
    }

    fn vector(text: &str) -> Result<UnitVector, EmbedError> {
        let mut values = vec![1e-3_f32; DIMENSION];
        for word in text.split(|c: char| !c.is_alphanumeric()) {
            let mut random = fastrand::Rng::with_seed(word.bytes().fold(7, |hash: u64, byte| {
                hash.wrapping_mul(0x100_0000_01b3) ^ u64::from(byte)
            }));
            // A word speaks in some directions only, as if it belonged to a subject.
            let start = random.usize(0..DIMENSION / 8) * 8;
            for value in values.iter_mut().skip(start).take(64) {
                *value += random.f32() - 0.5;
            }
        }
        UnitVector::normalize(values).map_err(|error| EmbedError::Inference(error.to_string()))
    }
}

#[async_trait]
impl Embedder for HashEmbedder {
    fn fingerprint(&self) -> &EmbedderFingerprint {
        &self.0
    }

    fn count_tokens(&self, text: &str) -> usize {
        text.split_whitespace().count()
    }

    fn max_tokens(&self) -> usize {
        256
    }

    async fn embed_passages(
        &self,
        passages: Vec<Passage>,
    ) -> Result<Vec<PassageVectors>, EmbedError> {
        let each = |ranges: &[std::ops::Range<usize>], text: &str| {
            let parts = ranges
                .iter()
                .map(|range| Self::vector(&text[range.clone()]));
            parts.collect::<Result<Vec<_>, _>>()
        };
        passages
            .into_iter()
            .map(|passage| {
                Ok(PassageVectors {
                    whole: Self::vector(&passage.text)?,
                    spans: each(&passage.spans, &passage.text)?,
                    words: WordCodes::of(&each(&passage.words, &passage.text)?),
                })
            })
            .collect()
    }

    async fn embed_query(&self, text: &str) -> Result<QueryVectors, EmbedError> {
        Ok(QueryVectors {
            whole: Self::vector(text)?,
            tokens: Vec::new(),
        })
    }
}

/// CPU seconds of this process and of its children that have ended (fields 14 to 17 of
/// `/proc/self/stat`, in hundredths).
fn cpu() -> Result<(f64, f64), Box<dyn Error>> {
    let stat = fs_err::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(4);
    let seconds: Vec<f64> = ticks
        .map(|ticks| ticks.parse::<f64>().map(|ticks| ticks / 100.0))
        .collect::<Result<_, _>>()?;
    match seconds.as_slice() {
        [user, system, user_of_children, system_of_children] => {
            Ok((user + system, user_of_children + system_of_children))
        }
        _ => Err("/proc/self/stat has too few fields".into()),
    }
}

/// The most megabytes that were resident.
fn peak() -> Result<usize, Box<dyn Error>> {
    let status = fs_err::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.unwrap_or("0").parse::<usize>()? / 1_000)
}
