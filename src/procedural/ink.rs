//! Ink on absorbent paper.

use std::f32::consts::FRAC_PI_2;

use super::Studio;
use super::canvas::{Canvas, Dab, Rgb, luma, mix, multiply, shade};
use super::math::{cos, exp, lerp, sin, smoothstep};
use super::noise::{cell, fractal, gradient, value};
use super::scene::Scene;

/// What is on the table.
struct Inks {
    ink: Rgb,
    tint: Rgb,
    paper: Rgb,
    /// How much of the tint goes into the palest wash, 0..1.
    chroma: f32,
}

/// Where a ridge runs: height, swell, frequency, seed.
type Rise = (f32, f32, f32, u32);

/// Brush and ink, with a seal: mountains in mist and reeds, or a photo.
pub fn ink_wash(studio: &mut Studio) -> Canvas {
    let (width, height) = (studio.width as f32, studio.height as f32);
    let short = width.min(height);
    let dice = &mut studio.dice;
    let sun = (
        dice.range(0.2, 0.8) * width,
        dice.range(0.14, 0.3) * height,
        dice.range(0.06, 0.1) * short,
    );
    let ranges = 3 + dice.below(4);
    let rises: Vec<Rise> = (0..ranges)
        .map(|k| {
            let t = k as f32 / (ranges - 1) as f32;
            let base = lerp(0.42, 0.88, t) + dice.about(0.05);
            (base, dice.range(0.14, 0.4) * (1.0 - 0.35 * t), dice.range(1.1, 2.0), dice.bits())
        })
        .collect();
    let inks = Inks {
        ink: mix(studio.palette.ink(), [0.08, 0.09, 0.12], 0.15),
        tint: studio.palette.accent(),
        paper: mix(studio.palette.paper(), [0.95, 0.92, 0.85], 0.35),
        chroma: dice.range(0.08, 0.9),
    };
    let side = if dice.chance(0.5) { 0.1 } else { 0.9 };
    let seed = studio.seed;
    let mut canvas = Canvas::from_fn(studio.width, studio.height, |x, y| {
        let fibre = value(x * 0.1, y * 0.8, 1) * 0.04 + value(x * 0.8, y * 0.1, 2) * 0.04;
        let cloud = 0.05 * fractal(x / short * 2.0, y / short * 2.0, 3, seed);
        shade(inks.paper, fibre - 0.05 + cloud)
    });
    if let Some(scene) = studio.photo_scene() {
        washes(studio, &mut canvas, &inks, &scene);
    } else {
        mountains(studio, &mut canvas, &inks, sun, &rises);
        reeds(studio, &mut canvas, inks.ink, side);
        birds(studio, &mut canvas, inks.ink);
    }
    // The seal.
    let px = studio.px;
    let (qx, qy, half) = ((1.0 - side) * width, 0.9 * height, 15.0 * px);
    canvas.each(|x, y, c| {
        let (u, v) = ((x - qx) / half, (y - qy) / half);
        if u.abs() > 1.0 || v.abs() > 1.0 {
            return c;
        }
        let (i, j) = ((u * 2.5 + 9.5).floor() as i32, (v * 2.5 + 9.5).floor() as i32);
        let carved = u.abs() < 0.8 && v.abs() < 0.8 && cell(i.min(19 - i), j, seed) < 0.45;
        let worn = value(x / px * 0.5, y / px * 0.5, seed) > 0.2;
        if carved || !worn { c } else { mix(c, [0.70, 0.13, 0.10], 0.88) }
    });
    canvas
}

