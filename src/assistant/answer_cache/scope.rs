//! What an answer depends on besides its question.

use crate::assistant::answers::Source;
use crate::generate::{ChatModel, groundedness};
use crate::model::Owner;
use crate::snapshot::Generation;

/// Answers of different scopes are never mixed up.
pub(in crate::assistant) struct Scope {
    pub(super) digest: [u8; 32],
    pub(super) owner: Owner,
    /// Whether earlier questions belong to it.
    pub(super) is_in_conversation: bool,
}

/// Where the contexts of a question come from.
pub(in crate::assistant) enum Contexts<'a> {
    /// As many as that are retrieved for it.
    Retrieved(usize),
    /// These, from the caller.
    Supplied(&'a [Source]),
}

impl Scope {
    /// `is_read`: whether a reader judges what is said.
    pub(in crate::assistant) fn new(
        owner: Owner,
        generation: &Generation,
        model: &ChatModel,
        is_read: bool,
        earlier: &[String],
        contexts: &Contexts<'_>,
    ) -> Self {
        let mut digest = Digest::default();
        digest.add(&owner.number().to_le_bytes());
        digest.add(generation.id().to_string().as_bytes());
        digest.add(model.name().as_bytes());
        digest.add(model.settings().as_bytes());
        // With a reader other answers are refused, and other sentences marked.
        digest.add(&[groundedness::RULES, u8::from(is_read)]);
        digest.add(&earlier.len().to_le_bytes());
        for question in earlier {
            digest.add(question.as_bytes());
        }
        match contexts {
            Contexts::Retrieved(count) => {
                digest.add(b"retrieved");
                digest.add(&count.to_le_bytes());
            }
            Contexts::Supplied(sources) => {
                digest.add(b"supplied");
                for source in *sources {
                    match source {
                        Source::Stored { row } => digest.add(&row.to_le_bytes()),
                        Source::Foreign { text } => digest.add(text.as_bytes()),
                    }
                }
            }
        }
        Self {
            digest: digest.0.finalize().into(),
            owner,
            is_in_conversation: !earlier.is_empty(),
        }
    }
}

/// Each part behind its length, so that no two lists of parts are the same bytes.
#[derive(Default)]
struct Digest(blake3::Hasher);

impl Digest {
    fn add(&mut self, part: &[u8]) {
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
    }
}
