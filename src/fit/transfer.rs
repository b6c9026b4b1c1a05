//! Photo and style to the best painting, in one call.

use burn::tensor::Device;

use super::{Chain, RefineError, RefineLayer, RefineOptions, Refinement};
use crate::picture::Picture;
use crate::stylizer::{STYLE_SIZE, Stylizer};

/// A photo in the style of a picture, of the photo's size: the quick painting of the networks in this crate,
/// and then so many steps (`epochs`) of [`Refinement`]. For several styles, strengths, progress and stopping,
/// see there.
///
/// # Errors
/// [`RefineError::Stylize`] or [`RefineError::Device`] where the device cannot do it.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use impasto::{Format, Picture, device, fit::generate_style_transfer};
///
/// let [photo, style] = ["photo.jpg", "painting.jpg"]
///     .map(|path| std::fs::read(path).map(|bytes| Picture::decode(&bytes)));
/// let painting = generate_style_transfer(&photo??.fit(512), &style??, 60, &device::cpu())?;
/// std::fs::write("painted.png", painting.encode(Format::Png)?)?;
/// # Ok(())
/// # }
/// ```
pub fn generate_style_transfer(
    content: &Picture,
    style: &Picture,
    epochs: usize,
    device: &Device,
) -> Result<Picture, RefineError> {
    let stylizer = Stylizer::load(crate::DEFAULT_WEIGHTS, device)?;
    let (seen, encoded) =
        (stylizer.encode_content(content), stylizer.encode_style(&style.fit(STYLE_SIZE)));
    let quick = pollster::block_on(stylizer.stylize(&seen, &[(&encoded, 1.0)], 1.0))?;
    let chain = Chain::load(NETWORK, device)?;
    let options = RefineOptions { steps: epochs, ..RefineOptions::default() };
    let styles = [RefineLayer { picture: Some(style), weight: 1.0, stroke: 1.0, mask: None }];
    let refinement = Refinement::new(&chain, quick, content.clone(), &styles, options, device)?;
    pollster::block_on(refinement.finish())
}

/// VGG-19 to relu4_1 for [`Chain::load`] (`models/vgg19-relu4_1.safetensors`).
pub const NETWORK: &[u8] = include_bytes!("../../models/vgg19-relu4_1.safetensors");

#[cfg(all(test, feature = "train", feature = "cpu"))]
mod tests {
    use super::*;
    use crate::procedural::{Family, paint};

    #[test]
    fn a_photo_is_painted_in_one_call() {
        let device = crate::device::cpu();
        let photo = paint(Family::Agate, 72, 48, 1);
        let style = paint(Family::Woodcut, 64, 64, 2);
        let of = |epochs| generate_style_transfer(&photo, &style, epochs, &device).unwrap();
        let (quick, refined) = (of(0), of(8));
        assert_eq!((refined.width(), refined.height()), (72, 48));
        assert_ne!(quick, refined);
        assert_eq!(refined, of(8), "the same twice");
    }
}
