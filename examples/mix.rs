//! One photo in mixtures of two styles, from all of the first to all of the second, without files to begin with:
//! `cargo run --release --example mix FOLDER`. The photo is encoded once, and so is each style.

use std::error::Error;
use std::path::Path;

use impasto::{DEFAULT_WEIGHTS, Format, STYLE_SIZE, Stylizer, device, procedural};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("give a folder")?;
    std::fs::create_dir_all(&folder)?;
    let stylizer = Stylizer::load(DEFAULT_WEIGHTS, &device::cpu())?;
    let content = stylizer.encode_content(&procedural::scene(384, 256, 7));
    let [first, second] = ["starry-impasto", "golden-mosaic"].map(|name| {
        let style = procedural::bundled().iter().find(|style| style.id == name);
        let picture = style.expect("it comes with the crate").picture();
        stylizer.encode_style(&picture.fit(STYLE_SIZE))
    });
    for tenths in [0, 3, 5, 7, 10] {
        let share = tenths as f32 / 10.0;
        let styles = [(&first, 1.0 - share), (&second, share)];
        let painted = pollster::block_on(stylizer.stylize(&content, &styles, 1.0))?;
        let path = Path::new(&folder).join(format!("mix-{tenths:02}.png"));
        std::fs::write(&path, painted.encode(Format::Png)?)?;
        println!("{}", path.display());
    }
    Ok(())
}
