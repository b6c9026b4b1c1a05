//! Convolutions of any kernel by summing products in place, without a copy of the input for every
//! place of the kernel.

use super::isa::for_each_isa;
use super::threads::{self, Shared};
use super::{Job, gemm};

/// Lines of the output that are computed from one set of input lines.
const LINES: usize = 8;

/// Writes `[batch, channels out, height, width]`.
pub fn convolve(job: &Job<'_>, output: &mut [f32]) {
    let [batch, _, height, _] = job.input.dims();
    let pieces = height.div_ceil(LINES);
    let output = Shared::new(output);
    threads::for_each(batch * pieces, |piece| {
        write_lines(job.weights.isa, job, piece / pieces, piece % pieces * LINES, &output);
    });
}

for_each_isa! {
    fn write_lines = write_lines_body(job: &Job<'_>, picture: usize, from: usize, output: &Shared<'_>)
}

#[inline(always)]
fn write_lines_body<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    job: &Job<'_>,
    picture: usize,
    from: usize,
    output: &Shared<'_>,
) {
    let [_, channels, height, width] = job.input.dims();
    let weights = job.weights;
    let (kernel, reach) = (weights.kernel, weights.kernel / 2);
    let count = LINES.min(height - from);
    let padded = width.next_multiple_of(COLUMNS);
    // Blocks of columns at the end read beyond the border.
    let length = padded + 2 * reach;
    let mut lines = vec![0.0; (count + 2 * reach) * channels * length];
    for (index, line) in lines.chunks_exact_mut(length).enumerate() {
        let y = (from + index / channels) as isize - reach as isize;
        let channel = index % channels;
        job.input.bordered_line::<FMA>(picture, channel, y, reach, job.border, line);
    }
    let depth = channels * kernel * kernel;
    // Where what each weight is multiplied with begins.
    let offsets: Vec<usize> = (0..depth)
        .map(|place| {
            let (channel, y, x) =
                (place / (kernel * kernel), place / kernel % kernel, place % kernel);
            (y * channels + channel) * length + x
        })
        .collect();
    let mut sums = vec![0.0; weights.values.len() / depth * padded];
    let mut residual_line = vec![0.0; width];
    for line in 0..count {
        for column in (0..width).step_by(COLUMNS) {
            let values = &lines[line * channels * length + column..];
            for (block, weights) in weights.values.chunks_exact(depth * ROWS).enumerate() {
                let found = gemm::block_at::<ROWS, COLUMNS, FMA>(weights, values, &offsets);
                for (row, found) in found.iter().enumerate() {
                    let at = (block * ROWS + row) * padded + column;
                    sums[at..at + COLUMNS].copy_from_slice(found);
                }
            }
        }
        for channel in 0..weights.channels_out {
            let sums = &sums[channel * padded..][..width];
            let y = from + line;
            job.finish_line::<FMA>(picture, channel, y, sums, &mut residual_line, output);
        }
    }
}
