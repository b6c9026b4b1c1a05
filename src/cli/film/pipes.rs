//! Frames out of a film and into one, each in a thread of its own: while one frame is painted, others are read and
//! written.

use std::collections::VecDeque;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, ensure};
use impasto::Picture;

use super::ffmpeg::{Encoder, Ffmpeg, Process, file};
use super::matroska;
use super::source::Source;
use crate::cli::interrupt;

/// Frames that wait before and after the painter: enough for both threads to have something to do.
const WAITING: usize = 3;
/// How often one looks whether Ctrl-C was pressed while no frame comes.
const PATIENCE: Duration = Duration::from_millis(200);
/// How long a frame's time is waited for before the next frame is read.
const A_MOMENT: Duration = Duration::from_millis(20);

/// A frame, or its painting.
#[derive(Debug)]
pub struct Frame {
    /// When it is shown, in microseconds from the beginning of the film.
    pub start: u64,
    pub lasts: u64,
    pub picture: Picture,
}

impl Frame {
    pub fn end(&self) -> u64 {
        self.start + self.lasts
    }
}

/// Reads a film.
pub struct Reader {
    frames: Receiver<Frame>,
    thread: JoinHandle<Result<Vec<String>>>,
}

impl Reader {
    /// Leaves out so many frames.
    pub fn start(ffmpeg: &Ffmpeg, source: &Source, skip: usize) -> Result<Self> {
        let mut command = ffmpeg.command();
        command.args(source.range.arguments()).args(source.origin.arguments()?);
        // The times come beside the pixels, in lines on standard error.
        let (stream, filters) = (source.stream, &source.filters);
        let graph = format!(
            "[0:{stream}]{filters},split[frames][copy];[copy]crop=2:2:0:0,format=gray[times]"
        );
        command.args(["-filter_complex", &graph]);
        let exact = ["-fps_mode", "passthrough", "-enc_time_base", "1:1000000"];
        command.args(["-map", "[frames]"]).args(exact).args(["-f", "rawvideo", "pipe:1"]);
        command.args(["-map", "[times]"]).args(exact).args(["-c:v", "rawvideo"]);
        command.args(["-flush_packets", "1", "-f", "framecrc", "pipe:2"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let (time, times) = mpsc::channel();
        let process =
            Process::start(command, "reading the film", move |line| match time_in(line) {
                Some(found) => {
                    // Nobody may want it any more.
                    let _ = time.send(found);
                    true
                }
                None => line.starts_with('#'),
            })?;
        let (sender, frames) = mpsc::sync_channel(WAITING);
        let size = source.size;
        let thread = std::thread::spawn(move || read(process, size, skip, &times, &sender));
        Ok(Self { frames, thread })
    }

    /// None at the end, which may be one before its time ([`Reader::end`] knows), or once Ctrl-C was pressed.
    pub fn next(&self) -> Option<Frame> {
        loop {
            match self.frames.recv_timeout(PATIENCE) {
                Err(RecvTimeoutError::Timeout) if !interrupt::asked() => {}
                frame => return frame.ok().filter(|_| !interrupt::asked()),
            }
        }
    }

    /// Stops reading. Returns what ffmpeg complained of.
    ///
    /// # Errors
    /// If it had come to its end before that, and not to that of the film.
    pub fn end(self) -> Result<Vec<String>> {
        drop(self.frames);
        self.thread.join().expect("the thread reads only")
    }
}

/// `0, dts, pts, duration, size, crc`: when a frame is shown, and how long, in microseconds.
fn time_in(line: &str) -> Option<(i64, u64)> {
    let numbers: Vec<_> = line.split(',').map(str::trim).collect();
    match numbers[..] {
        ["0", _, start, lasts, _, crc] if crc.starts_with("0x") => {
            Some((start.parse().ok()?, lasts.parse().unwrap_or(0)))
        }
        _ => None,
    }
}

fn read(
    mut process: Process,
    (width, height): (u32, u32),
    skip: usize,
    times: &Receiver<(i64, u64)>,
    frames: &SyncSender<Frame>,
) -> Result<Vec<String>> {
    let mut pixels = process.child.stdout.take().expect("it is a pipe");
    let length = 3 * width as usize * height as usize;
    let mut earliest = 0;
    let mut index = 0;
    let mut waiting = VecDeque::new();
    let mut is_end = false;
    while !is_end {
        let mut rgb = Vec::with_capacity(length);
        // The end of the film, or of ffmpeg.
        is_end = pixels.by_ref().take(length as u64).read_to_end(&mut rgb)? < length;
        if !is_end {
            waiting.push_back(rgb);
        }
        while !waiting.is_empty() {
            // ffmpeg may write several frames before the time of the first, and waits until they are taken: who
            // waited for the time meanwhile would wait for ever.
            let time = match is_end {
                true => times.recv().ok(),
                false => times.recv_timeout(A_MOMENT).ok(),
            };
            let Some((start, lasts)) = time else { break };
            let rgb = waiting.pop_front().expect("one is waiting");
            // Damaged films may go back in time, and no encoder can.
            let start = u64::try_from(start).unwrap_or(0).max(earliest);
            earliest = start + 1;
            index += 1;
            if index <= skip {
                // Nobody sees in this time whether it is still wanted.
                if interrupt::asked() {
                    return Ok(Vec::new());
                }
                continue;
            }
            let picture = Picture::new(width, height, rgb)?;
            if frames.send(Frame { start, lasts: lasts.max(1), picture }).is_err() {
                return Ok(Vec::new());
            }
        }
    }
    process.end()
}

/// How paintings become a film.
#[derive(Debug)]
pub struct Encoding {
    pub codec: Encoder,
    pub crf: Option<f32>,
    /// ffmpeg's name of the container.
    pub container: &'static str,
    pub size: (u32, u32),
    pub rate: (u32, u32),
}

impl Encoding {
    fn command(&self, ffmpeg: &Ffmpeg, path: &Path) -> Command {
        let codec = &self.codec.name;
        let mut command = ffmpeg.command();
        command.args(["-f", "matroska", "-i", "pipe:0", "-map", "0:v:0", "-an"]);
        command.args(["-fps_mode", "passthrough", "-enc_time_base", "1:1000000"]);
        let pixels = &self.codec.pixel_format;
        let filters = format!(
            "scale=flags=bicubic+accurate_rnd+full_chroma_int:out_color_matrix=bt709:out_range=tv,format={pixels}"
        );
        command.args(["-vf", &filters, "-c:v", codec]);
        command.args(["-color_primaries", "bt709", "-color_trc", "bt709"]);
        command.args(["-colorspace", "bt709", "-color_range", "tv"]);
        if let Some(crf) = self.crf {
            command.args(["-crf", &crf.to_string()]);
            // These would keep to a low rate otherwise; VP8 does not go without one.
            match codec.as_str() {
                "libvpx-vp9" => command.args(["-b:v", "0"]),
                "libvpx" => command.args(["-b:v", "20M"]),
                _ => &mut command,
            };
        }
        if codec.starts_with("libvpx") {
            command.args(["-row-mt", "1", "-deadline", "good", "-cpu-used", "4"]);
        }
        command.args(["-flush_packets", "1"]).args(self.timescale());
        if codec.contains("265") || codec.contains("hevc") {
            command.args(self.is_quicktime().then_some(["-tag:v", "hvc1"]).into_iter().flatten());
        }
        command.args(["-f", self.container]).arg(file(path));
        command
    }

    /// What keeps times exact.
    pub fn timescale(&self) -> impl Iterator<Item = &'static str> {
        self.is_quicktime().then_some(["-video_track_timescale", "1000000"]).into_iter().flatten()
    }

    pub fn is_quicktime(&self) -> bool {
        ["mp4", "mov"].contains(&self.container)
    }
}

/// Writes a film without sound, whose first frame is shown at 0.
pub struct Writer {
    frames: SyncSender<Frame>,
    thread: JoinHandle<Result<()>>,
}

impl Writer {
    pub fn start(ffmpeg: &Ffmpeg, encoding: &Encoding, path: PathBuf) -> Result<Self> {
        let mut command = encoding.command(ffmpeg, &path);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let process = Process::start(command, "writing the film", |_| false)?;
        let (frames, receiver) = mpsc::sync_channel(WAITING);
        let (size, (above, below)) = (encoding.size, encoding.rate);
        let nanoseconds = 1_000_000_000 * u64::from(below) / u64::from(above);
        let thread =
            std::thread::spawn(move || write(process, &receiver, size, nanoseconds.max(1)));
        Ok(Self { frames, thread })
    }

