//! Where marks land: a float picture with a relief of paint above it.

use super::math::{cos, fract, lerp, sin, smoothstep};
use super::noise::value;
use crate::picture::Picture;

/// sRGB, 0..1 a channel.
pub type Rgb = [f32; 3];

pub fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    [lerp(a[0], b[0], t), lerp(a[1], b[1], t), lerp(a[2], b[2], t)]
}

pub fn luma(c: Rgb) -> f32 {
    0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2]
}

/// Towards white for positive amounts, towards black for negative ones.
pub fn shade(c: Rgb, amount: f32) -> Rgb {
    if amount > 0.0 { mix(c, [1.0; 3], amount.min(1.0)) } else { scale(c, 1.0 + amount.max(-1.0)) }
}

pub fn scale(c: Rgb, by: f32) -> Rgb {
    [c[0] * by, c[1] * by, c[2] * by]
}

/// Farther from its own grey for amounts above 1.
pub fn saturate(c: Rgb, amount: f32) -> Rgb {
    let grey = luma(c);
    mix([grey; 3], c, amount)
}

/// As transparent ink over what is below.
pub fn multiply(a: Rgb, b: Rgb) -> Rgb {
    [a[0] * b[0], a[1] * b[1], a[2] * b[2]]
}

/// One touch of a tool. Lengths in pixels, angle in radians.
#[derive(Clone)]
pub struct Dab {
    pub x: f32,
    pub y: f32,
    pub angle: f32,
    pub length: f32,
    pub width: f32,
    /// Sagitta: how far the middle bows out sideways.
    pub bend: f32,
    /// How much narrower the first and the last end are, 0..1.
    pub taper: [f32; 2],
    pub square: bool,
    pub colour: Rgb,
    pub alpha: f32,
    /// Strength of the streaks that bristles leave, 0..1.
    pub bristle: f32,
    /// Thickness of the paint.
    pub body: f32,
    /// How much of the paper's grain shows through, 0..1.
    pub grain: f32,
    pub seed: u32,
}

impl Dab {
    pub fn new(x: f32, y: f32, angle: f32, length: f32, width: f32, colour: Rgb) -> Self {
        Self {
            x,
            y,
            angle,
            length: length.max(width),
            width,
            bend: 0.0,
            taper: [0.0; 2],
            square: false,
            colour,
            alpha: 1.0,
            bristle: 0.0,
            body: 0.0,
            grain: 0.0,
            seed: 0,
        }
    }
}

pub struct Canvas {
    pub width: usize,
    pub height: usize,
    pub rgb: Vec<Rgb>,
    pub relief: Vec<f32>,
    /// The paper's grain, once a mark has needed it.
    tooth: Vec<f32>,
}

fn tooth(width: usize, height: usize) -> Vec<f32> {
    let at = |at: usize| {
        let (x, y) = ((at % width) as f32, (at / width) as f32);
        value(x * 0.9, y * 0.9, 77) * 0.6 + value(x * 0.37, y * 0.37, 78) * 0.4
    };
    (0..width * height).map(at).collect()
}

/// A box turned by the angle of this sine and cosine, `u` to either side along and `v` across.
struct Slanted {
    x: f32,
    y: f32,
    s: f32,
    c: f32,
    u: f32,
    v: f32,
}

impl Slanted {
    /// Those columns, among these, that hold all of the box in a row.
    fn columns(&self, row: usize, all: &std::ops::Range<usize>) -> std::ops::Range<usize> {
        let dy = row as f32 + 0.5 - self.y;
        let (mut from, mut to) = (all.start as f32, all.end as f32);
        // Of dx, by `dx * slope + offset` within -reach..reach.
        let mut narrow = |slope: f32, offset: f32, reach: f32| {
            if slope.abs() > 1e-3 {
                let (a, b) = ((-reach - offset) / slope, (reach - offset) / slope);
                from = from.max(self.x + a.min(b) - 1.5);
                to = to.min(self.x + a.max(b) + 1.5);
            }
        };
        narrow(self.c, dy * self.s, self.u);
        narrow(-self.s, dy * self.c, self.v);
        let from = from as usize;
        from..(to as usize).max(from)
    }
}

impl Canvas {
    pub fn new(width: usize, height: usize, fill: Rgb) -> Self {
        let relief = vec![0.0; width * height];
        Self { width, height, rgb: vec![fill; width * height], relief, tooth: Vec::new() }
    }

