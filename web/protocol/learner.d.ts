// What the wasm modules export: `cargo xtask generate` writes it from crate/src/web/. Change it there.
/* tslint:disable */
/* eslint-disable */

export interface ChainRequest {
    seed: number;
    count: number;
    label: number | null | number[];
    guidanceScale?: number;
    guidanceRescale?: number;
    sampler?: "ddpm" | "ddim" | "dpm++" | "euler" | "euler_a" | "heun" | "unipc" | "ddim_inverse";
    numInferenceSteps: number;
    eta?: number;
    spacing?: "leading" | "linspace" | "trailing";
    from?: { xt: Float32Array; timestep: number };
    known?: Float32Array;
    inpaint?: { x0: Float32Array; mask: Float32Array; resamplings: number };
    resume?: { index: number; xt: Float32Array; x0Before?: Float32Array; x0TwoBefore?: Float32Array };
}



export interface DrawnBatch {
    x0: Float32Array;
    xt: Float32Array;
    eps: Float32Array;
    timesteps: Uint32Array;
}
export interface LearnStep {
    step: number;
    loss: number;
    gradNorm: number;
    learningRate: number;
}
export interface LearnedFiles {
    paths: string[];
    contents: Uint8Array[];
}



export interface Frame {
    index: number;
    timestep: number;
    xPrev: Float32Array;
    x0: Float32Array;
    eps: Float32Array;
    done: boolean;
}



export interface Look {
    timeEmbedding: Float32Array;
    stages: { name: string; role: "in" | "down" | "mid" | "up" | "out"; level: number; shape: [number, number, number]; values: Float32Array }[];
    attention: { shape: [number, number]; heads: number; weights: Float32Array } | null;
}



export interface ModelInfo {
    device: "webgpu" | "cpu";
    adapter: string;
    parameters: number;
    notes: string[];
    imageSize: [number, number];
    channels: number;
    classes: string[];
    nullLabel: number | null;
    trainTimesteps: number;
    predictionType: "epsilon" | "sample" | "v_prediction";
}
export interface Denoised {
    output: Float32Array;
    x0: Float32Array;
    eps: Float32Array;
}



/**
 * A chain in the middle of its walk.
 */
export class Chain {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * One reverse step: the network once, the sampler's arithmetic, and what was learned on the way.
     *
     * Steps of one chain do not overlap: a call before the last one has answered is refused.
     */
    step(): Promise<Frame>;
    /**
     * abar of the state before every step and after the last, one more than there are timesteps.
     */
    readonly alphasCumprod: Float64Array;
    /**
     * `[count, channels, h, w]`.
     */
    readonly shape: Uint32Array;
    /**
     * The timesteps that the network is evaluated at, first to last.
     */
    readonly timesteps: Uint32Array;
    /**
     * x_t, what the network is given next, row-major; at the end the image.
     */
    readonly xt: Float32Array;
}

/**
 * [`forward::ForwardWalk`]: `count` walks from one image into noise, side by side, each with its own.
 */
export class ForwardWalk {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * `steps` more steps, or as many as there are betas left.
     */
    advance(steps: number): void;
    /**
     * At the start: `count` copies of `x_0`. With `naive` the factor sqrt(1 - beta) is left out.
     */
    constructor(x_0: Float32Array | number[], count: number, betas: Float64Array | number[], seed: number, naive: boolean);
    /**
     * The standard deviation over the walks, `[size]`; by eq. 4 it tends to sqrt(1 - abar).
     */
    readonly deviation: Float32Array;
    /**
     * The mean over the walks, `[size]`; by eq. 4 it tends to sqrt(abar) x_0.
     */
    readonly mean: Float32Array;
    /**
     * How many steps have been made, 0 to T. After t of them the noise level is that of timestep t - 1.
     */
    readonly t: number;
    /**
     * The states, `[count, size]`.
     */
    readonly xt: Float32Array;
}

/**
 * An animation in the making: the same code as `walkback sample --gif`.
 */
export class Gif {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * The file.
     */
    finish(): Blob;
    /**
     * Without a frame yet; images are laid out in `columns`, each pixel `scale` wide.
     */
    constructor(columns: number, scale: number);
    /**
     * Adds a frame of images `[count, channels, h, w]` in -1..1, shown for `centiseconds`.
     */
    push(images: Float32Array | number[], shape: Uint32Array | number[], centiseconds: number): void;
}

/**
 * A model that learns from examples.
 */
export class Learner {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Continues from what `keep` gave.
     */
    static continued(kept: Uint8Array | number[]): Learner;
    /**
     * A step of gradient descent on what was drawn last; draws first where nothing was.
     */
    descend(learning_rate: number): Promise<LearnStep>;
    /**
     * Draws images, timesteps and noise for the next step.
     */
    draw(): Promise<DrawnBatch>;
    /**
     * The mean squared error at a timestep, over the examples; of the model before learning, if that is asked for, and
     * undefined where there was none.
     */
    errorAt(timestep: number, before: boolean): Promise<number | undefined>;
    /**
     * The model as a folder in diffusers' layout, with `card` as its README.md.
     */
    folder(card: string): Promise<LearnedFiles>;
    /**
     * Begins with a model, which gets one label more.
     */
    static fromModel(unet_config: string, scheduler_config: string, labels: string | null | undefined, weights: Uint8Array[], seed: number): Learner;
    /**
     * Begins with a small network that knows nothing.
     */
    static fromNothing(channels: number, height: number, width: number, seed: number): Learner;
    /**
     * Everything that the next step depends on, as bytes.
     */
    keep(): Uint8Array;
    /**
     * The model with the averaged weights as they are now.
     */
    model(): Model;
    /**
     * Images of what the model knew before, `[n, channels, h, w]` with one label each, which it is to keep.
     */
    rehearse(images: Float32Array | number[], labels: Uint32Array | number[]): void;
    /**
     * Shows these examples from now on, `[n, channels, h, w]` from -1 to 1.
     */
    show(images: Float32Array | number[]): void;
    /**
     * Returns to the last good state, and says its step.
     */
    undo(): number;
    /**
     * How examples are varied: shift in pixels, turn in degrees, thickness from 0 to 1, and whether they are mirrored.
     */
    vary(shift: number, turn: number, thickness: number, mirror: boolean): void;
    /**
     * The label of the examples; null in a model without labels.
     */
    readonly label: number | undefined;
    /**
     * `[channels, h, w]` of an example.
     */
    readonly shape: Uint32Array;
    /**
     * Steps taken.
     */
    readonly step: number;
}

