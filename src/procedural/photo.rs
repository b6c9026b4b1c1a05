//! A photo as a scene: what the families paint in place of a made-up one.

use super::canvas::{Rgb, luma, mix};
use super::math::{atan2, cos, sin};
use super::noise::{Dice, gradient};
use super::palette::Palette;
use super::recolour::Recolour;
use super::scene::{Sample, Scene, Vortex, box_blur, drawn_into};
use super::segments::segment;
use crate::picture::Picture;

/// Pixels of the small copy of which tones, parts and directions are taken, about.
const SKETCH: f32 = 6_500.0;

/// A border is no outline where colours beside it differ less, squared, than this share of what
/// they differ beside all borders, or than this share of the photo's variance: a cheek has none
/// around its light.
const OUTLINED: (f32, f32) = (0.55, 0.3);

/// How much of its part's mean colour a pixel gets, 0..1.
const FLATNESS: f32 = 0.3;

/// Pixels of a photo, sRGB 0..1.
struct Pixels {
    width: usize,
    height: usize,
    rgb: Vec<Rgb>,
}

impl Pixels {
    fn of(photo: &Picture) -> Self {
        let rgb =
            photo.rgb().chunks_exact(3).map(|p| [p[0], p[1], p[2]].map(|v| f32::from(v) / 255.0));
        let (width, height) = (photo.width() as usize, photo.height() as usize);
        Self { width, height, rgb: rgb.collect() }
    }

    /// A copy of about [`SKETCH`] pixels, every one the mean of those below it.
    fn sketch(&self) -> Self {
        let step = ((self.width * self.height) as f32 / SKETCH).sqrt().max(1.0);
        let side = |n: usize| ((n as f32 / step + 0.5) as usize).clamp(1, n);
        let (width, height) = (side(self.width), side(self.height));
        let rgb = (0..width * height).map(|at| {
            let span = |k: usize, n: usize, all: usize| k * all / n..(k + 1) * all / n;
            let columns = span(at % width, width, self.width);
            let rows = span(at / width, height, self.height);
            let mut sum = [0.0; 3];
            let count = (columns.len() * rows.len()) as f32;
            for j in rows {
                for c in &self.rgb[j * self.width..][columns.clone()] {
                    (0..3).for_each(|k| sum[k] += c[k] / count);
                }
            }
            sum
        });
        Self { width, height, rgb: rgb.collect() }
    }

    /// 1-2-1 in both directions.
    fn smooth(&mut self) {
        let (w, h) = (self.width, self.height);
        let soft = |a: Rgb, b: Rgb, c: Rgb| mix(b, mix(a, c, 0.5), 0.5);
        let mut rows = self.rgb.clone();
        for j in 0..h {
            for i in 0..w {
                let at = j * w + i;
                let (left, right) = (at - usize::from(i > 0), at + usize::from(i + 1 < w));
                rows[at] = soft(self.rgb[left], self.rgb[at], self.rgb[right]);
            }
        }
        for j in 0..h {
            for i in 0..w {
                let at = j * w + i;
                let above = if j > 0 { at - w } else { at };
                let below = if j + 1 < h { at + w } else { at };
                self.rgb[at] = soft(rows[above], rows[at], rows[below]);
            }
        }
    }
}

/// The four pixels around a place, and how much of each there is.
pub struct Corners {
    at: [usize; 4],
    weight: [f32; 4],
}

impl Corners {
    /// For a place in 0..1 of a picture's sides.
    pub fn new((u, v): (f32, f32), width: usize, height: usize) -> Self {
        let axis = |t: f32, n: usize| {
            let place = (t * n as f32 - 0.5).clamp(0.0, (n - 1) as f32);
            let low = place as usize;
            (low, (low + 1).min(n - 1), place - low as f32)
        };
        let ((i, k, s), (j, l, t)) = (axis(u, width), axis(v, height));
        Self {
            at: [j * width + i, j * width + k, l * width + i, l * width + k],
            weight: [(1.0 - s) * (1.0 - t), s * (1.0 - t), (1.0 - s) * t, s * t],
        }
    }

    /// Of a field that has a value a pixel.
    pub fn value(&self, field: &[f32]) -> f32 {
        self.at.iter().zip(self.weight).map(|(&at, w)| w * field[at]).sum()
    }

    fn colour(&self, rgb: &[Rgb]) -> Rgb {
        let [a, b, c, d] = self.at.map(|at| rgb[at]);
        let w = self.weight;
        [0, 1, 2].map(|k| w[0] * a[k] + w[1] * b[k] + w[2] * c[k] + w[3] * d[k])
    }

