//! What could be asked: topics out of the headings of the documents, no words of our own.

use std::collections::{HashMap, HashSet};

use super::{Assistant, AssistantError};
use crate::model::{Chunk, ChunkId, DocumentId, Filter, UnitVector};
use crate::runtime::blocking;
use crate::snapshot::Generation;

/// Documents that are looked at for topics to begin with; of more, so many evenly spread.
const DOCUMENTS: usize = 64;
/// Chunks of each that are looked at.
const CHUNKS: usize = 200;
/// Passages that are looked at around one, for each topic that is wanted.
const NEIGHBOURS: usize = 8;
/// A topic is a line that a reader takes in at a glance.
const LONGEST_CHARACTERS: usize = 80;

/// Something that the documents have a section on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// What to ask: the heading, behind the one above it unless it is a question.
    pub text: String,
    /// The headings down to the section, outermost first.
    pub heading_path: Vec<String>,
    /// A passage of the section.
    pub chunk: ChunkId,
    /// Its document.
    pub document: DocumentId,
    /// The document's title.
    pub title: String,
}

impl Assistant {
    /// Topics to begin with, `at_most` of them, from documents all over the index that `filter`
    /// admits.
    pub async fn topics(&self, filter: Filter, at_most: usize) -> Vec<Topic> {
        let generation = self.live.current();
        blocking::run(move || spread(&generation, &filter, at_most)).await
    }

    /// Topics of the passages nearest in meaning to one passage, its own first.
    /// [`AssistantError::CitationNotFound`] if the live generation has no such passage.
    pub async fn topics_near(
        &self,
        chunk: &ChunkId,
        filter: Filter,
        at_most: usize,
    ) -> Result<Vec<Topic>, AssistantError> {
        let generation = self.live.current();
        let row = generation
            .row_of(chunk)
            .ok_or(AssistantError::CitationNotFound)?;
        Ok(blocking::run(move || near(&generation, row, &filter, at_most)).await)
    }
}

/// One topic from each of `at_most` documents, evenly spread. A heading that several documents have
/// is part of their form and says nothing of what is in them.
fn spread(generation: &Generation, filter: &Filter, at_most: usize) -> Vec<Topic> {
    let candidates: Vec<(u32, Vec<Topic>)> =
        evenly(generation.records.documents().len(), DOCUMENTS)
            .filter(|position| filter.admits(&generation.records.documents()[*position as usize]))
            .map(|position| (position, topics_of(generation, position)))
            .collect();
    let mut documents_with: HashMap<String, usize> = HashMap::new();
    for (_, topics) in &candidates {
        let headings: HashSet<String> = topics.iter().map(heading).collect();
        for heading in headings {
            *documents_with.entry(heading).or_default() += 1;
        }
    }
    let mut own: Vec<Vec<Topic>> = candidates
        .into_iter()
        .map(|(_, mut topics)| {
            topics.retain(|topic| documents_with[&heading(topic)] == 1);
            topics
        })
        .filter(|topics| !topics.is_empty())
        .collect();
    // One of each document; where there are few documents, one more of each, and so on.
    let mut found = Vec::new();
    let mut round = 0;
    while found.len() < at_most && !own.is_empty() {
        let places: Vec<u32> = evenly(own.len(), at_most - found.len()).collect();
        for place in places {
            let topics = &mut own[place as usize];
            // Not always the first: what stands first in a document is often of one kind.
            let at = (place as usize + round) % topics.len();
            found.push(topics.remove(at));
        }
        own.retain(|topics| !topics.is_empty());
        round += 1;
    }
    found
}

/// The topics of a document, in order.
fn topics_of(generation: &Generation, position: u32) -> Vec<Topic> {
    let chunks = generation.records.chunks();
    let first = chunks.partition_point(|chunk| chunk.document < position);
    let mut seen = HashSet::new();
    chunks[first..]
        .iter()
        .take_while(|chunk| chunk.document == position)
        .take(CHUNKS)
        .filter(|chunk| seen.insert(&chunk.heading_path))
        .filter_map(|chunk| topic(generation, chunk))
        .collect()
}

