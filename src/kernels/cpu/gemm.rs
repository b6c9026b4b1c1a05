//! The innermost loops: blocks of sums that stay in registers.

use super::isa::multiply_add;

/// `ROWS x COLUMNS` sums over `depth` products. `a`: `[depth][ROWS]`; `b`: `[depth][COLUMNS]`.
#[inline(always)]
pub fn block<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    a: &[f32],
    b: &[f32],
    mut sums: [[f32; COLUMNS]; ROWS],
) -> [[f32; COLUMNS]; ROWS] {
    let (a, _) = a.as_chunks::<ROWS>();
    let (b, _) = b.as_chunks::<COLUMNS>();
    for (a, b) in a.iter().zip(b) {
        for row in 0..ROWS {
            for column in 0..COLUMNS {
                sums[row][column] = multiply_add::<FMA>(a[row], b[column], sums[row][column]);
            }
        }
    }
    sums
}

/// The same, where the columns of each depth are those that begin at its offset in `b`.
#[inline(always)]
pub fn block_at<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    a: &[f32],
    b: &[f32],
    offsets: &[usize],
) -> [[f32; COLUMNS]; ROWS] {
    let mut sums = [[0.0; COLUMNS]; ROWS];
    let (a, _) = a.as_chunks::<ROWS>();
    for (a, &offset) in a.iter().zip(offsets) {
        let b: &[f32; COLUMNS] = b[offset..].first_chunk().expect("lines as long as blocks reach");
        for row in 0..ROWS {
            for column in 0..COLUMNS {
                sums[row][column] = multiply_add::<FMA>(a[row], b[column], sums[row][column]);
            }
        }
    }
    sums
}

/// Products of the depth that are summed before the next are begun: as much of a block of rows as
/// stays in the fastest cache while all blocks of columns pass it.
const DEPTH: usize = 256;

/// `product[row][column] = Σ a[row][depth] * b[depth][column]`.
///
/// `a`: `[blocks of rows][depth][ROWS]`; `b`: `[blocks of columns][depth][COLUMNS]`; `product`: rows
/// of `stride` columns, as many as the blocks have.
#[inline(always)]
pub fn multiply<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    a: &[f32],
    b: &[f32],
    depth: usize,
    product: &mut [f32],
    stride: usize,
) {
    // Weights, of which there may be more than caches hold, are read once.
    for from in (0..depth).step_by(DEPTH) {
        let length = DEPTH.min(depth - from);
        for (row, a) in a.chunks_exact(depth * ROWS).enumerate() {
            let a = &a[from * ROWS..][..length * ROWS];
            for (column, b) in b.chunks_exact(depth * COLUMNS).enumerate() {
                let b = &b[from * COLUMNS..][..length * COLUMNS];
                let place = |index: usize| (row * ROWS + index) * stride + column * COLUMNS;
                let mut sums = [[0.0; COLUMNS]; ROWS];
                if from > 0 {
                    for (index, sums) in sums.iter_mut().enumerate() {
                        sums.copy_from_slice(&product[place(index)..][..COLUMNS]);
                    }
                }
                let sums = block::<ROWS, COLUMNS, FMA>(a, b, sums);
                for (index, sums) in sums.iter().enumerate() {
                    product[place(index)..][..COLUMNS].copy_from_slice(sums);
                }
            }
        }
    }
}
