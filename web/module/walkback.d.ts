// The types of walkback.js: a trained diffusion model that walks from noise back to an image, one step at a time, in
// a worker of the importing page.

/** The devices that can compute. "auto" takes the GPU where that is the faster one, and else the CPU. */
export type Device = "webgpu" | "cpu";

export interface LoadOptions {
  /** Without it "auto". A device that is asked for by name is used, or `load` fails. */
  device?: "auto" | Device;
  /** Called while the model loads, with bytes; `total` is 0 where it is not known. */
  onProgress?: (progress: { activity: string; loaded: number; total: number }) => void;
}

export interface ModelInfo {
  device: Device;
  /** Weights and biases of the network. */
  parameters: number;
  /** Height and width in pixels. */
  imageSize: [number, number];
  /** 1 in grey, 3 in colour. */
  channels: number;
  /** Names of the classes by label; [] if the model is unconditional. */
  classes: string[];
  /** The label that stands for "any"; null if the model has none. */
  nullLabel: number | null;
  predictionType: "epsilon" | "sample" | "v_prediction" | "flow";
  /** T, the steps of the noise schedule. */
  trainTimesteps: number;
}

export interface WalkOptions {
  /** The seed of all noise of the walk, 0 to 2^32 - 1; without it 0. */
  seed?: number;
  /** Images that walk together; without it 1. */
  count?: number;
  /** A class, or one for each image; null, as without it, is any. */
  label?: number | null | number[];
  /** Classifier-free guidance; 1, as without it, is the plain model. Another value doubles the work. */
  guidanceScale?: number;
  /** How many of the T steps are taken; without it 100, or T where that is less. */
  numInferenceSteps?: number;
  /** Without it "ddpm". */
  sampler?: "ddpm" | "ddim" | "dpm++" | "euler" | "euler_a" | "heun" | "unipc";
  /** DDIM's share of fresh noise, 0 to 1. */
  eta?: number;
  /** How the steps are chosen among all; without it as the model's scheduler says. */
  spacing?: "leading" | "linspace" | "trailing";
  /** Ends the walk early. */
  signal?: AbortSignal;
}

/** One step. Images are row-major [count, channels, h, w], from -1 (black) to 1 (white). */
export interface Frame {
  /** Steps taken before this one, from 0. */
  index: number;
  /** t, where the network was evaluated. */
  timestep: number;
  /** x_t, which the network was given. */
  xt: Float32Array;
  /** x_0-hat, its guess of the clean image. */
  x0: Float32Array;
  /** eps-hat, the noise that it sees. */
  eps: Float32Array;
  /** The state after the step; in the last frame the image. */
  xPrev: Float32Array;
  /** Whether this is the last frame. */
  done: boolean;
  /** Of all four images: [count, channels, h, w]. */
  shape: number[];
  /** How long the step took. */
  milliseconds: number;
}

export interface Model {
  readonly info: ModelInfo;
  /** One value for each timestep. */
  readonly schedule: { betas: Float64Array; alphasCumprod: Float64Array };
  /** A walk from noise to an image, frame by frame. Leaving the loop ends it. Several may run at once. */
  walk(options?: WalkOptions): AsyncGenerator<Frame, void, void>;
  /** Ends the worker, once nothing is computed, and with it the memory of the model; the next walk loads it again. */
  release(): Promise<void>;
}

/**
 * Loads a model in the layout of Hugging Face diffusers, and checks that the device computes what it should.
 *
 * The worker is started from beside walkback.js, which must come from the page's own origin; otherwise this fails with
 * a sentence that says so. A content security policy must allow script-src 'self' 'wasm-unsafe-eval',
 * worker-src 'self' and connect-src 'self', where the model's own origin is added if it is another.
 *
 * @param url of the model's folder, relative to the page; a bare name, for a folder of `pretrained/` beside walkback.js; or
 * `hf:owner/name`, for a model of the Hugging Face hub
 */
export function load(url: string | URL, options?: LoadOptions): Promise<Model>;
