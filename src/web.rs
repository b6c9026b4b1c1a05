//! The library as the page's worker sees it: the only file that knows JavaScript.
//!
//! One build holds one device, chosen by feature, so that a visitor downloads only the code that
//! runs. What JavaScript holds are handles: a [`Photo`] and any number of [`StyleHandle`]s, each
//! encoded once and used again for every change of strength or of the mixture.
//!
//! No method keeps a borrow of a handle while its promise is pending: whatever the future needs is
//! cloned first (tensors are reference counted). JavaScript may therefore call again, or free a
//! handle, at any moment.

use std::rc::Rc;

use std::cell::RefCell;

use burn::tensor::Device;
use wasm_bindgen::Clamped;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

use crate::device;
use crate::film;
use crate::fit::{Chain, Losses, RefineLayer, RefineOptions, Refinement};
#[cfg(feature = "learn")]
use crate::fit::{LARGEST_PHOTO, LearnOptions, Learning};
#[cfg(feature = "gpu")]
use crate::kernels::screen::{Screen, SurfaceTarget};
use crate::network::palette::Colours;
use crate::picture::Picture;
use crate::picture::mask::Mask;
use crate::stylizer::{Content, Layer, Options, STYLE_SIZE, Style, Stylizer, Target};
use crate::tuned::Tuning;

/// Long side of what is kept of a style picture, in pixels: as large as the largest size that is refined.
const LARGEST_STYLE: u32 = 1024;

#[cfg(not(any(feature = "gpu", feature = "cpu")))]
compile_error!("a build for the browser needs one device: --features gpu or --features cpu");

/// A panic cannot be caught in wasm and leaves promises pending for ever; this at least writes its
/// message to the console before the worker's `error` event tells the page to start a new worker.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
}

#[cfg(feature = "gpu")]
async fn device() -> Result<Device, JsError> {
    Ok(device::gpu().await?)
}

#[cfg(not(feature = "gpu"))]
async fn device() -> Result<Device, JsError> {
    Ok(device::cpu())
}

/// The networks with their weights, on the device of this build.
#[wasm_bindgen]
pub struct Engine {
    stylizer: Rc<Stylizer>,
    device: Device,
    /// What refining is measured by, once it was given.
    chain: Option<Chain>,
    #[cfg(feature = "gpu")]
    screen: Option<Rc<Screen>>,
    /// What styles are learned from.
    #[cfg(feature = "learn")]
    weights: Vec<u8>,
}

#[wasm_bindgen]
impl Engine {
    /// Opens the device and loads the networks from the bytes of a weights file.
    ///
    /// Throws where there is no usable device, or where the weights are not a valid file.
    pub async fn create(weights: Vec<u8>) -> Result<Engine, JsError> {
        let device = device().await?;
        let stylizer = Stylizer::load(&weights, &device)?;
        #[cfg(feature = "gpu")]
        stylizer.warm_up().await?;
        Ok(Engine {
            stylizer: Rc::new(stylizer),
            device,
            chain: None,
            #[cfg(feature = "gpu")]
            screen: None,
            #[cfg(feature = "learn")]
            weights,
        })
    }

    /// From now on, paintings are drawn to this canvas where they need not leave the GPU for it: see
    /// [`Painting::shown`].
    ///
    /// Throws where the GPU cannot draw to it.
    #[cfg(feature = "gpu")]
    pub fn show_on(&mut self, canvas: web_sys::OffscreenCanvas) -> Result<(), JsError> {
        let setup = device::gpu_setup().ok_or_else(|| JsError::new("no GPU was opened"))?;
        self.screen = Some(Rc::new(Screen::new(SurfaceTarget::OffscreenCanvas(canvas), setup)?));
        Ok(())
    }

    /// Encodes a photo, shrunk so that its long side is at most `long_side` pixels.
    ///
    /// `rgba` are rows of 8-bit RGBA. Throws where their number does not fit width and height.
    pub fn photo(
        &self,
        width: u32,
        height: u32,
        rgba: &[u8],
        long_side: u32,
    ) -> Result<Photo, JsError> {
        let (picture, opacity) = Picture::from_photo_rgba(width, height, rgba)?;
        let content = self.stylizer.encode_cut_out(&picture.fit(long_side), opacity);
        Ok(Photo(Rc::new(content)))
    }

