//! Ctrl-C, and being asked to end (SIGTERM), for all commands alike.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use impasto::files::when_written;

/// The exit code then.
pub const CODE: i32 = 130;

/// What to say when the first Ctrl-C is to be waited out, because there is something to keep.
static KEEPING: Mutex<Option<&str>> = Mutex::new(None);
static ASKED: AtomicBool = AtomicBool::new(false);
/// What is of no use once the program has ended.
static SCRAPS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Listens from now on. Work is given up at once, but a file that is being written is finished.
pub fn listen() -> Result<()> {
    ctrlc::set_handler(|| {
        let keeping = *KEEPING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(message) = keeping.filter(|_| !ASKED.swap(true, Ordering::SeqCst)) {
            eprintln!("\n{message}; once more Ctrl-C leaves without it");
            return;
        }
        let _written = when_written();
        for folder in SCRAPS.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            // What cannot be removed is cleared by a later run.
            let _ = std::fs::remove_dir_all(folder);
        }
        eprintln!("\nstopped");
        std::process::exit(CODE);
    })
    .context("cannot listen for Ctrl-C")
}

/// While this exists, the first Ctrl-C only sets a flag, see [`asked`], and says a sentence.
pub struct Keeping(());

impl Keeping {
    /// `message` says what is kept.
    pub fn start(message: &'static str) -> Self {
        *KEEPING.lock().unwrap_or_else(PoisonError::into_inner) = Some(message);
        Self(())
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        *KEEPING.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Whether Ctrl-C was pressed while there was something to keep.
pub fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// The same, for what is to look at it by itself.
#[cfg(feature = "train")]
pub fn flag() -> &'static AtomicBool {
    &ASKED
}

/// Once Ctrl-C was pressed while there was something to keep, and that is kept.
pub fn leave_if_asked() {
    if asked() {
        std::process::exit(CODE);
    }
}

/// Has this temporary folder removed when the program is stopped at once.
pub fn remove_when_stopped(folder: PathBuf) {
    SCRAPS.lock().unwrap_or_else(PoisonError::into_inner).push(folder);
}
