//! The style pictures that come with the page.

use super::{Family, paint};
use crate::picture::codecs::Format;
use crate::picture::{Picture, PictureError};

/// Side of a bundled picture, pixels.
pub const BUNDLED_SIZE: u32 = 512;
/// Side of its thumbnail, pixels.
pub const THUMBNAIL_SIZE: u32 = 160;
/// JPEG quality of both: a style picture stays near 90 kB, and it is shrunk
/// before use, which leaves little of the loss.
const QUALITY: u8 = 70;

/// A style picture that comes with the page.
pub struct BundledStyle {
    /// Name of its files, without the ending.
    pub id: &'static str,
    /// What it is called in English.
    pub title_en: &'static str,
    /// What it is called in Chinese.
    pub title_zh: &'static str,
    /// How it is made.
    pub family: Family,
    /// Which picture of the family it is.
    pub seed: u64,
}

impl BundledStyle {
    /// The picture, a square of [`BUNDLED_SIZE`].
    pub fn picture(&self) -> Picture {
        paint(self.family, BUNDLED_SIZE, BUNDLED_SIZE, self.seed)
    }

    /// The file that `impasto tune` made of the picture, where the networks were tuned to it.
    pub fn tuned(&self) -> Option<&'static [u8]> {
        macro_rules! tuned {
            ($($id:literal)*) => {
                match self.id {
                    $($id => Some(include_bytes!(concat!("../../models/tuned/", $id, ".style"))),)*
                    _ => None,
                }
            };
        }
        tuned!("blue-town" "bouquet-in-glass" "bulging-stripes" "circles-and-bars" "crayon-town" "desert-poster" "dotted-wood" "flung-colours" "folded-autumn" "golden-mosaic" "halftone-peak" "lilac-bouquet" "marbled-jewels" "moonlit-batik" "mountains-in-ink" "neon-currents" "night-woodcut" "palette-knife-sky" "paper-canyon" "pen-bouquet" "plum-agate" "red-sky-woodcut" "seaside-wash" "starry-impasto" "stitched-flowers" "water-garden" "woven-dusk")
    }

    /// Path of the picture, relative to `styles.json`.
    pub fn file(&self) -> String {
        format!("{}.jpg", self.id)
    }

    /// Path of the thumbnail, relative to `styles.json`.
    pub fn thumb(&self) -> String {
        format!("thumbs/{}.jpg", self.id)
    }

    /// The picture's and the thumbnail's paths and contents, always the same bytes.
    ///
    /// # Errors
    /// If the JPEG encoder fails.
    pub fn files(&self) -> Result<[(String, Vec<u8>); 2], PictureError> {
        let picture = self.picture();
        let thumb = picture.fit(THUMBNAIL_SIZE);
        Ok([
            (self.file(), picture.encode(Format::Jpeg { quality: QUALITY })?),
            (self.thumb(), thumb.encode(Format::Jpeg { quality: QUALITY })?),
        ])
    }
}

/// All of them, in the order in which the page shows them.
pub fn bundled() -> &'static [BundledStyle] {
    const fn style(
        id: &'static str,
        title_en: &'static str,
        title_zh: &'static str,
        family: Family,
        seed: u64,
    ) -> BundledStyle {
        BundledStyle { id, title_en, title_zh, family, seed }
    }
    const {
        &[
            style("starry-impasto", "Starry impasto", "星夜厚涂", Family::Impasto, 223),
            style("water-garden", "Water garden", "睡莲池", Family::BrushStrokes, 225),
            style("red-sky-woodcut", "Red-sky woodcut", "赤空木刻", Family::Woodcut, 438),
            style("bouquet-in-glass", "Bouquet in glass", "彩窗花束", Family::StainedGlass, 9),
            style("dotted-wood", "Dotted wood", "点彩树林", Family::Pointillism, 246),
            style("mountains-in-ink", "Mountains in ink", "水墨远山", Family::InkWash, 33),
            style("marbled-jewels", "Marbled jewels", "宝石湿拓", Family::Marbling, 30),
            style("golden-mosaic", "Golden mosaic", "鎏金马赛克", Family::Mosaic, 197),
            style("blue-town", "Blue town", "水彩蓝城", Family::Watercolour, 178),
            style("neon-currents", "Neon currents", "霓虹流线", Family::Swirls, 311),
            style("stitched-flowers", "Stitched flowers", "丝绣花卉", Family::Embroidery, 333),
            style("pen-bouquet", "Bouquet in pen", "钢笔花束", Family::Hatching, 94),
            style("palette-knife-sky", "Palette-knife sky", "刮刀蓝天", Family::PaletteKnife, 0),
            style("moonlit-batik", "Moonlit batik", "月夜蜡染", Family::Batik, 4),
            style("circles-and-bars", "Circles and bars", "圆与线", Family::Geometric, 2),
            style("seaside-wash", "Seaside wash", "海滨水彩", Family::Watercolour, 11),
            style("crayon-town", "Crayon town", "蜡笔小镇", Family::Crayon, 3),
            style("bulging-stripes", "Bulging stripes", "起伏条纹", Family::OpArt, 5),
            style("paper-canyon", "Paper canyon", "纸雕峡谷", Family::PaperCut, 11),
            style("lilac-bouquet", "Lilac bouquet", "丁香花束", Family::BrushStrokes, 9),
            style("desert-poster", "Desert poster", "荒漠海报", Family::Poster, 6),
            style("plum-agate", "Plum agate", "紫晶玛瑙", Family::Agate, 4),
            style("night-woodcut", "Night woodcut", "墨夜木刻", Family::Woodcut, 4),
            style("woven-dusk", "Woven dusk", "织锦暮色", Family::Weave, 7),
            style("flung-colours", "Flung colours", "泼彩", Family::Drip, 3),
            style("folded-autumn", "Folded autumn", "折面秋色", Family::LowPoly, 10),
            style("halftone-peak", "Halftone peak", "网点山峰", Family::Halftone, 6),
        ]
    }
}

/// What `styles.json` says: an array of objects with id, file, thumb, tuned (if there is one), title
/// and provenance.
pub fn styles_json() -> String {
    // None of the texts holds a character that JSON escapes; a test sees to it.
    let entries: Vec<String> = bundled()
        .iter()
        .map(|style| {
            let tuned = style.tuned().map_or(String::new(), |_| {
                format!("    \"tuned\": \"../../models/tuned/{}.style\",\n", style.id)
            });
            format!(
                concat!(
                    "  {{\n",
                    "    \"id\": \"{}\",\n",
                    "    \"file\": \"{}\",\n",
                    "    \"thumb\": \"{}\",\n",
                    "{}",
                    "    \"title\": {{ \"en\": \"{}\", \"zh\": \"{}\" }},\n",
                    "    \"provenance\": \"Made by Impasto's procedural generator: {}, seed {}; CC0-1.0\"\n",
                    "  }}"
                ),
                style.id,
                style.file(),
                style.thumb(),
                tuned,
                style.title_en,
                style.title_zh,
                style.family.name(),
                style.seed,
            )
        })
        .collect();
    format!("[\n{}\n]\n", entries.join(",\n"))
}
