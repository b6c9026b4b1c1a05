//! Film: one painting a frame, steady from each to the next.
//!
//! What is measured in whole frames is averaged over the last of them (Wang et al., "Consistent Video Style Transfer via
//! Relaxation and Regularization", 2020), and the last painting, moved as the film moved, is mixed into the new one where
//! the film shows the same there.

mod motion;

use crate::film::motion::{Motion, Pyramid};
use crate::network::noise::Drift;
use crate::picture::Picture;
use crate::stylizer::{Layer, Options, Shot, StylizeError, Stylizer};

/// Seconds after which what was measured counts a third, at full steadiness.
const MEMORY: f64 = 1.4;
/// Most that the last frame and the last painting count, at full steadiness.
const MOST: f32 = 0.9;
/// Differences of two frames, in levels of 0..=255, at which the last painting and the last frame count a third
/// of that.
const SAME_PAINTING: f32 = 20.0;
const SAME_FRAME: f32 = 6.0;
/// Most that what was mixed gains in contrast. Strokes that are not quite the same in both would be washed out.
const GAIN: f32 = 1.5;
/// In windows of so many pixels to each side of the middle one, and what is below so many levels is no stroke.
const STROKE: isize = 4;
const FLAT: f32 = 2.0;
/// Two frames of different shots: the mean difference of what was matched, in levels, and the part that does not match.
const CUT: (f32, f32) = (18.0, 0.45);

/// Paints the frames of a film, or of a camera, in their order.
///
/// Between cuts, which it finds by itself, it remembers the last frame and its painting.
#[derive(Debug)]
pub struct Film {
    steadiness: f32,
    shot: Shot,
    last: Option<Last>,
}

/// The frame before.
#[derive(Debug)]
struct Last {
    seconds: f64,
    /// Without its noise.
    frame: Picture,
    pyramid: Pyramid,
    drift: Drift,
    painting: Picture,
}

impl Film {
    /// `steadiness` from 0, where every frame is painted by itself, to 1, where it flickers least and what moves may
    /// leave traces; 0.5 is usual. Values outside are brought to the nearer end.
    pub fn new(steadiness: f32) -> Self {
        Self { steadiness: steadiness.clamp(0.0, 1.0), shot: Shot::default(), last: None }
    }

    /// Forgets all frames before, as it does by itself at a cut.
    pub fn cut(&mut self) {
        self.last = None;
    }

