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
pub const TILE: usize = 4;
/// Side of the tiles of the input that they come from.
pub const SIDE: usize = TILE + 2;
/// Values of a transformed tile.
pub const PLACES: usize = SIDE * SIDE;
/// What the transformed tiles of a piece of work may take, in bytes: about what the second-level
/// cache holds.
const PIECE_BYTES: usize = 1 << 20;
/// Minimum tiles per piece, to amortize loading weights.
const FEWEST_TILES: usize = 48;
/// Values between the tiles of one place and those of the next: without them, all places of a tile
/// often compete for the same few lines of the fastest cache.
const GAP: usize = 16;

/// What takes a kernel to a tile's places.
pub const G: [[f64; 3]; SIDE] = [
    [1.0 / 4.0, 0.0, 0.0],
    [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];

/// `G k Gᵀ`: what a tile is multiplied with, place by place.
pub fn transform_kernel(kernel: &[f32; 9]) -> [f32; PLACES] {
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
pub struct Grid {
    /// Tiles in a row.
    pub columns: usize,
    /// Rows of tiles in a picture.
    pub rows: usize,
    /// First row of the piece, counted through all pictures.
    pub from: usize,
    /// Rows of the piece.
    pub count: usize,
    /// Tiles of the piece, as many as fill blocks of columns.
    pub padded: usize,
}

impl Grid {
    /// The picture that a row of the piece belongs to, and which of its rows of tiles it is.
    pub fn place(&self, row: usize) -> (usize, usize) {
        ((self.from + row) / self.rows, (self.from + row) % self.rows)
    }
}

thread_local! {
    /// Tiles before and after the multiplication, those of one channel, and lines; kept, since it
    /// costs much to have the system clear so much memory again and again.
    static SCRATCH: RefCell<[Vec<f32>; 4]> = const { RefCell::new([const { Vec::new() }; 4]) };
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
        SCRATCH.with_borrow_mut(|[before, after, channel, lines]| {
            let before = at_least(before, PLACES * (channels_in * padded + GAP));
            let after = at_least(after, PLACES * (padded_out * padded + GAP));
            let channel = at_least(channel, PLACES * padded);
            let lines = at_least(lines, 2 * TILE * (columns + 1));
            read_tiles(isa, job.input, job.border, grid, before, channel, lines);
            multiply_tiles(isa, &weights.values, before, channels_in, after, grid);
            write_tiles(isa, job, grid, after, channel, lines, &output);
        });
    });
}

for_each_isa! {
    fn read_tiles = read_tiles_body(
        input: &Reader<'_>, border: Border, grid: Grid, tiles: &mut [f32], one: &mut [f32],
        line: &mut [f32],
    )
}

/// Fills `tiles`: `[place][blocks of columns][channel][columns of a block]`. In `one` are the tiles
/// of a channel, `[line of a tile][column of a tile][tile]`, so that the transforms run through
/// neighbouring tiles of any picture, however narrow.
#[inline(always)]
fn read_tiles_body<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    input: &Reader<'_>,
    border: Border,
    grid: Grid,
    tiles: &mut [f32],
    one: &mut [f32],
    line: &mut [f32],
) {
    let [_, channels, ..] = input.dims();
    let Grid { padded, .. } = grid;
    let place_size = tiles.len() / PLACES;
    for channel in 0..channels {
        read_channel_body::<ROWS, COLUMNS, FMA>(input, channel, border, grid, one, line);
        for (values, tiles) in one.chunks_exact(padded).zip(tiles.chunks_exact_mut(place_size)) {
            let (values, _) = values.as_chunks::<COLUMNS>();
            let (tiles, _) = tiles.as_chunks_mut::<COLUMNS>();
            for (values, tiles) in values.iter().zip(tiles[channel..].iter_mut().step_by(channels))
            {
                *tiles = *values;
            }
        }
    }
}

/// Fills `one` with the transformed tiles of a channel, `[place][tile]`; `line` is room for a line of the
/// input.
#[inline(always)]
pub fn read_channel_body<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    input: &Reader<'_>,
    channel: usize,
    border: Border,
    grid: Grid,
    one: &mut [f32],
    line: &mut [f32],
) {
    let Grid { columns, padded, .. } = grid;
    let line = &mut line[..TILE * (columns + 1)];
    for row in 0..grid.count {
        let (picture, y) = grid.place(row);
        let from = row * columns;
        // The last two lines of a tile are the first two of the next one in the picture.
        let known = if row > 0 && y > 0 { SIDE - TILE } else { 0 };
        for index in 0..known * SIDE {
            let above = (TILE * SIDE + index) * padded + from - columns;
            one.copy_within(above..above + columns, index * padded + from);
        }
        for index in known..SIDE {
            let y = (TILE * y + index) as isize - 1;
            input.bordered_line::<FMA>(picture, channel, y, 1, border, line);
            let [p0, p1, p2, p3, p4, p5] = split::<SIDE>(&mut one[index * SIDE * padded..], padded)
                .map(|values| &mut values[from..][..columns]);
            let (values, _) = line.as_chunks::<TILE>();
            let places = p0.iter_mut().zip(&mut *p1).zip(p2).zip(p3);
            for ((((p0, p1), p2), p3), values) in places.zip(&values[..columns]) {
                [*p0, *p1, *p2, *p3] = *values;
            }
            // The last two columns of a tile are the first two of the next.
            p4[..columns - 1].copy_from_slice(&p0[1..]);
            p5[..columns - 1].copy_from_slice(&p1[1..]);
            [p4[columns - 1], p5[columns - 1], ..] = values[columns];
        }
    }
    for lines in one.chunks_exact_mut(SIDE * padded) {
        transform_all_in::<FMA>(split(lines, padded));
    }
    for x in 0..SIDE {
        let lines = split::<SIDE>(one, SIDE * padded);
        transform_all_in::<FMA>(lines.map(|line| &mut line[x * padded..][..padded]));
    }
}

