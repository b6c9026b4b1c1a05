//! What a picture shows: the coloured forms below the marks, and the direction
//! in which a hand would follow them.

use super::canvas::{Rgb, luma, mix, shade};
use super::compositions;
use super::math::{atan2, cos, exp, lerp, sin, smoothstep};
use super::noise::{Dice, fractal, gradient, rotate, value};
use super::palette::Palette;

/// Outlines, in units of the picture's short side, y down.
pub enum Shape {
    Everything,
    /// All below a skyline.
    Ridge(Skyline),
    Ellipse {
        x: f32,
        y: f32,
        rx: f32,
        ry: f32,
        tilt: f32,
        rough: f32,
        seed: u32,
    },
    Block {
        x: f32,
        y: f32,
        hx: f32,
        hy: f32,
        tilt: f32,
    },
    /// A stem from `top` to `bottom`, wider below.
    Trunk {
        x: f32,
        lean: f32,
        radius: f32,
        top: f32,
        bottom: f32,
        seed: u32,
    },
    Flower {
        x: f32,
        y: f32,
        radius: f32,
        petals: u32,
        turn: f32,
    },
    /// A triangle on its base, as a sail or a fir: tip at (x, y).
    Fir {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
    },
}

impl Shape {
    /// Local coordinates (about -1..1) of a point inside, `None` outside.
    fn hit(&self, px: f32, py: f32) -> Option<(f32, f32)> {
        match *self {
            Shape::Everything => Some((px, py)),
            Shape::Ridge(ref skyline) => {
                let depth = py - skyline.at(px);
                (depth > 0.0).then_some((px, depth))
            }
            Shape::Ellipse { x, y, rx, ry, tilt, rough, seed } => {
                let (dx, dy) = (px - x, py - y);
                let reach = rx.max(ry) * (1.0 + rough);
                if dx.abs() > reach || dy.abs() > reach {
                    return None;
                }
                let (u, v) = rotate(dx, dy, -tilt);
                let (u, v) = (u / rx, v / ry);
                let edge = if rough > 0.0 {
                    1.0 + rough * gradient(dx / rx * 2.3 + 7.0, dy / ry * 2.3, seed)
                } else {
                    1.0
                };
                (u * u + v * v < edge * edge).then_some((u / edge, v / edge))
            }
            Shape::Block { x, y, hx, hy, tilt } => {
                let (u, v) = rotate(px - x, py - y, -tilt);
                (u.abs() < hx && v.abs() < hy).then_some((u / hx, v / hy))
            }
            Shape::Trunk { x, lean, radius, top, bottom, seed } => {
                let t = (py - top) / (bottom - top);
                let wave = 0.8 * radius * (value(py * 5.0, x * 9.0, seed) - 0.5);
                let u = px - x - lean * (py - bottom) - wave;
                let r = radius * (0.55 + 0.45 * t * t);
                ((0.0..1.0).contains(&t) && u.abs() < r).then_some((u / r, t * 2.0 - 1.0))
            }
            Shape::Flower { x, y, radius, petals, turn } => {
                let (dx, dy) = (px - x, py - y);
                let d = (dx * dx + dy * dy).sqrt() / radius;
                if d > 1.0 {
                    return None;
                }
                let lobe = cos(atan2(dy, dx) * petals as f32 / 2.0 + turn).abs();
                (d < 0.55 + 0.45 * lobe).then_some((dx / radius, dy / radius))
            }
            Shape::Fir { x, y, width, height } => {
                let t = (py - y) / height;
                let u = (px - x) / width * 2.0;
                ((0.0..1.0).contains(&t) && u.abs() < t).then_some((u, t * 2.0 - 1.0))
            }
        }
    }
}

/// A rolling line from the left to the right of a picture.
pub struct Skyline {
    /// Heights at `RESOLUTION` places a unit, from `MARGIN` left of the picture.
    heights: Vec<f32>,
}

impl Skyline {
    const RESOLUTION: f32 = 512.0;
    const MARGIN: f32 = 0.1;

