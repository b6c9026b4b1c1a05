//! Gradients: of convolutions, themselves convolutions, and of normalizations.

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients as Found;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::ops::ConvOptions;
use burn::backend::{Autodiff, TensorMetadata, tensor::FloatTensor};
use burn::tensor::Slice;

use super::{Border, Kernels};

/// The gradients of convolutions, in burn's operations where a backend has nothing better.
pub trait Gradients: Kernels {
    /// `gradient` where `output` is above 0.
    fn relu_gradient(output: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::relu_backward(output, gradient)
    }

    /// The sums over everything but channels.
    fn bias_gradient(gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let channels = gradient.shape()[1];
        let sum = Self::float_sum_dims(gradient, &[0, 2, 3]);
        Self::float_reshape(sum, [channels].into())
    }

    /// With the shape of `weight`.
    fn weight_gradient(
        input: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        border: Border,
    ) -> FloatTensor<Self> {
        let reach = weight.shape()[2] / 2;
        let (input, padding) = match border {
            Border::Reflection => (reflection_pad::<Self>(input, reach), 0),
            Border::Zero => (input, reach),
        };
        let options = ConvOptions::new([1, 1], [padding, padding], [1, 1], 1);
        Self::conv2d_weight_backward(input, weight, gradient, options)
    }

    /// The convolution of the gradient with the weight turned round.
    fn input_gradient(gradient: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let weight = Self::float_flip(Self::float_swap_dims(weight, 0, 1), &[2, 3]);
        let channels = weight.shape()[0];
        let (device, dtype) = (weight.device(), weight.dtype());
        let bias = Self::float_zeros([channels].into(), &device, dtype.into());
        Self::convolution(gradient, weight, bias, Border::Zero, false)
    }

    /// Of a depthwise convolution in its input and its kernels, in their shapes.
    fn depthwise_gradients(
        input: FloatTensor<Self>,
        kernels: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 2] {
        let [batch, channels, height, width] = input.shape().dims();
        let seen = |padded: &FloatTensor<Self>, place: usize| {
            let (top, left) = (place / 3, place % 3);
            let slices = [0..batch, 0..channels, top..top + height, left..left + width];
            Self::float_slice(padded.clone(), &slices.map(Slice::from))
        };
        let padded = reflection_pad::<Self>(input, 1);
        let sums = (0..9).map(|place| {
            let products = Self::float_mul(seen(&padded, place), gradient.clone());
            let sums = Self::float_sum_dims(products, &[2, 3]);
            Self::float_reshape(sums, [batch, channels, 1].into())
        });
        let by_kernels = Self::float_cat(sums.collect(), 2);
        let around = zero_pad::<Self>(gradient.clone());
        let by_input = (0..9).fold(gradient, |sum, place| {
            // The kernel turned round.
            let slices = [0..batch, 0..channels, 8 - place..9 - place];
            let weight = Self::float_slice(kernels.clone(), &slices.map(Slice::from));
            let weight = Self::float_reshape(weight, [batch, channels, 1, 1].into());
            Self::float_add(sum, Self::float_mul(seen(&around, place), weight))
        });
        [by_input, by_kernels]
    }

    /// Of an upsampling, in its input.
    fn upsampling_gradient(gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        (2..4).fold(gradient, |gradient, axis| {
            let shape = gradient.shape();
            let length = shape[axis] / 2;
            let at = |x: &FloatTensor<Self>, axis: usize, from: usize, to: usize| {
                let mut slices = vec![Slice::full(); x.shape().num_dims()];
                slices[axis] = Slice::from(from..to);
                Self::float_slice(x.clone(), &slices)
            };
            // What is beyond the border came from the outermost pixels, as what is beside it.
            let before = at(&gradient, axis, 0, 1);
            let after = at(&gradient, axis, 2 * length - 1, 2 * length);
            let padded = Self::float_cat(vec![before, gradient, after], axis);
            let mut pairs = shape.to_vec();
            pairs[axis] = length + 1;
            pairs.insert(axis + 1, 2);
            let pairs = Self::float_reshape(padded, pairs.into());
            let mut each = shape.to_vec();
            each[axis] = length;
            // A pixel is seen by four, of which it is a quarter, three quarters, three, and one.
            let seen = |pair: usize, half: usize, weight: f32| {
                let pair = at(&pairs, axis, pair, pair + length);
                let half =
                    Self::float_reshape(at(&pair, axis + 1, half, half + 1), each.clone().into());
                Self::float_mul_scalar(half, weight.into())
            };
            let (first, last) = (seen(0, 0, 0.25), seen(1, 1, 0.25));
            let middle = Self::float_add(seen(0, 1, 0.75), seen(1, 0, 0.75));
            Self::float_add(Self::float_add(first, last), middle)
        })
    }
}

