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
use crate::snapshot::write::Body;

/// Texts on their way to the workers. Each is held twice meanwhile.
const UNDER_WAY: usize = 16;

/// A document and its pieces.
pub(super) struct SplitText {
    pub(super) text: Text,
    /// None where the text is kept: the generation before has its chunks.
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
            let Body::New(own) = &text.body else {
                return Ok((text, Ok(Vec::new())));
            };
            let job = SplitJob {
                text: own.clone(),
                blocks: text.document.blocks.clone(),
                parameters,
            };
            let pieces = extractor.split(job).await?;
            Ok::<_, IngestError>((text, pieces))
        })
        .buffered(UNDER_WAY)
        .try_collect()
        .await?;
    let mut documents = Vec::with_capacity(split.len());
    for (text, pieces) in split {
        match pieces {
            Ok(pieces) => documents.push(SplitText {
                text,
                pieces,
                is_stand_in: false,
            }),
            Err(reason) => documents.extend(ways.stand_in(&text.document.id, reason)?),
        }
    }
    Ok(documents)
}

/// Reads texts that the generation before has, where they are to be split again.
pub(super) fn unkeep(texts: &mut [Text], previous: Option<&Records>) -> Result<(), IngestError> {
    for text in texts {
        if let Body::Kept(_) = text.body {
            text.body = Body::New(text.read(previous)?.into_owned());
        }
    }
    Ok(())
}

/// The rows of the report that change when a document gives way to its content of last time.
pub(super) struct GiveWay<'a> {
    pub(super) rows: &'a mut [Row],
    pub(super) previous: Option<&'a Records>,
    /// Whether its chunks are those that its texts would give today.
    pub(super) keeps: bool,
    /// Seconds since the Unix epoch.
    pub(super) now: i64,
    /// Seconds for which a failing source is kept; `None` is for ever.
    pub(super) max_stale: Option<i64>,
}

impl GiveWay<'_> {
    /// The content of last time for a document that fails now, if there is any. Its row says so.
    fn stand_in(
        &mut self,
        id: &DocumentId,
        reason: String,
    ) -> Result<Option<SplitText>, IngestError> {
        let last = self
            .previous
            .and_then(|records| LastTime::find(records, id));
        let stand_in = StandIn::of(last.as_ref(), reason, self.now, self.max_stale);
        self.tell(id, stand_in.status, stand_in.reason, stand_in.stale_since);
        let (Some(mut text), Some(previous)) = (stand_in.text, self.previous) else {
            return Ok(None);
        };
        let pieces = if self.keeps {
            Vec::new()
        } else {
            unkeep(std::slice::from_mut(&mut text), Some(previous))?;
            pieces_of(previous, id)
        };
        Ok(Some(SplitText {
            text,
            pieces,
            is_stand_in: true,
        }))
    }

    /// Replaces the documents at some positions by their content of last time, and leaves out those
    /// that were that already.
    pub(super) fn replace(
        &mut self,
        documents: Vec<SplitText>,
        failures: &HashMap<usize, String>,
    ) -> Result<Vec<SplitText>, IngestError> {
        let mut replaced = Vec::with_capacity(documents.len());
        for (position, document) in documents.into_iter().enumerate() {
            let Some(reason) = failures.get(&position) else {
                replaced.push(document);
                continue;
            };
            let id = &document.text.document.id;
            if document.is_stand_in {
                self.tell(id, Status::Failed, reason.clone(), None);
            } else {
                replaced.extend(self.stand_in(id, reason.clone())?);
            }
        }
        Ok(replaced)
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
    let rows = records
        .position_of(id)
        .map(|document| records.rows_of(document));
    let chunks = rows
        .into_iter()
        .flatten()
        .map(|row| &records.chunks()[row as usize]);
    chunks
        .map(|chunk| Piece {
            range: chunk.range.clone(),
            heading_path: chunk.heading_path.clone(),
            page: chunk.page,
            sentences: chunk.sentences.clone(),
        })
        .collect()
}
