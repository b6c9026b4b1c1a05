//! Under the open sky.

use std::f32::consts::FRAC_PI_2;

use super::super::canvas::{luma, mix, shade};
use super::super::noise::Dice;
use super::super::palette::Palette;
use super::super::scene::{Flow, Layer, Run, Shape, Skyline};
use super::{Roles, add_clouds, add_sun, add_trees, along, ball, layer, ridge, rough, sky};

pub(super) fn hills(
    w: f32,
    h: f32,
    palette: &Palette,
    roles: &Roles,
    dice: &mut Dice,
) -> Vec<Layer> {
    let mut layers = vec![sky(roles, h, dice)];
    add_sun(&mut layers, w, dice.range(0.15, 0.35) * h, roles, dice);
    add_clouds(&mut layers, w, h, roles, dice);
    let mut y = dice.range(0.35, 0.5) * h;
    let count = 3 + dice.below(3);
    for k in 0..count {
        let t = k as f32 / (count - 1) as f32;
        let near = mix(mix(roles.far, roles.middle, t), palette.any(dice), 0.45);
        let far = mix(roles.near, roles.dark, 0.5 * t);
        let shape = ridge(w, y, dice.range(0.03, 0.09), dice.range(1.0, 2.5), dice);
        layers.push(layer(shape, near, far, Run::Down(0.4), Flow::Slope, 0.6));
        if k + 1 < count && dice.chance(0.6) {
            let (x, size) = (dice.range(0.1, 0.9) * w, 0.08 + 0.18 * t);
            add_trees(
                &mut layers,
                x,
                y + 0.06,
                size,
                [palette.any(dice), roles.dark],
                roles.dark,
                dice,
            );
        }
        y += (h - y) * dice.range(0.3, 0.5);
    }
    layers
}

pub(super) fn mountain(
    w: f32,
    h: f32,
    palette: &Palette,
    roles: &Roles,
    dice: &mut Dice,
) -> Vec<Layer> {
    let mut layers = vec![sky(roles, h, dice)];
    add_sun(&mut layers, w, dice.range(0.12, 0.3) * h, roles, dice);
    add_clouds(&mut layers, w, h, roles, dice);
    let at = dice.range(0.3, 0.7) * w;
    let (base, height, half) =
        (dice.range(0.62, 0.72) * h, dice.range(0.32, 0.46), dice.range(0.45, 0.7));
    let seed = dice.bits();
    let peak = Some((at, height, half));
    let snow = Shape::Ridge(Skyline::new(w, base, 0.012, 7.0, peak, seed));
    layers.push(layer(
        snow,
        mix(palette.lightest(), [1.0; 3], 0.4),
        roles.far,
        Run::Down(0.1),
        Flow::Slope,
        0.2,
    ));
    let body = Shape::Ridge(Skyline::new(w, base + 0.1, 0.05, 9.0, peak, seed));
    layers.push(layer(
        body,
        roles.middle,
        mix(roles.middle, roles.dark, 0.55),
        Run::Down(0.3),
        Flow::Slope,
        0.5,
    ));
    for k in 0..2 {
        let y = base + (0.04 + 0.14 * k as f32) * h;
        let shape = ridge(w, y, 0.03, 3.0, dice);
        layers.push(layer(
            shape,
            palette.any(dice),
            mix(roles.near, roles.dark, 0.3),
            Run::Down(0.3),
            Flow::Slope,
            0.6,
        ));
    }
    for _ in 0..3 + dice.below(6) {
        let (x, height) = (dice.range(0.0, w), dice.range(0.08, 0.24));
        let shape =
            Shape::Fir { x, y: h * dice.range(0.88, 1.02) - height, width: height * 0.5, height };
        layers.push(layer(
            shape,
            mix(roles.near, roles.dark, 0.6),
            roles.dark,
            Run::Down(1.0),
            along(FRAC_PI_2, 0.6),
            0.4,
        ));
    }
    layers
}

