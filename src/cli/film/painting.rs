//! The work itself: frames in, paintings out, in parts that are joined.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use impasto::files::put_whole;
use impasto::film::Film;
use impasto::{Layer, Picture};

use super::FilmCommand;
use super::ffmpeg::Ffmpeg;
use super::finish::{self, Keep, Sound};
use super::parts::Parts;
use super::pipes::{Encoding, Frame, Reader, Writer};
use super::progress::{Progress, clock};
use super::source::{Origin, Source};
use crate::cli::interrupt::{self, Keeping};
use crate::cli::look::{Given, Studio};

/// Frames that are painted once more where a run goes on, so that it does so steadily.
const WARM_UP: usize = 12;

/// All that a film is painted with, and tried out.
pub struct Workshop<'a> {
    pub ffmpeg: Ffmpeg,
    pub source: Source,
    pub encoding: Encoding,
    pub sounds: Vec<Sound>,
    pub given: &'a Given,
    pub studio: &'a Studio,
}

/// What was painted.
pub struct Painted {
    pub frames: usize,
    /// In microseconds.
    pub length: u64,
    pub complete: bool,
    /// Whether it is in the file: what is gone on from later is not, yet.
    pub written: bool,
}

impl FilmCommand {
    pub fn paint(&self, shop: &Workshop, mut parts: Parts) -> Result<Painted> {
        let before = parts.frames();
        if before > 0 {
            eprintln!("{before} frames are painted already, in {}", parts.folder().display());
        }
        let keeping = Keeping::start(match self.resume {
            Some(_) => "keeping what is painted",
            None => "ending the film with what is painted",
        });
        let origin = &shop.source.origin;
        if origin.is_camera() {
            let (width, height) = shop.source.size;
            eprintln!(
                "recording from {} with {width} x {height} pixels; Ctrl-C ends it",
                origin.name()
            );
        }
        let stopped = match self.paint_parts(shop, &mut parts) {
            Ok(stopped) => stopped,
            Err(error) => return Err(self.kept(error, parts)),
        };
        let frames = parts.frames();
        let Some((start, end)) = parts.span() else {
            parts.remove()?;
            ensure!(stopped, nothing_from(origin));
            eprintln!("stopped before the first frame");
            return Ok(Painted { frames, length: 0, complete: false, written: false });
        };
        // A camera has no end of its own.
        let stopped = stopped && !origin.is_camera();
        let written = !stopped || self.resume.is_none();
        let painted = Painted { frames, length: end - start, complete: !stopped, written };
        let all = shop.source.frames.map_or(String::new(), |all| format!(" of about {all}"));
        let stop = format!("stopped after {frames}{all} frames ({})", clock(end));
        if !painted.written {
            let folder = parts.folder().display();
            eprintln!("{stop}; they are in {folder}, and the same command goes on");
            return Ok(painted);
        }
        const WHOLE: &str = "whole";
        let Workshop { ffmpeg, source, encoding, sounds, .. } = shop;
        let keep = Keep { place: self.keep_place, stopped };
        let joined = finish::join(ffmpeg, source, encoding, sounds, &parts, keep, WHOLE);
        let joined = joined.and_then(|()| {
            put_whole(&parts.folder().join(WHOLE), &self.output)
                .with_context(|| format!("cannot write {}", self.output.display()))
        });
        if let Err(error) = joined {
            return Err(self.kept(error, parts));
        }
        parts.remove()?;
        drop(keeping);
        if stopped {
            eprintln!("{stop}; {} ends there", self.output.display());
        }
        Ok(painted)
    }

    /// Says what there is all the same.
    fn kept(&self, error: anyhow::Error, parts: Parts) -> anyhow::Error {
        let frames = parts.frames();
        match parts.keep(&self.output) {
            Ok(Some(folder)) => {
                let folder = folder.display();
                let goes_on = match self.camera {
                    Some(_) => ", as films without sound",
                    None => "; the same command with --resume goes on",
                };
                eprintln!("{frames} frames are kept in {folder}{goes_on}");
            }
            Ok(None) => {}
            Err(other) => eprintln!("what was painted cannot be kept: {other:#}"),
        }
        error
    }

