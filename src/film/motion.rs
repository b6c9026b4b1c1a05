//! What moved between two frames: block matching, coarse to fine.

use crate::picture::Picture;
use crate::picture::field::Field;

/// Blocks are this far apart, and windows this wide, in pixels of each level.
const STEP: usize = 8;
const WINDOW: usize = 16;
/// Levels are halves of each other; the first is half the frame.
const LEVELS: usize = 4;
/// How far is looked at the coarsest level, in its pixels; elsewhere one pixel around each guess.
const REACH: i32 = 3;
/// What a pixel of the window must be better by, in 255ths, for each pixel that a vector differs from its
/// neighbourhood's: flat areas then go with what is around them.
const RELUCTANCE: f32 = 0.15;
/// Vectors are multiples of this, in pixels of the frame: what stands still is copied, not interpolated.
pub(crate) const GRAIN: f32 = 0.25;

/// Brightness, one byte a pixel.
#[derive(Debug, Clone)]
struct Luma {
    width: usize,
    height: usize,
    values: Vec<u8>,
}

impl Luma {
    /// Half the frame's size.
    fn of(picture: &Picture) -> Self {
        let width = picture.width() as usize;
        let brightness = |pixel: &[u8]| {
            let [red, green, blue] = [0, 1, 2].map(|channel| u32::from(pixel[channel]));
            ((54 * red + 183 * green + 19 * blue) >> 8) as u8
        };
        let values = picture.rgb().chunks_exact(3).map(brightness).collect();
        Self { width, height: picture.height() as usize, values }.halved()
    }

    fn halved(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let mut values = Vec::with_capacity(width * height);
        for y in 0..height {
            let row = |y: usize| &self.values[y.min(self.height - 1) * self.width..][..self.width];
            let (upper, lower) = (row(2 * y), row(2 * y + 1));
            for x in 0..width {
                let right = (2 * x + 1).min(self.width - 1);
                let sum = [upper[2 * x], upper[right], lower[2 * x], lower[right]];
                let sum: u32 = sum.iter().map(|&value| u32::from(value)).sum();
                values.push(((sum + 2) / 4) as u8);
            }
        }
        Self { width, height, values }
    }

    /// Mean difference of a window of this picture and of one of another, which is `by` away.
    fn difference(&self, other: &Self, centre: [usize; 2], by: [i32; 2]) -> f32 {
        let half = WINDOW / 2;
        let [left, top] = [centre[0].saturating_sub(half), centre[1].saturating_sub(half)];
        let right = (centre[0] + half).min(self.width);
        let bottom = (centre[1] + half).min(self.height);
        let (x, y) = (left as i32 + by[0], top as i32 + by[1]);
        let (columns, rows) = (right - left, bottom - top);
        let inside = x >= 0
            && y >= 0
            && x as usize + columns <= other.width
            && y as usize + rows <= other.height;
        let mut sum = 0;
        for row in 0..rows {
            let own = &self.values[(top + row) * self.width + left..][..columns];
            if inside {
                let theirs = &other.values[(y as usize + row) * other.width + x as usize..];
                let pairs = own.iter().zip(theirs);
                sum += pairs.map(|(&a, &b)| u32::from(a.abs_diff(b))).sum::<u32>();
            } else {
                let line = (y + row as i32).clamp(0, other.height as i32 - 1) as usize;
                for (column, &a) in own.iter().enumerate() {
                    let at = (x + column as i32).clamp(0, other.width as i32 - 1) as usize;
                    sum += u32::from(a.abs_diff(other.values[line * other.width + at]));
                }
            }
        }
        sum as f32 / (columns * rows) as f32
    }
}

/// The brightness of a frame at several sizes, the finest first.
#[derive(Debug, Clone)]
pub(crate) struct Pyramid(Vec<Luma>);

impl Pyramid {
    pub(crate) fn of(frame: &Picture) -> Self {
        let mut levels = vec![Luma::of(frame)];
        while levels.len() < LEVELS {
            let last = &levels[levels.len() - 1];
            if last.width.min(last.height) < 2 * WINDOW {
                break;
            }
            levels.push(last.halved());
        }
        Self(levels)
    }
}

/// Where what is seen in a frame was in the one before: a vector for every block, in pixels of the level.
#[derive(Debug, Clone)]
pub(crate) struct Motion(Field);

impl Motion {
    /// From this frame to the one before, which have one size.
    pub(crate) fn between(now: &Pyramid, before: &Pyramid) -> Self {
        let mut field: Option<Self> = None;
        for (now, before) in now.0.iter().zip(&before.0).rev() {
            field = Some(Self::refined(now, before, field.as_ref()).calmed());
        }
        field.expect("there is a level")
    }

