//! Families made of touches: brush, knife, dots, crayon, thread and dripped paint.

use std::f32::consts::{FRAC_PI_2, PI};

use super::Studio;
use super::canvas::{Canvas, Dab, Rgb, luma, mix, saturate, scale, shade};
use super::math::{cos, fract, lerp, sin, turn};
use super::noise::{fractal, gradient, value};
use super::scene::{Sample, Scene};

/// How much a stroke of this length has to bow to follow the scene.
fn follow(scene: &Scene, x: f32, y: f32, angle: f32, length: f32) -> f32 {
    let (dx, dy) = (cos(angle) * length * 0.4, sin(angle) * length * 0.4);
    let (before, after) = (scene.at(x - dx, y - dy).angle, scene.at(x + dx, y + dy).angle);
    let change = turn(before, angle) + turn(angle, after);
    -(change * length / 8.0).clamp(-0.22 * length, 0.22 * length)
}

impl Studio<'_> {
    /// A colour with a painter's inaccuracy, sometimes broken with another.
    fn broken(&mut self, colour: Rgb, amount: f32) -> Rgb {
        let other = self.palette.any(&mut self.dice);
        // Another hue of about the same tone vibrates; another tone is a hole.
        let apart = (luma(other) - luma(colour)).abs();
        let t = if apart < 0.25 && self.dice.chance(0.25) { 0.28 } else { 0.1 * self.dice.unit() };
        let shifted = shade(mix(colour, other, t * amount * 2.0), self.dice.bell() * 0.14 * amount);
        saturate(shifted, 1.0 + 0.25 * amount * self.dice.unit())
    }
}

/// Layers of loose strokes from large to small, small ones where there is detail.
pub fn brush_strokes(studio: &mut Studio) -> Canvas {
    let scene = studio.scene(false);
    let px = studio.px;
    let mut canvas = studio.ground(&scene, 0.5);
    let bristle = studio.dice.range(0.5, 0.9);
    let slenderness = studio.dice.range(2.2, 4.0);
    let scatter = studio.dice.range(0.15, 0.45);
    for (k, width) in [24.0, 13.0, 7.5].into_iter().enumerate() {
        let width = width * px;
        for (x, y) in studio.scatter(width * (1.05 - 0.05 * k as f32)) {
            let detail = scene.detail(x, y, width * 0.6);
            if k == 2 && detail < 0.07 && studio.dice.chance(0.62) {
                continue;
            }
            if k == 0 && detail > 0.4 {
                continue;
            }
            let s = scene.at(x, y);
            let angle = s.angle + scatter * studio.dice.bell();
            let length = width
                * slenderness
                * studio.dice.range(0.6, 1.2)
                * if detail > 0.2 { 0.65 } else { 1.0 };
            let colour = studio.broken(s.colour, 0.9);
            let mut dab =
                Dab::new(x, y, angle, length, width * studio.dice.range(0.75, 1.1), colour);
            dab.bend = follow(&scene, x, y, angle, length);
            dab.taper = [0.25, 0.5];
            dab.bristle = bristle;
            dab.body = 0.8 * px.sqrt();
            dab.alpha = 0.95;
            dab.seed = studio.dice.bits();
            canvas.dab(&dab);
        }
    }
    canvas.light(studio.light, 0.55, 0.06);
    canvas
}

/// Thick paint in swirling rows, lit from the side.
pub fn impasto(studio: &mut Studio) -> Canvas {
    let scene = studio.scene(true);
    let px = studio.px;
    let mut canvas = studio.ground(&scene, 0.75);
    let slenderness = studio.dice.range(3.2, 5.0);
    for (k, width) in [13.0, 9.0].into_iter().enumerate() {
        let width = width * px;
        for (x, y) in studio.scatter(width * 1.45) {
            let s = scene.at(x, y);
            let detail = scene.detail(x, y, width);
            let length = width
                * slenderness
                * studio.dice.range(0.6, 1.15)
                * if detail > 0.25 { 0.55 } else { 1.0 };
            let angle = s.angle + 0.08 * studio.dice.bell();
            let mut colour = studio.broken(saturate(s.colour, 1.2), 1.2);
            if k == 1 {
                colour = shade(colour, studio.dice.range(-0.22, 0.2));
            }
            let mut dab = Dab::new(x, y, angle, length, width, colour);
            dab.bend = follow(&scene, x, y, angle, length);
            dab.taper = [0.1, 0.45];
            dab.bristle = 0.55;
            dab.body = 2.6 * px.sqrt();
            dab.seed = studio.dice.bits();
            canvas.dab(&dab);
        }
    }
    canvas.light(studio.light, 0.55, 0.3);
    canvas
}

