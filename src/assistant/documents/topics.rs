//! What could be asked: topics out of the headings of the documents, no words of our own.

use std::collections::HashSet;

use super::Documents;
use crate::assistant::AssistantError;
use crate::model::{BlockKind, ChunkId, Document, DocumentId, Filter, UnitVector};
use crate::runtime::blocking;
use crate::snapshot::Generation;

/// Documents that are looked at for topics to begin with; of more, so many evenly spread.
const DOCUMENTS: usize = 64;
/// Headings of each that are looked at.
const HEADINGS: usize = 50;
/// Passages that are looked at around one, for each topic that is wanted.
const NEIGHBOURS: usize = 8;
/// A topic is a line that a reader takes in at a glance.
const LONGEST_CHARACTERS: usize = 80;
/// What stands between a title and its subtitle.
const BEFORE_SUBTITLE: [&str; 5] = [": ", " – ", " — ", " | ", " - "];

/// Something that the documents have a section on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// What to ask: the heading, behind the document's title.
    pub text: String,
    /// The headings down to the section, outermost first, joined by ` > `.
    pub heading: String,
    /// A passage of the section.
    pub chunk: ChunkId,
    /// Its document.
    pub document: DocumentId,
    /// The document's title.
    pub title: String,
}

impl Topic {
    /// Whether its author put it as a question.
    fn is_question(&self) -> bool {
        self.text.ends_with(['?', '？', '؟'])
    }
}

impl Documents {
    /// Topics to begin with, `at_most` of them, from documents all over the index that `filter`
    /// admits.
    pub async fn topics(&self, filter: Filter, at_most: usize) -> Vec<Topic> {
        let generation = self.0.current();
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
        let generation = self.0.current();
        let row = generation
            .row_of(chunk)
            .ok_or(AssistantError::CitationNotFound)?;
        Ok(blocking::run(move || near(&generation, row, &filter, at_most)).await)
    }
}

/// One topic from each of `at_most` documents, evenly spread.
fn spread(generation: &Generation, filter: &Filter, at_most: usize) -> Vec<Topic> {
    let documents = generation.records.documents();
    let form = headings_of_form(generation);
    let own = evenly(documents.len(), DOCUMENTS)
        .filter(|position| filter.admits(&documents[*position as usize]))
        .map(|position| {
            let topics = topics_of(generation, position).into_iter();
            topics
                .filter(|(heading, _)| !form.contains(heading))
                .map(|(_, topic)| topic)
                .collect()
        });
    deal(own.collect(), at_most)
}

/// Headings that several documents have: they are part of the documents' form and say nothing of what
/// is in them.
fn headings_of_form(generation: &Generation) -> HashSet<&str> {
    let documents = generation.records.documents();
    let (mut seen, mut repeated) = (HashSet::new(), HashSet::new());
    let looked_at = evenly(documents.len(), DOCUMENTS);
    if let Err(error) = generation.records.have_documents(looked_at) {
        tracing::warn!(%error, "topics cannot be told");
        return repeated;
    }
    for position in evenly(documents.len(), DOCUMENTS) {
        let text = generation.records.text(position);
        let blocks = documents[position as usize].blocks.iter();
        let headings = blocks.filter(|block| is_heading(block.kind));
        let own: HashSet<&str> = headings
            .take(HEADINGS)
            .map(|block| &text[block.range.clone()])
            .collect();
        repeated.extend(own.iter().copied().filter(|heading| seen.contains(heading)));
        seen.extend(own);
    }
    repeated
}

/// One of each list; where there are few lists, one more of each, and so on.
fn deal(mut lists: Vec<Vec<Topic>>, at_most: usize) -> Vec<Topic> {
    let mut found = Vec::new();
    loop {
        lists.retain(|topics| !topics.is_empty());
        if found.len() >= at_most || lists.is_empty() {
            return found;
        }
        for place in evenly(lists.len(), at_most - found.len()) {
            let topics = &mut lists[place as usize];
            // A question before a bare heading, and not always the first: what stands first in a
            // document is often of one kind.
            let questions = (0..topics.len()).filter(|at| topics[*at].is_question());
            let mut eligible: Vec<usize> = questions.collect();
            if eligible.is_empty() {
                eligible = (0..topics.len()).collect();
            }
            found.push(topics.remove(eligible[place as usize % eligible.len()]));
        }
    }
}

/// The topics of a document, in order, with their headings.
fn topics_of(generation: &Generation, position: u32) -> Vec<(&str, Topic)> {
    let document = &generation.records.documents()[position as usize];
    let chunks = generation.records.chunks();
    let first = chunks.partition_point(|chunk| chunk.document < position);
    let own = &chunks[first..];
    let own = &own[..own.partition_point(|chunk| chunk.document == position)];
    let headings = document
        .blocks
        .iter()
        .filter(|block| is_heading(block.kind));
    headings
        .take(HEADINGS)
        .filter_map(|heading| {
            let behind = own.partition_point(|chunk| chunk.range.end <= heading.range.end);
            let path = generation.headings_above(position, heading.range.start);
            let last = *path.last()?;
            Some((last, topic(document, &path, &own.get(behind)?.id)?))
        })
        .collect()
}