pub(super) fn sea(w: f32, h: f32, palette: &Palette, roles: &Roles, dice: &mut Dice) -> Vec<Layer> {
    let mut layers = vec![sky(roles, h, dice)];
    let horizon = dice.range(0.34, 0.5) * h;
    add_sun(&mut layers, w, horizon - dice.range(0.0, 0.15), roles, dice);
    add_clouds(&mut layers, w, h, roles, dice);
    let count = 7;
    for k in 0..count {
        let t = k as f32 / count as f32;
        let y = horizon + (h - horizon) * t * (0.4 + 0.6 * t);
        let swell = if k == 0 { 0.0 } else { 0.012 + 0.06 * t };
        let crest = mix(palette.lightest(), roles.sky[1], 0.5);
        let near = if k % 2 == 0 { roles.middle } else { mix(crest, roles.far, 0.3) };
        let shape = ridge(w, y, swell, 5.0 - 3.0 * t, dice);
        layers.push(layer(
            shape,
            near,
            mix(roles.near, roles.dark, 0.4 * t),
            Run::Down(0.05 + 0.12 * t),
            Flow::Slope,
            0.5,
        ));
        if dice.chance(0.35) && k > 0 && k < 5 {
            let (x, size) = (dice.range(0.1, 0.9) * w, 0.08 + 0.16 * t);
            let sail = Shape::Fir { x, y: y - size, width: size * 0.7, height: size };
            layers.push(layer(
                sail,
                mix(palette.lightest(), [1.0; 3], 0.3),
                palette.accent(),
                Run::Down(1.3),
                along(1.3, 0.2),
                0.2,
            ));
            let hull = Shape::Block { x, y: y + 0.01, hx: size * 0.45, hy: size * 0.09, tilt: 0.0 };
            layers.push(layer(hull, roles.dark, roles.dark, Run::Down(1.0), along(0.0, 0.0), 0.2));
        }
    }
    layers
}

pub(super) fn forest(
    w: f32,
    h: f32,
    palette: &Palette,
    roles: &Roles,
    dice: &mut Dice,
) -> Vec<Layer> {
    let mut layers = vec![sky(roles, h, dice)];
    layers.push(layer(
        ridge(w, h * 0.55, 0.06, 3.0, dice),
        roles.far,
        roles.middle,
        Run::Down(0.3),
        Flow::Slope,
        0.7,
    ));
    for _ in 0..10 {
        let (x, y) = (dice.range(0.0, w), dice.range(0.0, 0.4) * h);
        layers.push(layer(
            rough(x, y, 0.16, 0.1, 0.6, dice),
            palette.any(dice),
            roles.middle,
            Run::Ball,
            along(dice.about(1.0), 1.5),
            0.6,
        ));
    }
    layers.push(layer(
        ridge(w, h * 0.78, 0.03, 2.0, dice),
        palette.any(dice),
        mix(roles.near, roles.dark, 0.4),
        Run::Down(0.25),
        Flow::Slope,
        0.7,
    ));
    let count = 6 + dice.below(6);
    for k in 0..count {
        let t = k as f32 / count as f32;
        let x = w * ((k as f32 * 0.618) % 1.0 + dice.about(0.04));
        let radius = 0.012 + 0.03 * t;
        let bottom = h * (0.78 + 0.2 * t);
        let bark = mix(roles.dark, palette.any(dice), 0.3 * (1.0 - t) + 0.1);
        let trunk = Shape::Trunk {
            x,
            lean: dice.about(0.12),
            radius,
            top: -0.2,
            bottom,
            seed: dice.bits(),
        };
        layers.push(layer(trunk, bark, roles.dark, Run::Ball, along(FRAC_PI_2, 0.2), 0.4));
    }
    layers
}

