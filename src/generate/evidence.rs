//! Whether the passages answer a question at all, where no reader tells.
//!
//! Cosines and words tell what is far off. They do not tell a question of the field that the sources
//! leave open from one that they answer: with the answer cut out of the documents, the same
//! questions keep nearly the same cosines. The reader is there for that.

use super::extractive::{Passage, Purpose};

// A logistic function, fitted on labelled questions over three collections with the cosines of the
// default model.
/// Of the best cosine of any sentence.
const NEAREST: f32 = 4.29;
/// Of the share of the question's words that the sources hold.
const KNOWN: f32 = 2.19;
const BIAS: f32 = -3.62;
/// Below this the question counts as not answered. Chosen so that no more than one answerable
/// question in twenty is refused.
const FLOOR: f32 = 0.35;

/// Whether `passages` may answer a question. Without vectors for sentences nothing is refused.
///
/// `known` is the share of the question's words that the sources hold anywhere, rare words counting
/// for more.
pub fn is_answered(passages: &[Passage], known: f32) -> bool {
    let sentences = passages.iter().flat_map(|passage| &passage.sentences);
    let statements = sentences.filter(|sentence| sentence.purpose != Purpose::Command);
    let nearest = statements
        .filter_map(|sentence| sentence.cosine)
        .reduce(f32::max);
    nearest.is_none_or(|nearest| {
        let logit = NEAREST * nearest + KNOWN * known + BIAS;
        1.0 / (1.0 + (-logit).exp()) >= FLOOR
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::extractive::Sentence;

    fn passage(text: &str, cosine: Option<f32>) -> Passage {
        Passage {
            text: text.to_owned(),
            headings: String::new(),
            sentences: vec![Sentence {
                range: 0..text.len(),
                cosine,
                purpose: Purpose::Statement,
            }],
            standing: 0.5,
        }
    }

    #[test]
    fn what_is_far_off_is_not_an_answer() {
        let text = "Solar panels make power from light.";
        assert!(is_answered(&[passage(text, Some(0.6))], 1.0));
        assert!(!is_answered(&[passage(text, Some(0.1))], 0.0));
    }

    #[test]
    fn without_sentence_vectors_nothing_is_refused() {
        assert!(is_answered(&[passage("Because.", None)], 0.0));
        assert!(is_answered(&[], 0.0));
    }
}
