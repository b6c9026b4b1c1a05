//! The main job: a photo and style pictures in, a painting out.

use std::sync::{Arc, OnceLock};

use burn::tensor::{Device, Tensor};

use crate::kernels::pack;
#[cfg(feature = "gpu")]
use crate::kernels::screen::{self, Screen, ScreenError};
use crate::network::generator::Generator;
use crate::network::layers::{Norms, Smoothing};
use crate::network::noise::Noise;
use crate::network::palette::{
    ColourMap, Colours, Palette, map_to_photo, recolour, recolour_photos,
};
use crate::network::style::{StyleStatistics, fuse};
use crate::network::vgg::{Features, VggConfig, VggEncoder};
use crate::picture::mask::{Mask, add_share, shares};
use crate::picture::{Picture, PictureError, Rect};
use crate::tiles::{self, Tile};
use crate::tuned::{self, Change, TunedError, Tuning};
use crate::weights::{self, Metadata, NamedTensor, WeightsError};

/// Long side, in pixels, that style pictures are brought to before they are encoded. The size
/// decides how large the strokes are that the network sees.
pub const STYLE_SIZE: u32 = 384;

/// Sides of pictures inside the networks are multiples of this.
const STRIDE: u32 = 8;
/// The same for all pictures: what is painted twice comes out the same.
const NOISE_SEED: u32 = 0;
/// Smallest side inside the networks: reflection at 1/8 of the size needs two pixels.
const SMALLEST: u32 = 16;

/// Why a photo could not be stylized.
#[derive(Debug, thiserror::Error)]
pub enum StylizeError {
    /// No style, or none with a weight above 0.
    #[error("at least one style with a weight above 0 is needed")]
    NoStyle,
    /// A weight that is negative, infinite or not a number.
    #[error("style weights must be finite and not below 0, but one is {0}")]
    Weight(f32),
    /// A strength outside 0..=1.
    #[error("strength must be between 0 and 1, but is {0}")]
    Strength(f32),
    /// The device failed, most often for want of memory.
    #[error("the device could not finish the picture (try a smaller size): {0}")]
    Device(String),
    /// The networks gave values that are not numbers.
    #[error("the networks gave no usable picture: {0}")]
    Picture(#[from] PictureError),
}

/// Encoder and generator, ready on a device.
#[derive(Debug)]
pub struct Stylizer {
    encoder: VggEncoder,
    generator: Generator,
    device: Device,
    metadata: Metadata,
    /// What a style can be tuned in, as it is in general; nothing of networks that were just trained.
    general: Vec<NamedTensor>,
}

/// A style picture as the networks see it.
#[derive(Debug, Clone)]
pub struct Style {
    pub(crate) statistics: StyleStatistics,
    palette: Palette,
    /// Where the networks were tuned to it.
    tuned: Option<Arc<Change>>,
}

/// A photo as the networks see it.
#[derive(Debug, Clone)]
pub struct Content {
    /// Of the photo, or, where it is painted in tiles, of its thumbnail.
    view: View,
    /// Of the view, once they are wanted.
    statistics: OnceLock<StyleStatistics>,
    palette: Palette,
    picture: Picture,
    /// The thumbnail of a photo that is painted in tiles.
    thumbnail: Option<Picture>,
}

/// A finished painting.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum Painting {
    /// In memory.
    Picture(Picture),
    /// On the device, as [`pack`] makes it: `[1, 1, height, width]`.
    OnDevice(Tensor<4>),
}

impl Painting {
    /// The painting in memory.
    ///
    /// # Errors
    /// [`StylizeError::Device`] or [`StylizeError::Picture`], which only a painting on the device can
    /// have still in store.
    pub async fn read(self) -> Result<Picture, StylizeError> {
        match self {
            Self::Picture(picture) => Ok(picture),
            Self::OnDevice(packed) => {
                let [_, _, height, width] = packed.dims().map(|side| side as u32);
                let mut picture = Picture::blank(width, height);
                let all = whole(&picture);
                picture.place_packed(all, &read(packed).await?)?;
                Ok(picture)
            }
        }
    }

