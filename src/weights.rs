//! Weights on disk: safetensors with 8-bit integers.
//!
//! Every matrix or kernel `NAME.weight` is stored as I8 `[channels_out, …]` with one F32 scale an
//! output channel, `NAME.scale` `[channels_out]`, and means `weight = integer * scale`. Everything
//! else is F32: biases, and kernels so small that 8 bits would save nothing but quality. Linear weights are `[channels_out, channels_in]`. The metadata names the
//! format and carries a CRC-32 of all values, so that a damaged file is recognized.

use std::collections::{BTreeMap, HashMap};
#[cfg(feature = "cli")]
use std::path::Path;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// The version of the format, under [`FORMAT_KEY`] in the metadata.
pub const FORMAT: &str = "impasto-1";
const FORMAT_KEY: &str = "format";
const CHECKSUM_KEY: &str = "crc32";
/// Largest magnitude of a stored integer.
const LEVELS: f32 = 127.0;
/// Kernels of at most this many values stay F32. They are those next to the pixels, where rounding
/// shows most.
const SMALL: usize = 4096;

/// The trained weights that ship with the crate (`models/impasto.safetensors`).
#[cfg(not(target_arch = "wasm32"))]
pub const DEFAULT_WEIGHTS: &[u8] = include_bytes!("../models/impasto.safetensors");

/// Why weights could not be read or written.
#[expect(missing_docs, reason = "the messages name the fields")]
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// Not a safetensors file, or cut short.
    #[error("not a readable weights file (safetensors): {0}")]
    Unreadable(String),
    /// Safetensors, but not ours or of another version.
    #[error("the file is not in the format {FORMAT}: its metadata says {0}")]
    Format(String),
    /// The values are not those that were written.
    #[error("the file is damaged: its checksum is {found}, not {expected}; fetch it again")]
    Checksum { expected: String, found: String },
    /// A tensor of the network is not in the file.
    #[error("the weights for {0} are missing: the file is for another network")]
    Missing(String),
    /// A tensor of the file is not in the network.
    #[error("the file has weights for {0}, which the network does not have")]
    Unknown(String),
    /// A tensor of the file has another shape than the network's.
    #[error("{name} has the shape {found:?} in the file, but the network needs {expected:?}")]
    Shape { name: String, expected: Vec<usize>, found: Vec<usize> },
    /// A tensor of the file has an element type that the format does not use there.
    #[error("{name} has the element type {found} in the file, where the format has F32 or I8")]
    ElementType { name: String, found: String },
    /// NaN, infinite, or a scale that is not positive.
    #[error("{0} has values that are not finite, or a scale below zero")]
    NotFinite(String),
    /// The file could not be written.
    #[error("cannot write the weights: {0}")]
    Write(String),
}

/// What the file says about itself: training steps, licence, date and the like.
pub type Metadata = BTreeMap<String, String>;

/// A tensor by name, in f32.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// For instance `encoder.conv1_1.weight`.
    pub name: String,
    /// `[channels_out, channels_in, 3, 3]` for kernels, `[channels_out, channels_in]` for
    /// matrices, `[length]` for vectors.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
}

/// The file's bytes for these tensors.
///
/// # Errors
/// [`WeightsError::NotFinite`] for a value that is NaN or infinite.
pub fn serialize(tensors: &[NamedTensor], metadata: &Metadata) -> Result<Vec<u8>, WeightsError> {
    serialize_with(tensors, metadata, &[])
}