/// Broad flat smears with a ridge of paint at their edges.
pub fn palette_knife(studio: &mut Studio) -> Canvas {
    let scene = studio.scene(false);
    let px = studio.px;
    let mut canvas = studio.ground(&scene, 0.6);
    let main = studio.dice.range(-0.6, 0.6);
    for (k, width) in [40.0, 26.0, 14.0].into_iter().enumerate() {
        let width = width * px;
        for (x, y) in studio.scatter(width * 1.02) {
            if k == 2 && scene.detail(x, y, width) < 0.1 && studio.dice.chance(0.75) {
                continue;
            }
            let s = scene.at(x, y);
            let lean = main + *studio.dice.pick(&[0.0, FRAC_PI_2, 0.5]) + 0.25 * studio.dice.bell();
            let angle = s.angle + turn(s.angle, lean) * 0.55;
            let colour = studio.broken(s.colour, 1.3);
            let length = width * studio.dice.range(1.1, 2.2);
            let mut dab = Dab::new(x, y, angle, length, width, colour);
            dab.square = true;
            dab.bristle = 0.45;
            dab.body = 2.2 * px.sqrt();
            dab.alpha = 0.96;
            dab.seed = studio.dice.bits();
            canvas.dab(&dab);
        }
    }
    canvas.light(studio.light, 0.5, 0.2);
    canvas
}

/// Dots of unmixed colours that mix in the eye.
pub fn pointillism(studio: &mut Studio) -> Canvas {
    let scene = studio.scene(false);
    let px = studio.px;
    let paper = mix(studio.palette.paper(), scene.at(0.0, 0.0).colour, 0.2);
    let mut canvas = Canvas::from_fn(studio.width, studio.height, |x, y| {
        mix(paper, scene.at(x, y).colour, 0.45)
    });
    let size = studio.dice.range(5.0, 8.0) * px;
    for pass in 0..4 {
        for (x, y) in studio.scatter(size * 1.02) {
            let s = scene.at(x, y);
            // Error is left to chance: the mean of many dots is the colour.
            let spread = 0.22;
            let aim = [
                s.colour[0] + studio.dice.bell() * spread,
                s.colour[1] + studio.dice.bell() * spread,
                s.colour[2] + studio.dice.bell() * spread,
            ];
            let pure = mix(studio.palette.nearest(aim), s.colour, 0.4);
            let complement = [1.0 - s.colour[0], 1.0 - s.colour[1], 1.0 - s.colour[2]];
            let colour =
                if studio.dice.chance(0.07) { mix(complement, s.colour, 0.45) } else { pure };
            let colour = saturate(shade(colour, studio.dice.bell() * 0.1), 1.3);
            let width = size * studio.dice.range(0.75, 1.1) * if pass == 3 { 0.75 } else { 1.0 };
            let angle = s.angle + 0.4 * studio.dice.bell();
            let mut dab =
                Dab::new(x, y, angle, width * studio.dice.range(1.0, 1.35), width, colour);
            dab.body = 0.7;
            canvas.dab(&dab);
        }
    }
    canvas.light(studio.light, 0.35, 0.05);
    canvas
}

/// Waxy scribbles on toothed paper.
pub fn crayon(studio: &mut Studio) -> Canvas {
    let scene = studio.scene(false);
    let px = studio.px;
    let paper = if studio.dice.chance(0.25) {
        mix(studio.palette.ink(), studio.palette.rank(1), 0.4)
    } else {
        studio.palette.paper()
    };
    let mut canvas = Canvas::from_fn(studio.width, studio.height, |x, y| {
        shade(paper, 0.06 * (value(x * 0.8, y * 0.8, 5) - 0.5))
    });
    let hand = studio.dice.range(-1.2, 1.2);
    let obedience = studio.dice.range(0.3, 0.9);
    for pass in 0..3 {
        let width = [8.0, 6.0, 4.5][pass] * px;
        for (x, y) in studio.scatter(width * [1.5, 1.7, 1.8][pass]) {
            let s = scene.at(x, y);
            let hatch = hand + 0.5 * pass as f32;
            let angle = hatch + turn(hatch, s.angle) * obedience + 0.12 * studio.dice.bell();
            let colour = if pass == 2 && studio.dice.chance(0.4) {
                studio.palette.nearest(s.colour)
            } else {
                studio.broken(s.colour, 1.0)
            };
            let length = width
                * studio.dice.range(4.0, 8.0)
                * if scene.detail(x, y, width * 2.0) > 0.2 { 0.45 } else { 1.0 };
            let mut dab = Dab::new(x, y, angle, length, width, saturate(colour, 1.25));
            dab.bend = studio.dice.bell() * length * 0.06;
            dab.grain = 0.47 + 0.06 * studio.dice.bell();
            dab.alpha = 0.9;
            dab.taper = [0.3, 0.3];
            canvas.dab(&dab);
        }
    }
    let border = scene.outline_distance();
    let line = studio.palette.ink();
    let (w, seed) = (studio.width, studio.seed);
    canvas.each(|x, y, c| {
        let d = border[y as usize * w + x as usize];
        let tooth = value(x * 0.9, y * 0.9, 77);
        let weight =
            (1.3 * px - d + 1.0).clamp(0.0, 1.0) * 0.7 * value(x * 0.04 / px, y * 0.04 / px, seed);
        mix(c, line, if tooth > 0.35 { weight } else { weight * 0.2 })
    });
    canvas
}

