//! Pictures and other files, found, read and named.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use impasto::{Format, Picture};
use indicatif::{ProgressBar, ProgressStyle};

/// Largest file that is read into memory, in bytes.
const MOST_BYTES: u64 = 256 << 20;

/// The whole file, unless it is absurdly large.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let cannot_read = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(cannot_read)?;
    let size = file.metadata().with_context(cannot_read)?.len();
    // Devices and pipes have no size and no end: the limit holds for what comes out, too.
    if size <= MOST_BYTES {
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes).with_context(cannot_read)?;
    }
    ensure!(
        size.max(bytes.len() as u64) <= MOST_BYTES,
        "{} is larger than {} MB",
        path.display(),
        MOST_BYTES >> 20
    );
    Ok(bytes)
}

/// The picture in a PNG, JPEG or WebP file.
pub fn read_picture(path: &Path) -> Result<Picture> {
    let bytes = read(path)?;
    Picture::decode(&bytes).with_context(|| path.display().to_string())
}

/// The format that the ending of a file name asks for.
pub fn format_of(path: &Path, quality: u8) -> Option<Format> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "png" => Some(Format::Png),
        "jpg" | "jpeg" => Some(Format::Jpeg { quality }),
        "webp" => Some(Format::WebP),
        _ => None,
    }
}

/// The files of a folder whose names end like a picture's, sorted; not those of its subfolders,
/// nor hidden ones.
pub fn pictures_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let cannot_read = || format!("cannot read the folder {}", folder.display());
    let hidden = |name: &OsStr| name.as_encoded_bytes().starts_with(b".");
    let mut pictures = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(cannot_read)? {
        let path = entry.with_context(cannot_read)?.path();
        let is_picture = format_of(&path, 1).is_some();
        if is_picture && path.is_file() && !path.file_name().is_some_and(hidden) {
            pictures.push(path);
        }
    }
    ensure!(!pictures.is_empty(), "there are no PNG, JPEG or WebP files in {}", folder.display());
    pictures.sort();
    Ok(pictures)
}

/// # Errors
/// If any of the files exists and `force` is not given. Names some of them.
pub fn refuse_to_overwrite(outputs: &[PathBuf], force: bool) -> Result<()> {
    // Also dangling links, which do not exist for Path::exists.
    let existing: Vec<_> =
        outputs.iter().filter(|path| !force && path.symlink_metadata().is_ok()).collect();
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

/// A bar with the remaining time, on standard error.
pub fn progress_bar(length: usize, message: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}, {eta} left")
        .expect("a valid template");
    ProgressBar::new(length as u64).with_style(style).with_message(message)
}