fn near(generation: &Generation, row: u32, filter: &Filter, at_most: usize) -> Vec<Topic> {
    let vector = generation.records.vectors.row(row).to_vec();
    let Ok(vector) = UnitVector::normalize(vector) else {
        return Vec::new();
    };
    let nearest = generation.nearest(&vector, at_most * NEIGHBOURS, None);
    let mut seen = HashSet::new();
    std::iter::once(row)
        .chain(nearest.into_iter().map(|hit| hit.row))
        .map(|row| generation.chunk(row))
        .filter(|chunk| filter.admits(generation.records.document_of(chunk)))
        .filter(|chunk| seen.insert((chunk.document, &chunk.heading_path)))
        .filter_map(|chunk| topic(generation, chunk))
        .take(at_most)
        .collect()
}

/// The topic of the section that a chunk lies in; `None` if that has no heading that could be asked.
fn topic(generation: &Generation, chunk: &Chunk) -> Option<Topic> {
    let document = generation.records.document_of(chunk);
    let text = asked(&chunk.heading_path, &document.title)?;
    Some(Topic {
        text,
        heading_path: chunk.heading_path.clone(),
        chunk: chunk.id.clone(),
        document: document.id.clone(),
        title: document.title.clone(),
    })
}

/// A heading by itself where it is a question or the topmost one, else behind the one above it.
fn asked(path: &[String], title: &str) -> Option<String> {
    let (heading, above) = path.split_last()?;
    let heading = heading.trim();
    let above = above.last().map_or(title, String::as_str).trim();
    let is_topmost = above.is_empty() || above == heading;
    let text = if is_topmost || is_question(heading) {
        heading.to_owned()
    } else {
        format!("{above}: {heading}")
    };
    let is_line = text.chars().count() <= LONGEST_CHARACTERS;
    let says_something = heading.chars().filter(|c| c.is_alphabetic()).count() >= 2;
    (is_line && says_something).then_some(text)
}

/// Whether a text ends as a question does, in any script (Unicode's question marks).
fn is_question(text: &str) -> bool {
    text.ends_with([
        '?', '\u{37e}', '\u{55e}', '\u{61f}', '\u{1367}', '\u{ff1f}', '\u{2e2e}',
    ])
}

/// A topic's heading as it is compared.
fn heading(topic: &Topic) -> String {
    let heading = topic.heading_path.last();
    heading
        .map(|heading| heading.to_lowercase())
        .unwrap_or_default()
}

/// `most` positions below `length`, evenly spread; all of them if they are fewer.
fn evenly(length: usize, most: usize) -> impl Iterator<Item = u32> {
    let count = length.min(most);
    (0..count).map(move |step| u32::try_from(step * length / count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(headings: &[&str]) -> Vec<String> {
        headings
            .iter()
            .map(|heading| (*heading).to_owned())
            .collect()
    }

    #[test]
    fn a_heading_is_asked_with_the_one_above_it_unless_it_is_a_question() {
        for (headings, text) in [
            (&["Lofts"][..], Some("Guide: Lofts")),
            (&["Guide"], Some("Guide")),
            (&["Guide", "Costs"], Some("Guide: Costs")),
            (&["Guide", "Boilers", "Service"], Some("Boilers: Service")),
            (&["Guide", "How deep?"], Some("How deep?")),
            (&["Guide", "كم العمق؟"], Some("كم العمق؟")),
            (&["Guide", "3.1"], None),
            (&[], None),
        ] {
            assert_eq!(
                asked(&path(headings), "Guide").as_deref(),
                text,
                "{headings:?}"
            );
        }
        assert_eq!(asked(&path(&["Guide", &"word ".repeat(40)]), "Guide"), None);
    }

    #[test]
    fn positions_are_spread_over_the_whole() {
        assert_eq!(evenly(10, 3).collect::<Vec<_>>(), [0, 3, 6]);
        assert_eq!(evenly(2, 5).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(evenly(0, 5).count(), 0);
    }
}
