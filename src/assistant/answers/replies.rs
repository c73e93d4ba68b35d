//! Replies that are there before the question: to small talk, to what this program does not do, and
//! the owner's own. A message is matched with examples by meaning: by the nearest of them, or by what
//! those of a kind have in common. A sum is known by its form.

use serde::Deserialize;
use thiserror::Error;

use super::kinds::Kinds;
use crate::embed::{EmbedError, Embedder, Passage};
use crate::model::UnitVector;
use crate::snapshot::Generation;

/// The replies that come with the program.
pub const SHIPPED: &str = include_str!("../../../data/replies.toml");

/// A message whose nearest example is not near enough is of a kind from this score on …
const LIKE_ITS_KIND: f64 = 0.4;
/// … if it is not far from every example either. Both are set on the tests of the shipped file and
/// 330 questions that match nothing.
const NOT_FAR: f32 = 0.4;

/// Titles that are named as topics.
const MOST_TOPICS: usize = 6;

/// Why there are no replies.
#[derive(Debug, Error)]
pub enum RepliesError {
    /// The file is not what it should be.
    #[error(
        "replies: {0}\na file has `threshold = 0.58` and for each reply a table `[[reply]]` with `name`, `text` and `examples`; docs/answers.md has the rest"
    )]
    Malformed(#[from] toml::de::Error),
    /// The examples could not be embedded.
    #[error("replies: the examples could not be embedded: {0}")]
    Embed(#[from] EmbedError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Cosine from which a message means the same as an example.
    threshold: f32,
    /// Messages that look like an example and are to be answered from the sources.
    #[serde(default)]
    questions: Vec<String>,
    /// Messages that must match nothing.
    #[serde(default)]
    unmatched: Vec<String>,
    #[serde(default)]
    reply: Vec<Reply>,
}

/// One reply.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// What to call it.
    pub name: String,
    /// Whether it counts as an answer.
    #[serde(default = "yes")]
    pub answers: bool,
    /// Whether the owner has read it and stands for it.
    #[serde(default = "yes")]
    pub checked: bool,
    /// Whether it is for messages that are a sum.
    #[serde(default)]
    sums: bool,
    /// What is said; `{topics}` and `{documents}` are filled in.
    text: String,
    #[serde(default)]
    examples: Vec<String>,
    /// Messages that must match it.
    #[serde(default)]
    tests: Vec<String>,
}

fn yes() -> bool {
    true
}

/// Replies with the vectors of their examples.
pub struct Replies {
    threshold: f32,
    all: Vec<Reply>,
    /// Each example and the position of its reply; `None` for what is to be searched for.
    examples: Vec<(UnitVector, Option<usize>)>,
    /// By the position of the reply; the last is what is to be searched for.
    kinds: Kinds,
    tests: Vec<(String, Option<usize>)>,
}

impl Replies {
    /// Reads replies and embeds their examples.
    pub async fn load(text: &str, embedder: &dyn Embedder) -> Result<Self, RepliesError> {
        let file: File = toml::from_str(text)?;
        let mut said: Vec<(&str, Option<usize>)> = Vec::new();
        let mut tests: Vec<(String, Option<usize>)> = Vec::new();
        for (position, reply) in file.reply.iter().enumerate() {
            said.extend(reply.examples.iter().map(|e| (e.as_str(), Some(position))));
            tests.extend(
                reply
                    .tests
                    .iter()
                    .map(|test| (test.clone(), Some(position))),
            );
        }
        said.extend(
            file.questions
                .iter()
                .map(|question| (question.as_str(), None)),
        );
        tests.extend(file.unmatched.into_iter().map(|test| (test, None)));
        let passages = said.iter().map(|(text, _)| Passage::whole(text)).collect();
        let vectors = embedder.embed_passages(passages).await?;
        let examples = vectors.into_iter().zip(said);
        let examples: Vec<(UnitVector, Option<usize>)> = examples
            .map(|(vectors, (_, of))| (vectors.whole, of))
            .collect();
        let others = file.reply.len();
        let of_kinds: Vec<(&UnitVector, usize)> = examples
            .iter()
            .map(|(vector, of)| (vector, of.unwrap_or(others)))
            .collect();
        let kinds = Kinds::of(&of_kinds, others + 1);
        Ok(Self {
            threshold: file.threshold,
            examples,
            kinds,
            tests,
            all: file.reply,
        })
    }

    /// The reply to a message with this vector, if one means it.
    pub fn find(&self, message: &str, vector: &UnitVector) -> Option<&Reply> {
        if is_sum(message) {
            return self.all.iter().find(|reply| reply.sums);
        }
        let nearest = self
            .examples
            .iter()
            .map(|(example, of)| (vector.cosine(example.as_slice()), *of))
            .reduce(|best, next| if next.0 > best.0 { next } else { best })?;
        if nearest.0 >= self.threshold {
            return self.all.get(nearest.1?);
        }
        let (kind, score) = self.kinds.nearest(vector)?;
        let is_like = score >= LIKE_ITS_KIND && nearest.0 >= NOT_FAR.min(self.threshold);
        self.all.get(kind).filter(|_| is_like)
    }

