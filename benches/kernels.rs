//! `cargo bench --bench kernels`: the convolutions of the networks on the CPU, as burn's flex
//! backend would compute them and as the kernels of this crate do.

mod layers;

use std::time::Duration;

use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Distribution, Tensor};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use layers::LAYERS;

const SIDE: u32 = 256;

fn convolutions(criterion: &mut Criterion) {
    let device = impasto::device::cpu();
    let mut group = criterion.benchmark_group("convolution");
    group.sample_size(20).measurement_time(Duration::from_secs(2));
    for layer in LAYERS {
        group.throughput(Throughput::Elements(layer.multiplications(SIDE)));
        let work = layer.work(SIDE, &device);
        group.bench_function(BenchmarkId::new("ours", layer.name), |bench| bench.iter(&work));

        // Without the reflection at the border, and with the input enlarged beforehand.
        let side = (SIDE >> layer.halvings) as usize;
        let random = |shape: [usize; 4]| {
            Tensor::<4>::random(shape, Distribution::Uniform(-1.0, 1.0), &device)
        };
        let input = random([1, layer.channels_in, side, side]);
        let weight = random([layer.channels_out, layer.channels_in, layer.kernel, layer.kernel]);
        let reach = layer.kernel / 2;
        let options = ConvOptions::new([1, 1], [reach, reach], [1, 1], 1);
        group.bench_function(BenchmarkId::new("burn flex", layer.name), |bench| {
            bench.iter(|| conv2d(input.clone(), weight.clone(), None, options.clone()));
        });
    }
    group.finish();
}

criterion_group!(kernels, convolutions);
criterion_main!(kernels);