/// The same, with bytes of other kinds, by name: see [`attachment`].
///
/// # Errors
/// As [`serialize`].
pub fn serialize_with(
    tensors: &[NamedTensor],
    metadata: &Metadata,
    attachments: &[(&str, &[u8])],
) -> Result<Vec<u8>, WeightsError> {
    let mut parts: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> = BTreeMap::new();
    for (name, bytes) in attachments {
        parts.insert((*name).into(), (Dtype::U8, vec![bytes.len()], bytes.to_vec()));
    }
    for NamedTensor { name, shape, values } in tensors {
        if values.iter().any(|value| !value.is_finite()) {
            return Err(WeightsError::NotFinite(name.clone()));
        }
        let floats = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect();
        match name.strip_suffix(".weight") {
            Some(stem) if shape.len() >= 2 && values.len() > SMALL => {
                let (integers, scales) = quantize(values, shape[0]);
                let integers = integers.into_iter().map(|value| value as u8).collect();
                parts
                    .insert(format!("{stem}.scale"), (Dtype::F32, vec![shape[0]], floats(&scales)));
                parts.insert(name.clone(), (Dtype::I8, shape.clone(), integers));
            }
            _ => {
                parts.insert(name.clone(), (Dtype::F32, shape.clone(), floats(values)));
            }
        }
    }
    let mut metadata: HashMap<String, String> = metadata.clone().into_iter().collect();
    metadata.insert(FORMAT_KEY.into(), FORMAT.into());
    let bytes = parts.iter().map(|(name, (_, _, bytes))| (name.as_str(), bytes.as_slice()));
    metadata.insert(CHECKSUM_KEY.into(), checksum(bytes));
    let views = parts
        .iter()
        .map(|(name, (dtype, shape, bytes))| {
            TensorView::new(*dtype, shape.clone(), bytes).map(|view| (name.as_str(), view))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| WeightsError::Write(error.to_string()))?;
    safetensors::serialize(views, Some(metadata))
        .map_err(|error| WeightsError::Write(error.to_string()))
}

/// Writes the file whole or not at all.
///
/// # Errors
/// As [`serialize`], and [`WeightsError::Write`] when the disk refuses.
#[cfg(feature = "cli")]
pub fn write(
    path: &Path,
    tensors: &[NamedTensor],
    metadata: &Metadata,
) -> Result<(), WeightsError> {
    let bytes = serialize(tensors, metadata)?;
    crate::files::write_whole(path, &bytes)
        .map_err(|error| WeightsError::Write(format!("{}: {error}", path.display())))
}

fn unreadable(error: safetensors::SafeTensorError) -> WeightsError {
    WeightsError::Unreadable(error.to_string())
}

/// What a file's bytes say about it. Its values are not looked at.
///
/// # Errors
/// [`WeightsError::Unreadable`] and [`WeightsError::Format`].
pub fn metadata(bytes: &[u8]) -> Result<Metadata, WeightsError> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
    let metadata: Metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    match metadata.get(FORMAT_KEY).map(String::as_str) {
        Some(FORMAT) => Ok(metadata),
        Some(other) => Err(WeightsError::Format(format!("{other:?}"))),
        None => Err(WeightsError::Format("nothing about a format".into())),
    }
}

/// The checksum in a file's metadata.
pub fn checksum_of(metadata: &Metadata) -> String {
    metadata.get(CHECKSUM_KEY).cloned().unwrap_or_default()
}

/// The bytes that a file has under a name beside its tensors.
///
/// # Errors
/// [`WeightsError::Missing`], and as [`metadata`].
#[cfg(feature = "cli")]
pub fn attachment(bytes: &[u8], name: &str) -> Result<Vec<u8>, WeightsError> {
    let file = SafeTensors::deserialize(bytes).map_err(unreadable)?;
    let view = file.tensor(name).ok().filter(|view| view.dtype() == Dtype::U8);
    let view = view.ok_or_else(|| WeightsError::Missing(name.into()))?;
    Ok(view.data().to_vec())
}

/// Reads a file's bytes, and checks them.
///
/// # Errors
/// Says what is wrong with a file that is cut short, foreign, damaged or of another version.
pub fn deserialize(bytes: &[u8]) -> Result<(Vec<NamedTensor>, Metadata), WeightsError> {
    let metadata = metadata(bytes)?;
    let file = SafeTensors::deserialize(bytes).map_err(unreadable)?;
    let views: BTreeMap<String, TensorView> = file.tensors().into_iter().collect();

    let expected = metadata.get(CHECKSUM_KEY).cloned().unwrap_or_default();
    let found = checksum(views.iter().map(|(name, view)| (name.as_str(), view.data())));
    if expected != found {
        return Err(WeightsError::Checksum { expected, found });
    }

    let mut tensors = Vec::new();
    let is_tensor = |(name, view): &(&String, &TensorView<'_>)| {
        !name.ends_with(".scale") && view.dtype() != Dtype::U8
    };
    for (name, view) in views.iter().filter(is_tensor) {
        let shape = view.shape().to_vec();
        let values = match view.dtype() {
            Dtype::I8 => {
                let stem = name.strip_suffix(".weight").unwrap_or(name);
                let scale_name = format!("{stem}.scale");
                let scale = views
                    .get(&scale_name)
                    .ok_or_else(|| WeightsError::Missing(scale_name.clone()))?;
                let scales = floats(&scale_name, scale)?;
                let rows: Vec<usize> = shape.iter().take(1).copied().collect();
                if scale.shape() != rows {
                    let found = scale.shape().to_vec();
                    return Err(WeightsError::Shape { name: scale_name, expected: rows, found });
                }
                if scales.iter().any(|&scale| scale < 0.0) {
                    return Err(WeightsError::NotFinite(scale_name));
                }
                dequantize(view.data(), &scales)
            }
            _ => floats(name, view)?,
        };
        tensors.push(NamedTensor { name: name.clone(), shape, values });
    }
    Ok((tensors, metadata))
}

