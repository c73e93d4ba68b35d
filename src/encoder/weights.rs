//! Weights, from a file in the safetensors format.

use rten_gemm::{GemmExecutor, PackedBMatrix};
use rten_tensor::NdTensorView;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use thiserror::Error;

use super::{LAYERS, LONGEST, WIDTH};
use crate::model::dot;

/// Why a file cannot be used.
#[derive(Debug, Error)]
pub enum EncoderError {
    /// It is not of the format, or lacks a tensor.
    #[error("it is no file of an encoder: {0}")]
    Format(#[from] SafeTensorError),
    /// A tensor is not what its name says.
    #[error("{0} has another type or shape than an encoder's")]
    Tensor(String),
}

/// The tensors of a file, by name.
pub struct Tensors(SafeTensors<'static>);

/// An encoder; several threads may use it at once.
pub struct Encoder {
    /// One row of signed bytes for each word of the vocabulary.
    pub(super) words: &'static [u8],
    pub(super) word_scales: Vec<f32>,
    pub(super) places: Vec<f32>,
    pub(super) kinds: Vec<f32>,
    pub(super) norm: Norm,
    pub(super) layers: Vec<Layer>,
}

/// Weight and bias of a layer normalisation.
pub(super) struct Norm {
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

pub(super) struct Layer {
    /// Queries, keys and values side by side; the queries are scaled.
    pub(super) attention_in: Product,
    pub(super) attention_out: Product,
    pub(super) attention_norm: Norm,
    pub(super) up: Product,
    pub(super) down: Product,
    pub(super) norm: Norm,
}

/// `x W + b`, where a column of the integers W has a scale.
pub(super) struct Product {
    pub(super) weight: PackedBMatrix<i8>,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) scales: Vec<f32>,
    /// Sums of the columns, scaled: what an offset of 1 in every input adds.
    pub(super) sums: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

/// `W x + b` in float, for few outputs.
pub struct Dense {
    weight: Vec<f32>,
    inputs: usize,
    bias: Vec<f32>,
}

impl Tensors {
    /// Opens a file; nothing is copied.
    pub fn open(file: &'static [u8]) -> Result<Self, EncoderError> {
        Ok(Self(SafeTensors::deserialize(file)?))
    }

    fn bytes(
        &self,
        name: &str,
        kind: Dtype,
        shape: &[usize],
    ) -> Result<&'static [u8], EncoderError> {
        let tensor = self.0.tensor(name)?;
        if tensor.dtype() != kind || tensor.shape() != shape {
            return Err(EncoderError::Tensor(name.to_owned()));
        }
        Ok(tensor.data())
    }

    fn floats(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, EncoderError> {
        let bytes = self.bytes(name, Dtype::F32, shape)?;
        let values = bytes.as_chunks::<4>().0.iter();
        Ok(values.map(|value| f32::from_le_bytes(*value)).collect())
    }

    fn norm(&self, name: &str) -> Result<Norm, EncoderError> {
        Ok(Norm {
            weight: self.floats(&format!("{name}.weight"), &[WIDTH])?,
            bias: self.floats(&format!("{name}.bias"), &[WIDTH])?,
        })
    }

    fn product(
        &self,
        integers: &GemmExecutor<u8, i8, i32>,
        name: &str,
        inputs: usize,
        outputs: usize,
    ) -> Result<Product, EncoderError> {
        let bytes = self.bytes(&format!("{name}.weight"), Dtype::I8, &[inputs, outputs])?;
        let weight: Vec<i8> = bytes.iter().map(|byte| byte.cast_signed()).collect();
        let column = |part: &str| self.floats(&format!("{name}.{part}"), &[outputs]);
        Ok(Product {
            weight: integers.prepack_b(NdTensorView::from_data([inputs, outputs], &weight[..])),
            inputs,
            outputs,
            scales: column("scales")?,
            sums: column("sums")?,
            bias: column("bias")?,
        })
    }

    /// A product in float of this name.
    pub fn dense(&self, name: &str, inputs: usize, outputs: usize) -> Result<Dense, EncoderError> {
        Ok(Dense {
            weight: self.floats(&format!("{name}.weight"), &[outputs, inputs])?,
            inputs,
            bias: self.floats(&format!("{name}.bias"), &[outputs])?,
        })
    }
}

impl Dense {
    /// One value for each output.
    pub fn apply(&self, x: &[f32]) -> impl Iterator<Item = f32> {
        let rows = self.weight.chunks_exact(self.inputs).zip(&self.bias);
        rows.map(|(row, bias)| dot(row, x) + bias)
    }
}

impl Encoder {
    /// Takes the encoder out of a file.
    pub fn new(tensors: &Tensors) -> Result<Self, EncoderError> {
        let integers = GemmExecutor::default();
        let vocabulary = tensors.0.tensor("words.scales")?.shape().iter().product();
        let layers = (0..LAYERS).map(|number| {
            let name = |part: &str| format!("layers.{number}.{part}");
            let product = |part: &str, inputs, outputs| {
                tensors.product(&integers, &name(part), inputs, outputs)
            };
            Ok(Layer {
                attention_in: product("attention.in", WIDTH, 3 * WIDTH)?,
                attention_out: product("attention.out", WIDTH, WIDTH)?,
                attention_norm: tensors.norm(&name("attention.norm"))?,
                up: product("up", WIDTH, 4 * WIDTH)?,
                down: product("down", 4 * WIDTH, WIDTH)?,
                norm: tensors.norm(&name("norm"))?,
            })
        });
        Ok(Self {
            layers: layers.collect::<Result<_, EncoderError>>()?,
            words: tensors.bytes("words.weight", Dtype::I8, &[vocabulary, WIDTH])?,
            word_scales: tensors.floats("words.scales", &[vocabulary])?,
            places: tensors.floats("places", &[LONGEST, WIDTH])?,
            kinds: tensors.floats("kinds", &[2, WIDTH])?,
            norm: tensors.norm("norm")?,
        })
    }
}
