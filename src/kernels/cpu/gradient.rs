//! Gradients of convolutions.

use burn::backend::{Flex, tensor::FloatTensor};
use burn_flex::FlexTensor;

use super::isa::{Isa, for_each_isa, multiply_add};
use super::lines::Reader;
use super::winograd::{G, Grid, PLACES, SIDE, TILE, read_channel_body, split};
use super::{activation, convolve, pack, products, tensor, threads};
use crate::kernels::autodiff::Gradients;
use crate::kernels::{Border, Reading, Spec};

impl Gradients for Flex {
    fn relu_gradient(output: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        activation::relu(gradient, &output.to_contiguous())
    }

    fn weight_gradient(
        input: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        border: Border,
    ) -> FloatTensor<Self> {
        let [.., kernel, _] = weight.layout().shape().dims::<4>();
        weight_gradient(&input.to_contiguous(), &gradient.to_contiguous(), kernel, border)
    }

    fn input_gradient(gradient: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let weights = pack::Weights::of(&weight, pack::Way::Backward);
        let gradient = gradient.to_contiguous();
        let input = Reader::new(&gradient, None, Reading::default());
        convolve(&input, &weights, None, None, Spec::plain(Border::Zero, false))
    }
}

fn weight_gradient(
    input: &FlexTensor,
    gradient: &FlexTensor,
    kernel: usize,
    border: Border,
) -> FlexTensor {
    let input = Reader::new(input, None, Reading::default());
    let gradient = Reader::new(gradient, None, Reading::default());
    let ([_, channels_in, ..], [_, channels_out, ..]) = (input.dims(), gradient.dims());
    let found = match kernel {
        1 => products::of(&rows(&gradient), &rows(&input), [channels_out, channels_in, 1]),
        _ => weight_gradient_3(&input, &gradient, border),
    };
    tensor(found, [channels_out, channels_in, kernel, kernel])
}

/// All pixels of a channel in a row, and zeros after them.
fn rows(features: &Reader<'_>) -> Vec<f32> {
    let [batch, channels, height, width] = features.dims();
    let length = (batch * height * width).next_multiple_of(products::LANES);
    let mut rows = vec![0.0; channels * length];
    threads::for_each_piece(&mut rows, length, |channel, row| {
        for (index, line) in row.chunks_exact_mut(width).take(batch * height).enumerate() {
            features.line::<false>(index / height, channel, index % height, line);
        }
    });
    rows
}

/// The gradient of the weights, `[channels out][channels in][3][3]`, by Winograd's algorithm: for an input
/// tile d and the gradient g of the output's tile, `Gᵀ [(Bᵀ d B) ⊙ (A g Aᵀ)] G`, summed over all tiles before
/// the last step.
fn weight_gradient_3(input: &Reader<'_>, gradient: &Reader<'_>, border: Border) -> Vec<f32> {
    let [batch, channels_in, height, width] = input.dims();
    let [_, channels_out, ..] = gradient.dims();
    let (columns, rows) = (width.div_ceil(TILE), height.div_ceil(TILE));
    let count = batch * rows;
    let padded = (count * columns).next_multiple_of(products::LANES);
    let grid = Grid { columns, rows, from: 0, count, padded };
    let isa = Isa::best();
    // Zeros after the last tile.
    let mut tiles = vec![0.0; channels_in * PLACES * padded];
    threads::for_each_piece(&mut tiles, PLACES * padded, |channel, one| {
        read_channel(isa, input, channel, border, grid, one, &mut vec![0.0; TILE * (columns + 1)]);
    });
    let mut gradients = vec![0.0; channels_out * PLACES * padded];
    threads::for_each_piece(&mut gradients, PLACES * padded, |channel, one| {
        read_gradient(isa, gradient, channel, grid, one, &mut vec![0.0; TILE * columns]);
    });
    let found = products::of(&gradients, &tiles, [channels_out, channels_in, PLACES]);
    let mut output = vec![0.0; channels_out * channels_in * 9];
    threads::for_each_piece(&mut output, 9, |pair, kernel| {
        let places = std::array::from_fn(|place| found[place * channels_out * channels_in + pair]);
        kernel.copy_from_slice(&kernel_gradient(places));
    });
    output
}