fn floats(name: &str, view: &TensorView) -> Result<Vec<f32>, WeightsError> {
    if view.dtype() != Dtype::F32 {
        let found = view.dtype().to_string();
        return Err(WeightsError::ElementType { name: name.into(), found });
    }
    let values: Vec<f32> = view
        .data()
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect();
    match values.iter().all(|value| value.is_finite()) {
        true => Ok(values),
        false => Err(WeightsError::NotFinite(name.into())),
    }
}

/// Integers in -127..=127 and one scale a row.
fn quantize(values: &[f32], rows: usize) -> (Vec<i8>, Vec<f32>) {
    let length = values.len() / rows;
    let scales: Vec<f32> = values
        .chunks_exact(length)
        .map(|row| row.iter().fold(0f32, |most, value| most.max(value.abs())) / LEVELS)
        .collect();
    let integers = values
        .chunks_exact(length)
        .zip(&scales)
        .flat_map(|(row, &scale)| {
            let inverse = if scale > 0.0 { scale.recip() } else { 0.0 };
            row.iter().map(move |value| (value * inverse).round().clamp(-LEVELS, LEVELS) as i8)
        })
        .collect();
    (integers, scales)
}

fn dequantize(bytes: &[u8], scales: &[f32]) -> Vec<f32> {
    // An empty tensor has no rows to cut into.
    bytes
        .chunks_exact((bytes.len() / scales.len().max(1)).max(1))
        .zip(scales)
        .flat_map(|(row, &scale)| row.iter().map(move |&byte| f32::from(byte as i8) * scale))
        .collect()
}

fn checksum<'a>(parts: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut hasher = crc32fast::Hasher::new();
    for (name, bytes) in parts {
        hasher.update(name.as_bytes());
        hasher.update(bytes);
    }
    format!("{:08x}", hasher.finalize())
}

/// The mean of several sets of tensors of the same network.
#[cfg(feature = "train")]
#[derive(Debug, Clone, Default)]
pub struct Mean {
    /// Sums, in f64: many small differences are what it is about.
    sums: BTreeMap<String, (Vec<usize>, Vec<f64>)>,
    count: u32,
}

#[cfg(feature = "train")]
impl Mean {
    /// Takes another set in.
    ///
    /// # Errors
    /// [`WeightsError::Missing`], [`WeightsError::Unknown`] or [`WeightsError::Shape`] where the set is
    /// not of the network of the first one; the mean is then as it was.
    pub fn add(&mut self, tensors: Vec<NamedTensor>) -> Result<(), WeightsError> {
        if self.count > 0 {
            for NamedTensor { name, shape, .. } in &tensors {
                match self.sums.get(name) {
                    None => return Err(WeightsError::Unknown(name.clone())),
                    Some((expected, _)) if expected != shape => {
                        return Err(WeightsError::Shape {
                            name: name.clone(),
                            expected: expected.clone(),
                            found: shape.clone(),
                        });
                    }
                    Some(_) => {}
                }
            }
            let missing =
                self.sums.keys().find(|name| !tensors.iter().any(|tensor| tensor.name == **name));
            if let Some(missing) = missing {
                return Err(WeightsError::Missing(missing.clone()));
            }
        }
        for NamedTensor { name, shape, values } in tensors {
            let (_, sums) =
                self.sums.entry(name).or_insert_with(|| (shape, vec![0.0; values.len()]));
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += f64::from(value);
            }
        }
        self.count += 1;
        Ok(())
    }

    /// The mean, or nothing before the first set.
    pub fn tensors(&self) -> Vec<NamedTensor> {
        let mean = |sum: &f64| (sum / f64::from(self.count)) as f32;
        let tensors = self.sums.iter().map(|(name, (shape, sums))| NamedTensor {
            name: name.clone(),
            shape: shape.clone(),
            values: sums.iter().map(mean).collect(),
        });
        tensors.collect()
    }
}