/// A line and a column of zeros on each side.
fn zero_pad<B: Kernels>(x: FloatTensor<B>) -> FloatTensor<B> {
    let (device, dtype) = (x.device(), x.dtype());
    (2..4).fold(x, |x, axis| {
        let mut shape = x.shape();
        shape[axis] = 1;
        let zeros = B::float_zeros(shape, &device, dtype.into());
        B::float_cat(vec![zeros.clone(), x, zeros], axis)
    })
}

fn reflection_pad<B: Kernels>(x: FloatTensor<B>, border: usize) -> FloatTensor<B> {
    (2..4).filter(|_| border > 0).fold(x, |x, axis| {
        let length = x.shape()[axis];
        let mirrored = |start: usize| {
            let mut slices = vec![Slice::full(); 4];
            slices[axis] = Slice::from(start..start + border);
            B::float_flip(B::float_slice(x.clone(), &slices), &[axis])
        };
        let (before, after) = (mirrored(1), mirrored(length - 1 - border));
        B::float_cat(vec![before, x, after], axis)
    })
}

#[cfg(feature = "gpu")]
impl Gradients for burn_cubecl::CubeBackend {}

#[derive(Debug)]
struct Convolution;

impl<B: Gradients> Backward<B, 3> for Convolution {
    /// The input, the weight, the output where it decides over the gradient, and the border.
    type State = (FloatTensor<B>, FloatTensor<B>, Option<FloatTensor<B>>, Border);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        gradients: &mut Found,
        _checkpointer: &mut Checkpointer,
    ) {
        let [input_node, weight_node, bias_node] = ops.parents;
        let mut gradient = gradients.consume::<B>(&ops.node);
        let (input, weight, output, border) = ops.state;
        if let Some(output) = output {
            gradient = B::relu_gradient(output, gradient);
        }
        if let Some(node) = bias_node {
            gradients.register::<B>(node.id, B::bias_gradient(gradient.clone()));
        }
        if let Some(node) = weight_node {
            let found = B::weight_gradient(input, gradient.clone(), weight.clone(), border);
            gradients.register::<B>(node.id, found);
        }
        if let Some(node) = input_node {
            gradients.register::<B>(node.id, B::input_gradient(gradient, weight));
        }
    }
}

