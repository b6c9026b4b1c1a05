//! Gradients of convolutions.

use burn::backend::{Flex, tensor::FloatTensor};
use burn_flex::FlexTensor;

use super::isa::{Isa, for_each_isa, multiply_add};
use super::lines::Reader;
use super::{convolve, pack, tensor, threads, values};
use crate::kernels::autodiff::Gradients;
use crate::kernels::{Border, Reading, Spec};

/// Pixels whose products are summed side by side.
const LANES: usize = 8;
/// Channels of the output's gradient that share what is read of the input.
const GROUP: usize = 4;

impl Gradients for Flex {
    fn relu_gradient(output: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let (output, mut gradient) = (output.to_contiguous(), gradient.to_contiguous());
        let output = values(&output);
        // A fresh copy where others hold the gradient too.
        let size = (output.len() / (8 * threads::count())).max(1 << 14);
        let all = gradient.storage_mut::<f32>();
        threads::for_each_piece(all, size, |piece, gradient| {
            for (gradient, &output) in gradient.iter_mut().zip(&output[piece * size..]) {
                *gradient = if output > 0.0 { *gradient } else { 0.0 };
            }
        });
        gradient
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
        let weights = pack::Weights::of(&weight, pack::Direction::Backward);
        let gradient = gradient.to_contiguous();
        let reading = Reading::default();
        let spec = Spec { border: Border::Zero, relu: false, input: reading, residual: None };
        convolve(&Reader::new(&gradient, &gradient, reading), &weights, None, None, spec)
    }
}

fn weight_gradient(
    input: &FlexTensor,
    gradient: &FlexTensor,
    kernel: usize,
    border: Border,
) -> FlexTensor {
    let input = Reader::new(input, input, Reading::default());
    let gradient = Reader::new(gradient, gradient, Reading::default());
    let [batch, channels_in, height, width] = input.dims();
    let [_, channels_out, ..] = gradient.dims();
    let reach = kernel / 2;
    let isa = Isa::best();
    let shape = [channels_out, channels_in, kernel, kernel];
    let mut output = vec![0f32; shape.iter().product()];
    // Zeros after the end of lines, so that whole lanes can be read.
    let length = width.next_multiple_of(LANES);
    let input_length = length + 2 * reach;
    let mut lines = vec![0.0; channels_in * (height + 2 * reach) * input_length];
    let mut gradients = vec![0.0; channels_out.next_multiple_of(GROUP) * height * length];
    for picture in 0..batch {
        threads::for_each_piece(
            &mut lines,
            (height + 2 * reach) * input_length,
            |channel, lines| {
                for (y, line) in lines.chunks_exact_mut(input_length).enumerate() {
                    let y = y as isize - reach as isize;
                    input.bordered_line::<false>(picture, channel, y, reach, border, line);
                }
            },
        );
        threads::for_each_piece(&mut gradients, height * length, |channel, lines| {
            if channel < channels_out {
                for (y, line) in lines.chunks_exact_mut(length).enumerate() {
                    gradient.line::<false>(picture, channel, y, line);
                }
            }
        });
        let size = GROUP * channels_in * kernel * kernel;
        threads::for_each_piece(&mut output, size, |group, output| {
            let gradients =
                &gradients[group * GROUP * height * length..][..GROUP * height * length];
            match kernel {
                1 => {
                    group_gradient_1(isa, &lines, gradients, [channels_in, height, length], output)
                }
                _ => {
                    group_gradient_3(isa, &lines, gradients, [channels_in, height, length], output)
                }
            }
        });
    }
    tensor(output, shape)
}

for_each_isa! {
    fn group_gradient_1 = group_gradient_1_body(
        lines: &[f32], gradients: &[f32], sizes: [usize; 3], output: &mut [f32],
    )
}

for_each_isa! {
    fn group_gradient_3 = group_gradient_3_body(
        lines: &[f32], gradients: &[f32], sizes: [usize; 3], output: &mut [f32],
    )
}

#[inline(always)]
fn group_gradient_1_body<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    lines: &[f32],
    gradients: &[f32],
    sizes: [usize; 3],
    output: &mut [f32],
) {
    group_gradient::<1, FMA>(lines, gradients, sizes, output);
}

#[inline(always)]
fn group_gradient_3_body<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    lines: &[f32],
    gradients: &[f32],
    sizes: [usize; 3],
    output: &mut [f32],
) {
    group_gradient::<3, FMA>(lines, gradients, sizes, output);
}

/// Adds to `output`, `[channels of the group][channels in][KERNEL][KERNEL]`, of which the last
/// channels may be missing. `lines`: `[channels in][height + KERNEL - 1][length + KERNEL - 1]`;
/// `gradients`: `[GROUP][height][length]`.
#[inline(always)]
fn group_gradient<const KERNEL: usize, const FMA: bool>(
    lines: &[f32],
    gradients: &[f32],
    [channels, height, length]: [usize; 3],
    output: &mut [f32],
) {
    let input_length = length + KERNEL - 1;
    for channel in 0..channels {
        let lines = &lines[channel * (height + KERNEL - 1) * input_length..];
        for y in 0..KERNEL {
            let mut sums = [[[0f32; LANES]; KERNEL]; GROUP];
            for line in 0..height {
                let input = &lines[(line + y) * input_length..][..input_length];
                for column in (0..length).step_by(LANES) {
                    let gradients: [&[f32; LANES]; GROUP] = std::array::from_fn(|group| {
                        gradients[(group * height + line) * length + column..]
                            .first_chunk()
                            .expect("lines are whole lanes")
                    });
                    for x in 0..KERNEL {
                        let input: &[f32; LANES] =
                            input[column + x..].first_chunk().expect("lines are whole lanes");
                        for group in 0..GROUP {
                            for lane in 0..LANES {
                                sums[group][x][lane] = multiply_add::<FMA>(
                                    gradients[group][lane],
                                    input[lane],
                                    sums[group][x][lane],
                                );
                            }
                        }
                    }
                }
            }
            for (group, sums) in sums.iter().enumerate() {
                for (x, sums) in sums.iter().enumerate() {
                    let at = ((group * channels + channel) * KERNEL + y) * KERNEL + x;
                    if let Some(to) = output.get_mut(at) {
                        *to += sums.iter().sum::<f32>();
                    }
                }
            }
        }
    }
}
