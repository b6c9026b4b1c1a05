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

use super::{Activation, GoalKind, Kernels, Reading, Spec};

/// Threads of a workgroup where neighbours share nothing. WebGPU promises 256.
const THREADS: usize = 256;

impl Kernels for CubeBackend {
    fn convolution(
        input: FloatTensor<Self>,
        input_affine: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        residual_affine: FloatTensor<Self>,
        spec: Spec,
    ) -> FloatTensor<Self> {
        convolution::launch(
            [input, input_affine, weight, bias, residual, residual_affine].map(into_contiguous),
            spec,
        )
    }

    fn depthwise_convolution(
        input: FloatTensor<Self>,
        kernels: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        elementwise::depthwise(into_contiguous(input), into_contiguous(kernels))
    }

    fn sum(
        a: FloatTensor<Self>,
        a_affine: FloatTensor<Self>,
        b: FloatTensor<Self>,
        b_affine: FloatTensor<Self>,
        a_reading: Reading,
        b_reading: Reading,
    ) -> FloatTensor<Self> {
        elementwise::sum([a, a_affine, b, b_affine].map(into_contiguous), [a_reading, b_reading])
    }

    fn normalizing_affine(
        features: FloatTensor<Self>,
        rows: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        goal: GoalKind,
    ) -> FloatTensor<Self> {
        let [features, rows, bias] = [features, rows, bias].map(into_contiguous);
        statistics::normalizing_affine([features, rows, weight, bias], goal)
    }

    fn linear(
        rows: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        biased: bool,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let [rows, bias] = [rows, bias].map(into_contiguous);
        linear::launch([rows, weight, bias], biased, activation)
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
        linear::launch([rows.clone(), columns, rows], false, Activation::None)
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
