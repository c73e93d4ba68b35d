//! A run writes what changed, and its generation answers as one that is made anew.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wattwise::chunk::ChunkParameters;
use wattwise::crawl::{FetchLimits, FrontierLimits, Manners};
use wattwise::embed::Embedder;
use wattwise::index::hnsw::HnswParameters;
use wattwise::index::lexical::LexicalIndex;
use wattwise::ingest::{ExtractorOptions, FolderRules, IngestOptions, Ingestor, Progress, Report};
use wattwise::model::Filter;
use wattwise::retrieve::{InContext, RetrievalParameters, Retriever};
use wattwise::runtime::tls;
use wattwise::snapshot::elsewhere::Contents;
use wattwise::snapshot::{Generation, current, open};
use wattwise::wiring::WORKER_COMMAND;

use crate::fake_embedder::HashEmbedder;

const WORDS: [&str; 24] = [
    "loft",
    "boiler",
    "pump",
    "radiator",
    "window",
    "draught",
    "meter",
    "tariff",
    "insulation",
    "thermostat",
    "cylinder",
    "solar",
    "battery",
    "damp",
    "mould",
    "ventilation",
    "floor",
    "wall",
    "door",
    "hatch",
    "pipe",
    "valve",
    "timer",
    "grant",
];
const RUNS: usize = 12;

fn options(folder: &Path, index: &Path) -> IngestOptions {
    IngestOptions {
        urls: None,
        pages: Vec::new(),
        folders: vec![folder.join("docs")],
        folder_rules: FolderRules {
            follow_links: false,
            all_files: false,
        },
        index: index.to_owned(),
        keep: 1,
        concurrency: NonZeroUsize::new(4).unwrap(),
        threads: NonZeroUsize::MIN,
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
            workers: 1,
            timeout: Duration::from_mins(1),
            ocr: None,
        },
        embed_timeout: Duration::from_mins(1),
        chunking: ChunkParameters::default(),
        graph: HnswParameters::default(),
        max_stale_days: None,
        dry_run: false,
    }
}

async fn ingest(folder: &Path, index: &Path) -> Report {
    tls::install_provider();
    let embedder = Arc::new(HashEmbedder::named("fake"));
    let ingestor = Ingestor::new(options(folder, index), embedder, Progress::hidden());
    ingestor.run().await.unwrap()
}

fn opened(index: &Path) -> Generation {
    open::open(index, &current::read(index).unwrap(), 192).unwrap()
}

/// A text of so many sections; each is a chunk.
fn text(random: &mut fastrand::Rng, sections: usize) -> String {
    let mut text = String::new();
    for section in 0..sections {
        text.push_str(&format!(
            "# Part {section} on the {}\n\n",
            WORDS[random.usize(..24)]
        ));
        for _ in 0..3 {
            let words: Vec<&str> = (0..8).map(|_| WORDS[random.usize(..24)]).collect();
            let number = random.u32(..);
            text.push_str(&format!(
                "The {} of house {number} is old. ",
                words.join(" ")
            ));
        }
        text.push_str("\n\n");
    }
    text
}

/// The files of a folder, as they should be.
struct Folder {
    random: fastrand::Rng,
    files: BTreeMap<String, String>,
}

impl Folder {
    /// Changes a few files at random: edits, removals, additions, a rename.
    fn change(&mut self) {
        for _ in 0..3 {
            let names: Vec<String> = self.files.keys().cloned().collect();
            let name = names[self.random.usize(..names.len())].clone();
            let sections = self.random.usize(1..5);
            let fresh = text(&mut self.random, sections);
            match self.random.u8(..5) {
                0 => drop(self.files.remove(&name)),
                1 => {
                    let moved = self.files.remove(&name).unwrap();
                    self.files
                        .insert(format!("{:04}.md", self.random.u16(..)), moved);
                }
                2 => drop(self.files.insert(name, fresh)),
                3 => self.files.get_mut(&name).unwrap().push_str(&fresh),
                _ => drop(
                    self.files
                        .insert(format!("{:04}.md", self.random.u16(..)), fresh),
                ),
            }
        }
    }

