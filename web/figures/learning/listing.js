// The training loop in a few lines, each with the file it is from.

import { sourceLink } from "../../parts/source-link.js";
import { h } from "../../screen/dom.js";

/** @type {[string, string][]} */
const lines = [
  ["let eps = NoiseStream::new(seed).normal(n * size);", "crate/src/noise.rs#normal"],
  ["let t = (i + offset) / n * num_train_timesteps;", "crate/src/train/batches.rs#batch"],
  ["add_noise(&x_0, &eps, alphas_cumprod[t], &mut x_t);", "crate/src/diffusion.rs#add_noise"],
  ["let error = unet.forward(x_t, &t, labels) - eps;", "crate/src/unet/mod.rs#forward"],
  ["let loss = (error.clone() * error).mean();", "crate/src/train/loss.rs#squared_error"],
  [
    "let grads = clip_by_global_norm(loss.backward());",
    "crate/src/train/gradients.rs#clip_by_global_norm",
  ],
  ["weight -= learning_rate * m / (v.sqrt() + epsilon);", "crate/src/train/update.rs#descend"],
  ["average = average * decay + weight * (1 - decay);", "crate/src/train/update.rs#blend"],
];

export function createListing() {
  return h(
    "div",
    { class: "listing" },
    h("p", { class: "plot-title" }, "The training loop, abridged"),
    h("ol", {}, ...lines.map(([code, path]) => h("li", {}, h("code", {}, code), sourceLink(path)))),
  );
}