    fn direction(&self, field: &[(f32, f32)]) -> (f32, f32) {
        self.at
            .iter()
            .zip(self.weight)
            .fold((0.0, 0.0), |sum, (&at, w)| (sum.0 + w * field[at].0, sum.1 + w * field[at].1))
    }
}

/// A photo as a scene of any size, its colours brought to the palette and, if there are any, to
/// the colours of a model. `swirl` draws the strokes where the photo is plain into vortices;
/// `dice` says how strokes run there.
pub fn compose(
    photo: &Picture,
    (width, height): (usize, usize),
    swirl: bool,
    palette: &Palette,
    model: &[Rgb],
    dice: &mut Dice,
) -> Scene {
    let mut pixels = Pixels::of(photo);
    let mut sketch = pixels.sketch();
    let recolour = Recolour::new(&sketch.rgb, palette, model);
    sketch.smooth();
    let labels = segment(&sketch.rgb, sketch.width);
    let means: Vec<Rgb> = means(&sketch.rgb, &labels).into_iter().map(|c| recolour.of(c)).collect();
    let field = directions(&sketch, swirl, dice);
    // Marks are larger than the photo's grain.
    for _ in 0..photo.width().min(photo.height()).div_ceil(256) {
        pixels.smooth();
    }
    let same_size = (width, height) == (pixels.width, pixels.height);
    let mut samples = Vec::with_capacity(width * height);
    for j in 0..height {
        for i in 0..width {
            let place = ((i as f32 + 0.5) / width as f32, (j as f32 + 0.5) / height as f32);
            let seen = if same_size {
                pixels.rgb[j * width + i]
            } else {
                Corners::new(place, pixels.width, pixels.height).colour(&pixels.rgb)
            };
            let corners = Corners::new(place, sketch.width, sketch.height);
            let region = vote(&corners, seen, &sketch.rgb, &labels);
            let colour = mix(recolour.of(seen), means[usize::from(region)], FLATNESS);
            let (x, y) = corners.direction(&field);
            samples.push(Sample { colour, tone: luma(colour), angle: 0.5 * atan2(y, x), region });
        }
    }
    let outlines = outlines(&sketch, &labels, means.len());
    Scene::of_samples(width, height, samples, outlines)
}

/// For all pairs of parts, row by row, whether their border is an outline, across which colours
/// change fast.
fn outlines(sketch: &Pixels, labels: &[u16], parts: usize) -> Vec<bool> {
    let mut steps = vec![(0.0, 0.0f32); parts * parts];
    let (w, h) = (sketch.width, sketch.height);
    let mut note = |line: [usize; 4]| {
        let [a, b] = [labels[line[1]], labels[line[2]]].map(usize::from);
        let step = distance2(sketch.rgb[line[0]], sketch.rgb[line[3]]);
        for pair in [a * parts + b, b * parts + a] {
            steps[pair] = (steps[pair].0 + step, steps[pair].1 + 1.0);
        }
    };
    for j in 0..h {
        for i in 0..w {
            let column = |k: usize| j * w + k.min(w - 1);
            let row = |k: usize| k.min(h - 1) * w + i;
            if i + 1 < w && labels[column(i)] != labels[column(i + 1)] {
                note([i.saturating_sub(1), i, i + 1, i + 2].map(column));
            }
            if j + 1 < h && labels[row(j)] != labels[row(j + 1)] {
                note([j.saturating_sub(1), j, j + 1, j + 2].map(row));
            }
        }
    }
    let (sum, n) = steps.iter().fold((0.0, 0.0), |all, pair| (all.0 + pair.0, all.1 + pair.1));
    let least = (OUTLINED.0 * sum / n).max(OUTLINED.1 * variance(&sketch.rgb));
    steps.into_iter().map(|(sum, n)| sum > least * n).collect()
}

fn distance2(a: Rgb, b: Rgb) -> f32 {
    (0..3).map(|k| (a[k] - b[k]) * (a[k] - b[k])).sum()
}

/// The mean squared distance from the mean colour.
fn variance(rgb: &[Rgb]) -> f32 {
    let n = rgb.len() as f32;
    let mean = [0, 1, 2].map(|k| rgb.iter().map(|c| c[k]).sum::<f32>() / n);
    rgb.iter().map(|&c| distance2(c, mean)).sum::<f32>() / n
}

