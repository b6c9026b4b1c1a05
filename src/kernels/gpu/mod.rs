//! The operations on burn's CubeCL backends: WebGPU in the browser, Vulkan, Metal, DirectX 12 or
//! CUDA natively, from one source.
//!
//! Shaders depend on numbers of channels and on how an input is read, never on the size of a
//! picture: what has been compiled for one picture serves all others.

mod colours;
mod convolution;
mod elementwise;
mod linear;
pub mod screen;
mod statistics;

use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::tensor::Shape;
use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl::client::Client;
use burn_cubecl::cubecl::prelude::{CubeCount, CubeDim};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;

use super::{
    Activation, Border, FusedKernels, GoalOn, Kernels, Maybe, Reading, Spec, plain_convolution,
};

/// Threads of a workgroup where neighbours share nothing. WebGPU promises 256.
const THREADS: usize = 256;

impl Kernels for CubeBackend {
    fn convolution(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        border: Border,
        relu: bool,
    ) -> FloatTensor<Self> {
        plain_convolution::<Self>(input, weight, bias, border, relu)
    }

    fn depthwise_convolution(
        input: FloatTensor<Self>,
        kernels: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        elementwise::depthwise(into_contiguous(input), into_contiguous(kernels))
    }

    fn unit_affine(features: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::normalizing_affine(features, GoalOn::Unit)
    }
}

impl FusedKernels for CubeBackend {
    fn fused_convolution(
        input: FloatTensor<Self>,
        input_affine: Maybe<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: Maybe<Self>,
        residual_affine: Maybe<Self>,
        spec: Spec,
    ) -> FloatTensor<Self> {
        let (input, bias) = (into_contiguous(input), into_contiguous(bias));
        let input_affine = or_unread(input_affine.option(), &bias);
        let residual = or_unread(residual.option(), &bias);
        let residual_affine = or_unread(residual_affine.option(), &bias);
        let weight = into_contiguous(weight);
        convolution::launch([input, input_affine, weight, bias, residual, residual_affine], spec)
    }

    fn sum(
        a: FloatTensor<Self>,
        a_affine: Maybe<Self>,
        b: FloatTensor<Self>,
        b_affine: Maybe<Self>,
        a_reading: Reading,
        b_reading: Reading,
    ) -> FloatTensor<Self> {
        let [a, b] = [a, b].map(into_contiguous);
        let [a_affine, b_affine] =
            [a_affine, b_affine].map(|affine| or_unread(affine.option(), &a));
        elementwise::sum([a, a_affine, b, b_affine], [a_reading, b_reading])
    }

    fn normalizing_affine(features: FloatTensor<Self>, goal: GoalOn<Self>) -> FloatTensor<Self> {
        statistics::normalizing_affine(into_contiguous(features), goal)
    }

    fn linear(
        rows: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Maybe<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let rows = into_contiguous(rows);
        linear::launch(rows, weight, bias.option().map(into_contiguous), activation)
    }

    fn pool(features: FloatTensor<Self>) -> FloatTensor<Self> {
        elementwise::pool(into_contiguous(features))
    }

    fn activation_gradient(
        gradient: FloatTensor<Self>,
        output: FloatTensor<Self>,
        pooled: bool,
    ) -> FloatTensor<Self> {
        elementwise::activation_gradient([gradient, output].map(into_contiguous), pooled)
    }

    fn gram(rows: FloatTensor<Self>) -> FloatTensor<Self> {
        let rows = into_contiguous(rows);
        let columns = <Self as FloatTensorOps<Self>>::float_swap_dims(rows.clone(), 0, 1);
        linear::launch(rows, columns, None, Activation::None)
    }

    fn smoothed(before: FloatTensor<Self>, own: FloatTensor<Self>, rate: f32) -> FloatTensor<Self> {
        statistics::smoothed([before, own].map(into_contiguous), rate)
    }

    fn palette_logits(photos: FloatTensor<Self>, maps: FloatTensor<Self>) -> FloatTensor<Self> {
        colours::palette_logits([photos, maps].map(into_contiguous))
    }

    fn finish(
        strokes: FloatTensor<Self>,
        colourings: FloatTensor<Self>,
        palette: FloatTensor<Self>,
        colour: FloatTensor<Self>,
        photos: FloatTensor<Self>,
        strength: f32,
    ) -> FloatTensor<Self> {
        let tensors = [strokes, colourings, palette, colour, photos].map(into_contiguous);
        colours::finish(tensors, strength)
    }

    fn unpack(pixels: FloatTensor<Self>) -> FloatTensor<Self> {
        colours::unpack(into_contiguous(pixels))
    }

    fn pack(pictures: FloatTensor<Self>) -> FloatTensor<Self> {
        colours::pack(into_contiguous(pictures))
    }
}

/// A shader has all of its tensors: in the place of one that there is not is any other, and is not read.
fn or_unread(tensor: Option<CubeTensor>, other: &CubeTensor) -> CubeTensor {
    tensor.map_or_else(|| other.clone(), into_contiguous)
}

/// Room for a result, on the device of `like`.
fn empty(like: &CubeTensor, shape: impl Into<Shape>) -> CubeTensor {
    empty_device_contiguous_dtype(
        like.client.clone(),
        like.device.clone(),
        shape.into(),
        like.dtype,
    )
}

/// The height and width that a tensor of this shape is read with.
fn dims_read(tensor: &CubeTensor, reading: Reading) -> [usize; 4] {
    let [batch, channels, height, width] = tensor.meta.shape().dims();
    let scale = if reading.upsample { 2 } else { 1 };
    [batch, channels, scale * height, scale * width]
}

/// What to launch a kernel with that has a thread for every pixel of every plane of its output, along
/// x the pixels, along y the planes; and that output, on the device of `like`.
fn by_plane(like: &CubeTensor, dims: [usize; 4]) -> (Client, CubeCount, CubeDim, CubeTensor) {
    let [batch, channels, height, width] = dims;
    let groups = (height * width).div_ceil(THREADS);
    (
        like.client.clone(),
        CubeCount::Static(groups as u32, (batch * channels) as u32, 1),
        CubeDim::new_1d(THREADS as u32),
        empty(like, dims),
    )
}
