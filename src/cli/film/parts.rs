//! The painted film in parts, each whole by itself: what is painted is not lost with what is not.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use impasto::files::{folder_beside, put_whole, write_whole};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::source::seconds;
use crate::cli::interrupt;

/// In the folder, what the parts are of.
const RECORD: &str = "film.json";
/// What a part is called until it is whole.
const UNFINISHED: &str = "unfinished";

/// What makes a film another one, by what it is called in messages.
pub type Settings = BTreeMap<String, String>;

/// A part that is whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Part {
    pub file: String,
    pub frames: usize,
    /// From when to when its frames are shown, in microseconds.
    pub start: u64,
    pub end: u64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    settings: Settings,
    parts: Vec<Part>,
}

/// The parts of a film, in a folder.
#[derive(Debug)]
pub struct Parts {
    folder: PathBuf,
    /// Where the folder goes with the program.
    passing: Option<TempDir>,
    record: Record,
}

impl Parts {
    /// In a temporary folder beside the film.
    ///
    /// # Errors
    /// If there are kept ones of that film, unless they are to be replaced: then they are removed.
    pub fn passing(output: &Path, settings: Settings, replace: bool) -> Result<Self> {
        let kept = Self::folder_of(output);
        if kept.join(RECORD).exists() {
            let name = kept.display();
            ensure!(
                replace,
                "there are parts of an earlier run in {name}: --resume goes on with them, --force begins afresh"
            );
            fs::remove_dir_all(&kept).with_context(|| format!("cannot remove {name}"))?;
        }
        let folder = folder_beside(output).context("cannot make a temporary folder")?;
        interrupt::remove_when_stopped(folder.path().into());
        let record = Record { settings, parts: Vec::new() };
        Ok(Self { folder: folder.path().into(), passing: Some(folder), record })
    }

    /// Once something failed: keeps what is whole, if there is anything. Returns where.
    pub fn keep(self, output: &Path) -> Result<Option<PathBuf>> {
        if self.record.parts.is_empty() {
            self.remove()?;
            return Ok(None);
        }
        self.save()?;
        let Self { folder, passing, .. } = self;
        let Some(passing) = passing else { return Ok(Some(folder)) };
        let kept = Self::folder_of(output);
        fs::rename(&folder, &kept)?;
        // There is nothing to be removed any more.
        let _ = passing.keep();
        Ok(Some(kept))
    }

    /// In a folder that stays until the film is whole, with those that are in it.
    ///
    /// # Errors
    /// If they are of another film, or painted otherwise. Says which settings differ.
    pub fn kept(output: &Path, settings: Settings) -> Result<Self> {
        let folder = Self::folder_of(output);
        let name = folder.display();
        let path = folder.join(RECORD);
        let record = match path.exists() {
            true => {
                let bytes =
                    fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                serde_json::from_slice(&bytes).with_context(|| {
                    format!("{} is damaged: remove {name} to start afresh", path.display())
                })?
            }
            false => Record::default(),
        };
        if record.parts.is_empty() {
            return Ok(Self { folder, passing: None, record: Record { settings, ..record } });
        }
        let differing = differing(&record.settings, &settings);
        ensure!(
            differing.is_empty(),
            "the parts in {name} were painted with other settings: {}; give those again, or remove the folder to \
             start afresh",
            differing.join(", ")
        );
        for part in &record.parts {
            let file = folder.join(&part.file);
            ensure!(file.is_file(), "{} is missing: remove {name} to start afresh", file.display());
        }
        Ok(Self { folder, passing: None, record })
    }

    /// Where the parts of a film are kept.
    pub fn folder_of(output: &Path) -> PathBuf {
        let mut name = output.as_os_str().to_owned();
        name.push(".parts");
        name.into()
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All frames of all parts.
    pub fn frames(&self) -> usize {
        self.record.parts.iter().map(|part| part.frames).sum()
    }

    /// When the first frame is shown, and until when the last; none before there is a part.
    pub fn span(&self) -> Option<(u64, u64)> {
        Some((self.record.parts.first()?.start, self.record.parts.last()?.end))
    }

    /// Where the next part is to be written.
    pub fn next(&self) -> Result<PathBuf> {
        let name = self.folder.display();
        fs::create_dir_all(&self.folder).with_context(|| format!("cannot make {name}"))?;
        Ok(self.folder.join(UNFINISHED))
    }

    /// Takes it in, now that it is whole.
    pub fn add(&mut self, frames: usize, start: u64, end: u64) -> Result<()> {
        let file = format!("part-{:04}", self.record.parts.len() + 1);
        let path = self.folder.join(&file);
        put_whole(&self.folder.join(UNFINISHED), &path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        self.record.parts.push(Part { file, frames, start, end });
        match self.passing {
            Some(_) => Ok(()),
            None => self.save(),
        }
    }

    /// Writes a list of the parts into the folder, as ffmpeg joins them. Returns its name.
    pub fn list(&self) -> Result<&'static str> {
        const NAME: &str = "list.ffconcat";
        let parts = &self.record.parts;
        let mut text = String::from("ffconcat version 1.0\n");
        for (index, part) in parts.iter().enumerate() {
            // Up to the next one: between the two, none of them is shown.
            let end = parts.get(index + 1).map_or(part.end, |next| next.start);
            let lasts = seconds(end.saturating_sub(part.start));
            text += &format!("file '{}'\nduration {lasts}\n", part.file);
        }
        let path = self.folder.join(NAME);
        write_whole(&path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(NAME)
    }

    /// Once the film is whole.
    pub fn remove(self) -> Result<()> {
        let Self { folder, passing, .. } = self;
        match passing {
            Some(folder) => folder.close(),
            None if folder.exists() => fs::remove_dir_all(&folder),
            None => Ok(()),
        }
        .with_context(|| format!("cannot remove {}", folder.display()))
    }

    fn save(&self) -> Result<()> {
        let path = self.folder.join(RECORD);
        let bytes = serde_json::to_vec_pretty(&self.record)?;
        write_whole(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))
    }
}

fn differing(then: &Settings, now: &Settings) -> Vec<String> {
    let keys = then.keys().chain(now.keys().filter(|key| !then.contains_key(*key)));
    let of = |settings: &Settings, key: &str| {
        settings.get(key).map_or("none".to_owned(), |value| value.clone())
    };
    keys.filter(|key| then.get(*key) != now.get(*key))
        .map(|key| format!("{key} ({} then, {} now)", of(then, key), of(now, key)))
        .collect()
}