    /// Encodes a style picture. Arguments as for [`Engine::photo`]; the size decides how large the
    /// strokes are that the network sees. `tuned`: the file that `impasto tune` made of the picture, for
    /// networks that are good at it.
    ///
    /// Throws also where that is no such file, or one for other weights.
    pub fn style(
        &self,
        width: u32,
        height: u32,
        rgba: &[u8],
        long_side: u32,
        tuned: Option<Vec<u8>>,
    ) -> Result<StyleHandle, JsError> {
        let picture = Picture::from_style_rgba(width, height, rgba)?;
        let seen = picture.fit(long_side);
        let encoded = match tuned {
            Some(file) => self.stylizer.encode_tuned_style(&seen, &Tuning::load(&file)?)?,
            None => self.stylizer.encode_style(&seen),
        };
        let stroke = f64::from(long_side) / f64::from(STYLE_SIZE);
        Ok(StyleHandle { encoded, picture: Rc::new(picture.fit(LARGEST_STYLE)), stroke })
    }

    /// Paints the photo in the layers; `strength` is 0 (the photo) to 1 (the styles), `colours`
    /// is `style`, `photo` or `luminance`. With `strokes`, a long side in pixels, strokes are as large, seen whole, as in a
    /// painting of that size, where the photo is larger. `progress` is called with the number of parts that are
    /// done and the number of all. With `show`, the painting may come onto the canvas that was given for
    /// it in place of memory: see [`Painting::shown`].
    ///
    /// A promise of a [`Painting`]; it is rejected with an `Error` where an argument is out of
    /// range or the device fails.
    #[wasm_bindgen(unchecked_return_type = "Promise<Painting>")]
    #[allow(clippy::too_many_arguments, reason = "JavaScript has no structs")]
    pub fn stylize(
        &self,
        photo: &Photo,
        layers: &Layers,
        strength: f32,
        colours: &str,
        strokes: Option<u32>,
        progress: js_sys::Function,
        show: bool,
    ) -> js_sys::Promise {
        let stylizer = Rc::clone(&self.stylizer);
        let content = Rc::clone(&photo.0);
        let layers = Rc::clone(&layers.0);
        let colours = parse_colours(colours);
        #[cfg(feature = "gpu")]
        let screen = self.screen.clone().filter(|_| show);
        #[cfg(not(feature = "gpu"))]
        let (screen, _) = (None::<()>, show);
        future_to_promise(async move {
            let options = Options { strength, colours: colours?, strokes };
            let layers = borrowed(&layers);
            let tell = |done: usize, total: usize| {
                // What the listener throws is its own affair.
                let _ = progress.call2(&JsValue::NULL, &done.into(), &total.into());
            };
            let target = if screen.is_some() { Target::Device } else { Target::Memory };
            let painting = stylizer.paint_on(target, &content, &layers, &options, tell).await;
            let painting = painting.map_err(JsError::from)?;
            #[cfg(feature = "gpu")]
            if let Some(screen) = screen
                && painting.show(&screen).await.map_err(JsError::from)?
            {
                let (width, height) = content.size();
                return Ok(Painting { width, height, picture: None }.into());
            }
            let picture = painting.read().await.map_err(JsError::from)?;
            let (width, height) = (picture.width(), picture.height());
            Ok(Painting { width, height, picture: Some(picture) }.into())
        })
    }
}

#[wasm_bindgen]
impl Engine {
    /// Paints the next frame of a film in the layers. `rgba`: as for [`Engine::photo`], of the size that the painting
    /// is to have; `strength` and `colours` as for [`Engine::stylize`]; `seconds`: when the frame is shown.
    ///
    /// A promise of a [`Painting`]; it is rejected with an `Error` where an argument is out of range, the frame before
    /// is not painted yet, or the device fails.
    #[wasm_bindgen(unchecked_return_type = "Promise<Painting>")]
    #[allow(clippy::too_many_arguments, reason = "JavaScript has no structs")]
    pub fn frame(
        &self,
        film: &Film,
        width: u32,
        height: u32,
        rgba: &[u8],
        layers: &Layers,
        strength: f32,
        colours: &str,
        seconds: f64,
    ) -> js_sys::Promise {
        let stylizer = Rc::clone(&self.stylizer);
        let film = Rc::clone(&film.0);
        let layers = Rc::clone(&layers.0);
        let colours = parse_colours(colours);
        let frame = Picture::from_rgba(width, height, rgba);
        future_to_promise(async move {
            let options = Options { strength, colours: colours?, ..Options::default() };
            let frame = frame.map_err(JsError::from)?;
            let taken = film.borrow_mut().take();
            let mut now =
                taken.ok_or_else(|| JsError::new("the frame before is not painted yet"))?;
            let painting =
                now.paint(&stylizer, &frame, seconds, &borrowed(&layers), &options).await;
            *film.borrow_mut() = Some(now);
            let picture = painting.map_err(JsError::from)?;
            Ok(Painting { width, height, picture: Some(picture) }.into())
        })
    }