/// The part, among those around, that a pixel of this colour belongs to.
fn vote(corners: &Corners, seen: Rgb, rgb: &[Rgb], labels: &[u16]) -> u16 {
    let candidates = corners.at.map(|at| labels[at]);
    if candidates.iter().all(|&label| label == candidates[0]) {
        return candidates[0];
    }
    let near: [f32; 4] =
        std::array::from_fn(|k| corners.weight[k] / (0.004 + distance2(rgb[corners.at[k]], seen)));
    let votes = candidates
        .map(|label| (0..4).filter(|&k| candidates[k] == label).map(|k| near[k]).sum::<f32>());
    let best = (1..4).fold(0, |best, k| if votes[k] > votes[best] { k } else { best });
    candidates[best]
}

/// The mean colour of every part.
fn means(rgb: &[Rgb], labels: &[u16]) -> Vec<Rgb> {
    let count = usize::from(labels.iter().copied().max().unwrap_or(0)) + 1;
    let mut sums = vec![([0.0; 3], 0.0f32); count];
    for (c, &label) in rgb.iter().zip(labels) {
        let (sum, n) = &mut sums[usize::from(label)];
        (0..3).for_each(|k| sum[k] += c[k]);
        *n += 1.0;
    }
    sums.into_iter().map(|(sum, n)| sum.map(|v| v / n)).collect()
}

/// How strokes run, as vectors of twice the angle and a length up to 1: along the edges, by
/// structure tensors of three reaches; where there are none, in a drifting direction of the
/// dice's.
fn directions(sketch: &Pixels, swirl: bool, dice: &mut Dice) -> Vec<(f32, f32)> {
    let (w, h) = (sketch.width, sketch.height);
    let tone: Vec<f32> = sketch.rgb.iter().map(|&c| luma(c)).collect();
    let mut edges = vec![(0.0, 0.0); w * h];
    let mut products = [vec![0.0; w * h], vec![0.0; w * h]];
    for j in 0..h {
        for i in 0..w {
            let at = j * w + i;
            let dx = tone[at + usize::from(i + 1 < w)] - tone[at - usize::from(i > 0)];
            let dy =
                tone[if j + 1 < h { at + w } else { at }] - tone[if j > 0 { at - w } else { at }];
            // A quarter turn from the gradient, which negates what has twice the angle.
            (products[0][at], products[1][at]) = (dy * dy - dx * dx, -2.0 * dx * dy);
        }
    }
    let short = w.min(h);
    for (share, weight) in [(48, 1.0), (16, 0.3), (6, 0.1)] {
        for field in &mut products {
            blur(field, w, h, short.div_ceil(share));
        }
        for (sum, (x, y)) in edges.iter_mut().zip(products[0].iter().zip(&products[1])) {
            *sum = (sum.0 + weight * x, sum.1 + weight * y);
        }
    }
    let length = |v: (f32, f32)| (v.0 * v.0 + v.1 * v.1).sqrt();
    let mean = edges.iter().map(|&v| length(v)).sum::<f32>() / edges.len() as f32;
    let (angle, seed) = (dice.about(0.7), dice.bits());
    let reach = short as f32;
    let vortices: Vec<Vortex> = if swirl {
        let place = |n: usize, dice: &mut Dice| dice.unit() * n as f32 / reach;
        (0..4 + dice.below(4))
            .map(|_| (place(w, dice), place(h, dice), dice.range(0.15, 0.35)))
            .collect()
    } else {
        Vec::new()
    };
    let plain = mean * if swirl { 0.15 } else { 0.1 } + 1e-7;
    let at = |at: usize| ((at % w) as f32 / reach, (at / w) as f32 / reach);
    edges
        .iter()
        .enumerate()
        .map(|(k, &edge)| {
            let (x, y) = at(k);
            let bent = angle + 0.8 * gradient(x * 2.2, y * 2.2, seed);
            let (dx, dy) = drawn_into(&vortices, (x, y), (cos(bent), sin(bent)));
            let (dx, dy) = (dx * dx - dy * dy, 2.0 * dx * dy);
            let free = plain / (plain + length(edge)) / length((dx, dy)).max(1e-6);
            let bound = 1.0 / (plain + length(edge));
            (bound * edge.0 + free * dx, bound * edge.1 + free * dy)
        })
        .collect()
}

/// Running mean in both directions.
fn blur(field: &mut [f32], width: usize, height: usize, radius: usize) {
    for row in 0..height {
        box_blur(field, row * width, 1, width, radius);
    }
    for column in 0..width {
        box_blur(field, column, width, height, radius);
    }
}

#[cfg(test)]
mod tests {
    use std::f32::consts::PI;

    use super::*;
    use crate::procedural::math::turn;
    use crate::procedural::{Family, from_photo, paint, random_pair};

