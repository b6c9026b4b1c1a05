//! Cuts a small picture into parts, as a draughtsman sees shapes before marks.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::canvas::{Rgb, luma};

/// Fewest and most parts, where there are as many pixels.
pub const PARTS: std::ops::RangeInclusive<usize> = 30..=80;

/// Merging goes on below [`PARTS`]' upper end while it costs no more than this.
const CHEAP: f32 = 0.25;

/// The neighbour that a part would sooner be one with than with all others.
struct Offer {
    cost: f32,
    pair: [u32; 2],
    /// How often both had been merged when the offer was made; later ones void it.
    age: [u32; 2],
}

impl Offer {
    /// Of a part that has neighbours.
    fn best(parts: &[Part], owner: u32) -> Option<Self> {
        let part = &parts[owner as usize];
        let all = part.neighbours.iter().map(|&k| (part.cost(&parts[k as usize]), k));
        let (cost, other) = all.reduce(|best, next| if next < best { next } else { best })?;
        let age = [part.merges, parts[other as usize].merges];
        Some(Self { cost, pair: [owner, other], age })
    }
}

impl Ord for Offer {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap gives its greatest first: the cheapest, then the one of the lowest numbers.
        other.cost.total_cmp(&self.cost).then_with(|| other.pair.cmp(&self.pair))
    }
}

impl PartialOrd for Offer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Offer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Offer {}

#[derive(Clone)]
struct Part {
    /// Sums of luma, counted twice as much, and of the two colour differences.
    sum: [f32; 3],
    pixels: f32,
    neighbours: Vec<u32>,
    merges: u32,
    /// The part it was merged into, or itself.
    into: u32,
}

impl Part {
    /// How much is lost when two become one. Ward's cost with a root over the sizes, without
    /// which a sky would be cut up before an eye is seen.
    fn cost(&self, other: &Self) -> f32 {
        let d2: f32 = (0..3)
            .map(|k| self.sum[k] / self.pixels - other.sum[k] / other.pixels)
            .map(|d| d * d)
            .sum();
        d2 * (self.pixels * other.pixels / (self.pixels + other.pixels)).sqrt()
    }
}

/// Labels of connected parts of similar colour, one a pixel, without gaps from 0. Part 0 is the
/// background: the one that most of the upper, left and right edge belongs to.
///
/// Every pixel starts as a part, and the two neighbours that differ least are merged until
/// [`PARTS`] are left.
pub fn segment(colours: &[Rgb], width: usize) -> Vec<u16> {
    let mut parts: Vec<Part> = colours
        .iter()
        .enumerate()
        .map(|(at, &c)| {
            let grey = luma(c);
            Part {
                sum: [2.0 * grey, c[0] - grey, c[2] - grey],
                pixels: 1.0,
                neighbours: around(at, width, colours.len()).map(|k| k as u32).collect(),
                merges: 0,
                into: at as u32,
            }
        })
        .collect();
    let mut offers: BinaryHeap<Offer> =
        (0..parts.len() as u32).filter_map(|owner| Offer::best(&parts, owner)).collect();
    let mut left = parts.len();
    while left > *PARTS.start()
        && let Some(Offer { cost, pair: [a, b], age }) = offers.pop()
    {
        if left <= *PARTS.end() && cost > CHEAP {
            break;
        }
        let fresh = |k: u32, age| parts[k as usize].into == k && parts[k as usize].merges == age;
        if !fresh(a, age[0]) {
            continue;
        }
        // What has changed since has made an offer of its own, to this part or a cheaper one.
        if fresh(b, age[1]) {
            merge(&mut parts, a, b);
            left -= 1;
        }
        offers.extend(Offer::best(&parts, a));
    }
    number(&parts, width)
}

/// The pixels left, right, above and below.
fn around(at: usize, width: usize, count: usize) -> impl Iterator<Item = usize> {
    let column = at % width;
    let left = (column > 0).then(|| at - 1);
    let right = (column + 1 < width).then_some(at + 1);
    let below = (at + width < count).then_some(at + width);
    [left, right, at.checked_sub(width), below].into_iter().flatten()
}

