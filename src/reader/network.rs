//! The model: one forward pass for each passage.

use std::sync::{Arc, Mutex, PoisonError};

use tokenizers::Tokenizer;

use super::{Excerpt, Place, ReadError, Reader, Reading};
use crate::encoder::{Dense, Encoder, EncoderError, Pass, Tensors, WIDTH};

/// Made by `scripts/reader/export.py`; its SHA-256 is in the test below.
static NETWORK: &[u8] = include_bytes!("../../data/reader/model.safetensors");
/// The `WordPiece` vocabulary of all-MiniLM-L6-v2, in the format of the `tokenizers` library.
static TOKENIZER: &[u8] = include_bytes!("../../data/embedder/tokenizer.json");

/// Most tokens of each part, as in training. Of a longer question the last ones count.
const QUESTION_TOKENS: usize = 48;
const HEADING_TOKENS: usize = 24;
const PASSAGE_TOKENS: usize = 160;
/// No part of a text beyond this many bytes for each token can be within its share.
const BYTES_PER_TOKEN: usize = 24;

/// Ids of `[CLS]`, `[SEP]` and `.`.
const FIRST: u32 = 101;
const END: u32 = 102;
const FULL_STOP: u32 = 1012;

/// A cross-encoder in this process, on the calling thread.
pub struct NetworkReader {
    network: Network,
    tokenizer: Tokenizer,
    /// Rooms of calls that have ended.
    passes: Mutex<Vec<Pass>>,
}

struct Network {
    encoder: Encoder,
    /// Of the first token's state beside the mean of all.
    pool: Dense,
    /// Of what was pooled: whether it answers, whether it supports.
    judge: Dense,
    /// Of each state: whether the answer begins, and ends, at the token.
    span: Dense,
}

impl Network {
    fn open() -> Result<Self, EncoderError> {
        let tensors = Tensors::open(NETWORK)?;
        Ok(Self {
            encoder: Encoder::new(&tensors)?,
            pool: tensors.dense("pool", 2 * WIDTH, WIDTH)?,
            judge: tensors.dense("judge", WIDTH, 2)?,
            span: tensors.dense("span", WIDTH, 2)?,
        })
    }
}

impl NetworkReader {
    /// Opens the model that is part of the program.
    pub fn open() -> Result<Self, ReadError> {
        let unusable = |error: &dyn std::fmt::Display| ReadError::Unusable(error.to_string());
        let network = Network::open().map_err(|error| unusable(&error))?;
        let mut tokenizer = Tokenizer::from_bytes(TOKENIZER).map_err(|error| unusable(&error))?;
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(None)
            .map_err(|error| unusable(&error))?;
        Ok(Self {
            network,
            tokenizer,
            passes: Mutex::default(),
        })
    }

    fn tokens(&self, text: &str) -> Result<Vec<u32>, ReadError> {
        let encoding = self
            .tokenizer
            .encode_fast(text, false)
            .map_err(|error| ReadError::Inference(error.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The first `most` tokens of a text.
    fn first_tokens(&self, text: &str, most: usize) -> Result<Vec<u32>, ReadError> {
        let mut tokens = self.tokens(&text[..text.floor_char_boundary(most * BYTES_PER_TOKEN)])?;
        tokens.truncate(most);
        Ok(tokens)
    }

    /// The first tokens of a passage, and where they stand in it.
    fn places(&self, text: &str) -> Result<(Vec<u32>, Vec<Place>), ReadError> {
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
            (*id, place)
        };
        Ok(tokens.take(PASSAGE_TOKENS).map(place).unzip())
    }

    /// The last `most` tokens of a text.
    fn last_tokens(&self, text: &str, most: usize) -> Result<Vec<u32>, ReadError> {
        let start = text.len().saturating_sub(most * BYTES_PER_TOKEN);
        let mut tokens = self.tokens(&text[text.ceil_char_boundary(start)..])?;
        tokens.drain(..tokens.len().saturating_sub(most));
        Ok(tokens)
    }

    /// `[CLS] question [SEP] heading . passage [SEP]`.
    fn pass(
        &self,
        question: &[u32],
        excerpt: &Excerpt,
        pass: &mut Pass,
    ) -> Result<Reading, ReadError> {
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
        let network = &self.network;
        let states = pass.run(&network.encoder, &ids, passage_begins);
        let mut both = states[..WIDTH].to_vec();
        both.extend(mean(states));
        let pooled: Vec<f32> = network.pool.apply(&both).map(f32::tanh).collect();
        let logits: Vec<f32> = network.judge.apply(&pooled).collect();
        let [answers, supports] = logits[..] else {
            return Err(ReadError::Inference(format!("{} outputs", logits.len())));
        };
        let states = states[text_begins * WIDTH..].chunks_exact(WIDTH);
        let spans: Vec<f32> = states.flat_map(|state| network.span.apply(state)).collect();
        Ok(Reading {
            answers,
            supports,
            places: placed(places, &spans),
        })
    }
}

/// The mean of the rows.
fn mean(states: &[f32]) -> Vec<f32> {
    let rows = states.chunks_exact(WIDTH);
    let count = rows.len() as f32;
    let mut mean = vec![0.0; WIDTH];
    for row in rows {
        for (mean, value) in mean.iter_mut().zip(row) {
            *mean += value / count;
        }
    }
    mean
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
        let passes = || self.passes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pass = passes().pop().unwrap_or_default();
        let readings = passages.iter();
        let readings = readings
            .map(|passage| self.pass(&question, passage, &mut pass))
            .collect();
        passes().push(pass);
        readings
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
            "fe9736f28d5f111d8af408dd73628ba3c49fd8a0ebbfa19db4c77415832f7ec8"
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
