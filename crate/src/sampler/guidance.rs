//! Classifier-free guidance, on the network's output (Ho & Salimans 2022, arXiv 2207.12598).

use crate::diffusion::linear_combination;

/// eps = eps_null + w (eps_label - eps_null): w = 1 is the plain conditional model, w = 0 the
/// unconditional one. All slices have the same length.
pub fn guide(of_label: &[f32], of_null: &[f32], guidance_scale: f64, out: &mut [f32]) {
    let w = guidance_scale;
    linear_combination(w, of_label, 1.0 - w, of_null, out);
}

/// Brings the standard deviation of a guided output back towards that of the conditional one, for
/// one image (Lin et al. 2023, arXiv 2305.08891, eq. 15 and 16); `guidance_rescale` in [0, 1].
pub fn rescale(guided: &mut [f32], of_label: &[f32], guidance_rescale: f64) {
    let (found, wanted) = (standard_deviation(guided), standard_deviation(of_label));
    // A constant image has no contrast to bring back.
    if found > 0.0 {
        let factor = guidance_rescale * wanted / found + (1.0 - guidance_rescale);
        let scale = |v: &mut f32| *v = (f64::from(*v) * factor) as f32;
        guided.iter_mut().for_each(scale);
    }
}

/// The guided output of a batch of 2N, the labels' N first, the null label's N after them.
///
/// `per_image` is the length of one image's output and `predicted` how much of it is the
/// prediction; a learned variance behind it is the conditional one's.
pub(crate) fn combine(
    output: &[f32],
    per_image: usize,
    predicted: usize,
    guidance_scale: f64,
    guidance_rescale: f64,
) -> Vec<f32> {
    let (of_label, of_null) = output.split_at(output.len() / 2);
    let mut combined = of_label.to_vec();
    let images = combined
        .chunks_exact_mut(per_image)
        .zip(of_label.chunks_exact(per_image))
        .zip(of_null.chunks_exact(per_image));
    for ((out, label), null) in images {
        let (out, label) = (&mut out[..predicted], &label[..predicted]);
        guide(label, &null[..predicted], guidance_scale, out);
        if guidance_rescale > 0.0 {
            rescale(out, label, guidance_rescale);
        }
    }
    combined
}

/// The standard deviation over all values of an image.
fn standard_deviation(values: &[f32]) -> f64 {
    let n = values.len().max(1) as f64;
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let squares = values.iter().map(|&v| (f64::from(v) - mean).powi(2));
    (squares.sum::<f64>() / n).sqrt()
}
