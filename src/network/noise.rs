//! Noise for the generator to make texture of where a photo has none (Karras et al., "A Style-Based
//! Generator Architecture for Generative Adversarial Networks", 2019).
//!
//! It is a function of the place in the picture and of a seed: the same picture is painted the same
//! twice, tiles meet without seams, and in a film it stays where it is.

use burn::tensor::{Device, Tensor, TensorData};

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
}
