//! Cameras, as ffmpeg has them on this system.

use std::path::Path;

use anyhow::{Result, anyhow, bail, ensure};

use super::ffmpeg::Ffmpeg;

/// A camera to record from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Camera {
    system: System,
    /// As the system, or the user, calls it.
    pub device: String,
}

/// Whose cameras ffmpeg reads in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    Linux,
    Mac,
    Windows,
}

const HERE: System = if cfg!(target_os = "macos") {
    System::Mac
} else if cfg!(windows) {
    System::Windows
} else {
    System::Linux
};

impl System {
    /// ffmpeg's name of this kind of input.
    fn input(self) -> &'static str {
        match self {
            Self::Linux => "v4l2",
            Self::Mac => "avfoundation",
            Self::Windows => "dshow",
        }
    }
}

impl Camera {
    /// The one of that name, or the first.
    ///
    /// # Errors
    /// If there is none, or this ffmpeg reads no cameras.
    pub fn find(ffmpeg: &Ffmpeg, device: Option<&str>) -> Result<Self> {
        let input = HERE.input();
        ensure!(
            ffmpeg.has_input(input)?,
            "this ffmpeg reads no cameras (it is built without {input}): name another with --ffmpeg"
        );
        let device = match (device, HERE) {
            (Some(device), _) => device.to_owned(),
            (None, System::Linux) => "/dev/video0".into(),
            (None, System::Mac) => "default".into(),
            (None, System::Windows) => {
                let list = ["-f", "dshow", "-list_devices", "true", "-i", "none"];
                let first = first_listed(&ffmpeg.says(&list)?);
                first.ok_or_else(|| anyhow!("there is no camera: connect one"))?
            }
        };
        if HERE == System::Linux && !Path::new(&device).exists() {
            bail!(
                "there is no camera {device}: connect one, or name another with --camera (`ls /dev/video*` lists them)"
            );
        }
        Ok(Self { system: HERE, device })
    }

    /// What ffmpeg and ffprobe read it by, an input among their arguments.
    pub fn arguments(&self) -> Vec<String> {
        let device = &self.device;
        let (options, name): (&[&str], _) = match self.system {
            System::Linux => (&[], device.clone()),
            // Cameras there have few rates, and the usual one of ffmpeg's is not among them.
            System::Mac => (&["-framerate", "30"], format!("{device}:none")),
            // Frames wait here while others are painted; what does not fit is left out.
            System::Windows => (&["-rtbufsize", "256M"], format!("video={device}")),
        };
        let kind = ["-f", self.system.input()];
        let all = kind.into_iter().chain(options.iter().copied()).chain(["-i", &name]);
        all.map(String::from).collect()
    }

    /// What to do where it does not answer.
    pub fn advice(&self) -> &'static str {
        match self.system {
            System::Linux => {
                "another program may be using it, this user may not (the group video may), or it is no camera"
            }
            System::Mac => {
                "another program may be using it, or this one may not: System Settings, Privacy & Security, Camera"
            }
            System::Windows => {
                "another program may be using it, or this one may not: Settings, Privacy, Camera"
            }
        }
    }
}

/// The first camera among the lines `"Name" (video)` that DirectShow's are listed in.
fn first_listed(text: &str) -> Option<String> {
    let cameras = text.lines().filter_map(|line| line.trim_end().strip_suffix("\" (video)"));
    cameras.filter_map(|line| line.split_once('"')).map(|(_, name)| name.to_owned()).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_system_has_its_own_arguments() {
        let arguments =
            |system, device: &str| Camera { system, device: device.into() }.arguments().join(" ");
        assert_eq!(arguments(System::Linux, "/dev/video2"), "-f v4l2 -i /dev/video2");
        assert_eq!(
            arguments(System::Mac, "FaceTime HD Camera"),
            "-f avfoundation -framerate 30 -i FaceTime HD Camera:none"
        );
        assert_eq!(
            arguments(System::Windows, "Integrated Camera"),
            "-f dshow -rtbufsize 256M -i video=Integrated Camera"
        );
    }

    #[test]
    fn the_first_camera_is_found_in_a_list() {
        let list = "[dshow @ 000001] \"Microphone (Array)\" (audio)\r\n\
                    [dshow @ 000001]   Alternative name \"@device_cm_{33D9A762}\"\r\n\
                    [dshow @ 000001] \"USB \"Pro\" Cam\" (video)\r\n\
                    [dshow @ 000001] \"Other\" (video)\r\nnone: Immediate exit requested\r\n";
        assert_eq!(first_listed(list).as_deref(), Some("USB \"Pro\" Cam"));
        assert_eq!(first_listed("[dshow @ 000001] \"Microphone\" (audio)\n"), None);
    }
}
