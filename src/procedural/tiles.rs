//! Families made of pieces: tesserae, glass, facets, threads, dyed cloth, paper.

use std::collections::BTreeMap;
use std::f32::consts::PI;

use super::Studio;
use super::canvas::{Canvas, Rgb, luma, mix, saturate, scale, shade};
use super::math::{cos, fract, sin, smoothstep};
use super::noise::{cell, fractal, hash, rotate, value, voronoi};
use super::photo::Corners;
use super::scene::Scene;

/// Smallest form of a photo that gets a piece of glass, in squares of the usual size.
const SMALLEST_PANE: f32 = 0.15;

/// Square stones laid along the forms, each tilted a little, in grout.
pub fn mosaic(studio: &mut Studio) -> Canvas {
    let scene = studio.scene(false);
    let px = studio.px;
    let size = studio.dice.range(11.0, 17.0) * px;
    let grout = mix(
        studio.palette.ink(),
        studio.palette.rank(2),
        if studio.dice.chance(0.5) { 0.15 } else { 0.6 },
    );
    let gold = [0.86, 0.68, 0.27];
    let gilded = if studio.dice.chance(0.4) { 0.08 } else { 0.0 };
    let palette = studio.palette.clone();
    let (seed, light) = (studio.seed, studio.light);
    let (lx, ly) = (cos(light), sin(light));
    // The stones of the grid squares around, worked out once each.
    let (columns, rows) =
        ((studio.width as f32 / size) as i32 + 5, (studio.height as f32 / size) as i32 + 5);
    struct Stone {
        x: f32,
        y: f32,
        cos: f32,
        sin: f32,
        colour: Rgb,
        tilt: (f32, f32),
    }
    let mut stones = Vec::with_capacity((columns * rows) as usize);
    for j in 0..rows {
        for i in 0..columns {
            let (a, b) = (cell(i, j, seed), cell(i, j, seed ^ 0x99));
            let (x, y) = (
                (i as f32 - 1.5 + 0.42 * (a - 0.5)) * size,
                (j as f32 - 1.5 + 0.42 * (b - 0.5)) * size,
            );
            let s = scene.at(x, y);
            let mut colour = mix(palette.nearest(s.colour), s.colour, 0.65);
            colour = saturate(shade(colour, 0.34 * (cell(i, j, seed ^ 5) - 0.5)), 1.2);
            if cell(i, j, seed ^ 6) < gilded {
                colour = shade(gold, 0.4 * (a - 0.5));
            }
            let tilt = (cell(i, j, seed ^ 7) - 0.5, cell(i, j, seed ^ 8) - 0.5);
            stones.push(Stone { x, y, cos: cos(s.angle), sin: sin(s.angle), colour, tilt });
        }
    }
    Canvas::from_fn(studio.width, studio.height, |x, y| {
        let (ci, cj) = ((x / size + 1.5).floor() as i32, (y / size + 1.5).floor() as i32);
        let (mut best, mut second, mut at, mut local) = (f32::MAX, f32::MAX, 0, (0.0, 0.0));
        for j in cj - 1..=cj + 2 {
            for i in ci - 1..=ci + 2 {
                if i < 0 || j < 0 || i >= columns || j >= rows {
                    continue;
                }
                let k = (j * columns + i) as usize;
                let stone = &stones[k];
                let (dx, dy) = (x - stone.x, y - stone.y);
                let (u, v) = (dx * stone.cos + dy * stone.sin, dy * stone.cos - dx * stone.sin);
                // Squarish, corners rounded.
                let d = 0.72 * u.abs().max(v.abs()) + 0.28 * (dx * dx + dy * dy).sqrt();
                if d < best {
                    (second, best, at, local) = (best, d, k, (u, v));
                } else if d < second {
                    second = d;
                }
            }
        }
        let stone = &stones[at];
        let gap = second - best;
        let coverage = smoothstep(0.09 * size, 0.09 * size + 1.6, gap).min(smoothstep(
            0.72 * size,
            0.6 * size,
            best,
        ));
        let facing = stone.tilt.0 * lx + stone.tilt.1 * ly;
        let sheen = (local.0 * stone.tilt.0 + local.1 * stone.tilt.1) / size;
        let rim = smoothstep(0.28 * size, 0.1 * size, gap);
        let bevel = rim
            * (local.0 * (lx * stone.cos + ly * stone.sin)
                + local.1 * (ly * stone.cos - lx * stone.sin))
            / size;
        let body = shade(stone.colour, 0.35 * facing + 0.3 * sheen + 0.55 * bevel);
        let speck = 0.08 * (value(x / px * 0.7, y / px * 0.7, seed) - 0.5);
        mix(shade(grout, 2.0 * speck), shade(body, speck), coverage)
    })
}

