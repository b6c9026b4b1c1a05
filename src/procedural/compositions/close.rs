//! Close by: things on tables, faces, ponds, stones and bare forms.

use std::f32::consts::{FRAC_PI_2, PI};

use super::super::canvas::{luma, mix, shade};
use super::super::math::{cos, sin};
use super::super::noise::Dice;
use super::super::palette::Palette;
use super::super::scene::{Flow, Layer, Run, Shape};
use super::{Roles, along, ball, layer, ridge, rough};

pub(super) fn still_life(
    w: f32,
    h: f32,
    palette: &Palette,
    roles: &Roles,
    dice: &mut Dice,
) -> Vec<Layer> {
    let wall = layer(
        Shape::Everything,
        roles.sky[0],
        mix(roles.sky[1], roles.dark, 0.25),
        Run::Down(h),
        along(dice.range(0.6, 1.2), 0.8),
        0.5,
    );
    let mut layers = vec![wall];
    let table = h * dice.range(0.52, 0.64);
    let cloth = palette.any(dice);
    layers.push(layer(
        ridge(w, table, 0.01, 2.0, dice),
        shade(cloth, 0.2),
        mix(cloth, roles.dark, 0.5),
        Run::Down(0.5),
        along(0.0, 0.5),
        0.5,
    ));
    let vase = palette.accent();
    let x = w * dice.range(0.25, 0.75);
    let neck = Shape::Block { x, y: table - 0.22, hx: 0.05, hy: 0.12, tilt: 0.0 };
    layers.push(layer(
        neck,
        shade(vase, 0.2),
        mix(vase, roles.dark, 0.5),
        Run::Ball,
        along(FRAC_PI_2, 0.1),
        0.1,
    ));
    layers.push(layer(
        ball(x, table - 0.03, 0.13, 0.17),
        vase,
        mix(vase, roles.dark, 0.6),
        Run::Ball,
        Flow::Around,
        0.2,
    ));
    for k in 0..5 + dice.below(5) {
        let r = dice.range(0.055, 0.1);
        let (x, y) = (
            dice.range(0.08, 0.92) * w,
            table + 0.02 + 0.3 * (h - table) * (k as f32 / 5.0) + dice.about(0.02),
        );
        let shadow = ball(x + r * 0.5, y + r * 0.75, r * 1.3, r * 0.35);
        layers.push(layer(
            shadow,
            mix(cloth, roles.dark, 0.7),
            mix(cloth, roles.dark, 0.5),
            Run::Out,
            along(0.0, 0.1),
            0.0,
        ));
        let fruit = palette.any(dice);
        let fruit = if luma(fruit) < 0.2 { roles.sun } else { fruit };
        layers.push(layer(
            ball(x, y, r, r * dice.range(0.85, 1.1)),
            fruit,
            mix(fruit, roles.dark, 0.55),
            Run::Ball,
            Flow::Around,
            0.25,
        ));
    }
    layers
}

pub(super) fn bouquet(
    w: f32,
    h: f32,
    palette: &Palette,
    roles: &Roles,
    dice: &mut Dice,
) -> Vec<Layer> {
    let wall = layer(
        Shape::Everything,
        roles.sky[0],
        roles.sky[1],
        Run::Down(h),
        along(dice.about(0.8), 1.0),
        0.6,
    );
    let table = layer(
        ridge(w, h * 0.84, 0.01, 2.0, dice),
        roles.middle,
        mix(roles.near, roles.dark, 0.3),
        Run::Down(0.2),
        along(0.0, 0.3),
        0.5,
    );
    let mut layers = vec![wall, table];
    let x = w * dice.range(0.42, 0.58);
    let vase = palette.any(dice);
    layers.push(layer(
        ball(x, h * 0.82, 0.12, 0.16),
        vase,
        mix(vase, roles.dark, 0.6),
        Run::Ball,
        Flow::Around,
        0.2,
    ));
    let leaf = mix(roles.near, roles.dark, 0.35);
    for _ in 0..14 {
        let (dx, dy) = (dice.bell() * 0.26, dice.range(0.25, 0.72) * h);
        layers.push(layer(
            rough(x + dx, dy, 0.1, 0.04, 0.3, dice),
            mix(leaf, roles.middle, 0.5),
            leaf,
            Run::Ball,
            along(dice.about(1.5), 0.4),
            0.4,
        ));
    }
    let kinds = [palette.accent(), palette.any(dice), palette.lightest(), roles.sun];
    for _ in 0..13 + dice.below(6) {
        let (a, d) = (dice.range(-PI, PI), dice.unit().sqrt());
        let (fx, fy) = (x + 0.36 * d * cos(a), h * 0.4 + 0.3 * d * sin(a));
        let radius = dice.range(0.05, 0.12);
        let colour = *dice.pick(&kinds);
        let shape = Shape::Flower {
            x: fx,
            y: fy,
            radius,
            petals: 5 + dice.below(5) as u32,
            turn: dice.range(0.0, PI),
        };
        layers.push(layer(
            shape,
            shade(colour, 0.2),
            mix(colour, roles.dark, 0.3),
            Run::Out,
            Flow::Radial,
            0.3,
        ));
        layers.push(layer(
            ball(fx, fy, radius * 0.28, radius * 0.28),
            roles.sun,
            mix(roles.sun, roles.dark, 0.6),
            Run::Ball,
            Flow::Around,
            0.2,
        ));
    }
    layers
}