impl<B: Gradients, C: CheckpointStrategy> Kernels for Autodiff<B, C> {
    fn convolution(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        border: Border,
        relu: bool,
    ) -> FloatTensor<Self> {
        let nodes = [input.node(), weight.node(), bias.node()];
        let prepared = Convolution.prepare::<C>(nodes).compute_bound().stateful();
        let (input, weight, bias) =
            (input.into_primitive(), weight.into_primitive(), bias.into_primitive());
        let output = B::convolution(input.clone(), weight.clone(), bias, border, relu);
        match prepared {
            OpsKind::Tracked(prepared) => {
                let decides = relu.then(|| output.clone());
                prepared.finish((input, weight, decides, border), output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn depthwise_convolution(
        input: FloatTensor<Self>,
        kernels: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let nodes = [input.node(), kernels.node()];
        let prepared = Depthwise.prepare::<C>(nodes).compute_bound().stateful();
        let (input, kernels) = (input.into_primitive(), kernels.into_primitive());
        let output = B::depthwise_convolution(input.clone(), kernels.clone());
        match prepared {
            OpsKind::Tracked(prepared) => prepared.finish((input, kernels), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn upsampled(features: FloatTensor<Self>) -> FloatTensor<Self> {
        let prepared = Upsampling.prepare::<C>([features.node()]).compute_bound();
        prepared.stateless(B::upsampled(features.into_primitive()))
    }

    fn unit_affine(features: FloatTensor<Self>) -> FloatTensor<Self> {
        let prepared = Normalization.prepare::<C>([features.node()]).compute_bound().stateful();
        let features = features.into_primitive();
        let unit = B::unit_affine(features.clone());
        match prepared {
            OpsKind::Tracked(prepared) => prepared.finish((features, unit.clone()), unit),
            OpsKind::UnTracked(prepared) => prepared.finish(unit),
        }
    }
}

#[derive(Debug)]
struct Upsampling;

impl<B: Gradients> Backward<B, 1> for Upsampling {
    type State = ();

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Found,
        _checkpointer: &mut Checkpointer,
    ) {
        let [node] = ops.parents;
        let gradient = gradients.consume::<B>(&ops.node);
        if let Some(node) = node {
            gradients.register::<B>(node.id, B::upsampling_gradient(gradient));
        }
    }
}

#[derive(Debug)]
struct Depthwise;

impl<B: Gradients> Backward<B, 2> for Depthwise {
    /// The input and the kernels.
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        gradients: &mut Found,
        _checkpointer: &mut Checkpointer,
    ) {
        let [input_node, kernels_node] = ops.parents;
        let gradient = gradients.consume::<B>(&ops.node);
        let (input, kernels) = ops.state;
        let [by_input, by_kernels] = B::depthwise_gradients(input, kernels, gradient);
        if let Some(node) = input_node {
            gradients.register::<B>(node.id, by_input);
        }
        if let Some(node) = kernels_node {
            gradients.register::<B>(node.id, by_kernels);
        }
    }
}

/// The affine map to mean 0 and deviation 1.
#[derive(Debug)]
struct Normalization;

impl<B: Gradients> Backward<B, 1> for Normalization {
    /// The features, and the map: `[batch, 2, channels]`.
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Found,
        _checkpointer: &mut Checkpointer,
    ) {
        let [node] = ops.parents;
        let gradient = gradients.consume::<B>(&ops.node);
        let Some(node) = node else { return };
        let (features, unit) = ops.state;
        let [batch, channels, height, width] = features.shape().dims();
        let part = |x: &FloatTensor<B>, index: usize| {
            let slices = [Slice::full(), Slice::from(index..index + 1), Slice::full()];
            B::float_reshape(B::float_slice(x.clone(), &slices), [batch, channels, 1, 1].into())
        };
        let (scale, shift) = (part(&unit, 0), part(&unit, 1));
        let (by_scale, by_shift) = (part(&gradient, 0), part(&gradient, 1));
        // scale = (variance + ε)^-½ and shift = -mean * scale; the mean's gradient is even over all places,
        // the variance's goes with how far a place is from the mean.
        let mean = B::float_neg(B::float_div(shift, scale.clone()));
        let by_both = B::float_sub(by_scale, B::float_mul(mean.clone(), by_shift.clone()));
        let cube = B::float_mul(B::float_mul(scale.clone(), scale.clone()), scale.clone());
        let places = (height * width) as f32;
        let slope = B::float_mul_scalar(B::float_mul(cube, by_both), (-1.0 / places).into());
        let even = B::float_mul_scalar(B::float_mul(by_shift, scale), (-1.0 / places).into());
        let even = B::float_sub(even, B::float_mul(mean, slope.clone()));
        let precision = features.dtype().into();
        let [slope, even] = [slope, even].map(|x| B::float_cast(x, precision));
        gradients.register::<B>(node.id, B::float_add(B::float_mul(features, slope), even));
    }
}
