//! The main job: a photo and style pictures in, a painting out.

mod content;
mod mixture;
mod painting;
mod plan;
mod shot;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use burn::tensor::{Device, Tensor};

use crate::kernels::pack;
use crate::network::generator::Generator;
use crate::network::noise::{Drift, Noise};
use crate::network::palette::{Colours, Palette};
use crate::network::style::StyleStatistics;
use crate::network::vgg::{VggConfig, VggEncoder};
use crate::picture::mask::{Mask, Shares, add_share, shares};
use crate::picture::{Picture, PictureError, Rect};
use crate::tiles::{self, Tile};
use crate::tuned::{self, Change, TunedError, Tuning};
use crate::weights::{self, Metadata, NamedTensor, WeightsError};

pub use content::Content;
use content::{Before, Smaller, View};
use mixture::{Hands, Mixture, small_painting};
pub use painting::Painting;
pub(crate) use plan::Parts;
use plan::Plan;
pub(crate) use shot::Shot;

/// Long side, in pixels, that style pictures are brought to before they are encoded. The size
/// decides how large the strokes are that the network sees.
pub const STYLE_SIZE: u32 = 384;

/// Long side of the small paintings that tell how far a style's paintings are from its colours, and how many of them
/// there are.
const TRIAL_SIZE: u32 = 128;
const TRIALS: usize = 2;

/// Sides of pictures inside the networks are multiples of this.
const STRIDE: u32 = 8;
/// How strongly, of the strength asked for, an enlarged painting is painted on: it has its forms and strokes already.
const GRAIN: f32 = 0.5;
/// It keeps the colours of the smaller painting, looked at in a picture with sides so many times shorter.
const FORMS: u32 = 4;
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
    hands: Hands,
}

/// A style picture as the networks see it.
#[derive(Debug, Clone)]
pub struct Style {
    /// Of all styles of the program no other has it, but for copies.
    number: u64,
    pub(crate) statistics: StyleStatistics,
    palette: Palette,
    /// What to ask of the generator so that paintings have it, once that is known; see [`Stylizer::aim`].
    aim: Arc<OnceLock<Palette>>,
    /// The picture, small.
    trial: Picture,
    /// Where the networks were tuned to it.
    tuned: Option<Arc<Change>>,
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
    /// Long side, in pixels, of the painting that a larger one is to look like when it is seen whole: its strokes are as
    /// large in it. Without it strokes have the same size in pixels in all, and look the finer the larger a painting is.
    pub strokes: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self { strength: 1.0, colours: Colours::default(), strokes: None }
    }
}

