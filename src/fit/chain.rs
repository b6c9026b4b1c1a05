//! VGG-19 from pixels to relu4_1, and gradients back to the pixels.

use burn::tensor::{Device, Tensor};

use crate::kernels::{self, Border, Source, pool};
use crate::network::vgg::{DEVIATION, normalize};
use crate::weights::{self, WeightsError};

/// The layers, and whether the picture is halved before them.
const LAYERS: [(&str, bool); 9] = [
    ("conv1_1", false),
    ("conv1_2", false),
    ("conv2_1", true),
    ("conv2_2", false),
    ("conv3_1", true),
    ("conv3_2", false),
    ("conv3_3", false),
    ("conv3_4", false),
    ("conv4_1", true),
];
/// Which of them the losses look at: relu1_1 … relu4_1.
const SEEN: [usize; LEVELS] = [0, 2, 4, 8];
/// Levels that the losses look at.
pub const LEVELS: usize = 4;

/// A plain chain of convolutions, ReLUs and poolings. A clone shares the weights.
#[derive(Debug, Clone)]
pub struct Chain {
    layers: Vec<Layer>,
}

#[derive(Debug, Clone)]
struct Layer {
    /// `[channels out, channels in, 3, 3]`
    weight: Tensor<4>,
    bias: Tensor<1>,
    /// The weight that takes gradients back: turned round, `[channels in, channels out, 3, 3]`.
    back: Tensor<4>,
    halved: bool,
}

/// What the chain has seen in a picture: after every layer, `[1, channels, height, width]`.
#[derive(Debug)]
pub struct Pass(Vec<Tensor<4>>);

impl Pass {
    /// relu1_1 … relu4_1.
    pub fn levels(&self) -> [&Tensor<4>; LEVELS] {
        SEEN.map(|layer| &self.0[layer])
    }
}

impl Chain {
    /// From the bytes of a weights file that has VGG-19's layers to conv4_1 at least; others are left out.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub fn load(bytes: &[u8], device: &Device) -> Result<Self, WeightsError> {
        let (mut tensors, _) = weights::deserialize(bytes)?;
        let mut channels = 3;
        let layers = LAYERS.iter().map(|&(name, halved)| {
            let weight = weights::take(&mut tensors, &format!("{name}.weight"))?;
            let bias = weights::take(&mut tensors, &format!("{name}.bias"))?;
            let outputs = bias.values.len();
            let expected = vec![outputs, channels, 3, 3];
            if weight.shape != expected {
                let (name, found) = (weight.name, weight.shape);
                return Err(WeightsError::Shape { name, expected, found });
            }
            let turned = turned(&weight.values, outputs, channels);
            let tensor = |values: &[f32], shape: [usize; 4]| {
                Tensor::<1>::from_data(values, device).reshape(shape)
            };
            let layer = Layer {
                weight: tensor(&weight.values, [outputs, channels, 3, 3]),
                bias: Tensor::from_data(bias.values.as_slice(), device),
                back: tensor(&turned, [channels, outputs, 3, 3]),
                halved,
            };
            channels = outputs;
            Ok(layer)
        });
        Ok(Self { layers: layers.collect::<Result<_, _>>()? })
    }

    /// `picture`: `[1, 3, height, width]`, RGB in 0..1; sides multiples of 8.
    pub fn forward(&self, picture: Tensor<4>) -> Pass {
        let mut outputs: Vec<Tensor<4>> = Vec::new();
        for layer in &self.layers {
            let input: Source = match outputs.last() {
                None => normalize(picture.clone()),
                Some(last) if layer.halved => pool(last.clone()).into(),
                Some(last) => last.clone().into(),
            };
            let (weight, bias) = (layer.weight.clone(), layer.bias.clone());
            outputs.push(kernels::convolve(input, weight, bias, Border::Zero, true, None));
        }
        Pass(outputs)
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
            let back = layer.back.clone();
            let bias = Tensor::zeros([back.dims()[0]], &back.device());
            gradient = Some(kernels::convolve(before, back, bias, Border::Zero, false, None));
            pooled = layer.halved;
        }
        let gradient = gradient.expect("the last layer has a gradient");
        let scale =
            Tensor::<1>::from_data(DEVIATION.map(f32::recip).as_slice(), &gradient.device());
        gradient * scale.reshape([1, 3, 1, 1])
    }
}

/// `[outputs, inputs, 3, 3]` to `[inputs, outputs, 3, 3]`, each kernel turned round.
fn turned(weight: &[f32], outputs: usize, inputs: usize) -> Vec<f32> {
    let places = (0..inputs).flat_map(|input| (0..outputs).map(move |output| (input, output)));
    let kernel = |(input, output): (usize, usize)| {
        weight[(output * inputs + input) * 9..][..9].iter().rev().copied()
    };
    places.flat_map(kernel).collect()
}
