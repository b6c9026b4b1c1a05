//! What kind of film it is, and how its frames are to come out of it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use impasto::picture::codecs::size_of;
use serde::Deserialize;

use super::camera::Camera;
use super::ffmpeg::{Ffmpeg, file};

/// Shortest side that is painted.
const SHORTEST: u32 = 16;
/// From this height on, what does not say its colours has those of HD, as players take it.
const HD: u32 = 720;
/// Brightness curves with more than a screen shows: PQ and HLG.
const HDR: [&str; 2] = ["smpte2084", "arib-std-b67"];
/// Where cameras write the place.
pub const PLACE: [&str; 3] = ["location", "location-eng", "com.apple.quicktime.location.ISO6709"];

#[derive(Debug, Deserialize)]
struct Probe {
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    format: Format,
}

#[derive(Debug, Default, Deserialize)]
struct Format {
    #[serde(default)]
    format_name: String,
    duration: Option<String>,
    #[serde(default)]
    tags: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Stream {
    index: usize,
    codec_type: String,
    codec_name: String,
    width: u32,
    height: u32,
    sample_aspect_ratio: String,
    pix_fmt: String,
    color_space: String,
    color_transfer: String,
    color_primaries: String,
    field_order: String,
    avg_frame_rate: String,
    r_frame_rate: String,
    nb_frames: String,
    duration: Option<String>,
    disposition: Disposition,
    tags: Tags,
    side_data_list: Vec<SideData>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Disposition {
    attached_pic: u8,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tags {
    rotate: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SideData {
    rotation: f64,
}

/// From where to where, in microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Range {
    pub start: Option<u64>,
    pub end: Option<u64>,
}

impl Range {
    /// As options before an input.
    pub fn arguments(self) -> Vec<String> {
        let seconds = |name: &str, at: Option<u64>| at.map(|at| [name.into(), seconds(at)]);
        [seconds("-ss", self.start), seconds("-to", self.end)]
            .into_iter()
            .flatten()
            .flatten()
            .collect()
    }
}

/// A time as ffmpeg takes it.
pub fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// Where frames come from.
#[derive(Debug, Clone)]
pub enum Origin {
    File(PathBuf),
    Camera(Camera),
}

impl Origin {
    /// What ffmpeg and ffprobe read it by, wherever they are started.
    pub fn arguments(&self) -> Result<Vec<OsString>> {
        Ok(match self {
            Self::File(path) => {
                let options = ["-protocol_whitelist", "file", "-i"].map(OsString::from);
                options.into_iter().chain([file(&std::path::absolute(path)?)]).collect()
            }
            Self::Camera(camera) => camera.arguments().into_iter().map(OsString::from).collect(),
        })
    }

    /// As messages call it.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Camera(camera) => format!("the camera {}", camera.device),
        }
    }

    pub fn is_camera(&self) -> bool {
        matches!(self, Self::Camera(_))
    }
}

/// A film that can be painted.
#[derive(Debug)]
pub struct Source {
    pub origin: Origin,
    pub range: Range,
    /// The number of its stream of pictures.
    pub stream: usize,
    /// What the painting has.
    pub size: (u32, u32),
    /// How often frames come, as a rule.
    pub rate: (u32, u32),
    /// About how many frames there are, where anybody knows.
    pub frames: Option<u64>,
    /// The codecs of its sounds.
    pub sounds: Vec<String>,
    /// Whether it says where it was filmed.
    pub has_place: bool,
    /// From its frames to those that are painted.
    pub filters: String,
}

impl Source {
    /// Looks at a film, and says what of it will be other than it is.
    ///
    /// # Errors
    /// If there is nothing to paint in it.
    pub fn open(ffmpeg: &Ffmpeg, origin: Origin, range: Range, long_side: u32) -> Result<Self> {
        let name = origin.name();
        if let Origin::File(path) = &origin {
            look_at(path)?;
        }
        let input = origin.arguments()?;
        let show = ["-show_format", "-show_streams"].map(OsStr::new);
        let arguments: Vec<_> = show.into_iter().chain(input.iter().map(|text| &**text)).collect();
        let no_film = || format!("{name} is no film that ffmpeg reads, or is damaged");
        let bytes = ffmpeg.probe(&arguments).with_context(|| match &origin {
            Origin::File(_) => no_film(),
            Origin::Camera(camera) => format!("{name} does not answer: {}", camera.advice()),
        })?;
        let Probe { streams, format } = serde_json::from_slice(&bytes)
            .with_context(|| format!("ffprobe said nothing usable about {name}"))?;
        // By its content; the other one is by the name alone.
        let mut is_picture = format.format_name.ends_with("_pipe");
        if let (Origin::File(path), "image2") = (&origin, format.format_name.as_str()) {
            is_picture = size_of(path).is_ok();
            ensure!(is_picture, no_film());
        }
        ensure!(!is_picture, "{name} is a picture and no film; `impasto stylize` paints pictures");
        let of_kind =
            |kind: &'static str| streams.iter().filter(move |stream| stream.codec_type == kind);
        let video = of_kind("video").find(|stream| stream.disposition.attached_pic == 0);
        let sounds: Vec<_> = of_kind("audio").map(|stream| stream.codec_name.clone()).collect();
        let Some(video) = video else {
            match sounds.is_empty() {
                true => bail!("there is no film in {name}"),
                false => bail!("there is no film in {name}, only sound"),
            }
        };
        ensure!(
            video.width > 0 && video.height > 0 && !video.codec_name.is_empty(),
            "{name} is damaged, or of a kind that this ffmpeg cannot decode"
        );
        let subtitles = of_kind("subtitle").count();
        if subtitles > 0 {
            eprintln!("{name} has subtitles, which the painting will not have");
        }
        let (scaled, size) = video.sizes(long_side);
        ensure!(
            size.0.min(size.1) >= SHORTEST,
            "{name} would be painted with {} x {} pixels, but each side must have at least {SHORTEST}",
            size.0,
            size.1
        );
        let rate =
            [&video.avg_frame_rate, &video.r_frame_rate].into_iter().find_map(|text| ratio(text));
        let rate = rate.unwrap_or((25, 1));
        let length = video.duration.as_ref().or(format.duration.as_ref());
        let length =
            length.and_then(|text| text.parse::<f64>().ok()).map(|length| (length * 1e6) as u64);
        if let (Some(length), Some(start)) = (length, range.start) {
            ensure!(
                start < length,
                "--start is behind the end: {name} lasts {} s",
                seconds(length)
            );
        }
        // Matroska has them in capitals.
        let is_place = |tag: &String| PLACE.iter().any(|name| name.eq_ignore_ascii_case(tag));
        let frames = match (range.start, range.end) {
            (None, None) => video.nb_frames.parse().ok(),
            _ => None,
        };
        let of_length = || {
            let end = range.end.unwrap_or(u64::MAX).min(length?);
            let micros = end.saturating_sub(range.start.unwrap_or(0));
            Some((micros as f64 * 1e-6 * f64::from(rate.0) / f64::from(rate.1)).round() as u64)
        };
        Ok(Self {
            origin,
            range,
            stream: video.index,
            size,
            rate,
            frames: frames.or_else(of_length).filter(|&frames| frames > 0),
            sounds,
            has_place: format.tags.keys().any(is_place),
            filters: video.filters(ffmpeg, &name, scaled, size)?,
        })
    }
}

/// ffmpeg's own words for what can be wrong here are odd ones.
fn look_at(path: &Path) -> Result<()> {
    let name = path.display();
    let size = std::fs::metadata(path).with_context(|| format!("cannot read {name}"))?;
    ensure!(!size.is_dir(), "{name} is a folder; films are painted one by one");
    ensure!(size.len() > 0, "{name} is empty");
    Ok(())
}

impl Stream {
    fn is_turned(&self) -> bool {
        let side_data =
            self.side_data_list.iter().map(|data| data.rotation).find(|turn| *turn != 0.0);
        let turn = side_data.or_else(|| self.tags.rotate.parse().ok()).unwrap_or(0.0);
        (turn / 90.0).round() as i64 % 2 != 0
    }

