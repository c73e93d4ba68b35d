//! Texts to pieces, each within the worker's limits; and what becomes of a document that cannot be
//! dealt with after its text is known.

use std::collections::HashMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::IngestError;
use super::extractor::{Extractor, Outcome};
use super::gathered::Text;
use super::last_time::{LastTime, StandIn};
use super::report::{Row, Status};
use super::worker::SplitJob;
use crate::chunk::{ChunkParameters, Piece};
use crate::model::DocumentId;
use crate::snapshot::Records;

/// Texts on their way to the workers. Each is held twice meanwhile.
const UNDER_WAY: usize = 16;

/// A document and its pieces.
pub(super) struct SplitText {
    pub(super) text: Text,
    pub(super) pieces: Vec<Piece>,
    /// Whether it is the content of last time, split as it was then.
    is_stand_in: bool,
}

/// Splits all texts. Of those that cannot be split, in `ways`, the content of last time stands in.
pub(super) async fn split(
    texts: Vec<Text>,
    parameters: ChunkParameters,
    extractor: &Extractor,
    ways: &mut GiveWay<'_>,
) -> Result<Vec<SplitText>, IngestError> {
    let split: Vec<(Text, Outcome<Vec<Piece>>)> = stream::iter(texts)
        .map(|text| async move {
            let job = SplitJob {
                text: text.text.clone(),
                blocks: text.document.blocks.clone(),
                parameters,
            };
            let pieces = extractor.split(job).await?;
            Ok::<_, IngestError>((text, pieces))
        })
        .buffered(UNDER_WAY)
        .try_collect()
        .await?;
    Ok(split
        .into_iter()
        .filter_map(|(text, pieces)| match pieces {
            Ok(pieces) => Some(SplitText {
                text,
                pieces,
                is_stand_in: false,
            }),
            Err(reason) => ways.stand_in(&text.document.id, reason),
        })
        .collect())
}

/// The rows of the report that change when a document gives way to its content of last time.
pub(super) struct GiveWay<'a> {
    pub(super) rows: &'a mut [Row],
    pub(super) previous: Option<&'a Records>,
    /// Seconds since the Unix epoch.
    pub(super) now: i64,
    /// Seconds for which a failing source is kept; `None` is for ever.
    pub(super) max_stale: Option<i64>,
}

impl GiveWay<'_> {
    /// The content of last time for a document that fails now, if there is any. Its row says so.
    fn stand_in(&mut self, id: &DocumentId, reason: String) -> Option<SplitText> {
        let last = self
            .previous
            .and_then(|records| LastTime::find(records, id));
        let stand_in = StandIn::of(last.as_ref(), reason, self.now, self.max_stale);
        self.tell(id, stand_in.status, stand_in.reason, stand_in.stale_since);
        Some(SplitText {
            text: stand_in.text?,
            pieces: pieces_of(self.previous?, id),
            is_stand_in: true,
        })
    }

    /// Replaces the documents at some positions by their content of last time, and leaves out those
    /// that were that already.
    pub(super) fn replace(
        &mut self,
        documents: Vec<SplitText>,
        failures: &HashMap<usize, String>,
    ) -> Vec<SplitText> {
        let documents = documents.into_iter().enumerate();
        documents
            .filter_map(|(position, document)| {
                let Some(reason) = failures.get(&position) else {
                    return Some(document);
                };
                let id = &document.text.document.id;
                if document.is_stand_in {
                    self.tell(id, Status::Failed, reason.clone(), None);
                    return None;
                }
                self.stand_in(id, reason.clone())
            })
            .collect()
    }

    fn tell(&mut self, id: &DocumentId, status: Status, reason: String, since: Option<i64>) {
        let is_its = |row: &&mut Row| DocumentId::of_source(&row.source) == *id;
        if let Some(row) = self.rows.iter_mut().find(is_its) {
            row.status = status;
            row.reason = Some(reason);
            row.stale_since = since;
        }
    }
}

/// The pieces of a document as the generation before holds them.
fn pieces_of(records: &Records, id: &DocumentId) -> Vec<Piece> {
    let chunks = records.chunks().iter();
    chunks
        .filter(|chunk| records.document_of(chunk).id == *id)
        .map(|chunk| Piece {
            range: chunk.range.clone(),
            heading_path: chunk.heading_path.clone(),
            page: chunk.page,
            sentences: chunk.sentences.clone(),
        })
        .collect()
}
