//! Pictures from noise: the generator paints features that no photo gave.

use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::layers::instance_norm;
use crate::picture::Picture;
use crate::vgg::{Features, VggConfig};

/// Octaves of the noise: the largest shapes are this many doublings larger than the smallest.
const OCTAVES: u32 = 5;

/// A random picture for the colours of a dream.
pub fn picture(width: u32, height: u32, seed: u64) -> Picture {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // Away from the numbers that the features are made of.
    rng.set_stream(1);
    let planes = [(); 3].map(|()| plane(width as usize, height as usize, &mut rng));
    // The sum of the octaves is within ± OCTAVES / 2, and mostly within a third of that.
    let level = |value: f32| (127.5 + 255.0 * value / OCTAVES as f32).clamp(0.0, 255.0) as u8;
    let pixels = 0..(width * height) as usize;
    let rgb = pixels.flat_map(|index| [0, 1, 2].map(|channel| level(planes[channel][index])));
    Picture::new(width, height, rgb.collect()).expect("three values for every pixel")
}

/// Random features of the slim encoder's shapes, for a picture of the given size in pixels,
/// multiples of 8.
///
/// Every channel is noise with equal parts of large and small shapes, mean 0 and deviation 1. The
/// same seed gives the same noise on every machine.
pub fn features(width: u32, height: u32, seed: u64, device: &Device) -> Features {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let widths = VggConfig::slim().widths;
    let mut level = |index: usize| {
        let (width, height) = (width as usize >> index, height as usize >> index);
        let values = (0..widths[index]).flat_map(|_| plane(width, height, &mut rng)).collect();
        let shape = [1, widths[index], height, width];
        instance_norm(Tensor::<4>::from_data(TensorData::new::<f32, _>(values, shape), device))
    };
    let (relu4_1, relu3_1, relu2_1) = (level(3), level(2), level(1));
    // The generator does not look at the first level.
    Features { relu1_1: Tensor::zeros([1, widths[0], 2, 2], device), relu2_1, relu3_1, relu4_1 }
}

/// Value noise of several octaves, equally strong.
fn plane(width: usize, height: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut values = vec![0.0; width * height];
    for octave in 0..OCTAVES {
        let cell = 1usize << octave;
        let columns = width.div_ceil(cell) + 1;
        let grid: Vec<f32> =
            (0..columns * (height.div_ceil(cell) + 1)).map(|_| rng.random::<f32>() - 0.5).collect();
        for (index, value) in values.iter_mut().enumerate() {
            let (x, y) = (index % width, index / width);
            let corner = y / cell * columns + x / cell;
            let ease = |position: usize| {
                let t = (position % cell) as f32 / cell as f32;
                t * t * (3.0 - 2.0 * t)
            };
            let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
            let top = mix(grid[corner], grid[corner + 1], ease(x));
            let bottom = mix(grid[corner + columns], grid[corner + columns + 1], ease(x));
            *value += mix(top, bottom, ease(y));
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_noise() {
        let device = crate::device::cpu();
        let noise = |seed| features(32, 24, seed, &device).relu4_1.into_data();
        assert_eq!(noise(1), noise(1));
        assert_ne!(noise(1), noise(2));
    }
}
