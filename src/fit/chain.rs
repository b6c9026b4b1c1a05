//! VGG-19 from pixels to relu5_1, and gradients back to the pixels.

use burn::tensor::{Device, Tensor};

use crate::kernels::{self, Border, Source, pool};
use crate::network::vgg::{DEVIATION, VGG_19, normalize};
use crate::weights::{self, NamedTensor, WeightsError};

/// Which of [`VGG_19`] the losses look at: relu1_1 … relu5_1.
const SEEN: [usize; 5] = [0, 2, 4, 8, 12];
/// Levels that refining looks at.
pub const LEVELS: usize = 4;

/// A plain chain of convolutions, ReLUs and poolings. A clone shares the weights.
#[derive(Debug, Clone)]
pub struct Chain {
    layers: Vec<Layer>,
}

/// A convolution and a ReLU.
#[derive(Debug, Clone)]
struct Layer {
    /// In a file with factors the convolution is two, of which the first gives few channels (Zhang et al., "Accelerating
    /// Very Deep Convolutional Networks for Classification and Detection", 2016).
    factors: Vec<Convolution>,
    halved: bool,
}

#[derive(Debug, Clone)]
struct Convolution {
    /// `[channels out, channels in, kernel, kernel]`, kernel 1 or 3
    weight: Tensor<4>,
    bias: Tensor<1>,
    /// The weight that takes gradients back: turned round, `[channels in, channels out, kernel, kernel]`. Training finds its
    /// gradients by automatic differentiation.
    back: Option<Tensor<4>>,
}

/// What the chain has seen in a picture: after every layer, `[1, channels, height, width]`.
#[derive(Debug)]
pub struct Pass(Vec<Tensor<4>>);

impl Pass {
    /// relu1_1 … relu4_1.
    pub fn levels(&self) -> [&Tensor<4>; LEVELS] {
        std::array::from_fn(|level| &self.0[SEEN[level]])
    }
}

impl Chain {
    /// From the bytes of a weights file that has VGG-19's layers to conv4_1 at least; others are left out.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub fn load(bytes: &[u8], device: &Device) -> Result<Self, WeightsError> {
        Self::to_level(LEVELS, true, bytes, device)
    }

    /// The same to another of the levels, with or without what goes [back](Self::backward).
    pub(crate) fn to_level(
        level: usize,
        back: bool,
        bytes: &[u8],
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let (mut tensors, _) = weights::deserialize(bytes)?;
        let mut channels = 3;
        let layers = VGG_19[..=SEEN[level - 1]].iter().map(|layer| {
            let inner = format!("{}.inner", layer.name);
            let factored = tensors.iter().any(|tensor| tensor.name == format!("{inner}.weight"));
            let mut take = |name: &str, kernel| {
                Convolution::take(&mut tensors, name, &mut channels, kernel, back, device)
            };
            let factors = match factored {
                true => vec![take(&inner, 3)?, take(layer.name, 1)?],
                false => vec![take(layer.name, 3)?],
            };
            Ok(Layer { factors, halved: layer.halved() })
        });
        Ok(Self { layers: layers.collect::<Result<_, _>>()? })
    }

    /// With other tensors in the place of weights and of biases.
    #[cfg(feature = "train")]
    pub(crate) fn map(
        mut self,
        weight: impl Fn(Tensor<4>) -> Tensor<4>,
        bias: impl Fn(Tensor<1>) -> Tensor<1>,
    ) -> Self {
        for convolution in self.layers.iter_mut().flat_map(|layer| &mut layer.factors) {
            convolution.weight = weight(convolution.weight.clone());
            convolution.bias = bias(convolution.bias.clone());
        }
        self
    }

    /// `picture`: `[1, 3, height, width]`, RGB in 0..1; sides multiples of 8.
    pub fn forward(&self, picture: Tensor<4>) -> Pass {
        Pass(run(&self.layers, normalize(picture)))
    }

    /// relu1_1 … relu4_1 of pictures `[batch, 3, height, width]`, in their precision.
    #[cfg(feature = "train")]
    pub(crate) fn features(&self, pictures: Tensor<4>) -> [Tensor<4>; LEVELS] {
        let seen = run(&self.layers[..=SEEN[LEVELS - 1]], normalize(pictures));
        std::array::from_fn(|level| seen[SEEN[level]].clone())
    }

    /// From relu4_1.
    #[cfg(feature = "train")]
    pub(crate) fn relu5_1(&self, relu4_1: Tensor<4>) -> Option<Tensor<4>> {
        run(self.layers.get(SEEN[LEVELS - 1] + 1..=SEEN[LEVELS])?, relu4_1.into()).pop()
    }

    /// From the gradients in relu1_1 … relu4_1 the one in the picture, in their shapes.
    pub fn backward(&self, pass: Pass, by_level: [Tensor<4>; LEVELS]) -> Tensor<4> {
        let Pass(mut outputs) = pass;
        let mut by_level = by_level.into_iter().zip(SEEN).rev().peekable();
        let mut gradient: Option<Tensor<4>> = None;
        // Whether the gradient is one in the pooled output of a layer; the losses look at none of these.
        let mut pooled = false;
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let output = outputs.pop().expect("an output for each layer");
            let own = by_level.next_if(|(_, level)| *level == index).map(|(own, _)| own);
            let sum = match (gradient.take(), own) {
                (Some(sum), Some(own)) => sum + own,
                (Some(sum), None) | (None, Some(sum)) => sum,
                (None, None) => continue,
            };
            let before = kernels::activation_gradient(sum, output, pooled);
            let factors = layer.factors.iter().rev();
            gradient = Some(factors.fold(before, |gradient, Convolution { back, .. }| {
                let back = back.as_ref().expect("loaded to go back");
                let bias = Tensor::zeros([back.dims()[0]], &back.device());
                kernels::convolve(gradient, back.clone(), bias, Border::Zero, false, None)
            }));
            pooled = layer.halved;
        }
        let gradient = gradient.expect("the last layer has a gradient");
        let scale =
            Tensor::<1>::from_data(DEVIATION.map(f32::recip).as_slice(), &gradient.device());
        gradient * scale.reshape([1, 3, 1, 1])
    }
}