/// Panes of coloured light in lead, cut along the forms.
pub fn stained_glass(studio: &mut Studio) -> Canvas {
    let scene = studio.scene(false);
    let px = studio.px;
    let (w, h) = (scene.width, scene.height);
    let size = studio.dice.range(52.0, 84.0) * px;
    let palette = studio.palette.clone();
    let (seed, dark) = (studio.seed, studio.palette.ink());
    let stretch = studio.dice.range(0.7, 1.4);
    let region = |at: usize| scene.at((at % w) as f32, (at / w) as f32).region;
    // What is too small to be cut out of glass is painted on it.
    let mut areas = BTreeMap::new();
    if studio.photo.is_some() {
        (0..w * h).for_each(|at| *areas.entry(region(at)).or_insert(0.0f32) += 1.0);
    }
    let panes: Vec<u32> = (0..w * h)
        .map(|at| {
            let (x, y) = ((at % w) as f32, (at / w) as f32);
            let n = voronoi(x / size * stretch, y / size / stretch, 0.9, seed);
            let own = region(at);
            let cut = areas.get(&own).is_none_or(|&area| area > SMALLEST_PANE * size * size);
            hash(n.id.0, n.id.1, if cut { u32::from(own) } else { u32::MAX })
        })
        .collect();
    let lead = scene.border_distance(|a, b| panes[a] != panes[b]);
    Canvas::from_fn(w, h, |x, y| {
        let at = y as usize * w + x as usize;
        let label = panes[at];
        let pick = cell(label as i32, 3, seed);
        // Half of the pane's colour is the scene's, the rest is what glass there was.
        let s = scene.at(x, y);
        let base = palette.nearest(shade(s.colour, 0.5 * (pick - 0.5)));
        let base = if cell(label as i32, 4, seed) < 0.14 {
            palette.rank(label as usize % palette.len())
        } else {
            base
        };
        let base = mix(base, s.colour, 0.3);
        let mut glass =
            saturate(if luma(base) < 0.22 { shade(scale(base, 1.7), 0.06) } else { base }, 1.5);
        let d = lead[at];
        let (u, v) = rotate(x, y, pick * PI);
        let streak = fractal(u / px * 0.012, v / px * 0.07, 3, seed ^ label);
        let bubble = value(x / px * 0.25, y / px * 0.25, seed);
        glass = shade(glass, 0.2 * streak + 0.08 * (bubble - 0.5) + 0.34 * (pick - 0.45));
        // Light pools in the middle of a pane and is lost towards the lead.
        glass = shade(
            glass,
            0.30 * smoothstep(4.0 * px, 26.0 * px, d) - 0.42 * smoothstep(9.0 * px, 1.0 * px, d),
        );
        let width = px * (2.3 + 0.7 * value(x / px * 0.02, y / px * 0.02, seed));
        let line = (width - d + 0.5).clamp(0.0, 1.0);
        let shine =
            0.22 * smoothstep(0.6 * width, 0.0, d) * value(x / px * 0.05, y / px * 0.05, seed ^ 2);
        mix(glass, shade(scale(dark, 0.7), shine), line)
    })
}