pub(super) fn town(
    w: f32,
    h: f32,
    palette: &Palette,
    roles: &Roles,
    dice: &mut Dice,
) -> Vec<Layer> {
    let mut layers = vec![sky(roles, h, dice)];
    add_sun(&mut layers, w, 0.2 * h, roles, dice);
    for row in 0..3 {
        let t = row as f32 / 2.0;
        let mut x = dice.range(-0.1, 0.0);
        while x < w {
            let half = dice.range(0.05, 0.1);
            let tall = dice.range(0.1, 0.24) * (1.2 - 0.3 * t);
            let ground = h * (0.62 + 0.2 * t);
            let wall = mix(palette.any(dice), roles.sky[1], 0.35 * (1.0 - t));
            let (cx, roof) = (x + half, ground - 2.0 * tall);
            let house =
                Shape::Block { x: cx, y: ground - tall + 0.1, hx: half, hy: tall + 0.1, tilt: 0.0 };
            layers.push(layer(
                house,
                shade(wall, 0.15),
                mix(wall, roles.dark, 0.3),
                Run::Down(1.0),
                along(FRAC_PI_2, 0.2),
                0.35,
            ));
            if dice.chance(0.6) {
                let gable = Shape::Fir {
                    x: cx,
                    y: roof - half * 0.8,
                    width: half * 2.3,
                    height: half * 0.9,
                };
                layers.push(layer(
                    gable,
                    palette.accent(),
                    mix(palette.accent(), roles.dark, 0.4),
                    Run::Down(1.0),
                    along(0.6, 0.1),
                    0.3,
                ));
            }
            let pane = if luma(wall) > 0.45 { roles.dark } else { roles.sun };
            let floors = (tall / 0.05) as usize;
            for floor in 0..floors {
                for side in [-0.45, 0.45] {
                    if dice.chance(0.75) {
                        let y = roof + 0.05 + floor as f32 * 0.085;
                        let window = Shape::Block {
                            x: cx + side * half,
                            y,
                            hx: half * 0.22,
                            hy: 0.022,
                            tilt: 0.0,
                        };
                        layers.push(layer(
                            window,
                            pane,
                            mix(pane, wall, 0.3),
                            Run::Down(1.0),
                            along(FRAC_PI_2, 0.0),
                            0.2,
                        ));
                    }
                }
            }
            x += 2.0 * half + dice.range(-0.02, 0.02);
        }
    }
    layers.push(layer(
        ridge(w, h * 0.86, 0.012, 2.0, dice),
        roles.far,
        mix(roles.near, roles.dark, 0.4),
        Run::Down(0.15),
        along(0.0, 0.3),
        0.7,
    ));
    layers
}

pub(super) fn night(
    w: f32,
    h: f32,
    palette: &Palette,
    roles: &Roles,
    dice: &mut Dice,
) -> Vec<Layer> {
    let sky = [palette.darkest(), palette.rank(1 + dice.below(2))];
    let star = palette.lightest();
    let mut layers = vec![layer(
        Shape::Everything,
        sky[1],
        sky[0],
        Run::Down(h * 0.6),
        along(dice.about(0.3), 1.6),
        0.9,
    )];
    for _ in 0..7 + dice.below(6) {
        let (x, y, r) = (dice.range(0.0, w), dice.range(0.02, 0.48) * h, dice.range(0.02, 0.05));
        let glow = mix(palette.rank(palette.len() / 2), star, 0.3);
        layers.push(layer(ball(x, y, r * 2.2, r * 2.2), glow, sky[1], Run::Out, Flow::Around, 0.3));
        layers.push(layer(ball(x, y, r, r), star, palette.accent(), Run::Out, Flow::Around, 0.1));
    }
    for k in 0..3 {
        let t = k as f32 / 2.0;
        let shape = ridge(w, h * (0.6 + 0.13 * t), 0.06, 1.8, dice);
        let near = mix(roles.far, palette.rank(1), 0.3 + 0.4 * t);
        layers.push(layer(
            shape,
            near,
            mix(sky[0], roles.near, 0.3),
            Run::Down(0.25),
            Flow::Slope,
            0.7,
        ));
    }
    let x = w * dice.range(0.12, 0.3);
    let tree = mix(roles.dark, palette.rank(1), 0.3);
    for k in 0..5 {
        let y = h * (0.95 - 0.17 * k as f32);
        let r = 0.11 - 0.018 * k as f32;
        layers.push(layer(
            rough(x + dice.about(0.02), y, r, 0.17, 0.3, dice),
            tree,
            roles.dark,
            Run::Ball,
            along(FRAC_PI_2, 0.8),
            0.6,
        ));
    }
    layers
}
