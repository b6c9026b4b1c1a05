//! Gradients of ReLUs, and of poolings behind them.

use burn_flex::FlexTensor;

use super::{tensor, threads, values};

/// See [`activation_gradient`](crate::kernels::activation_gradient), not pooled.
pub fn relu(gradient: FlexTensor, output: &FlexTensor) -> FlexTensor {
    let mut gradient = gradient.to_contiguous();
    let output = values(output);
    // A fresh copy where others hold the gradient too.
    let size = (output.len() / (8 * threads::count())).max(1 << 14);
    let all = gradient.storage_mut::<f32>();
    threads::for_each_piece(all, size, |piece, gradient| {
        for (gradient, &output) in gradient.iter_mut().zip(&output[piece * size..]) {
            *gradient = if output > 0.0 { *gradient } else { 0.0 };
        }
    });
    gradient
}

/// See [`activation_gradient`](crate::kernels::activation_gradient), pooled.
pub fn pooled(gradient: &FlexTensor, output: &FlexTensor) -> FlexTensor {
    let [batch, channels, height, width] = output.layout().shape().dims();
    let (gradient, output) = (values(gradient), values(output));
    let mut found = vec![0.0; output.len()];
    let area = height * width;
    threads::for_each_piece(&mut found, area.max(1), |plane, found| {
        let output = &output[plane * area..][..area];
        let (lines, columns) = (height / 2, width / 2);
        let gradient = &gradient[plane * lines * columns..][..lines * columns];
        let pairs = found.chunks_exact_mut(2 * width).zip(output.chunks_exact(2 * width));
        for ((found, output), gradient) in pairs.zip(gradient.chunks_exact(columns.max(1))) {
            let (upper, lower) = output.split_at(width);
            let (found_upper, found_lower) = found.split_at_mut(width);
            for (x, &gradient) in gradient.iter().enumerate() {
                let at = 2 * x..2 * x + 2;
                let seen = [upper[2 * x], upper[2 * x + 1], lower[2 * x], lower[2 * x + 1]];
                let largest = seen.into_iter().fold(0.0, f32::max);
                let part = |value: f32| match value >= largest && value > 0.0 {
                    true => gradient,
                    false => 0.0,
                };
                found_upper[at.clone()].copy_from_slice(&[part(seen[0]), part(seen[1])]);
                found_lower[at].copy_from_slice(&[part(seen[2]), part(seen[3])]);
            }
        }
    });
    tensor(found, [batch, channels, height, width])
}
