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

use burn::tensor::Device;
use wasm_bindgen::Clamped;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

use crate::device;
#[cfg(feature = "gpu")]
use crate::kernels::screen::{Screen, SurfaceTarget};
use crate::palette::Colours;
use crate::picture::Picture;
use crate::regions::Mask;
use crate::stylizer::{Content, Layer, Options, Style, Stylizer};

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
    #[cfg(feature = "gpu")]
    screen: Option<Rc<Screen>>,
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
            #[cfg(feature = "gpu")]
            screen: None,
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
        let picture = Picture::from_rgba(width, height, rgba)?.fit(long_side);
        Ok(Photo(Rc::new(self.stylizer.encode_content(&picture))))
    }

    /// Encodes a style picture. Arguments as for [`Engine::photo`]; the size decides how large the
    /// strokes are that the network sees.
    pub fn style(
        &self,
        width: u32,
        height: u32,
        rgba: &[u8],
        long_side: u32,
    ) -> Result<StyleHandle, JsError> {
        let picture = Picture::from_rgba(width, height, rgba)?.fit(long_side);
        Ok(StyleHandle(self.stylizer.encode_style(&picture)))
    }

    /// Paints the photo in the layers; `strength` is 0 (the photo) to 1 (the styles), `colours`
    /// is `style`, `photo` or `luminance`. `progress` is called with the number of parts that are
    /// done and the number of all. With `show`, the painting may come onto the canvas that was given for
    /// it in place of memory: see [`Painting::shown`].
    ///
    /// A promise of a [`Painting`]; it is rejected with an `Error` where an argument is out of
    /// range or the device fails.
    #[wasm_bindgen(unchecked_return_type = "Promise<Painting>")]
    pub fn stylize(
        &self,
        photo: &Photo,
        layers: &Layers,
        strength: f32,
        colours: &str,
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
            let options = Options { strength, colours: colours? };
            let layers: Vec<_> = layers
                .iter()
                .map(|OwnedLayer { style, weight, mask }| Layer {
                    style: style.as_ref(),
                    weight: *weight,
                    mask: mask.as_ref(),
                })
                .collect();
            let tell = |done: usize, total: usize| {
                // What the listener throws is its own affair.
                let _ = progress.call2(&JsValue::NULL, &done.into(), &total.into());
            };
            let leave = screen.is_some();
            let painting = stylizer.paint_or_leave(&content, &layers, &options, tell, leave).await;
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
pub struct StyleHandle(Style);

/// Styles with their weights, which need not sum to 1, and masks.
#[wasm_bindgen]
#[derive(Default)]
pub struct Layers(Rc<Vec<OwnedLayer>>);

/// A [`Layer`] that a future can keep.
#[derive(Clone)]
struct OwnedLayer {
    style: Option<Style>,
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
        let style = Some(style.0.clone());
        Rc::make_mut(&mut self.0).push(OwnedLayer { style, weight, mask: None });
    }

    /// Adds the photo as it is; it needs a mask.
    pub fn photo(&mut self, weight: f32) {
        Rc::make_mut(&mut self.0).push(OwnedLayer { style: None, weight, mask: None });
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
