//! Scalar products of many rows with many others.

use burn_flex::FlexTensor;

use super::isa::{Isa, for_each_isa, multiply_add};
use super::{tensor, threads, values};

/// Values whose products are summed side by side.
pub const LANES: usize = 8;
/// Rows of both sides that are multiplied at a time: as many sums as registers hold.
/// How much of long rows is multiplied at a time, so that it stays near.
const STRETCH: usize = 1024;
const ROWS_A: usize = 4;
const ROWS_B: usize = 3;

/// `[places][rows of a][rows of b]`: at every place the products of each row of `a` with each of `b`.
///
/// `a`, `b`: `[rows][places][length]`; `sizes`: rows of both, and places. The length is a multiple of
/// [`LANES`].
pub fn of(a: &[f32], b: &[f32], [rows_a, rows_b, places]: [usize; 3]) -> Vec<f32> {
    let isa = Isa::best();
    let length = a.len() / (rows_a * places);
    let mut output = vec![0.0; places * rows_a * rows_b];
    // Few places are shared by few cores.
    let parts = match places {
        1 => rows_a.div_ceil(ROWS_A),
        _ => 1,
    };
    let rows_of_part = if parts == 1 { rows_a } else { ROWS_A };
    threads::for_each_piece(&mut output, rows_of_part * rows_b, |piece, output| {
        let (place, first) = (piece / parts, piece % parts * rows_of_part);
        multiply(isa, [a, b], [first, rows_a, rows_b], [place, places, length], output);
    });
    output
}

/// See [`gram`](crate::kernels::gram).
pub fn gram(rows: &FlexTensor) -> FlexTensor {
    let [count, length] = rows.layout().shape().dims();
    let rows = values(rows);
    let stretch = length.next_multiple_of(LANES).min(STRETCH);
    let places = length.div_ceil(stretch).max(1);
    let mut padded = vec![0.0; count * places * stretch];
    for (to, from) in padded.chunks_exact_mut(places * stretch).zip(rows.chunks_exact(length)) {
        to[..length].copy_from_slice(from);
    }
    let parts = of(&padded, &padded, [count, count, places]);
    let mut sum = vec![0.0; count * count];
    for part in parts.chunks_exact(count * count) {
        for (sum, part) in sum.iter_mut().zip(part) {
            *sum += part;
        }
    }
    tensor(sum, [count, count])
}

for_each_isa! {
    fn multiply = multiply_body(
        sides: [&[f32]; 2], rows: [usize; 3], place: [usize; 3], output: &mut [f32],
    )
}

/// `output`: the rows of `a` from `first` on, as many as it has room for.
#[inline(always)]
fn multiply_body<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    [a, b]: [&[f32]; 2],
    [first, rows_a, rows_b]: [usize; 3],
    at @ [_, _, length]: [usize; 3],
    output: &mut [f32],
) {
    let count = length / LANES;
    for (block, output) in output.chunks_mut(ROWS_A * rows_b).enumerate() {
        let from = first + block * ROWS_A;
        // Rows beyond the last are computed but not stored.
        let a: [&[[f32; LANES]]; ROWS_A] =
            std::array::from_fn(|index| &row(a, (from + index).min(rows_a - 1), at)[..count]);
        for from in (0..rows_b).step_by(ROWS_B) {
            let b: [&[[f32; LANES]]; ROWS_B] =
                std::array::from_fn(|index| &row(b, (from + index).min(rows_b - 1), at)[..count]);
            let mut sums = [[[0f32; LANES]; ROWS_B]; ROWS_A];
            for index in 0..count {
                for i in 0..ROWS_A {
                    for j in 0..ROWS_B {
                        for lane in 0..LANES {
                            sums[i][j][lane] = multiply_add::<FMA>(
                                a[i][index][lane],
                                b[j][index][lane],
                                sums[i][j][lane],
                            );
                        }
                    }
                }
            }
            for (output, sums) in output.chunks_exact_mut(rows_b).zip(&sums) {
                for (output, sums) in output[from..].iter_mut().zip(sums) {
                    *output = sums.iter().sum();
                }
            }
        }
    }
}

/// A row of a side at a place.
#[inline(always)]
fn row(side: &[f32], index: usize, [place, places, length]: [usize; 3]) -> &[[f32; LANES]] {
    side[(index * places + place) * length..][..length].as_chunks().0
}
