//! What a sentence needs before it to be understood.

use super::{Form, Passage};

/// Words that point at the sentence before.
const POINTERS: [&str; 24] = [
    "also", "and", "another", "both", "but", "each", "either", "he", "however", "it", "its",
    "others", "she", "so", "such", "that", "their", "them", "then", "these", "they", "this",
    "those", "or",
];

/// How far a sentence may reach back for its meaning.
const MOST_LEADS: usize = 2;

/// `sentence` with those before it that it leans on, in reading order: running text that opens with
/// a pointer brings the sentence it points at, a table row its table's head, a list item the line
/// that announces the list.
pub(super) fn with_leads(passage: &Passage, sentence: usize) -> Vec<usize> {
    let mut group = vec![sentence];
    match passage.sentences[sentence].form {
        Form::Prose => {
            let mut first = sentence;
            while group.len() <= MOST_LEADS
                && first > 0
                && points_back(text(passage, first))
                && continues(passage, first - 1, first)
            {
                first -= 1;
                group.push(first);
            }
        }
        Form::TableRow => {
            let head = run_start(passage, sentence, Form::TableRow);
            if head != sentence {
                group.push(head);
            }
        }
        Form::ListItem => {
            let first = run_start(passage, sentence, Form::ListItem);
            if let Some(lead) = first.checked_sub(1)
                && passage.sentences[lead].form == Form::Prose
                && text(passage, lead).ends_with(':')
            {
                group.push(lead);
            }
        }
    }
    group.sort_unstable();
    group
}

/// Whether nothing but white space, and no blank line, lies between two bytes of a passage.
pub(super) fn is_adjacent(passage: &Passage, end: usize, start: usize) -> bool {
    passage
        .text
        .get(end..start)
        .is_some_and(|gap| gap.trim().is_empty() && gap.matches('\n').count() < 2)
}

fn continues(passage: &Passage, before: usize, after: usize) -> bool {
    passage.sentences[before].form == Form::Prose
        && is_adjacent(
            passage,
            passage.sentences[before].range.end,
            passage.sentences[after].range.start,
        )
}

/// The first of the neighbouring sentences of `form` that `sentence` is among.
fn run_start(passage: &Passage, sentence: usize, form: Form) -> usize {
    let mut first = sentence;
    while first > 0
        && passage.sentences[first - 1].form == form
        && is_adjacent(
            passage,
            passage.sentences[first - 1].range.end,
            passage.sentences[first].range.start,
        )
    {
        first -= 1;
    }
    first
}

fn text(passage: &Passage, sentence: usize) -> &str {
    &passage.text[passage.sentences[sentence].range.clone()]
}

fn points_back(text: &str) -> bool {
    let word: String = text
        .chars()
        .take_while(|c| c.is_alphabetic())
        .flat_map(char::to_lowercase)
        .collect();
    POINTERS.contains(&word.as_str())
}