/// The first `N` parts of `length` values.
#[inline(always)]
pub fn split<const N: usize>(values: &mut [f32], length: usize) -> [&mut [f32]; N] {
    let mut parts = values.chunks_exact_mut(length);
    std::array::from_fn(|_| parts.next().expect("a buffer of at least as many parts"))
}

// Iterators, not indices, in the loops over tiles: with bounds to check, the compiler has the last 16 of
// mostly 64 tiles done one by one.

/// [`transform_in`] of many tiles, in place.
#[inline(always)]
fn transform_all_in<const FMA: bool>([d0, d1, d2, d3, d4, d5]: [&mut [f32]; SIDE]) {
    let places = d0.iter_mut().zip(d1).zip(d2).zip(d3).zip(d4).zip(d5);
    for (((((d0, d1), d2), d3), d4), d5) in places {
        [*d0, *d1, *d2, *d3, *d4, *d5] = transform_in::<FMA>([*d0, *d1, *d2, *d3, *d4, *d5]);
    }
}

/// [`transform_out`] of many tiles.
#[inline(always)]
fn transform_all_out<const FMA: bool>(
    [m0, m1, m2, m3, m4, m5]: [&[f32]; SIDE],
    [t0, t1, t2, t3]: [&mut [f32]; TILE],
) {
    let products = m0.iter().zip(m1).zip(m2).zip(m3).zip(m4).zip(m5);
    let pixels = t0.iter_mut().zip(t1).zip(t2).zip(t3);
    for ((((((m0, m1), m2), m3), m4), m5), (((t0, t1), t2), t3)) in products.zip(pixels) {
        [*t0, *t1, *t2, *t3] = transform_out::<FMA>([*m0, *m1, *m2, *m3, *m4, *m5]);
    }
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
    let size_after = after.len() / PLACES;
    for ((weights, before), after) in places.zip(after.chunks_exact_mut(size_after)) {
        let before = &before[..depth * grid.padded];
        gemm::multiply::<ROWS, COLUMNS, FMA>(weights, before, depth, after, grid.padded);
    }
}

for_each_isa! {
    fn write_tiles = write_tiles_body(
        job: &Job<'_>, grid: Grid, products: &[f32], one: &mut [f32], lines: &mut [f32],
        output: &Shared<'_>,
    )
}

/// In `one` are the pixels of a channel: `[line of a tile][column of a tile][tile]`.
#[inline(always)]
fn write_tiles_body<const ROWS: usize, const COLUMNS: usize, const FMA: bool>(
    job: &Job<'_>,
    grid: Grid,
    products: &[f32],
    one: &mut [f32],
    lines: &mut [f32],
    output: &Shared<'_>,
) {
    let [.., height, width] = job.input.dims();
    let Grid { columns, padded, .. } = grid;
    let place_size = products.len() / PLACES;
    let (half, pixels) = one.split_at_mut(TILE * SIDE * padded);
    // Half-transformed tiles take the room of four lines of six, and the pixels that of a line at a
    // time.
    let [sums, residual_line] = split::<2>(lines, TILE * (columns + 1));
    for channel in 0..job.weights.channels_out {
        let place = |index: usize| &products[index * place_size + channel * padded..][..padded];
        for x in 0..SIDE {
            let m = std::array::from_fn(|line| place(line * SIDE + x));
            let to = split::<TILE>(half, SIDE * padded);
            transform_all_out::<FMA>(m, to.map(|line| &mut line[x * padded..][..padded]));
        }
        for (line, half) in half.chunks_exact(SIDE * padded).enumerate() {
            let m = std::array::from_fn(|x| &half[x * padded..][..padded]);
            transform_all_out::<FMA>(m, split(pixels, padded));
            for row in 0..grid.count {
                let (picture, tile_y) = grid.place(row);
                let y = TILE * tile_y + line;
                if y >= height {
                    continue;
                }
                let [p0, p1, p2, p3] =
                    split::<TILE>(pixels, padded).map(|values| &values[row * columns..][..columns]);
                let (values, _) = sums.as_chunks_mut::<TILE>();
                let places = p0.iter().zip(p1).zip(p2).zip(p3);
                for (values, (((p0, p1), p2), p3)) in values.iter_mut().zip(places) {
                    *values = [*p0, *p1, *p2, *p3];
                }
                let sums = &sums[..width];
                job.finish_line::<FMA>(picture, channel, y, sums, residual_line, output);
            }
        }
    }
}
