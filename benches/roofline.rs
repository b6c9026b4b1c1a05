//! `cargo bench --bench roofline [-- SIDE]`: how close the convolutions on one thread of the CPU
//! come to what the machine can do (Williams et al., "Roofline: An Insightful Visual Performance
//! Model", 2009).
//!
//! The peak and the bandwidth are measured here, too. Winograd's algorithm needs up to a quarter of
//! a layer's multiplications, so that a fraction of the peak may be above 1.

mod layers;

use std::hint::black_box;
use std::time::Instant;

use layers::LAYERS;

/// Vectors that are summed side by side: enough to hide the latency of a multiplication.
const CHAINS: usize = 10;
/// Values of a vector.
const LANES: usize = 8;

fn main() {
    // `cargo test` and `cargo bench` pass options of their own.
    let side = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(512);
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    pool.expect("one thread can be started").install(|| report(side));
}

fn report(side: u32) {
    let device = impasto::device::cpu();
    let (peak, bandwidth) = (peak(), bandwidth());
    println!(
        "One thread, measured: {peak:.1} GFLOP/s in f32, {bandwidth:.1} GB/s of memory copied"
    );
    println!(
        "{side} x {side} pixels; at the roof are the lesser of peak and intensity x bandwidth"
    );
    println!(
        "{:15} {:>3} {:>8} {:>8} {:>9} {:>8} {:>9} {:>8} {:>8}",
        "layer", "n", "MFLOP", "MB", "FLOP/byte", "ms", "GFLOP/s", "of peak", "of roof"
    );
    let (mut milliseconds, mut operations) = (0.0, 0.0);
    for layer in LAYERS {
        let work = layer.work(side, &device);
        let seconds = least(|| drop(black_box(work())));
        let (flop, bytes) = (2.0 * layer.multiplications(side) as f64, layer.bytes(side) as f64);
        let rate = flop / seconds / 1e9;
        let roof = peak.min(flop / bytes * bandwidth);
        println!(
            "{:15} {:3} {:8.1} {:8.2} {:9.1} {:8.3} {rate:9.1} {:8.2} {:8.2}",
            layer.name,
            layer.count,
            flop / 1e6,
            bytes / 1e6,
            flop / bytes,
            seconds * 1e3,
            rate / peak,
            rate / roof,
        );
        milliseconds += layer.count as f64 * seconds * 1e3;
        operations += layer.count as f64 * flop;
    }
    let rate = operations / milliseconds / 1e6;
    println!("in all {milliseconds:.1} ms, {rate:.1} GFLOP/s, {:.2} of the peak", rate / peak);
}

/// Seconds of the fastest of many calls: what disturbs only makes them longer.
fn least(mut work: impl FnMut()) -> f64 {
    work();
    let begin = Instant::now();
    let mut least = f64::INFINITY;
    while begin.elapsed().as_secs_f64() < 0.5 {
        let start = Instant::now();
        work();
        least = least.min(start.elapsed().as_secs_f64());
    }
    least
}

/// GFLOP/s of multiplications and additions that need nothing from memory.
fn peak() -> f64 {
    const ROUNDS: usize = 200_000;
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn fused(sums: &mut [[f32; LANES]; CHAINS], factor: f32) {
        rounds(sums, factor, f32::mul_add);
    }
    #[inline(always)]
    fn rounds(
        sums: &mut [[f32; LANES]; CHAINS],
        factor: f32,
        multiply_add: impl Fn(f32, f32, f32) -> f32,
    ) {
        for _ in 0..ROUNDS {
            for sum in sums.iter_mut() {
                for value in sum {
                    *value = multiply_add(*value, factor, 1e-9);
                }
            }
        }
    }
    // Left to itself, the compiler takes shorter registers than there are.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f")]
    fn longest(factor: f32) -> [std::arch::x86_64::__m512; CHAINS] {
        use std::arch::x86_64::{_mm512_fmadd_ps, _mm512_set1_ps};
        let (factor, added) = (_mm512_set1_ps(factor), _mm512_set1_ps(1e-9));
        let mut sums = [_mm512_set1_ps(1.0); CHAINS];
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = _mm512_fmadd_ps(*sum, factor, added);
            }
        }
        sums
    }
    let mut sums = [[1.0; LANES]; CHAINS];
    let mut lanes = LANES;
    let seconds = least(|| {
        let factor = black_box(0.999_999);
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f") {
            lanes = 16;
            // SAFETY: the processor has it.
            black_box(unsafe { longest(factor) });
            return;
        }
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has both.
            unsafe { fused(&mut sums, factor) };
            black_box(&mut sums);
            return;
        }
        rounds(&mut sums, factor, |a, b, c| a * b + c);
        black_box(&mut sums);
    });
    (2 * ROUNDS * CHAINS * lanes) as f64 / seconds / 1e9
}

/// GB/s read and written together by copying more than caches hold.
fn bandwidth() -> f64 {
    let (from, mut to) = (vec![1u8; 1 << 28], vec![0u8; 1 << 28]);
    let seconds = least(|| {
        to.copy_from_slice(black_box(&from));
        black_box(&mut to);
    });
    2.0 * from.len() as f64 / seconds / 1e9
}
