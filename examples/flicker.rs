//! How much painted films flicker: `cargo run --release --example flicker -- PHOTO STYLE [FOLDER]`.
//!
//! Clips are made of the photo by known motion, painted at several steadinesses, and each painted frame is
//! compared with the one before it, moved as the clip moved: the mean squared difference, values in 0..1, of what is
//! seen in both (the warping error of Lai et al., "Learning Blind Video Temporal Consistency", 2018). With FOLDER, some frames
//! are written there.

use std::path::PathBuf;

use anyhow::{Context, Result};
use impasto::film::Film;
use impasto::{DEFAULT_WEIGHTS, Format, Layer, Options, Picture, STYLE_SIZE, Stylizer, device};

const WIDTH: u32 = 384;
const HEIGHT: u32 = 256;
const FRAMES: usize = 16;
const STEADINESS: [f32; 4] = [0.0, 0.25, 0.5, 1.0];

/// Where in the photo, in its pixels, a frame's pixel is from.
type Place = Box<dyn Fn(f32, f32, usize) -> [f32; 2]>;

/// A clip: its name, how it moves, how many levels of noise it has.
struct Clip {
    name: &'static str,
    place: Place,
    noise: i32,
    /// Something that crosses the frame, this many pixels a frame.
    passing: Option<f32>,
}

fn clips(photo: &Picture) -> Vec<Clip> {
    let middle = [photo.width() as f32 / 2.0, photo.height() as f32 / 2.0];
    let centred = move |x: f32, y: f32| [x - WIDTH as f32 / 2.0, y - HEIGHT as f32 / 2.0];
    let about = move |turn: fn(usize) -> (f32, f32), shift: f32| -> Place {
        Box::new(move |x, y, frame| {
            let (angle, scale) = turn(frame);
            let [x, y] = centred(x, y);
            let (sin, cos) = angle.sin_cos();
            [
                middle[0] + scale * (cos * x - sin * y) + shift * frame as f32,
                middle[1] + scale * (sin * x + cos * y) + 0.4 * shift * frame as f32,
            ]
        })
    };
    let clip = |name, place, noise, passing| Clip { name, place, noise, passing };
    vec![
        clip("still with noise", about(|_| (0.0, 1.0), 0.0), 8, None),
        clip("slow pan", about(|_| (0.0, 1.0), 1.3), 3, None),
        clip("fast pan", about(|_| (0.0, 1.0), 5.7), 3, None),
        clip("pan 8", Box::new(|x, y, t| [x + 100.0 + 8.0 * t as f32, y + 60.0]), 0, None),
        clip("pan 7", Box::new(|x, y, t| [x + 100.0 + 7.0 * t as f32, y + 60.0]), 0, None),
        clip("zoom", about(|t| (0.0, 1.0 - 0.012 * t as f32), 0.0), 3, None),
        clip("rotation", about(|t| (0.012 * t as f32, 1.0), 0.0), 3, None),
        clip("something passes", about(|_| (0.0, 1.0), 0.7), 3, Some(9.0)),
    ]
}

fn bilinear(picture: &Picture, [x, y]: [f32; 2]) -> [f32; 3] {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let x = x.clamp(0.0, width as f32 - 1.001);
    let y = y.clamp(0.0, height as f32 - 1.001);
    let (left, top) = (x as usize, y as usize);
    let (right, down) = (x - left as f32, y - top as f32);
    [0, 1, 2].map(|channel| {
        let value = |x: usize, y: usize| f32::from(picture.rgb()[3 * (y * width + x) + channel]);
        let row = |y| value(left, y) * (1.0 - right) + value(left + 1, y) * right;
        row(top) * (1.0 - down) + row(top + 1) * down
    })
}

/// Whether a pixel shows what passes, a disc in stripes.
fn passing(speed: f32, x: f32, y: f32, frame: usize) -> Option<[f32; 3]> {
    let [x, y] = [x - 30.0 - speed * frame as f32, y - 0.55 * HEIGHT as f32];
    let striped = if (x / 6.0).floor() as i32 % 2 == 0 { 210.0 } else { 60.0 };
    (x * x + y * y < 45.0 * 45.0).then_some([striped, 0.5 * striped, 40.0])
}

fn frame(photo: &Picture, clip: &Clip, index: usize, seed: &mut u32) -> Result<Picture> {
    let mut rgb = Vec::with_capacity((3 * WIDTH * HEIGHT) as usize);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let (x, y) = (x as f32, y as f32);
            let disc = clip.passing.and_then(|speed| passing(speed, x, y, index));
            let colour = disc.unwrap_or_else(|| bilinear(photo, (clip.place)(x, y, index)));
            for value in colour {
                *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (*seed >> 16) as i32 % (2 * clip.noise + 1) - clip.noise;
                rgb.push((value + noise as f32).round().clamp(0.0, 255.0) as u8);
            }
        }
    }
    Ok(Picture::new(WIDTH, HEIGHT, rgb)?)
}

