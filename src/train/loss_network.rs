//! The full VGG-19, frozen, as a measure of content and style.

use burn::tensor::{DType, Device, Tensor};

use super::TrainError;
use crate::fit::Chain;
use crate::network::vgg::Features;

/// Of [`Chain`], to relu5_1.
const LEVELS: usize = 5;

/// A frozen encoder with pretrained weights.
#[derive(Debug)]
pub struct LossNetwork {
    chain: Chain,
    precision: DType,
}

impl LossNetwork {
    /// From the bytes of `models/vgg19.safetensors`. With `half` it computes in bf16, which is
    /// several times as fast on processors with matrix units and does not change what is learned.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub fn load(bytes: &[u8], half: bool, device: &Device) -> Result<Self, TrainError> {
        let chain = Chain::to_level(LEVELS, false, bytes, device)?;
        Ok(match half {
            true => {
                let chain = chain
                    .map(|weight| channels_last(weight.cast(DType::BF16)), |x| x.cast(DType::BF16));
                Self { chain, precision: DType::BF16 }
            }
            false => Self { chain, precision: DType::F32 },
        })
    }

    /// `pictures`: `[batch, 3, height, width]`, RGB in 0..1. Features in the network's precision.
    pub fn forward(&self, pictures: Tensor<4>) -> Features {
        let [relu1_1, relu2_1, relu3_1, relu4_1] =
            self.chain.features(pictures.cast(self.precision));
        Features { relu1_1, relu2_1, relu3_1, relu4_1 }
    }

    /// The features with relu5_1 after them, as the losses take them.
    pub fn all_levels(&self, features: &Features) -> Vec<Tensor<4>> {
        let relu5_1 = self.chain.relu5_1(features.relu4_1.clone());
        features.clone().levels().into_iter().chain(relu5_1).collect()
    }
}

/// Kernels laid out in memory with the channels last: oneDNN then keeps every activation in that layout, the
/// one its matrix instructions want.
fn channels_last(weight: Tensor<4>) -> Tensor<4> {
    let last = weight.permute([0, 2, 3, 1]);
    let shape = last.dims();
    // Flattening and unflattening makes the permuted layout the one in memory.
    let flat: Tensor<1> = last.reshape([shape.iter().product::<usize>()]);
    flat.reshape(shape).permute([0, 3, 1, 2])
}
