//! Files that are written whole or not at all.

use std::fs::DirEntry;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How the names of temporary files begin.
const PREFIX: &str = ".impasto-";
/// A temporary file that is older was left behind by a program that was killed.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// Held while a file is written.
static WRITING: Mutex<()> = Mutex::new(());

/// Waits until no file is being written; none is begun before what this returns is dropped. For a program that is
/// about to end.
pub fn when_written() -> MutexGuard<'static, ()> {
    WRITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A temporary folder beside the file that is to be at `path`, removed when it is dropped.
///
/// # Errors
/// Whatever the disk says.
pub fn folder_beside(path: &Path) -> std::io::Result<tempfile::TempDir> {
    tempfile::Builder::new().prefix(PREFIX).tempdir_in(folder_of(path))
}

/// Puts a file that another program has written in the place of `path`, once the disk has all of it. Both are to be
/// on one disk.
///
/// # Errors
/// Whatever the disk says; `path` is then as it was.
pub fn put_whole(written: &Path, path: &Path) -> std::io::Result<()> {
    let _writing = when_written();
    std::fs::File::options().write(true).open(written)?.sync_all()?;
    std::fs::rename(written, path)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// How long ago it was written to; none where nobody knows.
fn age(entry: &DirEntry) -> Option<Duration> {
    entry.metadata().ok()?.modified().ok()?.elapsed().ok()
}

/// Removes temporary files and folders that programs left in this folder when they were killed.
pub fn clear_left_behind(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let ours = entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes());
        if !ours {
            continue;
        }
        let path = entry.path();
        // A folder is as old as the newest in it.
        let inner = std::fs::read_dir(&path).into_iter().flatten().flatten();
        let ages = inner.chain([entry]).map(|entry| age(&entry));
        if ages.min().flatten().is_some_and(|age| age > LEFT_BEHIND) {
            // Whoever may not remove it can work all the same.
            let _ = match path.is_dir() {
                true => std::fs::remove_dir_all(path),
                false => std::fs::remove_file(path),
            };
        }
    }
}

/// Writes to a temporary file beside `path` and renames it over `path` at the end.
///
/// # Errors
/// Whatever the disk says; `path` is then as it was.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let _writing = when_written();
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    // Temporary files are private by default; the result should be as readable as any new file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder_of(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_killed_programs_left_is_cleared_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str, age: u64| {
            let path = folder.path().join(name);
            fs::write(&path, "half").unwrap();
            let then = SystemTime::now() - Duration::from_secs(age);
            File::options().write(true).open(&path).unwrap().set_modified(then).unwrap();
        };
        make(".impasto-old", 2 * 3600);
        make(".impasto-new", 60);
        make("impasto-photo.png", 2 * 3600);
        let make_folder = |name: &str, age: u64| {
            fs::create_dir(folder.path().join(name)).unwrap();
            make(&format!("{name}/part"), age);
            let then = SystemTime::now() - Duration::from_secs(2 * 3600);
            File::open(folder.path().join(name)).unwrap().set_modified(then).unwrap();
        };
        make_folder(".impasto-old-folder", 2 * 3600);
        make_folder(".impasto-busy-folder", 60);
        clear_left_behind(folder.path());
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, [".impasto-busy-folder", ".impasto-new", "impasto-photo.png"]);
    }
}