/// Where a pixel of a frame was in the one before, found by a few steps of Newton's method; nothing where that is
/// not seen there.
fn before(clip: &Clip, x: f32, y: f32, index: usize) -> Option<[f32; 2]> {
    if let Some(speed) = clip.passing
        && passing(speed, x, y, index).is_some()
    {
        return Some([x - speed, y]).filter(|[x, _]| *x >= 0.0);
    }
    let place = (clip.place)(x, y, index);
    let [mut from, mut down] = [x, y];
    for _ in 0..6 {
        let [a, b] = (clip.place)(from, down, index - 1);
        let [ax, bx] = (clip.place)(from + 1.0, down, index - 1);
        let [ay, by] = (clip.place)(from, down + 1.0, index - 1);
        let (xx, xy, yx, yy) = (ax - a, ay - a, bx - b, by - b);
        let (u, v) = (place[0] - a, place[1] - b);
        let determinant = xx * yy - xy * yx;
        from += (u * yy - v * xy) / determinant;
        down += (v * xx - u * yx) / determinant;
    }
    let inside =
        (0.0..=WIDTH as f32 - 1.0).contains(&from) && (0.0..=HEIGHT as f32 - 1.0).contains(&down);
    let hidden = clip.passing.is_some_and(|speed| passing(speed, from, down, index - 1).is_some());
    (inside && !hidden).then_some([from, down])
}

fn warping_error(clip: &Clip, frames: &[Picture]) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for index in 1..frames.len() {
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                let Some(place) = before(clip, x as f32, y as f32, index) else { continue };
                let then = bilinear(&frames[index - 1], place);
                let at = 3 * (y * WIDTH + x) as usize;
                for (then, now) in then.iter().zip(&frames[index].rgb()[at..at + 3]) {
                    sum += f64::from((then - f32::from(*now)) / 255.0).powi(2);
                    count += 1.0;
                }
            }
        }
    }
    sum / count
}

/// Writes the last frames, where a folder was given.
fn keep(folder: &[PathBuf], clip: &Clip, what: &str, frames: &[Picture]) -> Result<()> {
    let Some(folder) = folder.first() else { return Ok(()) };
    std::fs::create_dir_all(folder)?;
    let name = clip.name.replace(' ', "-");
    for (index, frame) in frames.iter().enumerate().skip(FRAMES - 3) {
        let file = folder.join(format!("{name}-{index:02}-{what}.png"));
        std::fs::write(file, frame.encode(Format::Png)?)?;
    }
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [photo, style, folder @ ..] = arguments.as_slice() else {
        anyhow::bail!("usage: flicker PHOTO STYLE [FOLDER]");
    };
    let read = |path: &PathBuf| -> Result<Picture> {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        Ok(Picture::decode(&bytes)?)
    };
    let photo = read(photo)?.fit(640);
    let stylizer = Stylizer::load(DEFAULT_WEIGHTS, &device::cpu())?;
    let style = stylizer.encode_style(&read(style)?.fit(STYLE_SIZE));
    let layers = [Layer { style: Some(&style), weight: 1.0, mask: None }];
    let options = Options::default();
    println!("warping error x 1000; {FRAMES} frames of {WIDTH} x {HEIGHT}");
    print!("{:18} {:>8}", "clip", "input");
    STEADINESS.iter().for_each(|steadiness| print!(" {steadiness:>8}"));
    println!();
    for clip in clips(&photo) {
        let mut seed = 1;
        let frames: Vec<_> = (0..FRAMES)
            .map(|index| frame(&photo, &clip, index, &mut seed))
            .collect::<Result<_>>()?;
        print!("{:18} {:8.3}", clip.name, 1000.0 * warping_error(&clip, &frames));
        keep(folder, &clip, "input", &frames)?;
        for steadiness in STEADINESS {
            let mut film = Film::new(steadiness);
            let mut painted = Vec::new();
            for (index, frame) in frames.iter().enumerate() {
                let seconds = index as f64 / 25.0;
                let painting = film.paint(&stylizer, frame, seconds, &layers, &options);
                painted.push(pollster::block_on(painting)?);
            }
            print!(" {:8.3}", 1000.0 * warping_error(&clip, &painted));
            keep(folder, &clip, &steadiness.to_string(), &painted)?;
        }
        println!();
    }
    Ok(())
}
