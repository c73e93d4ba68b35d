//! What is done to rows between the products, in the vector instructions of the machine at hand.

#![expect(
    clippy::inline_always,
    reason = "what is not inlined does not get the instructions that were asked for"
)]

use rten_simd::ops::{BitOps as _, FloatOps as _, NarrowSaturate as _, NumOps as _, ToFloat as _};
use rten_simd::{Isa, Simd as _, SimdOp, SimdUnaryOp as _};
use rten_vecmath::{Gelu, Softmax};

use super::WIDTH;
use super::weights::{Norm, Product};

/// The largest code of an input; see `scripts/encoder_file.py`.
const LARGEST_CODE: f32 = 181.0;
/// Added to a variance before its root is taken.
const EPSILON: f32 = 1e-12;

/// Rows of unsigned 8-bit codes.
#[derive(Default)]
pub(super) struct Codes {
    pub(super) codes: Vec<u8>,
    offsets: Vec<Offset>,
}

/// A code c of a row stands for `scale * c + lowest`.
#[derive(Clone, Copy, Default)]
struct Offset {
    scale: f32,
    lowest: f32,
}

impl Codes {
    pub(super) fn resize(&mut self, rows: usize, width: usize) {
        self.codes.resize(rows * width, 0);
        self.offsets.resize(rows, Offset::default());
    }
}

/// Codes of rows of `width` values.
pub(super) struct Quantise<'a> {
    pub(super) rows: &'a [f32],
    pub(super) width: usize,
    pub(super) to: &'a mut Codes,
}

/// Integer products as floats.
pub(super) struct Finish<'a> {
    pub(super) sums: &'a [i32],
    pub(super) from: &'a Codes,
    pub(super) product: &'a Product,
    pub(super) to: &'a mut [f32],
}

/// Integer products, GELU (Hendrycks and Gimpel, 2016), codes.
pub(super) struct FinishGelu<'a> {
    pub(super) sums: &'a [i32],
    pub(super) from: &'a Codes,
    pub(super) product: &'a Product,
    pub(super) to: &'a mut Codes,
}

/// Integer products added to the states, which are normalised; their codes.
pub(super) struct FinishNormalised<'a> {
    pub(super) sums: &'a [i32],
    pub(super) from: &'a Codes,
    pub(super) product: &'a Product,
    pub(super) norm: &'a Norm,
    pub(super) states: &'a mut [f32],
    pub(super) to: &'a mut Codes,
}

/// States normalised, and their codes.
pub(super) struct Normalise<'a> {
    pub(super) norm: &'a Norm,
    pub(super) states: &'a mut [f32],
    pub(super) to: &'a mut Codes,
}

/// The softmax of each row of `width` values.
pub(super) struct SoftmaxRows<'a> {
    pub(super) rows: &'a mut [f32],
    pub(super) width: usize,
}

impl SimdOp for Quantise<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) {
        let Codes { codes, offsets } = self.to;
        let rows = self.rows.chunks_exact(self.width);
        let to = codes.chunks_exact_mut(self.width).zip(offsets);
        for (row, (codes, offset)) in rows.zip(to) {
            *offset = quantised(isa, row, codes);
        }
    }
}

impl SimdOp for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) {
        let width = self.product.outputs;
        let from = self.sums.chunks_exact(width).zip(&self.from.offsets);
        for ((sums, offset), row) in from.zip(self.to.chunks_exact_mut(width)) {
            finished(isa, sums, *offset, self.product, row, |_, value| value);
        }
    }
}

impl SimdOp for FinishGelu<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) {
        let width = self.product.outputs;
        let mut row = vec![0.0; width];
        let Codes { codes, offsets } = self.to;
        let from = self.sums.chunks_exact(width).zip(&self.from.offsets);
        let to = codes.chunks_exact_mut(width).zip(offsets);
        for ((sums, from), (codes, offset)) in from.zip(to) {
            finished(
                isa,
                sums,
                *from,
                self.product,
                &mut row,
                #[inline(always)]
                |_, value| Gelu {}.eval(isa, value),
            );
            *offset = quantised(isa, &row, codes);
        }
    }
}

impl SimdOp for FinishNormalised<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) {
        let ops = isa.f32();
        let Codes { codes, offsets } = self.to;
        let from = self.sums.chunks_exact(WIDTH).zip(&self.from.offsets);
        let to = codes.chunks_exact_mut(WIDTH).zip(offsets);
        let states = self.states.chunks_exact_mut(WIDTH);
        for (((sums, from), state), (codes, offset)) in from.zip(states).zip(to) {
            finished(
                isa,
                sums,
                *from,
                self.product,
                state,
                #[inline(always)]
                |before, value| ops.add(before, value),
            );
            normalised(isa, state, self.norm);
            *offset = quantised(isa, state, codes);
        }
    }
}

