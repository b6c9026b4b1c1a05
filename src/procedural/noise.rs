//! Randomness: a seeded dice for choices, and noise fields for texture.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::math::{cos, floor, lerp, sin};

/// Seeded source of choices. Draws are built from raw `u32`s, so that they do
/// not change with the sampling algorithms of `rand`.
pub struct Dice(ChaCha8Rng);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub fn bits(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// Uniform in 0..1.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 8) as f32 / (1u32 << 24) as f32
    }

    pub fn range(&mut self, from: f32, to: f32) -> f32 {
        lerp(from, to, self.unit())
    }

    /// Uniform in -spread..spread.
    pub fn about(&mut self, spread: f32) -> f32 {
        self.range(-spread, spread)
    }

    /// Bell-shaped around 0, mostly within -1..1.
    pub fn bell(&mut self) -> f32 {
        (self.unit() + self.unit() + self.unit()) * 2.0 / 1.5 - 2.0
    }

    pub fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// Uniform in 0..n; `n` must not be 0.
    pub fn below(&mut self, n: usize) -> usize {
        ((u64::from(self.bits()) * n as u64) >> 32) as usize
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }

    /// One point in every square of a grid, in random order, reaching a margin
    /// beyond the edges so that marks run off the picture.
    pub fn scatter(&mut self, width: f32, height: f32, spacing: f32) -> Vec<(f32, f32)> {
        let (columns, rows) = ((width / spacing) as i32 + 2, (height / spacing) as i32 + 2);
        let mut points = Vec::with_capacity((columns * rows) as usize);
        for j in -1..rows {
            for i in -1..columns {
                points
                    .push(((i as f32 + self.unit()) * spacing, (j as f32 + self.unit()) * spacing));
            }
        }
        self.shuffle(&mut points);
        points
    }
}

pub fn hash(x: i32, y: i32, seed: u32) -> u32 {
    let mut h = (x as u32).wrapping_mul(0x9E37_79B1)
        ^ (y as u32).wrapping_mul(0x85EB_CA77)
        ^ seed.wrapping_mul(0xC2B2_AE3D);
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    h ^ (h >> 15)
}

/// Uniform in 0..1 for a lattice point.
pub fn cell(x: i32, y: i32, seed: u32) -> f32 {
    (hash(x, y, seed) >> 8) as f32 / (1u32 << 24) as f32
}

fn fade(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

/// Smooth value noise in 0..1, one feature a unit.
pub fn value(x: f32, y: f32, seed: u32) -> f32 {
    let (xf, yf) = (floor(x), floor(y));
    let (i, j) = (xf as i32, yf as i32);
    let (u, v) = (fade(x - xf), fade(y - yf));
    lerp(
        lerp(cell(i, j, seed), cell(i + 1, j, seed), u),
        lerp(cell(i, j + 1, seed), cell(i + 1, j + 1, seed), u),
        v,
    )
}

/// Gradient noise, about -1..1, smoother to the eye than [`value`].
pub fn gradient(x: f32, y: f32, seed: u32) -> f32 {
    let (xf, yf) = (floor(x), floor(y));
    let (i, j) = (xf as i32, yf as i32);
    let (fx, fy) = (x - xf, y - yf);
    let corner = |di: i32, dj: i32| {
        let h = hash(i + di, j + dj, seed);
        let (dx, dy) = (fx - di as f32, fy - dj as f32);
        // Eight directions, 1 : 1 and 1 : 2 slopes mixed.
        let (a, b) = if h & 4 == 0 { (dx, dy) } else { (dy, dx) };
        // Signs by their bits, since branches on what is random are slow.
        let signed = |v: f32, bit: u32| f32::from_bits(v.to_bits() ^ (bit << 31));
        signed(a, h & 1) + 0.5 * signed(b, h >> 1 & 1)
    };
    let (u, v) = (fade(fx), fade(fy));
    1.1 * lerp(lerp(corner(0, 0), corner(1, 0), u), lerp(corner(0, 1), corner(1, 1), u), v)
}

/// Fractal sum of gradient noise, about -1..1.
pub fn fractal(x: f32, y: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut amplitude, mut norm) = (0.0, 1.0, 0.0);
    // Turning each octave hides the lattice.
    let (c, s) = (1.6, 1.2);
    let (mut x, mut y) = (x, y);
    for octave in 0..octaves {
        sum += amplitude * gradient(x, y, seed.wrapping_add(octave * 101));
        norm += amplitude;
        amplitude *= 0.5;
        (x, y) = (c * x - s * y, s * x + c * y);
    }
    sum / norm * 1.5
}

/// The nearest site of a jittered grid with one site a unit square.
pub struct Nearest {
    /// Lattice square of the site.
    pub id: (i32, i32),
    /// Distance to it, and how much farther the second nearest is.
    pub distance: f32,
    pub gap: f32,
}

/// Voronoi diagram; `jitter` 0 (a grid) to 1.
pub fn voronoi(x: f32, y: f32, jitter: f32, seed: u32) -> Nearest {
    let (i, j) = (floor(x) as i32, floor(y) as i32);
    let (mut best, mut second) = (f32::MAX, f32::MAX);
    let mut id = (i, j);
    for dj in -1..=1 {
        for di in -1..=1 {
            let (ci, cj) = (i + di, j + dj);
            let sx = ci as f32 + 0.5 + jitter * (cell(ci, cj, seed) - 0.5);
            let sy = cj as f32 + 0.5 + jitter * (cell(ci, cj, seed ^ 0x5bd1) - 0.5);
            let d = (sx - x) * (sx - x) + (sy - y) * (sy - y);
            if d < best {
                (second, best) = (best, d);
                id = (ci, cj);
            } else if d < second {
                second = d;
            }
        }
    }
    let distance = best.sqrt();
    Nearest { id, distance, gap: second.sqrt() - distance }
}

/// Rotates a point about the origin.
pub fn rotate(x: f32, y: f32, angle: f32) -> (f32, f32) {
    let (s, c) = (sin(angle), cos(angle));
    (x * c - y * s, x * s + y * c)
}
