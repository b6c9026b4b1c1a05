//! Weights in the order in which the inner loops read them.

use std::sync::{Arc, Mutex, PoisonError};

use burn_flex::FlexTensor;

use super::isa::Isa;
use super::{values, winograd};

/// From this many channels on both sides a 3 x 3 convolution is computed by Winograd's algorithm.
const WINOGRAD_CHANNELS: usize = 12;

/// What weights are used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The convolution itself.
    Forward,
    /// The gradient of its input: channels in and out exchanged, kernels turned round.
    #[cfg_attr(not(feature = "learn"), expect(dead_code, reason = "browsers do not train"))]
    Backward,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Winograd,
    Direct,
}

/// Packed weights of a convolution.
#[derive(Debug)]
pub struct Weights {
    pub algorithm: Algorithm,
    pub channels_out: usize,
    pub kernel: usize,
    pub isa: Isa,
    /// Winograd: for each of the 36 places of a transformed tile, and direct: once, `[blocks of
    /// channels out][depth][rows of a block]`, where depth are the channels in, and direct the
    /// places of the kernel within them.
    pub values: Vec<f32>,
}

/// Weights that are in use and have been packed. Entries go when nothing else has the weights.
static PACKED: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

struct Entry {
    /// Having them keeps their memory from being written to, or used for other weights.
    weights: FlexTensor,
    /// By [`Way`].
    packed: [Option<Arc<Weights>>; 2],
}

impl Weights {
    /// `weights`: `[channels out, channels in, kernel, kernel]`. Packs them the first time.
    pub fn of(weights: &FlexTensor, way: Way) -> Arc<Self> {
        // Weights that are a view are packed every time; networks have none.
        if weights.as_slice::<f32>().is_none() {
            return Arc::new(Self::pack(&weights.to_contiguous(), way));
        }
        let same = |entry: &Entry| {
            std::ptr::eq(values(&entry.weights), values(weights))
                && entry.weights.layout().shape() == weights.layout().shape()
        };
        let lock = || PACKED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = lock()
            .iter_mut()
            .find(|entry| same(entry))
            .and_then(|entry| entry.packed[way as usize].clone())
            .filter(|packed| packed.isa == Isa::best())
        {
            return found;
        }
        let new = Arc::new(Self::pack(weights, way));
        let mut entries = lock();
        entries.retain(|entry| !entry.weights.is_unique());
        match entries.iter_mut().find(|entry| same(entry)) {
            Some(entry) => entry.packed[way as usize] = Some(Arc::clone(&new)),
            None => {
                let mut entry = Entry { weights: weights.clone(), packed: Default::default() };
                entry.packed[way as usize] = Some(Arc::clone(&new));
                entries.push(entry);
            }
        }
        new
    }

    fn pack(weights: &FlexTensor, way: Way) -> Self {
        let [first, second, kernel, _] = weights.layout().shape().dims();
        let all = values(weights);
        let (channels_out, channels_in) = match way {
            Way::Forward => (first, second),
            Way::Backward => (second, first),
        };
        let places = kernel * kernel;
        let value = |out: usize, channel: usize, place: usize| match way {
            Way::Forward => all[(out * channels_in + channel) * places + place],
            Way::Backward => all[(channel * channels_out + out) * places + places - 1 - place],
        };
        let isa = Isa::best();
        let rows = isa.rows();
        let algorithm = match kernel {
            3 if channels_out.min(channels_in) >= WINOGRAD_CHANNELS => Algorithm::Winograd,
            _ => Algorithm::Direct,
        };
        // The same weights again and again, each time others of each kernel.
        let (times, depth_of_channel) = match algorithm {
            Algorithm::Winograd => (winograd::PLACES, 1),
            Algorithm::Direct => (1, places),
        };
        let depth = channels_in * depth_of_channel;
        let size = channels_out.next_multiple_of(rows) * depth;
        let mut packed = vec![0.0; times * size];
        for out in 0..channels_out {
            for channel in 0..channels_in {
                let mut put = |time: usize, place: usize, value: f32| {
                    let place = channel * depth_of_channel + place;
                    packed[time * size + (out / rows * depth + place) * rows + out % rows] = value;
                };
                match algorithm {
                    Algorithm::Winograd => {
                        let square = std::array::from_fn(|place| value(out, channel, place));
                        let transformed = winograd::transform_kernel(&square);
                        transformed.into_iter().enumerate().for_each(|(i, x)| put(i, 0, x));
                    }
                    Algorithm::Direct => {
                        (0..places).for_each(|i| put(0, i, value(out, channel, i)))
                    }
                }
            }
        }
        Self { algorithm, channels_out, kernel, isa, values: packed }
    }
}
