//! The last question in the light of the conversation.

use crate::language::{lists, terms};

/// A question with fewer meaningful terms than this says too little to stand alone.
const TERMS_TO_STAND_ALONE: usize = 2;

/// A question that points back but has this many meaningful terms of its own stands alone anyway:
/// "Is it worth insulating a flat roof?" needs no history.
const TERMS_TO_OUTWEIGH_A_POINTER: usize = 4;

/// A question with this many meaningful terms and nothing that points back is searched alone.
const TERMS_TO_NEED_NOTHING: usize = 7;

/// What the message before weighs beside one that could stand alone: enough to decide what "how
/// thick should it be?" is about, too little to drag a new topic back.
const WEIGHT_OF_THE_MESSAGE_BEFORE: f32 = 0.5;

/// The last question of a conversation and what it is to be read with.
#[derive(Debug, Clone, PartialEq)]
pub struct InContext {
    /// What is asked.
    pub question: String,
    /// An earlier message and its weight beside the question, which has 1.
    pub before: Option<(String, f32)>,
}

impl InContext {
    /// A question without a conversation.
    pub fn alone(question: &str) -> Self {
        Self {
            question: question.to_owned(),
            before: None,
        }
    }
}

/// How to search for the last message.
///
/// One that only continues what was said is put behind the last message that stands on its own. One
/// that could stand alone is searched with the message before at a lower weight, so that a change
/// of topic is not dragged back. `None` when there is no message.
pub fn in_context(messages: &[&str]) -> Option<InContext> {
    let (last, earlier) = messages.split_last()?;
    if is_follow_up(last) {
        return contextual_query(messages).map(|question| InContext::alone(&question));
    }
    let before = anchor(earlier)
        .filter(|before| before != last && terms(last).count() < TERMS_TO_NEED_NOTHING)
        .map(|before| (before.to_owned(), WEIGHT_OF_THE_MESSAGE_BEFORE));
    Some(InContext {
        question: (*last).to_owned(),
        before,
    })
}

/// The last message as one text that can be read without the conversation: as it is, or, when it
/// only continues what was said before, behind the last message that stands on its own.
///
/// `None` when there is no message.
pub fn contextual_query(messages: &[&str]) -> Option<String> {
    let (last, earlier) = messages.split_last()?;
    match anchor(earlier).filter(|_| is_follow_up(last)) {
        Some(anchor) => Some(format!("{anchor} {last}")),
        None => Some((*last).to_owned()),
    }
}

/// The last message, the one before it that it is to be read with, and whether it only continues
/// that one. `None` when there is no message.
pub fn with_earlier<'a>(messages: &[&'a str]) -> Option<(&'a str, Option<&'a str>, bool)> {
    let (last, earlier) = messages.split_last()?;
    let continues = is_follow_up(last);
    let before = anchor(earlier).filter(|before| {
        before != last && (continues || terms(last).count() < TERMS_TO_NEED_NOTHING)
    });
    Some((last, before, continues))
}

/// The last message that stands on its own, or the last of all; blank ones say nothing.
fn anchor<'a>(earlier: &[&'a str]) -> Option<&'a str> {
    let mut said = earlier
        .iter()
        .rev()
        .copied()
        .filter(|message| !message.trim().is_empty());
    said.clone()
        .find(|message| !is_follow_up(message))
        .or_else(|| said.next())
}

fn is_follow_up(message: &str) -> bool {
    let text = message.trim().to_lowercase();
    let meaningful = terms(&text).count();
    let lists = &lists().conversation;
    let continues = lists.continuations.begins(&text);
    let points_back = text
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .any(|word| lists.pointers.has(word));
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
    fn a_blank_message_is_not_searched_for() {
        let asked = in_context(&[" ", "How do I bleed a radiator?"]).unwrap();
        assert_eq!(asked, InContext::alone("How do I bleed a radiator?"));
        assert_eq!(contextual_query(&["", "And then?"]).unwrap(), "And then?");
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
    fn what_could_stand_alone_is_read_with_a_little_of_the_message_before() {
        let before = "Which carbon monoxide alarm should I buy?";
        let found = in_context(&[before, "How far from the boiler?"]).unwrap();
        assert_eq!(found.question, "How far from the boiler?");
        assert_eq!(found.before.unwrap().0, before);
        let long = "What does a litre of petrol cost at a motorway station in northern France?";
        assert_eq!(in_context(&[before, long]).unwrap().before, None);
        assert_eq!(in_context(&[before]).unwrap().before, None);
        let joined = in_context(&[before, "And where does it go?"]).unwrap();
        assert_eq!(
            joined,
            InContext::alone("Which carbon monoxide alarm should I buy? And where does it go?")
        );
    }

    #[test]
    fn without_messages_there_is_nothing_to_search() {
        assert_eq!(contextual_query(&[]), None);
        assert_eq!(contextual_query(&["And?"]).unwrap(), "And?");
    }
}
