//! A model's answer while it is checked, sentence by sentence.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::brackets::without_markup;
use super::cite::cite;
use super::prepared::Prepared;
use super::sources::{Source, excerpt};
use crate::assistant::search::{Reads, Search};
use crate::embed::Embedder;
use crate::generate::claims::Claim;
use crate::generate::groundedness::{Sources, Verdict};
use crate::generate::injection::is_injection;
use crate::model::{Answer, AnswerSentence, Citation, UnitVector};
use crate::runtime::{blocking, stages};

/// What has been released so far. Every quote in it stands in the stored text.
pub(super) struct Draft<'a> {
    prepared: &'a Prepared,
    embedder: &'a dyn Embedder,
    reader: Option<&'a Reads>,
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
    pub(super) fn new(prepared: &'a Prepared, search: &'a Search, is_strict: bool) -> Self {
        Self {
            prepared,
            embedder: search.embedder.as_ref(),
            reader: search.reader.as_ref(),
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
        let said = without_markup(&claim.text).into_owned();
        let mut text = format!("{gap}{said}");
        for marker in &markers {
            text.push_str(&format!(" [{marker}]"));
        }
        self.text.push_str(&text);
        self.sentences.push(AnswerSentence {
            text: said,
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
        let cosines = match self.embedder.embed_query(&claim.text).await {
            Ok(vectors) => self.cosines(vectors.whole).await,
            Err(error) => {
                tracing::warn!(%error, "a sentence was checked by its words alone");
                Vec::new()
            }
        };
        let mut verdict = self.sources.judge(&claim.text, &claim.named, &cosines);
        // What speaks to a model says nothing, and what is about something else needs no reading.
        if !verdict.is_near || is_injection(&claim.text) {
            verdict.supported = false;
        } else if let Some(supported) = self.read(&claim.text, &verdict).await {
            verdict.supported = supported;
        }
        verdict
    }

    /// Whether the context that is nearest to a claim supports it, as the reader says; `None` without
    /// a reader, or where nothing is near. Of several contexts one is sooner wrongly taken for support.
    async fn read(&self, claim: &str, verdict: &Verdict) -> Option<bool> {
        let (nearest, _) = verdict.spans.first()?;
        let nearest = excerpt(
            &self.prepared.generation,
            &self.prepared.sources[*nearest],
            &self.prepared.passages[*nearest],
        );
        self.reader?.supports(claim, nearest).await
    }

    /// For each source the cosines of its sentences with a claim.
    async fn cosines(&self, claim: UnitVector) -> Vec<Vec<f32>> {
        let rows: Vec<Option<u32>> = self.prepared.sources.iter().map(Source::row).collect();
        let generation = Arc::clone(&self.prepared.generation);
        // The vectors lie in a file.
        blocking::run(move || {
            let of_row = |row| generation.sentence_cosines(row, &claim);
            let rows = rows.into_iter();
            rows.map(|row| row.map(of_row).unwrap_or_default())
                .collect()
        })
        .await
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
