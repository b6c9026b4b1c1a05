//! Convolutions of few channels that read their input upsampled by repeating pixels. Of the four
//! pixels that come from one pixel of the input, each sees 2 x 2 pixels of the input, for which the 9
//! weights of the kernel add up to 4: four convolutions of the input as it is, with 16
//! multiplications instead of 36.

use super::isa::for_each_isa;
use super::lines::Reader;
use super::threads::{self, Shared};
use super::{Job, gemm};

/// Places of the input that each phase sees.
pub const PLACES: usize = 4;
/// Pixels of the output that come from one pixel of the input.
pub const PHASES: usize = 4;
/// Lines of the input for which the output is computed at a time.
const LINES: usize = 4;

/// What a phase multiplies with each of the 2 x 2 pixels that it sees; `kernel`: 3 x 3. Phases and
/// pixels go along x first.
pub fn kernel_of_phase(kernel: &[f32; 9], phase: usize) -> [f32; PLACES] {
    // The kernel's lines (or columns) that fall on the first and on the second of two pixels.
    let parts = |phase: usize| if phase == 0 { [0..1, 1..3] } else { [0..2, 2..3] };
    let (down, right) = (parts(phase / 2), parts(phase % 2));
    std::array::from_fn(|place| {
        let lines = down[place / 2].clone();
        let columns = || right[place % 2].clone();
        lines.flat_map(|y| columns().map(move |x| kernel[3 * y + x])).sum()
    })
}

/// Writes `[batch, channels out, height, width]`.
pub fn convolve(job: &Job<'_>, output: &mut [f32]) {
    let input = job.input.before_upsampling();
    let [batch, _, height, _] = input.dims();
    let pieces = height.div_ceil(LINES);
    let output = Shared::new(output);
    threads::for_each(batch * pieces, |piece| {
        let (picture, from) = (piece / pieces, piece % pieces * LINES);
        write_lines(job.weights.isa, job, &input, picture, from, &output);
    });
}

for_each_isa! {
    fn write_lines = write_lines_body(
        job: &Job<'_>,
        input: &Reader<'_>,
        picture: usize,
        from: usize,
        output: &Shared<'_>,
    )
}

#[inline(always)]
fn write_lines_body<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    job: &Job<'_>,
    input: &Reader<'_>,
    picture: usize,
    from: usize,
    output: &Shared<'_>,
) {
    let [_, channels, height, width] = input.dims();
    let count = LINES.min(height - from);
    let padded = width.next_multiple_of(COLUMNS);
    // Blocks of columns at the end read beyond the border.
    let length = padded + 2;
    let mut lines = vec![0.0; (count + 2) * channels * length];
    for (index, line) in lines.chunks_exact_mut(length).enumerate() {
        let y = (from + index / channels) as isize - 1;
        input.bordered_line::<FMA>(picture, index % channels, y, 1, job.border, line);
    }
    let depth = channels * PLACES;
    // Where what each weight is multiplied with begins, in the first phase.
    let offsets: Vec<usize> = (0..depth)
        .map(|place| {
            let (channel, y, x) = (place / PLACES, place / 2 % 2, place % 2);
            (y * channels + channel) * length + x
        })
        .collect();
    let weights = &job.weights.values;
    let rows = weights.len() / (PHASES * depth);
    let mut sums = vec![0.0; rows * 2 * padded];
    let mut residual_line = vec![0.0; 2 * width];
    for line in 0..2 * count {
        for (right, weights) in
            weights.chunks_exact(depth * rows).skip(line % 2 * 2).take(2).enumerate()
        {
            // The first lines are those above the first pixel.
            let values = &lines[line.div_ceil(2) * channels * length + right..];
            for column in (0..width).step_by(COLUMNS) {
                for (block, weights) in weights.chunks_exact(depth * ROWS).enumerate() {
                    let values = &values[column..];
                    let found = gemm::block_at::<ROWS, COLUMNS, FMA>(weights, values, &offsets);
                    for (row, found) in found.iter().enumerate() {
                        let at = ((block * ROWS + row) * padded + column) * 2;
                        for (pair, found) in sums[at..].chunks_exact_mut(2).zip(found) {
                            pair[right] = *found;
                        }
                    }
                }
            }
        }
        for channel in 0..job.weights.channels_out {
            let sums = &sums[channel * 2 * padded..][..2 * width];
            let y = 2 * from + line;
            job.finish_line::<FMA>(picture, channel, y, sums, &mut residual_line, output);
        }
    }
}
