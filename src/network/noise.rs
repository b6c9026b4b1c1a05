//! Noise for the generator to make texture of where a photo has none (Karras et al., "A Style-Based
//! Generator Architecture for Generative Adversarial Networks", 2019).
//!
//! It is a function of the place in the picture and of a seed: the same picture is painted the same
//! twice, and tiles meet without seams. In a film it [drifts](Drift) with what it is on.

use std::iter::repeat_n;

use burn::tensor::{Device, Tensor, TensorData};

use crate::picture::field::Field;

/// Planes at each level: one in which every pixel has a number of its own, and one that is twice as
/// coarse, interpolated.
pub const PLANES: usize = 2;
/// Sides of pictures are divided by these.
const SCALES: [u32; 3] = [8, 4, 2];

/// At 1/8, 1/4 and 1/2 of a picture's size, `[batch, planes, height, width]`, even between -√3 and √3: of
/// mean 0 and deviation 1 where it is not interpolated.
#[derive(Debug, Clone)]
pub struct Noise(pub [Tensor<4>; 3]);

impl Noise {
    /// Of parts of pictures, each with its upper left corner at one of the `corners` (x, y), in pixels.
    /// Width, height and corners are multiples of 8.
    pub fn new(corners: &[[u32; 2]], width: u32, height: u32, seed: u32, device: &Device) -> Self {
        Self(SCALES.map(|scale| {
            let (width, height) = (width / scale, height / scale);
            let mut values = Vec::with_capacity(corners.len() * PLANES * (width * height) as usize);
            for &[left, top] in corners {
                let seed = mixed(seed ^ mixed(scale));
                let (left, top) = (left / scale, top / scale);
                let places =
                    || (top..top + height).flat_map(|y| (left..left + width).map(move |x| (x, y)));
                values.extend(places().map(|(x, y)| white(x, y, seed)));
                values.extend(places().map(|(x, y)| coarse(x, y, !seed)));
            }
            let shape = [corners.len(), PLANES, height as usize, width as usize];
            Tensor::from_data(TensorData::new(values, shape), device)
        }))
    }

    /// Of a frame of a film; where nothing has moved yet, that of [`Noise::new`] of a picture.
    pub fn drifted(drift: &Drift, seed: u32, device: &Device) -> Self {
        let mut scales = SCALES.into_iter();
        Self(drift.levels.each_ref().map(|level| {
            let seed = mixed(seed ^ mixed(scales.next().expect("a scale a level")));
            let places = || {
                let columns = (0..level.columns).cycle();
                let rows = (0..level.rows).flat_map(|y| repeat_n(y, level.columns));
                let places = columns.zip(rows).zip(&level.vectors);
                places.map(|((x, y), [right, down])| [x as f32 + right, y as f32 + down])
            };
            let fine = places().map(|place| between(place, seed, true));
            // As in `coarse`.
            let twice = |place: [f32; 2]| place.map(|at| 0.75 + at / 2.0);
            let coarse = places().map(|place| between(twice(place), !seed, false));
            let values: Vec<f32> = fine.chain(coarse).collect();
            let shape = [1, PLANES, level.rows, level.columns];
            Tensor::from_data(TensorData::new(values, shape), device)
        }))
    }
}

/// How much of what places have drifted apart is taken back at each frame, at most: a long zoom would leave nothing
/// but stretched noise.
const RELAXED: f32 = 0.02;
/// Where the noise is stretched by less than the first of these, nothing is taken back, and all of that from the second
/// on. What stands still before something that passes would flicker otherwise.
const STRETCHED: (f32, f32) = (0.25, 0.75);

/// Where in the noise the places of a film's frame are. Texture then moves with what it is on; noise that stood still
/// was three quarters of the flicker of a film that pans.
#[derive(Debug, Clone)]
pub struct Drift {
    /// At 1/8, 1/4 and 1/2 of the frame's size: for each place how far it is, in places.
    levels: [Field; 3],
}

