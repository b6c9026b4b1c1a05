//! The networks of the generator's side.

use burn::module::{Module, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::optim::lr_scheduler::module_lr_scheduler::{ModuleLearningRate, ModuleLrScheduler};
use burn::tensor::{Device, Tensor};

use super::whitening;
use crate::fit::learning_only;
use crate::network::generator::{Generator, Whitening};
use crate::network::vgg::{VggConfig, VggEncoder};
use crate::weights::{self, NamedTensor, WeightsError};

/// What the generator's side trains.
#[derive(Module, Debug)]
pub struct Networks {
    /// The slim encoder.
    pub encoder: VggEncoder,
    /// The generator.
    pub generator: Generator,
}

impl Networks {
    /// Freshly initialized.
    pub fn new(device: &Device) -> Self {
        let generator = Generator::new(device);
        initialized(Self {
            encoder: VggConfig::slim().init(device),
            generator: Generator { whitening: Some(Whitening::new(device)), ..generator },
        })
    }

    /// All tensors, as they are trained.
    pub fn tensors(&self) -> Vec<NamedTensor> {
        let mut tensors = weights::tensors_of("encoder", &self.encoder);
        tensors.extend(weights::tensors_of("generator", &self.generator));
        tensors
    }

    /// The tensors of the weights file.
    ///
    /// # Errors
    /// [`WeightsError`] for other networks than those that are trained.
    pub fn exported(&self) -> Result<Vec<NamedTensor>, WeightsError> {
        let mut tensors = self.tensors();
        whitening::fold(&mut tensors)?;
        Ok(tensors)
    }

    /// With [all tensors](Self::tensors).
    ///
    /// # Errors
    /// Says what is missing or of another shape.
    pub fn loaded(self, mut tensors: Vec<NamedTensor>) -> Result<Self, WeightsError> {
        let Self { encoder, generator } = self;
        let encoder = weights::load("encoder", encoder, &mut tensors)?;
        let generator = weights::load("generator", generator, &mut tensors)?;
        Ok(Self { encoder, generator })
    }

    /// With the values `found` in a weights file, and the names of the tensors that it does not have, or
    /// has in another shape: they stay as they are. For networks that are not whitened yet.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub fn with(self, found: &[NamedTensor]) -> Result<(Self, Vec<String>), WeightsError> {
        let (mut missing, mut fitting) = (Vec::new(), 0);
        let mut tensors = self.tensors();
        for tensor in tensors.iter_mut().filter(|tensor| !whitening::is_whitening(&tensor.name)) {
            let fits =
                |other: &&NamedTensor| other.name == tensor.name && other.shape == tensor.shape;
            match found.iter().find(fits) {
                Some(other) => {
                    tensor.values.clone_from(&other.values);
                    fitting += 1;
                }
                None => missing.push(tensor.name.clone()),
            }
        }
        if fitting == 0 {
            return Err(WeightsError::Missing("every tensor".into()));
        }
        Ok((self.loaded(tensors)?, missing))
    }

    /// In which only tensors with one of these texts in their names are trained; all where there are none.
    pub fn training_only(self, names: &[String]) -> Self {
        if names.is_empty() {
            return self;
        }
        learning_only(self, names.to_vec())
    }

    /// What each tensor learns at: `rate`, and `share` of it the matrices, which are the linear maps from a style to what it
    /// changes.
    pub fn rates(&self, rate: f64, share: f64) -> ModuleLearningRate {
        struct Matrices(Vec<ParamId>);
        impl ModuleVisitor for Matrices {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                if D == 2 {
                    self.0.push(param.id);
                }
            }
        }
        let mut matrices = Matrices(Vec::new());
        self.visit(&mut matrices);
        let matrices = ParamGroup::from_ids(matrices.0);
        ModuleLrScheduler::new(rate).with_group(matrices, rate * share).step()
    }
}

/// The module with every parameter's first value drawn. burn draws it at the first use, and until
/// then clones share it: freezing a clone would freeze the original.
pub fn initialized<M: Module>(module: M) -> M {
    struct Draw;
    impl ModuleVisitor for Draw {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            param.val();
        }
    }
    module.visit(&mut Draw);
    module
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;

    #[test]
    fn maps_from_a_style_learn_at_their_share_and_nothing_else() {
        let networks = Networks::new(&crate::device::cpu());
        let rates = networks.rates(1e-3, 0.2);
        let generator = &networks.generator;
        let rate = |id: ParamId| rates.lr_from_param(id, None);
        let map = &generator.gate.affine;
        assert_eq!(rate(map.weight.id), 1e-3 * 0.2);
        assert_eq!(rate(generator.code_1.weight.id), 1e-3 * 0.2);
        assert_eq!(rate(map.bias.as_ref().unwrap().id), 1e-3);
        assert_eq!(rate(generator.skip.conv.weight.id), 1e-3);
        assert_eq!(rate(networks.encoder.conv1_1.weight.id), 1e-3);
    }
}