    /// The painting of the next frame, of its size. `seconds`: when it is shown, by any clock.
    ///
    /// Where it fails, the next frame is painted as after a cut.
    ///
    /// # Errors
    /// See [`StylizeError`].
    pub async fn paint(
        &mut self,
        stylizer: &Stylizer,
        frame: &Picture,
        seconds: f64,
        layers: &[Layer<'_>],
        options: &Options,
    ) -> Result<Picture, StylizeError> {
        if self.steadiness <= 0.0 {
            let content = stylizer.encode_content(frame);
            return stylizer.paint(&content, layers, options, |_, _| {}).await;
        }
        let pyramid = Pyramid::of(frame);
        let same_size = |last: &&Last| {
            (last.frame.width(), last.frame.height()) == (frame.width(), frame.height())
        };
        let seen = self.last.as_ref().filter(same_size).and_then(|last| {
            let seen = Seen::new(frame, &pyramid, last);
            (!seen.is_cut()).then_some((last, seen))
        });
        let rate = match &seen {
            Some((last, seen)) => {
                let passed = (seconds - last.seconds).max(0.0);
                let kept = (-passed / (MEMORY * f64::from(self.steadiness))).exp();
                1.0 - kept * f64::from(1.0 - seen.new_share())
            }
            None => 1.0,
        };
        let strength = MOST * self.steadiness;
        let frame = match &seen {
            Some((_, seen)) => seen.mixed(frame, &seen.before, strength, SAME_FRAME),
            None => frame.clone(),
        };
        let (drift, mut content) = match &seen {
            Some((last, seen)) => {
                let mut drift = last.drift.clone();
                drift.follow(|x, y| seen.at(x, y));
                let content = stylizer.encode_frame(&frame, &drift);
                (drift, content)
            }
            None => (Stylizer::drift(&frame), stylizer.encode_content(&frame)),
        };
        self.shot.take(&mut content, rate as f32, options.strength);
        let painting = stylizer.paint_frame(&content, layers, options, &mut self.shot).await;
        let painting = match (painting, &seen) {
            (Ok(painting), Some((last, seen))) => {
                let before = moved(&last.painting, &seen.motion);
                // Half the steadiness takes three quarters: the contrast stays, and where the film shows something else
                // nothing of it is taken.
                let most = MOST * (1.0 - (1.0 - self.steadiness).powi(2));
                let mixed = seen.mixed(&painting, &before, most, SAME_PAINTING);
                with_contrast_of(&painting, &mixed)
            }
            (Ok(painting), None) => painting,
            (Err(error), _) => {
                self.last = None;
                return Err(error);
            }
        };
        self.last = Some(Last { seconds, frame, pyramid, drift, painting: painting.clone() });
        Ok(painting)
    }
}

/// What of a frame was seen in the one before.
struct Seen {
    width: usize,
    /// For each pixel, in quarters of pixels.
    motion: Vec<[i32; 2]>,
    /// The frame before, moved so, `[red, green, blue]` a pixel.
    before: Vec<u8>,
    /// For each pixel, the difference of the two frames there, in levels.
    difference: Vec<f32>,
}

impl Seen {
    fn new(frame: &Picture, pyramid: &Pyramid, last: &Last) -> Self {
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        let field = Motion::between(pyramid, &last.pyramid);
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let motion: Vec<_> = places.map(|(x, y)| field.at(x, y)).collect();
        let before = moved(&last.frame, &motion);
        let difference = |(now, before): (&[u8], &[u8])| {
            let parts = now.iter().zip(before).map(|(a, b)| u32::from(a.abs_diff(*b)));
            parts.sum::<u32>() as f32 / 3.0
        };
        let pixels = frame.rgb().chunks_exact(3).zip(before.chunks_exact(3));
        let difference = blurred(&pixels.map(difference).collect::<Vec<_>>(), width, height, 2);
        Self { width, motion, before, difference }
    }

    /// Where what is at a pixel was in the frame before, relative to there, in pixels. Beyond the border, where
    /// what is at the border was.
    fn at(&self, x: usize, y: usize) -> [f32; 2] {
        let rows = self.motion.len() / self.width;
        let at = y.min(rows - 1) * self.width + x.min(self.width - 1);
        self.motion[at].map(|quarters| quarters as f32 * motion::GRAIN)
    }

    /// The part of the frame, in 0..=1, that was not seen before.
    fn new_share(&self) -> f32 {
        let new = self.difference.iter().filter(|&&levels| levels > CUT.0).count();
        new as f32 / self.difference.len() as f32
    }

    /// Whether the frame before is of another shot.
    fn is_cut(&self) -> bool {
        let mean = self.difference.iter().sum::<f32>() / self.difference.len() as f32;
        mean > CUT.0 && self.new_share() > CUT.1
    }