/// Long ribbons of paint that run side by side along the currents of the scene.
pub fn swirls(studio: &mut Studio) -> Canvas {
    let scene = studio.scene(true);
    let px = studio.px;
    let (w, h) = (studio.width as f32, studio.height as f32);
    let ground = studio.palette.ink();
    let mut canvas = Canvas::from_fn(studio.width, studio.height, |x, y| {
        mix(ground, scene.at(x, y).colour, 0.35)
    });
    let radius = studio.dice.range(3.0, 5.0) * px;
    let steps = 26;
    let step = 4.5 * px;
    // Where ribbons already lie, in squares a little smaller than a ribbon.
    let square = (radius * 1.25).max(1.0);
    let (columns, rows) = ((w / square) as usize + 1, (h / square) as usize + 1);
    let mut taken = vec![false; columns * rows];
    for (x, y) in studio.scatter(radius * 1.3) {
        let place = |x: f32, y: f32| {
            let inside = x >= 0.0 && y >= 0.0 && x < w && y < h;
            inside.then(|| (y / square) as usize * columns + (x / square) as usize)
        };
        let first = scene.at(x, y);
        let trace = |sign: f32, taken: &[bool]| {
            let (mut px, mut py, mut angle) =
                (x, y, first.angle + if sign < 0.0 { PI } else { 0.0 });
            let mut points = Vec::new();
            for _ in 0..steps {
                let s: Sample = scene.at(px, py);
                angle += turn(angle, s.angle);
                px += step * cos(angle);
                py += step * sin(angle);
                let free = place(px, py).is_none_or(|at| !taken[at]);
                if !free || (s.region != first.region && (s.tone - first.tone).abs() > 0.12) {
                    break;
                }
                points.push((px, py));
            }
            points
        };
        if place(x, y).is_some_and(|at| taken[at]) {
            continue;
        }
        let mut points = trace(-1.0, &taken);
        points.reverse();
        points.push((x, y));
        points.extend(trace(1.0, &taken));
        if points.len() < 4 {
            continue;
        }
        for &(x, y) in &points {
            if let Some(at) = place(x, y) {
                taken[at] = true;
            }
        }
        let colour = studio.broken(saturate(first.colour, 1.25), 1.3);
        let shape = |t: f32| radius * (0.35 + 0.65 * (4.0 * t * (1.0 - t)).sqrt().min(1.0));
        canvas.polyline(&points, |t| shape(t) + 1.2 * px, scale(colour, 0.35), 0.8, 0.0);
        canvas.polyline(&points, |t| shape(t) * 0.92, colour, 1.0, 2.2 * px);
        canvas.polyline(&points, |t| shape(t) * 0.3, shade(colour, 0.22), 0.6, 0.0);
    }
    canvas.light(studio.light, 0.6, 0.15);
    canvas
}

/// Satin stitches on linen.
pub fn embroidery(studio: &mut Studio) -> Canvas {
    let scene = studio.scene(false);
    let px = studio.px;
    let linen = mix(studio.palette.paper(), [0.8, 0.74, 0.64], 0.5);
    let mut canvas = Canvas::from_fn(studio.width, studio.height, |x, y| {
        let (u, v) = (x / (2.6 * px), y / (2.6 * px));
        let over = (u as i32 + v as i32) % 2 == 0;
        let round = if over { fract(v) } else { fract(u) };
        shade(mix(linen, scene.at(x, y).colour, 0.3), -0.35 * (round - 0.5).abs())
    });
    let width = studio.dice.range(3.2, 4.6) * px;
    let reach = studio.dice.range(22.0, 36.0) * px;
    for pass in 0..2 {
        for (x, y) in studio.scatter(width * 2.3) {
            let s = scene.at(x, y);
            let detail = scene.detail(x, y, width * 2.0);
            let length =
                reach * studio.dice.range(0.6, 1.0) * if detail > 0.15 { 0.5 } else { 1.0 };
            let thread = mix(studio.palette.nearest(s.colour), s.colour, 0.6);
            let thread = saturate(shade(thread, studio.dice.bell() * 0.13), 1.2);
            let angle = s.angle + 0.05 * studio.dice.bell();
            let mut dab = Dab::new(x, y, angle, length, width, scale(thread, 0.45));
            dab.bend = follow(&scene, x, y, angle, length) * 0.6;
            dab.alpha = 0.75;
            canvas.dab(&dab);
            dab.width = width * 0.78;
            dab.colour = thread;
            dab.alpha = 1.0;
            dab.body = 1.6;
            dab.bristle = 0.12 * pass as f32;
            dab.seed = studio.dice.bits();
            canvas.dab(&dab);
            dab.width = width * 0.25;
            dab.body = 0.0;
            dab.colour = shade(thread, 0.28);
            dab.length *= 0.6;
            dab.alpha = 0.6;
            canvas.dab(&dab);
        }
    }
    canvas.light(studio.light, 0.5, 0.1);
    canvas
}