    /// For a picture `w` wide. `peak` adds a mountain: (x, height, half width).
    pub fn new(
        w: f32,
        base: f32,
        swell: f32,
        frequency: f32,
        peak: Option<(f32, f32, f32)>,
        seed: u32,
    ) -> Self {
        let count = ((w + 2.0 * Self::MARGIN) * Self::RESOLUTION) as usize + 2;
        let height = |k: usize| {
            let x = k as f32 / Self::RESOLUTION - Self::MARGIN;
            let line = base - swell * fractal(x * frequency, 0.37, 4, seed);
            match peak {
                // Concave flanks, as of a volcano, and a blunt top.
                Some((at, height, half)) => {
                    let t = 1.0 - ((x - at).abs() / half).min(1.0);
                    line - height * (0.35 * t + 0.65 * t * t)
                        + 0.03 * smoothstep(0.93, 1.0, t) * height
                }
                None => line,
            }
        };
        Self { heights: (0..count).map(height).collect() }
    }

    fn at(&self, x: f32) -> f32 {
        let place =
            ((x + Self::MARGIN) * Self::RESOLUTION).clamp(0.0, (self.heights.len() - 2) as f32);
        let k = place as usize;
        lerp(self.heights[k], self.heights[k + 1], place - k as f32)
    }
}

/// How the colour runs inside a shape.
pub enum Run {
    /// From `near` at the top to `far`, this far below (in local units).
    Down(f32),
    /// From `near` in the middle to `far` at the rim.
    Out,
    /// A lit ball.
    Ball,
}

/// How strokes lie inside a shape.
pub enum Flow {
    /// One direction, in radians, drifting by `drift` and drawn into vortices.
    Along {
        angle: f32,
        drift: f32,
    },
    Around,
    Radial,
    /// Along the ridge line, steeper ones downhill.
    Slope,
}

pub struct Layer {
    pub shape: Shape,
    pub near: Rgb,
    pub far: Rgb,
    pub run: Run,
    pub flow: Flow,
    /// Light and dark patches, 0..1.
    pub mottle: f32,
}

/// A centre that strokes circle around, x, y and radius.
pub type Vortex = (f32, f32, f32);

/// The direction of a stroke at a place, drawn into the vortices, which turn this way and that by turns.
pub fn drawn_into(vortices: &[Vortex], (x, y): (f32, f32), direction: (f32, f32)) -> (f32, f32) {
    let turns = [1.0, -1.0].into_iter().cycle();
    vortices.iter().zip(turns).fold(direction, |(dx, dy), (&(cx, cy, r), turn)| {
        let (rx, ry) = (x - cx, y - cy);
        let d2 = rx * rx + ry * ry;
        let pull = 4.0 * exp(-d2 / (r * r)) * turn;
        let d = d2.sqrt().max(1e-4);
        (dx - ry / d * pull, dy + rx / d * pull)
    })
}

#[derive(Clone, Copy)]
pub struct Sample {
    pub colour: Rgb,
    /// Luma of the colour.
    pub tone: f32,
    /// Direction of strokes, radians.
    pub angle: f32,
    /// Which form of the scene this belongs to.
    pub region: u16,
}

/// A composed scene, sampled at every pixel.
pub struct Scene {
    pub width: usize,
    pub height: usize,
    samples: Vec<Sample>,
    /// For every pair of regions, row by row, whether an outline parts them.
    outlines: Vec<bool>,
}

impl Scene {
    pub fn compose(
        width: usize,
        height: usize,
        swirl: bool,
        palette: &Palette,
        dice: &mut Dice,
    ) -> Self {
        let short = width.min(height) as f32;
        let (w, h) = (width as f32 / short, height as f32 / short);
        let layers = compositions::any(w, h, palette, dice);
        let outlines =
            (0..layers.len() * layers.len()).map(|at| at / layers.len() != at % layers.len());
        let outlines = outlines.collect();
        let mut vortices: Vec<Vortex> = Vec::new();
        if swirl {
            for _ in 0..4 + dice.below(4) {
                vortices.push((
                    dice.range(0.0, w),
                    dice.range(0.0, h * 0.8),
                    dice.range(0.1, 0.32),
                ));
            }
        }
        let light = dice.range(-2.6, -0.5);
        let seed = dice.bits();
        let wobble = dice.range(0.006, 0.03);
        let mut samples = Vec::with_capacity(width * height);
        for j in 0..height {
            for i in 0..width {
                let (x, y) = ((i as f32 + 0.5) / short, (j as f32 + 0.5) / short);
                samples.push(Self::sample(&layers, &vortices, x, y, light, wobble, seed));
            }
        }
        Self { width, height, samples, outlines }
    }

