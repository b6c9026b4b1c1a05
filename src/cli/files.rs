//! Pictures and other files, found, read and named.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use impasto::files::{clear_left_behind, write_whole};
use impasto::picture::codecs::{Decoded, EXTENSIONS};
use impasto::procedural::{BundledStyle, bundled};
use impasto::tuned::{TunedStyle, Tuning};
use impasto::{Format, Mask, Picture, PictureError, Style, Stylizer};
use indicatif::{ProgressBar, ProgressStyle};

use super::Usage;

/// Between lines about progress where there is no terminal.
pub const A_WHILE: Duration = Duration::from_secs(60);
/// Largest file that is read into memory, in bytes.
const MOST_BYTES: u64 = 256 << 20;

/// Bytes that a folder is tried with.
const PROBE: usize = 1 << 16;

/// Whether this means standard input or output, and no file.
pub fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

/// How messages call what is read.
pub fn name_of(path: &Path) -> String {
    match is_standard(path) {
        true => "standard input".into(),
        false => path.display().to_string(),
    }
}

/// The whole file, or standard input, unless it is absurdly large.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let cannot_read = || format!("cannot read {}", name_of(path));
    let (source, size): (Box<dyn Read>, u64) = match is_standard(path) {
        true => (Box::new(std::io::stdin()), 0),
        false => {
            let file = File::open(path).with_context(cannot_read)?;
            let size = file.metadata().with_context(cannot_read)?.len();
            (Box::new(file), size)
        }
    };
    let mut bytes = Vec::new();
    // Devices and pipes have no size and no end: the limit holds for what comes out, too.
    if size <= MOST_BYTES {
        source.take(MOST_BYTES + 1).read_to_end(&mut bytes).with_context(cannot_read)?;
    }
    ensure!(
        size.max(bytes.len() as u64) <= MOST_BYTES,
        "{} is larger than {} MB",
        name_of(path),
        MOST_BYTES >> 20
    );
    Ok(bytes)
}

/// The picture in a file.
pub fn read_picture(path: &Path) -> Result<Picture> {
    decoded(path, Picture::decode)
}

/// The same, and what is beside the pixels.
pub fn read_whole(path: &Path) -> Result<Decoded> {
    decoded(path, Decoded::read)
}

/// A style that was given.
pub struct GivenStyle {
    name: String,
    pub picture: Picture,
    /// Where the networks were tuned to it.
    pub tuning: Option<Tuning>,
}

impl GivenStyle {
    /// Encoded, at a long side of so many pixels, by a stylizer with the weights of that name.
    pub fn encoded(&self, stylizer: &Stylizer, weights: &str, size: u32) -> Result<Style> {
        let picture = self.picture.fit(size);
        match &self.tuning {
            Some(tuning) => stylizer
                .encode_tuned_style(&picture, tuning)
                .with_context(|| format!("{} with {weights}", self.name)),
            None => Ok(stylizer.encode_style(&picture)),
        }
    }
}

/// The style picture or tuned style in a file, or the style of this name that comes with the program.
pub fn read_style(path: &Path) -> Result<GivenStyle> {
    let name = name_of(path);
    let bytes = match bundled_style(path) {
        Some(style) => match style.tuned() {
            Some(bytes) => Cow::Borrowed(bytes),
            None => return Ok(GivenStyle { name, picture: style.picture(), tuning: None }),
        },
        None => Cow::Owned(read_style_file(path)?),
    };
    // One that was cut short may say nothing of itself.
    let named = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("style"));
    let (picture, tuning) = if named || TunedStyle::is(&bytes) {
        let TunedStyle { picture, tuning } =
            TunedStyle::load(&bytes).with_context(|| name.clone())?;
        (picture, Some(tuning))
    } else {
        (Picture::decode_style(&bytes).with_context(|| name.clone())?, None)
    };
    Ok(GivenStyle { name, picture, tuning })
}

/// The file that an argument names in which a style of the program could be named, too.
fn read_style_file(path: &Path) -> Result<Vec<u8>> {
    let file = read(path);
    match is_standard(path) || path.exists() {
        true => file,
        false => file.context(format!(
            "{}: there is no such file, nor a style of that name (impasto styles --list)",
            path.display()
        )),
    }
}

