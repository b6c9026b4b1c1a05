//! `impasto film`: a film in, its painting out.

mod camera;
mod ffmpeg;
mod finish;
mod matroska;
mod painting;
mod parts;
mod pipes;
mod progress;
mod source;

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use impasto::files::folder_beside;
use serde::Serialize;

use super::look::{Given, Look, Named, unit};
use super::{Usage, files, interrupt};
use camera::Camera;
use ffmpeg::{Encoder, Ffmpeg};
use painting::{Painted, Workshop, try_out};
use parts::{Parts, Settings};
use pipes::Encoding;
use progress::clock;
use source::{Origin, Range, Source};

/// Paint a film, or what the camera sees, in the style of one or several pictures.
///
/// Films are read and written by ffmpeg, which is to be installed. Every frame stays where it is in time, sound is
/// copied where the file takes it as it is, and chapters and titles stay; what was filmed lying on its side comes out
/// upright. Colours are those of ordinary screens (8 bits, BT.709): more than that is mapped to them. Nothing is sent
/// anywhere: all computing is done on this machine.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  A film in the style of a painting, with its sound:
    impasto film holiday.mp4 --style painting.jpg -o painted.mp4

  First ten seconds only, to see whether it pleases; steadier, and larger:
    impasto film holiday.mp4 --style starry-impasto --end 10 --steady 0.8 --size 960 -o try.mp4

  From 1:30 to 2:00, half painted, for the web:
    impasto film holiday.mp4 --style painting.jpg --start 1:30 --end 2:00 --strength 0.5 \\
      -o part.webm

  A long one that may be stopped, or that the power may fail; the same command goes on:
    impasto film wedding.mov --style painting.jpg --resume -o painted.mp4

  Half a minute of what the camera sees, small enough for many frames a second; without --end, until Ctrl-C:
    impasto film --camera --style painting.jpg --size 256 --end 30 -o me.mp4

Ctrl-C ends the film with what is painted by then. With --resume, and where something fails, that stays \
in the folder FILE.parts, as films without sound; with --resume the same command goes on from there, and \
removes them once all is painted.

Exit codes: 0 painted, 1 not (standard error says why), 2 wrong usage, 130 stopped by Ctrl-C (recording, \
that is 0).")]
pub struct FilmCommand {
    /// The film: whatever ffmpeg reads
    #[arg(value_name = "FILM", required_unless_present = "camera", conflicts_with = "camera")]
    film: Option<PathBuf>,
    /// Record from a camera instead, without sound: the first one, or the one of this name (on Linux /dev/video2
    /// or the like). Frames that come while another is painted are left out, and all keep their times
    #[arg(long, value_name = "DEVICE", num_args = 0..=1, conflicts_with_all = ["start", "resume"])]
    camera: Option<Option<String>>,
    #[command(flatten)]
    look: Look,
    /// Where the painting goes: a file that ends in .mp4, .m4v, .mov, .mkv or .webm
    #[arg(short, long, alias = "out", value_name = "FILE")]
    output: PathBuf,
    /// Long side of the painting, in pixels; smaller films keep their size
    #[arg(long, value_name = "LONG_SIDE", default_value_t = 640,
          value_parser = clap::value_parser!(u32).range(16..=8192))]
    size: u32,
    /// How much each painting is like the one before: from 0, where every frame is painted by itself and it
    /// flickers, to 1, where what moves may leave traces
    #[arg(long, default_value_t = 0.5, value_parser = unit)]
    steady: f32,
    /// Where to begin, in seconds, or as 1:30 or 1:02:03.5
    #[arg(long, value_name = "TIME", value_parser = time)]
    start: Option<u64>,
    /// Where to end, counted from the beginning of the film, or of recording
    #[arg(long, value_name = "TIME", value_parser = time)]
    end: Option<u64>,
    /// How much may be lost in encoding: the lower, the better and the larger the file. Usually 20 for H.264, 24 for
    /// H.265 and 32 for VP9 and AV1
    #[arg(long, value_name = "NUMBER", value_parser = quality)]
    crf: Option<f32>,
    /// How to encode: h264, h265, vp9, av1, or any encoder of ffmpeg's (ffmpeg -encoders). Usually h264, and vp9
    /// in .webm
    #[arg(long, value_name = "NAME")]
    codec: Option<String>,
    /// Leave out the sound
    #[arg(long)]
    no_audio: bool,
    /// Keep the place where it was filmed as well, where the camera wrote it down
    #[arg(long)]
    keep_place: bool,
    /// Keep what is painted in the folder FILE.parts until all is, and go on from what is there. A part has so
    /// many frames, 250 if none are given, which is the most that a crash can lose
    #[arg(long, value_name = "FRAMES", num_args = 0..=1, require_equals = true, default_missing_value = "250",
          value_parser = clap::value_parser!(u32).range(1..))]
    resume: Option<u32>,
    /// The program to read and write films with
    #[arg(long, value_name = "PROGRAM", default_value = "ffmpeg")]
    ffmpeg: OsString,
    /// Say on standard output what became of it, as a line of JSON: input, output, width, height, frames,
    /// duration, engine, seconds, complete, error; null where there is none
    #[arg(long)]
    json: bool,
    /// Replace a file that exists
    #[arg(long)]
    force: bool,
}

