//! Indexes of any size: the passages of the shipped guides again and again, with vectors that vary.

use std::path::Path;

use wattwise::chunk::{ChunkParameters, split};
use wattwise::embed::transformer::{ModelFiles, TransformerEmbedder};
use wattwise::embed::{Embedder as _, Passage, PassageVectors};
use wattwise::index::hnsw::HnswParameters;
use wattwise::language::content_words;
use wattwise::model::{
    Block, BlockKind, Chunk, ChunkId, ContentKind, Document, DocumentId, EmbedderFingerprint,
    Probe, UnitVector,
};
use wattwise::runtime::{cpu_pool, tls};
use wattwise::snapshot::current;
use wattwise::snapshot::write::{Contents, write as write_generation};

const PASSAGES: usize = 200;
const CHUNKS_OF_A_DOCUMENT: usize = 50;
/// How far a copy's vector may lie from the original's, for each of its values.
const NOISE: f32 = 0.04;

/// Passages with the vectors that the real model gives them.
pub(crate) struct Base {
    passages: Vec<(String, PassageVectors)>,
    embedder: EmbedderFingerprint,
    probe: Probe,
}

pub(crate) async fn base() -> Base {
    tls::install_provider();
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let threads = cpu_pool::available_threads();
    let embedder = TransformerEmbedder::open(ModelFiles::shipped(), threads).unwrap();
    let mut passages = Vec::new();
    let mut guides: Vec<_> = fs_err::read_dir(project.join("data/guides"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    guides.sort();
    for guide in guides {
        let text = fs_err::read_to_string(guide).unwrap();
        let count = |text: &str| embedder.count_tokens(text);
        let blocks = [paragraph(0..text.len())];
        for piece in split(&text, &blocks, &ChunkParameters::default(), &count) {
            let start = piece.range.start;
            let spans = piece.sentences.iter();
            let passage = Passage {
                text: text[piece.range.clone()].to_owned(),
                spans: spans
                    .map(|span| span.start - start..span.end - start)
                    .collect(),
                words: content_words(&text[piece.range.clone()]).collect(),
            };
            if passages.len() < PASSAGES {
                passages.push(passage);
            }
        }
    }
    let vectors = embedder.embed_passages(passages.clone()).await.unwrap();
    let pairs = passages.into_iter().zip(vectors);
    let probe = "how warm should a room be".to_owned();
    let vector = embedder.embed_query(&probe).await.unwrap();
    Base {
        passages: pairs
            .map(|(passage, vectors)| (passage.text, vectors))
            .collect(),
        embedder: embedder.fingerprint().clone(),
        probe: Probe {
            text: probe,
            vector: vector.whole.as_slice().to_vec(),
        },
    }
}

/// Writes and publishes a generation of `size` chunks.
pub(crate) fn write(index: &Path, base: &Base, size: usize) {
    let mut random = fastrand::Rng::with_seed(1);
    let mut contents = Contents {
        documents: Vec::new(),
        texts: Vec::new(),
        chunks: Vec::new(),
        lexical_texts: Vec::new(),
        vectors: Vec::new(),
        sentence_vectors: Vec::new(),
        word_codes: Vec::new(),
        embedder: base.embedder.clone(),
        probes: vec![base.probe.clone()],
        chunking: ChunkParameters::default(),
        extraction_version: 1,
        created_at: 1_700_000_000,
    };
    for number in 0..size {
        if number % CHUNKS_OF_A_DOCUMENT == 0 {
            let source = format!("guide-{number}.md");
            contents.documents.push(document(&source));
            contents.texts.push(String::new());
        }
        let document = contents.documents.len() - 1;
        let (passage, vectors) = &base.passages[number % base.passages.len()];
        let text = &mut contents.texts[document];
        let start = text.len();
        text.push_str(&format!("{passage} Edition {number}."));
        let range = start..text.len();
        text.push_str("\n\n");
        contents.documents[document]
            .blocks
            .push(paragraph(range.clone()));
        let quoted = text[range.clone()].to_owned();
        contents.chunks.push(Chunk {
            id: ChunkId::of_content(&contents.documents[document].id, &quoted, 0),
            document: u32::try_from(document).unwrap(),
            ordinal: u32::try_from(number % CHUNKS_OF_A_DOCUMENT).unwrap(),
            heading_path: Vec::new(),
            page: None,
            sentences: vectors.spans.iter().map(|_| range.clone()).collect(),
            range,
            embedded_digest: [0; 16],
        });
        contents.lexical_texts.push(quoted);
        contents.vectors.push(vary(&vectors.whole, &mut random));
        contents.sentence_vectors.push(vectors.spans.clone());
        contents.word_codes.push(vectors.words.clone());
    }
    fs_err::create_dir_all(index).unwrap();
    let pool = cpu_pool::build("graph", cpu_pool::available_threads());
    let id = write_generation(index, &contents, HnswParameters::default(), &pool).unwrap();
    current::publish(index, &id).unwrap();
}

fn vary(vector: &UnitVector, random: &mut fastrand::Rng) -> UnitVector {
    let values = vector.as_slice().iter();
    let varied = values.map(|value| value + (random.f32() - 0.5) * 2.0 * NOISE);
    UnitVector::normalize(varied.collect()).unwrap()
}

fn paragraph(range: std::ops::Range<usize>) -> Block {
    Block {
        kind: BlockKind::Paragraph,
        range,
        page: None,
    }
}

fn document(source: &str) -> Document {
    Document {
        id: DocumentId::of_source(source),
        source: source.to_owned(),
        title: source.to_owned(),
        kind: ContentKind::Markdown,
        content_digest: String::new(),
        text_digest: String::new(),
        page_count: None,
        blocks: Vec::new(),
        fetched_at: 1_700_000_000,
        etag: None,
        last_modified: None,
        stale_since: None,
        locations: Vec::new(),
        metadata: Vec::new(),
    }
}