/// The style of this name that comes with the program. A file of that name comes first.
pub fn bundled_style(name: &Path) -> Option<&'static BundledStyle> {
    if name.exists() {
        return None;
    }
    bundled().iter().find(|style| name == Path::new(style.id))
}

/// `NAME=VALUE`, split at the last `=`: the name may be any that the system has, the value is text.
pub fn split_value(argument: &OsStr) -> Option<(&Path, &str)> {
    let bytes = argument.as_encoded_bytes();
    let at = bytes.iter().rposition(|&byte| byte == b'=')?;
    let value = std::str::from_utf8(&bytes[at + 1..]).ok()?;
    // SAFETY: these bytes are an `OsStr`'s, up to a character of ASCII.
    let name = unsafe { OsStr::from_encoded_bytes_unchecked(&bytes[..at]) };
    Some((Path::new(name), value))
}

/// The mask in a picture file.
pub fn read_mask(path: &Path) -> Result<Mask> {
    decoded(path, Mask::decode)
}

fn decoded<T>(path: &Path, decode: impl Fn(&[u8]) -> Result<T, PictureError>) -> Result<T> {
    decode(&read(path)?).with_context(|| name_of(path))
}

/// The format that the ending of a file name asks for.
pub fn format_of(path: &Path, quality: u8) -> Option<Format> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "png" => Some(Format::Png),
        "jpg" | "jpeg" | "jpe" | "jfif" => Some(Format::Jpeg { quality }),
        "webp" => Some(Format::WebP),
        _ => None,
    }
}

/// The same, which is PNG for standard output.
///
/// # Errors
/// Says which endings there are.
pub fn format_for(path: &Path, quality: u8) -> Result<Format> {
    if is_standard(path) {
        return Ok(Format::Png);
    }
    let wrong = || match is_only_ending(path) {
        true => Usage(format!(
            "{}: that is an ending without a name; say for instance painting{}",
            path.display(),
            path.file_name().unwrap_or_default().display()
        )),
        false => Usage(format!("{}: the name must end in .png, .jpg or .webp", path.display())),
    };
    Ok(format_of(path, quality).ok_or_else(wrong)?)
}

/// `.png` and the like, which is a hidden file without an ending.
pub fn is_only_ending(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).filter(|name| name.starts_with('.'));
    name.is_some_and(|name| format_of(Path::new(&format!("name{name}")), 1).is_some())
}

/// Says what was written: not on standard output where the file itself went there.
pub fn tell_written(path: &Path, text: &str) {
    match is_standard(path) {
        true => eprintln!("{text}"),
        false => say!("{}: {text}", path.display()),
    }
}

/// What of its photo's opacity goes into the file of a painting. JPEG has none, which is said.
pub fn opacity_in<'a>(
    format: Format,
    opacity: Option<&'a Mask>,
    photo: &Path,
    output: &Path,
) -> Option<&'a Mask> {
    if !matches!(format, Format::Jpeg { .. }) {
        return opacity;
    }
    if opacity.is_some() {
        let (photo, output) = (name_of(photo), output.display());
        eprintln!("{photo} is transparent and JPEG cannot be: {output} is on white");
    }
    None
}

/// Photos, and those in folders.
pub fn photos_in(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut photos = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => photos.extend(pictures_in(path)?),
            false => photos.push(path.clone()),
        }
    }
    Ok(photos)
}

/// The files of a folder whose names end like a picture's, sorted; not those of its subfolders,
/// nor hidden ones. Says which others there are.
pub fn pictures_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let cannot_read = || format!("cannot read the folder {}", folder.display());
    let hidden = |name: &OsStr| name.as_encoded_bytes().starts_with(b".");
    let (mut pictures, mut others) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(folder).with_context(cannot_read)? {
        let path = entry.with_context(cannot_read)?.path();
        if path.is_dir() || path.file_name().is_some_and(hidden) {
            continue;
        }
        // Not a pipe, which nobody may ever write to, nor a link to nothing.
        match is_named_like_a_picture(&path) && path.is_file() {
            true => pictures.push(path),
            false => others.extend(path.file_name().map(|name| name.display().to_string())),
        }
    }
    ensure!(
        !pictures.is_empty(),
        "there are no PNG, JPEG, WebP, GIF, BMP, TIFF or JPEG XL files in {}",
        folder.display()
    );
    pictures.sort();
    others.sort();
    match others.as_slice() {
        [] => {}
        [first, second, third, rest @ ..] if !rest.is_empty() => {
            let more = rest.len();
            eprintln!(
                "not read in {}: {first}, {second}, {third} and {more} more",
                folder.display()
            );
        }
        others => eprintln!("not read in {}: {}", folder.display(), others.join(", ")),
    }
    Ok(pictures)
}

