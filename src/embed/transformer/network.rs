//! One forward pass: tokens in, vectors out.

use std::ops::Range;

use tokenizers::{Tokenizer, TruncationParams};

use super::files::{ModelFiles, NetworkFile};
use super::onnx::OnnxNetwork;
use crate::embed::tokens::{TokenCounter, TokenRule, plain_tokenizer};
use crate::embed::{EmbedError, Passage, PassageVectors, QueryVectors};
use crate::encoder::{self, Encoder, Pass, Tensors};
use crate::model::{UnitVector, WordCodes};

/// The longest input, special tokens included: the length that the default model was made for.
pub(super) const MAX_TOKENS: usize = encoder::LONGEST;

/// What lies beyond this many bytes cannot be within the window and is not even tokenized, so that
/// a megabyte of text costs no more than a page.
const LONGEST_INPUT_BYTES: usize = 64 * 1024;

/// The tokenizer and the network. Shared by all workers: a pass does not change it.
pub(super) struct Network {
    model: Model,
    tokenizer: Tokenizer,
    counter: TokenCounter,
    rule: TokenRule,
}

enum Model {
    Shipped(Encoder),
    Onnx(Box<OnnxNetwork>),
}

impl Model {
    fn load(file: NetworkFile) -> Result<Self, String> {
        match file {
            NetworkFile::Shipped(file) => Tensors::open(file)
                .and_then(|tensors| Encoder::new(&tensors))
                .map(Self::Shipped)
                .map_err(|error| error.to_string()),
            NetworkFile::Onnx(file) => {
                OnnxNetwork::load(file).map(|network| Self::Onnx(Box::new(network)))
            }
        }
    }

    /// The states of the tokens, row by row, and how many values one has.
    fn run(&self, tokens: &[u32], pass: &mut Pass) -> Result<(Vec<f32>, usize), String> {
        match self {
            Self::Shipped(encoder) => {
                let states = pass.run(encoder, tokens, tokens.len());
                Ok((states.to_vec(), encoder::WIDTH))
            }
            Self::Onnx(network) => network.run(tokens, pass.pool()),
        }
    }
}

impl Network {
    pub(super) fn load(files: ModelFiles) -> Result<Self, EmbedError> {
        let network_path = files.directory.join("model.onnx");
        let model = Model::load(files.network).map_err(|reason| EmbedError::ModelUnusable {
            path: network_path,
            reason,
        })?;
        let tokenizer_path = files.directory.join("tokenizer.json");
        let unusable = |reason: String| EmbedError::ModelUnusable {
            path: tokenizer_path.clone(),
            reason,
        };
        let mut tokenizer = plain_tokenizer(&files.tokenizer).map_err(unusable)?;
        // Padding would make a short query as dear as a long passage, so the cut alone is ours.
        tokenizer
            .with_truncation(Some(TruncationParams {
                max_length: MAX_TOKENS,
                ..TruncationParams::default()
            }))
            .map_err(|error| unusable(error.to_string()))?;
        let rule = TokenRule::Tokenizer(files.tokenizer.into_owned());
        let counter = TokenCounter::new(&rule).map_err(unusable)?;
        Ok(Self {
            model,
            tokenizer,
            counter,
            rule,
        })
    }

    /// Length of a vector, found by asking the network for one.
    pub(super) fn dimension(&self) -> Result<usize, EmbedError> {
        Ok(self.pass("length", &mut Pass::new())?.dimension)
    }

    pub(super) fn count_tokens(&self, text: &str) -> usize {
        self.counter.count(text)
    }

    pub(super) fn token_rule(&self) -> TokenRule {
        self.rule.clone()
    }