    /// `now`, where it shows the same as `before` mixed with that, which counts at most `strength`.
    fn mixed(&self, now: &Picture, before: &[u8], strength: f32, same: f32) -> Picture {
        let mut rgb = now.rgb().to_vec();
        let pixels = rgb.chunks_exact_mut(3).zip(before.chunks_exact(3));
        for ((now, before), difference) in pixels.zip(&self.difference) {
            let share = strength * (-(difference / same).powi(2)).exp();
            for (now, before) in now.iter_mut().zip(before) {
                let mixed = f32::from(*now) * (1.0 - share) + f32::from(*before) * share;
                *now = (mixed + 0.5) as u8;
            }
        }
        Picture::new(now.width(), now.height(), rgb).expect("as many pixels as before")
    }
}

/// Weights of four neighbours by which what lies between them is interpolated (Catmull and Rom, 1974), at each quarter.
const WEIGHTS: [[f32; 4]; 4] = [
    [0.0, 1.0, 0.0, 0.0],
    [-0.0703125, 0.8671875, 0.2265625, -0.0234375],
    [-0.0625, 0.5625, 0.5625, -0.0625],
    [-0.0234375, 0.2265625, 0.8671875, -0.0703125],
];

/// For each pixel what is this far from it, in quarters of pixels, `[red, green, blue]` a pixel.
fn moved(picture: &Picture, motion: &[[i32; 2]]) -> Vec<u8> {
    let (width, height) = (picture.width() as i32, picture.height() as i32);
    let rgb = picture.rgb();
    let mut moved = vec![0; rgb.len()];
    for (index, (out, &[dx, dy])) in moved.chunks_exact_mut(3).zip(motion).enumerate() {
        let (x, y) = (index as i32 % width + (dx >> 2), index as i32 / width + (dy >> 2));
        let row = |y: i32| (y.clamp(0, height - 1) * width) as usize;
        let column = |x: i32| x.clamp(0, width - 1) as usize;
        if dx & 3 == 0 && dy & 3 == 0 {
            let at = 3 * (row(y) + column(x));
            out.copy_from_slice(&rgb[at..at + 3]);
            continue;
        }
        let (across, down) = (WEIGHTS[(dx & 3) as usize], WEIGHTS[(dy & 3) as usize]);
        let columns = [x - 1, x, x + 1, x + 2].map(column);
        let mut sum = [0.0; 3];
        for (line, down) in [y - 1, y, y + 1, y + 2].map(row).into_iter().zip(down) {
            for (column, across) in columns.into_iter().zip(across) {
                let at = 3 * (line + column);
                for (sum, &value) in sum.iter_mut().zip(&rgb[at..at + 3]) {
                    *sum += down * across * f32::from(value);
                }
            }
        }
        for (out, sum) in out.iter_mut().zip(sum) {
            *out = (sum + 0.5).clamp(0.0, 255.0) as u8;
        }
    }
    moved
}

/// What was mixed from a painting and the one before, with as much contrast in each place as the painting has there.
fn with_contrast_of(painting: &Picture, mixed: &Picture) -> Picture {
    let (width, height) = (mixed.width() as usize, mixed.height() as usize);
    let brightness = |picture: &Picture| {
        let sum = |rgb: &[u8]| rgb.iter().map(|&value| f32::from(value)).sum::<f32>();
        picture.rgb().chunks_exact(3).map(|rgb| sum(rgb) / 3.0).collect::<Vec<_>>()
    };
    let blurred = |values: &[f32]| blurred(values, width, height, STROKE);
    // Of each pixel's window, the mean and the variance.
    let moments = |values: &[f32]| {
        let squares: Vec<_> = values.iter().map(|value| value * value).collect();
        let mean = blurred(values);
        let variance: Vec<_> = blurred(&squares)
            .iter()
            .zip(&mean)
            .map(|(square, mean)| square - mean * mean)
            .collect();
        (mean, variance)
    };
    let own = brightness(mixed);
    let (means, variances) = moments(&own);
    let (_, wanted) = moments(&brightness(painting));
    let mut rgb = mixed.rgb().to_vec();
    for (index, pixel) in rgb.chunks_exact_mut(3).enumerate() {
        let strength = |variance: f32| variance.max(0.0) + FLAT * FLAT;
        let gain = (strength(wanted[index]) / strength(variances[index])).sqrt().clamp(1.0, GAIN);
        let more = (gain - 1.0) * (own[index] - means[index]) + 0.5;
        for value in pixel {
            *value = (f32::from(*value) + more).clamp(0.0, 255.0) as u8;
        }
    }
    Picture::new(mixed.width(), mixed.height(), rgb).expect("as many pixels as before")
}

/// The mean of what is at most `radius` pixels away in each direction.
fn blurred(values: &[f32], width: usize, height: usize, radius: isize) -> Vec<f32> {
    let line = |values: &[f32], length: usize, count: usize, along: usize, across: usize| {
        let mut blurred = vec![0.0; values.len()];
        for other in 0..count {
            let start = other * across;
            let value =
                |at: isize| values[start + at.clamp(0, length as isize - 1) as usize * along];
            let mut sum: f32 = (-radius..=radius).map(value).sum();
            for at in 0..length as isize {
                blurred[start + at as usize * along] = sum / (2 * radius + 1) as f32;
                sum += value(at + radius + 1) - value(at - radius);
            }
        }
        blurred
    };
    let rows = line(values, width, height, 1, width);
    line(&rows, height, width, width, 1)
}

#[cfg(all(test, feature = "cli", feature = "cpu"))]
mod tests {
    use super::*;
    use crate::device;
    use crate::picture::Rect;
    use crate::stylizer::Style;

    const SIZE: (u32, u32) = (96, 80);

