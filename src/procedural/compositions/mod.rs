//! Things to paint: landscapes, still lifes, figures and abstractions.

mod close;
mod outdoors;

use std::f32::consts::FRAC_PI_2;

use super::canvas::{Rgb, mix, shade};
use super::noise::Dice;
use super::palette::Palette;
use super::scene::{Flow, Layer, Run, Shape, Skyline};

/// Colours by the part they play.
struct Roles {
    sky: [Rgb; 2],
    far: Rgb,
    middle: Rgb,
    near: Rgb,
    sun: Rgb,
    dark: Rgb,
}

impl Roles {
    fn cast(palette: &Palette, dice: &mut Dice) -> Self {
        let n = palette.len();
        let night = dice.chance(0.35);
        let inner = 1 + dice.below(n - 2);
        let other = 1 + (inner + dice.below(n - 3)) % (n - 2);
        let sky = if night {
            [palette.darkest(), palette.rank(1 + dice.below(2))]
        } else {
            [palette.rank(n - 2 - dice.below(2)), palette.lightest()]
        };
        Self {
            sky,
            far: mix(palette.rank(inner), sky[1], 0.35),
            middle: palette.rank(inner),
            near: if night { palette.rank(other.max(2)) } else { palette.rank(other.min(n - 3)) },
            sun: if night { palette.lightest() } else { palette.accent() },
            dark: palette.darkest(),
        }
    }
}

/// One composition out of all, for a picture `w` by `h` (the shorter is 1).
/// The first layer covers everything.
pub fn any(w: f32, h: f32, palette: &Palette, dice: &mut Dice) -> Vec<Layer> {
    let compose = *dice.pick(&[
        outdoors::hills,
        outdoors::mountain,
        outdoors::sea,
        close::still_life,
        close::bouquet,
        outdoors::forest,
        outdoors::town,
        close::portrait,
        close::discs,
        close::garden,
        outdoors::night,
        close::pebbles,
    ]);
    let roles = Roles::cast(palette, dice);
    compose(w, h, palette, &roles, dice)
}

fn layer(shape: Shape, near: Rgb, far: Rgb, run: Run, flow: Flow, mottle: f32) -> Layer {
    Layer { shape, near, far, run, flow, mottle }
}

fn along(angle: f32, drift: f32) -> Flow {
    Flow::Along { angle, drift }
}

fn ball(x: f32, y: f32, rx: f32, ry: f32) -> Shape {
    Shape::Ellipse { x, y, rx, ry, tilt: 0.0, rough: 0.0, seed: 0 }
}

fn rough(x: f32, y: f32, rx: f32, ry: f32, rough: f32, dice: &mut Dice) -> Shape {
    Shape::Ellipse { x, y, rx, ry, tilt: dice.about(0.4), rough, seed: dice.bits() }
}

fn ridge(w: f32, base: f32, swell: f32, frequency: f32, dice: &mut Dice) -> Shape {
    Shape::Ridge(Skyline::new(w, base, swell, frequency, None, dice.bits()))
}

fn sky(roles: &Roles, h: f32, dice: &mut Dice) -> Layer {
    layer(
        Shape::Everything,
        roles.sky[0],
        roles.sky[1],
        Run::Down(h * 0.7),
        along(dice.about(0.3), 1.2),
        0.45,
    )
}

fn add_sun(layers: &mut Vec<Layer>, w: f32, y: f32, roles: &Roles, dice: &mut Dice) {
    let (x, r) = (dice.range(0.15, 0.85) * w, dice.range(0.05, 0.13));
    let halo = mix(roles.sun, roles.sky[1], 0.6);
    layers.push(layer(
        ball(x, y, r * 2.0, r * 2.0),
        halo,
        roles.sky[1],
        Run::Out,
        Flow::Around,
        0.2,
    ));
    layers.push(layer(
        ball(x, y, r, r),
        shade(roles.sun, 0.25),
        roles.sun,
        Run::Out,
        Flow::Around,
        0.1,
    ));
}

fn add_clouds(layers: &mut Vec<Layer>, w: f32, h: f32, roles: &Roles, dice: &mut Dice) {
    let colour = mix(roles.sky[1], [1.0, 0.98, 0.95], 0.5);
    for _ in 0..dice.below(5) {
        let (x, y) = (dice.range(0.0, w), dice.range(0.05, 0.32) * h);
        let (rx, ry) = (dice.range(0.1, 0.25), dice.range(0.025, 0.07));
        layers.push(layer(
            rough(x, y, rx, ry, 0.5, dice),
            colour,
            roles.sky[1],
            Run::Ball,
            along(0.0, 1.5),
            0.3,
        ));
    }
}

fn add_trees(
    layers: &mut Vec<Layer>,
    x: f32,
    ground: f32,
    size: f32,
    colours: [Rgb; 2],
    dark: Rgb,
    dice: &mut Dice,
) {
    let trunk = Shape::Trunk {
        x,
        lean: dice.about(0.15),
        radius: size * 0.08,
        top: ground - size,
        bottom: ground,
        seed: dice.bits(),
    };
    layers.push(layer(
        trunk,
        dark,
        mix(dark, colours[0], 0.4),
        Run::Down(1.0),
        along(FRAC_PI_2, 0.3),
        0.3,
    ));
    for _ in 0..4 {
        let (dx, dy) = (dice.about(0.35) * size, dice.range(0.6, 1.25) * size);
        let r = size * dice.range(0.25, 0.42);
        layers.push(layer(
            rough(x + dx, ground - dy, r, r * 0.85, 0.4, dice),
            colours[0],
            colours[1],
            Run::Ball,
            along(dice.about(1.5), 1.5),
            0.5,
        ));
    }
}