    /// Whether [`Engine::refine`] has what it needs.
    #[wasm_bindgen(getter)]
    pub fn can_refine(&self) -> bool {
        self.chain.is_some()
    }

    /// What refining needs, from the bytes of `models/vgg19-relu4_1.safetensors`.
    ///
    /// Throws where these are not a valid file.
    pub fn load_refiner(&mut self, weights: &[u8]) -> Result<(), JsError> {
        self.chain = Some(Chain::load(weights, &self.device)?);
        Ok(())
    }

    /// Paints the photo in the layers, and prepares to make the painting better in so many steps. `strength` and
    /// `colours` as for [`Engine::stylize`]; `content`: how much the photo's content counts, usually 1; `pixels`: of
    /// the largest size that is refined.
    ///
    /// A promise of a [`Refining`]; it is rejected with an `Error` where an argument is out of range, there
    /// was no [`Engine::load_refiner`], or the device fails.
    #[wasm_bindgen(unchecked_return_type = "Promise<Refining>")]
    #[allow(clippy::too_many_arguments, reason = "JavaScript has no structs")]
    pub fn refine(
        &self,
        photo: &Photo,
        layers: &Layers,
        strength: f32,
        colours: &str,
        steps: usize,
        content: f64,
        pixels: usize,
    ) -> js_sys::Promise {
        let stylizer = Rc::clone(&self.stylizer);
        let (chain, device) = (self.chain.clone(), self.device.clone());
        let encoded = Rc::clone(&photo.0);
        let layers = Rc::clone(&layers.0);
        let colours = parse_colours(colours);
        future_to_promise(async move {
            let options = RefineOptions { steps, content, pixels, strength, colours: colours? };
            let chain = chain.ok_or_else(|| JsError::new("refining needs load_refiner() first"))?;
            let whole = Options::default();
            let opaque = encoded.opaque();
            let quick = stylizer.paint(&opaque, &borrowed(&layers), &whole, |_, _| {}).await;
            let quick = quick.map_err(JsError::from)?;
            let layer = |layer| {
                let OwnedLayer { picture, weight, mask, .. }: &OwnedLayer = layer;
                let (picture, stroke) = picture
                    .as_ref()
                    .map_or((None, 1.0), |(picture, stroke)| (Some(&**picture), *stroke));
                RefineLayer { picture, weight: *weight, stroke, mask: mask.as_ref() }
            };
            let layers: Vec<_> = layers.iter().map(layer).collect();
            let photo = encoded.picture().clone();
            let refinement = Refinement::new(&chain, quick, photo, &layers, options, &device);
            let refinement = Rc::new(RefCell::new(refinement.map_err(JsError::from)?));
            Ok(Refining { refinement, photo: encoded }.into())
        })
    }
}

/// What the paintings of a film's frames have in common. Nothing while one is painted.
#[wasm_bindgen]
pub struct Film(Rc<RefCell<Option<film::Film>>>);

#[wasm_bindgen]
impl Film {
    /// `steadiness` from 0, every frame by itself, to 1, where it flickers least and what moves may leave traces.
    #[wasm_bindgen(constructor)]
    pub fn new(steadiness: f32) -> Self {
        Self(Rc::new(RefCell::new(Some(film::Film::new(steadiness)))))
    }
}

/// A painting that gets better step by step.
#[wasm_bindgen]
pub struct Refining {
    refinement: Rc<RefCell<Refinement>>,
    photo: Rc<Content>,
}

