//! Brings a photo's colours to a palette.

use super::canvas::{Rgb, luma, mix, scale, shade};
use super::math::lerp;
use super::palette::Palette;

/// Steps of the table a channel.
const STEPS: usize = 17;

/// How far colours follow the model, and not the palette as a whole, 0..1.
const FAITH: f32 = 0.45;

/// How far a colour is brought to the tone it should have, 0..1: palettes lack many tones.
const TONE_KEPT: f32 = 0.65;

/// A symmetric 2 x 2 matrix: xx, xy, yy.
type Spread = [f32; 3];

/// From photo to palette: the photo's tones, spread over the palette's, choose how light;
/// its hues, moved so that they scatter as the palette's, choose which colour. Colours that a
/// model in the same palette has more of are chosen more.
pub struct Recolour {
    table: Vec<Rgb>,
}

impl Recolour {
    /// For a photo of these colours. The model's are those of a picture, or none.
    pub fn new(colours: &[Rgb], palette: &Palette, model: &[Rgb]) -> Self {
        let tones = Tones::new(colours);
        let swatches = swatches(palette, model);
        let mut ladder: Vec<f32> = model.iter().map(|&c| luma(c)).collect();
        ladder.sort_by(f32::total_cmp);
        let goal = |place: f32| {
            let whole = luma(palette.ramp(place));
            let rung = (place * ladder.len() as f32) as usize;
            ladder
                .get(rung.min(ladder.len().saturating_sub(1)))
                .map_or(whole, |&tone| lerp(whole, tone, FAITH))
        };
        let even: Vec<(Rgb, f32)> = colours.iter().map(|&c| (c, 1.0)).collect();
        let (from, to) = (chroma_of(&even), chroma_of(&swatches));
        let carry = transport(from.1, to.1);
        let table = (0..STEPS * STEPS * STEPS)
            .map(|at| {
                let step = |k: usize| (k % STEPS) as f32 / (STEPS - 1) as f32;
                let colour = [step(at), step(at / STEPS), step(at / STEPS / STEPS)];
                let tone = goal(tones.place(luma(colour)));
                let c = chroma(colour);
                let (x, y) = (c.0 - from.0.0, c.1 - from.0.1);
                let hue =
                    (to.0.0 + carry[0] * x + carry[1] * y, to.0.1 + carry[1] * x + carry[2] * y);
                to_tone(blend(&swatches, tone, hue), tone)
            })
            .collect();
        Self { table }
    }

    /// The colour of the painting for a colour of the photo.
    pub fn of(&self, colour: Rgb) -> Rgb {
        let place = colour.map(|v| v.clamp(0.0, 1.0) * (STEPS - 1) as f32);
        let low = place.map(|v| (v as usize).min(STEPS - 2));
        let t = [0, 1, 2].map(|k| place[k] - low[k] as f32);
        let first = low[0] + STEPS * (low[1] + STEPS * low[2]);
        let row = |from: usize| mix(self.table[from], self.table[from + 1], t[0]);
        let plane = |from: usize| mix(row(from), row(from + STEPS), t[1]);
        mix(plane(first), plane(first + STEPS * STEPS), t[2])
    }
}

/// Where a tone stands among a photo's.
struct Tones {
    /// For 256 steps of luma, the share of pixels that are darker.
    darker: [f32; 256],
    low: f32,
    high: f32,
}

impl Tones {
    fn new(colours: &[Rgb]) -> Self {
        let mut counts = [0.0f32; 256];
        for &c in colours {
            counts[(luma(c) * 255.0) as usize] += 1.0;
        }
        let mut sum = 0.0;
        let darker = counts.map(|count| {
            sum += count;
            (sum - 0.5 * count) / colours.len() as f32
        });
        // All but a fiftieth at either end.
        let at = |share: f32| darker.iter().filter(|&&d| d < share).count() as f32 / 255.0;
        Self { darker, low: at(0.02), high: at(0.98) }
    }

    /// 0..1, between the photo's own contrast and equal shares of all tones.
    fn place(&self, tone: f32) -> f32 {
        let reach = (self.high - self.low).max(0.05);
        let stretched = ((tone - self.low) / reach).clamp(0.0, 1.0);
        let place = tone.clamp(0.0, 1.0) * 255.0;
        let low = (place as usize).min(254);
        let share = lerp(self.darker[low], self.darker[low + 1], place - low as f32);
        lerp(stretched, share, 0.4)
    }
}

/// Red and blue less luma.
fn chroma(c: Rgb) -> (f32, f32) {
    let grey = luma(c);
    (c[0] - grey, c[2] - grey)
}

/// The palette's colours and how much of each there should be, 1 on average.
fn swatches(palette: &Palette, model: &[Rgb]) -> Vec<(Rgb, f32)> {
    let n = palette.len();
    let mut shares = vec![if model.is_empty() { 1.0 } else { 1.0 - FAITH }; n];
    for &c in model {
        shares[palette.place(c)] += FAITH * n as f32 / model.len() as f32;
    }
    shares.into_iter().enumerate().map(|(k, share)| (palette.rank(k), share)).collect()
}