    fn photo(width: u32, height: u32, colour: impl Fn(f32, f32) -> Rgb) -> Picture {
        let pixels = (0..width * height)
            .flat_map(|at| colour((at % width) as f32, (at / width) as f32))
            .map(|v| (v * 255.0) as u8);
        Picture::new(width, height, pixels.collect()).unwrap()
    }

    /// Sky over a darker hill.
    fn landscape() -> Picture {
        photo(64, 48, |x, y| {
            let hill = y > 26.0 + 6.0 * sin(x / 9.0);
            if hill { [0.15, 0.3 + 0.002 * x, 0.1] } else { [0.6, 0.75, 0.95 - 0.005 * y] }
        })
    }

    fn painters() -> impl Iterator<Item = Family> {
        Family::ALL.iter().copied().filter(|family| family.paints_photos())
    }

    #[test]
    fn a_photo_is_painted_at_its_size_alike_for_alike_seeds() {
        for family in painters() {
            let name = family.name();
            let painted = |seed| from_photo(&landscape(), family, seed).unwrap();
            let first = painted(7);
            assert_eq!((first.width(), first.height()), (64, 48), "{name}");
            assert_eq!(first, painted(7), "{name} is not deterministic");
            assert_ne!(first, painted(8), "{name} ignores its seed");
            assert_ne!(first, paint(family, 64, 48, 7), "{name} ignores the photo");
        }
        assert_eq!(from_photo(&landscape(), Family::Geometric, 7), None);
    }

    #[test]
    fn any_photo_works() {
        for family in painters() {
            for (width, height) in [(1, 1), (33, 1), (1, 20), (17, 31)] {
                for grey in [0.0, 0.5, 1.0] {
                    let painted =
                        from_photo(&photo(width, height, |_, _| [grey; 3]), family, 3).unwrap();
                    assert_eq!((painted.width(), painted.height()), (width, height));
                }
            }
        }
    }

    #[test]
    fn light_stays_light_and_dark_stays_dark() {
        let halves = photo(96, 64, |x, _| if x < 48.0 { [0.2, 0.15, 0.1] } else { [0.8; 3] });
        for family in painters() {
            for seed in 0..4 {
                let painted = from_photo(&halves, family, seed).unwrap();
                let tone = |right: bool| {
                    let side = |&(at, _): &(usize, &[u8])| (at % 96 >= 48) == right;
                    let pixels = painted.rgb().chunks(3).enumerate().filter(side);
                    pixels.map(|(_, p)| luma([p[0], p[1], p[2]].map(f32::from))).sum::<f32>()
                        / (48.0 * 64.0)
                };
                let (dark, light) = (tone(false), tone(true));
                assert!(light > dark + 12.0, "{} {seed}: {dark} and {light}", family.name());
            }
        }
    }

    #[test]
    fn strokes_run_along_stripes() {
        for degrees in [0.0, 30.0, 75.0, 90.0, 120.0, 160.0f32] {
            let along = degrees / 180.0 * PI;
            // The tone changes across.
            let stripes = photo(120, 90, |x, y| {
                [0.5 + 0.4 * sin((y * cos(along) - x * sin(along)) * 0.6); 3]
            });
            let palette = Palette::random(&mut Dice::new(1));
            let scene = compose(&stripes, (120, 90), false, &palette, &[], &mut Dice::new(2));
            for (x, y) in [(60.0, 45.0), (30.0, 25.0), (95.0, 60.0)] {
                let off = turn(along, scene.at(x, y).angle).abs();
                assert!(off < 0.15, "{degrees} degrees: off by {off}");
            }
        }
    }

    #[test]
    fn outlines_run_along_edges_and_not_through_gradients() {
        let edge = photo(100, 80, |x, y| if x < 50.0 { [0.002 * y; 3] } else { [0.9; 3] });
        let palette = Palette::random(&mut Dice::new(1));
        let scene = compose(&edge, (100, 80), false, &palette, &[], &mut Dice::new(2));
        let distance = scene.outline_distance();
        assert!(distance[40 * 100 + 50] < 1.5);
        assert!(distance[40 * 100 + 25] > 20.0 && distance[40 * 100 + 75] > 20.0);
    }

    #[test]
    fn a_pair_is_a_style_picture_and_the_photo_in_that_style() {
        let [style, answer] = random_pair(&landscape(), 40, 30, 5);
        assert_eq!((style.width(), style.height()), (40, 30));
        assert_eq!((answer.width(), answer.height()), (64, 48));
        assert_eq!(random_pair(&landscape(), 40, 30, 5), [style, answer]);
    }
}
