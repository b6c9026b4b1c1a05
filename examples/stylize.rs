//! A photo in the style of a picture, from file to file: `cargo run --release --example stylize PHOTO STYLE PAINTING.png`

use std::error::Error;

use impasto::{DEFAULT_WEIGHTS, Format, Picture, STYLE_SIZE, Stylizer, device};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [photo, style, painting] = arguments.as_slice() else {
        return Err("give a photo, a style picture and the name of a PNG file".into());
    };
    // A GPU paints faster, where there is one.
    let device = pollster::block_on(device::gpu()).unwrap_or_else(|_| device::cpu());
    let stylizer = Stylizer::load(DEFAULT_WEIGHTS, &device)?;
    let photo = Picture::decode(&std::fs::read(photo)?)?.fit(1024);
    let style = Picture::decode_style(&std::fs::read(style)?)?.fit(STYLE_SIZE);

    let content = stylizer.encode_content(&photo);
    let style = stylizer.encode_style(&style);
    let painted = pollster::block_on(stylizer.stylize(&content, &[(&style, 1.0)], 1.0))?;
    std::fs::write(painting, painted.encode(Format::Png)?)?;
    println!("{painting}: {} x {} pixels", painted.width(), painted.height());
    Ok(())
}