/// Folded facets.
pub fn low_poly(studio: &mut Studio) -> Canvas {
    let scene = studio.scene(false);
    let px = studio.px * 2.0;
    // Twice the size, then halved, for smooth edges.
    let (w, h) = (studio.width * 2, studio.height * 2);
    let size = studio.dice.range(26.0, 44.0) * px;
    let (columns, rows) = ((w as f32 / size) as i32 + 4, (h as f32 / size) as i32 + 4);
    let seed = studio.seed;
    let corner = |i: i32, j: i32| {
        let shift = if j.rem_euclid(2) == 0 { 0.0 } else { 0.5 };
        let x = (i as f32 - 1.5 + shift + 0.62 * (cell(i, j, seed) - 0.5)) * size;
        let y = (j as f32 - 1.5 + 0.62 * (cell(i, j, seed ^ 1) - 0.5)) * size;
        let (x, y) = if studio.photo.is_some() { edge_near(&scene, x, y, size) } else { (x, y) };
        (x, y, cell(i, j, seed ^ 2))
    };
    let (lx, ly) = (cos(studio.light), sin(studio.light));
    let mut canvas = Canvas::new(w, h, studio.palette.darkest());
    for j in 0..rows {
        for i in 0..columns {
            // Odd rows are half a step to the right, so the diagonals alternate.
            let quads = if j % 2 == 0 {
                [[(i, j), (i + 1, j), (i, j + 1)], [(i + 1, j), (i + 1, j + 1), (i, j + 1)]]
            } else {
                [[(i, j), (i + 1, j), (i + 1, j + 1)], [(i, j), (i + 1, j + 1), (i, j + 1)]]
            };
            for triangle in quads {
                let facet = triangle.map(|(i, j)| corner(i, j));
                let tones = facet.map(|(x, y, _)| scene.at(x / 2.0, y / 2.0).tone);
                let range = tones.iter().copied().fold(0.0, f32::max)
                    - tones.iter().copied().fold(1.0, f32::min);
                // Smaller facets where a photo says more.
                if studio.photo.is_some() && range > 0.12 {
                    for facet in quarters(facet) {
                        fill(&mut canvas, facet, &scene, size, (lx, ly));
                    }
                } else {
                    fill(&mut canvas, facet, &scene, size, (lx, ly));
                }
            }
        }
    }
    canvas.halve()
}

/// A corner of a facet: x and y in pixels, height in facets.
type Corner = (f32, f32, f32);

/// A facet, cut at the middles of its sides.
fn quarters([p, q, r]: [Corner; 3]) -> [[Corner; 3]; 4] {
    let between = |a: Corner, b: Corner| ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0, (a.2 + b.2) / 2.0);
    let (pq, qr, rp) = (between(p, q), between(q, r), between(r, p));
    [[p, pq, rp], [pq, q, qr], [rp, qr, r], [pq, qr, rp]]
}

/// A facet in the mean colour of the scene below, lit by how it lies.
fn fill(
    canvas: &mut Canvas,
    [p, q, r]: [Corner; 3],
    scene: &Scene,
    size: f32,
    (lx, ly): (f32, f32),
) {
    let (cx, cy) = ((p.0 + q.0 + r.0) / 3.0, (p.1 + q.1 + r.1) / 3.0);
    // Normal of the facet over the random heights of its corners.
    let (e, f) =
        ((q.0 - p.0, q.1 - p.1, (q.2 - p.2) * size), (r.0 - p.0, r.1 - p.1, (r.2 - p.2) * size));
    let n = (e.1 * f.2 - e.2 * f.1, e.2 * f.0 - e.0 * f.2, e.0 * f.1 - e.1 * f.0);
    let length = (n.0 * n.0 + n.1 * n.1 + n.2 * n.2).sqrt().max(1e-3);
    let facing = (n.0 * lx + n.1 * ly) / length * if n.2 < 0.0 { -1.0 } else { 1.0 };
    let mean = [p, q, r].iter().fold([0.0; 3], |sum: Rgb, c| {
        let s = scene.at((c.0 + 2.0 * cx) / 6.0, (c.1 + 2.0 * cy) / 6.0).colour;
        [sum[0] + s[0] / 3.0, sum[1] + s[1] / 3.0, sum[2] + s[2] / 3.0]
    });
    let colour = saturate(shade(mean, 0.42 * facing), 1.25);
    fill_triangle(canvas, [p, q, r].map(|c| (c.0, c.1)), |t| shade(colour, 0.10 * (t - 0.5)));
}