impl FilmCommand {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        let began = Instant::now();
        // All that can go wrong shows before the work starts.
        let container = self.container()?;
        let range = Range { start: self.start, end: self.end };
        ensure!(
            range.end.is_none_or(|end| end > range.start.unwrap_or(0)),
            Usage("--end must be behind --start".into())
        );
        ensure!(
            !self.film.as_deref().is_some_and(files::is_standard),
            "films are not read from standard input; name a file"
        );
        let named = self.look.named()?;
        files::refuse_standard_input_twice(named.paths())?;
        let outputs = std::slice::from_ref(&self.output);
        files::refuse_to_replace_inputs(outputs, self.film.iter().chain(named.paths()))?;
        files::refuse_to_overwrite(outputs, self.force)?;
        let ffmpeg = Ffmpeg::find(&self.ffmpeg)?;
        let origin = match &self.film {
            Some(path) => Origin::File(path.clone()),
            None => {
                let device = self.camera.as_ref().and_then(|device| device.as_deref());
                Origin::Camera(Camera::find(&ffmpeg, device)?)
            }
        };
        let source = Source::open(&ffmpeg, origin, range, self.size)?;
        let codec = self.encoder(&ffmpeg, container)?;
        let given = self.look.read(&named)?;
        files::make_folder_of(&self.output)?;
        let encoding = Encoding {
            crf: self.crf.or(codec.has_crf.then(|| usual_quality(&codec.name))),
            codec,
            container,
            size: source.size,
            rate: source.rate,
        };
        let scratch = folder_beside(&self.output).context("cannot make a temporary folder")?;
        interrupt::remove_when_stopped(scratch.path().into());
        try_out(&ffmpeg, &encoding, scratch.path())
            .with_context(|| format!("cannot write {} so", self.output.display()))?;
        let sounds = match self.no_audio {
            true => Vec::new(),
            false => finish::sounds(&ffmpeg, &source, container, scratch.path())?,
        };
        if source.has_place && !self.keep_place {
            eprintln!("the place where it was filmed is not kept; --keep-place keeps it");
        }
        scratch.close().context("cannot remove a temporary folder")?;
        let settings = self.settings(&source, &encoding, &named, &given)?;
        let parts = match self.resume {
            Some(_) => Parts::kept(&self.output, settings)?,
            None => Parts::passing(&self.output, settings, self.force)?,
        };
        let studio = self.look.open(&given)?;
        let (size, input) = (source.size, source.origin.clone());
        let shop = Workshop { ffmpeg, source, encoding, sounds, given: &given, studio: &studio };
        let outcome = self.paint(&shop, parts);
        let took = began.elapsed();
        if self.json {
            say!("{}", self.line(&input, size, &outcome, &studio.engine, took));
        }
        let painted = outcome?;
        if !painted.complete {
            // What is temporary is gone by now.
            std::process::exit(interrupt::CODE);
        }
        if !self.json {
            let (width, height) = size;
            let seconds = took.as_secs_f64();
            say!(
                "{}: {} frames of {width} x {height} pixels, {} of film in {seconds:.1} s",
                self.output.display(),
                painted.frames,
                clock(painted.length)
            );
        }
        Ok(())
    }

    /// ffmpeg's name of the container.
    fn container(&self) -> Result<&'static str> {
        let ending = self.output.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        Ok(match ending.as_deref() {
            Some("mp4" | "m4v") => "mp4",
            Some("mov") => "mov",
            Some("mkv") => "matroska",
            Some("webm") => "webm",
            _ => bail!(Usage(format!(
                "{}: the name must end in .mp4, .m4v, .mov, .mkv or .webm",
                self.output.display()
            ))),
        })
    }

    fn encoder(&self, ffmpeg: &Ffmpeg, container: &str) -> Result<Encoder> {
        let usual = if container == "webm" { "vp9" } else { "h264" };
        let asked = self.codec.as_deref().unwrap_or(usual);
        let names: &[&str] = match asked {
            "h264" => &["libx264", "libopenh264", "h264_videotoolbox", "h264_mf"],
            "h265" | "hevc" => &["libx265", "hevc_videotoolbox", "hevc_mf"],
            "vp9" => &["libvpx-vp9"],
            "av1" => &["libsvtav1", "libaom-av1"],
            name => &[name],
        };
        for name in names {
            if let Some(encoder) = ffmpeg.encoder(name)? {
                ensure!(
                    self.crf.is_none() || encoder.has_crf,
                    "--codec {name} has no --crf; leave it out"
                );
                return Ok(encoder);
            }
        }
        bail!(
            "this ffmpeg cannot encode {asked} ({}); `ffmpeg -encoders` lists what it can, for --codec",
            names.join(", ")
        )
    }

    /// What makes it another film.
    fn settings(
        &self,
        source: &Source,
        encoding: &Encoding,
        named: &Named,
        given: &Given,
    ) -> Result<Settings> {
        let film = match &source.origin {
            Origin::File(path) => {
                let data = std::fs::metadata(path)?;
                let changed = data.modified().ok().map(humantime::format_rfc3339_seconds);
                let changed = changed.map_or(String::new(), |at| format!(", changed {at}"));
                format!("{}, {} bytes{changed}", path.display(), data.len())
            }
            Origin::Camera(_) => source.origin.name(),
        };
        let sum = |path: &PathBuf| -> Result<String> {
            let name = path.display();
            if files::is_standard(path) {
                // What came from there, nobody can look at once more.
                ensure!(
                    self.resume.is_none(),
                    "with --resume, nothing can come from standard input"
                );
                return Ok("standard input".into());
            }
            Ok(match files::bundled_style(path) {
                Some(_) => name.to_string(),
                None => format!("{name} [{:08x}]", crc32fast::hash(&files::read(path)?)),
            })
        };
        let styles =
            named.styles.iter().map(|(path, weight)| Ok(format!("{}={weight}", sum(path)?)));
        let masks = named.masks.iter().map(|(path, style)| {
            let style = style.map_or("none".into(), |index| (index + 1).to_string());
            Ok(format!("{}={style}", sum(path)?))
        });
        let list = |texts: Result<Vec<String>>| Ok::<_, anyhow::Error>(texts?.join(" "));
        let at = |time: Option<u64>| time.map_or("none".into(), source::seconds);
        let (width, height) = encoding.size;
        let settings = [
            ("film", film),
            ("styles", list(styles.collect())?),
            ("masks", list(masks.collect())?),
            ("--strength", self.look.strength.to_string()),
            ("--colours", format!("{:?}", self.look.colours()).to_lowercase()),
            ("--style-size", self.look.style_size.to_string()),
            ("weights", format!("{:08x}", crc32fast::hash(given.networks()))),
            ("size", format!("{width} x {height}")),
            ("frames", source.filters.clone()),
            ("--steady", self.steady.to_string()),
            ("--start", at(self.start)),
            ("--end", at(self.end)),
            ("--codec", encoding.codec.name.clone()),
            ("--crf", encoding.crf.map_or("none".into(), |crf| crf.to_string())),
            ("kind of file", encoding.container.into()),
        ];
        Ok(settings.map(|(name, value)| (name.into(), value)).into())
    }

    fn line(
        &self,
        input: &Origin,
        size: (u32, u32),
        outcome: &Result<Painted>,
        engine: &str,
        took: Duration,
    ) -> String {
        let painted = outcome.as_ref().ok();
        let line = Line {
            input: match input {
                Origin::File(path) => path.to_string_lossy(),
                Origin::Camera(camera) => Cow::from(&camera.device),
            },
            output: painted.filter(|it| it.written).map(|_| self.output.to_string_lossy()),
            width: painted.map(|_| size.0),
            height: painted.map(|_| size.1),
            frames: painted.map(|painted| painted.frames),
            duration: painted.map(|painted| painted.length as f64 / 1e6),
            engine,
            seconds: (took.as_secs_f64() * 1000.0).round() / 1000.0,
            complete: painted.is_some_and(|painted| painted.complete),
            error: outcome.as_ref().err().map(|error| format!("{error:#}")),
        };
        serde_json::to_string(&line).expect("numbers and texts are JSON")
    }
}

