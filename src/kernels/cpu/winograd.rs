//! 3 x 3 convolutions by Winograd's minimal filtering F(4 x 4, 3 x 3): 36 instead of 144
//! multiplications for 16 pixels (Lavin and Gray, "Fast Algorithms for Convolutional Neural
//! Networks", 2016).

use std::cell::RefCell;

use super::isa::{for_each_isa, multiply_add};
use super::lines::Reader;
use super::threads::{self, Shared};
use super::{Job, gemm};
use crate::kernels::Border;

/// Side of the tiles of the output.
const TILE: usize = 4;
/// Side of the tiles of the input that they come from.
const SIDE: usize = TILE + 2;
/// Values of a transformed tile.
pub const PLACES: usize = SIDE * SIDE;
/// Tiles that are transformed side by side, one in each lane.
const LANES: usize = 8;
/// What the transformed tiles of a piece of work may take, in bytes: about what the second-level
/// cache holds.
const PIECE_BYTES: usize = 1 << 20;
/// But at least so many tiles, so that weights are not fetched for too few.
const FEWEST_TILES: usize = 48;

/// `G k Gᵀ`: what a tile is multiplied with, place by place.
pub fn transform_kernel(kernel: &[f32; 9]) -> [f32; PLACES] {
    const G: [[f64; 3]; SIDE] = [
        [1.0 / 4.0, 0.0, 0.0],
        [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
        [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
        [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
        [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
        [0.0, 0.0, 1.0],
    ];
    let mut half = [[0.0; 3]; SIDE];
    for (half, g) in half.iter_mut().zip(&G) {
        for (column, value) in half.iter_mut().enumerate() {
            *value = (0..3).map(|row| g[row] * f64::from(kernel[3 * row + column])).sum();
        }
    }
    std::array::from_fn(|place| {
        let (row, g) = (&half[place / SIDE], &G[place % SIDE]);
        (row[0] * g[0] + row[1] * g[1] + row[2] * g[2]) as f32
    })
}

/// `Bᵀ d`, for six values of a tile.
#[inline(always)]
fn transform_in<const FMA: bool>([d0, d1, d2, d3, d4, d5]: [f32; SIDE]) -> [f32; SIDE] {
    let ma = multiply_add::<FMA>;
    let (even, odd) = (ma(-4.0, d2, d4), ma(-4.0, d1, d3));
    let (even_2, odd_2) = (d4 - d2, 2.0 * (d3 - d1));
    [
        ma(4.0, d0, ma(-5.0, d2, d4)),
        even + odd,
        even - odd,
        even_2 + odd_2,
        even_2 - odd_2,
        ma(4.0, d1, ma(-5.0, d3, d5)),
    ]
}

/// `Aᵀ m`, for six products.
#[inline(always)]
fn transform_out<const FMA: bool>([m0, m1, m2, m3, m4, m5]: [f32; SIDE]) -> [f32; TILE] {
    let ma = multiply_add::<FMA>;
    let (sum, difference) = (m1 + m2, m1 - m2);
    let (sum_2, difference_2) = (m3 + m4, m3 - m4);
    [
        m0 + sum + sum_2,
        ma(2.0, difference_2, difference),
        ma(4.0, sum_2, sum),
        ma(8.0, difference_2, difference) + m5,
    ]
}

/// Rows of tiles of a batch, and where a piece of work lies among them.
#[derive(Debug, Clone, Copy)]
struct Grid {
    /// Tiles in a row.
    columns: usize,
    /// Rows of tiles in a picture.
    rows: usize,
    /// First row of the piece, counted through all pictures.
    from: usize,
    /// Rows of the piece.
    count: usize,
    /// Tiles of the piece, as many as fill blocks of columns.
    padded: usize,
}

impl Grid {
    /// Length of a line: the tiles, and beyond them what is read in whole lanes.
    fn line(&self) -> usize {
        TILE * (self.columns + LANES + 1)
    }
}

thread_local! {
    /// Tiles before and after the multiplication, and lines; kept, since it costs much to have the
    /// system clear so much memory again and again.
    static SCRATCH: RefCell<[Vec<f32>; 3]> = const { RefCell::new([Vec::new(), Vec::new(), Vec::new()]) };
}

/// The first `length` values, whatever they are.
fn at_least(buffer: &mut Vec<f32>, length: usize) -> &mut [f32] {
    if buffer.len() < length {
        buffer.resize(length, 0.0);
    }
    &mut buffer[..length]
}

/// Writes `[batch, channels out, height, width]`.
pub fn convolve(job: &Job<'_>, output: &mut [f32]) {
    let [batch, channels_in, height, width] = job.input.dims();
    let weights = job.weights;
    let isa = weights.isa;
    let (columns, rows) = (width.div_ceil(TILE), height.div_ceil(TILE));
    let all = batch * rows;
    let padded_out = weights.channels_out.next_multiple_of(isa.rows());
    let fitting = PIECE_BYTES / (4 * PLACES * (channels_in + padded_out));
    let rows_a_piece = (fitting.max(FEWEST_TILES) / columns).max(1);
    // The same number of rows for each, and of pieces for every core.
    let pieces = all.div_ceil(rows_a_piece).next_multiple_of(threads::count()).min(all);
    let rows_a_piece = all.div_ceil(pieces);
    let output = Shared::new(output);
    threads::for_each(all.div_ceil(rows_a_piece), |piece| {
        let from = piece * rows_a_piece;
        let count = rows_a_piece.min(all - from);
        let padded = (count * columns).next_multiple_of(isa.columns());
        let grid = Grid { columns, rows, from, count, padded };
        SCRATCH.with_borrow_mut(|[before, after, lines]| {
            let before = at_least(before, PLACES * channels_in * padded);
            // Whole lanes are read beyond the end.
            let after = at_least(after, PLACES * padded_out * padded + LANES);
            let lines = at_least(lines, (SIDE + 2) * grid.line());
            read_tiles(isa, job.input, job.border, grid, before, lines);
            multiply_tiles(isa, &weights.values, before, channels_in, after, grid);
            write_tiles(isa, job, grid, after, lines, &output);
        });
    });
}

for_each_isa! {
    fn read_tiles = read_tiles_body(
        input: &Reader<'_>, border: Border, grid: Grid, tiles: &mut [f32], lines: &mut [f32],
    )
}

/// Fills `tiles`: `[place][blocks of columns][channel][columns of a block]`.
#[inline(always)]
fn read_tiles_body<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    input: &Reader<'_>,
    border: Border,
    grid: Grid,
    tiles: &mut [f32],
    lines: &mut [f32],
) {
    let [_, channels, ..] = input.dims();
    let length = grid.line();
    let place_size = grid.padded * channels;
    for row in 0..grid.count {
        let (picture, y) = ((grid.from + row) / grid.rows, (grid.from + row) % grid.rows);
        for channel in 0..channels {
            for (line, values) in lines.chunks_exact_mut(length).take(SIDE).enumerate() {
                let y = (TILE * y + line) as isize - 1;
                input.bordered_line::<FMA>(picture, channel, y, 1, border, values);
            }
            // First downwards, where neighbours are side by side.
            let [l0, l1, l2, l3, l4, l5, phases] = split::<{ SIDE + 1 }>(lines, length);
            for x in 0..length {
                [l0[x], l1[x], l2[x], l3[x], l4[x], l5[x]] =
                    transform_in::<FMA>([l0[x], l1[x], l2[x], l3[x], l4[x], l5[x]]);
            }
            for (line, values) in [&*l0, l1, l2, l3, l4, l5].into_iter().enumerate() {
                let quarter = length / TILE;
                let [p0, p1, p2, p3] = split::<TILE>(phases, quarter);
                for (index, values) in values.as_chunks::<TILE>().0.iter().enumerate() {
                    [p0[index], p1[index], p2[index], p3[index]] = *values;
                }
                for column in (0..grid.columns).step_by(LANES) {
                    let mut found = [[0.0; LANES]; SIDE];
                    // The last two columns of a tile are the first two of the next.
                    let [d0, d1, d2, d3, d4, d5] = [
                        lanes(p0, column),
                        lanes(p1, column),
                        lanes(p2, column),
                        lanes(p3, column),
                        lanes(p0, column + 1),
                        lanes(p1, column + 1),
                    ];
                    for lane in 0..LANES {
                        let d = [d0[lane], d1[lane], d2[lane], d3[lane], d4[lane], d5[lane]];
                        let t = transform_in::<FMA>(d);
                        for x in 0..SIDE {
                            found[x][lane] = t[x];
                        }
                    }
                    let tile = row * grid.columns + column;
                    let count = LANES.min(grid.columns - column);
                    let at = |tile: usize| {
                        (tile / COLUMNS * channels + channel) * COLUMNS + tile % COLUMNS
                    };
                    let whole = count == LANES && tile % COLUMNS + LANES <= COLUMNS;
                    for (x, found) in found.iter().enumerate() {
                        let tiles = &mut tiles[(line * SIDE + x) * place_size..][..place_size];
                        if whole {
                            tiles[at(tile)..][..LANES].copy_from_slice(found);
                            continue;
                        }
                        for (lane, &value) in found.iter().enumerate().take(count) {
                            tiles[at(tile + lane)] = value;
                        }
                    }
                }
            }
        }
    }
}

/// The first `N` parts of `length` values.
#[inline(always)]
fn split<const N: usize>(values: &mut [f32], length: usize) -> [&mut [f32]; N] {
    let mut parts = values.chunks_exact_mut(length);
    std::array::from_fn(|_| parts.next().expect("a buffer of at least so many parts"))
}

#[inline(always)]
fn lanes(values: &[f32], from: usize) -> &[f32; LANES] {
    values[from..].first_chunk().expect("lines are longer than the picture by the lanes")
}

for_each_isa! {
    fn multiply_tiles = multiply_tiles_body(
        weights: &[f32], before: &[f32], depth: usize, after: &mut [f32], grid: Grid,
    )
}

/// `after`: `[place][channel out][tile]`.
#[inline(always)]
fn multiply_tiles_body<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    weights: &[f32],
    before: &[f32],
    depth: usize,
    after: &mut [f32],
    grid: Grid,
) {
    let size = before.len() / PLACES;
    let rows = weights.len() / PLACES / depth;
    let places = weights.chunks_exact(rows * depth).zip(before.chunks_exact(size));
    for ((weights, before), after) in places.zip(after.chunks_exact_mut(rows * grid.padded)) {
        gemm::multiply::<ROWS, COLUMNS, FMA>(weights, before, depth, after, grid.padded);
    }
}

for_each_isa! {
    fn write_tiles = write_tiles_body(
        job: &Job<'_>, grid: Grid, products: &[f32], lines: &mut [f32], output: &Shared<'_>,
    )
}

#[inline(always)]
fn write_tiles_body<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    job: &Job<'_>,
    grid: Grid,
    products: &[f32],
    lines: &mut [f32],
    output: &Shared<'_>,
) {
    let [.., height, width] = job.input.dims();
    let channels = job.weights.channels_out;
    let length = grid.line();
    let quarter = length / TILE;
    let place_size = (products.len() - LANES) / PLACES;
    // A tile's columns, each for all tiles, of the six lines; then a line of the picture.
    let (phases, lines) = lines.split_at_mut(SIDE * length);
    for row in 0..grid.count {
        let (picture, tile_y) = ((grid.from + row) / grid.rows, (grid.from + row) % grid.rows);
        for channel in 0..channels {
            let start = channel * grid.padded + row * grid.columns;
            for (line, phases) in phases.chunks_exact_mut(length).enumerate() {
                let place = |x: usize| &products[(line * SIDE + x) * place_size + start..];
                let [m0, m1, m2, m3, m4, m5] = [0, 1, 2, 3, 4, 5].map(place);
                for column in (0..grid.columns).step_by(LANES) {
                    let [m0, m1, m2, m3, m4, m5] =
                        [m0, m1, m2, m3, m4, m5].map(|values| lanes(values, column));
                    let mut found = [[0.0; LANES]; TILE];
                    for lane in 0..LANES {
                        let m = [m0[lane], m1[lane], m2[lane], m3[lane], m4[lane], m5[lane]];
                        let t = transform_out::<FMA>(m);
                        for x in 0..TILE {
                            found[x][lane] = t[x];
                        }
                    }
                    for (x, found) in found.iter().enumerate() {
                        phases[x * quarter + column..][..LANES].copy_from_slice(found);
                    }
                }
            }
            let [l0, l1, l2, l3, l4, l5] = split::<SIDE>(phases, length);
            for x in 0..length {
                [l0[x], l1[x], l2[x], l3[x]] =
                    transform_out::<FMA>([l0[x], l1[x], l2[x], l3[x], l4[x], l5[x]]);
            }
            let [sums, residual_line] = split::<2>(lines, length);
            let count = TILE.min(height - TILE * tile_y);
            for (line, phases) in [l0, l1, l2, l3].into_iter().enumerate().take(count) {
                let [p0, p1, p2, p3] = split::<TILE>(phases, quarter);
                for (index, values) in sums.as_chunks_mut::<TILE>().0.iter_mut().enumerate() {
                    *values = [p0[index], p1[index], p2[index], p3[index]];
                }
                let y = TILE * tile_y + line;
                let sums = &sums[..width];
                job.finish_line::<FMA>(picture, channel, y, sums, residual_line, output);
            }
        }
    }
}
