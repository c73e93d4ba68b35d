//! What the reader says of contexts, and the order that follows from it.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::reader::{Excerpt, READ, ReadError, Reader, Reading, calibration};
use crate::retrieve::{InContext, RankedChunk};
use crate::runtime::{blocking, cpu_pool, stages};
use crate::snapshot::Generation;

/// Log-odds are taken of scores this far from certainty.
const NEAR_CERTAIN: f32 = 1e-4;

/// How a reader goes about a sentence and some excerpts.
type How = fn(&dyn Reader, &str, &[Excerpt]) -> Result<Vec<Reading>, ReadError>;

/// A reader, and how many may read at once.
pub(in crate::assistant) struct Reads {
    reader: Arc<dyn Reader>,
    /// One pass per core: more would only slow each other down.
    permits: Semaphore,
}

impl Reads {
    pub(in crate::assistant) fn new(reader: Arc<dyn Reader>) -> Self {
        Self {
            reader,
            permits: Semaphore::new(cpu_pool::available_threads().get()),
        }
    }

    /// Whether an excerpt supports a claim; `None` when the reader failed.
    pub(in crate::assistant) async fn supports(
        &self,
        claim: &str,
        excerpt: Excerpt,
    ) -> Option<bool> {
        let readings = self
            .run(claim, vec![excerpt], |reader, claim, excerpts| {
                reader.read(claim, excerpts)
            })
            .await?;
        let reading = readings.first()?;
        Some(reading.supports >= calibration::SUPPORTED)
    }

    /// A reading of each excerpt up to the first that answers for certain; `None` when the reader
    /// failed.
    pub(in crate::assistant) async fn read_until_certain(
        &self,
        question: &str,
        excerpts: Vec<Excerpt>,
    ) -> Option<Vec<Reading>> {
        self.run(question, excerpts, |reader, question, excerpts| {
            let mut readings = Vec::with_capacity(excerpts.len());
            for excerpt in excerpts.chunks(1) {
                readings.extend(reader.read(question, excerpt)?);
                let last = readings.last();
                if last.is_some_and(|reading| reading.answers >= calibration::CERTAIN) {
                    break;
                }
            }
            Ok(readings)
        })
        .await
    }

    /// Puts the first chunks of a search in the order in which they answer: by the log-odds of
    /// their scores with a share of the reader's. The scores stay with the places, so that they
    /// fall along the order.
    pub(super) async fn reorder(
        &self,
        asked: &InContext,
        generation: &Generation,
        chunks: &mut [RankedChunk],
    ) {
        let first = chunks.len().min(READ);
        let first = &mut chunks[..first];
        let excerpts = first
            .iter()
            .map(|chunk| excerpt_of_row(generation, chunk.row));
        let question = match &asked.before {
            Some((before, _)) => format!("{before} {}", asked.question),
            None => asked.question.clone(),
        };
        let excerpts = excerpts.collect();
        if let Some(readings) = self.read_until_certain(&question, excerpts).await {
            reorder(first, &readings);
        }
    }

    /// Reads where that holds nobody up; the log tells of a failure.
    async fn run(&self, sentence: &str, excerpts: Vec<Excerpt>, read: How) -> Option<Vec<Reading>> {
        let reader = Arc::clone(&self.reader);
        let sentence = sentence.to_owned();
        let reading = async {
            let _permit = self
                .permits
                .acquire()
                .await
                .expect("the semaphore is never closed");
            blocking::run(move || read(reader.as_ref(), &sentence, &excerpts)).await
        };
        match stages::timed("read", reading).await {
            Ok(readings) => Some(readings),
            Err(error) => {
                tracing::warn!(%error, "contexts were judged without being read");
                None
            }
        }
    }
}

/// A chunk as it was read in training: the headings above it, or the title where there are none.
pub(in crate::assistant) fn excerpt_of_row(generation: &Generation, row: u32) -> Excerpt {
    let chunk = generation.chunk(row);
    let heading = if chunk.heading_path.is_empty() {
        generation.records.document_of(chunk).title.clone()
    } else {
        chunk.heading_path.join(" > ")
    };
    Excerpt {
        heading,
        text: generation.records.chunk_text(chunk).to_owned(),
    }
}

/// Orders the chunks that were read; those behind them stay where they are.
fn reorder(chunks: &mut [RankedChunk], readings: &[Reading]) {
    let read = chunks.len().min(readings.len());
    let chunks = &mut chunks[..read];
    let scores: Vec<f32> = chunks.iter().map(|chunk| chunk.score).collect();
    let mut weighed: Vec<(f32, u32)> = chunks
        .iter()
        .zip(readings)
        .map(|(chunk, reading)| {
            let score = chunk.score.clamp(NEAR_CERTAIN, 1.0 - NEAR_CERTAIN);
            let odds = (score / (1.0 - score)).ln();
            (odds + calibration::RERANK * reading.answers, chunk.row)
        })
        .collect();
    // A stable sort: equals stay as retrieval has them.
    weighed.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (chunk, ((_, row), score)) in chunks.iter_mut().zip(weighed.into_iter().zip(scores)) {
        *chunk = RankedChunk { row, score };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn what_answers_comes_first_and_scores_keep_falling() {
        let chunk = |row, score| RankedChunk { row, score };
        let reading = |answers| Reading {
            answers,
            supports: 0.0,
            places: [].into(),
        };
        let mut chunks = [chunk(7, 0.3), chunk(8, 0.25), chunk(9, 0.01)];
        reorder(&mut chunks, &[reading(-2.0), reading(3.0), reading(3.0)]);
        assert_eq!(chunks, [chunk(8, 0.3), chunk(7, 0.25), chunk(9, 0.01)]);
        // What was not read stays behind.
        let mut chunks = [chunk(7, 0.3), chunk(8, 0.25), chunk(9, 0.2)];
        reorder(&mut chunks, &[reading(-4.0), reading(3.0)]);
        assert_eq!(chunks, [chunk(8, 0.3), chunk(7, 0.25), chunk(9, 0.2)]);
        // Certain scores have log-odds too.
        let mut chunks = [chunk(7, 1.0), chunk(8, 0.0)];
        reorder(&mut chunks, &[reading(0.0), reading(9.0)]);
        assert_eq!(chunks[0].row, 7);
    }

    /// Says the same of every passage that has a word, and counts what it reads.
    struct Counting(AtomicUsize);

    impl Reader for Counting {
        fn read(&self, _: &str, passages: &[Excerpt]) -> Result<Vec<Reading>, ReadError> {
            self.0.fetch_add(passages.len(), Ordering::Relaxed);
            let of = |passage: &Excerpt| Reading {
                answers: if passage.text == "yes" { 3.0 } else { -3.0 },
                supports: 0.0,
                places: [].into(),
            };
            Ok(passages.iter().map(of).collect())
        }
    }

    #[tokio::test]
    async fn nothing_is_read_behind_what_answers() {
        let excerpt = |text: &str| Excerpt {
            heading: String::new(),
            text: text.to_owned(),
        };
        let counting = Arc::new(Counting(AtomicUsize::new(0)));
        let reads = Reads::new(Arc::clone(&counting) as Arc<dyn Reader>);
        let excerpts = vec![excerpt("no"), excerpt("yes"), excerpt("no")];
        let readings = reads.read_until_certain("Why?", excerpts).await.unwrap();
        assert_eq!(readings.len(), 2);
        assert_eq!(counting.0.load(Ordering::Relaxed), 2);
        let all = vec![excerpt("no"); 3];
        let readings = reads.read_until_certain("Why?", all).await.unwrap();
        assert_eq!(readings.len(), 3);
    }
}
