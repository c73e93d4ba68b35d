//! A model's answer while it is checked, sentence by sentence.

use std::collections::HashMap;
use std::ops::Range;

use super::cite::cite;
use super::prepared::Prepared;
use super::sources::Source;
use crate::embed::{self, Embedder};
use crate::generate::claims::Claim;
use crate::generate::support::{Sources, Verdict};
use crate::model::{Answer, AnswerSentence, Citation};
use crate::runtime::stages;

/// What has been released so far. Every quote in it stands in the stored text.
pub(super) struct Draft<'a> {
    prepared: &'a Prepared,
    embedder: &'a dyn Embedder,
    sources: Sources,
    is_strict: bool,
    text: String,
    sentences: Vec<AnswerSentence>,
    citations: Vec<Citation>,
    markers: HashMap<(usize, Range<usize>), u32>,
}

/// What one sentence adds to an answer.
pub(super) struct Addition {
    /// To the text: the sentence with what stands before it and its markers.
    pub(super) text: String,
    /// To the citations.
    pub(super) citations: Vec<Citation>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(prepared: &'a Prepared, embedder: &'a dyn Embedder, is_strict: bool) -> Self {
        Self {
            prepared,
            embedder,
            sources: Sources::new(&prepared.passages),
            is_strict,
            text: String::new(),
            sentences: Vec::new(),
            citations: Vec::new(),
            markers: HashMap::new(),
        }
    }

    /// Checks a sentence and takes it in; `None` if it is dropped.
    pub(super) async fn take(&mut self, claim: Claim) -> Option<Addition> {
        let verdict = stages::timed("verify", self.judge(&claim)).await;
        let before = self.citations.len();
        let markers = if verdict.supported {
            self.cite(&verdict)
        } else {
            Vec::new()
        };
        let supported = !markers.is_empty();
        let numbers_verified = verdict.numbers_verified;
        if self.is_strict && !(supported && numbers_verified) {
            self.forget_citations(before);
            return None;
        }
        let gap = if self.text.is_empty() {
            ""
        } else if claim.gap.is_empty() {
            " "
        } else {
            &claim.gap
        };
        let mut text = format!("{gap}{}", claim.text);
        for marker in &markers {
            text.push_str(&format!(" [{marker}]"));
        }
        self.text.push_str(&text);
        self.sentences.push(AnswerSentence {
            text: claim.text,
            supported,
            numbers_verified,
            citations: markers,
        });
        Some(Addition {
            text,
            citations: self.citations[before..].to_vec(),
        })
    }

    /// The answer, or `None` if nothing was released.
    pub(super) fn finish(self) -> Option<Answer> {
        (!self.sentences.is_empty()).then(|| Answer {
            text: self.text,
            answered: self.sentences.iter().any(|sentence| sentence.supported),
            citations: self.citations,
            sentences: self.sentences,
        })
    }

    async fn judge(&self, claim: &Claim) -> Verdict {
        let cosines = self.cosines(&claim.text).await;
        self.sources.judge(&claim.text, &claim.named, &cosines)
    }

    /// How near the sentences of each source are to a claim; nothing where there are no vectors.
    async fn cosines(&self, claim: &str) -> Vec<Vec<f32>> {
        let passage = embed::Passage::whole(claim);
        let vector = match self.embedder.embed_passages(vec![passage]).await {
            Ok(mut vectors) if !vectors.is_empty() => vectors.swap_remove(0).whole,
            Ok(_) => return Vec::new(),
            Err(error) => {
                tracing::warn!(%error, "a sentence was checked by its words alone");
                return Vec::new();
            }
        };
        let spans = &self.prepared.generation.records.spans;
        self.prepared
            .sources
            .iter()
            .map(|source| match source {
                Source::Stored { row } => spans.cosines(*row, &vector),
                Source::Foreign { .. } => Vec::new(),
            })
            .collect()
    }

    /// Markers of the spans, new ones where they were not cited before.
    fn cite(&mut self, verdict: &Verdict) -> Vec<u32> {
        let spans = verdict.spans.iter();
        spans
            .filter_map(|(passage, range)| self.marker(*passage, range))
            .collect()
    }

    fn marker(&mut self, passage: usize, range: &Range<usize>) -> Option<u32> {
        let place = (passage, range.clone());
        if let Some(marker) = self.markers.get(&place) {
            return Some(*marker);
        }
        let mut citation = cite(
            &self.prepared.generation,
            &self.prepared.sources[passage],
            &self.prepared.passages[passage],
            range,
        )?;
        let marker = u32::try_from(self.citations.len() + 1).unwrap_or(u32::MAX);
        citation.marker = marker;
        self.citations.push(citation);
        self.markers.insert(place, marker);
        Some(marker)
    }

    /// Takes back the citations of a sentence that was dropped.
    fn forget_citations(&mut self, count: usize) {
        self.citations.truncate(count);
        self.markers
            .retain(|_, marker| usize::try_from(*marker).is_ok_and(|marker| marker <= count));
    }
}
