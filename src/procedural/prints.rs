//! Families made with ink and plates: hatching, screens, flat colours, woodcut
//! and printed geometry.

use std::f32::consts::{FRAC_PI_2, PI};

use super::Studio;
use super::canvas::{Canvas, Dab, luma, mix, multiply, saturate, scale, shade};
use super::math::{atan2, fract, sin, smoothstep, turn};
use super::noise::{fractal, gradient, rotate, value};

/// Pen lines, crossed where it is darker, over a light wash.
pub fn hatching(studio: &mut Studio) -> Canvas {
    let scene = studio.scene(false);
    let px = studio.px;
    let (paper, ink) = (studio.palette.paper(), studio.palette.ink());
    let wash = if studio.dice.chance(0.6) { studio.dice.range(0.2, 0.5) } else { 0.0 };
    let seed = studio.seed;
    let mut canvas = Canvas::from_fn(studio.width, studio.height, |x, y| {
        let pool = 0.7 + 0.5 * fractal(x / px * 0.012, y / px * 0.012, 3, seed);
        let grain = 0.05 * (value(x * 0.7, y * 0.7, 9) - 0.5);
        shade(mix(paper, saturate(scene.at(x, y).colour, 1.25), wash * pool), grain)
    });
    let first = studio.dice.range(-1.2, 1.2);
    let spacing = studio.dice.range(5.0, 7.0) * px;
    for (pass, threshold) in [0.86, 0.66, 0.48, 0.3].into_iter().enumerate() {
        for (x, y) in studio.scatter(spacing * 1.25) {
            let s = scene.at(x, y);
            if s.tone > threshold + 0.05 * studio.dice.bell() {
                continue;
            }
            let plate = first + [0.0, 1.1, -0.75, 0.4][pass];
            // The first lines follow the form, the crossing ones the wrist.
            let angle = if pass < 2 { s.angle + [0.0, FRAC_PI_2 * 0.8][pass] } else { plate }
                + 0.06 * studio.dice.bell();
            let length = 26.0
                * px
                * studio.dice.range(0.5, 1.1)
                * if scene.detail(x, y, 6.0 * px) > 0.15 { 0.6 } else { 1.0 };
            let width = px * (0.9 + 1.1 * (threshold - s.tone).clamp(0.0, 0.6));
            let mut dab = Dab::new(x, y, angle, length, width, ink);
            dab.bend = studio.dice.bell() * 0.03 * length;
            dab.taper = [0.3, 0.8];
            dab.alpha = 0.88;
            canvas.dab(&dab);
        }
    }
    let border = scene.outline_distance();
    let w = studio.width;
    canvas.each(|x, y, c| {
        let pressure = 0.4 + 1.5 * value(x / px * 0.03, y / px * 0.03, seed);
        let d = border[y as usize * w + x as usize];
        mix(c, ink, (pressure * px - d + 0.5).clamp(0.0, 0.9))
    });
    canvas
}

/// Three inks through dot screens, a little out of register.
pub fn halftone(studio: &mut Studio) -> Canvas {
    let scene = studio.scene(false);
    let px = studio.px;
    let paper = studio.palette.paper();
    let key = studio.palette.ink();
    let accent = saturate(studio.palette.accent(), 1.2);
    let second =
        saturate(studio.palette.rank(1 + studio.dice.below(studio.palette.len() - 2)), 1.2);
    let pitch = studio.dice.range(7.0, 11.0) * px;
    let turn = studio.dice.range(0.0, 0.5);
    let slip: Vec<(f32, f32)> =
        (0..3).map(|_| (studio.dice.about(1.6) * px, studio.dice.about(1.6) * px)).collect();
    let lines = studio.dice.chance(0.25);
    let likeness = |c: [f32; 3], ink: [f32; 3]| {
        let d = [c[0] - ink[0], c[1] - ink[1], c[2] - ink[2]];
        (1.0 - 1.3 * (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]).sqrt()).max(0.0)
    };
    Canvas::from_fn(studio.width, studio.height, |x, y| {
        let mut colour = shade(paper, 0.05 * (value(x * 0.6, y * 0.6, 3) - 0.5));
        for (k, ink) in [second, accent, key].into_iter().enumerate() {
            let angle = turn + [0.26, 1.31, 0.79][k];
            let (u, v) = rotate(x + slip[k].0, y + slip[k].1, angle);
            let (cu, cv) = ((u / pitch).floor() + 0.5, (v / pitch).floor() + 0.5);
            let (sx, sy) = rotate(cu * pitch, cv * pitch, -angle);
            let s = scene.at(sx, sy);
            let amount = match k {
                2 => smoothstep(0.62, 0.05, s.tone),
                _ => (likeness(s.colour, ink) + 0.25 * (0.9 - s.tone)).clamp(0.0, 1.0),
            };
            let d = if lines && k == 2 {
                (v - cv * pitch).abs() * 1.5
            } else {
                ((u - cu * pitch) * (u - cu * pitch) + (v - cv * pitch) * (v - cv * pitch)).sqrt()
            };
            let coverage = (amount.sqrt() * pitch * 0.68 - d + 0.5).clamp(0.0, 1.0);
            let tint = if k == 2 { ink } else { mix(ink, [1.0; 3], 0.05) };
            colour = mix(colour, if k == 2 { tint } else { multiply(colour, tint) }, coverage);
        }
        colour
    })
}

