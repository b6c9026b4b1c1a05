//! Hand-picked colours.

use super::canvas::{Rgb, luma, mix};
use super::noise::Dice;

/// A handful of colours that belong together, dark to light.
#[derive(Clone)]
pub struct Palette {
    colours: Vec<Rgb>,
}

const PALETTES: &[(&str, &[u32])] = &[
    ("water lilies", &[0x2b3a55, 0x4f6d7a, 0x7a9e7e, 0xa9a6c9, 0xd8b4d8, 0xf3e3d3]),
    ("haystack at dusk", &[0x3a2f55, 0x7a4f7e, 0xc8643c, 0xe8a04c, 0xf2cf8b, 0xb7c4d9]),
    ("great wave", &[0x12284c, 0x2a5482, 0x6f9bb3, 0xb9cdc4, 0xe9dfc3, 0xc98b5a]),
    ("fauve", &[0x14213d, 0x0a7e5a, 0xd1203a, 0xf26b1d, 0xf7c52b, 0x2f8fd0, 0xf6b7c8]),
    ("bauhaus", &[0x1b1b1e, 0xc8281e, 0x1f4e9c, 0xf2b705, 0xefe6d2]),
    ("ink", &[0x14151a, 0x3b3f46, 0x787c80, 0xbcbab2, 0xf2ede1]),
    ("sepia", &[0x2a1a0f, 0x5c3a1e, 0x946339, 0xc79a63, 0xf0dfbd]),
    ("neon", &[0x150734, 0x5a189a, 0xff2e93, 0xff8a00, 0x12e2d0, 0xf9f871]),
    ("autumn", &[0x2e1a12, 0x6b2d12, 0xa63d16, 0xd9822b, 0xe8b84a, 0x6f7a3a, 0xf3e2b8]),
    ("ukiyo-e", &[0x1f2a36, 0x3b6b7d, 0xb5483a, 0xd9a441, 0x9db39a, 0xf0e3c8]),
    ("klimt gold", &[0x1c1410, 0x5a3a12, 0xa8781c, 0xd9a826, 0xf4d774, 0x2f6b5a, 0x8c2f39]),
    ("cathedral", &[0x120c22, 0x14387f, 0x7a1030, 0x0f6b4f, 0xd4a017, 0x5d2a86, 0x58b5d9]),
    ("starry night", &[0x0b1a3a, 0x1d3f7a, 0x3f78b5, 0x7fb3c8, 0xf2d35e, 0xf7edb5, 0x2f4f3a]),
    ("sunflowers", &[0x4a3210, 0x8a6a14, 0xd8a010, 0xf2c830, 0xf7e7a0, 0x6f9a8d, 0x3f5a44]),
    ("provence", &[0x3d3566, 0x7a68ae, 0xb7a3d6, 0x7f9a52, 0xd9c77a, 0xf6ead0]),
    ("terracotta", &[0x33201c, 0x7c3626, 0xb85a3a, 0xdd9a6c, 0xefd2b0, 0x4d6a6a]),
    ("northern light", &[0x0d1b22, 0x174a4f, 0x2a8c74, 0x79c99e, 0xd6ecc4, 0x6a4c93]),
    ("cherry blossom", &[0x4a2536, 0x9a4a62, 0xd98295, 0xf2bcc4, 0xfae9e4, 0x8da58a]),
    ("azulejo", &[0x0f2560, 0x2148a0, 0x5b86cf, 0xb3cbe8, 0xf6f4ea, 0xe0b64a]),
    ("desert", &[0x40252e, 0x8c4a3c, 0xd07c4e, 0xecb176, 0xf6dfb4, 0x5f93a0]),
    ("emerald forest", &[0x0e1f17, 0x1f4a32, 0x3f7d48, 0x86ad55, 0xd2d88b, 0xf3f0d0]),
    ("mexican tile", &[0x1d2250, 0xc2185b, 0xf0592a, 0xf9b21d, 0x12908e, 0xfaf0dc]),
    ("winter", &[0x222c3c, 0x53657d, 0x8ea5b8, 0xc5d3da, 0xf4f3ee, 0xb98472]),
    ("indigo and rust", &[0x141a33, 0x2b3a6b, 0x6173a3, 0xa84a2a, 0xdf8f4f, 0xf1e3cc]),
    ("dutch still life", &[0x17120e, 0x3a2a1a, 0x6b4a24, 0x8f2a1f, 0xc9953f, 0xe9d9a8]),
    ("pop", &[0x20113a, 0xe5173f, 0x00a6d6, 0xffd500, 0xff7eb6, 0xfdfaf0]),
    ("mint and coral", &[0x1f3a3d, 0x2f7f7b, 0x8fd0b6, 0xf3efe0, 0xf49a80, 0xd6504f]),
    ("aubergine", &[0x1d0f24, 0x4b1f4f, 0x8c3a6a, 0xc96b7c, 0xeeb59a, 0xf8e6cf]),
];

