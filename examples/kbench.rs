use burn::tensor::{Distribution, Tensor};
use impasto::kernels::{convolve, Border};
use std::time::Instant;
fn main() {
    let device = impasto::device::cpu();
    for (b, ci, co, s) in [(4,64,64,112),(4,64,128,56),(4,128,128,56),(4,256,256,28),(4,256,512,14),(4,512,512,14),(1,16,16,512),(1,32,32,256),(1,64,64,128),(1,128,128,64),(1,3,16,512),(1,16,3,512),(1,24,24,256)] {
        let x = Tensor::<4>::random([b,ci,s,s], Distribution::Default, &device);
        let w = Tensor::<4>::random([co,ci,3,3], Distribution::Default, &device);
        let bias = Tensor::<1>::zeros([co], &device);
        let mut best = f64::MAX;
        for _ in 0..6 {
            let t = Instant::now();
            let y = convolve(x.clone(), w.clone(), bias.clone(), Border::Zero, true, None);
            let _ = y.dims();
            best = best.min(t.elapsed().as_secs_f64());
        }
        println!("{b} {ci} {co} {s}: {:.2} ms, {:.0} GFLOPS (direct)", best*1e3, 2.0*(b*ci*co*9*s*s) as f64/best/1e9);
    }
}
