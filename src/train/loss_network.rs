//! The full VGG-19, frozen, as a measure of content and style.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Device, Tensor};

use super::TrainError;
use crate::vgg::{Features, VggConfig, VggEncoder};
use crate::weights;

/// A frozen encoder with pretrained weights.
#[derive(Debug)]
pub struct LossNetwork(VggEncoder);

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
        let encoder = match half {
            true => encoder.map(&mut ToBf16ChannelsLast),
            false => encoder,
        };
        Ok(Self(encoder.no_grad()))
    }

    /// `pictures`: `[batch, 3, height, width]`, RGB in 0..1. Features in f32.
    pub fn forward(&self, pictures: Tensor<4>) -> Features {
        let features = self.0.forward(pictures);
        let single = |x: Tensor<4>| x.cast(DType::F32);
        Features {
            relu1_1: single(features.relu1_1),
            relu2_1: single(features.relu2_1),
            relu3_1: single(features.relu3_1),
            relu4_1: single(features.relu4_1),
        }
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
