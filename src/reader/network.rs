//! The model: one forward pass for each passage.

use std::sync::Arc;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool};
use rten_tensor::NdTensor;
use tokenizers::Tokenizer;

use super::{Excerpt, Place, ReadError, Reader, Reading};

/// Made by `scripts/reader/export.py`; its SHA-256 is in the test below.
static NETWORK: &[u8] = include_bytes!("../../data/reader/model.onnx");
/// The `WordPiece` vocabulary of all-MiniLM-L6-v2, in the format of the `tokenizers` library.
static TOKENIZER: &[u8] = include_bytes!("../../data/embedder/tokenizer.json");

/// Most tokens of each part, as in training. Of a longer question the last ones count.
const QUESTION_TOKENS: usize = 48;
const HEADING_TOKENS: usize = 24;
const PASSAGE_TOKENS: usize = 160;
/// No part of a text beyond this many bytes for each token can be within its share.
const BYTES_PER_TOKEN: usize = 24;

/// Ids of `[CLS]`, `[SEP]` and `.`.
const FIRST: i32 = 101;
const END: i32 = 102;
const FULL_STOP: i32 = 1012;

/// A cross-encoder in this process, on the calling thread.
pub struct NetworkReader {
    model: Model,
    inputs: [NodeId; 3],
    outputs: [NodeId; 2],
    tokenizer: Tokenizer,
    pool: Arc<ThreadPool>,
}

impl NetworkReader {
    /// Opens the model that is part of the program.
    pub fn open() -> Result<Self, ReadError> {
        let unusable = |error: &dyn std::fmt::Display| ReadError::Unusable(error.to_string());
        let model = ModelOptions::with_all_ops()
            .prepack_weights(true)
            .load_static_slice(NETWORK)
            .map_err(|error| unusable(&error))?;
        let node = |name: &str| {
            let id = model.node_id(name);
            id.map_err(|_| ReadError::Unusable(format!("it has no node called {name}")))
        };
        let inputs = [
            node("input_ids")?,
            node("token_type_ids")?,
            node("position_ids")?,
        ];
        let outputs = [node("logits")?, node("spans")?];
        let mut tokenizer = Tokenizer::from_bytes(TOKENIZER).map_err(|error| unusable(&error))?;
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(None)
            .map_err(|error| unusable(&error))?;
        Ok(Self {
            model,
            inputs,
            outputs,
            tokenizer,
            pool: Arc::new(ThreadPool::with_num_threads(1)),
        })
    }

    fn tokens(&self, text: &str) -> Result<Vec<i32>, ReadError> {
        let encoding = self
            .tokenizer
            .encode_fast(text, false)
            .map_err(|error| ReadError::Inference(error.to_string()))?;
        let ids = encoding.get_ids().iter();
        Ok(ids.map(|id| i32::try_from(*id).unwrap_or(0)).collect())
    }

    /// The first `most` tokens of a text.
    fn first_tokens(&self, text: &str, most: usize) -> Result<Vec<i32>, ReadError> {
        let mut tokens = self.tokens(&text[..text.floor_char_boundary(most * BYTES_PER_TOKEN)])?;
        tokens.truncate(most);
        Ok(tokens)
    }

    /// The first tokens of a passage, and where they stand in it.
    fn places(&self, text: &str) -> Result<(Vec<i32>, Vec<Place>), ReadError> {
        let text = &text[..text.floor_char_boundary(PASSAGE_TOKENS * BYTES_PER_TOKEN)];
        let encoding = self
            .tokenizer
            .encode(text, false)
            .map_err(|error| ReadError::Inference(error.to_string()))?;
        let tokens = encoding.get_ids().iter().zip(encoding.get_offsets());
        let place = |(id, (start, end)): (&u32, &(usize, usize))| {
            let place = Place {
                start: u32::try_from(*start).unwrap_or(u32::MAX),
                end: u32::try_from(*end).unwrap_or(u32::MAX),
                begins: 0.0,
                ends: 0.0,
            };
            (i32::try_from(*id).unwrap_or(0), place)
        };
        Ok(tokens.take(PASSAGE_TOKENS).map(place).unzip())
    }

    /// The last `most` tokens of a text.
    fn last_tokens(&self, text: &str, most: usize) -> Result<Vec<i32>, ReadError> {
        let start = text.len().saturating_sub(most * BYTES_PER_TOKEN);
        let mut tokens = self.tokens(&text[text.ceil_char_boundary(start)..])?;
        tokens.drain(..tokens.len().saturating_sub(most));
        Ok(tokens)
    }

