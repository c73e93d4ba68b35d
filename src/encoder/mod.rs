//! A transformer encoder (Devlin et al., "BERT", 2019) whose weights are 8-bit integers.
//!
//! Six layers of 384 values, as in all-MiniLM-L6-v2. The embedder and the reader have one each.
//! Products with weights multiply unsigned 8-bit inputs with signed 8-bit weights; an input has one
//! scale and one offset a token, found on the way (Yao et al., "`ZeroQuant`", 2022), so that a
//! token's codes depend on no other token. All else is in float. `scripts/encoder_file.py` describes
//! the file and computes the same.

mod kernels;
mod pass;
mod weights;

pub use pass::Pass;
pub use weights::{Dense, Encoder, EncoderError, Tensors};

/// Values of a token's state.
pub const WIDTH: usize = 384;
/// Most tokens of a text, special tokens included.
pub const LONGEST: usize = 256;

const LAYERS: usize = 6;
const HEADS: usize = 12;
