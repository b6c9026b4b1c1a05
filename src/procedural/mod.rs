//! Procedural style pictures: paintings, prints and weavings made by rules.
//!
//! They widen the training data and are the styles bundled with the page. A
//! picture is made as by hand: a `palette`, a composed `scene` under the
//! marks, then the marks of a [`Family`] that follow the scene's forms. The
//! scene may be a photo, too (see `photo`): palette, tools and size of marks
//! are drawn from the seed before anything that depends on the scene, so that
//! one family and seed is one style, whatever it is painted on. All
//! arithmetic is of the kind that every machine rounds alike (see `math`), so
//! a picture is the same wherever it is made.

mod bundled;
mod canvas;
mod compositions;
mod fluids;
mod ink;
mod math;
mod noise;
mod palette;
mod photo;
mod prints;
mod recolour;
mod scene;
mod segments;
mod strokes;
mod tiles;

pub use bundled::{BUNDLED_SIZE, BundledStyle, THUMBNAIL_SIZE, bundled, styles_json};

use crate::picture::Picture;
use canvas::{Canvas, mix};
use noise::{Dice, fractal};
use palette::Palette;
use scene::Scene;

/// One family of procedural styles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Loose strokes, large to small.
    BrushStrokes,
    /// Thick rows of paint with lit relief.
    Impasto,
    /// Broad smears with ridges at their edges.
    PaletteKnife,
    /// Dots of unmixed colours.
    Pointillism,
    /// Waxy scribbles on toothed paper.
    Crayon,
    /// Outlined ribbons along currents.
    Swirls,
    /// Satin stitches on linen.
    Embroidery,
    /// Flung and dripped paint.
    Drip,
    /// Pen lines, crossed where darker.
    Hatching,
    /// Dot screens out of register.
    Halftone,
    /// Flat colours of a screen print.
    Poster,
    /// Gouges cut out of ink.
    Woodcut,
    /// Bands that bulge over forms.
    OpArt,
    /// Circles, bars and arcs on paper.
    Geometric,
    /// Square stones in grout.
    Mosaic,
    /// Glass in lead.
    StainedGlass,
    /// Folded facets.
    LowPoly,
    /// Tapestry.
    Weave,
    /// Waxed lines and cracked dye.
    Batik,
    /// Stacked sheets with shadows.
    PaperCut,
    /// Drops combed on water.
    Marbling,
    /// Mountains in mist.
    InkWash,
    /// Transparent washes with rims.
    Watercolour,
    /// Folded bands of stone.
    Agate,
}

impl Family {
    /// All families.
    pub const ALL: &[Family] = &[
        Family::BrushStrokes,
        Family::Impasto,
        Family::PaletteKnife,
        Family::Pointillism,
        Family::Crayon,
        Family::Swirls,
        Family::Embroidery,
        Family::Drip,
        Family::Hatching,
        Family::Halftone,
        Family::Poster,
        Family::Woodcut,
        Family::OpArt,
        Family::Geometric,
        Family::Mosaic,
        Family::StainedGlass,
        Family::LowPoly,
        Family::Weave,
        Family::Batik,
        Family::PaperCut,
        Family::Marbling,
        Family::InkWash,
        Family::Watercolour,
        Family::Agate,
    ];

    /// Lower-case words joined with hyphens.
    pub fn name(self) -> &'static str {
        self.entry().0
    }

    /// The name and the hand that makes it.
    fn entry(self) -> (&'static str, fn(&mut Studio) -> Canvas) {
        match self {
            Family::BrushStrokes => ("brush-strokes", strokes::brush_strokes),
            Family::Impasto => ("impasto", strokes::impasto),
            Family::PaletteKnife => ("palette-knife", strokes::palette_knife),
            Family::Pointillism => ("pointillism", strokes::pointillism),
            Family::Crayon => ("crayon", strokes::crayon),
            Family::Swirls => ("swirls", strokes::swirls),
            Family::Embroidery => ("embroidery", strokes::embroidery),
            Family::Drip => ("drip", strokes::drip),
            Family::Hatching => ("hatching", prints::hatching),
            Family::Halftone => ("halftone", prints::halftone),
            Family::Poster => ("poster", prints::poster),
            Family::Woodcut => ("woodcut", prints::woodcut),
            Family::OpArt => ("op-art", prints::op_art),
            Family::Geometric => ("geometric", prints::geometric),
            Family::Mosaic => ("mosaic", tiles::mosaic),
            Family::StainedGlass => ("stained-glass", tiles::stained_glass),
            Family::LowPoly => ("low-poly", tiles::low_poly),
            Family::Weave => ("weave", tiles::weave),
            Family::Batik => ("batik", tiles::batik),
            Family::PaperCut => ("paper-cut", tiles::paper_cut),
            Family::Marbling => ("marbling", fluids::marbling),
            Family::InkWash => ("ink-wash", ink::ink_wash),
            Family::Watercolour => ("watercolour", fluids::watercolour),
            Family::Agate => ("agate", fluids::agate),
        }
    }

    /// Whether the family can paint a photo. Not those whose forms are what they show.
    pub fn paints_photos(self) -> bool {
        self != Family::Geometric
    }

    /// The family of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|family| family.name() == name)
    }

    /// Palettes that suit the family; empty if all do.
    fn palettes(self) -> &'static [&'static str] {
        match self {
            Family::StainedGlass => &[
                "cathedral",
                "cathedral",
                "fauve",
                "mexican tile",
                "azulejo",
                "pop",
                "northern light",
            ],
            Family::InkWash => {
                &["ink", "ink", "winter", "great wave", "sepia", "indigo and rust", "ukiyo-e"]
            }
            Family::Geometric => &[
                "bauhaus",
                "bauhaus",
                "mint and coral",
                "fauve",
                "terracotta",
                "pop",
                "indigo and rust",
                "azulejo",
            ],
            _ => &[],
        }
    }
}