    /// From the sample of every pixel. `outlines` says for every pair of regions, row by row,
    /// whether an outline parts them.
    pub fn of_samples(
        width: usize,
        height: usize,
        samples: Vec<Sample>,
        outlines: Vec<bool>,
    ) -> Self {
        Self { width, height, samples, outlines }
    }

    fn sample(
        layers: &[Layer],
        vortices: &[Vortex],
        x: f32,
        y: f32,
        light: f32,
        wobble: f32,
        seed: u32,
    ) -> Sample {
        // No outline is drawn with a ruler.
        let px = x + wobble * gradient(x * 6.0, y * 6.0, seed);
        let py = y + wobble * gradient(x * 6.0, y * 6.0, seed ^ 0xabc);
        let (region, layer, (u, v)) = layers
            .iter()
            .enumerate()
            .rev()
            .find_map(|(k, layer)| layer.shape.hit(px, py).map(|at| (k, layer, at)))
            .unwrap_or((0, &layers[0], (px, py)));
        let t = match layer.run {
            Run::Down(depth) => match layer.shape {
                Shape::Everything | Shape::Ridge(_) => v / depth,
                _ => (v + 1.0) / 2.0 / depth,
            },
            Run::Out => (u * u + v * v).sqrt(),
            Run::Ball => 0.0,
        };
        let mut colour = mix(layer.near, layer.far, smoothstep(0.0, 1.0, t));
        if matches!(layer.run, Run::Ball) {
            let facing = u * cos(light) + v * sin(light);
            colour = mix(layer.near, layer.far, smoothstep(0.5, -0.8, facing));
            colour = shade(
                colour,
                0.45 * smoothstep(0.4, 0.9, facing) - 0.35 * smoothstep(-0.3, -1.0, facing),
            );
        }
        if layer.mottle > 0.0 {
            let patch = fractal(px * 5.0 + region as f32 * 3.1, py * 8.0, 2, seed ^ 0x77);
            colour = mix(
                colour,
                if patch > 0.0 { layer.near } else { layer.far },
                0.5 * layer.mottle * patch.abs(),
            );
            colour = shade(colour, 0.28 * layer.mottle * patch);
        }
        let angle = match layer.flow {
            Flow::Along { angle, drift } => {
                let bent = angle + drift * gradient(x * 2.2, y * 2.2, seed ^ 0x1234);
                let (dx, dy) = drawn_into(vortices, (x, y), (cos(bent), sin(bent)));
                atan2(dy, dx)
            }
            Flow::Around => atan2(u, -v) + 0.15 * gradient(x * 7.0, y * 7.0, seed),
            Flow::Radial => atan2(v, u),
            Flow::Slope => match layer.shape {
                Shape::Ridge(ref skyline) => {
                    let rise = (skyline.at(px + 0.02) - skyline.at(px - 0.02)) / 0.04;
                    atan2(rise * exp(-v * 3.0), 1.0) + 0.25 * gradient(x * 4.0, y * 4.0, seed)
                }
                _ => 0.0,
            },
        };
        Sample { colour, tone: luma(colour), angle, region: region as u16 }
    }

    /// The colours of all pixels.
    pub fn colours(&self) -> Vec<Rgb> {
        self.samples.iter().map(|s| s.colour).collect()
    }

    /// At a pixel position; positions outside count as the nearest inside.
    pub fn at(&self, x: f32, y: f32) -> Sample {
        let i = (x.max(0.0) as usize).min(self.width - 1);
        let j = (y.max(0.0) as usize).min(self.height - 1);
        self.samples[j * self.width + i]
    }

    /// How fast the tone changes across `reach` pixels, about 0..1.
    pub fn detail(&self, x: f32, y: f32, reach: f32) -> f32 {
        let tone = |dx: f32, dy: f32| self.at(x + dx, y + dy).tone;
        (tone(reach, 0.0) - tone(-reach, 0.0))
            .abs()
            .max((tone(0.0, reach) - tone(0.0, -reach)).abs())
    }