/// What became of a film, for programs.
#[derive(Debug, Serialize)]
struct Line<'a> {
    input: Cow<'a, str>,
    output: Option<Cow<'a, str>>,
    width: Option<u32>,
    height: Option<u32>,
    frames: Option<usize>,
    duration: Option<f64>,
    engine: &'a str,
    seconds: f64,
    complete: bool,
    error: Option<String>,
}

fn usual_quality(codec: &str) -> f32 {
    match codec {
        "libx264" => 20.0,
        "libx265" => 24.0,
        _ => 32.0,
    }
}

/// Seconds, `m:s` or `h:m:s`, in microseconds.
fn time(text: &str) -> Result<u64, String> {
    let wrong = || String::from("must be seconds, or like 1:30 or 1:02:03.5");
    let parts: Vec<_> = text.split(':').collect();
    if parts.len() > 3 {
        return Err(wrong());
    }
    let mut sum = 0.0;
    for (index, part) in parts.iter().enumerate() {
        let number: f64 = part.trim().parse().map_err(|_| wrong())?;
        let is_last = index + 1 == parts.len();
        let limit = if index > 0 { 60.0 } else { 1e6 };
        if !(0.0..limit).contains(&number) || !(is_last || number.fract() == 0.0) {
            return Err(wrong());
        }
        sum = 60.0 * sum + number;
    }
    Ok((1e6 * sum).round() as u64)
}

fn quality(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(number) if (0.0..=63.0).contains(&number) => Ok(number),
        _ => Err("must be a number from 0 to 63".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(time("12.5"), Ok(12_500_000));
        assert_eq!(time("1:30"), Ok(90_000_000));
        assert_eq!(time("1:02:03.25"), Ok(3_723_250_000));
        for wrong in ["", "1:60", "-1", "1.5:00", "1:2:3:4", "soon", "nan"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