#[wasm_bindgen]
impl Refining {
    /// Steps in all.
    #[wasm_bindgen(getter)]
    pub fn steps(&self) -> usize {
        self.refinement.borrow().progress().1
    }

    /// One step. A promise of how far the painting was from its goal before it (content, statistics of
    /// features, their Gram matrices), or of nothing when all steps are done.
    #[wasm_bindgen(unchecked_return_type = "Promise<Float32Array | undefined>")]
    pub fn step(&self) -> js_sys::Promise {
        found(self.refinement.borrow_mut().step())
    }

    /// The painting as it is now, of the photo's size.
    #[wasm_bindgen(unchecked_return_type = "Promise<Painting>")]
    pub fn picture(&self) -> js_sys::Promise {
        let (now, photo) = (self.refinement.borrow().clone(), Rc::clone(&self.photo));
        future_to_promise(async move {
            let mut picture = now.picture().await.map_err(JsError::from)?;
            if let Some(opacity) = photo.opacity() {
                picture.lay_on_white(opacity);
            }
            let (width, height) = (picture.width(), picture.height());
            Ok(Painting { width, height, picture: Some(picture) }.into())
        })
    }
}

/// Photos to learn on.
#[cfg(feature = "learn")]
#[wasm_bindgen]
#[derive(Default)]
pub struct Photos(Vec<Picture>);

#[cfg(feature = "learn")]
#[wasm_bindgen]
impl Photos {
    /// None yet.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more. `rgba`: as for [`Engine::photo`].
    pub fn add(&mut self, width: u32, height: u32, rgba: &[u8]) -> Result<(), JsError> {
        let (picture, _) = Picture::from_photo_rgba(width, height, rgba)?;
        self.0.push(picture.fit(LARGEST_PHOTO));
        Ok(())
    }
}

#[cfg(feature = "learn")]
#[wasm_bindgen]
impl Engine {
    /// Prepares to learn a style in so many steps, each on `parts` parts of photos, for paintings whose strokes are as large as
    /// the style has them.
    ///
    /// Throws where there are no photos, or there was no [`Engine::load_refiner`].
    pub fn learn(
        &self,
        style: &StyleHandle,
        photos: &Photos,
        steps: usize,
        parts: usize,
    ) -> Result<Lesson, JsError> {
        let chain = self.chain.as_ref();
        let chain = chain.ok_or_else(|| JsError::new("learning needs load_refiner() first"))?;
        let seen = style.picture.fit((style.stroke * f64::from(STYLE_SIZE)).round() as u32);
        let options = LearnOptions { steps, parts };
        let (weights, device) = (&self.weights, &self.device);
        let learning =
            Learning::new(weights, None, &seen, photos.0.clone(), chain, options, device)?;
        Ok(Lesson(Rc::new(RefCell::new(learning))))
    }
}

/// A style that is being learned.
#[cfg(feature = "learn")]
#[wasm_bindgen]
pub struct Lesson(Rc<RefCell<Learning>>);

#[cfg(feature = "learn")]
#[wasm_bindgen]
impl Lesson {
    /// One step. A promise of how far paintings were from their goal before it (content, statistics of features, their Gram
    /// matrices), or of nothing when all steps are done.
    #[wasm_bindgen(unchecked_return_type = "Promise<Float32Array | undefined>")]
    pub fn step(&self) -> js_sys::Promise {
        found(self.0.borrow_mut().step())
    }

    /// What has been learned so far, as the bytes of a file like those of `impasto tune`. `name`: of the style; `picture`: the style
    /// picture as a JPEG or PNG file, for those who open that one.
    #[wasm_bindgen(unchecked_return_type = "Promise<Uint8Array>")]
    pub fn file(&self, name: String, picture: Vec<u8>) -> js_sys::Promise {
        let (learned, (steps, _)) = (self.0.borrow().learned(), self.0.borrow().progress());
        future_to_promise(async move {
            let about = [("name".to_owned(), name), ("steps".to_owned(), steps.to_string())];
            let tuning = learned.tuning(about.into()).await.map_err(JsError::from)?;
            let bytes = tuning.save(&picture).map_err(JsError::from)?;
            Ok(js_sys::Uint8Array::from(&bytes[..]).into())
        })
    }
}