for_each_isa! {
    fn read_channel = read_channel_body(
        input: &Reader<'_>, channel: usize, border: Border, grid: Grid, one: &mut [f32],
        line: &mut [f32],
    )
}

for_each_isa! {
    fn read_gradient = read_gradient_body(
        gradient: &Reader<'_>, channel: usize, grid: Grid, one: &mut [f32], line: &mut [f32],
    )
}

/// As [`read_channel_body`], of the tiles of an output's gradient, which do not overlap.
#[inline(always)]
fn read_gradient_body<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    gradient: &Reader<'_>,
    channel: usize,
    grid: Grid,
    one: &mut [f32],
    line: &mut [f32],
) {
    let [.., height, _] = gradient.dims();
    let Grid { columns, padded, .. } = grid;
    for row in 0..grid.count {
        let (picture, y) = grid.place(row);
        for index in 0..TILE.min(height - TILE * y) {
            // What follows the line stays zero.
            gradient.line::<FMA>(picture, channel, TILE * y + index, line);
            let [p0, p1, p2, p3] = split::<TILE>(&mut one[index * SIDE * padded..], padded)
                .map(|values| &mut values[row * columns..][..columns]);
            let (values, _) = line.as_chunks::<TILE>();
            let places = p0.iter_mut().zip(p1).zip(p2).zip(p3);
            for ((((p0, p1), p2), p3), values) in places.zip(values) {
                [*p0, *p1, *p2, *p3] = *values;
            }
        }
    }
    for lines in one.chunks_exact_mut(SIDE * padded).take(TILE) {
        transform_all_back::<FMA>(split(lines, padded));
    }
    for x in 0..SIDE {
        let lines = split::<SIDE>(one, SIDE * padded);
        transform_all_back::<FMA>(lines.map(|line| &mut line[x * padded..][..padded]));
    }
}

/// [`transform_back`] of many tiles, in place: from the first four to all six.
#[inline(always)]
fn transform_all_back<const FMA: bool>([d0, d1, d2, d3, d4, d5]: [&mut [f32]; SIDE]) {
    let places = d0.iter_mut().zip(d1).zip(d2).zip(d3).zip(d4).zip(d5);
    for (((((d0, d1), d2), d3), d4), d5) in places {
        [*d0, *d1, *d2, *d3, *d4, *d5] = transform_back::<FMA>([*d0, *d1, *d2, *d3]);
    }
}

/// `A d`, for four gradients of outputs: what takes products to outputs, the other way round.
#[inline(always)]
fn transform_back<const FMA: bool>([d0, d1, d2, d3]: [f32; TILE]) -> [f32; SIDE] {
    let ma = multiply_add::<FMA>;
    let (even, odd) = (d0 + d2, d1 + d3);
    let (even_2, odd_2) = (ma(4.0, d2, d0), 2.0 * ma(4.0, d3, d1));
    [d0, even + odd, even - odd, even_2 + odd_2, even_2 - odd_2, d3]
}

/// `Gᵀ m G`: from the products of tiles the gradient of a kernel.
fn kernel_gradient(products: [f32; PLACES]) -> [f32; 9] {
    let half: [[f64; SIDE]; 3] = std::array::from_fn(|row| {
        std::array::from_fn(|x| {
            (0..SIDE).map(|y| G[y][row] * f64::from(products[y * SIDE + x])).sum()
        })
    });
    std::array::from_fn(|place| {
        let half = &half[place / 3];
        (0..SIDE).map(|x| half[x] * G[x][place % 3]).sum::<f64>() as f32
    })
}