    /// Shows the painting if it is on the device, and says whether it is.
    ///
    /// # Errors
    /// As [`Painting::read`]; also where the screen cannot show it.
    #[cfg(feature = "gpu")]
    pub async fn show(&self, screen: &Screen) -> Result<bool, StylizeError> {
        let Self::OnDevice(packed) = self else { return Ok(false) };
        let device = |error: ScreenError| StylizeError::Device(error.to_string());
        let faults = read(screen::faults(packed.clone()).map_err(device)?).await?;
        let faults = faults.iter().filter(|&&value| value < 0.0).count();
        if faults > 0 {
            return Err(PictureError::NotFinite(faults).into());
        }
        // Nothing is waited for between this and the end: what a canvas shows may not outlast it.
        screen.show(packed.clone()).map_err(device)?;
        Ok(true)
    }
}

/// A photo, a part of one, or its thumbnail, in the networks.
#[derive(Debug, Clone)]
struct View {
    /// `[1, 3, padded height, padded width]`
    photo: Tensor<4>,
    features: Features,
    noise: Noise,
}

impl Content {
    /// Width and height of the photo, and of every painting of it, in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.picture.width(), self.picture.height())
    }

    /// The photo.
    pub fn picture(&self) -> &Picture {
        &self.picture
    }

    /// The statistics of its features. At full strength nothing asks for them.
    fn statistics(&self) -> &StyleStatistics {
        self.statistics.get_or_init(|| StyleStatistics::of(&self.view.features))
    }
}

/// Styles to paint with in one run of the generator.
struct Mixture {
    /// The photo's colours to the mixture's.
    map: ColourMap,
    statistics: StyleStatistics,
    /// The generator as far as it is tuned to these styles; otherwise the general one.
    tuned: Option<Generator>,
    /// For tiles: of the thumbnail.
    given: Option<Given>,
    /// For frames of a film.
    smoothing: Option<Smoothing>,
}

/// What the paintings of a film's frames have in common, so that nothing in them changes at once: moving averages of
/// what is measured in a whole frame.
#[derive(Debug, Default)]
pub(crate) struct Shot {
    /// How much the next frame counts, in 0..=1; 1 forgets all before it.
    rate: f32,
    /// Of the frames.
    palette: Option<Palette>,
    /// Likewise, where the strength is below 1.
    statistics: Option<StyleStatistics>,
    /// For each mixture of styles, in the order of the layers.
    smoothings: Vec<Smoothing>,
}

impl Shot {
    /// Takes the next frame in, which counts so much, and gives the averages to it.
    pub(crate) fn take(&mut self, frame: &mut Content, rate: f32, strength: f32) {
        self.rate = rate;
        let shares = [1.0 - rate, rate];
        let goes_on = rate < 1.0;
        if let Some(palette) = self.palette.filter(|_| goes_on) {
            frame.palette = Palette::weighted_sum([palette, frame.palette].into_iter().zip(shares));
        }
        self.palette = Some(frame.palette);
        if strength >= 1.0 {
            self.statistics = None;
            return;
        }
        if let Some(statistics) = self.statistics.take().filter(|_| goes_on) {
            let both = [&statistics, frame.statistics()].into_iter().zip(shares);
            let average = StyleStatistics::weighted_sum(both).expect("a sum of two");
            frame.statistics = OnceLock::from(average);
        }
        self.statistics = Some(frame.statistics().clone());
    }

    /// Keeps what the mixtures' normalizations remember.
    fn keep(&mut self, mixtures: Vec<Option<Mixture>>) {
        let smoothing = |mixture: Option<Mixture>| mixture?.smoothing;
        self.smoothings =
            mixtures.into_iter().map(|mixture| smoothing(mixture).unwrap_or_default()).collect();
    }

    /// What this mixture's normalizations remember.
    fn smoothing(&mut self, index: usize) -> Smoothing {
        let mut smoothing = match self.smoothings.get_mut(index) {
            Some(kept) => std::mem::take(kept),
            None => Smoothing::default(),
        };
        smoothing.begin(self.rate);
        smoothing
    }
}

/// What all tiles take from the thumbnail.
struct Given {
    norms: Vec<Tensor<3>>,
    recolouring: Option<ColourMap>,
    /// The thumbnail's painting, `[3, height, width]`, in the colours asked for.
    painting: Vec<f32>,
}

