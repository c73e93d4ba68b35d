//! Whether the passages answer a question at all.
//!
//! Cosines alone do not tell: a question of the field that the sources leave open lies as near to
//! them as one that they answer in other words. What helps beside them is whether some sentence
//! holds the *kind* of answer that is asked for, and whether the sources know the question's words.

use super::expected::Expected;
use super::extractive::Passage;

/// Logistic weights, fitted on 152 labelled questions over two collections (85 that their sources
/// answer, 67 that they do not) with the cosines of the default model.
const NEAREST_WEIGHT: f32 = 2.55;
const KNOWN_WEIGHT: f32 = 2.02;
const FITTING_WEIGHT: f32 = 3.72;
const FIGURE_WEIGHT: f32 = -0.66;
const BIAS: f32 = -4.04;
/// Below this the question counts as not answered. Chosen so that no more than one answerable
/// question in twenty is refused.
const FLOOR: f32 = 0.38;

/// The likelihood, in [0, 1], that `passages` answer `question`; `None` when the embedder gives no
/// vectors for sentences, so that nothing can be said.
///
/// `known` is the share of the question's words that the sources hold anywhere, rare words counting
/// for more.
pub fn likelihood(question: &str, passages: &[Passage], known: f32) -> Option<f32> {
    let expected = Expected::of(question);
    let mut nearest: Option<f32> = None;
    let mut fitting = 0.0_f32;
    for passage in passages {
        for sentence in &passage.sentences {
            let Some(cosine) = sentence.cosine else {
                continue;
            };
            nearest = Some(nearest.map_or(cosine, |nearest| nearest.max(cosine)));
            if cosine > fitting && expected.is_in(&passage.text[sentence.range.clone()]) {
                fitting = cosine;
            }
        }
    }
    let figure = if expected.is_figure() {
        FIGURE_WEIGHT
    } else {
        0.0
    };
    nearest.map(|nearest| {
        let logit = NEAREST_WEIGHT * nearest
            + KNOWN_WEIGHT * known
            + FITTING_WEIGHT * fitting
            + figure
            + BIAS;
        1.0 / (1.0 + (-logit).exp())
    })
}

/// Whether to answer: see [`likelihood`].
pub fn is_answered(question: &str, passages: &[Passage], known: f32) -> bool {
    likelihood(question, passages, known).is_none_or(|likelihood| likelihood >= FLOOR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::extractive::{Form, Sentence};

    fn passage(text: &str, cosine: Option<f32>) -> Passage {
        Passage {
            text: text.to_owned(),
            headings: String::new(),
            sentences: vec![Sentence {
                range: 0..text.len(),
                cosine,
                form: Form::Prose,
                is_reference: false,
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
        assert_eq!(likelihood("Who won the cup?", &[], 0.0), None);
    }

    #[test]
    fn without_sentence_vectors_nothing_is_refused() {
        assert!(is_answered("Why?", &[passage("Because.", None)], 0.0));
    }
}
