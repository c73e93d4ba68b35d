//! One text through the encoder.

use std::sync::Arc;

use rten::ThreadPool;
use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions};
use rten_simd::SimdOp as _;
use rten_tensor::{Matrix, NdTensorView};

use super::kernels::{
    Codes, Finish, FinishGelu, FinishNormalised, Normalise, Quantise, SoftmaxRows,
};
use super::weights::{Layer, Product};
use super::{Encoder, HEADS, LONGEST, WIDTH};

/// Values of a head.
const HEAD: usize = WIDTH / HEADS;

/// One worker's room for a pass, which is used again and again.
pub struct Pass {
    pool: Arc<ThreadPool>,
    room: Room,
}

#[derive(Default)]
struct Room {
    states: Vec<f32>,
    state_codes: Codes,
    /// Queries, keys and values of each token.
    attending: Vec<f32>,
    /// Weights of all tokens for each token, under one head, and what comes of it.
    weights: Vec<f32>,
    head: Vec<f32>,
    attended: Vec<f32>,
    attended_codes: Codes,
    wide_codes: Codes,
    /// Integers of a product.
    sums: Vec<i32>,
}

impl Pass {
    /// A pass runs on one thread: two texts on two cores are far faster than one text on both.
    pub fn new() -> Self {
        Self {
            pool: Arc::new(ThreadPool::with_num_threads(1)),
            room: Room::default(),
        }
    }

    /// The thread that a pass runs on, for a network of another kind.
    pub fn pool(&self) -> &Arc<ThreadPool> {
        &self.pool
    }

    /// The states of `tokens`, row by row: [`WIDTH`] values each. The tokens from `second` on are of
    /// the second kind: the second of two texts.
    ///
    /// # Panics
    /// When there are no tokens, more than [`LONGEST`], or one that the vocabulary lacks.
    pub fn run(&mut self, encoder: &Encoder, tokens: &[u32], second: usize) -> &[f32] {
        assert!(
            (1..=LONGEST).contains(&tokens.len()),
            "{} tokens",
            tokens.len()
        );
        let room = &mut self.room;
        let run = || {
            let forward = Forward {
                encoder,
                integers: GemmExecutor::default(),
                floats: GemmExecutor::default(),
            };
            forward.run(tokens, second, room);
        };
        self.pool.run(run);
        &self.room.states
    }
}

impl Default for Pass {
    fn default() -> Self {
        Self::new()
    }
}

impl Room {
    fn resize(&mut self, count: usize) {
        self.states.resize(count * WIDTH, 0.0);
        self.state_codes.resize(count, WIDTH);
        self.attending.resize(count * 3 * WIDTH, 0.0);
        self.weights.resize(count * count, 0.0);
        self.head.resize(count * HEAD, 0.0);
        self.attended.resize(count * WIDTH, 0.0);
        self.attended_codes.resize(count, WIDTH);
        self.wide_codes.resize(count, 4 * WIDTH);
    }
}

/// A pass under way.
struct Forward<'a> {
    encoder: &'a Encoder,
    integers: GemmExecutor<u8, i8, i32>,
    floats: GemmExecutor,
}

