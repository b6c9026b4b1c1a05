//! The innermost loops: blocks of sums that stay in registers.

#[cfg(target_arch = "x86_64")]
use super::isa::Isa;
use super::isa::multiply_add;

/// `ROWS x COLUMNS` sums over `depth` products. `a`: `[depth][ROWS]`; `b`: `[depth][COLUMNS]`.
#[inline(always)]
pub fn block<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    a: &[f32],
    b: &[f32],
    sums: [[f32; COLUMNS]; ROWS],
) -> [[f32; COLUMNS]; ROWS] {
    add_products::<ROWS, COLUMNS, FMA>(a.as_chunks().0.iter().zip(b.as_chunks().0), sums)
}

/// The same, where the columns of each depth are those that begin at its offset in `b`.
#[inline(always)]
pub fn block_at<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    a: &[f32],
    b: &[f32],
    offsets: &[usize],
) -> [[f32; COLUMNS]; ROWS] {
    let columns = offsets
        .iter()
        .map(|&offset| b[offset..].first_chunk().expect("lines as long as blocks reach"));
    let zeros = [[0.0; COLUMNS]; ROWS];
    add_products::<ROWS, COLUMNS, FMA>(a.as_chunks().0.iter().zip(columns), zeros)
}

#[inline(always)]
fn add_products<'a, const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    pairs: impl Iterator<Item = (&'a [f32; ROWS], &'a [f32; COLUMNS])>,
    mut sums: [[f32; COLUMNS]; ROWS],
) -> [[f32; COLUMNS]; ROWS] {
    #[cfg(target_arch = "x86_64")]
    if COLUMNS == Isa::Avx512.columns() {
        // SAFETY: only what is compiled for AVX-512, and runs where there is AVX-512, has blocks as
        // wide as this.
        unsafe { add_products_avx512(pairs, &mut sums) };
        return sums;
    }
    for (a, b) in pairs {
        for row in 0..ROWS {
            for column in 0..COLUMNS {
                sums[row][column] = multiply_add::<FMA>(a[row], b[column], sums[row][column]);
            }
        }
    }
    sums
}

/// The compiler by itself takes registers half as long, of which it has too few: that is nine times
/// as slow as AVX2.
///
/// # Safety
/// The processor must have AVX-512 F.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn add_products_avx512<'a, const ROWS: usize, const COLUMNS: usize>(
    pairs: impl Iterator<Item = (&'a [f32; ROWS], &'a [f32; COLUMNS])>,
    sums: &mut [[f32; COLUMNS]; ROWS],
) {
    use std::arch::x86_64::{
        _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
    };
    // SAFETY: the caller vouches for the instructions; what is read and written is 32 values long.
    unsafe {
        let mut totals = [[_mm512_setzero_ps(); 2]; ROWS];
        for row in 0..ROWS {
            let from = sums[row].as_ptr();
            totals[row] = [_mm512_loadu_ps(from), _mm512_loadu_ps(from.add(16))];
        }
        for (a, b) in pairs {
            let from = b.as_ptr();
            let b = [_mm512_loadu_ps(from), _mm512_loadu_ps(from.add(16))];
            for row in 0..ROWS {
                let a = _mm512_set1_ps(a[row]);
                for half in 0..2 {
                    totals[row][half] = _mm512_fmadd_ps(a, b[half], totals[row][half]);
                }
            }
        }
        for row in 0..ROWS {
            let to = sums[row].as_mut_ptr();
            _mm512_storeu_ps(to, totals[row][0]);
            _mm512_storeu_ps(to.add(16), totals[row][1]);
        }
    }
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