    /// Names of the replies that their owner has not checked.
    pub fn unchecked(&self) -> impl Iterator<Item = &str> {
        let unchecked = self.all.iter().filter(|reply| !reply.checked);
        unchecked.map(|reply| reply.name.as_str())
    }

    /// Matches every test; a line for each that fails, and how many there are.
    pub async fn check(
        &self,
        embedder: &dyn Embedder,
    ) -> Result<(Vec<String>, usize), RepliesError> {
        let mut failed = Vec::new();
        for (test, of) in &self.tests {
            let vector = embedder.embed_query(test).await?.whole;
            let found = self.find(test, &vector).map(|reply| reply.name.as_str());
            let wanted = of.map(|of| self.all[of].name.as_str());
            if found != wanted {
                let name = |name: Option<&str>| name.unwrap_or("no reply").to_owned();
                failed.push(format!(
                    "{test:?} gets {}, not {}",
                    name(found),
                    name(wanted)
                ));
            }
        }
        Ok((failed, self.tests.len()))
    }
}

impl Reply {
    /// What is said over a generation.
    pub(super) fn say(&self, generation: &Generation) -> String {
        let documents = generation.records.documents();
        self.text
            .trim()
            .replace("{documents}", &documents.len().to_string())
            .replace("{topics}", &topics(generation).join("; "))
    }
}

/// The titles of the documents with most chunks.
fn topics(generation: &Generation) -> Vec<&str> {
    let records = &generation.records;
    let mut counts = vec![0_usize; records.documents().len()];
    for chunk in records.chunks() {
        counts[chunk.document as usize] += 1;
    }
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|document| std::cmp::Reverse(counts[*document]));
    let titles = order
        .into_iter()
        .map(|document| records.documents()[document].title.as_str());
    titles.take(MOST_TOPICS).collect()
}

/// Whether a message is a sum: numbers with signs between them, behind at most a few words.
fn is_sum(message: &str) -> bool {
    const MOST_WORDS: usize = 4;
    let message = message.trim().trim_end_matches(['?', '=', '.', ' ', '!']);
    let Some(start) = message.find(|c: char| c.is_ascii_digit() || c == '(') else {
        return false;
    };
    let (words, sum) = message.split_at(start);
    let is_sign = |c: char| "+-*/×÷^%−".contains(c);
    let mut last_is_sign = true;
    let mut signs = 0;
    for c in sum.chars().filter(|c| !c.is_whitespace()) {
        if is_sign(c) {
            if last_is_sign {
                return false;
            }
            signs += 1;
            last_is_sign = true;
        } else if c.is_ascii_digit() || matches!(c, '.' | ',' | '(' | ')') {
            last_is_sign = matches!(c, '(');
        } else {
            return false;
        }
    }
    let words: Vec<&str> = words.split_whitespace().collect();
    signs > 0
        && !last_is_sign
        && words.len() <= MOST_WORDS
        && words.iter().all(|word| !is_code(word))
}

/// Whether a word runs into the number behind it, as the front of a code does.
fn is_code(word: &str) -> bool {
    word.ends_with(['-', '_', '/'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assistant::fixture::fake_embedder::HashEmbedder;

    #[test]
    fn sums_are_known_by_their_form() {
        for sum in [
            "2+2",
            "What is 2+2?",
            "2*(3+4)=?",
            "calculate 17 × 3",
            "how much is 10 - 4",
        ] {
            assert!(is_sum(sum), "{sum}");
        }
        for other in [
            "E-133",
            "What is 270 mm?",
            "form 7",
            "2",
            "is it 10 or 20",
            "open 8:00-16:00",
            "-5",
        ] {
            assert!(!is_sum(other), "{other}");
        }
    }

    #[tokio::test]
    async fn a_message_gets_the_reply_of_the_nearest_example() {
        let embedder = HashEmbedder::named("fake");
        let text = "threshold = 0.9\nquestions = [\"what is wool\"]\nunmatched = [\"what is wool\"]\n\
                    [[reply]]\nname = \"greeting\"\ntext = \"Hello.\"\nexamples = [\"hello there\"]\n\
                    tests = [\"hello there\"]\n[[reply]]\nname = \"sum\"\nsums = true\nanswers = false\n\
                    text = \"No.\"\ntests = [\"2+2\"]";
        let replies = Replies::load(text, &embedder).await.unwrap();
        let (failed, tests) = replies.check(&embedder).await.unwrap();
        assert_eq!((failed, tests), (Vec::new(), 3));
        assert!(Replies::load("examples = 1", &embedder).await.is_err());
    }

    #[test]
    fn the_shipped_replies_can_be_read() {
        let file: File = toml::from_str(SHIPPED).unwrap();
        assert!(file.reply.iter().any(|reply| !reply.checked));
        assert!(file.reply.iter().all(|reply| !reply.tests.is_empty()));
    }
}
