//! Families that flow: marbling, watercolour, agate.

use std::f32::consts::{FRAC_PI_2, PI};

use super::Studio;
use super::canvas::{Canvas, luma, mix, multiply, saturate, scale, shade};
use super::math::{fract, lerp, sin, smoothstep};
use super::noise::{cell, fractal, gradient, rotate, value, voronoi};

/// One thing done to the paint on the water, by Jaffer's "Mathematical Marbling" (2012).
enum Deed {
    /// A drop that pushes everything outwards: x, y, radius, colour.
    Drop(f32, f32, f32, usize),
    /// Teeth drawn in a direction: angle, spacing, pull, sharpness.
    Comb(f32, f32, f32, f32),
    /// A stirring circle: x, y, radius, pull, sharpness.
    Stir(f32, f32, f32, f32, f32),
}

impl Deed {
    /// Whether the forms of a photo outlast it, once it is made gentler.
    fn spares_forms(&mut self) -> bool {
        match self {
            Deed::Drop(..) => false,
            Deed::Comb(_, _, pull, _) | Deed::Stir(_, _, _, pull, _) => {
                *pull = (0.3 * *pull).min(0.03);
                true
            }
        }
    }
}

/// Drops of colour, or a photo laid on the water, combed into feathers.
pub fn marbling(studio: &mut Studio) -> Canvas {
    let palette = studio.palette.clone();
    let dice = &mut studio.dice;
    let (width, height) = (studio.width, studio.height);
    let short = width.min(height) as f32;
    let (w, h) = (width as f32 / short, height as f32 / short);
    let n = palette.len();
    let mut deeds = Vec::new();
    let stones = dice.chance(0.4);
    let count = 20 + dice.below(10);
    for k in 0..count {
        let colour = if k % 2 == 0 { k / 2 % n } else { dice.below(n) };
        let radius = if stones { dice.range(0.05, 0.16) } else { dice.range(0.12, 0.26) };
        deeds.push(Deed::Drop(
            dice.range(-0.1, 1.1) * w,
            dice.range(-0.1, 1.1) * h,
            radius,
            colour,
        ));
    }
    let first = *dice.pick(&[0.0, FRAC_PI_2, 0.6, -0.8]);
    let spacing = dice.range(0.08, 0.2);
    deeds.push(Deed::Comb(first, spacing, dice.range(0.08, 0.22), dice.range(6.0, 14.0)));
    if dice.chance(0.75) {
        deeds.push(Deed::Comb(
            first + FRAC_PI_2,
            spacing * dice.range(0.5, 0.9),
            dice.range(0.05, 0.16),
            dice.range(9.0, 20.0),
        ));
    }
    if dice.chance(0.5) {
        deeds.push(Deed::Comb(first, spacing * 0.45, dice.range(0.03, 0.08), 24.0));
    }
    for _ in 0..dice.below(4) {
        deeds.push(Deed::Stir(
            dice.unit() * w,
            dice.unit() * h,
            dice.range(0.08, 0.25),
            dice.range(0.1, 0.4),
            dice.range(8.0, 16.0),
        ));
    }
    let seed = studio.seed;
    let scene = studio.photo_scene();
    if scene.is_some() {
        deeds.retain_mut(Deed::spares_forms);
    }
    // Undoes the deeds from last to first until the point lies in a drop.
    let colour_at = |x: f32, y: f32| {
        let (mut x, mut y) = (x / short, y / short);
        x += 0.012 * gradient(x * 7.0, y * 7.0, seed);
        y += 0.012 * gradient(x * 7.0, y * 7.0, seed ^ 1);
        for deed in deeds.iter().rev() {
            match *deed {
                Deed::Drop(cx, cy, r, colour) => {
                    let (dx, dy) = (x - cx, y - cy);
                    let d2 = dx * dx + dy * dy;
                    if d2 < r * r {
                        return colour;
                    }
                    let shrink = (1.0 - r * r / d2).sqrt();
                    (x, y) = (cx + dx * shrink, cy + dy * shrink);
                }
                Deed::Comb(angle, spacing, pull, sharpness) => {
                    let (u, v) = rotate(x, y, -angle);
                    let tooth = (fract(v / spacing) - 0.5).abs() * spacing;
                    // Neighbouring teeth go opposite ways.
                    let way = if (v / spacing).floor() as i32 % 2 == 0 { 1.0 } else { -0.35 };
                    let u = u - pull * way / (1.0 + tooth * tooth * sharpness * sharpness * 8.0);
                    (x, y) = rotate(u, v, angle);
                }
                Deed::Stir(cx, cy, r, pull, sharpness) => {
                    let (dx, dy) = (x - cx, y - cy);
                    let d = (dx * dx + dy * dy).sqrt();
                    let off = (d - r).abs() * sharpness;
                    let (dx, dy) = rotate(dx, dy, -pull / (1.0 + off * off) / d.max(0.05));
                    (x, y) = (cx + dx, cy + dy);
                }
            }
        }
        // The bath itself, sprinkled with the first colours.
        let bath = fractal(x * 3.0, y * 3.0, 3, seed);
        if let Some(scene) = &scene {
            let ripple = 0.22 * fractal(x * 8.0, y * 8.0, 2, seed ^ 2) + 0.1 * bath;
            return palette.place(shade(scene.at(x * short, y * short).colour, ripple));
        }
        ((bath + 1.0) * n as f32 * 1.5).max(0.0) as usize % n
    };
    let whole: Vec<usize> = (0..width * height)
        .map(|at| colour_at((at % width) as f32 + 0.5, (at / width) as f32 + 0.5))
        .collect();
    let px = studio.px;
    let mut canvas = Canvas::from_fn(width, height, |x, y| {
        let (i, j) = (x as usize, y as usize);
        let own = whole[j * width + i];
        let edge = [(i + 1, j), (i.wrapping_sub(1), j), (i, j + 1), (i, j.wrapping_sub(1))]
            .into_iter()
            .any(|(i, j)| i < width && j < height && whole[j * width + i] != own);
        if !edge {
            return palette.rank(own);
        }
        let mut sum = [0.0; 3];
        for (dx, dy) in [(-0.27, -0.1), (0.1, -0.27), (0.27, 0.1), (-0.1, 0.27)] {
            let c = palette.rank(colour_at(x + dx, y + dy));
            sum = [sum[0] + c[0] / 4.0, sum[1] + c[1] / 4.0, sum[2] + c[2] / 4.0];
        }
        sum
    });
    canvas.each(|x, y, c| {
        let (nx, ny) = (x / px, y / px);
        let pigment = 0.16 * fractal(nx * 0.015, ny * 0.015, 3, seed)
            + 0.07 * (value(nx * 0.5, ny * 0.5, seed) - 0.5);
        shade(saturate(c, 1.15), pigment)
    });
    canvas
}