/// One of the styles of a painting.
#[derive(Debug, Clone, Copy)]
pub struct Layer<'a> {
    /// None where the photo is to show.
    pub style: Option<&'a Style>,
    /// Relative to the other layers: a mixture of all that have no mask. Masks go before weights;
    /// these only divide what several masks claim.
    pub weight: f32,
    /// The part of the photo that is painted in this style alone. Layers without a mask share
    /// what the masks leave.
    pub mask: Option<&'a Mask>,
}

/// How to paint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// From 0, the photo itself, to 1, the full style.
    pub strength: f32,
    /// Whose colours the painting has.
    pub colours: Colours,
}

impl Default for Options {
    fn default() -> Self {
        Self { strength: 1.0, colours: Colours::default() }
    }
}

/// The side inside the networks.
fn padded(side: u32) -> u32 {
    side.next_multiple_of(STRIDE).max(SMALLEST)
}

impl Stylizer {
    /// From the bytes of a weights file (`models/impasto.safetensors`).
    ///
    /// # Errors
    /// Says what is wrong with the file; see [`WeightsError`].
    pub fn load(bytes: &[u8], device: &Device) -> Result<Self, WeightsError> {
        let (tensors, metadata) = weights::deserialize(bytes)?;
        Self::of(tensors, metadata, device)
    }

    fn of(
        mut tensors: Vec<NamedTensor>,
        metadata: Metadata,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let general = tensors.iter().filter(|tensor| tuned::is_tuned(&tensor.name));
        let general = general.cloned().collect();
        let encoder = VggConfig::slim().init(device);
        let encoder = weights::load("encoder", encoder, &mut tensors)?;
        let generator = weights::load("generator", Generator::new(device), &mut tensors)?;
        weights::expect_empty(&tensors)?;
        Ok(Self { encoder, generator, device: device.clone(), metadata, general })
    }

    /// Networks that were just trained.
    pub fn new(encoder: VggEncoder, generator: Generator, device: &Device) -> Self {
        let (metadata, general) = (Metadata::new(), Vec::new());
        Self { encoder, generator, device: device.clone(), metadata, general }
    }

    /// The generator's network.
    #[cfg(feature = "cli")]
    pub(crate) fn generator(&self) -> &Generator {
        &self.generator
    }

    /// What the weights file says about itself.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Paints something small, so that a GPU's shaders are compiled before they are waited for: they
    /// do not depend on sizes.
    ///
    /// # Errors
    /// [`StylizeError::Device`] where the device cannot do it.
    pub async fn warm_up(&self) -> Result<(), StylizeError> {
        // Not a multiple of the stride: shaders that cut off what was added are compiled as well.
        let (width, height) = (SMALLEST + 1, SMALLEST + 3);
        let grey = Picture::new(width, height, vec![128; (3 * width * height) as usize])?;
        let (content, style) = (self.encode_content(&grey), self.encode_style(&grey));
        for strength in [1.0, 0.5] {
            self.stylize(&content, &[(&style, 0.5), (&style, 0.5)], strength).await?;
        }
        Ok(())
    }

    /// Encodes a style picture, once for all photos. Bring it to [`STYLE_SIZE`] first.
    pub fn encode_style(&self, picture: &Picture) -> Style {
        let features = self.encoder.forward(self.tensor(picture, whole(picture)));
        let (statistics, palette) = (StyleStatistics::of(&features), Palette::of(picture));
        Style { statistics, palette, tuned: None }
    }

    /// The same of a picture to which the networks were tuned: they paint as they learned it, in mixtures by the
    /// style's share.
    ///
    /// # Errors
    /// Says what does not fit these weights; see [`TunedError`].
    pub fn encode_tuned_style(
        &self,
        picture: &Picture,
        tuning: &Tuning,
    ) -> Result<Style, TunedError> {
        let change = tuning.change(&self.general, &weights::checksum_of(&self.metadata))?;
        Ok(Style { tuned: Some(Arc::new(change)), ..self.encode_style(picture) })
    }

    /// Encodes a photo, once for all styles and strengths. Of a large one that is its thumbnail; its
    /// tiles are encoded as they are painted.
    pub fn encode_content(&self, photo: &Picture) -> Content {
        let large = u64::from(photo.width()) * u64::from(photo.height()) > tiles::WHOLE;
        let thumbnail = large.then(|| photo.fit(tiles::THUMBNAIL));
        let seen = thumbnail.as_ref().unwrap_or(photo);
        let view = self.view(seen, whole(seen));
        Content {
            statistics: OnceLock::new(),
            view,
            palette: Palette::of(photo),
            picture: photo.clone(),
            thumbnail,
        }
    }

