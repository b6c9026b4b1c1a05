//! Weights in the order in which the inner loops read them.

use std::sync::{Arc, Mutex, PoisonError};

use burn_flex::FlexTensor;

use super::isa::Isa;
use super::{values, winograd};

/// From this many channels on both sides a 3 x 3 convolution is computed by Winograd's algorithm.
const WINOGRAD_CHANNELS: usize = 12;

/// What a convolution computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The convolution itself.
    Forward,
    /// The gradient of its input: channels in and out exchanged, kernels turned round.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "browsers do not train"))]
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
    forward: Option<Arc<Weights>>,
    backward: Option<Arc<Weights>>,
}

impl Entry {
    fn packed(&mut self, direction: Direction) -> &mut Option<Arc<Weights>> {
        match direction {
            Direction::Forward => &mut self.forward,
            Direction::Backward => &mut self.backward,
        }
    }
}

impl Weights {
    /// `weights`: `[channels out, channels in, kernel, kernel]`. Packs them the first time.
    pub fn of(weights: &FlexTensor, direction: Direction) -> Arc<Self> {
        // Weights that are a view are packed every time; networks have none.
        if weights.as_slice::<f32>().is_none() {
            return Arc::new(Self::pack(&weights.to_contiguous(), direction));
        }
        let same = |entry: &Entry| {
            std::ptr::eq(values(&entry.weights), values(weights))
                && entry.weights.layout().shape() == weights.layout().shape()
        };
        let lock = || PACKED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = lock()
            .iter_mut()
            .find(|entry| same(entry))
            .and_then(|entry| entry.packed(direction).clone())
        {
            return found;
        }
        let new = Arc::new(Self::pack(weights, direction));
        let mut entries = lock();
        entries.retain(|entry| !entry.weights.is_unique());
        match entries.iter_mut().find(|entry| same(entry)) {
            Some(entry) => *entry.packed(direction) = Some(Arc::clone(&new)),
            None => {
                let mut entry = Entry { weights: weights.clone(), forward: None, backward: None };
                *entry.packed(direction) = Some(Arc::clone(&new));
                entries.push(entry);
            }
        }
        new
    }

    fn pack(weights: &FlexTensor, direction: Direction) -> Self {
        let [first, second, kernel, _] = weights.layout().shape().dims();
        let all = values(weights);
        let (channels_out, channels_in) = match direction {
            Direction::Forward => (first, second),
            Direction::Backward => (second, first),
        };
        let places = kernel * kernel;
        let value = |out: usize, channel: usize, place: usize| match direction {
            Direction::Forward => all[(out * channels_in + channel) * places + place],
            Direction::Backward => {
                all[(channel * channels_out + out) * places + places - 1 - place]
            }
        };
        let isa = Isa::best();
        let rows = isa.rows();
        let padded = channels_out.next_multiple_of(rows);
        let winograd = kernel == 3 && channels_out.min(channels_in) >= WINOGRAD_CHANNELS;
        let packed = if winograd {
            let mut packed = vec![0.0; winograd::PLACES * padded * channels_in];
            let size = padded * channels_in;
            for out in 0..channels_out {
                for channel in 0..channels_in {
                    let kernel = std::array::from_fn(|place| value(out, channel, place));
                    let transformed = winograd::transform_kernel(&kernel);
                    let at = (out / rows * channels_in + channel) * rows + out % rows;
                    for (place, value) in transformed.into_iter().enumerate() {
                        packed[place * size + at] = value;
                    }
                }
            }
            packed
        } else {
            let mut packed = vec![0.0; padded * channels_in * places];
            for out in 0..channels_out {
                for channel in 0..channels_in {
                    for place in 0..places {
                        let depth = channel * places + place;
                        let at = (out / rows * channels_in * places + depth) * rows + out % rows;
                        packed[at] = value(out, channel, place);
                    }
                }
            }
            packed
        };
        let algorithm = if winograd { Algorithm::Winograd } else { Algorithm::Direct };
        Self { algorithm, channels_out, kernel, isa, values: packed }
    }
}