/// The place of the greatest change of tone near a corner of facets `size` wide, so that they
/// fold along the forms. All in pixels of twice the scene's size.
fn edge_near(scene: &Scene, x: f32, y: f32, size: f32) -> (f32, f32) {
    let mut best = (0.06, (x, y));
    for k in 0..25 {
        let (i, j) = ((k % 5) as f32 / 2.0 - 1.0, (k / 5) as f32 / 2.0 - 1.0);
        let place = (x + 0.3 * size * i, y + 0.3 * size * j);
        let detail = scene.detail(place.0 / 2.0, place.1 / 2.0, 0.06 * size)
            * (1.0 - 0.15 * (i * i + j * j));
        if detail > best.0 {
            best = (detail, place);
        }
    }
    best.1
}

/// Fills the pixels whose centres lie inside; `colour` by the share of the first corner.
fn fill_triangle(canvas: &mut Canvas, [a, b, c]: [(f32, f32); 3], colour: impl Fn(f32) -> Rgb) {
    let cross = |o: (f32, f32), p: (f32, f32), q: (f32, f32)| {
        (p.0 - o.0) * (q.1 - o.1) - (p.1 - o.1) * (q.0 - o.0)
    };
    let area = cross(a, b, c);
    if area.abs() < 1e-3 {
        return;
    }
    let clip = |v: f32, n: usize| v.clamp(0.0, n as f32) as usize;
    let (w, h) = (canvas.width, canvas.height);
    let rows = clip(a.1.min(b.1).min(c.1).floor(), h)..clip(a.1.max(b.1).max(c.1).ceil(), h);
    let columns = clip(a.0.min(b.0).min(c.0).floor(), w)..clip(a.0.max(b.0).max(c.0).ceil(), w);
    for j in rows {
        for i in columns.clone() {
            let p = (i as f32 + 0.5, j as f32 + 0.5);
            let (s, t, u) = (cross(p, b, c) / area, cross(p, c, a) / area, cross(p, a, b) / area);
            if s >= 0.0 && t >= 0.0 && u >= 0.0 {
                canvas.rgb[j * w + i] = colour(s);
            }
        }
    }
}

/// Tapestry: coloured weft over a plain warp.
pub fn weave(studio: &mut Studio) -> Canvas {
    let scene = studio.scene(false);
    let px = studio.px;
    let palette = studio.palette.clone();
    let (warp_pitch, weft_pitch) =
        (studio.dice.range(7.0, 10.0) * px, studio.dice.range(4.5, 7.0) * px);
    let twill = 3 + studio.dice.below(3) as i32;
    let tilt = *studio.dice.pick(&[0.0, 0.0, PI / 4.0, 0.3]);
    let warp_colour = mix(palette.paper(), palette.rank(1), 0.35);
    let seed = studio.seed;
    Canvas::from_fn(studio.width, studio.height, |x, y| {
        let (u, v) = rotate(x, y, tilt);
        let sag = 0.8 * px * (value(u / px * 0.03, v / px * 0.03, seed) - 0.5);
        let (u, v) = (u / warp_pitch, (v + sag) / weft_pitch);
        let (i, j) = (u.floor() as i32, v.floor() as i32);
        let (fu, fv) = (fract(u) - 0.5, fract(v) - 0.5);
        let warp_up = (i + j).rem_euclid(twill) == 0;
        let fibre = value(u * 5.0 + v * 9.0, v * 3.0 - u * 7.0, seed) - 0.5;
        let (sx, sy) = rotate((i as f32 + 0.5) * warp_pitch, (j as f32 + 0.5) * weft_pitch, -tilt);
        let s = scene.at(sx, sy);
        let (colour, round, along) = if warp_up {
            (mix(warp_colour, s.colour, 0.6), fu, fv)
        } else {
            let dyed = mix(palette.nearest(s.colour), s.colour, 0.5);
            // Where this thread surfaces and dives.
            let span = ((i + j).rem_euclid(twill) as f32 + fu) / twill as f32 - 0.5;
            (saturate(shade(dyed, 0.2 * (cell(i / 3, j, seed) - 0.5)), 1.15), fv, span * 0.9)
        };
        let lit = 0.16 * (1.0 - 6.0 * round * round) - 0.5 * along * along + 0.25 * fibre;
        let colour = shade(colour, lit);
        scale(colour, 1.0 - 0.55 * smoothstep(0.36, 0.5, round.abs()))
    })
}

