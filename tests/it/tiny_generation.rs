//! The contents of a small generation, for the tests here and for those inside the library.

use wattwise::chunk::{ChunkParameters, split};
use wattwise::embed::{Embedder, Passage};
use wattwise::language::content_words;
use wattwise::model::{Block, BlockKind, Chunk, ChunkId, ContentKind, Document, DocumentId, Probe};
use wattwise::snapshot::write::Contents;

/// A small generation of `count` documents.
pub(crate) async fn contents(count: u32, embedder: &dyn Embedder) -> Contents {
    let chunking = ChunkParameters::default();
    let mut contents = Contents {
        documents: Vec::new(),
        texts: Vec::new(),
        chunks: Vec::new(),
        lexical_texts: Vec::new(),
        vectors: Vec::new(),
        sentence_vectors: Vec::new(),
        word_codes: Vec::new(),
        embedder: embedder.fingerprint().clone(),
        probes: vec![Probe {
            text: "probe".to_owned(),
            vector: embedder
                .embed_query("probe")
                .await
                .unwrap()
                .whole
                .as_slice()
                .to_vec(),
        }],
        chunking,
        extraction_version: 1,
        created_at: 1_700_000_000,
    };
    for number in 0..count {
        let text = format!(
            "Guide {number} on heating. Turn the thermostat down by {number} °C. It saves energy."
        );
        let blocks = vec![Block {
            kind: BlockKind::Paragraph,
            range: 0..text.len(),
            page: None,
        }];
        let id = DocumentId::of_source(&format!("guide-{number}.txt"));
        for piece in split(&text, &blocks, &chunking, &|text| {
            embedder.count_tokens(text)
        }) {
            let passage = Passage {
                text: text[piece.range.clone()].to_owned(),
                spans: piece.sentences.clone(),
                words: content_words(&text[piece.range.clone()]).collect(),
            };
            let vectors = embedder
                .embed_passages(vec![passage.clone()])
                .await
                .unwrap()
                .remove(0);
            contents.chunks.push(Chunk {
                id: ChunkId::of_content(&id, &passage.text, 0),
                document: number,
                ordinal: 0,
                heading_path: piece.heading_path,
                page: None,
                range: piece.range,
                sentences: piece.sentences,
                embedded_digest: [0; 16],
            });
            contents.lexical_texts.push(passage.text);
            contents.vectors.push(vectors.whole);
            contents.sentence_vectors.push(vectors.spans);
            contents.word_codes.push(vectors.words);
        }
        contents.documents.push(Document {
            id,
            source: format!("guide-{number}.txt"),
            title: format!("Guide {number}"),
            kind: ContentKind::Text,
            content_digest: String::new(),
            text_digest: String::new(),
            page_count: None,
            blocks,
            fetched_at: 1_700_000_000,
            etag: None,
            last_modified: None,
            stale_since: None,
            locations: Vec::new(),
            metadata: Vec::new(),
        });
        contents.texts.push(text);
    }
    contents
}