/// Side of a made-up scene from which a photo gets its colours, pixels.
const MODEL_SIDE: usize = 48;

/// What a family works with: the size, the choices made by the seed, the palette.
struct Studio<'a> {
    /// What to paint; a scene is made up without it.
    photo: Option<&'a Picture>,
    width: usize,
    height: usize,
    /// Pixels to a unit of mark size, of which the short side has about 512.
    px: f32,
    palette: Palette,
    /// Where the light comes from, radians.
    light: f32,
    seed: u32,
    /// Seeds the scene apart from the marks.
    scene_seed: u64,
    dice: Dice,
}

impl Studio<'_> {
    fn scene(&self, swirl: bool) -> Scene {
        self.scene_of(self.width, self.height, swirl)
    }

    /// The scene at twice the size, for families of hard edges that are
    /// smoothed with [`Canvas::halve`].
    fn scene_doubled(&self) -> Scene {
        self.scene_of(self.width * 2, self.height * 2, false)
    }

    fn scene_of(&self, width: usize, height: usize, swirl: bool) -> Scene {
        let made_up = |width, height| {
            let dice = &mut Dice::new(self.scene_seed);
            Scene::compose(width, height, swirl, &self.palette, dice)
        };
        let Some(photo) = self.photo else { return made_up(width, height) };
        // As much of every colour as in the scene that this seed would make up.
        let model = made_up(MODEL_SIDE, MODEL_SIDE).colours();
        let dice = &mut Dice::new(self.scene_seed);
        photo::compose(photo, (width, height), swirl, &self.palette, &model, dice)
    }

    /// If a photo is to be painted: its scene, for families that paint no scene otherwise.
    fn photo_scene(&self) -> Option<Scene> {
        let dice = &mut Dice::new(self.scene_seed);
        let size = (self.width, self.height);
        Some(photo::compose(self.photo?, size, false, &self.palette, &[], dice))
    }

    /// A toned ground that shows between marks, `amount` of it the scene's colour.
    fn ground(&self, scene: &Scene, amount: f32) -> Canvas {
        let tone = mix(self.palette.rank(1), self.palette.ink(), 0.3);
        let (seed, px) = (self.seed, self.px);
        Canvas::from_fn(self.width, self.height, |x, y| {
            let cloud = 0.3 * fractal(x / px * 0.02, y / px * 0.02, 3, seed);
            mix(tone, scene.at(x, y).colour, (amount + cloud).clamp(0.0, 1.0))
        })
    }

    /// Places for marks, one to every square of this side in pixels.
    fn scatter(&mut self, spacing: f32) -> Vec<(f32, f32)> {
        // Below a pixel more marks would change nothing.
        self.dice.scatter(self.width as f32, self.height as f32, spacing.max(1.0))
    }
}

/// A picture of a family. `width` and `height` in pixels, at least 1.
///
/// Deterministic: same arguments, same picture on every machine.
pub fn paint(family: Family, width: u32, height: u32, seed: u64) -> Picture {
    Brief { family, seed, vary: false }.paint(width, height, None)
}

/// The photo as [`paint`] would paint it: the palette, the tools and the size of marks are those
/// of the same family and seed. The painting has the photo's size. `None` if the family
/// [paints no photos](Family::paints_photos).
///
/// Deterministic: same arguments, same picture on every machine.
pub fn from_photo(photo: &Picture, family: Family, seed: u64) -> Option<Picture> {
    let brief = Brief { family, seed, vary: false };
    family.paints_photos().then(|| brief.paint(photo.width(), photo.height(), Some(photo)))
}

/// A made-up scene without the marks of any family: forms in the colours of a palette.
///
/// Deterministic: same arguments, same picture on every machine.
pub fn scene(width: u32, height: u32, seed: u64) -> Picture {
    let mut dice = Dice::new(seed);
    let palette = Palette::random(&mut dice);
    let (width, height) = (width.max(1) as usize, height.max(1) as usize);
    let scene = Scene::compose(width, height, false, &palette, &mut dice);
    Canvas::from_fn(width, height, |x, y| scene.at(x, y).colour).into_picture()
}