impl Forward<'_> {
    fn run(&self, tokens: &[u32], second: usize, room: &mut Room) {
        let encoder = self.encoder;
        room.resize(tokens.len());
        self.embed(tokens, second, &mut room.states);
        Normalise {
            norm: &encoder.norm,
            states: &mut room.states,
            to: &mut room.state_codes,
        }
        .dispatch();
        for layer in &encoder.layers {
            self.attention(layer, room);
            self.feed_forward(layer, room);
        }
    }

    /// The vectors of word, place and kind, added.
    fn embed(&self, tokens: &[u32], second: usize, states: &mut [f32]) {
        let encoder = self.encoder;
        let rows = states.chunks_exact_mut(WIDTH).zip(tokens);
        let rows = rows.zip(encoder.places.chunks_exact(WIDTH)).enumerate();
        let (first_kind, second_kind) = encoder.kinds.split_at(WIDTH);
        for (at, ((state, token), place)) in rows {
            let token = *token as usize;
            let word = &encoder.words[token * WIDTH..(token + 1) * WIDTH];
            let scale = encoder.word_scales[token];
            let kind = if at < second { first_kind } else { second_kind };
            let parts = word.iter().zip(place).zip(kind);
            for (value, ((code, place), kind)) in state.iter_mut().zip(parts) {
                *value = f32::from(code.cast_signed()) * scale + place + kind;
            }
        }
    }

    fn attention(&self, layer: &Layer, room: &mut Room) {
        self.multiply(&layer.attention_in, &room.state_codes, &mut room.sums);
        Finish {
            sums: &room.sums,
            from: &room.state_codes,
            product: &layer.attention_in,
            to: &mut room.attending,
        }
        .dispatch();
        for head in 0..HEADS {
            self.attend(head, room);
        }
        Quantise {
            rows: &room.attended,
            width: WIDTH,
            to: &mut room.attended_codes,
        }
        .dispatch();
        let product = &layer.attention_out;
        self.multiply(product, &room.attended_codes, &mut room.sums);
        FinishNormalised {
            sums: &room.sums,
            from: &room.attended_codes,
            product,
            norm: &layer.attention_norm,
            states: &mut room.states,
            to: &mut room.state_codes,
        }
        .dispatch();
    }

    /// One head of the attention of all tokens to all (Vaswani et al., 2017).
    fn attend(&self, head: usize, room: &mut Room) {
        let count = room.head.len() / HEAD;
        let attending = NdTensorView::from_data([count, 3 * WIDTH], &room.attending[..]);
        let columns = |third: usize| {
            let first = third * WIDTH + head * HEAD;
            attending.slice((.., first..first + HEAD))
        };
        let (queries, keys, values) = (columns(0), columns(1), columns(2));
        let keys = GemmInputB::Unpacked(keys.transposed());
        self.multiply_floats(queries, keys, &mut room.weights);
        SoftmaxRows {
            rows: &mut room.weights,
            width: count,
        }
        .dispatch();
        let weights = NdTensorView::from_data([count, count], &room.weights[..]);
        self.multiply_floats(weights, GemmInputB::Unpacked(values), &mut room.head);
        let rows = room.attended.chunks_exact_mut(WIDTH);
        for (row, values) in rows.zip(room.head.chunks_exact(HEAD)) {
            row[head * HEAD..(head + 1) * HEAD].copy_from_slice(values);
        }
    }

    fn feed_forward(&self, layer: &Layer, room: &mut Room) {
        self.multiply(&layer.up, &room.state_codes, &mut room.sums);
        FinishGelu {
            sums: &room.sums,
            from: &room.state_codes,
            product: &layer.up,
            to: &mut room.wide_codes,
        }
        .dispatch();
        self.multiply(&layer.down, &room.wide_codes, &mut room.sums);
        FinishNormalised {
            sums: &room.sums,
            from: &room.wide_codes,
            product: &layer.down,
            norm: &layer.norm,
            states: &mut room.states,
            to: &mut room.state_codes,
        }
        .dispatch();
    }

    fn multiply(&self, product: &Product, codes: &Codes, sums: &mut Vec<i32>) {
        let count = codes.codes.len() / product.inputs;
        sums.resize(count * product.outputs, 0);
        let codes = NdTensorView::from_data([count, product.inputs], &codes.codes[..]);
        self.integers
            .gemm(
                sums,
                GemmInputA::Unpacked(codes),
                GemmInputB::Packed(&product.weight),
                GemmOptions::default(),
            )
            .expect("the shapes were checked when the weights were read");
    }

    fn multiply_floats(&self, a: Matrix<'_>, b: GemmInputB<'_, f32>, to: &mut [f32]) {
        self.floats
            .gemm(to, GemmInputA::Unpacked(a), b, GemmOptions::default())
            .expect("queries, keys and values have one shape");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::Tensors;

    static FILE: &[u8] = include_bytes!("../../data/embedder/model.safetensors");

    #[test]
    fn a_state_depends_on_place_and_kind_and_not_on_what_ran_before() {
        let encoder = Encoder::new(&Tensors::open(FILE).unwrap()).unwrap();
        let mut pass = Pass::new();
        let tokens = [101, 2129, 2079, 1045, 102];
        let alone = pass.run(&encoder, &tokens, 5).to_vec();
        assert_eq!(alone.len(), 5 * WIDTH);
        let long: Vec<u32> = (0..LONGEST as u32).map(|at| 1000 + at).collect();
        assert_eq!(pass.run(&encoder, &long, 9).len(), LONGEST * WIDTH);
        assert_eq!(pass.run(&encoder, &tokens, 5), alone);
        assert_ne!(pass.run(&encoder, &tokens, 2), alone);
        assert_ne!(pass.run(&encoder, &[101, 1045, 2079, 2129, 102], 5), alone);
    }
}