    /// The size to scale to, and the one to cut out of that, whose sides are even, as codecs want them. Nothing is
    /// scaled only for that.
    fn sizes(&self, long_side: u32) -> ((u32, u32), (u32, u32)) {
        let (wide, high) = ratio(&self.sample_aspect_ratio.replace(':', "/")).unwrap_or((1, 1));
        let shape = f64::from(wide) / f64::from(high);
        let (mut width, mut height) = (f64::from(self.width), f64::from(self.height));
        // Square pixels, and none lost.
        match shape >= 1.0 {
            true => width *= shape,
            false => height /= shape,
        }
        if self.is_turned() {
            (width, height) = (height, width);
        }
        let scale = f64::from(long_side) / width.max(height);
        let even = |side: f64| 2 * (side / 2.0).round().max(1.0) as u32;
        let own = (width.round() as u32, height.round() as u32);
        if scale >= 1.0 {
            return (own, (own.0 & !1, own.1 & !1));
        }
        let fit = (even(width * scale), even(height * scale));
        (fit, fit)
    }

    /// ffmpeg turns frames upright before these.
    fn filters(
        &self,
        ffmpeg: &Ffmpeg,
        name: &str,
        scaled: (u32, u32),
        size: (u32, u32),
    ) -> Result<String> {
        let mut filters = Vec::new();
        if ["tt", "bb", "tb", "bt"].contains(&self.field_order.as_str()) {
            eprintln!("{name} is interlaced: whole frames are made of its fields");
            filters.push("yadif=deint=interlaced".to_owned());
        }
        let matrix = match is_unknown(&self.color_space) {
            true if self.height >= HD => "bt709",
            true => "smpte170m",
            false => "auto",
        };
        let to =
            format!("scale={}:{}:flags=bicubic+accurate_rnd+full_chroma_int", scaled.0, scaled.1);
        if HDR.contains(&self.color_transfer.as_str()) {
            ensure!(
                ffmpeg.has_filters(&["zscale", "tonemap"])?,
                "{name} is HDR, and this ffmpeg cannot map it to the brightness of ordinary screens (it is built \
                 without zscale): take another, or convert the film first"
            );
            eprintln!(
                "{name} is HDR: it is painted and written with the brightness of ordinary screens (SDR)"
            );
            // The size first: all the rest then has less to do.
            filters.push(to);
            // What HDR has where it does not say so.
            let usual = [
                (&self.color_primaries, "color_primaries=bt2020"),
                (&self.color_space, "colorspace=bt2020nc"),
            ];
            let missing = usual.iter().filter(|(text, _)| is_unknown(text));
            filters.extend(missing.map(|(_, option)| format!("setparams={option}")));
            filters.push(
                "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,\
                 zscale=t=bt709:m=bt709:r=tv,format=yuv444p,scale=in_color_matrix=bt709"
                    .into(),
            );
        } else {
            if self.pix_fmt.contains("p10")
                || self.pix_fmt.contains("p12")
                || self.pix_fmt.contains("p010")
            {
                eprintln!("{name} has more than 8 bits a colour: it is painted and written with 8");
            }
            // Wider colours than a screen's, with a curve of brightness that zscale knows.
            let is_wide = self.color_space == "bt2020nc"
                && self.color_primaries == "bt2020"
                && ["bt709", "bt2020-10", "bt2020-12"].contains(&self.color_transfer.as_str());
            if is_wide && ffmpeg.has_filters(&["zscale"])? {
                filters.push("zscale=p=bt709:m=bt709:t=bt709,format=yuv444p".into());
            }
            filters.push(format!("{to}:in_color_matrix={matrix}"));
        }
        filters.push("format=rgb24".into());
        if scaled != size {
            filters.push(format!("crop={}:{}:0:0", size.0, size.1));
        }
        filters.push("setsar=1".into());
        Ok(filters.join(","))
    }
}

fn is_unknown(colours: &str) -> bool {
    ["", "unknown", "reserved"].contains(&colours)
}

/// `30000/1001`, unless a side is 0.
fn ratio(text: &str) -> Option<(u32, u32)> {
    let (above, below) = text.split_once('/')?;
    let (above, below) = (above.parse().ok()?, below.parse().ok()?);
    (above > 0 && below > 0).then_some((above, below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_even_and_pixels_square() {
        let stream = |width, height, pixels: &str| Stream {
            width,
            height,
            sample_aspect_ratio: pixels.into(),
            ..Stream::default()
        };
        assert_eq!(stream(1920, 1080, "1:1").sizes(640), ((640, 360), (640, 360)));
        assert_eq!(stream(65, 49, "1:1").sizes(640), ((65, 49), (64, 48)));
        assert_eq!(stream(1001, 667, "").sizes(500).1, (500, 334));
        assert_eq!(stream(720, 576, "64:45").sizes(2000).0, (1024, 576));
        assert_eq!(stream(720, 480, "8:9").sizes(2000).0, (720, 540));
        let mut phone = stream(1920, 1080, "1:1");
        phone.side_data_list = vec![SideData { rotation: 0.0 }, SideData { rotation: -90.0 }];
        assert_eq!(phone.sizes(640).1, (360, 640));
        phone.side_data_list[1].rotation = 180.0;
        assert_eq!(phone.sizes(640).1, (640, 360));
    }
}