/// Transparent washes with dark rims, blooms and granulation.
pub fn watercolour(studio: &mut Studio) -> Canvas {
    let scene = studio.scene(false);
    let px = studio.px;
    let (w, seed) = (studio.width, studio.seed);
    let paper = mix(studio.palette.paper(), [0.99, 0.98, 0.95], 0.5);
    let border = scene.outline_distance();
    let bleed = studio.dice.range(6.0, 16.0) * px;
    let load = studio.dice.range(0.75, 1.0);
    let dry = studio.dice.chance(0.5);
    let mut canvas = Canvas::from_fn(studio.width, studio.height, |x, y| {
        let (nx, ny) = (x / px, y / px);
        // Wet paint wanders over the drawn line.
        let (ox, oy) = (
            bleed * fractal(nx * 0.016, ny * 0.016, 4, seed),
            bleed * fractal(nx * 0.016, ny * 0.016, 4, seed ^ 1),
        );
        let (qx, qy) =
            ((x + ox).clamp(0.0, w as f32 - 1.0), (y + oy).clamp(0.0, scene.height as f32 - 1.0));
        let s = scene.at(qx, qy);
        let d = border[qy as usize * w + qx as usize];
        let soft = value(nx * 0.01, ny * 0.01, seed ^ 3);
        let pool = fractal(nx * 0.010, ny * 0.010, 5, seed ^ u32::from(s.region));
        let mut density = load * (0.72 + 0.42 * pool);
        // A rim where the wash dried, a bare seam beside it.
        density += 0.5
            * smoothstep(3.6 * px, 0.8 * px, d)
            * smoothstep(0.3, 0.6, soft)
            * (1.0 - smoothstep(1.2 * px, 0.3 * px, d));
        if dry {
            density *=
                1.0 - 0.85 * smoothstep(1.5 * px, 0.5 * px, d) * smoothstep(0.45, 0.55, soft);
        }
        // Blooms: a drop of water pushed pigment to a ragged ring.
        let bloom = voronoi(nx / 170.0, ny / 170.0, 1.0, seed ^ 8);
        let radius = 0.14
            + 0.2 * fractal(nx * 0.02, ny * 0.02, 4, seed ^ 6)
            + 0.25 * cell(bloom.id.0, bloom.id.1, seed);
        let ring = if cell(bloom.id.0, bloom.id.1, seed ^ 5) < 0.4 {
            bloom.distance - radius
        } else {
            1.0
        };
        density += 0.3 * smoothstep(0.045, 0.0, ring.abs()) - 0.28 * smoothstep(0.0, -0.12, ring);
        let tooth = value(x * 0.55, y * 0.55, 21) * 0.6 + value(x * 0.25, y * 0.25, 22) * 0.4;
        density *= 1.0 + 0.34 * (tooth - 0.5);
        // Pigments part: two colours of the palette run into each other.
        let wash = saturate(mix(s.colour, scene.at(x + 3.0 * ox, y + 3.0 * oy).colour, 0.35), 1.4);
        let thin = mix(paper, wash, density.clamp(0.0, 1.0));
        let deep = multiply(thin, mix(wash, [1.0; 3], 0.35));
        let colour = mix(thin, deep, (density - 0.75).clamp(0.0, 1.0));
        shade(colour, 0.04 * (tooth - 0.5))
    });
    for _ in 0..26 {
        let (x, y) =
            (studio.dice.unit() * studio.width as f32, studio.dice.unit() * studio.height as f32);
        let r = px * (0.6 + 3.0 * studio.dice.unit() * studio.dice.unit() * studio.dice.unit());
        let colour = scale(saturate(studio.palette.any(&mut studio.dice), 1.2), 0.9);
        canvas.polyline(&[(x, y), (x + 0.3, y + 0.3)], |_| r, colour, 0.5, 0.0);
    }
    canvas
}