impl Drift {
    /// Of a first frame; width and height are multiples of 8.
    pub fn new(width: u32, height: u32) -> Self {
        Self {
            levels: SCALES.map(|scale| {
                let [columns, rows] = [width, height].map(|side| (side / scale) as usize);
                Field { columns, rows, vectors: vec![[0.0; 2]; columns * rows] }
            }),
        }
    }

    /// Goes on to the next frame. `motion`: where what is at a pixel (x, y) of it was in the frame before, relative to
    /// there, in pixels.
    pub fn follow(&mut self, motion: impl Fn(usize, usize) -> [f32; 2]) {
        for (level, scale) in self.levels.iter_mut().zip(SCALES) {
            follow(level, scale as usize, &motion);
        }
    }
}

fn follow(level: &mut Field, scale: usize, motion: impl Fn(usize, usize) -> [f32; 2]) {
    let mut offsets = Vec::with_capacity(level.vectors.len());
    for y in 0..level.rows {
        for x in 0..level.columns {
            let by = motion(x * scale + scale / 2, y * scale + scale / 2);
            let [right, down] = by.map(|part| part / scale as f32);
            let before = level.between([x as f32 + right, y as f32 + down]);
            offsets.push([before[0] + right, before[1] + down]);
        }
    }
    let count = offsets.len() as f32;
    let mean = [0, 1].map(|axis| offsets.iter().map(|offset| offset[axis]).sum::<f32>() / count);
    level.vectors = offsets;
    let relaxed = (0..level.vectors.len()).map(|index| {
        let part = (stretch(level, index) - STRETCHED.0) / (STRETCHED.1 - STRETCHED.0);
        let taken_back = RELAXED * part.clamp(0.0, 1.0);
        [0, 1].map(|axis| {
            let offset = level.vectors[index][axis];
            offset + taken_back * (mean[axis] - offset)
        })
    });
    level.vectors = relaxed.collect();
}

/// By how much a step from this place to the next is longer or shorter in the noise, the larger of both axes.
fn stretch(Field { columns, rows, vectors }: &Field, index: usize) -> f32 {
    let (x, y) = (index % columns, index / columns);
    let longer = |axis: usize, at: usize, count: usize, stride: usize| {
        // At the border, the step from the one before.
        let from = if at + 1 < count || at == 0 { index } else { index - stride };
        let to = if count > 1 { from + stride } else { from };
        let mut step = [0, 1].map(|axis| vectors[to][axis] - vectors[from][axis]);
        step[axis] += 1.0;
        (step[0].hypot(step[1]) - 1.0).abs()
    };
    longer(0, x, *columns, 1).max(longer(1, y, *rows, *columns))
}

/// White noise between its places; where `full`, of deviation 1 everywhere.
fn between([x, y]: [f32; 2], seed: u32, full: bool) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let (right, down) = (x - left, y - top);
    let (mut sum, mut squares) = (0.0, 0.0);
    for (row, by_row) in [(0, 1.0 - down), (1, down)] {
        for (column, by_column) in [(0, 1.0 - right), (1, right)] {
            let weight = by_row * by_column;
            // The hash takes negative places as well.
            let at = |from: f32, by: i32| (from as i32).wrapping_add(by) as u32;
            sum += weight * white(at(left, column), at(top, row), seed);
            squares += weight * weight;
        }
    }
    if full { sum / squares.sqrt() } else { sum }
}

/// White noise twice as coarse, interpolated.
fn coarse(x: u32, y: u32, seed: u32) -> f32 {
    // Pixels lie a quarter of a cell before or behind the middle of theirs.
    let (column, row) = (x.div_ceil(2), y.div_ceil(2));
    let along = |odd: u32| if odd == 1 { 0.25 } else { 0.75 };
    let mix = |a: f32, b: f32, by: f32| a + (b - a) * by;
    let (right, down) = (along(x % 2), along(y % 2));
    let line = |y| mix(white(column, y, seed), white(column + 1, y, seed), right);
    mix(line(row), line(row + 1), down)
}