/**
 * A loaded model.
 */
export class Model {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * From now on the network is asked about no more than `images` at once, by this model and its chains.
     */
    askAtMost(images: number): void;
    /**
     * One term of the variational bound for one image, bits/dim: L_0 at timestep 0, else L_{t-1}, with the noise that
     * `seed` gives.
     */
    boundTerm(x_0: Float32Array | number[], timestep: number, label: number | null | undefined, seed: number): Promise<number>;
    /**
     * A chain from noise, or from `from`, down to an image; with `known`, the posterior walk to that image.
     */
    chain(request: ChainRequest): Chain;
    /**
     * The same, read as x_0-hat (clipped as the scheduler says) and eps-hat, whatever the model predicts.
     */
    denoise(x: Float32Array | number[], count: number, timestep: number, labels?: Uint32Array | number[] | null): Promise<Denoised>;
    /**
     * Builds a model from the contents of its folder: two configurations, `labels.json` if any, and the file of the weights,
     * or those that they are split into.
     */
    static load(unet_config: string, scheduler_config: string, labels: string | null | undefined, weights: Uint8Array[]): Promise<Model>;
    /**
     * The inside of one evaluation for one image `x`: the features after every stage, and the bottom's attention.
     */
    look(x: Float32Array | number[], timestep: number, label?: number | null): Promise<Look>;
    /**
     * The model output for `count` images `x` at one timestep, with one label each if the model takes labels.
     */
    predict(x: Float32Array | number[], count: number, timestep: number, labels?: Uint32Array | number[] | null): Promise<Float32Array>;
    /**
     * L_T of the bound for one image, bits/dim: nothing in it can be trained.
     */
    priorTerm(x_0: Float32Array | number[]): number;
    /**
     * The model output for the fixed input that devices are checked with.
     */
    probe(): Promise<Float32Array>;
    /**
     * The schedule: `{ betas, alphasCumprod, logSnr }`, one value for each timestep.
     */
    schedule(): any;
    /**
     * The sines and cosines that tell the network its timestep, a row for each: `[n, d]`.
     */
    timeEmbeddings(timesteps: Uint32Array | number[]): Float32Array;
    /**
     * What the model is: device, parameters, image size, channels, class names.
     */
    readonly info: ModelInfo;
}

/**
 * x_t of x_0 and eps (Ho et al. 2020, eq. 4).
 */
export function addNoise(x_0: Float32Array | number[], eps: Float32Array | number[], alpha_cumprod: number): Float32Array;

/**
 * Refuses a `model_index.json` of more than a U-Net and a scheduler, before the weights are fetched.
 */
export function checkModelIndex(json: string): void;

/**
 * The first `draws` draws of `size` normal values from the stream of a seed, one after another. Draw 0 is the x_T of a
 * chain with that seed.
 */
export function noise(seed: number, draws: number, size: number): Float32Array;

/**
 * x_0 of x_t and eps, not clipped: eq. 4 solved for x_0.
 */
export function removeNoise(x_t: Float32Array | number[], eps: Float32Array | number[], alpha_cumprod: number): Float32Array;

/**
 * A safetensors file of `{ name, shape, values: Float32Array }[]`.
 */
export function safetensors(tensors: Array<any>): Blob;

/**
 * The tables of a schedule by its name in `scheduler_config.json`: `{ betas, alphasCumprod, logSnr }`.
 */
export function scheduleOf(beta_schedule: string, train_timesteps: number): any;

/**
 * Spherical interpolation between two noises, `share` from 0 to 1.
 */
export function slerp(from: Float32Array | number[], to: Float32Array | number[], share: number): Float32Array;

export function start(): void;

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly memory: WebAssembly.Memory;
    readonly __wbindgen_externrefs: WebAssembly.Table;
}

export type SyncInitInput = BufferSource | WebAssembly.Module;

/**
 * Instantiates the given `module`, which can either be bytes or
 * a precompiled `WebAssembly.Module`.
 *
 * @param {{ module: SyncInitInput }} module - Passing `SyncInitInput` directly is deprecated.
 *
 * @returns {InitOutput}
 */
export function initSync(module: { module: SyncInitInput } | SyncInitInput): InitOutput;

/**
 * If `module_or_path` is {RequestInfo} or {URL}, makes a request and
 * for everything else, calls `WebAssembly.instantiate` directly.
 *
 * @param {{ module_or_path: InitInput | Promise<InitInput> }} module_or_path - Passing `InitInput` directly is deprecated.
 *
 * @returns {Promise<InitOutput>}
 */
export default function __wbg_init (module_or_path?: { module_or_path: InitInput | Promise<InitInput> } | InitInput | Promise<InitInput>): Promise<InitOutput>;
