//! Which errand an instruction means, by the nearest of some descriptions.

use tokio::sync::OnceCell;

use super::Errands;
use crate::assistant::AssistantError;
use crate::embed::Passage;
use crate::language::sentences;
use crate::model::UnitVector;

/// What a program wants to know of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrandKind {
    /// A name for it.
    Title,
    /// What it is about, in words to file it under.
    Tags,
    /// What the user may want to ask next.
    FollowUps,
    /// What to search for.
    Queries,
    /// Something else, which is not done here.
    Other,
}

/// All of them, in their order.
const KINDS: [ErrandKind; 5] = [
    ErrandKind::Title,
    ErrandKind::Tags,
    ErrandKind::FollowUps,
    ErrandKind::Queries,
    ErrandKind::Other,
];

/// Descriptions of each errand in words of our own, and of what programs ask besides.
const DESCRIPTIONS: [(ErrandKind, &str); 35] = [
    (ErrandKind::Title, "title"),
    (
        ErrandKind::Title,
        "Write a short title for this conversation.",
    ),
    (ErrandKind::Title, "Name this chat in a few words."),
    (
        ErrandKind::Title,
        "Generate a title from the first message of a user.",
    ),
    (
        ErrandKind::Title,
        "Write a title of at most five words for our conversation, without punctuation.",
    ),
    (
        ErrandKind::Title,
        "Summarise the conversation as a headline.",
    ),
    (
        ErrandKind::Title,
        "Give a subject line for the dialogue above.",
    ),
    (ErrandKind::Tags, "tags"),
    (
        ErrandKind::Tags,
        "List keywords that say what this chat is about.",
    ),
    (
        ErrandKind::Tags,
        "Assign topic tags and categories to the conversation.",
    ),
    (ErrandKind::Tags, "Label the dialogue with its subjects."),
    (ErrandKind::FollowUps, "follow-up questions"),
    (ErrandKind::FollowUps, "suggestions"),
    (
        ErrandKind::FollowUps,
        "Suggest questions that the user could ask next.",
    ),
    (
        ErrandKind::FollowUps,
        "Propose what the user may want to say next in this chat.",
    ),
    (
        ErrandKind::FollowUps,
        "Predict the next messages of the user.",
    ),
    (ErrandKind::Queries, "search queries"),
    (
        ErrandKind::Queries,
        "Write search engine queries for the user's last message.",
    ),
    (
        ErrandKind::Queries,
        "Decide whether a web search is needed, and with which queries.",
    ),
    (
        ErrandKind::Queries,
        "Rephrase the follow-up as a standalone question to search for.",
    ),
    (
        ErrandKind::Other,
        "Continue the text that the user is typing.",
    ),
    (ErrandKind::Other, "text completion"),
    (
        ErrandKind::Other,
        "Describe a picture to be drawn by an image model.",
    ),
    (ErrandKind::Other, "Pick an emoji for this message."),
    (
        ErrandKind::Other,
        "Choose which tools or functions to call.",
    ),
    (
        ErrandKind::Other,
        "Extract facts about the user to remember.",
    ),
    (
        ErrandKind::Other,
        "Answer the question from the documents above.",
    ),
    (ErrandKind::Other, "You are a helpful assistant."),
    (ErrandKind::Other, "Answer questions about the documents."),
    (
        ErrandKind::Other,
        "End each answer with a follow-up question.",
    ),
    (
        ErrandKind::Other,
        "Summarise the discussion so far in a paragraph.",
    ),
    (ErrandKind::Other, "What is this conversation about?"),
    (ErrandKind::Other, "What can I ask you?"),
    (
        ErrandKind::Other,
        "Translate the text into another language.",
    ),
    (ErrandKind::Other, "Explain what you said before."),
];

/// Sentences at the start of an instruction that are compared.
const SENTENCES_READ: usize = 6;
/// Longer ones are cut.
const SENTENCE_BYTES: usize = 400;

/// The vectors of the descriptions, made when they are first needed.
#[derive(Default)]
pub(super) struct Descriptions(OnceCell<Vec<UnitVector>>);

impl Errands {
    /// The errand that some texts come nearest to, and how near (cosine): the mean over the groups, of
    /// each the text that comes nearest. What is said in two ways weighs twice.
    pub(super) async fn nearest(
        &self,
        groups: &[&[String]],
    ) -> Result<(ErrandKind, f32), AssistantError> {
        let described = self.descriptions.0.get_or_try_init(|| async {
            let passages = DESCRIPTIONS.map(|(_, text)| Passage::whole(text));
            let vectors = self.search.embedder.embed_passages(passages.to_vec()).await;
            let vectors = vectors.map_err(|error| AssistantError::Embedder(error.to_string()))?;
            Ok::<_, AssistantError>(vectors.into_iter().map(|v| v.whole).collect())
        });
        let described = described.await?;
        let groups: Vec<&&[String]> = groups.iter().filter(|group| !group.is_empty()).collect();
        let mut sums = [0.0_f32; KINDS.len()];
        for group in &groups {
            let mut best = [-1.0_f32; KINDS.len()];
            for text in group.iter().filter(|text| !text.trim().is_empty()) {
                let vector = self.search.vector(text).await?;
                for (described, (kind, _)) in described.iter().zip(&DESCRIPTIONS) {
                    let cosine = vector.cosine(described.as_slice());
                    best[*kind as usize] = best[*kind as usize].max(cosine);
                }
            }
            for (sum, best) in sums.iter_mut().zip(best) {
                *sum += best;
            }
        }
        let count = groups.len().max(1) as f32;
        let best = KINDS
            .into_iter()
            .zip(sums)
            .max_by(|a, b| a.1.total_cmp(&b.1));
        Ok(best.map_or((ErrandKind::Other, -1.0), |(kind, sum)| (kind, sum / count)))
    }
}

/// The first sentences of an instruction, which say what is wanted; the rules come behind.
pub(super) fn first_sentences(instruction: &str) -> Vec<String> {
    let text = &instruction[..instruction.floor_char_boundary(4 * SENTENCE_BYTES)];
    let all = text.lines().flat_map(|line| {
        let found = sentences(line, 0..line.len()).into_iter();
        found.map(|range| line[range].trim_matches(|c: char| !c.is_alphanumeric() && c != '.'))
    });
    let long = all.filter(|sentence| sentence.split_whitespace().count() > 1);
    long.take(SENTENCES_READ)
        .map(|sentence| sentence[..sentence.floor_char_boundary(SENTENCE_BYTES)].to_owned())
        .collect()
}
