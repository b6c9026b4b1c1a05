//! The full VGG-19, frozen, as a measure of content and style.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Device, Tensor};

use super::TrainError;
use crate::network::vgg::{Features, VggConfig, VggEncoder};
use crate::weights;

/// A frozen encoder with pretrained weights.
#[derive(Debug)]
pub struct LossNetwork {
    encoder: VggEncoder,
    precision: DType,
}

impl LossNetwork {
    /// From the bytes of `models/vgg19.safetensors`. With `half` it computes in bf16, which is
    /// several times as fast on processors with matrix units and does not change what is learned.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub fn load(bytes: &[u8], half: bool, device: &Device) -> Result<Self, TrainError> {
        let (mut tensors, _) = weights::deserialize(bytes)?;
        let encoder = weights::load("", VggConfig::full().init(device), &mut tensors)?;
        weights::expect_empty(&tensors)?;
        let (encoder, precision) = match half {
            true => (encoder.map(&mut ToBf16ChannelsLast), DType::BF16),
            false => (encoder, DType::F32),
        };
        Ok(Self { encoder: encoder.no_grad(), precision })
    }

    /// `pictures`: `[batch, 3, height, width]`, RGB in 0..1. Features in the network's precision.
    pub fn forward(&self, pictures: Tensor<4>) -> Features {
        self.encoder.forward(pictures.cast(self.precision))
    }

    /// The features with relu5_1 after them, as the losses take them.
    pub fn all_levels(&self, features: &Features) -> Vec<Tensor<4>> {
        let relu5_1 = self.encoder.relu5_1(features.relu4_1.clone());
        features.clone().levels().into_iter().chain(relu5_1).collect()
    }
}

/// bf16, and kernels laid out in memory with the channels last: oneDNN then keeps every
/// activation in that layout, the one its matrix instructions want.
struct ToBf16ChannelsLast;

impl ModuleMapper for ToBf16ChannelsLast {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| {
            let tensor = tensor.cast(DType::BF16);
            let dims = tensor.dims();
            if dims.len() != 4 {
                return tensor;
            }
            let mut axes: [usize; D] = std::array::from_fn(|axis| axis);
            axes[1..].rotate_left(1);
            let last = tensor.permute(axes);
            let shape = last.dims();
            let length: usize = shape.iter().product();
            let mut back: [usize; D] = std::array::from_fn(|axis| axis);
            back[1..].rotate_right(1);
            // Flattening and unflattening makes the permuted layout the one in memory.
            last.reshape([length]).reshape(shape).permute(back)
        })
    }
}