/// A photo in washes laid from pale to dark, with the brush's lines over them.
fn washes(studio: &mut Studio, canvas: &mut Canvas, inks: &Inks, scene: &Scene) {
    let (px, seed, w) = (studio.px, studio.seed, studio.width);
    let soft = scene.soft_tone((2.0 * px + 0.5) as usize);
    let (low, high) = (luma(studio.palette.darkest()), luma(studio.palette.lightest()));
    let dark = |tone: f32| 1.0 - ((tone - low) / (high - low).max(0.05)).clamp(0.0, 1.0);
    canvas.each(|x, y, mut c| {
        let (nx, ny) = (x / px, y / px);
        let depth = dark(soft[y as usize * w + x as usize]);
        let wet = 0.07 * fractal(nx * 0.03, ny * 0.03, 4, seed);
        let pool = 0.8 + 0.5 * fractal(nx * 0.014, ny * 0.01, 4, seed ^ 1);
        for (k, threshold) in [0.22, 0.45, 0.66, 0.84].into_iter().enumerate() {
            let t = k as f32 / 3.0;
            let over = depth + wet - threshold;
            // Ink gathers where a wash stopped.
            let rim = 0.35 * smoothstep(-0.01, 0.02, over) * smoothstep(0.09, 0.02, over);
            let amount = smoothstep(-0.07, 0.05, over) * pool + rim;
            let wash = mix(inks.ink, inks.tint, inks.chroma * (1.0 - t));
            c = mix(c, multiply(c, wash), (amount * lerp(0.22, 0.72, t)).clamp(0.0, 0.97));
        }
        c
    });
    // Short dry strokes along the forms, where there is something to say.
    for (x, y) in studio.scatter(8.0 * px) {
        let s = scene.at(x, y);
        let depth = dark(s.tone);
        let told = scene.detail(x, y, 4.0 * px) + 0.25 * depth;
        if told < 0.22 + 0.1 * studio.dice.bell() || depth < 0.2 {
            continue;
        }
        let length = px * studio.dice.range(14.0, 30.0);
        let width = px * studio.dice.range(1.2, 2.5 + 3.0 * depth);
        let angle = s.angle + 0.12 * studio.dice.bell();
        let mut stroke = Dab::new(x, y, angle, length, width, inks.ink);
        stroke.taper = [0.6, 0.97];
        stroke.bend = studio.dice.bell() * 0.05 * length;
        stroke.bristle = 0.8;
        stroke.alpha = studio.dice.range(0.3, 0.75) * (0.3 + 0.7 * depth);
        stroke.seed = studio.dice.bits();
        canvas.dab(&stroke);
    }
    let border = scene.outline_distance();
    canvas.each(|x, y, c| {
        let pressure = px * (3.4 * value(x / px * 0.02, y / px * 0.02, seed ^ 4) - 0.6);
        let d = border[y as usize * w + x as usize];
        mix(c, inks.ink, 0.8 * (pressure - d + 0.5).clamp(0.0, 1.0))
    });
}

/// Ridges in mist below a wet red sun, `(x, y, radius)` in pixels.
fn mountains(
    studio: &Studio,
    canvas: &mut Canvas,
    inks: &Inks,
    sun: (f32, f32, f32),
    rises: &[Rise],
) {
    let &Inks { ink, tint, paper, chroma } = inks;
    let (px, seed) = (studio.px, studio.seed);
    let (width, height) = (studio.width as f32, studio.height as f32);
    let short = width.min(height);
    let (sx, sy, sr) = sun;
    let red = mix([0.72, 0.16, 0.12], tint, 0.35);
    // The profile of every range, a value a column.
    let profiles: Vec<Vec<f32>> = rises
        .iter()
        .map(|&(base, swell, frequency, own)| {
            let profile = |i: usize| {
                let rough = fractal((i as f32 + 0.5) / short * frequency, 0.3, 6, own);
                base * height / short - swell * (rough.abs() * 1.5 - 0.1 + 0.4 * rough)
            };
            (0..studio.width).map(profile).collect()
        })
        .collect();
    canvas.each(|x, y, mut c| {
        let d = ((x - sx) * (x - sx) + (y - sy) * (y - sy)).sqrt();
        let bleed = sr * (1.0 + 0.05 * gradient(x / short * 20.0, y / short * 20.0, seed));
        c = mix(
            c,
            multiply(c, red),
            0.9 * smoothstep(bleed + 1.5 * px, bleed - 1.5 * px, d)
                * (0.8 + 0.3 * gradient(x / short * 9.0, y / short * 9.0, seed)),
        );
        let (u, v) = (x / short, y / short);
        for (k, &(_, _, _, own)) in rises.iter().enumerate() {
            let t = k as f32 / (rises.len() - 1) as f32;
            let depth = v - profiles[k][x as usize];
            if depth < -0.01 {
                continue;
            }
            // Below the feet of the range only mist is left.
            if depth > 0.6 {
                c = mix(c, paper, 0.3);
                continue;
            }
            // Ink gathers at the ridge and dissolves into mist below.
            let wet = 0.02 * gradient(u * 14.0, v * 14.0, own);
            let fade = exp(-(depth.max(0.0) + wet) * lerp(9.0, 5.0, t));
            let texture =
                0.72 + 0.55 * fractal(u * 7.0 + 2.0 * depth, v * 3.0 - u * 3.0, 4, own ^ 1);
            let edge = smoothstep(-0.004, 0.006, depth + 0.3 * wet);
            let cun = smoothstep(0.15, 0.6, fractal(u * 26.0 - v * 9.0, v * 10.0, 3, own ^ 2))
                * exp(-depth.max(0.0) * 9.0);
            let amount = edge * (fade * texture + 0.35 * t * cun) * lerp(0.28, 0.86, t);
            let wash = mix(ink, tint, chroma * (1.0 - t));
            // Mist hides what lies behind the foot of the next range.
            let c2 = mix(
                c,
                paper,
                0.55 * edge * (1.0 - fade) * smoothstep(0.6, 0.1, depth)
                    + 0.3 * smoothstep(0.1, 0.6, depth),
            );
            c = mix(c2, multiply(c2, wash), amount.clamp(0.0, 0.97));
        }
        c
    });
}

