//! The parts joined, with the film's sound, its chapters and what else is written in it.

use std::path::Path;

use anyhow::Result;

use super::ffmpeg::{Ffmpeg, file};
use super::parts::Parts;
use super::pipes::Encoding;
use super::source::{PLACE, Source, seconds};

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
    let input = source.origin.arguments()?;
    let works = |stream: usize, codec: &str| {
        let mut command = ffmpeg.command();
        command.args(["-t", "1"]).args(&input);
        command.args(["-map", &format!("0:a:{stream}"), "-c:a", codec]);
        command.args(["-f", container]).arg(file(&trial));
        ffmpeg.run(command, "trying out the sound").is_ok()
    };
    let mut sounds = Vec::new();
    for (stream, name) in source.sounds.iter().enumerate() {
        match codecs.iter().find(|codec| works(stream, codec)) {
            Some(codec) => {
                if *codec != "copy" {
                    eprintln!(
                        "{container} takes no sound of the kind {name}: it is encoded as {codec}"
                    );
                }
                sounds.push(Sound { stream, codec });
            }
            None => eprintln!(
                "the sound ({name}) cannot be kept: this ffmpeg does not bring it into {container}"
            ),
        }
    }
    if trial.exists() {
        std::fs::remove_file(trial)?;
    }
    Ok(sounds)
}

/// Writes the whole film into the folder of the parts, under this name.
pub fn join(
    ffmpeg: &Ffmpeg,
    source: &Source,
    encoding: &Encoding,
    sounds: &[Sound],
    parts: &Parts,
    keep: Keep,
    name: &str,
) -> Result<()> {
    let (start, end) = parts.span().expect("there is a part");
    let mut command = ffmpeg.command();
    command.args(["-itsoffset", &seconds(start), "-f", "concat", "-safe", "0", "-i"]);
    // In the folder, because names in the list are taken as parts of addresses: ? and # would be more than that.
    command.arg(parts.list()?).current_dir(parts.folder());
    if !source.origin.is_camera() {
        command.args(source.range.arguments()).args(source.origin.arguments()?);
        command.args(["-map_metadata", "1", "-map_chapters", "1"]);
    }
    command.args(["-map", "0:v:0", "-c:v", "copy"]);
    for (index, Sound { stream, codec }) in sounds.iter().enumerate() {
        command.args(["-map", &format!("1:a:{stream}"), &format!("-c:a:{index}"), codec]);
    }
    if !keep.place {
        for name in PLACE {
            command.args(["-metadata", &format!("{name}=")]);
        }
    }
    // Sound and chapters end there, too.
    let begin = source.range.start.unwrap_or(0);
    let limit = source.range.end.map(|end| end - begin);
    if let Some(limit) = keep.stopped.then_some(end).or(limit) {
        command.args(["-t", &seconds(limit.max(end))]);
    }
    if encoding.is_quicktime() {
        command.args(["-movflags", "+faststart"]);
    }
    command.args(encoding.timescale()).args(["-f", encoding.container]).arg(name);
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
