//! `walkback sample`: from noise to images, in files.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use burn::tensor::Device;
use indicatif::{ProgressBar, ProgressStyle};
use walkback::chain::{Chain, ChainOptions, InBatches};
use walkback::folder::write_file;
use walkback::picture::{Animation, GridLayout, grid, grid_png};
use walkback::pipeline::{Labels, Pipeline};
use walkback::sampler::SamplerKind;
use walkback::schedule::Spacing;

use crate::device::{DeviceArg, limit_threads};
use crate::model::ModelArgs;
use crate::raw::RawWriter;

/// Images that the network sees at once; more would need more memory and gain no speed.
const CHUNK: NonZeroUsize = NonZeroUsize::new(128).unwrap();
/// The most images, or images per class, in one run.
const MAX_IMAGES: usize = 100_000;
/// Frames of a GIF; longer walks show every k-th state.
const MAX_FRAMES: usize = 80;
/// How long a GIF shows each state, and the last one, in hundredths of a second.
const FRAME_CENTISECONDS: u16 = 5;
const LAST_CENTISECONDS: u16 = 200;
/// How long the bar may stand still.
const BAR_STANDS: Duration = Duration::from_millis(300);

/// Draw images from a model: a PNG grid, an animated GIF or the raw numbers
///
/// The same seed gives the same images as diffusers' DDPMPipeline with torch.Generator().manual_seed(SEED).
#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,

    /// Where to write the grid of samples
    #[arg(long, value_name = "PNG", default_value = "grid.png")]
    out: PathBuf,

    /// Also write the walk from noise as an animation
    #[arg(long, value_name = "GIF")]
    gif: Option<PathBuf>,

    /// Also write `samples`, `labels` and `trajectory` as safetensors
    #[arg(long, value_name = "SAFETENSORS")]
    raw: Option<PathBuf>,

    /// Class to draw: its name or number, or `all` for a column of each [default: any]
    #[arg(long, value_name = "K|all")]
    label: Option<String>,

    /// Number of images, per class with `--label all`
    #[arg(long, value_name = "N", default_value_t = 4)]
    count: usize,

    /// Strength w of classifier-free guidance; 1 is the plain conditional model
    #[arg(
        long,
        visible_alias = "guidance-scale",
        value_name = "W",
        default_value_t = 1.0,
        allow_negative_numbers = true
    )]
    guidance: f64,

    /// How far guidance's change of contrast is undone, from 0 (not at all) to 1
    #[arg(
        long,
        value_name = "R",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    guidance_rescale: f64,

    /// Sampler: ddpm, ddim, dpm++, euler, euler_a, heun or unipc
    #[arg(long, value_name = "NAME", default_value = "ddpm", value_parser = sampler_kind)]
    sampler: SamplerKind,

    /// Number of steps [default: 250 for ddpm, 50 for ddim, 30 for euler and euler_a, 20 for the others; at most the model's T]
    #[arg(long, visible_alias = "num-inference-steps", value_name = "N")]
    steps: Option<usize>,

    /// Noise that ddim adds: 0 for none, 1 for as much as ddpm
    #[arg(
        long,
        value_name = "E",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    eta: f64,

    /// Timestep spacing: leading, linspace or trailing [default: the model folder's; linspace for dpm++]
    #[arg(long, value_name = "NAME")]
    spacing: Option<Spacing>,

    /// Seed of the noise
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,

    /// Where to compute
    #[arg(long, value_enum, default_value_t)]
    device: DeviceArg,

    /// CPU threads [default: one per core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    /// Magnification of the grid; the animation has half of it, because noise compresses badly
    #[arg(long, value_name = "N", default_value_t = 4)]
    scale: usize,
}

/// The inversion is left out: it starts from images, not from noise.
fn sampler_kind(text: &str) -> Result<SamplerKind, String> {
    match text.parse()? {
        SamplerKind::DdimInverse => {
            Err("ddim_inverse starts from images; choose another sampler".into())
        }
        kind => Ok(kind),
    }
}

/// Walks back and writes the chosen files.
pub fn run(args: &Args) -> anyhow::Result<()> {
    limit_threads(args.threads)?;
    ensure!(args.scale > 0, "--scale is 0; give at least 1");
    let files = args.model.read()?;
    let mut pipeline = files
        .pipeline(&Device::flex())
        .with_context(|| format!("{} cannot be used", args.model.model.display()))?;
    args.device.take_over(&mut pipeline)?;
    let (labels, columns) = choose_labels(args, pipeline.labels())?;
    if labels.is_none() && args.guidance != 1.0 {
        bail!("--guidance needs a class: give one with --label, or leave --guidance out");
    }
    ensure!(
        args.guidance_rescale == 0.0 || args.guidance != 1.0,
        "--guidance-rescale corrects the effect of --guidance: give a --guidance other than 1, \
         or leave it out"
    );
    let count = labels.as_ref().map_or(args.count, Vec::len);
    let num_train_timesteps = pipeline.scheduler().num_train_timesteps;
    let usual_steps = || args.sampler.usual_steps(num_train_timesteps);
    let options = ChainOptions {
        seed: args.seed,
        count,
        labels: labels.clone(),
        guidance_scale: args.guidance,
        guidance_rescale: args.guidance_rescale,
        sampler: args.sampler,
        num_inference_steps: args.steps.unwrap_or_else(usual_steps),
        eta: args.eta,
        spacing: args.spacing,
        ..ChainOptions::default()
    };
    let chain = Chain::new(pipeline.scheduler(), &pipeline.spec(), options)?;
    walk(
        args,
        &in_chunks(&pipeline),
        chain,
        labels.as_deref(),
        columns,
    )
}