    /// `[1, 3, padded height, padded width]`
    fn tensor(&self, picture: &Picture, part: Rect) -> Tensor<4> {
        let Rect { width, height, .. } = part;
        picture
            .part(Rect { width: padded(width), height: padded(height), ..part })
            .to_tensor(&self.device)
    }

    fn view(&self, picture: &Picture, part: Rect) -> View {
        let photo = self.tensor(picture, part);
        let features = self.encoder.forward(photo.clone());
        let corner = [part.left, part.top];
        let (width, height) = (padded(part.width), padded(part.height));
        let noise = Noise::new(&[corner], width, height, NOISE_SEED, &self.device);
        View { photo, features, noise }
    }

    /// Paints the photo in a weighted mixture of styles. The picture has the photo's size.
    ///
    /// Weights need not sum to 1, they are taken relative to their sum. `strength` is between 0,
    /// the photo itself, and 1, the full style.
    ///
    /// # Errors
    /// See [`StylizeError`].
    pub async fn stylize(
        &self,
        content: &Content,
        styles: &[(&Style, f32)],
        strength: f32,
    ) -> Result<Picture, StylizeError> {
        let layers: Vec<_> = styles
            .iter()
            .map(|&(style, weight)| Layer { style: Some(style), weight, mask: None })
            .collect();
        let options = Options { strength, ..Options::default() };
        self.paint(content, &layers, &options, |_, _| {}).await
    }

