//! The parts joined, with the film's sound, its chapters and what else is written in it.

use std::path::Path;

use anyhow::Result;

use super::ffmpeg::{Ffmpeg, file};
use super::parts::Parts;
use super::pipes::Encoding;
use super::source::{PLACE, Range, Source, seconds};

/// What becomes of one of the film's sounds.
#[derive(Debug)]
pub struct Sound {
    stream: usize,
    /// ffmpeg's word.
    codec: &'static str,
}

/// Tries out which sounds can be copied into the container, and what others are encoded with. Says what is lost.
pub fn sounds(
    ffmpeg: &Ffmpeg,
    source: &Source,
    container: &'static str,
    folder: &Path,
) -> Result<Vec<Sound>> {
    let codecs: &[_] = match container {
        "webm" => &["copy", "libopus", "libvorbis"],
        _ => &["copy", "aac"],
    };
    let trial = folder.join("trial");
    let works = |stream: usize, codec: &str| {
        let mut command = ffmpeg.command();
        command.args(["-t", "1", "-protocol_whitelist", "file", "-i"]).arg(file(&source.path));
        command.args(["-map", &format!("0:a:{stream}"), "-c:a", codec]);
        command.args(["-f", container]).arg(file(&trial));
        ffmpeg.run(command, "trying out the sound").is_ok()
    };
    let mut sounds = Vec::new();
    for (stream, name) in source.sounds.iter().enumerate() {
        match codecs.iter().find(|codec| works(stream, codec)) {
            Some(codec) => {
                if *codec != "copy" {
                    eprintln!("{container} takes no sound of the kind {name}: it is encoded as {codec}");
                }
                sounds.push(Sound { stream, codec });
            }
            None => eprintln!("the sound ({name}) cannot be kept: this ffmpeg does not bring it into {container}"),
        }
    }
    if trial.exists() {
        std::fs::remove_file(trial)?;
    }
    Ok(sounds)
}

/// Writes the whole film. `until`: the sound ends with the last frame, because the film does not.
pub fn join(
    ffmpeg: &Ffmpeg,
    source: &Source,
    encoding: &Encoding,
    sounds: &[Sound],
    parts: &Parts,
    keep: Keep,
    path: &Path,
) -> Result<()> {
    let (start, end) = parts.span().expect("there is a part");
    let mut command = ffmpeg.command();
    command.args(["-itsoffset", &seconds(start), "-f", "concat", "-safe", "0", "-i"]);
    command.arg(file(&parts.list()?));
    let range = match keep.stopped {
        true => Range { end: Some(source.range.start.unwrap_or(0) + end), ..source.range },
        false => source.range,
    };
    command.args(range.arguments()).args(["-protocol_whitelist", "file", "-i"]);
    command.arg(file(&source.path)).args(["-map", "0:v:0", "-c:v", "copy"]);
    for (index, Sound { stream, codec }) in sounds.iter().enumerate() {
        command.args(["-map", &format!("1:a:{stream}"), &format!("-c:a:{index}"), codec]);
    }
    command.args(["-map_metadata", "1", "-map_chapters", "1"]);
    if !keep.place {
        for name in PLACE {
            command.args(["-metadata", &format!("{name}=")]);
        }
    }
    if encoding.is_quicktime() {
        command.args(["-movflags", "+faststart"]);
    }
    command.args(encoding.timescale()).args(["-f", encoding.container]).arg(file(path));
    ffmpeg.run(command, "joining film and sound")
}

/// What of the film is kept.
#[derive(Debug, Clone, Copy)]
pub struct Keep {
    /// Where it was filmed.
    pub place: bool,
    /// Nothing behind the last frame: it was stopped there.
    pub stopped: bool,
}
