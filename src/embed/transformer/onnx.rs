//! A network in ONNX format: another one than the program's.

use std::sync::Arc;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, ValueOrView};
use rten_tensor::NdTensor;

/// An export of a BERT-family network.
pub(super) struct OnnxNetwork {
    model: Model,
    ids: NodeId,
    /// 1 for each token; a model for texts of one length has no need of it.
    mask: Option<NodeId>,
    /// 0 for each token; a model without kinds of tokens has none.
    kinds: Option<NodeId>,
    output: NodeId,
}

impl OnnxNetwork {
    /// An error says what the file lacks.
    pub(super) fn load(file: Vec<u8>) -> Result<Self, String> {
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let model = options.load(file).map_err(|error| error.to_string())?;
        let node = |name: &str| {
            let lacks = |_| format!("it has no node called {name}; a BERT-family export has");
            model.node_id(name).map_err(lacks)
        };
        let ids = node("input_ids")?;
        let output = node("last_hidden_state")?;
        Ok(Self {
            mask: model.find_node("attention_mask"),
            kinds: model.find_node("token_type_ids"),
            model,
            ids,
            output,
        })
    }

    /// The states of the tokens, row by row, and how many values one has.
    pub(super) fn run(
        &self,
        tokens: &[u32],
        pool: &Arc<ThreadPool>,
    ) -> Result<(Vec<f32>, usize), String> {
        let count = tokens.len();
        let ids = tokens.iter();
        let ids = ids.map(|id| i32::try_from(*id).unwrap_or(i32::MAX));
        let row = |values: Vec<i32>| NdTensor::from_data([1, count], values);
        let mut inputs: Vec<(NodeId, ValueOrView<'_>)> =
            vec![(self.ids, row(ids.collect()).into())];
        inputs.extend(self.mask.map(|mask| (mask, row(vec![1; count]).into())));
        inputs.extend(self.kinds.map(|kinds| (kinds, row(vec![0; count]).into())));
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(pool)));
        let [output] = self
            .model
            .run_n(inputs, [self.output], Some(options))
            .map_err(|error| error.to_string())?;
        let ([_, _, dimension], states) = output
            .into_shape_vec::<f32, 3>()
            .map_err(|error| error.to_string())?;
        Ok((states, dimension))
    }
}
