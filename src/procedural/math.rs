//! Elementary functions with the same result on every machine.
//!
//! `f32::sin` and its kin may differ in the last bit between platforms' maths
//! libraries, which is enough to change a picture. These use only operations
//! that IEEE 754 rounds exactly.

use std::f32::consts::{FRAC_PI_2, LN_2, PI, TAU};

/// The integer below, of numbers that an `i64` holds. `f32::floor` is a call to the library where
/// the processor may be an old one.
pub fn floor(x: f32) -> f32 {
    let whole = x as i64 as f32;
    if whole > x { whole - 1.0 } else { whole }
}

pub fn sin(x: f32) -> f32 {
    let r = x - floor(x / TAU + 0.5) * TAU;
    let r = if r > FRAC_PI_2 {
        PI - r
    } else if r < -FRAC_PI_2 {
        -PI - r
    } else {
        r
    };
    let s = r * r;
    r * (1.0 - s / 6.0 * (1.0 - s / 20.0 * (1.0 - s / 42.0 * (1.0 - s / 72.0))))
}

pub fn cos(x: f32) -> f32 {
    sin(x + FRAC_PI_2)
}

pub fn atan2(y: f32, x: f32) -> f32 {
    let (ax, ay) = (x.abs(), y.abs());
    let big = ax.max(ay);
    if big == 0.0 {
        return 0.0;
    }
    let q = ax.min(ay) / big;
    let s = q * q;
    let mut a =
        q * (0.999_866 + s * (-0.330_299_5 + s * (0.180_141 + s * (-0.085_133 + s * 0.020_835_1))));
    if ay > ax {
        a = FRAC_PI_2 - a;
    }
    if x < 0.0 {
        a = PI - a;
    }
    if y < 0.0 { -a } else { a }
}

pub fn exp(x: f32) -> f32 {
    let x = x.clamp(-80.0, 80.0);
    let k = floor(x / LN_2 + 0.5);
    let r = x - k * LN_2;
    let series = 1.0 + r * (1.0 + r / 2.0 * (1.0 + r / 3.0 * (1.0 + r / 4.0 * (1.0 + r / 5.0))));
    series * f32::from_bits(((k as i32 + 127) as u32) << 23)
}

/// 0 below `from`, 1 above `to`, an S-curve between; `from > to` falls instead.
pub fn smoothstep(from: f32, to: f32, x: f32) -> f32 {
    let t = ((x - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

pub fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// Fractional part, in 0..1 for negative numbers too.
pub fn fract(x: f32) -> f32 {
    x - floor(x)
}

/// The difference of two directions of undirected lines, in -PI/2..PI/2.
pub fn turn(from: f32, to: f32) -> f32 {
    let d = to - from;
    d - floor(d / PI + 0.5) * PI
}