    /// A part of an endless scene with shapes of several sizes, `shift` pixels further, with noise.
    fn frame(shift: [f32; 2], noise: u32, seed: u32) -> Picture {
        frame_of(SIZE, shift, noise, seed)
    }

    fn frame_of(size: (u32, u32), shift: [f32; 2], noise: u32, seed: u32) -> Picture {
        let mut random = seed;
        let mut rgb = Vec::new();
        for y in 0..size.1 {
            for x in 0..size.0 {
                let (x, y) = (x as f32 + shift[0], y as f32 + shift[1]);
                let shapes = (x / 5.0 + (y / 9.0).sin()).sin() + (y / 7.0 - x / 23.0).cos();
                let large = (x / 31.0).sin() * (y / 19.0).cos();
                for channel in 0..3 {
                    random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let noise = (random >> 16) % (2 * noise + 1);
                    let value = 120.0 + 30.0 * shapes + (20 + 9 * channel) as f32 * large;
                    rgb.push((value + noise as f32).round().clamp(0.0, 255.0) as u8);
                }
            }
        }
        Picture::new(size.0, size.1, rgb).unwrap()
    }

    fn mean_difference(a: &Picture, b: &Picture) -> f64 {
        let pairs = a.rgb().iter().zip(b.rgb());
        pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.rgb().len() as f64
    }

    struct Studio(Stylizer, Style);

    impl Studio {
        fn new() -> Self {
            let stylizer = Stylizer::load(crate::DEFAULT_WEIGHTS, &device::cpu()).unwrap();
            let style = stylizer.encode_style(&frame([300.0, 70.0], 40, 9));
            Self(stylizer, style)
        }

        fn paint(&self, film: &mut Film, frame: &Picture, seconds: f64) -> Picture {
            let layers = [Layer { style: Some(&self.1), weight: 1.0, mask: None }];
            let options = Options::default();
            let painting = film.paint(&self.0, frame, seconds, &layers, &options);
            pollster::block_on(painting).unwrap()
        }

        fn alone(&self, frame: &Picture) -> Picture {
            self.paint(&mut Film::new(0.0), frame, 0.0)
        }
    }

    #[test]
    fn motion_is_found() {
        let size = (224, 160);
        for shift in [[0.0, 0.0], [2.0, 1.0], [-3.5, 2.0], [0.5, -0.5], [9.0, -4.0], [0.0, 21.0]] {
            let now = frame_of(size, shift, 4, 2);
            let before = frame_of(size, [0.0, 0.0], 4, 1);
            let field = Motion::between(&Pyramid::of(&now), &Pyramid::of(&before));
            let (mut wrong, mut all) = (0, 0);
            for y in (32..size.1 as usize - 32).step_by(4) {
                for x in (32..size.0 as usize - 32).step_by(4) {
                    let found = field.at(x, y).map(|part| part as f32 * motion::GRAIN);
                    let off = (found[0] - shift[0]).hypot(found[1] - shift[1]);
                    all += 1;
                    wrong += usize::from(off > 1.0);
                }
            }
            assert!(wrong * 10 <= all, "{shift:?}: {wrong} of {all} vectors are wrong");
        }
    }

    #[test]
    fn what_moves_by_whole_pixels_is_copied_and_by_parts_interpolated() {
        let picture = frame([0.0, 0.0], 0, 1);
        let count = (SIZE.0 * SIZE.1) as usize;
        let inner = |picture: &[u8], x: u32, y: u32| picture[3 * (y * SIZE.0 + x) as usize];
        let whole = moved(&picture, &vec![[8, -4]; count]);
        for (x, y) in [(10, 10), (50, 40), (80, 60)] {
            assert_eq!(inner(&whole, x, y), inner(picture.rgb(), x + 2, y - 1));
        }
        // Smooth shapes are met between pixels.
        let parts = moved(&picture, &vec![[1, 2]; count]);
        let expected = frame([0.25, 0.5], 0, 1);
        for (x, y) in [(10, 10), (50, 40), (80, 60)] {
            let (found, expected) = (inner(&parts, x, y), inner(expected.rgb(), x, y));
            assert!(found.abs_diff(expected) <= 1, "({x}, {y}): {found} and {expected}");
        }
    }

