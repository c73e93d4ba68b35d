//! One forward pass: tokens in, vectors out.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, ValueOrView};
use rten_tensor::NdTensor;
use tokenizers::{Tokenizer, TruncationParams};

use super::files::ModelFiles;
use crate::embed::tokens::{TokenCounter, TokenRule, plain_tokenizer};
use crate::embed::{EmbedError, Passage, PassageVectors, QueryVectors};
use crate::model::{UnitVector, WordCodes};

/// The longest input, special tokens included: the length that the default model was made for.
pub(super) const MAX_TOKENS: usize = 256;

/// What lies beyond this many bytes cannot be within the window and is not even tokenized, so that
/// a megabyte of text costs no more than a page.
const LONGEST_INPUT_BYTES: usize = 64 * 1024;

/// The tokenizer and the network. Shared by all workers: a pass does not change it.
pub(super) struct Network {
    model: Model,
    ids: NodeId,
    /// 1 for each token; a model for texts of one length has no need of it.
    mask: Option<NodeId>,
    /// 0 for each token; a model without kinds of tokens has none.
    kinds: Option<NodeId>,
    output: NodeId,
    tokenizer: Tokenizer,
    counter: TokenCounter,
    rule: TokenRule,
}

impl Network {
    pub(super) fn load(files: ModelFiles) -> Result<Self, EmbedError> {
        let network_path = files.directory.join("model.onnx");
        let unusable = |reason: String| EmbedError::ModelUnusable {
            path: network_path.clone(),
            reason,
        };
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let model = match files.network {
            Cow::Borrowed(bytes) => options.load_static_slice(bytes),
            Cow::Owned(bytes) => options.load(bytes),
        };
        let model = model.map_err(|error| unusable(error.to_string()))?;
        let node = |name: &str| {
            model.node_id(name).map_err(|_| {
                unusable(format!(
                    "it has no node called {name}; a BERT-family export has"
                ))
            })
        };
        let ids = node("input_ids")?;
        let mask = model.find_node("attention_mask");
        let kinds = model.find_node("token_type_ids");
        let output = node("last_hidden_state")?;

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
            ids,
            mask,
            kinds,
            output,
            tokenizer,
            counter,
            rule,
        })
    }

    /// Length of a vector, found by asking the network for one.
    pub(super) fn dimension(&self) -> Result<usize, EmbedError> {
        let pool = Arc::new(ThreadPool::with_num_threads(1));
        Ok(self.pass("dimension", &pool)?.dimension)
    }

    pub(super) fn count_tokens(&self, text: &str) -> usize {
        self.counter.count(text)
    }

    pub(super) fn token_rule(&self) -> TokenRule {
        self.rule.clone()
    }

    /// Embeds one passage on the calling thread's pool. One passage at a time is fastest on a CPU:
    /// a batch would be padded to its longest member.
    pub(super) fn embed(
        &self,
        passage: &Passage,
        pool: &Arc<ThreadPool>,
    ) -> Result<PassageVectors, EmbedError> {
        let tokens = self.pass(&passage.text, pool)?;
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
        pool: &Arc<ThreadPool>,
    ) -> Result<QueryVectors, EmbedError> {
        let tokens = self.pass(text, pool)?;
        Ok(QueryVectors {
            whole: tokens.mean(0..tokens.len())?,
            tokens: (0..tokens.len())
                .filter(|token| !tokens.offsets[*token].is_empty())
                .map(|token| tokens.mean(token..token + 1))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Runs the network over a text, which must not be blank.
    fn pass(&self, text: &str, pool: &Arc<ThreadPool>) -> Result<TokenVectors, EmbedError> {
        if text.trim().is_empty() {
            return Err(EmbedError::BlankText);
        }
        let encoding = self
            .tokenizer
            .encode(&text[..text.floor_char_boundary(LONGEST_INPUT_BYTES)], true)
            .map_err(|error| EmbedError::Inference(error.to_string()))?;
        let ids: Vec<i32> = encoding
            .get_ids()
            .iter()
            .map(|id| i32::try_from(*id).unwrap_or(i32::MAX))
            .collect();
        let count = ids.len();
        let row = |values: Vec<i32>| NdTensor::from_data([1, count], values);
        let mut inputs: Vec<(NodeId, ValueOrView<'_>)> = vec![(self.ids, row(ids).into())];
        inputs.extend(self.mask.map(|mask| (mask, row(vec![1; count]).into())));
        inputs.extend(self.kinds.map(|kinds| (kinds, row(vec![0; count]).into())));
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(pool)));
        let [output] = self
            .model
            .run_n(inputs, [self.output], Some(options))
            .map_err(|error| EmbedError::Inference(error.to_string()))?;
        let ([_, _, dimension], values) = output
            .into_shape_vec::<f32, 3>()
            .map_err(|error| EmbedError::Inference(error.to_string()))?;
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