    fn write(&self, docs: &Path) {
        let _ = std::fs::remove_dir_all(docs);
        std::fs::create_dir_all(docs).unwrap();
        for (name, text) in &self.files {
            std::fs::write(docs.join(name), text).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generation_that_is_carried_on_answers_as_one_that_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let mut files = Folder {
        random: fastrand::Rng::with_seed(11),
        files: BTreeMap::new(),
    };
    for number in 0..40 {
        let fresh = text(&mut files.random, 3);
        files.files.insert(format!("a{number:02}.md"), fresh);
    }
    files.write(&folder.path().join("docs"));
    ingest(folder.path(), &index).await;
    let mut most_parts = 0;
    for run in 0..RUNS {
        files.change();
        files.write(&folder.path().join("docs"));
        let report = ingest(folder.path(), &index).await;
        assert!(report.published && report.totals.embedded < 40, "run {run}");
        let anew = folder.path().join(format!("anew-{run}"));
        ingest(folder.path(), &anew).await;
        let (carried, fresh) = (opened(&index), opened(&anew));
        most_parts = most_parts.max(carried.records.vectors.part_count());
        assert_eq!(words(&index), words(&anew));
        assert_same(carried, fresh).await;
    }
    assert!(most_parts > 2, "vectors were shared");
}

/// The words of the chunks, and where they stand.
fn words(index: &Path) -> LexicalIndex {
    let id = current::read(index).unwrap();
    Contents::open(index, &id).unwrap().lexical
}

async fn assert_same(carried: Generation, fresh: Generation) {
    assert_eq!(carried.records.chunks(), fresh.records.chunks());
    for document in 0..fresh.records.documents().len() as u32 {
        assert_eq!(carried.records.text(document), fresh.records.text(document));
    }
    for row in 0..fresh.records.chunks().len() as u32 {
        let (a, b) = (&carried.records, &fresh.records);
        assert_eq!(a.vectors.row(row), b.vectors.row(row));
        assert_eq!(a.words.codes(row).unwrap(), b.words.codes(row).unwrap());
    }
    let retriever = Retriever::new(
        Arc::new(HashEmbedder::named("fake")),
        RetrievalParameters::default(),
    );
    let mut random = fastrand::Rng::with_seed(3);
    let (carried, fresh) = (Arc::new(carried), Arc::new(fresh));
    for _ in 0..30 {
        let words: Vec<&str> = (0..3).map(|_| WORDS[random.usize(..24)]).collect();
        let asked = InContext {
            question: format!("Which {} is old?", words.join(" ")),
            before: None,
        };
        let mut rows = Vec::new();
        for generation in [&carried, &fresh] {
            let filter = Filter::default();
            let found = retriever
                .retrieve(Arc::clone(generation), &asked, 10, &filter)
                .await;
            rows.push(
                found
                    .unwrap()
                    .chunks
                    .iter()
                    .map(|chunk| chunk.row)
                    .collect::<Vec<_>>(),
            );
        }
        assert_eq!(rows[0], rows[1], "{}", asked.question);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_change_is_linked_and_survives_the_generation_before() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let mut random = fastrand::Rng::with_seed(5);
    let docs = folder.path().join("docs");
    std::fs::create_dir_all(&docs).unwrap();
    for number in 0..30 {
        std::fs::write(docs.join(format!("{number}.md")), text(&mut random, 3)).unwrap();
    }
    ingest(folder.path(), &index).await;
    let first = current::read(&index).unwrap();
    let inode = |id: &str, name: &str| {
        let metadata = std::fs::metadata(index.join(id).join(name)).unwrap();
        metadata.ino()
    };
    let shared = ["vectors.bin", "spans.bin", "words.bin", "bytes.bin"];
    let before = shared.map(|name| inode(first.as_str(), name));
    for run in 0..3 {
        std::fs::write(docs.join(format!("new-{run}.md")), text(&mut random, 1)).unwrap();
        let report = ingest(folder.path(), &index).await;
        assert_eq!(report.totals.embedded, 1);
        let live = current::read(&index).unwrap();
        assert_eq!(shared.map(|name| inode(live.as_str(), name)), before);
    }
    assert!(
        !index.join(first.as_str()).exists(),
        "one is kept besides the live one"
    );
    let generation = opened(&index);
    assert_eq!(generation.records.chunks().len(), 93);
    let sentences = generation
        .records
        .chunks()
        .iter()
        .map(|chunk| chunk.sentences.len());
    let counts = generation.records.manifest.counts;
    assert_eq!(counts.sentences, sentences.sum::<usize>());
    assert_eq!(generation.records.manifest.carried, 3);
    let query = HashEmbedder::named("fake")
        .embed_query("loft boiler")
        .await
        .unwrap();
    assert_eq!(generation.nearest(&query.whole, 10, None).len(), 10);
}
