//! Gradients of plain convolutions: themselves convolutions.

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients as Found;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::ops::ConvOptions;
use burn::backend::{Autodiff, TensorMetadata, tensor::FloatTensor};
use burn::tensor::Slice;

use super::{Border, GoalKind, Kernels, Reading, Spec};

/// The gradients of a plain convolution, in burn's operations where a backend has nothing better.
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
        let spec =
            Spec { border: Border::Zero, relu: false, input: Reading::default(), residual: None };
        let unread = || bias.clone();
        Self::convolution(gradient, unread(), weight, unread(), unread(), unread(), spec)
    }
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
    /// The input, the weight, the output where it decides over the gradient, and the spec.
    type State = (FloatTensor<B>, FloatTensor<B>, Option<FloatTensor<B>>, Spec);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        gradients: &mut Found,
        _checkpointer: &mut Checkpointer,
    ) {
        let [input_node, weight_node, bias_node] = ops.parents;
        let mut gradient = gradients.consume::<B>(&ops.node);
        let (input, weight, output, spec) = ops.state;
        if let Some(output) = output {
            gradient = B::relu_gradient(output, gradient);
        }
        if let Some(node) = bias_node {
            gradients.register::<B>(node.id, B::bias_gradient(gradient.clone()));
        }
        if let Some(node) = weight_node {
            let found = B::weight_gradient(input, gradient.clone(), weight.clone(), spec.border);
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
        _: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        spec: Spec,
    ) -> FloatTensor<Self> {
        assert!(
            spec.input == Reading::default() && spec.residual.is_none(),
            "with gradients, convolutions are plain"
        );
        let nodes = [input.node(), weight.node(), bias.node()];
        let prepared = Convolution.prepare::<C>(nodes).compute_bound().stateful();
        let (input, weight, bias) =
            (input.into_primitive(), weight.into_primitive(), bias.into_primitive());
        let compute = || {
            let (input, weight, bias) = (input.clone(), weight.clone(), bias.clone());
            let unread = bias.clone();
            B::convolution(input, unread.clone(), weight, bias, unread.clone(), unread, spec)
        };
        match prepared {
            OpsKind::Tracked(prepared) => {
                let output = compute();
                let decides = spec.relu.then(|| output.clone());
                prepared.finish((input, weight, decides, spec), output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(compute()),
        }
    }

    fn depthwise_convolution(_: FloatTensor<Self>, _: FloatTensor<Self>) -> FloatTensor<Self> {
        unreachable!("with gradients, this is composed")
    }

    fn sum(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: Reading,
        _: Reading,
    ) -> FloatTensor<Self> {
        unreachable!("with gradients, this is composed")
    }

    fn normalizing_affine(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: GoalKind,
    ) -> FloatTensor<Self> {
        unreachable!("with gradients, this is composed")
    }

    fn linear(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: bool,
        _: bool,
    ) -> FloatTensor<Self> {
        unreachable!("with gradients, this is composed")
    }

    fn pool(_: FloatTensor<Self>) -> FloatTensor<Self> {
        unreachable!("with gradients, this is composed")
    }

    fn unpack(_: FloatTensor<Self>) -> FloatTensor<Self> {
        unreachable!("with gradients, this is composed")
    }

    fn pack(_: FloatTensor<Self>) -> FloatTensor<Self> {
        unreachable!("with gradients, this is composed")
    }

    fn palette_logits(_: FloatTensor<Self>, _: FloatTensor<Self>) -> FloatTensor<Self> {
        unreachable!("with gradients, this is composed")
    }

    fn finish(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: f32,
    ) -> FloatTensor<Self> {
        unreachable!("with gradients, this is composed")
    }
}
