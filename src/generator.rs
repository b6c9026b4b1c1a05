//! The generator: fused features to a picture.

use burn::module::{Initializer, Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{DType, Device, Tensor};

use crate::kernels::{self, Upsampling};
use crate::layers::{Conv, Norms, ResidualBlock, StyledConv, linear, new_linear};
use crate::palette::Recoloured;
use crate::style::Fused;
use crate::vgg::VggConfig;

/// Length of the style code.
const CODE: usize = 192;
/// Numbers that say how a style's brush moves.
const BRUSH: usize = 22;
/// Channels that it moves.
const BRUSHED: usize = 64;
/// How much of the palette's picture enters the output before training.
const PALETTE_WEIGHT: f64 = 0.8;

/// Paints from [fused](Fused) features of the [slim](VggConfig::slim) encoder.
#[derive(Module, Debug)]
pub struct Generator {
    /// Style statistics `[batch, 480]` to style code `[batch, 192]`.
    pub code_1: Linear,
    pub code_2: Linear,
    /// At 1/8 of the size, 128 channels.
    pub block_1: ResidualBlock,
    pub block_2: ResidualBlock,
    /// 128 to 64 channels.
    pub conv_1: StyledConv,
    /// At 1/4 of the size, where the content's structure comes in.
    pub skip: Conv,
    /// Style code to the kernels of a depthwise convolution, so that strokes have the style's
    /// shape (Chandran et al., "Adaptive Convolutions for Structure-Aware Style Transfer", 2021).
    pub brush_1: Linear,
    pub brush_2: Linear,
    pub block_3: ResidualBlock,
    /// 64 to 24 channels.
    pub conv_2: StyledConv,
    /// At 1/2 of the size, where finer structure comes in.
    pub fine_skip: Conv,
    pub conv_3: StyledConv,
    /// 24 to 16 channels.
    pub conv_4: StyledConv,
    /// At full size, 16 channels to RGB.
    pub conv_5: Conv,
    /// Weight of the recoloured photo for each of R, G, B.
    pub palette_weight: Param<Tensor<1>>,
    /// Style code to how much of the photo's own detail shows in R, G and B.
    pub detail: Linear,
}

impl Generator {
    /// Freshly initialized.
    pub fn new(device: &Device) -> Self {
        let [w1, w2, w3, w4] = VggConfig::slim().widths;
        let statistics = 2 * (w1 + w2 + w3 + w4);
        let silent = |from, to| LinearConfig::new(from, to).with_initializer(Initializer::Zeros);
        Self {
            code_1: new_linear(&LinearConfig::new(statistics, CODE), device),
            code_2: new_linear(&LinearConfig::new(CODE, CODE), device),
            block_1: ResidualBlock::new(w4, CODE, device),
            block_2: ResidualBlock::new(w4, CODE, device),
            conv_1: StyledConv::new(w4, w3, CODE, device),
            skip: Conv::new(w3, w3, 1, device),
            brush_1: new_linear(&LinearConfig::new(CODE, BRUSH), device),
            brush_2: new_linear(&silent(BRUSH, 9 * BRUSHED).with_bias(false), device),
            block_3: ResidualBlock::new(w3, CODE, device),
            conv_2: StyledConv::new(w3, 24, CODE, device),
            fine_skip: Conv::silent(w2, 24, 1, device),
            conv_3: StyledConv::new(24, 24, CODE, device),
            conv_4: StyledConv::new(24, 16, CODE, device),
            conv_5: Conv::new(16, 3, 3, device),
            palette_weight: Param::from_tensor(Tensor::full([3], PALETTE_WEIGHT, device)),
            detail: new_linear(&silent(CODE, 3), device),
        }
    }

    /// The picture `[batch, 3, height, width]` in 0..1: the sigmoid of the weighted sum
    /// `strength * painting + (1 - strength) * photo`, both as logits. At strength 0 that is the
    /// photo.
    ///
    /// `recoloured`: the photo in the style's colours; `photo` in 0..1.
    pub fn paint(
        &self,
        fused: Fused,
        recoloured: Recoloured,
        photo: Tensor<4>,
        strength: f32,
        norms: &mut Norms,
    ) -> Tensor<4> {
        let code = linear(&self.code_1, fused.style.0, true);
        let code = linear(&self.code_2, code, true);
        let x = self.block_1.forward(fused.features, code.clone(), norms);
        let x = self.block_2.forward(x, code.clone(), norms);
        let x = self.conv_1.forward(x, code.clone(), norms);
        // The lines of repeated pixels (see `Upsampling`) would be widest here. Interpolated further
        // on as well, paintings lose their texture.
        let x = x.upsample(Upsampling::Bilinear);
        let x = self.skip.forward_onto(x, fused.skip);
        let [batch, _] = code.dims();
        let kernels = linear(&self.brush_2, linear(&self.brush_1, code.clone(), false), false);
        let x = kernels::depthwise(x, kernels.reshape([batch, BRUSHED, 9]));
        let x = self.block_3.forward(x, code.clone(), norms);
        let x = self.conv_2.forward(x, code.clone(), norms).upsample(Upsampling::Nearest);
        let x = self.fine_skip.forward_onto(x, fused.fine_skip);
        let x = self.conv_3.forward(x, code.clone(), norms);
        let x = self.conv_4.forward(x, code.clone(), norms).upsample(Upsampling::Nearest);
        let strokes = self.conv_5.forward(x).cast(DType::F32);
        let weights =
            [self.palette_weight.val().reshape([1, 3]), linear(&self.detail, code, false)];
        kernels::finish(strokes, recoloured.palette, recoloured.maps, weights, photo, strength)
    }
}