/// Mean and covariance of the chroma of colours that count as much as they say.
fn chroma_of(colours: &[(Rgb, f32)]) -> ((f32, f32), Spread) {
    let (mut x, mut y, mut n) = (0.0, 0.0, 0.0);
    for &(c, share) in colours {
        let (u, v) = chroma(c);
        (x, y, n) = (x + share * u, y + share * v, n + share);
    }
    let mean = (x / n, y / n);
    let mut spread = [0.0; 3];
    for &(c, share) in colours {
        let (u, v) = chroma(c);
        let (u, v) = (u - mean.0, v - mean.1);
        for (sum, product) in spread.iter_mut().zip([u * u, u * v, v * v]) {
            *sum += share * product / n;
        }
    }
    (mean, spread)
}

/// The linear map that gives what scatters like `from` the scatter of `to` and moves it
/// least (Monge-Kantorovich; Pitié and Kokaram, 2007).
fn transport(from: Spread, to: Spread) -> Spread {
    // A photo of hardly any colour is not brought to full colour: that would show its noise.
    let least = 0.04 * 0.04;
    let from = [from[0] + least, from[1], from[2] + least];
    let half = root(from);
    let back = inverse(half);
    sandwich(back, root(sandwich(half, to)))
}

fn root(m: Spread) -> Spread {
    let det = (m[0] * m[2] - m[1] * m[1]).max(0.0).sqrt();
    let scale = (m[0] + m[2] + 2.0 * det).max(1e-12).sqrt();
    [(m[0] + det) / scale, m[1] / scale, (m[2] + det) / scale]
}

fn inverse(m: Spread) -> Spread {
    let det = m[0] * m[2] - m[1] * m[1];
    [m[2] / det, -m[1] / det, m[0] / det]
}

/// `a b a`.
fn sandwich(a: Spread, b: Spread) -> Spread {
    let ab = [
        a[0] * b[0] + a[1] * b[1],
        a[0] * b[1] + a[1] * b[2],
        a[1] * b[0] + a[2] * b[1],
        a[1] * b[1] + a[2] * b[2],
    ];
    [ab[0] * a[0] + ab[1] * a[1], ab[0] * a[1] + ab[1] * a[2], ab[2] * a[1] + ab[3] * a[2]]
}

/// The swatches near a tone and hue, mixed by how near they are.
fn blend(swatches: &[(Rgb, f32)], tone: f32, hue: (f32, f32)) -> Rgb {
    let mut sum = [0.0; 3];
    let mut total = 0.0;
    for &(swatch, share) in swatches {
        let (c, light) = (chroma(swatch), luma(swatch) - tone);
        let (x, y) = (c.0 - hue.0, c.1 - hue.1);
        let near = 1.0 / (2.0 * light * light + x * x + y * y + 0.02);
        let weight = share * near * near * near;
        (0..3).for_each(|k| sum[k] += weight * swatch[k]);
        total += weight;
    }
    scale(sum, 1.0 / total)
}

/// Lightened or darkened most of the way to a tone.
fn to_tone(colour: Rgb, tone: f32) -> Rgb {
    let own = luma(colour);
    let amount =
        if tone > own { (tone - own) / (1.0 - own).max(0.01) } else { tone / own.max(0.01) - 1.0 };
    shade(colour, TONE_KEPT * amount)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procedural::noise::Dice;

    #[test]
    fn tones_keep_their_order_and_reach_over_the_palette() {
        let greys: Vec<Rgb> = (0..64).map(|k| [0.2 + 0.6 * k as f32 / 63.0; 3]).collect();
        for seed in 0..20 {
            let palette = Palette::random(&mut Dice::new(seed));
            let recolour = Recolour::new(&greys, &palette, &[]);
            let tones: Vec<f32> = greys.iter().map(|&c| luma(recolour.of(c))).collect();
            // A palette colour of another tone may bend the ladder, but not by much.
            assert!(tones.windows(8).all(|w| w[7] > w[0] - 0.02), "{tones:?}");
            assert!(tones[0] < luma(palette.darkest()) + 0.12);
            assert!(tones[63] > luma(palette.lightest()) - 0.12);
        }
    }

    #[test]
    fn colours_of_the_model_are_preferred() {
        let palette = Palette::random(&mut Dice::new(3));
        let photo: Vec<Rgb> = (0..64).map(|k| [0.2, k as f32 / 63.0, 0.6]).collect();
        let likes = |rank: usize| {
            let model = [palette.rank(rank); 8];
            let recolour = Recolour::new(&photo, &palette, &model);
            let like = |c: &&Rgb| palette.place(recolour.of(**c)) == rank;
            photo.iter().filter(like).count()
        };
        let plain = Recolour::new(&photo, &palette, &[]);
        for rank in 0..palette.len() {
            let before = photo.iter().filter(|&&c| palette.place(plain.of(c)) == rank).count();
            assert!(likes(rank) >= before, "rank {rank}");
        }
    }

    #[test]
    fn transport_gives_the_wanted_scatter() {
        let (from, to) = ([0.05, 0.01, 0.02], [0.03, -0.02, 0.06]);
        let map = transport(from, to);
        let least = 0.04 * 0.04;
        let got = sandwich(map, [from[0] + least, from[1], from[2] + least]);
        for (got, wanted) in got.into_iter().zip(to) {
            assert!((got - wanted).abs() < 1e-4, "{got} is not {wanted}");
        }
    }
}