/// Whether its ending is one of a picture's.
pub fn is_named_like_a_picture(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| EXTENSIONS.contains(&ending.as_str()))
}

/// Whether there is a file, or a dangling link, which does not exist for `Path::exists`.
pub fn is_there(path: &Path) -> bool {
    !is_standard(path) && path.symlink_metadata().is_ok()
}

/// # Errors
/// If any of the files exists and `force` is not given. Names some of them.
pub fn refuse_to_overwrite(outputs: &[PathBuf], force: bool) -> Result<()> {
    let existing: Vec<_> = outputs.iter().filter(|path| !force && is_there(path)).collect();
    match existing.as_slice() {
        [] => Ok(()),
        [only] => bail!("{} exists; --force replaces it", only.display()),
        [first, second, rest @ ..] => {
            let (first, second) = (first.display(), second.display());
            let more = match rest.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            bail!("{first}, {second}{more} exist; --force replaces them")
        }
    }
}

/// # Errors
/// If standard input is named more than once: there is nothing left of it for the second time.
pub fn refuse_standard_input_twice<'a>(inputs: impl Iterator<Item = &'a PathBuf>) -> Result<()> {
    let times = inputs.filter(|path| is_standard(path)).count();
    ensure!(
        times <= 1,
        Usage(format!(
            "standard input (-) is named {times} times and can be read only once; save what comes from it to a file"
        ))
    );
    Ok(())
}

/// # Errors
/// If an output is one of the inputs. Not even with --force: whoever loses one that way did not mean to.
pub fn refuse_to_replace_inputs<'a>(
    outputs: &[PathBuf],
    inputs: impl Iterator<Item = &'a PathBuf>,
) -> Result<()> {
    let inputs: HashSet<_> = inputs.filter_map(|path| path.canonicalize().ok()).collect();
    for output in outputs {
        if output.canonicalize().is_ok_and(|output| inputs.contains(&output)) {
            bail!("{} would replace a file that is read; choose another output", output.display());
        }
    }
    Ok(())
}

/// Makes the folder that a file is to be in, and tries whether it can be written to: not only after hours of work.
pub fn make_folder_of(file: &Path) -> Result<()> {
    if is_standard(file) {
        return Ok(());
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let cannot_write = || format!("cannot write to the folder {}", folder.display());
    ensure!(!folder.exists() || folder.is_dir(), "{}: it is not a folder", cannot_write());
    std::fs::create_dir_all(folder).with_context(cannot_write)?;
    let mut file = tempfile::tempfile_in(folder).with_context(cannot_write)?;
    // A disk may have room for names only.
    file.write_all(&[0; PROBE]).with_context(cannot_write)?;
    clear_left_behind(folder);
    Ok(())
}

/// Writes a file whole or not at all; or to standard output.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    match is_standard(path) {
        // What is left in its buffer at the end is lost without a word where there is no room.
        true => std::io::stdout().write_all(bytes).and_then(|()| std::io::stdout().flush()),
        false => write_whole(path, bytes),
    }
    .with_context(|| match is_standard(path) {
        true => "cannot write to standard output".into(),
        false => format!("cannot write {}", path.display()),
    })
}

/// Whether nothing else can be written there, either.
pub fn nothing_can_be_written(error: &anyhow::Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let kinds = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    kinds
        .map(std::io::Error::kind)
        .any(|kind| matches!(kind, QuotaExceeded | ReadOnlyFilesystem | StorageFull))
}

/// A bar with the remaining time, on standard error.
pub fn progress_bar(length: usize, message: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}, {eta} left")
        .expect("a valid template");
    ProgressBar::new(length as u64).with_style(style).with_message(message)
}