    /// `[CLS] question [SEP] heading . passage [SEP]`.
    fn pass(&self, question: &[i32], excerpt: &Excerpt) -> Result<Reading, ReadError> {
        let mut ids = vec![FIRST];
        ids.extend(question);
        ids.push(END);
        let passage_begins = ids.len();
        let heading = self.first_tokens(&excerpt.heading, HEADING_TOKENS)?;
        if !heading.is_empty() {
            ids.extend(heading);
            ids.push(FULL_STOP);
        }
        let (passage, places) = self.places(&excerpt.text)?;
        let text_begins = ids.len();
        ids.extend(passage);
        ids.push(END);
        let count = ids.len();
        let sides = (0..count)
            .map(|at| i32::from(at >= passage_begins))
            .collect();
        let positions = (0..i32::try_from(count).unwrap_or(i32::MAX)).collect();
        let row = |values: Vec<i32>| NdTensor::from_data([count], values);
        let inputs = vec![
            (self.inputs[0], row(ids).into()),
            (self.inputs[1], row(sides).into()),
            (self.inputs[2], row(positions).into()),
        ];
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.pool)));
        let [logits, spans] = self
            .model
            .run_n(inputs, self.outputs, Some(options))
            .map_err(|error| ReadError::Inference(error.to_string()))?;
        let values = |output: rten::Value| {
            let values = output.into_shape_vec::<f32, 2>();
            let values = values.map_err(|error| ReadError::Inference(error.to_string()));
            values.map(|(_, values)| values)
        };
        let (logits, spans) = (values(logits)?, values(spans)?);
        let [answers, supports] = logits[..] else {
            return Err(ReadError::Inference(format!("{} outputs", logits.len())));
        };
        let spans = spans.get(2 * text_begins..).unwrap_or_default();
        Ok(Reading {
            answers,
            supports,
            places: placed(places, spans),
        })
    }
}

/// Tokens with the probabilities of their logits: `spans` holds two for each, that the answer begins
/// and that it ends there.
fn placed(mut places: Vec<Place>, spans: &[f32]) -> Arc<[Place]> {
    let most = |at: usize| {
        let logits = spans.chunks_exact(2).take(places.len());
        logits.map(|pair| pair[at]).fold(f32::MIN, f32::max)
    };
    let (most_begins, most_ends) = (most(0), most(1));
    let (mut all_begins, mut all_ends) = (0.0, 0.0);
    for (place, pair) in places.iter_mut().zip(spans.chunks_exact(2)) {
        place.begins = (pair[0] - most_begins).exp();
        place.ends = (pair[1] - most_ends).exp();
        all_begins += place.begins;
        all_ends += place.ends;
    }
    for place in &mut places {
        place.begins /= all_begins;
        place.ends /= all_ends;
    }
    places.into()
}

impl Reader for NetworkReader {
    fn read(&self, sentence: &str, passages: &[Excerpt]) -> Result<Vec<Reading>, ReadError> {
        let question = self.last_tokens(sentence, QUESTION_TOKENS)?;
        let readings = passages.iter();
        readings
            .map(|passage| self.pass(&question, passage))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use sha2::{Digest, Sha256};

    use super::*;

    fn excerpt(text: &str) -> Excerpt {
        Excerpt {
            heading: "Topping up the boiler".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn the_model_is_the_one_that_was_measured() {
        let mut hex = String::new();
        for byte in Sha256::digest(NETWORK) {
            write!(hex, "{byte:02x}").unwrap();
        }
        assert_eq!(
            hex,
            "41b9c5c0cd1589a44ca7bd1571f09b2935259760952f445228e423f83240bd68"
        );
    }

    #[test]
    fn a_passage_answers_while_its_answer_stands_in_it() {
        let reader = NetworkReader::open().unwrap();
        let whole = "The filling loop hangs under the casing. When the system is cold the gauge should \
            read 1.3 bar. Close both valves afterwards.";
        let cut = "The filling loop hangs under the casing. Close both valves afterwards.";
        let question = "What pressure should the gauge show?";
        let readings = reader
            .read(question, &[excerpt(whole), excerpt(cut), excerpt("")])
            .unwrap();
        assert!(
            readings[0].answers > readings[1].answers + 1.0,
            "{readings:?}"
        );
        assert!(readings[1].answers > readings[2].answers - 5.0);
    }

    #[test]
    fn the_answer_stands_where_it_is_said() {
        let reader = NetworkReader::open().unwrap();
        let text = "The filling loop hangs under the casing. When the system is cold the g\u{e4}uge should \
            read 1.3 bar. Close both valves afterwards.";
        let question = "What pressure should the gauge show?";
        let reading = reader.read(question, &[excerpt(text)]).unwrap().remove(0);
        let sentence = |words: &str| {
            let start = text.find(words).unwrap();
            reading.share(&(start..start + words.len()))
        };
        let second = sentence("When the system is cold the g\u{e4}uge should read 1.3 bar.");
        assert!(second > 0.8, "{second}");
        assert!(sentence("The filling loop hangs under the casing.") < 0.1);
        assert!((reading.share(&(0..text.len())) - 1.0).abs() < 1e-3);
    }

    #[test]
    fn a_claim_is_supported_by_what_says_it() {
        let reader = NetworkReader::open().unwrap();
        let passage = [excerpt(
            "When the system is cold the gauge should read 1.3 bar.",
        )];
        let supports = |claim: &str| reader.read(claim, &passage).unwrap()[0].supports;
        let right = supports("The gauge should read 1.3 bar when the system is cold.");
        let wrong = supports("The gauge should read 2.5 bar when the system is cold.");
        assert!(right > 0.0 && wrong < right - 1.0, "{right} {wrong}");
    }

    #[test]
    fn a_text_of_any_length_is_read() {
        let reader = NetworkReader::open().unwrap();
        let long = "warm é ".repeat(200_000);
        let readings = reader.read(&long, &[excerpt(&long)]).unwrap();
        assert!(readings[0].answers.is_finite());
        assert_eq!(
            reader.last_tokens("a b c d", 2).unwrap(),
            reader.tokens("c d").unwrap()
        );
    }
}