    /// The tone of every pixel, blurred over about `radius` pixels.
    pub fn soft_tone(&self, radius: usize) -> Vec<f32> {
        let mut tone: Vec<f32> = self.samples.iter().map(|s| s.tone).collect();
        for _ in 0..2 {
            for row in 0..self.height {
                box_blur(&mut tone, row * self.width, 1, self.width, radius);
            }
            for column in 0..self.width {
                box_blur(&mut tone, column, self.width, self.height, radius);
            }
        }
        tone
    }

    /// Distance in pixels to the nearest border, which `border` tells of two
    /// neighbouring pixels by their places in rows; slightly blurred, so that
    /// thresholds of it are smooth lines.
    pub fn border_distance(&self, border: impl Fn(usize, usize) -> bool) -> Vec<f32> {
        let (w, h) = (self.width, self.height);
        let mut d = vec![1e6f32; w * h];
        for j in 0..h {
            for i in 0..w {
                let at = j * w + i;
                if i + 1 < w && border(at, at + 1) {
                    (d[at], d[at + 1]) = (0.5, 0.5);
                }
                if j + 1 < h && border(at, at + w) {
                    (d[at], d[at + w]) = (0.5, 0.5);
                }
            }
        }
        // Two chamfer passes.
        for j in 0..h {
            for i in 0..w {
                let at = j * w + i;
                let mut best = d[at];
                if i > 0 {
                    best = best.min(d[at - 1] + 1.0);
                }
                if j > 0 {
                    best = best.min(d[at - w] + 1.0);
                    if i > 0 {
                        best = best.min(d[at - w - 1] + 1.4);
                    }
                    if i + 1 < w {
                        best = best.min(d[at - w + 1] + 1.4);
                    }
                }
                d[at] = best;
            }
        }
        for j in (0..h).rev() {
            for i in (0..w).rev() {
                let at = j * w + i;
                let mut best = d[at];
                if i + 1 < w {
                    best = best.min(d[at + 1] + 1.0);
                }
                if j + 1 < h {
                    best = best.min(d[at + w] + 1.0);
                    if i > 0 {
                        best = best.min(d[at + w - 1] + 1.4);
                    }
                    if i + 1 < w {
                        best = best.min(d[at + w + 1] + 1.4);
                    }
                }
                d[at] = best;
            }
        }
        blur(&d, w, h)
    }

    /// [`Self::border_distance`] of the scene's own forms.
    pub fn outline_distance(&self) -> Vec<f32> {
        let regions = self.outlines.len().isqrt();
        let region = |at: usize| usize::from(self.samples[at].region);
        self.border_distance(|a, b| self.outlines[region(a) * regions + region(b)])
    }
}

/// Running mean over `2 radius + 1` of `n` values a `stride` apart.
pub fn box_blur(field: &mut [f32], start: usize, stride: usize, n: usize, radius: usize) {
    let line: Vec<f32> = (0..n).map(|k| field[start + k * stride]).collect();
    let at = |k: isize| line[k.clamp(0, n as isize - 1) as usize];
    let r = radius as isize;
    let mut sum: f32 = (-r..=r).map(at).sum();
    for k in 0..n as isize {
        field[start + k as usize * stride] = sum / (2 * r + 1) as f32;
        sum += at(k + r + 1) - at(k - r);
    }
}

/// 1-2-1 in both directions.
fn blur(field: &[f32], w: usize, h: usize) -> Vec<f32> {
    let mut rows = field.to_vec();
    for j in 0..h {
        for i in 1..w.saturating_sub(1) {
            let at = j * w + i;
            rows[at] = (field[at - 1] + 2.0 * field[at] + field[at + 1]) / 4.0;
        }
    }
    let mut out = rows.clone();
    for j in 1..h.saturating_sub(1) {
        for i in 0..w {
            let at = j * w + i;
            out[at] = (rows[at - w] + 2.0 * rows[at] + rows[at + w]) / 4.0;
        }
    }
    out
}