    fn refined(now: &Luma, before: &Luma, coarse: Option<&Self>) -> Self {
        let (columns, rows) = (now.width.div_ceil(STEP), now.height.div_ceil(STEP));
        let mut vectors: Vec<[f32; 2]> = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            for column in 0..columns {
                let middle = |index: usize, length| (index * STEP + STEP / 2).min(length - 1);
                let centre = [middle(column, now.width), middle(row, now.height)];
                let expected = coarse.map_or([0.0; 2], |coarse| {
                    let at = [centre[0] as f32 / 2.0, centre[1] as f32 / 2.0];
                    coarse.interpolated(at).map(|part| 2.0 * part)
                });
                let mut guesses = vec![[0.0; 2], expected];
                // What its neighbours found.
                if column > 0 {
                    guesses.push(vectors[row * columns + column - 1]);
                }
                if row > 0 {
                    guesses.push(vectors[(row - 1) * columns + column]);
                }
                if let Some(coarse) = coarse {
                    let near = |index: usize, length: usize| (index / 2).min(length - 1);
                    let Field { columns, rows, vectors } = &coarse.0;
                    let (x, y) = (near(column, *columns), near(row, *rows));
                    guesses.push(vectors[y * columns + x].map(|part| 2.0 * part));
                }
                let cost = |vector: [i32; 2]| {
                    let strange = (vector[0] as f32 - expected[0]).abs()
                        + (vector[1] as f32 - expected[1]).abs();
                    now.difference(before, centre, vector) + RELUCTANCE * strange
                };
                let best = |start: [i32; 2], reach: i32| {
                    let around = (-reach..=reach)
                        .flat_map(|y| (-reach..=reach).map(move |x| [start[0] + x, start[1] + y]));
                    around.map(|vector| (cost(vector), vector)).min_by(|a, b| a.0.total_cmp(&b.0))
                };
                let rounded = |guess: [f32; 2]| guess.map(|part| part.round() as i32);
                let start = guesses
                    .into_iter()
                    .map(rounded)
                    .map(|guess| (cost(guess), guess))
                    .min_by(|a, b| a.0.total_cmp(&b.0))
                    .expect("there are guesses");
                let reach = if coarse.is_some() { 1 } else { REACH };
                let (_, found) = best(start.1, reach).expect("there are places");
                vectors.push([0, 1].map(|axis| {
                    let beside = |by: i32| {
                        let mut vector = found;
                        vector[axis] += by;
                        now.difference(before, centre, vector)
                    };
                    let around = [beside(-1), beside(0), beside(1)];
                    let exact = found[axis] as f32 + lowest(around);
                    // What is flat says nothing by itself, and goes with what is around it.
                    match (exact - expected[axis]).abs() < 1.5 {
                        true => expected[axis] + certainty(around) * (exact - expected[axis]),
                        false => exact,
                    }
                }));
            }
        }
        Self(Field { columns, rows, vectors })
    }

    /// Each vector the median of its neighbourhood.
    fn calmed(self) -> Self {
        let Field { columns, rows, vectors } = &self.0;
        let median = |column: usize, row: usize, axis: usize| {
            let mut near = Vec::with_capacity(9);
            for y in row.saturating_sub(1)..(row + 2).min(*rows) {
                for x in column.saturating_sub(1)..(column + 2).min(*columns) {
                    near.push(vectors[y * columns + x][axis]);
                }
            }
            near.sort_by(f32::total_cmp);
            near[near.len() / 2]
        };
        let places = (0..*rows).flat_map(|row| (0..*columns).map(move |column| (column, row)));
        let vectors =
            places.map(|(x, y)| [0, 1].map(|axis| median(x, y, axis))).collect::<Vec<_>>();
        Self(Field { vectors, ..self.0 })
    }

    /// Between the blocks' centres; `at` in pixels of the level, and so is what is found.
    fn interpolated(&self, at: [f32; 2]) -> [f32; 2] {
        self.0.between(at.map(|part| part / STEP as f32 - 0.5))
    }

    /// Where what is at this pixel of the frame was in the one before, relative to it, in quarters of pixels.
    pub(crate) fn at(&self, x: usize, y: usize) -> [i32; 2] {
        // The finest level is half the frame.
        let found = self.interpolated([x as f32 / 2.0, y as f32 / 2.0]);
        found.map(|part| (2.0 * part / GRAIN).round() as i32)
    }
}

/// How much is to be believed where the lowest of three sums of differences is, 0..=1: noise alone makes sums that are
/// all alike.
fn certainty([before, middle, after]: [f32; 3]) -> f32 {
    let rise = before.min(after) - middle;
    (4.0 * rise / (middle + 1.0) - 0.2).clamp(0.0, 1.0)
}

/// Less than this, in pixels of a level, is no motion but noise.
const NONE: f32 = 0.1;

/// Where two lines of opposite slope through three sums of differences, one apart, meet, relative to the middle one:
/// absolute differences rise as fast on both sides of their lowest place.
fn lowest([before, middle, after]: [f32; 3]) -> f32 {
    let rise = before.max(after) - middle;
    if middle > before || middle > after || rise < 1e-3 {
        return 0.0;
    }
    let part = (0.5 * (before - after) / rise).clamp(-0.5, 0.5);
    if part.abs() < NONE { 0.0 } else { part }
}
