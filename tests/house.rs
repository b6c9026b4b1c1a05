//! The rooms of the crate point one way: no file uses a room above its own.

use std::fs;
use std::path::{Path, PathBuf};

/// The files and folders of src/, each of which may use those before it only.
const ROOMS: [&str; 18] = [
    "files",
    "device",
    "kernels",
    "weights",
    "picture",
    "network",
    "tiles",
    "procedural",
    "tuned",
    "stylizer",
    "film",
    "census",
    "fit",
    "train",
    "web",
    "lib",
    "cli",
    "main",
];
/// What lib.rs gives shorter names to, and whose they are.
const SHORT: [(&str, &str); 14] = [
    ("Format", "picture"),
    ("Picture", "picture"),
    ("PictureError", "picture"),
    ("Colours", "network"),
    ("Mask", "picture"),
    ("Content", "stylizer"),
    ("Layer", "stylizer"),
    ("Options", "stylizer"),
    ("STYLE_SIZE", "stylizer"),
    ("Style", "stylizer"),
    ("StylizeError", "stylizer"),
    ("Stylizer", "stylizer"),
    ("WeightsError", "weights"),
    ("DEFAULT_WEIGHTS", "weights"),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| match path.is_dir() {
        true => sources(&path),
        false => vec![path],
    });
    files.filter(|path| path.extension().is_some_and(|ending| ending == "rs")).collect()
}

/// The rooms that a text uses, by the names behind `crate::`, `impasto::` or the same in braces.
fn used(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for start in ["crate::", "impasto::"] {
        for (at, _) in text.match_indices(start) {
            let rest = &text[at + start.len()..];
            let names: Vec<&str> = match rest.strip_prefix('{') {
                Some(list) => list[..list.find('}').unwrap_or(list.len())].split(',').collect(),
                None => vec![rest],
            };
            for name in names {
                let name = name.trim();
                let end = name.find(|c: char| c != '_' && !c.is_alphanumeric());
                found.push(name[..end.unwrap_or(name.len())].to_owned());
            }
        }
    }
    found
}

#[test]
fn rooms_use_what_is_below_them_only() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let height = |room: &str| ROOMS.iter().position(|name| *name == room);
    let mut wrong = Vec::new();
    let mut arrows = 0;
    for path in sources(&source) {
        let inner = path.strip_prefix(&source).unwrap().with_extension("");
        let room = inner.iter().next().unwrap().to_str().unwrap().to_owned();
        let own = height(&room).unwrap_or_else(|| panic!("{room} has no place in ROOMS"));
        // Unit tests may start from pictures and networks; so may words about other rooms.
        if inner.ends_with("tests") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
        let code = code.split("#[cfg(all(test").next().unwrap();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        for name in used(&lines.collect::<Vec<_>>().join("\n")) {
            let short = SHORT.iter().find(|(short, _)| *short == name).map(|(_, room)| *room);
            let Some(other) = height(short.unwrap_or(&name)) else { continue };
            arrows += 1;
            if other > own {
                wrong.push(format!("{} uses {name}", inner.display()));
            }
        }
    }
    assert!(arrows > 100, "only {arrows} uses were found");
    assert!(wrong.is_empty(), "arrows that point up: {wrong:#?}");
}

#[test]
fn the_rule_sees_what_it_forbids() {
    let text = "use crate::kernels::{self, BLUR};\nuse crate::{Stylizer, picture::Picture};\nimpasto::fit::run()";
    assert_eq!(used(text), ["kernels", "Stylizer", "picture", "fit"]);
}
