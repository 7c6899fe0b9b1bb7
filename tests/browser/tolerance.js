// How far the same computation may differ between two places: native Rust, WebAssembly on the CPU, WebGPU.
// Within one build on the CPU it does not differ at all.

/**
 * The largest absolute difference of any value, all of them of size 1.
 * - `unet`: one evaluation of a network with random weights, against diffusers' recorded output
 * - `eps`: eps-hat of a model, against native Rust
 * - `chain`: a state of a walk of ten steps, which carries the differences of all steps before it
 */
export const TOLERANCE = { eps: 1e-4, chain: 1e-3, unet: 1e-4 };
