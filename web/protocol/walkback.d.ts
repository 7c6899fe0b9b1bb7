// What the wasm modules export: `cargo xtask generate` writes it from crate/src/web/. Change it there.
/* tslint:disable */
/* eslint-disable */

/** A sampler that walks back; the first one is used where none is named. */
export type BackSampler = "ddpm" | "ddim" | "dpm++" | "euler" | "euler_a" | "heun" | "unipc";
export type Sampler = BackSampler | "ddim_inverse";
export type Spacing = "leading" | "linspace" | "trailing";
/** A state to start from: the network is first evaluated at `timestep`. */
export interface Start {
    /** `[count, channels, h, w]` */
    xt: Float32Array;
    timestep: number;
}
/** RePaint (Lugmayr et al. 2022): a part of the image is kept, and each timestep is visited several times. */
export interface Inpaint {
    /** The image whose pixels are kept, `[channels, h, w]`. */
    x0: Float32Array;
    /** `[h, w]`: 1 keeps the pixel. */
    mask: Float32Array;
    /** How often each timestep is visited. */
    resamplings: number;
}
/** Where a chain was: with its options, all that the rest of the walk depends on. */
export interface Resume {
    /** Steps taken. */
    index: number;
    xt: Float32Array;
    /** x_0-hat of the step before. */
    x0Before: Float32Array;
    /** x_0-hat of the step before that, where there was one. */
    x0TwoBefore?: Float32Array;
}
/** One walk back from noise. */
export interface ChainOptions {
    seed: number;
    /** Images that walk together. */
    count: number;
    /** A class, null for any, or a class for each image. */
    label: number | null | number[];
    /** w of classifier-free guidance; 1, the default, is the plain conditional model. */
    guidanceScale?: number;
    /** 0 to 1: how much of the plain prediction's spread is restored (Lin et al. 2023, section 3.4). */
    guidanceRescale?: number;
    sampler?: Sampler;
    /** How many of the T timesteps are visited. */
    numInferenceSteps: number;
    /** DDIM's share of fresh noise, 0 to 1. */
    eta?: number;
    /** The model's own if missing. */
    spacing?: Spacing;
    /** Starts here instead of in noise. */
    from?: Start;
    /** x_0: the truth takes the network's part, which gives the posterior walk. */
    known?: Float32Array;
    inpaint?: Inpaint;
    /** Continues where a chain with these options was. */
    resume?: Resume;
}



/** The activations after one part of the U-Net. */
export interface Stage {
    name: string;
    role: "in" | "down" | "mid" | "up" | "out";
    /** 0 is the full resolution. */
    level: number;
    /** `[c, h, w]` */
    shape: [number, number, number];
    values: Float32Array;
}
/** The attention of the middle block. */
export interface Attention {
    /** `[h, w]` of the level that attends. */
    shape: [number, number];
    heads: number;
    /** `[heads, hw, hw]`: a row for each pixel that asks. */
    weights: Float32Array;
}
/** The inside of the network in one evaluation. */
export interface Look {
    /** The sines and cosines of the timestep. */
    timeEmbedding: Float32Array;
    /** In the order of computation. */
    stages: Stage[];
    /** null where the network has no attention in its middle. */
    attention: Attention | null;
}



/** The names of `scheduler_config.json`; Nichol & Dhariwal's cosine schedule is squaredcos_cap_v2. */
export type BetaSchedule = "linear" | "scaled_linear" | "squaredcos_cap_v2" | "sigmoid";
/** A noise schedule, one value for each timestep 0 to T - 1. */
export interface ScheduleCurves {
    betas: Float64Array;
    /** abar. */
    alphasCumprod: Float64Array;
    /** ln(abar / (1 - abar)). */
    logSnr: Float64Array;
}



/** What one step shows. */
export interface Frame {
    /** Steps taken before this one, from 0. */
    index: number;
    /** t, where the network was evaluated. */
    timestep: number;
    /** The state before the step, which the network was asked about, after several steps at once. */
    xt?: Float32Array | undefined;
    /** x_0-hat of the step before it, likewise. */
    x0Before?: Float32Array | undefined;
    /** The state after the step, `[count, channels, h, w]`. */
    xPrev: Float32Array;
    /** x_0-hat, the clean image that the prediction implies. */
    x0: Float32Array;
    /** eps-hat, the noise that the prediction implies. */
    eps: Float32Array;
    /** Whether `xPrev` is the final image. */
    done: boolean;
}



export interface NamedTensor {
    name: string;
    shape: number[];
    values: Float32Array;
}