    /// Whether it was taken; where not, [`Writer::end`] knows why.
    pub fn write(&self, frame: Frame) -> bool {
        self.frames.send(frame).is_ok()
    }

    /// # Errors
    /// If the file is not whole.
    pub fn end(self) -> Result<()> {
        drop(self.frames);
        self.thread.join().expect("the thread writes only")
    }
}

fn write(
    mut process: Process,
    frames: &Receiver<Frame>,
    size: (u32, u32),
    nanoseconds: u64,
) -> Result<()> {
    outlive_broken_pipes();
    let mut pipe = BufWriter::new(process.child.stdin.take().expect("it is a pipe"));
    let mut first = None;
    let mut written = matroska::write_header(&mut pipe, size, nanoseconds);
    while written.is_ok()
        && let Ok(Frame { start, lasts, picture }) = frames.recv()
    {
        let from_here = start - *first.get_or_insert(start);
        written = matroska::write_frame(&mut pipe, from_here, lasts, picture.rgb());
    }
    let written = written.and_then(|()| pipe.flush());
    drop(pipe);
    process.end()?;
    ensure!(written.is_ok(), "ffmpeg did not take all frames");
    Ok(())
}

/// This thread is to be told that ffmpeg is gone: main.rs has the program end with whoever reads its output.
#[cfg(unix)]
fn outlive_broken_pipes() {
    // SAFETY: the set is initialized before it is used, and only this thread's own mask changes.
    unsafe {
        let mut signals = std::mem::zeroed();
        libc::sigemptyset(&raw mut signals);
        libc::sigaddset(&raw mut signals, libc::SIGPIPE);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const signals, std::ptr::null_mut());
    }
}

#[cfg(not(unix))]
fn outlive_broken_pipes() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_from_messages() {
        let line = "0,      80000,      80000,    40000,        4, 0x00000000";
        assert_eq!(time_in(line), Some((80_000, 40_000)));
        assert_eq!(
            time_in("0,    -40000,    -40000,        0,        4, 0x00000000"),
            Some((-40_000, 0))
        );
        assert_eq!(time_in("[h264 @ 0x1] [error] 0, 1, 2, 3, 4, 0x5"), None);
    }
}