    #[test]
    fn at_no_steadiness_each_frame_is_painted_by_itself() {
        let studio = Studio::new();
        let mut film = Film::new(0.0);
        for index in 0..2 {
            let frame = frame([5.0 * index as f32, 0.0], 3, index);
            let content = studio.0.encode_content(&frame);
            let expected =
                pollster::block_on(studio.0.stylize(&content, &[(&studio.1, 1.0)], 1.0)).unwrap();
            assert_eq!(studio.paint(&mut film, &frame, f64::from(index)), expected);
        }
    }

    #[test]
    fn noise_in_what_stands_still_flickers_much_less() {
        let studio = Studio::new();
        let frames: Vec<_> = (0..6).map(|index| frame([0.0, 0.0], 12, index)).collect();
        let flicker = |steadiness: f32| {
            let mut film = Film::new(steadiness);
            let painted: Vec<_> = frames
                .iter()
                .enumerate()
                .map(|(index, frame)| studio.paint(&mut film, frame, index as f64 / 25.0))
                .collect();
            painted.windows(2).map(|pair| mean_difference(&pair[0], &pair[1])).sum::<f64>()
        };
        let (lively, steady) = (flicker(0.0), flicker(0.5));
        assert!(steady < 0.6 * lively, "{steady} is not much less than {lively}");
    }

    /// The mean brightness of a part of a picture.
    fn brightness(picture: &Picture, left: u32, top: u32, side: u32) -> f64 {
        let part = picture.part(Rect { left, top, width: side, height: side });
        part.rgb().iter().map(|&value| f64::from(value)).sum::<f64>() / part.rgb().len() as f64
    }

    #[test]
    fn what_has_passed_leaves_nothing_behind() {
        let studio = Studio::new();
        // A bright square moves to the right over a dark ground.
        let frames: Vec<_> = (0..5)
            .map(|index| {
                let ground = frame([0.0, 0.0], 3, index);
                let mut rgb: Vec<u8> = ground.rgb().iter().map(|value| value / 4).collect();
                for (at, pixel) in rgb.chunks_exact_mut(3).enumerate() {
                    let (x, y) = (at as u32 % SIZE.0, at as u32 / SIZE.0);
                    if (24..56).contains(&y) && (12 * index..12 * index + 32).contains(&x) {
                        pixel.fill(235);
                    }
                }
                Picture::new(SIZE.0, SIZE.1, rgb).unwrap()
            })
            .collect();
        let mut film = Film::new(0.5);
        let painted = frames
            .iter()
            .enumerate()
            .map(|(index, frame)| studio.paint(&mut film, frame, index as f64 / 25.0))
            .last()
            .unwrap();
        // Where it was one frame before the last.
        let there = |picture: &Picture| brightness(picture, 36, 32, 10);
        let [now, alone, stale] =
            [&painted, &studio.alone(&frames[4]), &studio.alone(&frames[3])].map(there);
        let (off, gone) = ((now - alone).abs(), (stale - alone).abs());
        assert!(
            gone > 20.0 && off < 0.15 * gone,
            "{now} instead of {alone}; before it was {stale}"
        );
    }

    #[test]
    fn after_a_cut_nothing_is_left_of_the_shot_before() {
        let studio = Studio::new();
        let mut film = Film::new(1.0);
        for index in 0..3 {
            studio.paint(&mut film, &frame([0.0, 0.0], 3, index), f64::from(index) / 25.0);
        }
        let dark = frame([900.0, 500.0], 3, 7);
        let values = dark.rgb().iter().map(|value| 255 - value);
        let other = Picture::new(SIZE.0, SIZE.1, values.map(|v| v / 2).collect()).unwrap();
        assert_eq!(studio.paint(&mut film, &other, 0.2), studio.alone(&other));
        // A frame of another size is one, too.
        let small = other.fit(64);
        assert_eq!(studio.paint(&mut film, &small, 0.3), studio.alone(&small));
    }

    #[test]
    fn frames_may_be_of_any_size() {
        let studio = Studio::new();
        for size in [(1, 1), (3, 40), (17, 16), (130, 9)] {
            let mut film = Film::new(0.7);
            for index in 0..3 {
                let frame = frame_of(size, [4.0 * index as f32, 1.0], 3, index);
                let painted = studio.paint(&mut film, &frame, f64::from(index) / 25.0);
                assert_eq!((painted.width(), painted.height()), size);
            }
        }
    }
}