pub(super) fn portrait(
    w: f32,
    h: f32,
    palette: &Palette,
    roles: &Roles,
    dice: &mut Dice,
) -> Vec<Layer> {
    let back = layer(
        Shape::Everything,
        roles.sky[0],
        roles.middle,
        Run::Down(h),
        along(dice.range(-1.0, 1.0), 1.3),
        0.7,
    );
    let mut layers = vec![back];
    let (x, y) = (w * dice.range(0.42, 0.58), h * 0.4);
    let skin = mix(palette.lightest(), palette.accent(), 0.18);
    let shadow = mix(palette.accent(), roles.dark, 0.35);
    let hair = mix(roles.dark, palette.any(dice), 0.25);
    let coat = palette.any(dice);
    layers.push(layer(
        rough(x, y - 0.03, 0.27, 0.32, 0.15, dice),
        hair,
        roles.dark,
        Run::Ball,
        Flow::Around,
        0.5,
    ));
    layers.push(layer(
        ball(x, h * 1.08, 0.46, 0.4),
        shade(coat, 0.1),
        mix(coat, roles.dark, 0.6),
        Run::Ball,
        Flow::Around,
        0.5,
    ));
    let neck = Shape::Block { x, y: y + 0.26, hx: 0.075, hy: 0.14, tilt: 0.0 };
    layers.push(layer(
        neck,
        mix(skin, shadow, 0.4),
        shadow,
        Run::Down(1.0),
        along(FRAC_PI_2, 0.2),
        0.2,
    ));
    let tilt = dice.about(0.12);
    let head = Shape::Ellipse { x, y: y + 0.02, rx: 0.185, ry: 0.255, tilt, rough: 0.0, seed: 0 };
    layers.push(layer(head, skin, shadow, Run::Ball, Flow::Around, 0.25));
    let fringe = Shape::Ellipse {
        x: x - 0.04,
        y: y - 0.19,
        rx: 0.2,
        ry: 0.1,
        tilt: -0.35,
        rough: 0.15,
        seed: dice.bits(),
    };
    layers.push(layer(fringe, hair, roles.dark, Run::Ball, along(-0.5, 0.5), 0.5));
    for side in [-1.0f32, 1.0] {
        let brow = Shape::Ellipse {
            x: x + side * 0.08,
            y: y - 0.045,
            rx: 0.05,
            ry: 0.011,
            tilt: side * 0.15,
            rough: 0.0,
            seed: 0,
        };
        layers.push(layer(brow, hair, hair, Run::Out, along(0.0, 0.0), 0.0));
        layers.push(layer(
            ball(x + side * 0.08, y, 0.042, 0.018),
            mix(skin, [1.0; 3], 0.6),
            skin,
            Run::Out,
            along(0.0, 0.0),
            0.0,
        ));
        layers.push(layer(
            ball(x + side * 0.08, y, 0.017, 0.018),
            roles.dark,
            roles.dark,
            Run::Out,
            Flow::Around,
            0.0,
        ));
    }
    let nose = Shape::Fir { x: x + 0.01, y: y - 0.01, width: 0.07, height: 0.1 };
    layers.push(layer(
        nose,
        mix(skin, shadow, 0.15),
        shadow,
        Run::Down(1.0),
        along(FRAC_PI_2, 0.0),
        0.0,
    ));
    let lip = mix(palette.accent(), [0.75, 0.2, 0.2], 0.5);
    layers.push(layer(
        ball(x, y + 0.145, 0.06, 0.018),
        lip,
        mix(lip, roles.dark, 0.4),
        Run::Down(1.0),
        along(0.0, 0.0),
        0.0,
    ));
    layers
}