/// A random family, palette, scale and direction for training; colours vary
/// beyond the palettes.
pub fn random(width: u32, height: u32, seed: u64) -> Picture {
    Brief::random(Family::ALL, seed).paint(width, height, None)
}

/// A style picture for training, as [`random`] makes them, `width` by `height`, and the photo
/// painted in this style. Marks are as large in both if their shorter sides are.
pub fn random_pair(photo: &Picture, width: u32, height: u32, seed: u64) -> [Picture; 2] {
    let families: Vec<Family> =
        Family::ALL.iter().copied().filter(|family| family.paints_photos()).collect();
    let brief = Brief::random(&families, seed);
    [brief.paint(width, height, None), brief.paint(photo.width(), photo.height(), Some(photo))]
}

/// What decides a style.
struct Brief {
    family: Family,
    seed: u64,
    /// Whether palette and scale vary more than in a picture that is shown.
    vary: bool,
}

impl Brief {
    fn random(families: &[Family], seed: u64) -> Self {
        Self { family: *Dice::new(seed ^ 0x5eed).pick(families), seed, vary: true }
    }

    fn paint(&self, width: u32, height: u32, photo: Option<&Picture>) -> Picture {
        let &Self { family, seed, vary } = self;
        let mut dice = Dice::new(seed);
        let mut palette = match family.palettes() {
            [] => Palette::random(&mut dice),
            names if !vary => Palette::among(names, &mut dice),
            _ => Palette::random(&mut dice),
        };
        if vary && dice.chance(0.5) {
            palette.vary(&mut dice);
        }
        let scale = if vary { dice.range(0.7, 1.7) } else { dice.range(0.85, 1.25) };
        let px = width.min(height) as f32 / 512.0 * scale;
        let mut studio = Studio {
            photo,
            width: width.max(1) as usize,
            height: height.max(1) as usize,
            px: px.max(0.1),
            palette,
            light: dice.range(-2.6, -0.6),
            seed: dice.bits(),
            scene_seed: u64::from(dice.bits()),
            dice,
        };
        (family.entry().1)(&mut studio).into_picture()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn luma_deviation(picture: &Picture) -> f32 {
        let luma: Vec<f32> = picture
            .rgb()
            .chunks(3)
            .map(|p| (f32::from(p[0]) + f32::from(p[1]) + f32::from(p[2])) / 3.0)
            .collect();
        let mean = luma.iter().sum::<f32>() / luma.len() as f32;
        (luma.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / luma.len() as f32).sqrt()
    }

    /// FNV-1a.
    fn hash(picture: &Picture) -> u64 {
        picture
            .rgb()
            .iter()
            .fold(0xcbf2_9ce4_8422_2325, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
    }

    #[test]
    fn same_seed_same_picture_other_seed_other_picture() {
        for &family in Family::ALL {
            let name = family.name();
            let first = hash(&paint(family, 48, 40, 7));
            assert_eq!(first, hash(&paint(family, 48, 40, 7)), "{name} is not deterministic");
            assert_ne!(first, hash(&paint(family, 48, 40, 8)), "{name} ignores its seed");
        }
        assert_eq!(hash(&random(48, 40, 7)), hash(&random(48, 40, 7)));
    }

    #[test]
    fn families_are_neither_flat_nor_alike() {
        let mut seen = HashSet::new();
        for &family in Family::ALL {
            for seed in 0..3 {
                let picture = paint(family, 96, 96, seed);
                let deviation = luma_deviation(&picture);
                assert!(deviation > 8.0, "{} {seed} is flat: deviation {deviation}", family.name());
                assert!(
                    seen.insert(hash(&picture)),
                    "{} {seed} repeats another family",
                    family.name()
                );
            }
        }
        let names: HashSet<_> = Family::ALL.iter().map(|f| f.name()).collect();
        assert_eq!(names.len(), Family::ALL.len());
    }

    #[test]
    fn any_size_works() {
        for &family in Family::ALL {
            for (w, h) in [(16, 16), (17, 31), (33, 1), (1, 1), (90, 23)] {
                let picture = paint(family, w, h, 3);
                assert_eq!((picture.width(), picture.height()), (w, h), "{}", family.name());
            }
        }
    }

    #[test]
    fn bundled_styles_are_distinct_and_their_json_needs_no_escapes() {
        let ids: HashSet<_> = bundled().iter().map(|s| s.id).collect();
        assert_eq!(ids.len(), bundled().len());
        for style in bundled() {
            for text in [style.id, style.title_en, style.title_zh] {
                assert!(
                    !text.contains(['"', '\\']) && !text.chars().any(char::is_control),
                    "{text}"
                );
            }
        }
        assert_eq!(styles_json().matches("\"id\"").count(), bundled().len());
    }
}
