//! The generator: fused features to a picture.

use burn::module::{Initializer, Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{DType, Device, Tensor};

use crate::kernels::{self, Activation, Source};
use crate::network::layers::{
    Conv, Norms, ResidualBlock, StyleNorm, StyledConv, StyledNoise, Whitener, linear, new_linear,
};
use crate::network::noise::Noise;
use crate::network::palette::{Palette, colourings, recolour_photos};
use crate::network::style::{Fused, STATISTICS, StyleStatistics};
use crate::network::vgg::VggConfig;

/// Length of the style code.
pub const CODE: usize = 192;
/// Numbers that say how a style's brush moves.
const BRUSH: usize = 64;
/// Channels that it moves, at 1/8, 1/4 and 1/2 of the size.
pub const BRUSHED: [usize; 3] = [128, 64, 24];
/// How much of the palette's picture enters the output before training.
const PALETTE_WEIGHT: f64 = 0.8;

/// How style statistics and codes are whitened while they are learned, see `train::whitening`.
#[derive(Module, Debug)]
pub struct Whitening {
    /// Of standardized statistics.
    pub statistics: Whitener,
    /// Of what the first layer of the code gives.
    pub hidden: Whitener,
    /// Of the style code.
    pub code: Whitener,
}

impl Whitening {
    /// Changes nothing.
    pub fn new(device: &Device) -> Self {
        Self {
            statistics: Whitener::new(STATISTICS, device),
            hidden: Whitener::new(CODE, device),
            code: Whitener::new(CODE, device),
        }
    }
}

/// How the [generator](Generator) paints in a style, or in a mixture of some: what of it depends on nothing else.
#[derive(Debug, Clone)]
pub struct Manner {
    /// The style code, `[batch, 192]`.
    code: Tensor<2>,
    /// The kernels of brushes, at 1/8, 1/4 and 1/2 of the size, `[batch, channels, 9]`.
    brushes: [Tensor<3>; 3],
    /// What noise is multiplied with, and what is added to it, there, `[batch, 2, planes]`.
    noise: [Tensor<3>; 3],
    /// The weights of the recoloured photo's R, G and B, `[batch, 3]`.
    colour: Tensor<2>,
}

/// Paints from [fused](Fused) features of the [slim](VggConfig::slim) encoder.
#[expect(missing_docs, reason = "layers, which comments describe in groups")]
#[derive(Module, Debug)]
pub struct Generator {
    /// Of the style statistics, over the styles of the training: what is taken off them, `[480]`.
    pub statistics_mean: Param<Tensor<1>>,
    /// What they are then multiplied with, `[480]`.
    pub statistics_scale: Param<Tensor<1>>,
    /// Only while it is trained.
    pub whitening: Option<Whitening>,
    /// Style statistics `[batch, 480]` to style code `[batch, 192]`.
    pub code_1: Linear,
    pub code_2: Linear,
    /// Style code to the kernels of depthwise convolutions, so that strokes have the style's
    /// shape (Chandran et al., "Adaptive Convolutions for Structure-Aware Style Transfer", 2021).
    pub brush_1: Linear,
    pub brush_2: Linear,
    /// At 1/8 of the size, 128 channels.
    pub noise_1: StyledNoise,
    /// What a brush makes has any size, from style to style: residual blocks must not be nothing beside it.
    pub brush_norm_1: StyleNorm,
    pub block_1: ResidualBlock,
    pub block_2: ResidualBlock,
    /// 128 to 64 channels.
    pub conv_1: StyledConv,
    /// At 1/4 of the size, where the content's structure comes in, as much of each feature as the style
    /// wants.
    pub gate: StyleNorm,
    pub skip: Conv,
    pub noise_2: StyledNoise,
    pub brush_norm_2: StyleNorm,
    pub block_3: ResidualBlock,
    pub block_4: ResidualBlock,
    /// 64 to 24 channels.
    pub conv_2: StyledConv,
    /// At 1/2 of the size, where finer structure comes in.
    pub fine_gate: StyleNorm,
    pub fine_skip: Conv,
    pub noise_3: StyledNoise,
    pub conv_3: StyledConv,
    /// 24 to 16 channels.
    pub conv_4: StyledConv,
    /// At full size.
    pub conv_5: StyledConv,
    /// 16 channels to RGB.
    pub conv_6: Conv,
    /// Style code to the weights of the recoloured photo's R, G and B.
    pub palette_weight: Linear,
}

impl Generator {
    /// Freshly initialized.
    pub fn new(device: &Device) -> Self {
        let [_, w2, w3, w4] = VggConfig::slim().widths;
        let silent = |from, to| LinearConfig::new(from, to).with_initializer(Initializer::Zeros);
        let constant =
            |value: f64, length: usize| Param::from_tensor(Tensor::full([length], value, device));
        let palette_weight = new_linear(&silent(CODE, 3), device);
        Self {
            statistics_mean: constant(0.0, STATISTICS).set_require_grad(false),
            statistics_scale: constant(1.0, STATISTICS).set_require_grad(false),
            whitening: None,
            code_1: new_linear(&LinearConfig::new(STATISTICS, CODE), device),
            code_2: new_linear(&LinearConfig::new(CODE, CODE), device),
            brush_1: new_linear(&LinearConfig::new(CODE, BRUSH), device),
            brush_2: new_linear(
                &silent(BRUSH, 9 * BRUSHED.iter().sum::<usize>()).with_bias(false),
                device,
            ),
            noise_1: StyledNoise::new(CODE, w4, device),
            brush_norm_1: StyleNorm::new(CODE, w4, device),
            block_1: ResidualBlock::new(w4, CODE, device),
            block_2: ResidualBlock::new(w4, CODE, device),
            conv_1: StyledConv::new(w4, w3, CODE, device),
            gate: StyleNorm::new(CODE, w3, device),
            skip: Conv::new(w3, w3, 1, device),
            noise_2: StyledNoise::new(CODE, w3, device),
            brush_norm_2: StyleNorm::new(CODE, w3, device),
            block_3: ResidualBlock::new(w3, CODE, device),
            block_4: ResidualBlock::new(w3, CODE, device),
            conv_2: StyledConv::new(w3, 24, CODE, device),
            fine_gate: StyleNorm::new(CODE, w2, device),
            fine_skip: Conv::silent(w2, 24, 1, device),
            noise_3: StyledNoise::new(CODE, 24, device),
            conv_3: StyledConv::new(24, 24, CODE, device),
            conv_4: StyledConv::new(24, 16, CODE, device),
            conv_5: StyledConv::new(16, 16, CODE, device),
            conv_6: Conv::new(16, 3, 3, device),
            palette_weight: Linear { bias: Some(constant(PALETTE_WEIGHT, 3)), ..palette_weight },
        }
    }

    /// The style code, `[batch, 192]`, each of mean 0 and deviation 1: all that follows from it is linear in it, and would
    /// differ between styles in size above all.
    pub fn code(&self, style: StyleStatistics) -> Tensor<2> {
        let [_, _, code] = self.code_by_layer(style);
        code
    }

    /// Standardized statistics, what the first layer makes of them, and the code, whitened where they are.
    pub(crate) fn code_by_layer(&self, style: StyleStatistics) -> [Tensor<2>; 3] {
        let whitened = |rows: Tensor<2>, of: fn(&Whitening) -> &Whitener| match &self.whitening {
            Some(whitening) => of(whitening).forward(rows),
            None => rows,
        };
        let statistics = whitened(self.standardized(style), |all| &all.statistics);
        let hidden = linear(&self.code_1, statistics.clone(), Activation::Leaky);
        let hidden = whitened(hidden, |all| &all.hidden);
        let code = linear(&self.code_2, hidden.clone(), Activation::LeakyNormalized);
        [statistics, hidden, whitened(code, |all| &all.code)]
    }

    /// Statistics of mean 0 and deviation 1 over the styles of the training, `[batch, 480]`.
    pub fn standardized(&self, style: StyleStatistics) -> Tensor<2> {
        let row = |numbers: &Param<Tensor<1>>| numbers.val().unsqueeze::<2>();
        (style.0 - row(&self.statistics_mean)) * row(&self.statistics_scale)
    }

    /// How it paints in styles of these statistics.
    pub fn manner(&self, style: StyleStatistics) -> Manner {
        let code = self.code(style);
        let [batch, _] = code.dims();
        let brush = linear(&self.brush_1, code.clone(), Activation::None);
        let mut from = 0;
        let brushes = BRUSHED.map(|channels| {
            let weight = self.brush_2.weight.val().narrow(1, 9 * from, 9 * channels);
            from += channels;
            let kernels = kernels::linear(brush.clone(), weight, None, Activation::None);
            kernels.reshape([batch, channels, 9])
        });
        let noise = [&self.noise_1, &self.noise_2, &self.noise_3];
        Manner {
            brushes,
            noise: noise.map(|noise| noise.affine(code.clone())),
            colour: linear(&self.palette_weight, code.clone(), Activation::None),
            code,
        }
    }

    /// The picture `[batch, 3, height, width]` in 0..1: the sigmoid of the weighted sum
    /// `strength * painting + (1 - strength) * photo`, both as logits. At strength 0 that is the
    /// photo.
    ///
    /// `palettes`: of each photo, and what its painting is to have; `photo` in 0..1.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is something else that a painting is made of"
    )]
    pub fn paint(
        &self,
        fused: Fused,
        manner: &Manner,
        noise: Noise,
        palettes: &[[Palette; 2]],
        photo: Tensor<4>,
        strength: f32,
        norms: &mut Norms<'_>,
    ) -> Tensor<4> {
        let Manner { code, brushes, noise: gains, colour } = manner;
        let brush = |x, level: usize| kernels::depthwise(x, brushes[level].clone());
        let enlarged = Source::upsample;
        let [coarse, middle, fine] = noise.0;

        let x = self.noise_1.forward_onto(fused.features, coarse, gains[0].clone());
        let x = self.brush_norm_1.forward(brush(x, 0), code.clone(), norms);
        let x = self.block_1.forward(x, code.clone(), norms);
        let x = self.block_2.forward(x, code.clone(), norms);
        let x = enlarged(self.conv_1.forward(x, code.clone(), norms));
        let skip = self.gate.forward(fused.skip, code.clone(), norms);
        let x = self.skip.forward_onto(x, skip).into();
        let x = self.noise_2.forward_onto(x, middle, gains[1].clone());
        let x = self.brush_norm_2.forward(brush(x, 1), code.clone(), norms);
        let x = self.block_3.forward(x, code.clone(), norms);
        let x = self.block_4.forward(x, code.clone(), norms);
        let x = enlarged(self.conv_2.forward(x, code.clone(), norms));
        let skip = self.fine_gate.forward(fused.fine_skip, code.clone(), norms);
        let x = self.fine_skip.forward_onto(x, skip).into();
        let x = self.noise_3.forward_onto(x, fine, gains[2].clone());
        let x = self.conv_3.forward(brush(x, 2), code.clone(), norms);
        let x = enlarged(self.conv_4.forward(x, code.clone(), norms));
        let x = self.conv_5.forward(x, code.clone(), norms);
        let strokes = self.conv_6.forward(x).cast(DType::F32);
        let colourings = colourings(palettes, &strokes.device());
        let palette = recolour_photos(photo.clone(), palettes);
        kernels::finish(strokes, colourings, palette, colour.clone(), photo, strength)
    }
}