/// Whether a photo of this size is painted in tiles.
fn is_large(width: u32, height: u32) -> bool {
    u64::from(width) * u64::from(height) > tiles::WHOLE
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
        let generator = Generator::new(device);
        let generator = weights::load("generator", generator, &mut tensors)?;
        weights::expect_empty(&tensors)?;
        let (device, hands) = (device.clone(), Hands::default());
        Ok(Self { encoder, generator, device, metadata, general, hands })
    }

    /// Networks that were just trained.
    pub fn new(encoder: VggEncoder, generator: Generator, device: &Device) -> Self {
        let (metadata, general, hands) = Default::default();
        Self { encoder, generator, device: device.clone(), metadata, general, hands }
    }

    /// Its networks, and what they run on.
    #[cfg(feature = "cli")]
    pub(crate) fn networks(&self) -> (VggEncoder, Generator, Device) {
        (self.encoder.clone(), self.generator.clone(), self.device.clone())
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
        static STYLES: AtomicU64 = AtomicU64::new(0);
        let number = STYLES.fetch_add(1, Ordering::Relaxed);
        let (aim, trial) = (Arc::default(), picture.fit(TRIAL_SIZE));
        Style { number, statistics, palette, aim, trial, tuned: None }
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
        self.encode(Arc::new(photo.clone()))
    }

    /// The same of a photo that is transparent somewhere: paintings show white there. Under it should be something like the
    /// rest of the photo, see [`Picture::from_photo_rgba`].
    pub fn encode_cut_out(&self, photo: &Picture, opacity: Option<Mask>) -> Content {
        Content { opacity: opacity.map(Arc::new), ..self.encode_content(photo) }
    }

    fn encode(&self, photo: Arc<Picture>) -> Content {
        self.content(photo, |seen| self.view(seen, whole(seen)))
    }

    /// The same of a frame of a film, with noise that has drifted. Frames that are painted in tiles have noise that
    /// stays where it is.
    pub(crate) fn encode_frame(&self, frame: &Picture, drift: &Drift) -> Content {
        if is_large(frame.width(), frame.height()) {
            return self.encode_content(frame);
        }
        let noise = Noise::drifted(drift, NOISE_SEED, &self.device);
        let frame = Arc::new(frame.clone());
        self.content(frame, |seen| self.view_with(noise, seen, whole(seen)))
    }

    fn content(&self, photo: Arc<Picture>, view: impl FnOnce(&Picture) -> View) -> Content {
        let large = is_large(photo.width(), photo.height());
        let thumbnail = large.then(|| photo.fit(tiles::THUMBNAIL));
        Content {
            statistics: OnceLock::new(),
            view: view(thumbnail.as_ref().unwrap_or(&photo)),
            palette: Palette::of(&photo),
            picture: photo,
            opacity: None,
            before: None,
            thumbnail,
            smaller: Arc::default(),
        }
    }

    /// The noise that a film begins with whose frames have this one's size.
    pub(crate) fn drift(frame: &Picture) -> Drift {
        Drift::new(padded(frame.width()), padded(frame.height()))
    }

    /// `[1, 3, padded height, padded width]`
    fn tensor(&self, picture: &Picture, part: Rect) -> Tensor<4> {
        let Rect { width, height, .. } = part;
        picture
            .part(Rect { width: padded(width), height: padded(height), ..part })
            .to_tensor(&self.device)
    }

    fn view(&self, picture: &Picture, part: Rect) -> View {
        let corner = [part.left, part.top];
        let (width, height) = (padded(part.width), padded(part.height));
        let noise = Noise::new(&[corner], width, height, NOISE_SEED, &self.device);
        self.view_with(noise, picture, part)
    }

    fn view_with(&self, noise: Noise, picture: &Picture, part: Rect) -> View {
        let photo = self.tensor(picture, part);
        let features = self.encoder.forward(photo.clone());
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
    /// a large photo that for each of its tiles, and one more for each; with [strokes](Options::strokes) that at several
    /// sizes. `progress` hears how many of the runs are done, before the first and after each.
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
        self.paint_on(Target::Memory, content, layers, options, progress).await?.read().await
    }

    /// The same, for what is only looked at.
    ///
    /// # Errors
    /// See [`StylizeError`].
    pub(crate) async fn paint_on(
        &self,
        target: Target,
        content: &Content,
        layers: &[Layer<'_>],
        options: &Options,
        progress: impl FnMut(usize, usize),
    ) -> Result<Painting, StylizeError> {
        let Some(opacity) = &content.opacity else {
            return self.paint_opaque(target, content, layers, options, progress).await;
        };
        let painting = self.paint_opaque(Target::Memory, content, layers, options, progress);
        let mut picture = painting.await?.read().await?;
        picture.lay_on_white(opacity);
        Ok(Painting::Picture(picture))
    }

    async fn paint_opaque(
        &self,
        target: Target,
        content: &Content,
        layers: &[Layer<'_>],
        options: &Options,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Painting, StylizeError> {
        let (width, height) = content.size();
        let sides = plan::sides(width.max(height), options.strokes);
        let last = Plan::new((width, height), layers, options)?;
        if sides.len() == 1 {
            return self.carry_out(last, content, options, progress, target, None).await;
        }
        let other;
        let smaller = match content.smaller.get_or_init(|| self.smaller(content, sides.clone())) {
            smaller if smaller.sides == sides => smaller,
            _ => {
                other = self.smaller(content, sides);
                &other
            }
        };
        let Smaller { first, between, .. } = smaller;
        let plan = |photo: &Picture| Plan::new((photo.width(), photo.height()), layers, options);
        let begin = plan(&first.picture)?;
        let then = between.iter().map(|photo| Ok((photo, plan(photo)?)));
        let then = then.chain([Ok((&content.picture, last))]);
        let then: Vec<_> = then.collect::<Result<_, StylizeError>>()?;
        let total = begin.total + then.iter().map(|(_, plan)| plan.total).sum::<usize>();
        let mut before = begin.total;
        let tell = |done, _| progress(done, total);
        let mut painting = self.carry_out(begin, first, options, tell, target, None).await?;
        for (photo, plan) in then {
            let small = painting.read().await?;
            let (stage, options) = self.painted_on(Arc::clone(photo), small, options);
            let runs = plan.total;
            let tell = |done, _| progress(before + done, total);
            painting = self.carry_out(plan, &stage, &options, tell, target, None).await?;
            before += runs;
        }
        Ok(painting)
    }

    /// A photo at the sizes before its own.
    fn smaller(&self, content: &Content, sides: Vec<u32>) -> Smaller {
        let mut photos = vec![Arc::clone(&content.picture)];
        for side in sides.iter().rev().skip(1) {
            let smaller = photos[photos.len() - 1].fit(*side);
            photos.push(Arc::new(smaller));
        }
        let first = self.encode(photos.pop().expect("the photo is there at least"));
        let between = photos.into_iter().skip(1).rev().collect();
        Smaller { sides, first, between }
    }

    /// A smaller painting of the photo, enlarged, to be painted on, and how. As far as the photo is to show through, its
    /// detail is there.
    fn painted_on(
        &self,
        photo: Arc<Picture>,
        small: Picture,
        options: &Options,
    ) -> (Content, Options) {
        let mut ground = Picture::clone(&photo);
        ground.take_forms_of(&small, 1.0 - options.strength);
        let before = Some(Before { photo, small });
        let content = Content { before, ..self.encode(Arc::new(ground)) };
        (content, Options { strength: options.strength * GRAIN, ..*options })
    }

    /// Paints a frame of a film, which the shot has taken in.
    ///
    /// # Errors
    /// See [`StylizeError`].
    pub(crate) async fn paint_frame(
        &self,
        frame: &Content,
        layers: &[Layer<'_>],
        options: &Options,
        shot: &mut Shot,
    ) -> Result<Picture, StylizeError> {
        let plan = Plan::new(frame.size(), layers, options)?;
        let painting = self.carry_out(plan, frame, options, |_, _| {}, Target::Memory, Some(shot));
        painting.await?.read().await
    }

    async fn carry_out(
        &self,
        plan: Plan<'_>,
        content: &Content,
        options: &Options,
        mut progress: impl FnMut(usize, usize),
        target: Target,
        mut shot: Option<&mut Shot>,
    ) -> Result<Painting, StylizeError> {
        let Plan { parts: Parts { mixtures, masks }, tiles, total } = plan;
        let (width, height) = content.size();
        let mut done = 0;
        progress(done, total);
        let mut parts = Vec::new();
        for styles in mixtures {
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
        let mut picture = Picture::blank(width, height);
        for &tile in &tiles {
            let part = || content.picture().part(tile.inner);
            let encoded =
                content.thumbnail.as_ref().map(|_| self.view(&content.picture, tile.outer));
            let view = encoded.as_ref().unwrap_or(&content.view);
            match (&masks[..], &mut parts[..]) {
                ([], [Some(mixture)]) if options.colours == Colours::Style => {
                    // Nothing is left to do but to show it.
                    let painting = pack(self.generate_tile(view, tile, mixture, options));
                    if target == Target::Device && !content.takes_forms() {
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
        if content.takes_forms() {
            let small = content.thumbnail.as_ref();
            let small = small.map(|thumbnail| small_painting(thumbnail, &masks, &parts));
            let small = small.transpose()?;
            let as_painted = parts.iter().any(Option::is_none).then(|| picture.clone());
            if let Some(small) = small {
                picture.take_forms_of(&small, 1.0);
            }
            if let Some(Before { small, .. }) = &content.before {
                let forms = |small: &Picture| {
                    let long_side = small.width().max(small.height()) / FORMS;
                    small.fit(long_side.max(1))
                };
                // Shrunk in two steps, too: where nothing was painted nothing changes.
                let own = picture.resized(small.width(), small.height());
                picture.replace_forms(&forms(&own), &forms(small), 1.0);
            }
            if let Some(as_painted) = as_painted {
                // Where the photo shows, it stays as it is.
                for Tile { inner, .. } in tiles {
                    let shown = shown(&parts, shares(&masks, width, height, inner));
                    picture.fade_to(&as_painted, inner, &shown);
                }
            }
        }
        if let Some(shot) = shot {
            shot.keep(parts);
        }
        Ok(Painting::Picture(picture))
    }
}

/// How much of every pixel is the photo: the shares of parts without a style.
fn shown(parts: &[Option<Mixture>], shares: Shares) -> Vec<f32> {
    let mut sum = vec![0.0; shares.rest.len()];
    for (part, share) in parts.iter().zip(shares.masked.into_iter().chain([shares.rest])) {
        if part.is_none() {
            sum.iter_mut().zip(share).for_each(|(sum, share)| *sum += share);
        }
    }
    sum
}

/// Where a painting is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Memory,
    /// On the device, where nothing has to be done to it in memory: in the styles' colours, without masks, of a photo
    /// that is painted neither in tiles nor at several sizes.
    #[cfg_attr(
        not(all(feature = "web", target_arch = "wasm32")),
        allow(dead_code, reason = "only the page shows paintings")
    )]
    Device,
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
    use crate::procedural::{self, Family};

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
            let options = Options { strength: 0.9, colours, strokes: None };
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
            expected.take_forms_of(&small, 1.0);
            let differences =
                painting.rgb().iter().zip(expected.rgb()).map(|(a, b)| a.abs_diff(*b));
            let worst = differences.max().unwrap();
            assert!(worst <= 1, "{colours:?}: seams of {worst} of 255 levels");
        }
    }

    #[test]
    fn a_large_painting_looks_like_a_small_one_and_is_painted_close_up() {
        let stylizer = Stylizer::load(crate::DEFAULT_WEIGHTS, &crate::device::cpu()).unwrap();
        let photo = scene(640, 480);
        let style = stylizer.encode_style(&procedural::paint(Family::Woodcut, 200, 200, 1));
        let layer = Layer { style: Some(&style), weight: 1.0, mask: None };
        let painted = |photo: &Picture, strokes| {
            let options = Options { strokes, ..Options::default() };
            let content = stylizer.encode_content(photo);
            pollster::block_on(stylizer.paint(&content, &[layer], &options, |_, _| {})).unwrap()
        };
        let small = painted(&photo.fit(160), None);
        let [fine, broad] = [None, Some(160)].map(|strokes| painted(&photo, strokes));
        let apart = |a: &Picture, b: &Picture| {
            let pairs = a.rgb().iter().zip(b.rgb());
            pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.rgb().len() as f64
        };
        let [fine_apart, broad_apart] = [&fine, &broad].map(|it| apart(&it.fit(160), &small));
        assert!(broad_apart < 0.8 * fine_apart, "{broad_apart} and {fine_apart} of 255 levels");
        // What is finer than the small painting is not only what enlarging makes of it.
        let detail = |picture: &Picture| apart(picture, &picture.fit(320).resized(640, 480));
        let [enlarged, broad] = [&small.resized(640, 480), &broad].map(detail);
        assert!(broad > 2.0 * enlarged, "{broad} and {enlarged} of 255 levels");
    }

    #[test]
    fn where_the_photo_shows_a_large_painting_has_its_detail() {
        let stylizer = Stylizer::load(crate::DEFAULT_WEIGHTS, &crate::device::cpu()).unwrap();
        let photo = scene(320, 240);
        let style = stylizer.encode_style(&scene(64, 48));
        let content = stylizer.encode_content(&photo);
        let left = Mask::new(2, 1, vec![1.0, 0.0]).unwrap();
        let hard = left.resized(320, 240);
        let layers = [
            Layer { style: Some(&style), weight: 1.0, mask: None },
            Layer { style: None, weight: 1.0, mask: Some(&hard) },
        ];
        for colours in [Colours::Style, Colours::Photo, Colours::Luminance] {
            let paint = |layers: &[Layer<'_>], strength| {
                let options = Options { strength, colours, strokes: Some(64) };
                let mut heard = Vec::new();
                let tell = |done, total| heard.push((done, total));
                let painting = stylizer.paint(&content, layers, &options, tell);
                let painting = pollster::block_on(painting).unwrap();
                assert!(heard.is_sorted() && heard[0].0 == 0, "{heard:?}");
                let (done, total) = heard[heard.len() - 1];
                assert_eq!((done, total), (total, 4), "four sizes: {heard:?}");
                painting
            };
            let at_0 = paint(&layers[..1], 0.0);
            let worst = at_0.rgb().iter().zip(photo.rgb()).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(worst.unwrap() <= 1, "{colours:?}: {worst:?} of 255 levels");
            let masked = paint(&layers, 1.0);
            for y in 0..240 {
                // The photo's part of each line.
                let line = 3 * 320 * y..3 * (320 * y + 60);
                assert_eq!(masked.rgb()[line.clone()], photo.rgb()[line], "{colours:?}, line {y}");
            }
            assert_ne!(masked, photo);
        }
    }

    #[test]
    fn what_is_cut_out_has_the_colours_of_a_whole_photo_and_white_around_it() {
        let stylizer = Stylizer::load(crate::DEFAULT_WEIGHTS, &crate::device::cpu()).unwrap();
        let style = stylizer.encode_style(&procedural::paint(Family::Agate, 96, 96, 5));
        let photo = scene(96, 72);
        let seen = |i: u32| (i % 96).abs_diff(48).pow(2) + (i / 96).abs_diff(36).pow(2) < 144;
        let pixels = photo.rgb().chunks_exact(3).zip(0..);
        let rgba = pixels.flat_map(|(rgb, i)| match seen(i) {
            true => [rgb[0], rgb[1], rgb[2], 255],
            false => [255, 0, 255, 0],
        });
        let rgba: Vec<u8> = rgba.collect();
        let (cut_out, opacity) = Picture::from_photo_rgba(96, 72, &rgba).unwrap();
        let mean = |content: &Content, of: &dyn Fn(u32) -> bool, strokes| {
            let layers = [Layer { style: Some(&style), weight: 1.0, mask: None }];
            let options = Options { strokes, ..Options::default() };
            let painting = stylizer.paint(content, &layers, &options, |_, _| {});
            let painting = pollster::block_on(painting).unwrap();
            let of = painting.rgb().chunks_exact(3).zip(0..).filter(|(_, i)| of(*i));
            let values: Vec<_> =
                of.flat_map(|(rgb, _)| rgb).map(|value| f64::from(*value)).collect();
            values.iter().sum::<f64>() / values.len() as f64
        };
        let content = stylizer.encode_cut_out(&cut_out, opacity);
        let whole = mean(&stylizer.encode_content(&photo), &seen, None);
        for strokes in [None, Some(64)] {
            let found = mean(&content, &seen, strokes);
            assert!((found - whole).abs() < 20.0, "{found}, and of the whole photo {whole}");
            assert_eq!(mean(&content, &|i| !seen(i), strokes), 255.0);
        }
        let beside = mean(&content.opaque(), &|i| !seen(i), None);
        assert!(beside < 250.0, "painted there as well: {beside}");
    }

    #[test]
    fn a_style_paints_the_same_whatever_was_painted_before() {
        let stylizer = Stylizer::load(crate::DEFAULT_WEIGHTS, &crate::device::cpu()).unwrap();
        let content = stylizer.encode_content(&scene(40, 32));
        let file = include_bytes!("../../models/tuned/golden-mosaic.style");
        let tuning = Tuning::load(file).unwrap();
        let picture = scene(64, 48);
        let tuned = stylizer.encode_tuned_style(&picture, &tuning).unwrap();
        let general = stylizer.encode_style(&picture);
        let painted = |styles: &[(&Style, f32)], strength| {
            pollster::block_on(stylizer.stylize(&content, styles, strength)).unwrap()
        };
        let first = painted(&[(&tuned, 1.0)], 1.0);
        let others = [
            painted(&[(&general, 1.0)], 1.0),
            painted(&[(&tuned, 3.0), (&general, 1.0)], 1.0),
            painted(&[(&tuned, 1.0), (&general, 3.0)], 1.0),
            painted(&[(&tuned, 1.0)], 0.8),
            painted(&[(&tuned, 1.0)], 0.6),
        ];
        for (index, other) in others.iter().enumerate() {
            assert!(*other != first && !others[..index].contains(other), "{index}");
        }
        assert_eq!(painted(&[(&tuned, 1.0)], 1.0), first);
        assert_eq!(painted(&[(&tuned.clone(), 2.0)], 1.0), first);
        assert_eq!(painted(&[(&tuned, 1.0)], 0.6), others[4]);
        assert_eq!(painted(&[(&general, 1.0)], 1.0), others[0]);
        // Another photo, at a strength at which it matters.
        let photo = stylizer.encode_content(&scene(32, 40));
        let of_other = pollster::block_on(stylizer.stylize(&photo, &[(&tuned, 1.0)], 0.6)).unwrap();
        let fresh = Stylizer::load(crate::DEFAULT_WEIGHTS, &crate::device::cpu()).unwrap();
        let tuned = fresh.encode_tuned_style(&picture, &tuning).unwrap();
        let alone = pollster::block_on(fresh.stylize(&photo, &[(&tuned, 1.0)], 0.6)).unwrap();
        assert_eq!(of_other, alone);
    }

    #[test]
    fn weights_of_any_size_count_by_their_proportions() {
        let stylizer = Stylizer::load(crate::DEFAULT_WEIGHTS, &crate::device::cpu()).unwrap();
        let content = stylizer.encode_content(&scene(40, 32));
        let styles = [scene(64, 48), scene(48, 64).fit(32)].map(|s| stylizer.encode_style(&s));
        let painted = |weights: [f32; 2]| {
            let styles: Vec<_> = styles.iter().zip(weights).collect();
            pollster::block_on(stylizer.stylize(&content, &styles, 1.0)).unwrap()
        };
        let even = painted([1.0, 1.0]);
        assert_eq!(painted([f32::MAX, f32::MAX]), even);
        assert_eq!(painted([f32::MIN_POSITIVE, f32::MIN_POSITIVE]), even);
        assert_eq!(painted([f32::MAX, 1.0]), painted([1.0, 0.0]));
        assert_ne!(painted([1.0, 0.0]), even);
    }
}
