//! Convolutions and their gradients on libtorch, for training in bf16 on processors with matrix units.
//!
//! Channels come last in memory: oneDNN then keeps activations as they are, in the layout that its
//! matrix instructions want.

#![expect(deprecated, reason = "the fastest CPU training there is, and only an option")]

use burn::backend::tensor::FloatTensor;
use burn_tch::{LibTorch, TchTensor};
use tch::{Kind, Tensor};

use super::autodiff::Gradients;
use super::{Border, Kernels};
use crate::kernels::EPSILON;

impl Kernels for LibTorch {
    fn convolution(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        border: Border,
        relu: bool,
    ) -> FloatTensor<Self> {
        let mut output = convolve(&input.tensor, &weight.tensor, Some(&bias.tensor), border);
        TchTensor::new(if relu { output.relu_() } else { output })
    }

    fn depthwise_convolution(
        input: FloatTensor<Self>,
        kernels: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let moved = depthwise(&input.tensor, &kernels.tensor);
        TchTensor::new(input.tensor + moved)
    }

    fn unit_affine(features: FloatTensor<Self>) -> FloatTensor<Self> {
        let places = [2, 3].as_slice();
        let features = features.tensor.to_kind(Kind::Float);
        let mean = features.mean_dim(places, true, Kind::Float);
        let variance = (features - &mean).square().mean_dim(places, true, Kind::Float);
        let scale = (variance + EPSILON).rsqrt();
        let shift = -(mean * &scale);
        TchTensor::new(Tensor::stack(&[scale, shift].map(|x| x.flatten(1, 3)), 1))
    }
}

impl Gradients for LibTorch {
    fn relu_gradient(output: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        TchTensor::new(output.tensor.leaky_relu_backward(&gradient.tensor, 0.0, false))
    }

    /// A matrix product: sums over three axes at once are slow in libtorch.
    fn bias_gradient(gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let [.., channels, _, _] = axes(&gradient.tensor);
        let rows = gradient.tensor.permute([0, 2, 3, 1]).reshape([-1, channels]);
        let ones = Tensor::ones([1, rows.size()[0]], (rows.kind(), rows.device()));
        TchTensor::new(ones.matmul(&rows).reshape([channels]))
    }

    /// A transposed convolution: turning the kernels round takes as long as a deep layer's convolution.
    fn input_gradient(gradient: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let (gradient, weight) = (channels_last(&gradient.tensor), channels_last(&weight.tensor));
        let reach = [weight.size()[2] / 2; 2];
        let none = None::<&Tensor>;
        TchTensor::new(gradient.conv_transpose2d(&weight, none, [1, 1], reach, [0, 0], 1, [1, 1]))
    }

    /// libtorch's own: burn's is a convolution with a kernel as large as a picture.
    fn weight_gradient(
        input: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        border: Border,
    ) -> FloatTensor<Self> {
        let weight = weight.tensor.detach().set_requires_grad(true);
        let output = convolve(&input.tensor.detach(), &weight, None, border);
        // A number whose gradient in the weight is the one that is wanted.
        let product = (output * gradient.tensor.detach()).sum(Kind::Float);
        let mut found = Tensor::run_backward(&[product], &[weight], false, false);
        TchTensor::new(found.remove(0))
    }

    fn upsampling_gradient(gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let [batch, channels, height, width] = axes(&gradient.tensor);
        let (from, to) = ([batch, channels, height / 2, width / 2], [height, width]);
        TchTensor::new(Tensor::upsample_bilinear2d_backward(
            &gradient.tensor,
            to,
            from,
            false,
            None,
            None,
        ))
    }

    fn depthwise_gradients(
        input: FloatTensor<Self>,
        kernels: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 2] {
        let gradient = gradient.tensor.detach();
        let leaf = kernels.tensor.detach().set_requires_grad(true);
        let product = (depthwise(&input.tensor.detach(), &leaf) * &gradient).sum(Kind::Float);
        let by_kernels = Tensor::run_backward(&[product], &[leaf], false, false).remove(0);
        // Mirrored pixels are constants, so that there are zeros around what comes back.
        let turned = kernels.tensor.detach().flip([2]);
        let by_input = &gradient + in_groups(&gradient, &turned, 1);
        [by_input, by_kernels].map(TchTensor::new)
    }
}

/// One kernel for each channel of each picture, reflected at the border.
fn depthwise(input: &Tensor, kernels: &Tensor) -> Tensor {
    in_groups(&input.reflection_pad2d([1; 4]), kernels, 0)
}

/// Every channel of every picture as a group of its own, with zeros around it.
fn in_groups(input: &Tensor, kernels: &Tensor, padding: i64) -> Tensor {
    let [batch, channels, height, width] = axes(input);
    let groups = batch * channels;
    let input = input.reshape([1, groups, height, width]);
    let kernels = kernels.reshape([groups, 1, 3, 3]);
    let moved = input.conv2d(&kernels, None::<&Tensor>, [1, 1], [padding, padding], [1, 1], groups);
    let [_, _, height, width] = axes(&moved);
    moved.reshape([batch, channels, height, width])
}

/// Batch, channels, height and width of features.
fn axes(x: &Tensor) -> [i64; 4] {
    x.size().try_into().expect("features have four axes")
}

fn convolve(input: &Tensor, weight: &Tensor, bias: Option<&Tensor>, border: Border) -> Tensor {
    let reach = weight.size()[2] / 2;
    let (input, weight) = (channels_last(input), channels_last(weight));
    let (input, padding) = match border {
        Border::Reflection if reach > 0 => (input.reflection_pad2d([reach; 4]), 0),
        _ => (input, reach),
    };
    input.conv2d(&weight, bias, [1, 1], [padding, padding], [1, 1], 1)
}

/// The same values with the channels last in memory.
fn channels_last(x: &Tensor) -> Tensor {
    x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}