/// Waxed lines, cracked dye and rows of dots.
pub fn batik(studio: &mut Studio) -> Canvas {
    let scene = studio.scene(false);
    let px = studio.px;
    let (w, palette, seed) = (studio.width, studio.palette.clone(), studio.seed);
    let wax = mix(palette.paper(), palette.rank(palette.len() - 2), 0.25);
    let ink = palette.ink();
    let bands = studio.dice.range(26.0, 40.0) * px;
    let border = scene.outline_distance();
    Canvas::from_fn(studio.width, studio.height, |x, y| {
        let s = scene.at(x, y);
        let d = border[y as usize * w + x as usize];
        let (nx, ny) = (x / px, y / px);
        let bleed = fractal(nx * 0.02, ny * 0.02, 4, seed);
        let dyed = mix(palette.nearest(s.colour), s.colour, 0.25);
        // The dye is darker in echoes of the outline.
        let echo = (d / bands + 0.15 * bleed).floor();
        let dyed = saturate(shade(dyed, 0.22 * bleed - 0.10 * (echo % 3.0)), 1.25);
        let mut colour = dyed;
        // Dots of wax along the outline, at even steps of a wandering count.
        let (du, dv) = rotate(nx / 17.0, ny / 17.0, f32::from(s.region) * 0.7);
        let dot = voronoi(du, dv, 0.15, seed ^ u32::from(s.region));
        let dotted = s.region % 5 < 2 && d > 10.0 * px;
        if dotted {
            let r = 0.16 + 0.08 * cell(dot.id.0, dot.id.1, seed);
            let cover = smoothstep(r + 0.05, r - 0.05, dot.distance);
            let ring = smoothstep(0.05, 0.02, (dot.distance - 0.34).abs())
                * if s.region.is_multiple_of(5) { 0.7 } else { 0.0 };
            colour = mix(colour, wax, 0.85 * cover.max(ring));
        }
        let width = px * (2.2 + 1.5 * value(nx * 0.05, ny * 0.05, seed));
        let drawn = smoothstep(width + 0.8, width - 0.8, d);
        let line = ((d + 2.5 * px * bleed) / bands - 0.5).abs();
        let second =
            smoothstep(1.5, 0.5, (d - 7.5 * px).abs() / px).max(if dotted || d > 3.0 * bands {
                0.0
            } else {
                smoothstep(0.045, 0.02, (fract(line) - 0.5).abs())
            });
        colour = mix(colour, wax, drawn.max(0.6 * second));
        // Crackle: dye in the breaks of the wax.
        let (qx, qy) = (
            nx + 9.0 * fractal(nx * 0.03, ny * 0.03, 3, seed),
            ny + 9.0 * fractal(nx * 0.03, ny * 0.03, 3, seed ^ 3),
        );
        let coarse = voronoi(qx / 58.0, qy / 58.0, 1.0, seed).gap * 58.0;
        let fine = voronoi(qx / 21.0, qy / 21.0, 1.0, seed ^ 4).gap * 21.0;
        let here = smoothstep(0.45, 0.75, value(nx * 0.012, ny * 0.012, seed ^ 9));
        let crack = smoothstep(1.5, 0.3, coarse).max(0.75 * here * smoothstep(1.2, 0.2, fine));
        colour = mix(colour, ink, 0.6 * crack);
        let cloth = 0.05 * (value(x * 0.9, y * 0.2, 1) + value(x * 0.2, y * 0.9, 2) - 1.0);
        shade(colour, cloth)
    })
}