    /// Paints the photo in layers: styles mixed by weight, others in a region each.
    ///
    /// Costs one run of the generator for the mixture and one for each region with a style, and for
    /// a large photo that for each of its tiles, and one more for each; `progress` hears how many
    /// of the runs are done, before the first and after each.
    ///
    /// # Errors
    /// See [`StylizeError`].
    pub async fn paint(
        &self,
        content: &Content,
        layers: &[Layer<'_>],
        options: &Options,
        progress: impl FnMut(usize, usize),
    ) -> Result<Picture, StylizeError> {
        self.paint_or_leave(content, layers, options, progress, false, None).await?.read().await
    }

    /// Paints a frame of a film, which the shot has taken in.
    pub(crate) async fn paint_frame(
        &self,
        frame: &Content,
        layers: &[Layer<'_>],
        options: &Options,
        shot: &mut Shot,
    ) -> Result<Picture, StylizeError> {
        let painting = self.paint_or_leave(frame, layers, options, |_, _| {}, false, Some(shot));
        painting.await?.read().await
    }

    /// The painting of [`Stylizer::paint`], but where `leave` is set it stays on the device when it is done there: in
    /// the styles' colours, without masks, of a photo that is not painted in tiles. With a `shot`, the photo is a
    /// frame that the shot has taken in.
    ///
    /// # Errors
    /// See [`StylizeError`].
    pub(crate) async fn paint_or_leave(
        &self,
        content: &Content,
        layers: &[Layer<'_>],
        options: &Options,
        mut progress: impl FnMut(usize, usize),
        leave: bool,
        mut shot: Option<&mut Shot>,
    ) -> Result<Painting, StylizeError> {
        let strength = options.strength;
        if !(0.0..=1.0).contains(&strength) {
            return Err(StylizeError::Strength(strength));
        }
        if let Some(wrong) = layers.iter().find(|l| !l.weight.is_finite() || l.weight < 0.0) {
            return Err(StylizeError::Weight(wrong.weight));
        }
        let used = || layers.iter().filter(|layer| layer.weight > 0.0);
        let regions: Vec<_> = used().filter_map(|l| Some((l.style, l.mask?, l.weight))).collect();
        let mixture: Vec<_> = used()
            .filter(|layer| layer.mask.is_none())
            .filter_map(|layer| Some((layer.style?, layer.weight)))
            .collect();
        let styled = regions.iter().filter(|(style, ..)| style.is_some()).count()
            + usize::from(!mixture.is_empty());
        // No layer has a style: an error.
        if styled == 0 {
            return Err(StylizeError::NoStyle);
        }
        let (width, height) = content.size();
        let tiles = match content.thumbnail {
            Some(_) => tiles::grid(width, height),
            None => vec![Tile { inner: whole(&content.picture), outer: whole(&content.picture) }],
        };
        let total = styled * (tiles.len() + usize::from(content.thumbnail.is_some()));
        let mut done = 0;
        progress(done, total);

        // Each region in its style, or none, and at last what they leave.
        let mut parts = Vec::new();
        for styles in regions
            .iter()
            .map(|(style, ..)| style.iter().map(|&style| (style, 1.0)).collect())
            .chain([mixture])
        {
            let styles: Vec<_> = styles;
            if styles.is_empty() {
                parts.push(None);
                continue;
            }
            let smoothing = shot.as_mut().map(|shot| shot.smoothing(parts.len()));
            parts.push(Some(self.mix(content, styles, options, smoothing).await?));
            if content.thumbnail.is_some() {
                done += 1;
                progress(done, total);
            }
        }
        let masks: Vec<_> = regions.iter().map(|&(_, mask, weight)| (mask, weight)).collect();
        let mut picture = Picture::blank(width, height);
        for tile in tiles {
            let part = || content.picture.part(tile.inner);
            let encoded =
                content.thumbnail.as_ref().map(|_| self.view(&content.picture, tile.outer));
            let view = encoded.as_ref().unwrap_or(&content.view);
            match (&masks[..], &mut parts[..]) {
                ([], [Some(mixture)]) if options.colours == Colours::Style => {
                    // Nothing is left to do but to show it.
                    let painting = pack(self.generate_tile(view, tile, mixture, options));
                    if leave && content.thumbnail.is_none() {
                        progress(total, total);
                        return Ok(Painting::OnDevice(painting));
                    }
                    picture.place_packed(tile.inner, &read(painting).await?)?;
                    done += 1;
                }
                ([], [Some(mixture)]) => {
                    let values = self.run(view, &part(), tile, mixture, options).await?;
                    picture.place(tile.inner, &values)?;
                    done += 1;
                }
                _ => {
                    let part = part();
                    let shares = shares(&masks, width, height, tile.inner);
                    let mut sum = vec![0.0; part.rgb().len()];
                    for (mixture, share) in
                        parts.iter_mut().zip(shares.masked.iter().chain([&shares.rest]))
                    {
                        // Most masks leave parts untouched, but some leave nothing of a layer.
                        let seen = share.iter().any(|&share| share > 0.0);
                        match mixture {
                            Some(mixture) if seen => {
                                let painting =
                                    self.run(view, &part, tile, mixture, options).await?;
                                add_share(&mut sum, painting.into_iter(), share);
                            }
                            None if seen => add_share(&mut sum, part.planes(), share),
                            _ => {}
                        }
                        done += usize::from(mixture.is_some());
                        progress(done, total);
                    }
                    picture.place(tile.inner, &sum)?;
                }
            }
            progress(done, total);
        }
        if let Some(thumbnail) = &content.thumbnail {
            picture.take_forms_of(&small_painting(thumbnail, &masks, &parts)?);
        }
        if let Some(shot) = shot {
            shot.keep(parts);
        }
        Ok(Painting::Picture(picture))
    }

    /// What the generator needs to know of a mixture; weights are above 0.
    async fn mix(
        &self,
        content: &Content,
        styles: Vec<(&Style, f32)>,
        options: &Options,
        smoothing: Option<Smoothing>,
    ) -> Result<Mixture, StylizeError> {
        let keep = 1.0 - options.strength;
        let sum: f32 = styles.iter().map(|(_, weight)| weight).sum();
        let weighted =
            || styles.iter().map(|(style, weight)| (*style, options.strength * weight / sum));
        let palettes = weighted().map(|(style, weight)| match options.colours {
            Colours::Photo => (content.palette, weight),
            _ => (style.palette, weight),
        });
        let palette = Palette::weighted_sum(palettes.chain([(content.palette, keep)]));
        let statistics = weighted().map(|(style, weight)| (&style.statistics, weight));
        let own = (keep > 0.0).then(|| (content.statistics(), keep));
        let statistics = statistics.filter(|(_, weight)| *weight > 0.0).chain(own);
        let statistics = StyleStatistics::weighted_sum(statistics).ok_or(StylizeError::NoStyle)?;
        let map = content.palette.map_to(&palette);
        let changes =
            weighted().filter_map(|(style, share)| Some((style.tuned.as_deref()?, share)));
        let tuned = self.tuned(changes);
        let mut mixture = Mixture { map, statistics, tuned, given: None, smoothing };
        if let Some(thumbnail) = &content.thumbnail {
            let mut norms = match mixture.smoothing.take() {
                Some(smoothing) => Norms::Smoothed(smoothing),
                None => Norms::Kept(Vec::new()),
            };
            let picture = self.generate(&content.view, &mixture, options.strength, &mut norms);
            let mut painting = read(crop(picture, whole(thumbnail))).await?;
            let recolouring = match options.colours {
                Colours::Photo => Some(map_to_photo(&painting, thumbnail)?),
                _ => None,
            };
            recolour(&mut painting, thumbnail, options.colours, recolouring)?;
            let norms = match norms {
                Norms::Smoothed(smoothing) => {
                    let maps = smoothing.maps().to_vec();
                    mixture.smoothing = Some(smoothing);
                    maps
                }
                Norms::Kept(norms) => norms,
                Norms::Own | Norms::Given(_) => unreachable!("it was one of the others"),
            };
            mixture.given = Some(Given { norms, recolouring, painting });
        }
        Ok(mixture)
    }

    /// The generator with these changes, if there are any.
    fn tuned<'a>(&self, changes: impl Iterator<Item = (&'a Change, f32)>) -> Option<Generator> {
        let mut tensors = tuned::mixed(&self.general, changes);
        if tensors.is_empty() {
            return None;
        }
        let tuned = weights::load_some("generator", self.generator.clone(), &mut tensors);
        Some(tuned.expect("tensors of the general weights"))
    }

    /// The painting of what is in view, `[1, 3, padded height, padded width]`.
    fn generate(
        &self,
        view: &View,
        mixture: &Mixture,
        strength: f32,
        norms: &mut Norms,
    ) -> Tensor<4> {
        let palette = recolour_photos(view.photo.clone(), &[mixture.map]);
        let fused = fuse(&view.features, mixture.statistics.clone(), norms);
        let (noise, photo) = (view.noise.clone(), view.photo.clone());
        let generator = mixture.tuned.as_ref().unwrap_or(&self.generator);
        generator.paint(fused, noise, palette, photo, strength, norms)
    }

    /// One run of the generator: a tile in a mixture of styles, `[1, 3, height, width]`.
    fn generate_tile(
        &self,
        view: &View,
        tile: Tile,
        mixture: &mut Mixture,
        options: &Options,
    ) -> Tensor<4> {
        let mut norms = match (&mixture.given, mixture.smoothing.take()) {
            (Some(given), kept) => {
                mixture.smoothing = kept;
                Norms::Given(given.norms.clone().into_iter())
            }
            (None, Some(smoothing)) => Norms::Smoothed(smoothing),
            (None, None) => Norms::Own,
        };
        let picture = self.generate(view, mixture, options.strength, &mut norms);
        if let Norms::Smoothed(smoothing) = norms {
            mixture.smoothing = Some(smoothing);
        }
        let Tile { inner, outer } = tile;
        let within = Rect { left: inner.left - outer.left, top: inner.top - outer.top, ..inner };
        crop(picture, within)
    }

    /// The same from the device, in the colours asked for, `[3, height, width]` in 0..1.
    async fn run(
        &self,
        view: &View,
        part: &Picture,
        tile: Tile,
        mixture: &mut Mixture,
        options: &Options,
    ) -> Result<Vec<f32>, StylizeError> {
        let mut values = read(self.generate_tile(view, tile, mixture, options)).await?;
        let recolouring = mixture.given.as_ref().and_then(|given| given.recolouring);
        recolour(&mut values, part, options.colours, recolouring)?;
        Ok(values)
    }
}

/// The painting of a photo's thumbnail, of the mixtures of all masks and of what these leave. Its strokes are those of
/// the large painting: they would be finer there, since they have the same size in pixels at all sizes.
fn small_painting(
    thumbnail: &Picture,
    masks: &[(&Mask, f32)],
    parts: &[Option<Mixture>],
) -> Result<Picture, PictureError> {
    let (width, height) = (thumbnail.width(), thumbnail.height());
    let shares = shares(masks, width, height, whole(thumbnail));
    let mut sum = vec![0.0; thumbnail.rgb().len()];
    for (part, share) in parts.iter().zip(shares.masked.iter().chain([&shares.rest])) {
        match part.as_ref().and_then(|mixture| mixture.given.as_ref()) {
            Some(given) => add_share(&mut sum, given.painting.iter().copied(), share),
            None => add_share(&mut sum, thumbnail.planes(), share),
        }
    }
    Picture::from_tensor_data(width, height, &sum)
}

/// All of a picture.
fn whole(picture: &Picture) -> Rect {
    Rect { left: 0, top: 0, width: picture.width(), height: picture.height() }
}

/// A part of a picture `[1, 3, …]`.
fn crop(picture: Tensor<4>, part: Rect) -> Tensor<4> {
    let [left, top, width, height] =
        [part.left, part.top, part.width, part.height].map(|x| x as usize);
    picture.slice([0..1, 0..3, top..top + height, left..left + width])
}

/// A tensor's values from the device.
async fn read(tensor: Tensor<4>) -> Result<Vec<f32>, StylizeError> {
    let data =
        tensor.into_data_async().await.map_err(|error| StylizeError::Device(error.to_string()))?;
    data.try_into_vec::<f32>().map_err(|error| StylizeError::Device(format!("{error:?}")))
}

#[cfg(all(test, feature = "cli", feature = "cpu"))]
mod tests {
    use super::*;