/// Banded stone: folded noise, or the tones of a photo, over the palette, with mineral veins.
pub fn agate(studio: &mut Studio) -> Canvas {
    let (width, height) = (studio.width, studio.height);
    let short = width.min(height) as f32;
    let palette = studio.palette.clone();
    let dice = &mut studio.dice;
    let (frequency, fold, bands) =
        (dice.range(1.2, 2.6), dice.range(0.5, 1.1), dice.range(1.5, 4.5));
    let n = palette.len();
    let (tilt, squash) = (dice.range(-PI, PI), dice.range(0.4, 1.0));
    let gold = mix([0.93, 0.78, 0.42], palette.lightest(), 0.3);
    let veined = dice.chance(0.6);
    let seed = studio.seed;
    let px = studio.px;
    let tone = studio.photo_scene().map(|scene| scene.soft_tone((3.0 * px) as usize));
    let (low, high) = (luma(palette.darkest()), luma(palette.lightest()));
    let mut canvas = Canvas::from_fn(width, height, |x, y| {
        let (u, v) = rotate(x / short * frequency, y / short * frequency, tilt);
        let v = v * squash;
        let (ax, ay) = (fractal(u, v, 3, seed), fractal(u + 5.2, v + 1.3, 3, seed ^ 1));
        let (bx, by) = (
            fractal(u + fold * ax, v + fold * ay, 3, seed ^ 2),
            fractal(u + fold * ay + 8.3, v + fold * ax, 2, seed ^ 3),
        );
        let field = fractal(u + fold * bx, v + fold * by, 4, seed ^ 4);
        let (ladder, t) = match &tone {
            // The bands are the level lines of the photo.
            Some(tone) => {
                let tone = (tone[y as usize * width + x as usize] - low) / (high - low).max(0.05);
                let t = tone + 0.15 * field;
                (t * bands + 0.1 * ax, t.clamp(0.0, 1.0))
            }
            // There and back through the palette, so that no band is a jump.
            None => {
                let ladder = (field * 0.5 + 0.5) * bands + 0.4 * ax;
                (ladder, 1.0 - (fract(ladder * 0.5) * 2.0 - 1.0).abs())
            }
        };
        // Partly in steps: layers that settled one after another.
        let steps = (n - 1) as f32 * 2.0;
        let rung = (t * steps).floor() + smoothstep(0.3, 0.7, fract(t * steps));
        let fine = 0.11 * sin(ladder * 44.0 + 3.0 * bx) * smoothstep(-0.5, 0.5, ay);
        let crystal =
            0.16 * (value(x / px * 0.45, y / px * 0.45, seed ^ 6) - 0.5) * smoothstep(0.1, 0.7, bx);
        let mut colour =
            shade(palette.ramp(lerp(t, rung / steps, 0.8)), fine + crystal + 0.14 * by);
        if veined {
            let vein = (ay + 0.55 * bx).abs();
            let here = smoothstep(-0.1, 0.4, ax);
            let glitter = 0.3 * (value(x / px * 0.8, y / px * 0.8, seed) - 0.4);
            colour = mix(colour, shade(gold, glitter), here * smoothstep(0.035, 0.012, vein));
        }
        saturate(colour, 1.15)
    });
    for at in 0..width * height {
        canvas.relief[at] = luma(canvas.rgb[at]) * 2.0;
    }
    canvas.light(studio.light, 0.25, 0.05);
    canvas
}