export type Device = "webgpu" | "cpu";
/** What the network was trained to put out. */
export type PredictionType = "epsilon" | "sample" | "v_prediction" | "flow";
/** What a loaded model is. */
export interface ModelInfo {
    device: Device;
    /** The GPU's name; "" on the CPU and where the browser keeps it to itself. */
    adapter: string;
    parameters: number;
    /** What was chosen among several things in its files, in sentences. */
    notes: string[];
    /** Height and width. */
    imageSize: [number, number];
    channels: number;
    /** Names by label; [] if the model is unconditional. The null label has one if it stands between classes. */
    classes: string[];
    /** The label that stands for "any"; null if the model has none. */
    nullLabel: number | null;
    /** T, the steps of the noise schedule. */
    trainTimesteps: number;
    predictionType: PredictionType;
}
/** One evaluation of the network, read in three ways: `[count, channels, h, w]` each. */
export interface Denoised {
    /** Whatever the model predicts. */
    output: Float32Array;
    /** x_0-hat, clipped as the scheduler says. */
    x0: Float32Array;
    /** eps-hat. */
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
     * So many steps, or as many as are left, of which only the last is shown: a GPU takes them without an answer in
     * between.
     */
    advance(steps: number): Promise<Frame>;
    /**
     * One reverse step: an evaluation of the network, then the sampler's arithmetic.
     *
     * Steps of one chain do not overlap: a call during a step is an error.
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
 * `count` walks from one image into noise, each with its own noise.
 */
export class ForwardWalk {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Makes `steps` more steps, or as many as there are betas left.
     */
    advance(steps: number): void;
    /**
     * `count` copies of `x_0`, before the first step. With `naive` the factor sqrt(1 - beta) is left out.
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
 * An animation that frames are added to, by the code of `walkback sample --gif`.
 */
export class Gif {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * The file.
     */
    finish(): Blob;
    /**
     * An animation without a frame; images are laid out in `columns`, each pixel `scale` wide.
     */
    constructor(columns: number, scale: number);
    /**
     * Adds a frame of images `[count, channels, h, w]` in -1..1, shown for `centiseconds`.
     */
    push(images: Float32Array | number[], shape: Uint32Array | number[], centiseconds: number): void;
}

/**
 * A loaded model.
 */
export class Model {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * From now on the network evaluates no more than `images` at once, for this model and its chains.
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
    chain(request: ChainOptions): Chain;
    /**
     * The same, read as x_0-hat (clipped as the scheduler says) and eps-hat, whatever the model predicts.
     */
    denoise(x: Float32Array | number[], count: number, timestep: number, labels?: Uint32Array | number[] | null): Promise<Denoised>;
    /**
     * Builds a model from the contents of its folder: two configurations, `labels.json` if any, and the file of the weights,
     * or those that they are split into. `in_single`: in a GPU's memory they are float32, also where it has float16.
     */
    static load(unet_config: string, scheduler_config: string, labels: string | null | undefined, weights: Uint8Array[], in_single?: boolean | null): Promise<Model>;
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
     * The same as the CPU computes it, wherever this model computes otherwise.
     */
    probeOnCpu(which: number): Float32Array;
    /**
     * The model output for one of the inputs that devices are checked with, 0 to 2. The first is that of golden.json, the
     * others are at other timesteps.
     */
    probe(which: number): Promise<Float32Array>;
    /**
     * The schedule that the model was trained with.
     */
    schedule(): ScheduleCurves;
    /**
     * The sines and cosines by which the network knows its timestep, a row for each: `[n, d]`.
     */
    timeEmbeddings(timesteps: Uint32Array | number[]): Float32Array;
    /**
     * Whether a GPU's memory holds the parameters in float16.
     */
    readonly inHalf: boolean;
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
 * Compiles the kernels of a network of this configuration on the GPU while its weights are still being fetched.
 *
 * # Errors
 * The errors of [`Model.load`](super::Model::load) for the configuration, and failures of the device.
 */
export function prepare(unet_config: string): Promise<void>;

/**
 * x_0 of x_t and eps, not clipped: eq. 4 solved for x_0.
 */
export function removeNoise(x_t: Float32Array | number[], eps: Float32Array | number[], alpha_cumprod: number): Float32Array;

/**
 * A safetensors file of these tensors.
 */
export function safetensors(tensors: NamedTensor[]): Blob;

/**
 * The tables of a schedule by its name.
 */
export function scheduleOf(beta_schedule: BetaSchedule, train_timesteps: number): ScheduleCurves;

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