/// Makes `b` part of `a`.
fn merge(parts: &mut [Part], a: u32, b: u32) {
    let gone = std::mem::take(&mut parts[b as usize].neighbours);
    parts[b as usize].into = a;
    for &c in &gone {
        let neighbours = &mut parts[c as usize].neighbours;
        neighbours.retain(|&k| k != b && k != a);
        if c != a {
            neighbours.push(a);
        }
    }
    let (sum, pixels) = (parts[b as usize].sum, parts[b as usize].pixels);
    let kept = &mut parts[a as usize];
    (0..3).for_each(|k| kept.sum[k] += sum[k]);
    kept.pixels += pixels;
    kept.merges += 1;
    kept.neighbours.extend(gone.into_iter().filter(|&c| c != a));
    kept.neighbours.sort_unstable();
    kept.neighbours.dedup();
}

/// The labels, in the order in which parts are met.
fn number(parts: &[Part], width: usize) -> Vec<u16> {
    let root = |mut k: u32| {
        while parts[k as usize].into != k {
            k = parts[k as usize].into;
        }
        k
    };
    let roots: Vec<u32> = (0..parts.len() as u32).map(root).collect();
    let sides = roots.chunks(width).flat_map(|row| [row[0], row[width - 1]]);
    let mut seen = vec![0; parts.len()];
    for root in roots[..width].iter().copied().chain(sides) {
        seen[root as usize] += 1;
    }
    let background = (0..seen.len()).fold(0, |best, k| if seen[k] > seen[best] { k } else { best });
    let mut names = vec![u16::MAX; parts.len()];
    names[background] = 0;
    let mut next = 1;
    roots
        .into_iter()
        .map(|root| {
            let name = &mut names[root as usize];
            if *name == u16::MAX {
                (*name, next) = (next, next + 1);
            }
            *name
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procedural::noise::{Dice, fractal};

    #[test]
    fn a_noisy_picture_falls_into_some_dozens_of_connected_parts() {
        let (width, height) = (72, 60);
        let mut dice = Dice::new(5);
        let colours: Vec<Rgb> = (0..width * height)
            .map(|at| {
                let (x, y) = ((at % width) as f32 / 14.0, (at / width) as f32 / 14.0);
                let cloud = 0.5 + 0.4 * fractal(x, y, 3, 1);
                [cloud, 0.5 * cloud + 0.2 * dice.unit(), 0.7 - 0.3 * cloud]
            })
            .collect();
        let labels = segment(&colours, width);
        let count = usize::from(*labels.iter().max().unwrap()) + 1;
        assert!(PARTS.contains(&count), "{count} parts");
        // Every part is reached from its first pixel.
        let mut seen = vec![false; labels.len()];
        for label in 0..count {
            let first = labels.iter().position(|&l| usize::from(l) == label);
            let mut open = vec![first.expect("labels have no gaps")];
            while let Some(at) = open.pop() {
                if !std::mem::replace(&mut seen[at], true) {
                    let same = |&k: &usize| labels[k] == labels[at];
                    open.extend(around(at, width, labels.len()).filter(same));
                }
            }
        }
        assert!(seen.into_iter().all(|seen| seen));
        assert_eq!(labels, segment(&colours, width));
    }

    #[test]
    fn the_background_is_what_most_of_the_edges_show() {
        let sky = |at: usize| at % 20 >= 5 && at / 20 < 12;
        let colours: Vec<Rgb> = (0..400)
            .map(|at| if sky(at) { [0.9; 3] } else { [(at * 7 % 90) as f32 / 200.0; 3] })
            .collect();
        let labels = segment(&colours, 20);
        assert_eq!(labels[15], 0);
        assert_ne!(labels[399], 0);
    }

    #[test]
    fn few_pixels_are_parts_each() {
        assert_eq!(segment(&[[0.1; 3]], 1), [0]);
        assert_eq!(segment(&[[0.1; 3], [0.1; 3], [0.5; 3]], 3), [0, 1, 2]);
    }
}
