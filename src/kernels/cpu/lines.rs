//! Features line by line, with all that is done to them while they are read.

use burn_flex::FlexTensor;

use super::values;
use crate::kernels::{Border, Reading};

/// Pixels of a line that are interpolated at a time.
const PIECE: usize = 64;

/// A [`Source`](crate::kernels::Source) in main memory.
pub struct Reader<'a> {
    values: &'a [f32],
    /// For every picture: the scales of its channels, then their shifts.
    affine: Option<&'a [f32]>,
    relu: bool,
    upsample: bool,
    batch: usize,
    channels: usize,
    /// In memory, before upsampling.
    height: usize,
    width: usize,
}

impl<'a> Reader<'a> {
    /// Both tensors contiguous; there is a map where the reading says so.
    pub fn new(features: &'a FlexTensor, affine: Option<&'a FlexTensor>, reading: Reading) -> Self {
        let [batch, channels, height, width] = features.layout().shape().dims();
        Self {
            values: values(features),
            affine: affine.map(values),
            relu: reading.relu,
            upsample: reading.upsample,
            batch,
            channels,
            height,
            width,
        }
    }

    /// `[batch, channels, height, width]` as they are read.
    pub fn dims(&self) -> [usize; 4] {
        let scale = 1 + usize::from(self.upsample);
        [self.batch, self.channels, scale * self.height, scale * self.width]
    }

    /// Writes a line of a channel of a picture to `line`, which has at least its width.
    #[inline(always)]
    pub fn line<const FMA: bool>(
        &self,
        picture: usize,
        channel: usize,
        y: usize,
        line: &mut [f32],
    ) {
        let stored = |y: usize| {
            let from = ((picture * self.channels + channel) * self.height + y) * self.width;
            &self.values[from..][..self.width]
        };
        let (scale, shift) = match self.affine {
            Some(affine) => {
                let place = 2 * picture * self.channels + channel;
                (affine[place], affine[place + self.channels])
            }
            None => (1.0, 0.0),
        };
        let floor = if self.relu { 0.0 } else { f32::NEG_INFINITY };
        // `max` would hide what is not a number.
        let read = |value: f32| {
            let value = super::isa::multiply_add::<FMA>(value, scale, shift);
            if value < floor { floor } else { value }
        };
        match self.upsample {
            true => {
                let (near, far) = (stored(y / 2), stored(other_neighbour(y, self.height)));
                let mixed = |x: usize| mix(read(near[x]), read(far[x]));
                // What lies between the two lines, with a pixel more on both sides.
                let mut between = [0.0; PIECE + 2];
                for from in (0..self.width).step_by(PIECE) {
                    let to = self.width.min(from + PIECE);
                    let (near, far) = (&near[from..to], &far[from..to]);
                    for ((between, &near), &far) in between[1..].iter_mut().zip(near).zip(far) {
                        *between = mix(read(near), read(far));
                    }
                    between[0] = mixed(from.saturating_sub(1));
                    between[to - from + 1] = mixed(to.min(self.width - 1));
                    let pairs = line[2 * from..2 * to].chunks_exact_mut(2);
                    for (pair, between) in pairs.zip(between.windows(3)) {
                        pair[0] = mix(between[1], between[0]);
                        pair[1] = mix(between[1], between[2]);
                    }
                }
            }
            false if self.affine.is_none() && !self.relu => {
                line[..self.width].copy_from_slice(stored(y));
            }
            false => {
                for (to, &value) in line.iter_mut().zip(stored(y)) {
                    *to = read(value);
                }
            }
        }
    }

    /// The same with `reach` pixels of border on both sides (0 or 1), for a line that may itself
    /// lie beyond the border, and zeros in the rest of `line`.
    #[inline(always)]
    pub fn bordered_line<const FMA: bool>(
        &self,
        picture: usize,
        channel: usize,
        y: isize,
        reach: usize,
        border: Border,
        line: &mut [f32],
    ) {
        let [.., height, width] = self.dims();
        let inside = (0..height as isize).contains(&y);
        if border == Border::Zero && !inside {
            line.fill(0.0);
            return;
        }
        let y = if inside { y as usize } else { reflected(y, height) };
        self.line::<FMA>(picture, channel, y, &mut line[reach..]);
        line[reach + width..].fill(0.0);
        if reach == 0 {
            return;
        }
        (line[0], line[width + 1]) = match border {
            Border::Zero => (0.0, 0.0),
            Border::Reflection => (line[2], line[width - 1]),
        };
    }
}

/// A line just beyond the border, mirrored. Lines further out, of tiles that stick out, count for
/// nothing.
fn reflected(y: isize, height: usize) -> usize {
    let last = height as isize - 1;
    let y = if y < 0 { -y } else { 2 * last - y };
    y.clamp(0, last) as usize
}

/// The interpolated pixel `at` lies between the pixels `at / 2` and this one, of `length`.
fn other_neighbour(at: usize, length: usize) -> usize {
    let near = at / 2;
    if at.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(length - 1) }
}

/// An interpolated pixel is three times as far from one neighbour as from the other.
#[inline(always)]
fn mix(near: f32, far: f32) -> f32 {
    0.75 * near + 0.25 * far
}