    /// Shapes of every size, as a photo has them.
    fn scene(width: u32, height: u32) -> Picture {
        let value = |x: u32, y: u32, channel: u32| {
            let (x, y) = (x as f32, y as f32);
            let wave = (x / (31.0 + 9.0 * channel as f32)).sin() + (y / 47.0 + x / 211.0).cos();
            let edge = if (x * 0.7 + y) % 160.0 < 60.0 { 0.5 } else { -0.5 };
            (127.0 + 45.0 * wave + 40.0 * edge) as u8
        };
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let rgb = pixels.flat_map(|(x, y)| [0, 1, 2].map(|channel| value(x, y, channel)));
        Picture::new(width, height, rgb.collect()).unwrap()
    }

    #[test]
    fn tiles_meet_without_seams() {
        let stylizer = Stylizer::load(crate::DEFAULT_WEIGHTS, &crate::device::cpu()).unwrap();
        let photo = scene(1203, 899);
        let style = stylizer.encode_style(&scene(200, 160).fit(96));
        let content = stylizer.encode_content(&photo);
        assert!(content.thumbnail.is_some(), "large enough for tiles");
        let layer = Layer { style: Some(&style), weight: 1.0, mask: None };
        for colours in [Colours::Style, Colours::Photo] {
            let options = Options { strength: 0.9, colours };
            let mut heard = Vec::new();
            let painting = pollster::block_on(stylizer.paint(
                &content,
                &[layer],
                &options,
                |done, total| heard.push((done, total)),
            ))
            .unwrap();
            assert_eq!((heard[0], heard[heard.len() - 1]), ((0, 5), (5, 5)), "{heard:?}");
            assert!(heard.is_sorted());

            // In one piece, with the thumbnail's statistics.
            let all = Tile { inner: whole(&photo), outer: whole(&photo) };
            let mixing = stylizer.mix(&content, vec![(&style, 1.0)], &options, None);
            let mut mixture = pollster::block_on(mixing).unwrap();
            let view = stylizer.view(&photo, all.outer);
            let values =
                pollster::block_on(stylizer.run(&view, &photo, all, &mut mixture, &options))
                    .unwrap();
            let mut expected = Picture::from_tensor_data(1203, 899, &values).unwrap();
            let small =
                small_painting(&photo.fit(tiles::THUMBNAIL), &[], &[Some(mixture)]).unwrap();
            expected.take_forms_of(&small);
            let differences =
                painting.rgb().iter().zip(expected.rgb()).map(|(a, b)| a.abs_diff(*b));
            let worst = differences.max().unwrap();
            assert!(worst <= 1, "{colours:?}: seams of {worst} of 255 levels");
        }
    }
}