/// What comes after each of the layers; the input is halved already.
fn run(layers: &[Layer], input: Source) -> Vec<Tensor<4>> {
    let mut outputs: Vec<Tensor<4>> = Vec::new();
    for layer in layers {
        let mut x: Source = match outputs.last() {
            None => input.clone(),
            Some(last) if layer.halved => pool(last.clone()).into(),
            Some(last) => last.clone().into(),
        };
        let last = layer.factors.len() - 1;
        for (index, Convolution { weight, bias, .. }) in layer.factors.iter().enumerate() {
            let (weight, bias) = (weight.clone(), bias.clone());
            x = kernels::convolve(x, weight, bias, Border::Zero, index == last, None).into();
        }
        outputs.push(x.features);
    }
    outputs
}

impl Convolution {
    /// Takes one out of the tensors of a file. `channels`: that go in, and then those that come out.
    fn take(
        tensors: &mut Vec<NamedTensor>,
        name: &str,
        channels: &mut usize,
        kernel: usize,
        back: bool,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let weight = weights::take(tensors, &format!("{name}.weight"))?;
        let (inputs, outputs) = (*channels, weight.shape.first().map_or(1, |&count| count.max(1)));
        fits(&weight, vec![outputs, inputs, kernel, kernel])?;
        let bias = match name.ends_with(".inner") {
            true => vec![0.0; outputs],
            false => {
                let bias = weights::take(tensors, &format!("{name}.bias"))?;
                fits(&bias, vec![outputs])?;
                bias.values
            }
        };
        *channels = outputs;
        let tensor = |values: &[f32], shape: [usize; 4]| {
            Tensor::<1>::from_data(values, device).reshape(shape)
        };
        Ok(Self {
            weight: tensor(&weight.values, [outputs, inputs, kernel, kernel]),
            bias: Tensor::from_data(bias.as_slice(), device),
            back: back.then(|| {
                let turned = turned(&weight.values, outputs, inputs);
                tensor(&turned, [inputs, outputs, kernel, kernel])
            }),
        })
    }
}

fn fits(tensor: &NamedTensor, expected: Vec<usize>) -> Result<(), WeightsError> {
    if tensor.shape == expected {
        return Ok(());
    }
    let (name, found) = (tensor.name.clone(), tensor.shape.clone());
    Err(WeightsError::Shape { name, expected, found })
}

/// `[outputs, inputs, kernel, kernel]` to `[inputs, outputs, kernel, kernel]`, each kernel turned round.
fn turned(weight: &[f32], outputs: usize, inputs: usize) -> Vec<f32> {
    let taps = weight.len() / (outputs * inputs);
    let places = (0..inputs).flat_map(|input| (0..outputs).map(move |output| (input, output)));
    let kernel = |(input, output): (usize, usize)| {
        weight[(output * inputs + input) * taps..][..taps].iter().rev().copied()
    };
    places.flat_map(kernel).collect()
}