/// A tensor of a module, not yet read back from its device.
struct Held {
    name: String,
    shape: Vec<usize>,
    values: Tensor<1>,
}

impl Held {
    fn with(self, values: TensorData) -> NamedTensor {
        let Self { name, shape, .. } = self;
        NamedTensor { name, shape, values: values.iter::<f32>().collect() }
    }
}

/// All tensors of a module, each named `PREFIX.field.….weight`.
fn held<M: Module>(prefix: &str, module: &M) -> Vec<Held> {
    struct Collector<'a> {
        prefix: &'a str,
        path: Vec<String>,
        tensors: Vec<Held>,
    }
    impl ModuleVisitor for Collector<'_> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.into());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let mut tensor = param.val();
            if D == 2 {
                tensor = tensor.transpose();
            }
            self.tensors.push(Held {
                name: tensor_name(self.prefix, &self.path),
                shape: tensor.dims().to_vec(),
                values: tensor.flatten(0, D - 1),
            });
        }
    }
    let mut collector = Collector { prefix, path: Vec::new(), tensors: Vec::new() };
    module.visit(&mut collector);
    collector.tensors
}

/// All tensors of a module, each named `PREFIX.field.….weight`.
///
/// Reads back from the device synchronously: not for the browser.
pub fn tensors_of<M: Module>(prefix: &str, module: &M) -> Vec<NamedTensor> {
    let read = |tensor: Held| {
        let values = tensor.values.to_data();
        tensor.with(values)
    };
    held(prefix, module).into_iter().map(read).collect()
}

/// The same of those with `wanted` names, for the browser.
///
/// # Errors
/// What the device says where it cannot be read.
#[cfg(feature = "learn")]
pub async fn read<M: Module>(
    prefix: &str,
    module: &M,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<NamedTensor>, String> {
    let mut tensors = Vec::new();
    for tensor in held(prefix, module).into_iter().filter(|tensor| wanted(&tensor.name)) {
        let values = tensor.values.clone().into_data_async().await;
        tensors.push(tensor.with(values.map_err(|error| error.to_string())?));
    }
    Ok(tensors)
}

/// Takes the tensor of that name out.
///
/// # Errors
/// [`WeightsError::Missing`]
pub fn take(tensors: &mut Vec<NamedTensor>, name: &str) -> Result<NamedTensor, WeightsError> {
    let place = tensors.iter().position(|tensor| tensor.name == name);
    place
        .map(|place| tensors.swap_remove(place))
        .ok_or_else(|| WeightsError::Missing(name.to_owned()))
}

/// The module with its tensors replaced by those of the same names, which are taken out of
/// `tensors`.
///
/// # Errors
/// [`WeightsError::Missing`] or [`WeightsError::Shape`] where the tensors are another network's.
pub fn load<M: Module>(
    prefix: &str,
    module: M,
    tensors: &mut Vec<NamedTensor>,
) -> Result<M, WeightsError> {
    load_into(prefix, module, tensors, true)
}

/// The same, where tensors that are not there stay as they are.
///
/// # Errors
/// [`WeightsError::Shape`]
pub fn load_some<M: Module>(
    prefix: &str,
    module: M,
    tensors: &mut Vec<NamedTensor>,
) -> Result<M, WeightsError> {
    load_into(prefix, module, tensors, false)
}

fn load_into<M: Module>(
    prefix: &str,
    module: M,
    tensors: &mut Vec<NamedTensor>,
    all: bool,
) -> Result<M, WeightsError> {
    struct Loader<'a> {
        prefix: &'a str,
        path: Vec<String>,
        tensors: &'a mut Vec<NamedTensor>,
        all: bool,
        error: Option<WeightsError>,
    }
    impl Loader<'_> {
        fn take<const D: usize>(&mut self, old: &Tensor<D>) -> Result<Tensor<D>, WeightsError> {
            let name = tensor_name(self.prefix, &self.path);
            let NamedTensor { shape: found, values, .. } = match take(self.tensors, &name) {
                Err(_) if !self.all => return Ok(old.clone()),
                taken => taken?,
            };
            let mut expected = old.dims().to_vec();
            if D == 2 {
                expected.reverse();
            }
            if found != expected {
                return Err(WeightsError::Shape { name, expected, found });
            }
            let data = match found[..] {
                // Turned round here: a view of the file's order would compute in another order of sums.
                [rows, columns] => {
                    let turned = (0..rows * columns).map(|i| values[i % rows * columns + i / rows]);
                    TensorData::new(turned.collect::<Vec<_>>(), [columns, rows])
                }
                _ => TensorData::new(values, found),
            };
            Ok(Tensor::from_data(data, &old.device()))
        }
    }
    impl ModuleMapper for Loader<'_> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.into());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            if self.error.is_some() {
                return param;
            }
            match self.take(&param.val()) {
                Ok(tensor) => param.map(|old| tensor.set_require_grad(old.is_require_grad())),
                Err(error) => {
                    self.error = Some(error);
                    param
                }
            }
        }
    }
    let mut loader = Loader { prefix, path: Vec::new(), tensors, all, error: None };
    let module = module.map(&mut loader);
    match loader.error {
        Some(error) => Err(error),
        None => Ok(module),
    }
}