/// Screen print: few flat colours, hard shadows, rays behind.
pub fn poster(studio: &mut Studio) -> Canvas {
    let palette = studio.palette.clone();
    let scene = studio.scene_doubled();
    let steps = 3.0 + studio.dice.below(3) as f32;
    let rays = studio.dice.chance(0.5).then(|| {
        (
            studio.dice.range(0.2, 0.8),
            studio.dice.range(0.3, 0.6),
            8.0 + studio.dice.below(8) as f32,
        )
    });
    let outline = studio.dice.chance(0.5);
    let (w, h, px) = (scene.width, scene.height, studio.px * 2.0);
    let border = scene.outline_distance();
    let seed = studio.seed;
    let ink = palette.ink();
    let canvas = Canvas::from_fn(w, h, |x, y| {
        let s = scene.at(x, y);
        // Posterize a slightly wandering tone so that steps have drawn edges.
        let wander = 0.05 * gradient(x / px * 0.03, y / px * 0.03, seed);
        let step = ((s.tone + wander) * steps).floor() / steps + 0.5 / steps;
        let base = palette.nearest(s.colour);
        let mut colour = if step > luma(base) + 0.13 {
            shade(base, 0.3)
        } else if step < luma(base) - 0.13 {
            mix(scale(base, 0.6), ink, 0.25)
        } else {
            base
        };
        if let (Some((cx, cy, count)), 0) = (rays, s.region) {
            let around = atan2(y - cy * h as f32, x - cx * w as f32) / (2.0 * PI) * count;
            if fract(around) < 0.5 {
                colour = shade(colour, if luma(colour) > 0.6 { -0.14 } else { 0.16 });
            }
        }
        if outline {
            let d = border[y as usize * w + x as usize];
            colour = mix(colour, ink, (2.0 * px - d + 0.5).clamp(0.0, 1.0));
        }
        colour
    });
    let mut canvas = canvas.halve();
    // Ink never covers quite evenly.
    canvas.each(|x, y, c| shade(c, 0.05 * (value(x * 0.7, y * 0.7, seed) - 0.5)));
    canvas
}

/// Gouges that follow the form, cut out of ink over blocks of colour.
pub fn woodcut(studio: &mut Studio) -> Canvas {
    let scene = studio.scene(false);
    let px = studio.px;
    let palette = studio.palette.clone();
    let ink = palette.ink();
    let coloured = studio.dice.chance(0.7);
    let paper = palette.paper();
    let seed = studio.seed;
    let mut canvas = Canvas::from_fn(studio.width, studio.height, |x, y| {
        shade(ink, 0.10 * value(x / px * 0.5, y / px * 0.03, seed) * value(x * 0.5, y * 0.5, 8))
    });
    let spacing = studio.dice.range(5.0, 6.5) * px;
    for pass in 0..2 {
        for (x, y) in studio.scatter(spacing * 1.3) {
            let s = scene.at(x, y);
            let cut = smoothstep(0.08, 0.85, s.tone + 0.04 * studio.dice.bell());
            // The second time over only the lights are opened further.
            if cut < 0.04 || (pass == 1 && (cut < 0.5 || studio.dice.chance(0.35))) {
                continue;
            }
            let width = spacing * (0.25 + 0.6 * cut) * if pass == 1 { 0.8 } else { 1.0 };
            let length = spacing * (3.0 + 4.5 * cut) * studio.dice.range(0.7, 1.1);
            let length =
                if scene.detail(x, y, spacing * 1.5) > 0.18 { length * 0.45 } else { length };
            let colour = if coloured { mix(palette.nearest(s.colour), paper, 0.25) } else { paper };
            let mut dab = Dab::new(
                x,
                y,
                s.angle + 0.04 * studio.dice.bell(),
                length,
                width,
                shade(colour, 0.04 * studio.dice.bell()),
            );
            let turned = turn(scene.at(x - 4.0 * px, y).angle, scene.at(x + 4.0 * px, y).angle);
            dab.bend = -(turned * length / 14.0).clamp(-0.1 * length, 0.1 * length);
            dab.taper = [0.55, 0.95];
            canvas.dab(&dab);
        }
    }
    let border = scene.outline_distance();
    let w = studio.width;
    canvas.each(|x, y, c| {
        let d = border[y as usize * w + x as usize];
        let weight = px * (1.2 + 1.2 * value(x / px * 0.02, y / px * 0.02, seed));
        mix(c, ink, (weight - d + 0.5).clamp(0.0, 1.0))
    });
    canvas
}