impl Palette {
    pub fn random(dice: &mut Dice) -> Self {
        Self::numbered(dice.below(PALETTES.len()))
    }

    /// One whose name is in the list.
    pub fn among(names: &[&str], dice: &mut Dice) -> Self {
        let name = *dice.pick(names);
        Self::numbered(PALETTES.iter().position(|p| p.0 == name).unwrap_or(0))
    }

    fn numbered(index: usize) -> Self {
        let codes = PALETTES[index].1;
        let channel = |code: u32, shift: u32| ((code >> shift) & 255) as f32 / 255.0;
        let mut colours: Vec<Rgb> =
            codes.iter().map(|&c| [channel(c, 16), channel(c, 8), channel(c, 0)]).collect();
        colours.sort_by(|a, b| luma(*a).total_cmp(&luma(*b)));
        Self { colours }
    }

    /// The same palette leaning towards another light, so that training does
    /// not see the same few colours for ever.
    pub fn vary(&mut self, dice: &mut Dice) {
        let tint = [dice.unit(), dice.unit(), dice.unit()];
        let amount = dice.range(0.0, 0.22);
        let order = dice.below(6);
        for colour in &mut self.colours {
            let [r, g, b] = *colour;
            let permuted =
                [[r, g, b], [r, b, g], [g, r, b], [g, b, r], [b, r, g], [b, g, r]][order];
            *colour = mix(permuted, tint, amount);
        }
        self.colours.sort_by(|a, b| luma(*a).total_cmp(&luma(*b)));
    }

    pub fn len(&self) -> usize {
        self.colours.len()
    }

    pub fn darkest(&self) -> Rgb {
        self.colours[0]
    }

    pub fn lightest(&self) -> Rgb {
        self.colours[self.len() - 1]
    }

    /// Paper: the lightest colour, lightened.
    pub fn paper(&self) -> Rgb {
        mix(self.lightest(), [0.99, 0.97, 0.93], 0.55)
    }

    /// Ink: the darkest colour, darkened.
    pub fn ink(&self) -> Rgb {
        mix(self.darkest(), [0.05, 0.05, 0.07], 0.45)
    }

    /// By rank from dark to light; ranks beyond the end count as the lightest.
    pub fn rank(&self, index: usize) -> Rgb {
        self.colours[index.min(self.len() - 1)]
    }

    pub fn any(&self, dice: &mut Dice) -> Rgb {
        *dice.pick(&self.colours)
    }

    /// The most saturated colour that is neither end of the palette.
    pub fn accent(&self) -> Rgb {
        let saturation = |c: Rgb| c[0].max(c[1]).max(c[2]) - c[0].min(c[1]).min(c[2]);
        let inner = &self.colours[1..];
        inner
            .iter()
            .copied()
            .fold(inner[0], |best, c| if saturation(c) > saturation(best) { c } else { best })
    }

    /// Continuous from the darkest (0) to the lightest (1).
    pub fn ramp(&self, t: f32) -> Rgb {
        let t = t.clamp(0.0, 1.0) * (self.len() - 1) as f32;
        let i = (t as usize).min(self.len() - 2);
        mix(self.colours[i], self.colours[i + 1], t - i as f32)
    }

    /// The nearest palette colour.
    pub fn nearest(&self, colour: Rgb) -> Rgb {
        self.colours[self.place(colour)]
    }

    /// The rank of the nearest palette colour.
    pub fn place(&self, colour: Rgb) -> usize {
        let distance = |k: usize| {
            let c = self.colours[k];
            let d = [c[0] - colour[0], c[1] - colour[1], c[2] - colour[2]];
            2.0 * d[0] * d[0] + 4.0 * d[1] * d[1] + 3.0 * d[2] * d[2]
        };
        let first = (0, distance(0));
        (1..self.len())
            .map(|k| (k, distance(k)))
            .fold(first, |best, k| if k.1 < best.1 { k } else { best })
            .0
    }
}