/// Reeds from a lower corner, in single dry strokes.
fn reeds(studio: &mut Studio, canvas: &mut Canvas, ink: Rgb, side: f32) {
    let px = studio.px;
    let (width, height) = (studio.width as f32, studio.height as f32);
    let short = width.min(height);
    let dice = &mut studio.dice;
    let reeds = *dice.pick(&[0, 7, 16, 26]);
    for _ in 0..reeds {
        let (mut x, mut y) = ((side + dice.about(0.14)) * width, 1.02 * height);
        let mut angle = -FRAC_PI_2 + dice.bell() * 0.25;
        let curl = dice.bell() * 0.045;
        let mut points = vec![(x, y)];
        let length = dice.range(0.18, 0.5) * short;
        for _ in 0..14 {
            angle += curl;
            x += length / 14.0 * cos(angle);
            y += length / 14.0 * sin(angle);
            points.push((x, y));
        }
        let thick = px * dice.range(1.2, 3.2);
        let pressed = dice.range(0.55, 0.95);
        canvas.polyline(&points, |t| thick * (1.0 - t) * (0.6 + 0.8 * t), ink, pressed, 0.0);
        for _ in 0..3 {
            let (lx, ly) = points[4 + dice.below(9)];
            let lean = angle + dice.bell() * 1.1;
            let long = px * dice.range(22.0, 52.0);
            let mut leaf = Dab::new(
                lx + 0.5 * long * cos(lean),
                ly + 0.5 * long * sin(lean),
                lean,
                long,
                px * dice.range(4.0, 7.5),
                ink,
            );
            leaf.taper = [0.6, 0.97];
            leaf.bend = dice.bell() * 0.1 * long;
            leaf.bristle = 0.8;
            leaf.alpha = dice.range(0.5, 0.95);
            leaf.seed = dice.bits();
            canvas.dab(&leaf);
        }
    }
}

fn birds(studio: &mut Studio, canvas: &mut Canvas, ink: Rgb) {
    let px = studio.px;
    let (width, height) = (studio.width as f32, studio.height as f32);
    let dice = &mut studio.dice;
    for _ in 0..5 {
        let (x, y, size) = (
            dice.range(0.15, 0.85) * width,
            dice.range(0.08, 0.32) * height,
            px * dice.range(5.0, 10.0),
        );
        for way in [-1.0f32, 1.0] {
            let wing = [
                (x, y),
                (x + way * size * 0.5, y - size * 0.45),
                (x + way * size * 1.2, y - size * 0.25),
            ];
            canvas.polyline(&wing, |t| px * 1.2 * (1.0 - 0.7 * t), ink, 0.85, 0.0);
        }
    }
}
