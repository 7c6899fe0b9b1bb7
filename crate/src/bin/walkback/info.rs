//! `walkback info`: what a model folder holds.

use burn::tensor::Device;
use walkback::schedule::PredictionType;

use crate::model::ModelArgs;

/// Print the contents of a model folder
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
}

/// Loads the whole model, so that what is printed is also known to work.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let files = args.model.read()?;
    let pipeline = files.pipeline(&Device::flex())?;
    let (config, scheduler, labels) = (pipeline.config(), pipeline.scheduler(), pipeline.labels());
    let spec = pipeline.spec();
    let classes = match spec.num_class_embeds {
        None => "none (unconditional)".to_owned(),
        Some(_) => {
            let names: Vec<_> = labels.classes().map(|(_, name)| name).collect();
            format!("{} ({})", names.len(), names.join(", "))
        }
    };
    let null = match labels.null {
        Some(null) => format!("{null} (guidance is possible)"),
        None => "none (no guidance)".to_owned(),
    };
    let down_blocks = config.down_block_types.iter();
    let down_blocks: Vec<_> = down_blocks.map(|block| format!("{block:?}")).collect();
    let golden = if files.golden.is_some() { "yes" } else { "no" };
    let rows = [
        ("model", args.model.model.display().to_string()),
        (
            "images",
            format!("{} x {} x {}", spec.height, spec.width, spec.channels),
        ),
        (
            "parameters",
            format!(
                "{} ({} bytes of weights)",
                pipeline.parameter_count(),
                files.weights.len()
            ),
        ),
        ("levels", format!("{:?}", config.block_out_channels)),
        ("down blocks", down_blocks.join(", ")),
        ("layers per block", config.layers_per_block.to_string()),
        ("classes", classes),
        ("null label", null),
        ("timesteps", scheduler.num_train_timesteps.to_string()),
        (
            "betas",
            match (&scheduler.exploding, &scheduler.trained_betas) {
                (Some(levels), _) => {
                    let (min, max) = (levels.sigma_min, levels.sigma_max);
                    format!("those of sigma = {min} to {max}")
                }
                _ if scheduler.prediction_type == PredictionType::Flow => {
                    "those of flow matching".to_owned()
                }
                (_, Some(_)) => "given one by one".to_owned(),
                (_, None) => format!(
                    "{}, {} to {}",
                    scheduler.beta_schedule, scheduler.beta_start, scheduler.beta_end
                ),
            },
        ),
        ("prediction", scheduler.prediction_type.to_string()),
        ("variance", scheduler.variance_type.to_string()),
        ("golden value", golden.to_owned()),
    ];
    for (name, value) in rows {
        println!("{name:<17} {value}");
    }
    Ok(())
}