    /// Paints what is not in the parts yet. Says whether it was stopped.
    fn paint_parts(&self, shop: &Workshop, parts: &mut Parts) -> Result<bool> {
        let Workshop { ffmpeg, source, encoding, given, studio, .. } = shop;
        let layers = given.layers(studio);
        let before = parts.frames();
        let warm_up = if self.steady > 0.0 { before.min(WARM_UP) } else { 0 };
        let reader = Reader::start(ffmpeg, source, before - warm_up)?;
        let mut progress = Progress::new(source.frames, before);
        let mut film = Film::new(self.steady);
        let mut part: Option<NewPart> = None;
        let mut index = before - warm_up;
        let longest = self.resume.map_or(usize::MAX, |frames| frames as usize);
        let mut failed = Ok(());
        while failed.is_ok()
            && let Some(frame) = reader.next()
        {
            let (start, end) = (frame.start, frame.end());
            let picture = match self.paint_frame(&mut film, shop, &layers, &frame) {
                Ok(picture) => picture,
                Err(error) => {
                    failed = Err(error);
                    break;
                }
            };
            index += 1;
            if index <= before {
                continue;
            }
            let new = match &mut part {
                Some(new) => new,
                None => part.insert(NewPart::start(ffmpeg, encoding, parts, start)?),
            };
            new.end = end;
            new.frames += 1;
            let taken = new.writer.write(Frame { start, lasts: end - start, picture });
            if (!taken || new.frames >= longest)
                && let Some(new) = part.take()
            {
                failed = new.end(parts);
            }
            progress.one_more();
        }
        let stopped = interrupt::asked();
        drop(progress);
        // What is painted is kept, whatever ends it.
        let written = part.map_or(Ok(()), |part| part.end(parts));
        let read = reader.end();
        failed.and(written)?;
        let origin = &source.origin;
        match read {
            Ok(complaints) if complaints.is_empty() || stopped => {}
            // It says so of every frame that comes while others are painted.
            Ok(_) if origin.is_camera() => {}
            Ok(complaints) => {
                eprintln!("{} may be damaged: ffmpeg says {}", origin.name(), complaints.join("; "))
            }
            Err(_) if stopped => {}
            Err(error) if index == 0 => return Err(error.context(nothing_from(origin))),
            // One that was pulled out, say: what came before that is a film.
            Err(error) if origin.is_camera() => eprintln!("{} ended: {error:#}", origin.name()),
            Err(error) => return Err(error),
        }
        Ok(stopped)
    }

    fn paint_frame(
        &self,
        film: &mut Film,
        shop: &Workshop,
        layers: &[Layer],
        frame: &Frame,
    ) -> Result<Picture> {
        let seconds = frame.start as f64 * 1e-6;
        let options = self.look.options();
        let painting = film.paint(&shop.studio.stylizer, &frame.picture, seconds, layers, &options);
        pollster::block_on(painting)
            .with_context(|| format!("{} at {}", shop.source.origin.name(), clock(frame.start)))
    }
}

fn nothing_from(origin: &Origin) -> String {
    let name = origin.name();
    match origin {
        Origin::File(_) => format!("no frame of {name} can be read; it is damaged"),
        Origin::Camera(camera) => format!("no frame came from {name}: {}", camera.advice()),
    }
}

/// A part that is being written.
struct NewPart {
    writer: Writer,
    frames: usize,
    start: u64,
    end: u64,
}

impl NewPart {
    fn start(ffmpeg: &Ffmpeg, encoding: &Encoding, parts: &Parts, start: u64) -> Result<Self> {
        let writer = Writer::start(ffmpeg, encoding, parts.next()?)?;
        Ok(Self { writer, frames: 0, start, end: start })
    }

    fn end(self, parts: &mut Parts) -> Result<()> {
        self.writer.end()?;
        parts.add(self.frames, self.start, self.end)
    }
}

/// Whether this ffmpeg encodes that into such a file shows with two frames, not after hours.
pub fn try_out(ffmpeg: &Ffmpeg, encoding: &Encoding, folder: &Path) -> Result<()> {
    let path = folder.join("trial");
    let writer = Writer::start(ffmpeg, encoding, path.clone())?;
    let (width, height) = encoding.size;
    let black = Picture::new(width, height, vec![0; 3 * width as usize * height as usize])?;
    for start in [0, 40_000] {
        writer.write(Frame { start, lasts: 40_000, picture: black.clone() });
    }
    writer.end()?;
    std::fs::remove_file(path).context("cannot remove a trial")
}
