//! The last question in the light of the conversation.

use crate::language::terms;

/// Openings that continue a thought.
const CONTINUATIONS: [&str; 14] = [
    "and ",
    "and,",
    "what about",
    "how about",
    "also ",
    "but ",
    "then ",
    "or ",
    "so ",
    "what if",
    "why is that",
    "why not",
    "why?",
    "what else",
];

/// Words that point back at something said before.
const POINTERS: [&str; 14] = [
    "it", "its", "that", "those", "this", "these", "they", "them", "their", "one", "ones", "there",
    "same", "either",
];

/// A question with fewer meaningful terms than this says too little to stand alone.
const TERMS_TO_STAND_ALONE: usize = 2;

/// A question that points back but has this many meaningful terms of its own stands alone anyway:
/// "Is it worth insulating a flat roof?" needs no history.
const TERMS_TO_OUTWEIGH_A_POINTER: usize = 4;

/// The text to search for: the last message, or, when it only continues what was said before, the
/// last message that stands on its own with the last message behind it.
///
/// A message that stands on its own is taken as it is, so that a change of topic is not dragged
/// back. `None` when there is no message.
pub fn contextual_query(messages: &[&str]) -> Option<String> {
    let (last, earlier) = messages.split_last()?;
    if !is_follow_up(last) {
        return Some((*last).to_owned());
    }
    match earlier
        .iter()
        .rev()
        .find(|message| !is_follow_up(message))
        .or_else(|| earlier.last())
    {
        Some(anchor) => Some(format!("{anchor} {last}")),
        None => Some((*last).to_owned()),
    }
}

fn is_follow_up(message: &str) -> bool {
    let text = message.trim().to_lowercase();
    let meaningful = terms(&text).count();
    let continues = CONTINUATIONS
        .iter()
        .any(|opening| text.starts_with(opening));
    let points_back = text
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .any(|word| POINTERS.binary_search(&word).is_ok() || POINTERS.contains(&word));
    continues
        || meaningful < TERMS_TO_STAND_ALONE
        || (points_back && meaningful < TERMS_TO_OUTWEIGH_A_POINTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_follow_up_is_read_with_the_question_before_it() {
        assert_eq!(
            contextual_query(&["How do I insulate my loft?", "What about flat roofs?"]).unwrap(),
            "How do I insulate my loft? What about flat roofs?"
        );
        assert_eq!(
            contextual_query(&[
                "How thick should loft insulation be?",
                "And the hatch?",
                "How much does it cost?"
            ])
            .unwrap(),
            "How thick should loft insulation be? How much does it cost?"
        );
    }

    #[test]
    fn a_new_topic_is_not_dragged_back() {
        let last = "How much electricity does a tumble dryer use?";
        assert_eq!(
            contextual_query(&["How do I insulate my loft?", last]).unwrap(),
            last
        );
    }

    #[test]
    fn without_messages_there_is_nothing_to_search() {
        assert_eq!(contextual_query(&[]), None);
        assert_eq!(contextual_query(&["And?"]).unwrap(), "And?");
    }
}
