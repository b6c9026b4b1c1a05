//! The user's ffmpeg: found, started, and what becomes of it in words.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow, bail, ensure};

/// The first version that has all that is asked of it.
const OLDEST: (u32, u32) = (5, 1);
/// What ffmpeg ends with where the disk is full: the error's number, negative, in a byte.
const DISK_FULL: i32 = 228;
/// Of what a process says, this many lines are kept, the last ones.
const LINES: usize = 6;
const HOW_TO_GET_IT: &str = if cfg!(target_os = "macos") {
    "brew install ffmpeg"
} else if cfg!(windows) {
    "winget install Gyan.FFmpeg"
} else {
    "sudo apt install ffmpeg, or the like"
};

/// ffmpeg and, from the same folder, ffprobe.
#[derive(Debug, Clone)]
pub struct Ffmpeg {
    ffmpeg: OsString,
    ffprobe: OsString,
}

/// What an encoder of ffmpeg's can do.
#[derive(Debug)]
pub struct Encoder {
    pub name: String,
    pub pixel_format: String,
    pub has_crf: bool,
}

impl Ffmpeg {
    /// # Errors
    /// If ffmpeg or ffprobe is missing or too old. Says how to get it.
    pub fn find(program: &OsStr) -> Result<Self> {
        // A plain name is looked for where programs are; a path is one from here, wherever it will be started.
        let path = Path::new(program);
        let path = match path.components().count() {
            1 => path.into(),
            _ => std::path::absolute(path)?,
        };
        let beside = path.with_file_name("ffprobe");
        let found = Self { ffmpeg: path.into(), ffprobe: beside.into() };
        let text = found.about(&found.ffmpeg)?;
        let first = text.lines().next().unwrap_or_default();
        if let Some(version) = version(first) {
            ensure!(
                version >= OLDEST,
                "films need ffmpeg {}.{} or newer, but this is {}.{}; {HOW_TO_GET_IT}, or name another with --ffmpeg",
                OLDEST.0,
                OLDEST.1,
                version.0,
                version.1
            );
        }
        found.about(&found.ffprobe)?;
        Ok(found)
    }