/// A promise of what a step has found, or of nothing where it was none.
fn found(losses: Option<Losses>) -> js_sys::Promise {
    future_to_promise(async move {
        let Some(losses) = losses else { return Ok(JsValue::UNDEFINED) };
        // The device is waited for here, so that no more than a step is ever on its way.
        let numbers = losses.numbers().await.map_err(JsError::from)?;
        Ok(js_sys::Float32Array::from(&numbers[..]).into())
    })
}

fn borrowed(layers: &[OwnedLayer]) -> Vec<Layer<'_>> {
    let layer = |layer| {
        let OwnedLayer { style, weight, mask, .. }: &OwnedLayer = layer;
        Layer { style: style.as_ref(), weight: *weight, mask: mask.as_ref() }
    };
    layers.iter().map(layer).collect()
}

fn parse_colours(name: &str) -> Result<Colours, JsError> {
    match name {
        "style" => Ok(Colours::Style),
        "photo" => Ok(Colours::Photo),
        "luminance" => Ok(Colours::Luminance),
        _ => Err(JsError::new(&format!(
            "colours must be 'style', 'photo' or 'luminance', but are '{name}'"
        ))),
    }
}

/// A photo, encoded.
#[wasm_bindgen]
pub struct Photo(Rc<Content>);

#[wasm_bindgen]
impl Photo {
    #[wasm_bindgen(getter)]
    pub fn width(&self) -> u32 {
        self.0.size().0
    }

    #[wasm_bindgen(getter)]
    pub fn height(&self) -> u32 {
        self.0.size().1
    }
}

/// A style picture, encoded.
#[wasm_bindgen]
pub struct StyleHandle {
    encoded: Style,
    /// For refining.
    picture: Rc<Picture>,
    stroke: f64,
}

/// Styles with their weights, which need not sum to 1, and masks.
#[wasm_bindgen]
#[derive(Default)]
pub struct Layers(Rc<Vec<OwnedLayer>>);

/// A [`Layer`] that a future can keep.
#[derive(Clone)]
struct OwnedLayer {
    style: Option<Style>,
    /// Of the style, and how large its strokes are to be.
    picture: Option<(Rc<Picture>, f64)>,
    weight: f32,
    mask: Option<Mask>,
}

#[wasm_bindgen]
impl Layers {
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a style.
    pub fn style(&mut self, style: &StyleHandle, weight: f32) {
        let picture = Some((Rc::clone(&style.picture), style.stroke));
        let style = Some(style.encoded.clone());
        Rc::make_mut(&mut self.0).push(OwnedLayer { style, picture, weight, mask: None });
    }

    /// Adds the photo as it is; it needs a mask.
    pub fn photo(&mut self, weight: f32) {
        let layer = OwnedLayer { style: None, picture: None, weight, mask: None };
        Rc::make_mut(&mut self.0).push(layer);
    }

    /// Gives the layer that was added last a mask. `rgba` as in [`Mask::from_rgba`], of any size.
    pub fn mask(&mut self, width: u32, height: u32, rgba: &[u8]) -> Result<(), JsError> {
        let mask = Mask::from_rgba(width, height, rgba)?;
        let last = Rc::make_mut(&mut self.0).last_mut();
        last.ok_or_else(|| JsError::new("a mask needs a layer"))?.mask = Some(mask);
        Ok(())
    }
}

/// A finished painting.
#[wasm_bindgen]
pub struct Painting {
    width: u32,
    height: u32,
    picture: Option<Picture>,
}

#[wasm_bindgen]
impl Painting {
    #[wasm_bindgen(getter)]
    pub fn width(&self) -> u32 {
        self.width
    }

    #[wasm_bindgen(getter)]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Whether the painting is on the canvas and nowhere else. It has to be taken from there before
    /// anything else is waited for.
    #[wasm_bindgen(getter)]
    pub fn shown(&self) -> bool {
        self.picture.is_none()
    }

    /// A copy of the pixels, rows of 8-bit RGBA, in the array type that `ImageData` takes; none of a
    /// painting that is on the canvas.
    #[wasm_bindgen(getter)]
    pub fn rgba(&self) -> Clamped<Vec<u8>> {
        Clamped(self.picture.as_ref().map(Picture::to_rgba).unwrap_or_default())
    }
}