/// Parallel bands that bulge over the forms below.
pub fn op_art(studio: &mut Studio) -> Canvas {
    let scene = studio.scene(false);
    let (w, h, px) = (studio.width, studio.height, studio.px);
    let short = w.min(h) as f32;
    let pitch = studio.dice.range(11.0, 18.0) * px;
    let angle = studio.dice.range(-PI, PI);
    let push = studio.dice.range(1.5, 4.0);
    let palette = studio.palette.clone();
    let rings = studio.dice.chance(0.35);
    let centre = (studio.dice.range(0.3, 0.7) * w as f32, studio.dice.range(0.3, 0.7) * h as f32);
    let monochrome = studio.dice.chance(0.3);
    let seed = studio.seed;
    // The field of which the bands are the level lines, smooth over the forms.
    let tone = scene.soft_tone((10.0 * px) as usize);
    let phase: Vec<f32> = (0..w * h)
        .map(|at| {
            let (x, y) = ((at % w) as f32, (at / w) as f32);
            let (u, _) = rotate(x, y, angle);
            let (dx, dy) = (x - centre.0, y - centre.1);
            let base = if rings { (dx * dx + dy * dy).sqrt() } else { u };
            base / pitch
                + push * tone[at]
                + 0.9 * fractal(x / short * 2.0, y / short * 2.0, 2, seed)
        })
        .collect();
    let (ink, paper) = (palette.ink(), palette.paper());
    Canvas::from_fn(w, h, |x, y| {
        let (i, j) = (x as usize, y as usize);
        let p = phase[j * w + i];
        let px_step = (phase[j * w + (i + 1).min(w - 1)] - p)
            .abs()
            .max((phase[(j + 1).min(h - 1) * w + i] - p).abs())
            .max(1e-4);
        let s = scene.at(x, y);
        let duty = 0.22 + 0.5 * (1.0 - tone[j * w + i]);
        let edge = (duty / 2.0 - (fract(p) - 0.5).abs()) / px_step;
        let band = p.floor() as i32;
        let light = if monochrome {
            paper
        } else {
            mix(
                saturate(s.colour, 1.3),
                palette.rank(band.rem_euclid(palette.len() as i32) as usize),
                0.3,
            )
        };
        let light = mix(light, paper, 0.25);
        let dark = mix(ink, s.colour, if monochrome { 0.0 } else { 0.12 });
        mix(light, dark, (edge + 0.5).clamp(0.0, 1.0))
    })
}

/// Circles, bars and arcs of transparent ink on paper.
pub fn geometric(studio: &mut Studio) -> Canvas {
    let (w, h) = (studio.width as f32, studio.height as f32);
    let short = w.min(h);
    let palette = studio.palette.clone();
    let paper = palette.paper();
    let (tint, seed, px) = (palette.lightest(), studio.seed, studio.px);
    let mut canvas = Canvas::from_fn(studio.width, studio.height, |x, y| {
        let cloud = 0.5 + 0.5 * fractal(x / short * 1.5, y / short * 1.5, 3, seed);
        mix(paper, tint, cloud)
    });
    let slant = studio.dice.range(-PI, PI);
    for k in 0..26 {
        let dice = &mut studio.dice;
        let kind = dice.below(7);
        let (cx, cy) = (w * (0.5 + 0.42 * dice.bell()), h * (0.5 + 0.42 * dice.bell()));
        let size = short * if k < 8 { dice.range(0.1, 0.3) } else { dice.range(0.03, 0.12) };
        let angle = slant + *dice.pick(&[0.0, FRAC_PI_2, PI / 4.0]) + 0.1 * dice.bell();
        let colour = palette.any(dice);
        let overlay = dice.chance(0.45);
        let stripe = dice.range(6.0, 11.0) * px;
        let thin = dice.range(1.2, 5.0) * px;
        canvas.each(|x, y, c| {
            let (dx, dy) = (x - cx, y - cy);
            let reach = size * 2.6;
            if dx.abs() > reach || dy.abs() > reach {
                return c;
            }
            let (u, v) = rotate(dx, dy, -angle);
            let r = (u * u + v * v).sqrt();
            // Signed distance, positive inside.
            let inside = match kind {
                0 => size - r,
                1 => (size - r).min(v),
                2 => thin * 2.0 - (r - size).abs(),
                3 => (size * 2.2 - u.abs()).min(thin - v.abs()),
                4 => (size * 1.2 - u.abs()).min(size * 0.5 - v.abs()),
                5 => (size * 1.1 - u.abs())
                    .min(size * 0.9 - v.abs())
                    .min(stripe * 0.27 - stripe * (fract(v / stripe) - 0.5).abs()),
                _ => (0.6 * (size - v) - 0.8 * u.abs()).min(v + size * 0.6),
            };
            let coverage = (inside + 0.5).clamp(0.0, 1.0);
            if coverage <= 0.0 {
                return c;
            }
            let worn =
                1.0 - 0.25 * smoothstep(0.62, 0.9, value(x / px * 0.35, y / px * 0.35, seed ^ k));
            let fade = 0.12 * sin(u / size * 1.4);
            let ink = shade(colour, fade);
            mix(c, if overlay { multiply(c, ink) } else { ink }, coverage * worn)
        });
    }
    canvas.each(|x, y, c| shade(c, 0.09 * (value(x * 0.6, y * 0.6, seed) - 0.5)));
    canvas
}