pub(super) fn discs(
    w: f32,
    h: f32,
    palette: &Palette,
    roles: &Roles,
    dice: &mut Dice,
) -> Vec<Layer> {
    let mut layers = vec![layer(
        Shape::Everything,
        roles.sky[0],
        roles.sky[1],
        Run::Down(h),
        along(dice.range(-1.5, 1.5), 1.0),
        0.6,
    )];
    for _ in 0..10 + dice.below(8) {
        let (x, y) = (dice.range(0.0, w), dice.range(0.0, h));
        let (r, colour) = (dice.range(0.06, 0.25), palette.any(dice));
        let shape = if dice.chance(0.25) {
            Shape::Block { x, y, hx: r, hy: r * dice.range(0.15, 0.8), tilt: dice.range(-1.5, 1.5) }
        } else {
            ball(x, y, r, r)
        };
        layers.push(layer(
            shape,
            colour,
            mix(colour, palette.any(dice), 0.5),
            Run::Out,
            Flow::Around,
            0.4,
        ));
        if dice.chance(0.6) {
            let inner = palette.any(dice);
            layers.push(layer(
                ball(x, y, r * 0.6, r * 0.6),
                inner,
                mix(inner, palette.any(dice), 0.4),
                Run::Out,
                Flow::Around,
                0.3,
            ));
        }
    }
    layers
}

pub(super) fn garden(
    w: f32,
    h: f32,
    palette: &Palette,
    roles: &Roles,
    dice: &mut Dice,
) -> Vec<Layer> {
    // A pond from above: water, reflections, pads and flowers.
    let water = layer(
        Shape::Everything,
        roles.middle,
        roles.near,
        Run::Down(h),
        along(FRAC_PI_2, 0.5),
        0.9,
    );
    let mut layers = vec![water];
    for _ in 0..8 {
        let (x, y) = (dice.range(0.0, w), dice.range(0.0, h));
        let colour = palette.any(dice);
        layers.push(layer(
            rough(x, y, 0.08, 0.3, 0.5, dice),
            colour,
            mix(colour, roles.near, 0.5),
            Run::Out,
            along(FRAC_PI_2, 0.5),
            0.7,
        ));
    }
    for k in 0..26 {
        let t = k as f32 / 26.0;
        let (x, y) = (dice.range(0.0, w), h * (0.12 + 0.86 * t) + dice.about(0.05));
        let r = 0.03 + 0.07 * t;
        let pad = mix(palette.any(dice), roles.far, 0.4);
        layers.push(layer(
            rough(x, y, r * 1.5, r * 0.55, 0.2, dice),
            shade(pad, 0.15),
            mix(pad, roles.dark, 0.3),
            Run::Ball,
            along(0.0, 0.3),
            0.4,
        ));
        if dice.chance(0.4) {
            let colour = mix(palette.lightest(), palette.accent(), dice.range(0.0, 0.6));
            let shape = Shape::Flower {
                x,
                y: y - r * 0.3,
                radius: r * 0.55,
                petals: 7,
                turn: dice.range(0.0, PI),
            };
            layers.push(layer(shape, shade(colour, 0.3), colour, Run::Out, Flow::Radial, 0.2));
        }
    }
    layers
}

pub(super) fn pebbles(
    w: f32,
    h: f32,
    palette: &Palette,
    roles: &Roles,
    dice: &mut Dice,
) -> Vec<Layer> {
    let mut layers = vec![layer(
        Shape::Everything,
        roles.dark,
        roles.near,
        Run::Down(h),
        along(dice.about(1.5), 1.2),
        0.8,
    )];
    for (x, y) in dice.scatter(w, h, 0.17) {
        let (rx, ry) = (dice.range(0.06, 0.15), dice.range(0.05, 0.1));
        let colour = palette.any(dice);
        layers.push(layer(
            rough(x, y, rx, ry, 0.25, dice),
            colour,
            mix(colour, palette.any(dice), 0.4),
            Run::Ball,
            Flow::Around,
            0.5,
        ));
    }
    layers
}