/// Paint flung and dripped in loops over a canvas on the floor; of a photo, every colour lands
/// where the photo has it.
pub fn drip(studio: &mut Studio) -> Canvas {
    let px = studio.px;
    let (w, h) = (studio.width as f32, studio.height as f32);
    let short = w.min(h);
    let dark = studio.dice.chance(0.3);
    let ground = if dark {
        studio.palette.ink()
    } else {
        mix(studio.palette.paper(), [0.82, 0.76, 0.66], 0.5)
    };
    let stain = studio.palette.rank(2);
    let seed = studio.seed;
    let scene = studio.photo_scene();
    let palette = studio.palette.clone();
    // A throw of paint may be meant for places that are a little lighter or darker.
    let lands = |colour: usize, lighter: f32, (x, y): (f32, f32)| {
        scene
            .as_ref()
            .is_none_or(|scene| palette.place(shade(scene.at(x, y).colour, lighter)) == colour)
    };
    let throws = if scene.is_some() { 18 } else { 4 };
    let mut canvas = Canvas::from_fn(studio.width, studio.height, |x, y| {
        let ground = match &scene {
            Some(scene) => mix(ground, scene.at(x, y).colour, 0.4),
            None => ground,
        };
        let cloud = fractal(x / short * 3.0, y / short * 3.0, 4, seed);
        let weave = value(x * 0.7, y * 0.15, 3) * 0.04 + value(x * 0.15, y * 0.7, 4) * 0.04;
        shade(mix(ground, stain, 0.45 * cloud.max(0.0)), weave - 0.06)
    });
    let mut order: Vec<usize> = (0..palette.len()).collect();
    studio.dice.shuffle(&mut order);
    for round in 0..5 {
        for &rank in &order {
            let colour = palette.rank(rank);
            if (luma(colour) - luma(ground)).abs() < 0.05 {
                continue;
            }
            for _ in 0..throws {
                let lighter = if scene.is_some() { studio.dice.about(0.3) } else { 0.0 };
                let (mut x, mut y) =
                    (studio.dice.range(-0.1, 1.1) * w, studio.dice.range(-0.1, 1.1) * h);
                let (mut angle, mut curl) = (studio.dice.range(-PI, PI), 0.0);
                let start = (studio.dice.bits() & 0xffff) as f32;
                let step = 5.0 * px;
                let mut points = Vec::new();
                for k in 0..150 {
                    points.push((x, y));
                    curl = lerp(curl, 0.5 * gradient(k as f32 * 0.11, start, seed), 0.5);
                    angle += curl;
                    // The arm swings back towards the canvas.
                    if x < 0.0 || y < 0.0 || x > w || y > h {
                        angle += 0.22;
                    }
                    x += step * cos(angle);
                    y += step * sin(angle);
                }
                let thick = studio.dice.range(0.8, 3.2) * px * [2.6, 1.6, 1.2, 0.8, 0.6][round];
                let last = (points.len() - 1) as f32;
                let flow = |t: f32| {
                    if !lands(rank, lighter, points[(t * last + 0.5) as usize]) {
                        return 0.0;
                    }
                    thick
                        * (0.25
                            + 1.3
                                * value(t * 16.0, start, seed)
                                * value(t * 5.0, start + 9.0, seed))
                };
                canvas.polyline(&points, flow, colour, 0.97, 1.3 * px);
                for _ in 0..14 {
                    let (x, y) = *studio.dice.pick(&points);
                    let r = px * studio.dice.range(0.7, 3.0) * studio.dice.unit() * 2.0;
                    let at =
                        (x + studio.dice.bell() * 18.0 * px, y + studio.dice.bell() * 18.0 * px);
                    let end = (at.0 + studio.dice.bell() * r, at.1 + studio.dice.bell() * r);
                    if !lands(rank, lighter, at) {
                        continue;
                    }
                    canvas.polyline(&[at, end], |_| r, colour, 0.97, 1.3 * px);
                }
            }
        }
    }
    canvas.light(studio.light, 0.6, 0.25);
    canvas
}