/// Sheets of coloured paper, cut and stacked, with shadows between them.
pub fn paper_cut(studio: &mut Studio) -> Canvas {
    let palette = studio.palette.clone();
    let (w, h) = (studio.width * 2, studio.height * 2);
    let px = studio.px * 2.0;
    let short = w.min(h) as f32;
    let sheets = 6 + studio.dice.below(4);
    let seed = studio.seed;
    let frequency = studio.dice.range(1.1, 2.2);
    let kind = studio.dice.below(3);
    let (cx, cy) =
        (studio.dice.range(0.3, 0.7) * w as f32, studio.dice.range(0.35, 0.65) * h as f32);
    let inward = studio.dice.chance(0.5);
    let tone = studio.photo_scene().map(|scene| scene.soft_tone((2.0 * px + 0.5) as usize));
    let (low, high) = (luma(palette.darkest()), luma(palette.lightest()));
    let level: Vec<u8> = (0..w * h)
        .map(|at| {
            let (x, y) = ((at % w) as f32, (at / w) as f32);
            let (u, v) = (x / short * frequency, y / short * frequency);
            let hills = || {
                let warp = 0.35 * fractal(u + 5.0, v, 2, seed ^ 1);
                fractal(u + warp, v - warp, 3, seed)
            };
            let (dx, dy) = ((x - cx) / short, (y - cy) / short);
            let depth = match (kind, &tone) {
                // The sheets are as light as the photo.
                (_, Some(tone)) => {
                    let place = ((x + 0.5) / w as f32, (y + 0.5) / h as f32);
                    let tone = Corners::new(place, studio.width, studio.height).value(tone);
                    let t = (tone - low) / (high - low).max(0.05);
                    if inward { t } else { 1.0 - t }
                }
                // A valley of ridges, a hole in the middle, or islands.
                (0, None) => y / h as f32 + 0.2 * hills(),
                (1, None) => 1.3 * (dx * dx + dy * dy).sqrt() + 0.2 * hills() + 0.08,
                (_, None) => 0.5 + 0.8 * hills(),
            };
            (depth * sheets as f32).clamp(0.0, sheets as f32 - 1.0) as u8
        })
        .collect();
    let colours: Vec<Rgb> = (0..sheets)
        .map(|k| {
            let t = k as f32 / (sheets - 1) as f32;
            let blend = palette.ramp(if inward { t } else { 1.0 - t });
            saturate(mix(palette.nearest(blend), blend, 0.35), 1.1)
        })
        .collect();
    // Ridges are lit from below, or their shadows would fall on themselves.
    let (lx, ly) = (cos(studio.light), sin(studio.light) * if kind == 0 { -1.0 } else { 1.0 });
    let canvas = Canvas::from_fn(w, h, |x, y| {
        let at = |dx: f32, dy: f32| {
            let i = (x + dx).clamp(0.0, w as f32 - 1.0) as usize;
            let j = (y + dy).clamp(0.0, h as f32 - 1.0) as usize;
            level[j * w + i]
        };
        let own = at(0.0, 0.0);
        // Higher sheets towards the light throw a shadow that softens with distance.
        let mut shadow = 0.0f32;
        for k in 1..=7 {
            let reach = k as f32 * 2.4 * px;
            let higher = at(lx * reach, ly * reach).saturating_sub(own);
            if higher > 0 {
                shadow = shadow.max(1.0 - k as f32 / (7.5 + f32::from(higher)));
            }
        }
        let edge = at(-lx * px * 0.9, -ly * px * 0.9) < own;
        let lit = shade(colours[usize::from(own)], if edge { 0.2 } else { 0.0 });
        scale(lit, 1.0 - 0.5 * shadow)
    });
    let mut canvas = canvas.halve();
    let px = studio.px;
    canvas.each(|x, y, c| {
        let fibre = value(x / px * 0.5, y / px * 0.5, seed) - 0.5;
        shade(c, 0.07 * fibre + 0.06 * fractal(x / px * 0.06, y / px * 0.06, 3, seed))
    });
    canvas
}
