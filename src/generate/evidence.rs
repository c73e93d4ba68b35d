//! Whether the passages answer a question at all.
//!
//! Cosines alone do not tell: a question of the field that the sources leave open lies as near to
//! them as one that they answer in other words. What helps beside them is whether some sentence
//! holds the *kind* of answer that is asked for, and whether the sources know the question's words.

use super::expected::Expected;
use super::extractive::{Passage, Purpose};

/// A logistic function of what speaks for an answer.
struct Model {
    /// Of the best cosine of any sentence.
    nearest: f32,
    /// Of the best cosine of a sentence that holds the kind of answer that is asked for.
    fitting: f32,
    /// Of the share of the question's words that the sources hold.
    known: f32,
    bias: f32,
    /// Below this the question counts as not answered. Chosen so that no more than one answerable
    /// question in twenty is refused.
    floor: f32,
}

/// For questions that ask for a figure. Fitted, as the next, on 220 labelled questions over three
/// collections (120 that their sources answer, 100 that they do not) with the cosines of the default
/// model. What the words of such a question are, and whether the sources know them, says nothing more.
const FIGURE: Model = Model {
    nearest: 3.74,
    fitting: 6.56,
    known: 0.0,
    bias: -5.07,
    floor: 0.4,
};

/// For all others, which any sentence may answer.
const TEXT: Model = Model {
    nearest: 4.29,
    fitting: 0.0,
    known: 2.19,
    bias: -3.62,
    floor: 0.35,
};

impl Model {
    fn of(expected: &Expected) -> &'static Self {
        if expected.is_figure() { &FIGURE } else { &TEXT }
    }

    fn likelihood(&self, evidence: &Evidence, known: f32) -> f32 {
        let logit = self.nearest * evidence.nearest
            + self.fitting * evidence.fitting
            + self.known * known
            + self.bias;
        1.0 / (1.0 + (-logit).exp())
    }
}

/// Best cosines.
struct Evidence {
    nearest: f32,
    fitting: f32,
}

/// What passages hold for a question; `None` when the embedder gives no vectors for sentences, so that
/// nothing can be said.
fn evidence(expected: &Expected, passages: &[Passage]) -> Option<Evidence> {
    let mut found: Option<Evidence> = None;
    for passage in passages {
        let statements = passage.sentences.iter();
        for sentence in statements.filter(|sentence| sentence.purpose != Purpose::Command) {
            let Some(cosine) = sentence.cosine else {
                continue;
            };
            let evidence = found.get_or_insert(Evidence {
                nearest: f32::MIN,
                fitting: 0.0,
            });
            evidence.nearest = evidence.nearest.max(cosine);
            if cosine > evidence.fitting && expected.is_in(&passage.text[sentence.range.clone()]) {
                evidence.fitting = cosine;
            }
        }
    }
    found
}

/// Whether `passages` answer `question`. Without vectors for sentences nothing is refused.
///
/// `known` is the share of the question's words that the sources hold anywhere, rare words counting
/// for more.
pub fn is_answered(question: &str, passages: &[Passage], known: f32) -> bool {
    let expected = Expected::of(question);
    let model = Model::of(&expected);
    evidence(&expected, passages)
        .is_none_or(|evidence| model.likelihood(&evidence, known) >= model.floor)
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
    fn the_kind_of_answer_that_is_asked_for_has_to_be_there() {
        let near = [passage("Solar panels make power from light.", Some(0.6))];
        assert!(is_answered("How do solar panels work?", &near, 1.0));
        assert!(!is_answered("How many solar panels do I need?", &near, 0.8));
        let figure = [passage("A home needs about ten solar panels.", Some(0.6))];
        assert!(is_answered(
            "How many solar panels do I need?",
            &figure,
            0.8
        ));
    }

    #[test]
    fn what_is_far_off_is_not_an_answer() {
        let far = [passage("Solar panels make power from light.", Some(0.1))];
        assert!(!is_answered("Who won the cup?", &far, 0.0));
    }

    #[test]
    fn without_sentence_vectors_nothing_is_refused() {
        assert!(is_answered("Why?", &[passage("Because.", None)], 0.0));
        assert!(is_answered("Why?", &[], 0.0));
    }
}