fn white(x: u32, y: u32, seed: u32) -> f32 {
    let hash = mixed(mixed(seed.wrapping_add(x)).wrapping_add(y));
    ((hash >> 8) as f32 / (1u32 << 23) as f32 - 1.0) * 3f32.sqrt()
}

/// A bijection without a pattern (Wellons, "Prospecting for Hash Functions", 2018).
fn mixed(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use burn::tensor::s;

    #[test]
    fn a_part_has_the_noise_of_the_whole() {
        let device = crate::device::cpu();
        let whole = Noise::new(&[[0, 0]], 64, 48, 7, &device);
        let part = Noise::new(&[[24, 16]], 40, 32, 7, &device);
        for ((whole, part), scale) in whole.0.into_iter().zip(part.0).zip([8, 4, 2]) {
            let (left, top) = (24 / scale, 16 / scale);
            let cut = whole.slice(s![.., .., top.., left..]);
            assert_eq!(cut.into_data(), part.into_data());
        }
        let other = Noise::new(&[[0, 0]], 64, 48, 8, &device);
        let same = Noise::new(&[[0, 0], [0, 0]], 64, 48, 8, &device);
        assert_eq!(same.0[1].clone().narrow(0, 1, 1).into_data(), other.0[1].clone().into_data());
    }

    #[test]
    fn it_is_noise() {
        let device = crate::device::cpu();
        let [.., half] = Noise::new(&[[80, 16]], 512, 512, 3, &device).0;
        let other = Noise::new(&[[80, 16]], 512, 512, 4, &device).0[2].clone();
        let mean = |x: Tensor<4>| x.mean().into_scalar::<f32>();
        let white = half.clone().narrow(1, 0, 1);
        assert!(mean(white.clone()).abs() < 0.02);
        assert!((mean(white.clone().square()) - 1.0).abs() < 0.02);
        // Neither seeds, nor planes, nor neighbours have anything in common.
        for stranger in [
            other.narrow(1, 0, 1),
            half.clone().narrow(1, 1, 1),
            white.clone().slice(s![.., .., 1.., ..]).pad((0, 0, 0, 1), 0.0),
            white.clone().slice(s![.., .., .., 1..]).pad((0, 1, 0, 0), 0.0),
            white.clone().transpose(),
        ] {
            assert!(mean(white.clone() * stranger).abs() < 0.02);
        }
        let smooth = half.narrow(1, 1, 1);
        let moved = smooth.clone().slice(s![.., .., .., 1..]).pad((0, 1, 0, 0), 0.0);
        assert!(mean(smooth.clone() * moved) > 0.5 * mean(smooth.square()));
    }

    #[test]
    fn noise_drifts_with_the_film() {
        let device = crate::device::cpu();
        let mut drift = Drift::new(64, 48);
        let still = Noise::new(&[[0, 0]], 64, 48, 7, &device);
        for (level, found) in still.0.iter().zip(Noise::drifted(&drift, 7, &device).0) {
            found.into_data().assert_approx_eq::<f32>(&level.to_data(), Default::default());
        }
        // What was 16 pixels to the left, by and by; the border has nothing new to show.
        for _ in 0..4 {
            drift.follow(|_, _| [-4.0, 0.0]);
        }
        for (level, found) in still.0.into_iter().zip(Noise::drifted(&drift, 7, &device).0) {
            let [.., width] = level.dims();
            let by = width / 4;
            let moved = found.slice(s![.., .., .., by..]);
            let before = level.slice(s![.., .., .., ..(width - by)]);
            moved.into_data().assert_approx_eq::<f32>(&before.into_data(), Default::default());
        }
    }

    #[test]
    fn noise_between_places_is_as_strong() {
        let device = crate::device::cpu();
        let mut drift = Drift::new(512, 512);
        drift.follow(|_, _| [0.9, 3.1]);
        let [.., finest] = Noise::drifted(&drift, 3, &device).0;
        let plane = finest.slice(s![.., 0..1, .., ..]);
        let strength = plane.square().mean().into_scalar::<f32>();
        assert!((strength - 1.0).abs() < 0.05, "{strength}");
    }
}
