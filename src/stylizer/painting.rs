//! Paintings, in memory or on the device.

use burn::tensor::Tensor;

use super::{StylizeError, read, whole};
#[cfg(feature = "gpu")]
use crate::kernels::screen::{self, Screen, ScreenError};
use crate::picture::Picture;
#[cfg(feature = "gpu")]
use crate::picture::PictureError;

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
