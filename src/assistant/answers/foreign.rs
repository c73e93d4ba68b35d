//! Questions in a language that the sources are not in.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::language::detect_language;
use crate::model::GenerationId;
use crate::snapshot::Generation;

/// Chunks that are looked at for the languages of a generation.
const LOOKED_AT: usize = 64;
/// A language is one of the sources' if this share of them is in it: tables and names make a few
/// chunks look like any.
const LEAST_SHARE: f32 = 0.05;
/// A question of whose words the sources hold this share is in their language, whatever it looks like.
const KNOWN: f32 = 0.5;

/// The languages of the generation that was asked last.
#[derive(Default)]
pub(super) struct Languages(Mutex<Option<(GenerationId, Vec<&'static str>)>>);

/// A question in another language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Foreign {
    /// Its language.
    question: &'static str,
    /// The language of most sources.
    sources: &'static str,
}

impl Foreign {
    /// What is said of it.
    pub(super) fn say(self) -> String {
        let Self { question, sources } = self;
        format!(
            "This question seems to be in {question}; the sources are in {sources}. Please ask in {sources}."
        )
    }
}

impl Languages {
    /// Tells that `question` is in a language that no part of the sources is in. `None` where it is
    /// short, or not sure.
    pub(super) fn foreign(&self, question: &str, generation: &Generation) -> Option<Foreign> {
        let asked = detect_language(question)?;
        if generation.terms().known_share(question) >= KNOWN {
            return None;
        }
        let rows = 0..u32::try_from(generation.records.chunks().len()).unwrap_or(u32::MAX);
        let looked_at = rows.step_by(step_of(generation));
        // Without their texts nothing is known of the sources.
        generation.records.have_texts(looked_at).ok()?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.take_if(|(id, _)| *id != *generation.id());
        let (_, of) =
            known.get_or_insert_with(|| (generation.id().clone(), languages_of(generation)));
        let sources = of.first().copied().filter(|_| !of.contains(&asked))?;
        Some(Foreign {
            question: asked,
            sources,
        })
    }
}

/// One chunk in so many is looked at.
fn step_of(generation: &Generation) -> usize {
    let chunks = generation.records.chunks().len();
    chunks.div_ceil(LOOKED_AT).max(1)
}

/// The languages of the sources, that of most of them first.
fn languages_of(generation: &Generation) -> Vec<&'static str> {
    let records = &generation.records;
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    let texts = records.chunks().iter().step_by(step_of(generation));
    for found in texts.filter_map(|chunk| detect_language(records.chunk_text(chunk))) {
        *counts.entry(found).or_default() += 1;
    }
    let all: usize = counts.values().sum();
    let mut languages: Vec<(&str, usize)> = counts
        .into_iter()
        .filter(|(_, count)| *count as f32 >= LEAST_SHARE * all as f32)
        .collect();
    languages.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    languages
        .into_iter()
        .map(|(language, _)| language)
        .collect()
}