fn tensor_name(prefix: &str, path: &[String]) -> String {
    match prefix {
        "" => path.join("."),
        prefix => format!("{prefix}.{}", path.join(".")),
    }
}

/// Nothing may be left over after all modules took their tensors.
///
/// # Errors
/// [`WeightsError::Unknown`] with the first that is.
pub fn expect_empty(tensors: &[NamedTensor]) -> Result<(), WeightsError> {
    match tensors.first() {
        Some(tensor) => Err(WeightsError::Unknown(tensor.name.clone())),
        None => Ok(()),
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::network::vgg::{VggConfig, VggEncoder};

    fn encoder() -> VggEncoder {
        VggConfig::slim().init(&crate::device::cpu())
    }

    fn bytes() -> Vec<u8> {
        serialize(&tensors_of("encoder", &encoder()), &Metadata::new()).unwrap()
    }

    fn reload(bytes: &[u8]) -> Result<VggEncoder, WeightsError> {
        let (mut tensors, _) = deserialize(bytes)?;
        let encoder = load("encoder", encoder(), &mut tensors)?;
        expect_empty(&tensors)?;
        Ok(encoder)
    }

    #[cfg(feature = "train")]
    #[test]
    fn a_mean_is_of_sets_of_one_network() {
        let set = |values: &[f32]| {
            vec![
                NamedTensor { name: "a".into(), shape: vec![2], values: values[..2].to_vec() },
                NamedTensor { name: "b".into(), shape: vec![1], values: values[2..].to_vec() },
            ]
        };
        let mut mean = Mean::default();
        assert!(mean.tensors().is_empty());
        for values in [[1.0, -2.0, 4.0], [3.0, 2.0, 5.0], [-1.0, 3.0, 6.0]] {
            mean.add(set(&values)).unwrap();
        }
        let expected = set(&[1.0, 1.0, 5.0]);
        assert_eq!(mean.tensors(), expected);

        let mut foreign = set(&[9.0; 3]);
        foreign[1].name = "c".into();
        assert!(matches!(mean.add(foreign), Err(WeightsError::Unknown(name)) if name == "c"));
        let short = set(&[9.0; 3])[..1].to_vec();
        assert!(matches!(mean.add(short), Err(WeightsError::Missing(name)) if name == "b"));
        let mut wide = set(&[9.0; 3]);
        wide[0].shape = vec![1, 2];
        assert!(matches!(mean.add(wide), Err(WeightsError::Shape { name, .. }) if name == "a"));
        assert_eq!(mean.tensors(), expected, "what was refused leaves nothing behind");
    }

    #[test]
    fn a_module_comes_back_within_half_a_level() {
        let original = encoder();
        let tensors = tensors_of("encoder", &original);
        assert_eq!(tensors.len(), 16);
        assert!(
            tensors.iter().any(|t| t.name == "encoder.conv1_1.weight" && t.shape == [16, 3, 3, 3])
        );
        let file = serialize(&tensors, &Metadata::new()).unwrap();
        let back = tensors_of("encoder", &reload(&file).unwrap());
        for (before, after) in tensors.iter().zip(&back) {
            assert_eq!((&before.name, &before.shape), (&after.name, &after.shape));
            let length = before.values.len() / before.shape[0];
            for (before, after) in before.values.chunks(length).zip(after.values.chunks(length)) {
                let most = before.iter().fold(0f32, |most, value| most.max(value.abs()));
                for (before, after) in before.iter().zip(after) {
                    assert!((before - after).abs() <= 0.501 * most / LEVELS);
                }
            }
        }
    }

    #[test]
    fn matrices_keep_their_orientation() {
        let device = crate::device::cpu();
        let linear = burn::nn::LinearConfig::new(3, 2).init(&device);
        let tensors = tensors_of("", &linear);
        assert_eq!(tensors[0].shape, [2, 3]);
        let back = load("", linear.clone(), &mut tensors.clone()).unwrap();
        assert_eq!(back.weight.val().to_data(), linear.weight.val().to_data());
    }

    #[test]
    fn the_same_tensors_make_the_same_file_up_to_the_order_of_the_metadata() {
        let tensors = tensors_of("encoder", &encoder());
        let [a, b] = [0, 1].map(|_| serialize(&tensors, &Metadata::new()).unwrap());
        let (first, second) = (deserialize(&a).unwrap(), deserialize(&b).unwrap());
        assert_eq!(first, second);
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = bytes();
        for length in (0..bytes.len()).step_by(bytes.len() / 97).chain([bytes.len() - 1]) {
            assert!(deserialize(&bytes[..length]).is_err(), "cut to {length} bytes");
        }
    }

    #[test]
    fn every_changed_value_is_noticed() {
        let bytes = bytes();
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        for position in (header..bytes.len()).step_by((bytes.len() - header) / 61) {
            let mut changed = bytes.clone();
            changed[position] ^= 0x10;
            let error = deserialize(&changed).unwrap_err();
            assert!(matches!(error, WeightsError::Checksum { .. }), "{position}: {error}");
        }
    }

    #[test]
    fn other_files_are_named() {
        let error = deserialize(b"\x89PNG\r\n\x1a\n what is this").unwrap_err();
        assert!(matches!(error, WeightsError::Unreadable(_)), "{error}");
        let data = [0u8; 4];
        let view = TensorView::new(Dtype::F32, vec![1], &data).unwrap();
        let foreign = safetensors::serialize([("x", view)], None).unwrap();
        assert!(matches!(deserialize(&foreign), Err(WeightsError::Format(_))));
    }

    #[test]
    fn other_networks_are_named() {
        let mut tensors = tensors_of("encoder", &encoder());
        let first = tensors.remove(0);
        let file = |tensors: &[NamedTensor]| serialize(tensors, &Metadata::new()).unwrap();
        assert!(
            matches!(reload(&file(&tensors)), Err(WeightsError::Missing(name)) if name == first.name)
        );

        let mut wide = first.clone();
        wide.shape[0] *= 2;
        wide.values.extend_from_within(..);
        let wide = [&[wide], tensors.as_slice()].concat();
        assert!(
            matches!(reload(&file(&wide)), Err(WeightsError::Shape { name, .. }) if name == first.name)
        );

        let extra = NamedTensor { name: "more.bias".into(), shape: vec![1], values: vec![0.0] };
        let more = [&[first, extra], tensors.as_slice()].concat();
        assert!(
            matches!(reload(&file(&more)), Err(WeightsError::Unknown(name)) if name == "more.bias")
        );
    }

    #[test]
    fn values_that_are_not_finite_are_neither_written_nor_read() {
        for value in [f32::NAN, f32::INFINITY] {
            let bias = NamedTensor { name: "a.bias".into(), shape: vec![1], values: vec![value] };
            let error = serialize(&[bias], &Metadata::new()).unwrap_err();
            assert!(matches!(error, WeightsError::NotFinite(name) if name == "a.bias"));
        }
    }
}