    fn about(&self, program: &OsStr) -> Result<String> {
        let name = program.display();
        let output = command(program).arg("-version").output().map_err(|error| match error.kind() {
            ErrorKind::NotFound => anyhow!(
                "films are read and written by ffmpeg, and {name} is not there: install it ({HOW_TO_GET_IT}; \
                 https://ffmpeg.org), or say where it is with --ffmpeg"
            ),
            _ => anyhow!("{name} cannot be started: {error}"),
        })?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success() && text.contains(" version "),
            "{name} is no ffmpeg, or does not work: {} {}",
            text.trim(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(text)
    }

    /// ffmpeg with what all its calls have in common.
    pub fn command(&self) -> Command {
        let mut command = command(&self.ffmpeg);
        command.args(["-hide_banner", "-nostats", "-loglevel", "level+error", "-y"]);
        command
    }

    /// Runs it to its end. `doing` goes on as "ffmpeg failed ...".
    pub fn run(&self, mut command: Command, doing: &str) -> Result<()> {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Process::start(command, doing, |_| false)?.end().map(|_| ())
    }

    /// What ffprobe says about a file.
    pub fn probe(&self, arguments: &[&OsStr]) -> Result<Vec<u8>> {
        let mut command = command(&self.ffprobe);
        command.args(["-hide_banner", "-loglevel", "level+error", "-of", "json"]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = Process::start(command, "reading it", |_| false)?;
        let mut bytes = Vec::new();
        let mut output = process.child.stdout.take().expect("it is a pipe");
        output.read_to_end(&mut bytes)?;
        process.end()?;
        Ok(bytes)
    }

    /// Whether it was built with these filters.
    pub fn has_filters(&self, names: &[&str]) -> Result<bool> {
        let text = self.help(&["-filters"])?;
        let has =
            |name: &&str| text.lines().any(|line| line.split_whitespace().nth(1) == Some(name));
        Ok(names.iter().all(has))
    }

    /// Whether it reads devices of this kind.
    pub fn has_input(&self, name: &str) -> Result<bool> {
        let is_it = |line: &str| {
            let mut words = line.split_whitespace();
            let reads = words.next().is_some_and(|flags| flags.contains('D'));
            reads && words.any(|word| word.split(',').any(|one| one == name))
        };
        Ok(self.help(&["-devices"])?.lines().any(is_it))
    }

    /// The encoder of that name, if there is one.
    pub fn encoder(&self, name: &str) -> Result<Option<Encoder>> {
        let text = self.help(&["-h", &format!("encoder={name}")])?;
        if !text.starts_with(&format!("Encoder {name} ")) {
            return Ok(None);
        }
        let listed =
            text.lines().find_map(|line| line.trim().strip_prefix("Supported pixel formats:"));
        let formats: Vec<_> = listed.unwrap_or("yuv420p").split_whitespace().collect();
        let usual = ["yuv420p", "nv12", "yuv422p", "yuv422p10le", "yuv444p"];
        let Some(format) = usual.iter().find(|format| formats.contains(format)) else {
            bail!("--codec {name}: it takes no pixels of a usual kind ({})", formats.join(", "));
        };
        Ok(Some(Encoder {
            name: name.into(),
            pixel_format: (*format).into(),
            has_crf: text.lines().any(|line| line.trim().starts_with("-crf ")),
        }))
    }

    fn help(&self, arguments: &[&str]) -> Result<String> {
        let mut command = command(&self.ffmpeg);
        let output = command.args(["-hide_banner", "-loglevel", "error"]).args(arguments).output();
        Ok(String::from_utf8_lossy(&output.context("ffmpeg cannot be started")?.stdout).into())
    }

    /// What it writes to standard error, whether it fails or not.
    pub fn says(&self, arguments: &[&str]) -> Result<String> {
        let output = command(&self.ffmpeg).arg("-hide_banner").args(arguments).output();
        Ok(String::from_utf8_lossy(&output.context("ffmpeg cannot be started")?.stderr).into())
    }
}

/// Not to be stopped by the Ctrl-C that stops this program: what it has in hand is to be finished.
fn command(program: &OsStr) -> Command {
    let mut command = Command::new(program);
    command.env("AV_LOG_FORCE_NOCOLOR", "1");
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    #[cfg(windows)]
    {
        const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
        std::os::windows::process::CommandExt::creation_flags(
            &mut command,
            CREATE_NEW_PROCESS_GROUP,
        );
    }
    command
}

/// A file's name as ffmpeg takes it, whatever is in it.
pub fn file(path: &Path) -> OsString {
    let mut name = OsString::from("file:");
    name.push(path);
    name
}

/// The numbers in `ffmpeg version 5.1.9-0+deb12u1 ...`. Builds of a day have none, and are new.
fn version(line: &str) -> Option<(u32, u32)> {
    let text = line.split_whitespace().nth(2)?;
    let text = text.strip_prefix('n').unwrap_or(text);
    let mut numbers = text.split(|c: char| !c.is_ascii_digit());
    let first = numbers.next()?.parse().ok()?;
    Some((first, numbers.next().and_then(|number| number.parse().ok()).unwrap_or(0)))
}

/// One that runs. It ends with this, whatever it does.
pub struct Process {
    pub child: Child,
    doing: String,
    /// The last that it said.
    said: Option<JoinHandle<Vec<String>>>,
}

impl Process {
    /// `hear` gets each line from standard error, and says whether it was meant for it; others are messages.
    pub fn start(
        mut command: Command,
        doing: &str,
        hear: impl FnMut(&str) -> bool + Send + 'static,
    ) -> Result<Self> {
        let mut child =
            command.stderr(Stdio::piped()).spawn().context("ffmpeg cannot be started")?;
        let stderr = child.stderr.take().expect("it is a pipe");
        // Nobody reading it would stop the process once the pipe is full.
        let said = std::thread::spawn(move || listen(stderr, hear));
        Ok(Self { child, doing: doing.into(), said: Some(said) })
    }

    /// Waits for the end. Returns what it complained of all the same.
    ///
    /// # Errors
    /// If it failed. Says why, in words where they are known, and in its own.
    pub fn end(mut self) -> Result<Vec<String>> {
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        let said = self.said.take().map(|said| said.join().expect("it only reads"));
        let said = said.unwrap_or_default();
        match status.success() {
            true => Ok(said),
            false => Err(anyhow!(failure(status, &self.doing, &said))),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // After its end both do nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(stderr: ChildStderr, mut hear: impl FnMut(&str) -> bool) -> Vec<String> {
    let mut reader = BufReader::new(stderr);
    let mut said = VecDeque::new();
    let mut line = Vec::new();
    // It may well be no UTF-8: file names are in it.
    while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if !text.is_empty() && !hear(text) {
            let text = cleaned(text);
            if said.back() != Some(&text) {
                said.push_back(text);
            }
            if said.len() > LINES {
                said.pop_front();
            }
        }
        line.clear();
    }
    said.into()
}

/// `[mov @ 0x5581] [error] text` without what only changes from run to run.
fn cleaned(line: &str) -> String {
    let mut rest = line;
    let mut who = String::new();
    while let Some((tag, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        if let Some((name, _)) = tag.split_once(" @ ") {
            who = format!("{name}: ");
        }
        rest = after.trim_start();
    }
    who + rest
}

fn failure(status: ExitStatus, doing: &str, said: &[String]) -> String {
    let words = match said {
        [] => String::new(),
        said => format!(": {}", said.join("; ")),
    };
    if status.code() == Some(DISK_FULL)
        || said.iter().any(|line| line.contains("No space left on device"))
    {
        return format!("the disk is full: ffmpeg failed {doing}{words}");
    }
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("ffmpeg was killed (signal {signal}) {doing}{words}");
    }
    let code = status.code().map_or(String::new(), |code| format!(" (exit code {code})"));
    format!("ffmpeg failed {doing}{code}{words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(version("ffmpeg version 5.1.9-0+deb12u1 Copyright (c)"), Some((5, 1)));
        assert_eq!(version("ffmpeg version n7.0 Copyright"), Some((7, 0)));
        assert_eq!(version("ffmpeg version 9.0.2-full_build-www.gyan.dev"), Some((9, 0)));
        assert_eq!(version("ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright"), Some((4, 4)));
        assert_eq!(version("ffmpeg version N-117512-gd0a4c3b Copyright"), None);
    }

    #[test]
    fn messages_are_without_addresses() {
        let line = "[mov,mp4 @ 0x55d0c] [error] moov atom not found";
        assert_eq!(cleaned(line), "mov,mp4: moov atom not found");
        assert_eq!(cleaned("[fatal] Cannot"), "Cannot");
        assert_eq!(cleaned("plain"), "plain");
    }
}