/// Takes every step and writes the files as their parts become known.
fn walk(
    args: &Args,
    model: &InBatches<'_, Pipeline>,
    mut chain: Chain,
    labels: Option<&[usize]>,
    columns: usize,
) -> anyhow::Result<()> {
    let (shape, steps) = (chain.shape(), chain.timesteps().len());
    let (pictured, columns) = pictured(shape, columns);
    let layout = GridLayout::new(columns, args.scale);
    let frame = GridLayout::new(columns, args.scale / 2);
    // Refuses a picture that is too large before the walk, not after it.
    grid(chain.x_t(), pictured, layout)?;
    let mut raw = match &args.raw {
        Some(path) => Some(RawWriter::create(path, shape, steps, labels)?),
        None => None,
    };
    if let Some(raw) = &mut raw {
        raw.push(chain.x_t())?;
    }
    let mut animation = match &args.gif {
        Some(_) => Some(Animation::new(
            &grid(chain.x_t(), pictured, frame)?,
            FRAME_CENTISECONDS,
        )?),
        None => None,
    };
    let every = steps.div_ceil(MAX_FRAMES).max(1);

    let bar = ProgressBar::new(steps as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} step {pos}/{len}, {eta} left") {
        bar.set_style(style);
    }
    let mut pace = Pace::default();
    while !chain.is_done() {
        // As many steps at once as nobody sees: a GPU takes them without an answer in between.
        let until = |every: usize| every - chain.index() % every;
        let steps = match (&raw, &animation) {
            (Some(_), _) => 1,
            (None, Some(_)) => pace.steps().min(until(every)),
            (None, None) => pace.steps(),
        };
        let began = Instant::now();
        let step = pollster::block_on(chain.advance(model, steps))?;
        pace.took(steps, began.elapsed());
        if let Some(raw) = &mut raw {
            raw.push(&step.x_prev)?;
        }
        if let Some(animation) = &mut animation
            && (step.done || (step.index + 1).is_multiple_of(every))
        {
            let time = if step.done {
                LAST_CENTISECONDS
            } else {
                FRAME_CENTISECONDS
            };
            animation.push(&grid(&step.x_prev, pictured, frame)?, time)?;
        }
        bar.set_position(chain.index() as u64);
    }
    bar.finish_and_clear();

    write_file(&args.out, &grid_png(chain.x_t(), pictured, layout)?)?;
    println!("{}: {} images", args.out.display(), shape[0]);
    if let (Some(animation), Some(path)) = (animation, &args.gif) {
        let frames = animation.frames();
        write_file(path, &animation.finish()?)?;
        println!("{}: {frames} frames", path.display());
    }
    if let Some(path) = &args.raw {
        println!("{}: {} states", path.display(), steps + 1);
    }
    Ok(())
}

/// How many steps are taken between two movements of the bar.
#[derive(Default)]
struct Pace {
    step: Option<Duration>,
}

impl Pace {
    /// One at first, then as many as take about as long as the bar may stand.
    fn steps(&self) -> usize {
        let fit = |step: Duration| BAR_STANDS.as_secs_f64() / step.as_secs_f64().max(1e-6);
        self.step.map_or(1, |step| (fit(step) as usize).max(1))
    }

    fn took(&mut self, steps: usize, time: Duration) {
        self.step = Some(time.div_f64(steps.max(1) as f64));
    }
}

/// The shape and the columns to draw: images of other than 1 or 3 channels become a grey one for each channel.
fn pictured([n, c, h, w]: [usize; 4], columns: usize) -> ([usize; 4], usize) {
    if matches!(c, 1 | 3) {
        ([n, c, h, w], columns)
    } else {
        ([n * c, 1, h, w], columns * c)
    }
}

/// One label for each image, and the columns of the grid: one per class with `all`, else a square.
fn choose_labels(args: &Args, labels: &Labels) -> anyhow::Result<(Option<Vec<usize>>, usize)> {
    ensure!(
        (1..=MAX_IMAGES).contains(&args.count),
        "--count is {}; give 1 to {MAX_IMAGES}",
        args.count
    );
    let square = (args.count as f64).sqrt().ceil() as usize;
    let Some(label) = &args.label else {
        return Ok((None, square));
    };
    let (classes, names): (Vec<usize>, Vec<&str>) = labels.classes().unzip();
    let columns = classes.len();
    ensure!(columns > 0, "this model has no classes; leave --label out");
    if label == "all" {
        let total = args.count * columns;
        let each_class = classes.into_iter().cycle();
        return Ok((Some(each_class.take(total).collect()), columns));
    }
    let named = names.iter().position(|name| name == label);
    let named = named.map(|class| classes[class]);
    let numbered = || (label.parse().ok()).filter(|number| classes.contains(number));
    let Some(label) = named.or_else(numbered) else {
        bail!(
            "--label {label}: no such class; use all, or one of {}",
            names.join(", ")
        );
    };
    Ok((Some(vec![label; args.count]), square))
}

/// The network with a limited batch size. The noise is still drawn for all images together.
pub fn in_chunks(pipeline: &Pipeline) -> InBatches<'_, Pipeline> {
    InBatches {
        model: pipeline,
        at_most: CHUNK,
    }
}