fn near(generation: &Generation, row: u32, filter: &Filter, at_most: usize) -> Vec<Topic> {
    let vector = generation.vector(row).into_owned();
    let Ok(vector) = UnitVector::normalize(vector) else {
        return Vec::new();
    };
    let nearest = generation.nearest(&vector, at_most * NEIGHBOURS, None);
    let form = headings_of_form(generation);
    let mut seen = HashSet::new();
    std::iter::once(row)
        .chain(nearest.into_iter().map(|hit| hit.row))
        .map(|row| generation.chunk(row))
        .filter(|chunk| filter.admits(generation.records.document_of(chunk)))
        .filter_map(|chunk| {
            let document = generation.records.document_of(chunk);
            let path = generation.headings_above(chunk.document, chunk.range.start);
            path.last().filter(|heading| !form.contains(*heading))?;
            topic(document, &path, &chunk.id)
        })
        .filter(|topic| seen.insert((topic.document.clone(), topic.heading.clone())))
        .take(at_most)
        .collect()
}

/// The topic of a section under these headings; `None` if they could not be asked.
fn topic(document: &Document, path: &[&str], chunk: &ChunkId) -> Option<Topic> {
    // The topmost heading is the document's name; what is in it stands in those below.
    let headings = document
        .blocks
        .iter()
        .filter(|block| is_heading(block.kind));
    if path.len() == 1 && headings.take(2).count() > 1 {
        return None;
    }
    Some(Topic {
        text: asked(path.last()?, &document.title)?,
        heading: path.join(" > "),
        chunk: chunk.clone(),
        document: document.id.clone(),
        title: document.title.clone(),
    })
}

fn is_heading(kind: BlockKind) -> bool {
    matches!(kind, BlockKind::Heading(_))
}

/// A heading behind the title of its document, without that one's subtitle.
fn asked(heading: &str, title: &str) -> Option<String> {
    let (heading, title) = (heading.trim(), main_title(title.trim()));
    let text = if title.is_empty() || heading.to_lowercase().starts_with(&title.to_lowercase()) {
        heading.to_owned()
    } else {
        format!("{title}: {heading}")
    };
    let is_line = text.chars().count() <= LONGEST_CHARACTERS;
    let says_something = heading.chars().filter(|c| c.is_alphabetic()).count() >= 2;
    (is_line && says_something).then_some(text)
}

fn main_title(title: &str) -> &str {
    let ends = BEFORE_SUBTITLE.iter().filter_map(|mark| title.find(mark));
    &title[..ends.min().unwrap_or(title.len())]
}

/// `most` positions below `length`, evenly spread; all of them if they are fewer.
fn evenly(length: usize, most: usize) -> impl Iterator<Item = u32> {
    let count = length.min(most);
    (0..count).map(move |step| u32::try_from(step * length / count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_is_asked_behind_the_title_without_its_subtitle() {
        for (heading, title, text) in [
            ("How deep?", "Lofts", Some("Lofts: How deep?")),
            ("Costs", "Lofts: how to fill them", Some("Lofts: Costs")),
            ("Costs", "Lofts – a guide | Home", Some("Lofts: Costs")),
            ("Lofts in old houses", "lofts", Some("Lofts in old houses")),
            (
                "Lofts: how to fill them",
                "Lofts: how to fill them",
                Some("Lofts: how to fill them"),
            ),
            ("3.1", "Lofts", None),
            ("Costs", "", Some("Costs")),
        ] {
            assert_eq!(asked(heading, title).as_deref(), text, "{heading}, {title}");
        }
        assert_eq!(asked(&"word ".repeat(40), "Lofts"), None);
    }

    #[test]
    fn topics_are_dealt_from_all_documents_before_one_gives_two() {
        let topic = |document: &str, text: &str| Topic {
            text: text.to_owned(),
            heading: text.to_owned(),
            chunk: ChunkId::from_client(text),
            document: DocumentId::of_source(document),
            title: document.to_owned(),
        };
        let lists = || {
            vec![
                vec![topic("a", "a1"), topic("a", "a2"), topic("a", "a3")],
                vec![],
                vec![topic("b", "b1")],
            ]
        };
        let dealt = |at_most| deal(lists(), at_most).into_iter().map(|topic| topic.text);
        assert_eq!(dealt(2).collect::<Vec<_>>(), ["a1", "b1"]);
        assert_eq!(dealt(9).count(), 4);
        let asking = vec![vec![topic("a", "a1"), topic("a", "a2?"), topic("a", "a3")]];
        let first = deal(asking, 1).remove(0);
        assert_eq!(first.text, "a2?");
        assert_eq!(evenly(10, 3).collect::<Vec<_>>(), [0, 3, 6]);
        assert_eq!(evenly(0, 5).count(), 0);
    }
}