    /// Embeds one passage. One passage at a time is fastest on a CPU:
    /// a batch would be padded to its longest member.
    pub(super) fn embed(
        &self,
        passage: &Passage,
        pass: &mut Pass,
    ) -> Result<PassageVectors, EmbedError> {
        let tokens = self.pass(&passage.text, pass)?;
        let whole = tokens.mean(0..tokens.len())?;
        let spans = passage
            .spans
            .iter()
            .map(|span| match tokens.within(span) {
                // A span beyond the model's window has no tokens; the passage stands in for it.
                range if range.is_empty() => Ok(whole.clone()),
                range => tokens.mean(range),
            })
            .collect::<Result<_, _>>()?;
        let words = passage
            .words
            .iter()
            .map(|word| tokens.within(word))
            .filter(|range| !range.is_empty())
            .map(|range| tokens.mean(range))
            .collect::<Result<Vec<UnitVector>, _>>()?;
        Ok(PassageVectors {
            whole,
            spans,
            words: WordCodes::of(&words),
        })
    }

    /// Embeds a question.
    pub(super) fn embed_query(
        &self,
        text: &str,
        pass: &mut Pass,
    ) -> Result<QueryVectors, EmbedError> {
        let tokens = self.pass(text, pass)?;
        Ok(QueryVectors {
            whole: tokens.mean(0..tokens.len())?,
            tokens: (0..tokens.len())
                .filter(|token| !tokens.offsets[*token].is_empty())
                .map(|token| tokens.mean(token..token + 1))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Runs the network over a text, which must not be blank.
    fn pass(&self, text: &str, pass: &mut Pass) -> Result<TokenVectors, EmbedError> {
        if text.trim().is_empty() {
            return Err(EmbedError::BlankText);
        }
        let encoding = self
            .tokenizer
            .encode(&text[..text.floor_char_boundary(LONGEST_INPUT_BYTES)], true)
            .map_err(|error| EmbedError::Inference(error.to_string()))?;
        let run = self.model.run(encoding.get_ids(), pass);
        let (values, dimension) = run.map_err(EmbedError::Inference)?;
        Ok(TokenVectors {
            values,
            dimension,
            offsets: encoding
                .get_offsets()
                .iter()
                .map(|(start, end)| *start..*end)
                .collect(),
        })
    }
}

/// What the network says of each token of a text.
struct TokenVectors {
    /// The vectors, row by row.
    values: Vec<f32>,
    dimension: usize,
    /// The tokens' bytes in the text; empty for the model's own marks.
    offsets: Vec<Range<usize>>,
}

impl TokenVectors {
    fn len(&self) -> usize {
        self.offsets.len()
    }

    fn mean(&self, tokens: Range<usize>) -> Result<UnitVector, EmbedError> {
        let mut sum = vec![0.0_f32; self.dimension];
        for row in self.values[tokens.start * self.dimension..tokens.end * self.dimension]
            .chunks_exact(self.dimension)
        {
            for (total, value) in sum.iter_mut().zip(row) {
                *total += value;
            }
        }
        UnitVector::normalize(sum).map_err(|error| EmbedError::Inference(error.to_string()))
    }

    /// The tokens that begin within `span`.
    fn within(&self, span: &Range<usize>) -> Range<usize> {
        tokens_within(&self.offsets, span)
    }
}

/// The tokens that begin within `span`; marks of the model never do. Tokens that have bytes stand in
/// order, with marks before and behind them.
fn tokens_within(offsets: &[Range<usize>], span: &Range<usize>) -> Range<usize> {
    let text = offsets
        .iter()
        .position(|token| !token.is_empty())
        .unwrap_or(offsets.len());
    let end = offsets
        .iter()
        .rposition(|token| !token.is_empty())
        .map_or(text, |last| last + 1);
    let tokens = &offsets[text..end];
    text + tokens.partition_point(|token| token.start < span.start)
        ..text + tokens.partition_point(|token| token.start < span.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_by_where_they_begin() {
        let offsets = [0..0, 0..4, 5..9, 10..12, 0..0];
        assert_eq!(tokens_within(&offsets, &(0..9)), 1..3);
        assert_eq!(tokens_within(&offsets, &(10..12)), 3..4);
        assert!(tokens_within(&offsets, &(20..30)).is_empty());
    }
}