    /// Every pixel from its centre.
    pub fn from_fn(width: usize, height: usize, mut colour: impl FnMut(f32, f32) -> Rgb) -> Self {
        let mut canvas = Self::new(width, height, [0.0; 3]);
        canvas.each(|x, y, _| colour(x, y));
        canvas
    }

    /// Repaints every pixel from its centre and its colour.
    pub fn each(&mut self, mut colour: impl FnMut(f32, f32, Rgb) -> Rgb) {
        for (j, row) in self.rgb.chunks_mut(self.width).enumerate() {
            for (i, pixel) in row.iter_mut().enumerate() {
                *pixel = colour(i as f32 + 0.5, j as f32 + 0.5, *pixel);
            }
        }
    }

    /// The pixels that a box touches, as ranges clipped to the canvas.
    fn clip(
        &self,
        x0: f32,
        x1: f32,
        y0: f32,
        y1: f32,
    ) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let side = |a: f32, b: f32, n: usize| {
            let from = a.floor().clamp(0.0, n as f32) as usize;
            let to = (b.ceil() + 1.0).clamp(0.0, n as f32) as usize;
            from..to.max(from)
        };
        (side(x0, x1, self.width), side(y0, y1, self.height))
    }

    pub fn dab(&mut self, dab: &Dab) {
        let (s, c) = (sin(dab.angle), cos(dab.angle));
        let (half, radius) = (dab.length / 2.0, dab.width / 2.0);
        let across = radius + dab.bend.abs() + 1.0;
        let reach_x = c.abs() * (half + 1.0) + s.abs() * across;
        let reach_y = s.abs() * (half + 1.0) + c.abs() * across;
        let (columns, rows) =
            self.clip(dab.x - reach_x, dab.x + reach_x, dab.y - reach_y, dab.y + reach_y);
        // Marks thinner than a pixel are drawn a pixel wide but fainter.
        let faint = dab.width.min(1.0);
        let radius = radius.max(0.5);
        // Nine bristles across, whatever the size.
        let streak = 9.0 / dab.width.max(1.0);
        let phase = fract(dab.seed as f32 * 0.618_034) * 91.0;
        if dab.grain > 0.0 && self.tooth.is_empty() {
            self.tooth = tooth(self.width, self.height);
        }
        let slanted = Slanted { x: dab.x, y: dab.y, s, c, u: 1.2 * half, v: across + 1.0 };
        for j in rows {
            for i in slanted.columns(j, &columns) {
                let (dx, dy) = (i as f32 + 0.5 - dab.x, j as f32 + 0.5 - dab.y);
                let (u, v) = (dx * c + dy * s, dy * c - dx * s);
                let t = u / half;
                if !(-1.2..=1.2).contains(&t) {
                    continue;
                }
                let v = v - dab.bend * (1.0 - 2.0 * t * t).max(-1.0);
                if v.abs() > radius + 1.0 {
                    continue;
                }
                let side = if t < 0.0 { dab.taper[0] } else { dab.taper[1] };
                let r = radius * (1.0 - side * t * t).max(0.05);
                let inside = if dab.square {
                    (r - v.abs()).min(half - u.abs())
                } else {
                    let beyond = (u.abs() - (half - r).max(0.0)).max(0.0);
                    r - (beyond * beyond + v * v).sqrt()
                };
                let mut alpha = (inside + 0.5).clamp(0.0, 1.0) * dab.alpha * faint;
                if alpha <= 0.0 {
                    continue;
                }
                let mut colour = dab.colour;
                let mut thickness = dab.body;
                if dab.bristle > 0.0 {
                    let hair = value(v * streak + phase, t * 1.5 + phase, dab.seed) - 0.5;
                    // The brush runs dry towards the end of the stroke.
                    let dry = smoothstep(-0.2, 1.0, t) * 1.1;
                    alpha *= 1.0 - dab.bristle * smoothstep(0.05, 0.4, dry * (0.5 - hair) - 0.12);
                    colour = shade(colour, hair * 0.3 * dab.bristle);
                    thickness *= 1.0 + 1.2 * hair * dab.bristle;
                }
                let at = j * self.width + i;
                if dab.grain > 0.0 {
                    let tooth = self.tooth[at];
                    alpha *= smoothstep(dab.grain - 0.22, dab.grain + 0.1, tooth + 0.12);
                }
                self.rgb[at] = mix(self.rgb[at], colour, alpha);
                if thickness > 0.0 {
                    // Paint is pushed to the sides of the stroke and piles up where it ends.
                    let ridge = 0.75 + 0.35 * (v / r) * (v / r) + 0.2 * t.max(0.0);
                    let round = (inside / (0.35 * r).max(0.7)).clamp(0.0, 1.0);
                    let top = self.relief[at] * 0.25 + thickness * ridge * round;
                    self.relief[at] = lerp(self.relief[at], top, alpha);
                }
            }
        }
    }

    /// A connected line; `radius` in pixels at every point.
    pub fn polyline(
        &mut self,
        points: &[(f32, f32)],
        radius: impl Fn(f32) -> f32,
        colour: Rgb,
        alpha: f32,
        body: f32,
    ) {
        let last = points.len().saturating_sub(1).max(1) as f32;
        for (k, pair) in points.windows(2).enumerate() {
            let ((ax, ay), (bx, by)) = (pair[0], pair[1]);
            let (ra, rb) = (radius(k as f32 / last), radius((k + 1) as f32 / last));
            if ra.max(rb) <= 0.0 {
                continue;
            }
            let reach = ra.max(rb) + 1.0;
            let (columns, rows) = self.clip(
                ax.min(bx) - reach,
                ax.max(bx) + reach,
                ay.min(by) - reach,
                ay.max(by) + reach,
            );
            let (ex, ey) = (bx - ax, by - ay);
            let length2 = (ex * ex + ey * ey).max(1e-6);
            for j in rows {
                for i in columns.clone() {
                    let (dx, dy) = (i as f32 + 0.5 - ax, j as f32 + 0.5 - ay);
                    let t = ((dx * ex + dy * ey) / length2).clamp(0.0, 1.0);
                    let (px, py) = (dx - t * ex, dy - t * ey);
                    let r = lerp(ra, rb, t);
                    let inside = r.max(0.5) - (px * px + py * py).sqrt();
                    let a = (inside + 0.5).clamp(0.0, 1.0) * alpha * (2.0 * r).min(1.0);
                    if a > 0.0 {
                        let at = j * self.width + i;
                        self.rgb[at] = mix(self.rgb[at], colour, a);
                        if body > 0.0 {
                            let round = (inside / r.max(0.7)).clamp(0.0, 1.0);
                            // The highest of the segments that meet here.
                            self.relief[at] = self.relief[at].max(body * round.sqrt() * a);
                        }
                    }
                }
            }
        }
    }

    /// Lights the relief from one side. `strength` is the contrast of a slope
    /// of 1 in a pixel; `gloss` the highlight of wet paint.
    pub fn light(&mut self, angle: f32, strength: f32, gloss: f32) {
        let (lx, ly) = (cos(angle), sin(angle));
        let (w, h) = (self.width, self.height);
        for j in 0..h {
            for i in 0..w {
                let at = |i: usize, j: usize| self.relief[j.min(h - 1) * w + i.min(w - 1)];
                let dx = at(i + 1, j) - at(i.saturating_sub(1), j);
                let dy = at(i, j + 1) - at(i, j.saturating_sub(1));
                let slope = (-(dx * lx + dy * ly) * strength).clamp(-1.0, 1.0);
                let pixel = &mut self.rgb[j * w + i];
                *pixel = if slope > 0.0 {
                    let lit = scale(*pixel, 1.0 + 0.35 * slope);
                    mix(lit, [1.0; 3], gloss * slope * slope)
                } else {
                    scale(*pixel, 1.0 + 0.5 * slope)
                };
            }
        }
    }

    /// Half the size, every pixel the mean of four.
    pub fn halve(&self) -> Self {
        let (w, h) = (self.width / 2, self.height / 2);
        let mut out = Self::new(w, h, [0.0; 3]);
        for j in 0..h {
            for i in 0..w {
                let at = 2 * j * self.width + 2 * i;
                let top = mix(self.rgb[at], self.rgb[at + 1], 0.5);
                let bottom = mix(self.rgb[at + self.width], self.rgb[at + self.width + 1], 0.5);
                out.rgb[j * w + i] = mix(top, bottom, 0.5);
            }
        }
        out
    }

    pub fn into_picture(self) -> Picture {
        let bytes =
            self.rgb.iter().flatten().map(|v| (v.clamp(0.0, 1.0) * 255.0 + 0.5) as u8).collect();
        Picture::new(self.width as u32, self.height as u32, bytes)
            .expect("a canvas has as many pixels as its sides say")
    }
}