impl SimdOp for Normalise<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) {
        let Codes { codes, offsets } = self.to;
        let to = codes.chunks_exact_mut(WIDTH).zip(offsets);
        for (state, (codes, offset)) in self.states.chunks_exact_mut(WIDTH).zip(to) {
            normalised(isa, state, self.norm);
            *offset = quantised(isa, state, codes);
        }
    }
}

impl SimdOp for SoftmaxRows<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) {
        for row in self.rows.chunks_exact_mut(self.width) {
            Softmax::new_mut(row).eval(isa);
        }
    }
}

/// Codes of one row, whose length is a multiple of four vectors: 0 lies between the lowest and the
/// highest value.
#[inline(always)]
fn quantised<I: Isa>(isa: I, row: &[f32], codes: &mut [u8]) -> Offset {
    let (ops, whole) = (isa.f32(), isa.i32());
    let mut bounds = (ops.zero(), ops.zero());
    for values in row.chunks_exact(ops.len()) {
        let values = ops.load(values);
        bounds = (ops.min(bounds.0, values), ops.max(bounds.1, values));
    }
    let lowest = bounds
        .0
        .to_array()
        .as_ref()
        .iter()
        .copied()
        .fold(0.0, f32::min);
    let highest = bounds
        .1
        .to_array()
        .as_ref()
        .iter()
        .copied()
        .fold(0.0, f32::max);
    let span = (highest - lowest).max(1e-9);
    let scale = LARGEST_CODE / span;
    // What is behind the point is dropped, so that adding a half rounds.
    let (scales, halves) = (ops.splat(scale), ops.splat(0.5 - lowest * scale));
    let four = 4 * ops.len();
    for (values, codes) in row.chunks_exact(four).zip(codes.chunks_exact_mut(four)) {
        let code = ops.load_many::<4>(values).map(
            #[inline(always)]
            |value| ops.to_int_trunc(ops.mul_add(value, scales, halves)),
        );
        let low = whole.narrow_saturate(code[0], code[1]);
        let high = whole.narrow_saturate(code[2], code[3]);
        isa.u8().store(isa.i16().narrow_saturate(low, high), codes);
    }
    Offset {
        scale: span / LARGEST_CODE,
        lowest,
    }
}

/// One row of a product out of its integers; `then` takes what was in the row and what comes.
#[inline(always)]
fn finished<I: Isa>(
    isa: I,
    sums: &[i32],
    offset: Offset,
    product: &Product,
    row: &mut [f32],
    then: impl Fn(I::F32, I::F32) -> I::F32,
) {
    let (ops, whole) = (isa.f32(), isa.i32());
    let (scale, lowest) = (ops.splat(offset.scale), ops.splat(offset.lowest));
    let length = ops.len();
    let columns = product
        .scales
        .chunks_exact(length)
        .zip(product.sums.chunks_exact(length));
    let columns = columns.zip(product.bias.chunks_exact(length));
    let values = sums.chunks_exact(length).zip(row.chunks_exact_mut(length));
    for ((sums, row), ((scales, offsets), bias)) in values.zip(columns) {
        let sum = whole.to_float(whole.load(sums));
        let value = ops.mul(ops.mul(sum, ops.load(scales)), scale);
        let value = ops.add(
            ops.mul_add(lowest, ops.load(offsets), value),
            ops.load(bias),
        );
        ops.store(then(ops.load(row), value), row);
    }
}

/// Layer normalisation (Ba, Kiros and Hinton, 2016) of one state.
#[inline(always)]
fn normalised<I: Isa>(isa: I, state: &mut [f32], norm: &Norm) {
    let ops = isa.f32();
    let count = state.len() as f32;
    let mut sum = ops.zero();
    for values in state.chunks_exact(ops.len()) {
        sum = ops.add(sum, ops.load(values));
    }
    let mean = ops.splat(ops.sum(sum) / count);
    let mut squares = ops.zero();
    for values in state.chunks_exact(ops.len()) {
        let centred = ops.sub(ops.load(values), mean);
        squares = ops.mul_add(centred, centred, squares);
    }
    let scale = ops.splat((ops.sum(squares) / count + EPSILON).sqrt().recip());
    let parts = norm
        .weight
        .chunks_exact(ops.len())
        .zip(norm.bias.chunks_exact(ops.len()));
    for (values, (weight, bias)) in state.chunks_exact_mut(ops.len()).zip(parts) {
        let centred = ops.mul(ops.sub(ops.load(values), mean), scale);
        ops.store(
            ops.mul_add(centred, ops.load(weight), ops.load(bias)),
            values,
        );
    }
}
