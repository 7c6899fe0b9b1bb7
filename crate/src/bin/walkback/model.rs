//! Which model a subcommand works on.

use std::path::{Component, Path, PathBuf};

use anyhow::ensure;
use walkback::folder::{self, ModelFolder, Which};
use walkback::hub::{self, HubName};
use walkback::pipeline::Labels;
use walkback::unet::UNetConfig;

/// The model that is used where none is named.
const DEFAULT: &str = "pretrained/mnist";

/// `--model` and what goes with it.
#[derive(Debug, clap::Args)]
pub struct ModelArgs {
    /// The model folder, or a model of the Hugging Face hub: owner/name, hf:owner/name@revision, or the address of its page
    #[arg(long, value_name = "DIR|NAME", default_value = DEFAULT)]
    pub model: PathBuf,

    /// Use the weights in unet/ even if the folder has averaged ones in unet_ema/
    #[arg(long)]
    pub no_ema: bool,

    /// Size of the images, to set or override sample_size in unet/config.json: a side, or HEIGHTxWIDTH, in pixels
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub size: Option<[usize; 2]>,

    /// The label that stands for no class, which guidance needs, where labels.json does not say so
    #[arg(long, value_name = "K")]
    pub null_label: Option<usize>,
}

/// "32" is 32 x 32, "24x40" has 24 rows.
fn size(text: &str) -> Result<[usize; 2], String> {
    let (height, width) = text.split_once('x').unwrap_or((text, text));
    match (height.parse(), width.parse()) {
        (Ok(height), Ok(width)) => Ok([height, width]),
        _ => Err("give a side, as in 32, or HEIGHTxWIDTH, as in 24x40".into()),
    }
}

impl ModelArgs {
    /// Reads the folder, from the hub if that is where it is, and prints to standard error what was chosen in it.
    pub fn read(&self) -> anyhow::Result<ModelFolder> {
        let which = if self.no_ema {
            Which::Trained
        } else {
            Which::Averaged
        };
        let mut files = folder::read_which(&folder_of(&self.model, which)?, which)?;
        if let Some(size) = self.size {
            files.unet_config = UNetConfig::json_with_size(&files.unet_config, size);
        }
        if let Some(null) = self.null_label {
            files.labels = Some(self.with_null_label(&files, null)?);
        }
        for note in &files.notes {
            eprintln!("walkback: {note}");
        }
        Ok(files)
    }
}

impl ModelArgs {
    /// `labels.json` with this null label.
    fn with_null_label(&self, files: &ModelFolder, null: usize) -> anyhow::Result<String> {
        let config = UNetConfig::from_json(&files.unet_config)?;
        let count = config.num_class_embeds.unwrap_or(0);
        ensure!(
            null < count,
            "--null-label is {null}, but the model has {count} labels, counted from 0"
        );
        let mut labels = Labels::new(files.labels.as_deref(), config.num_class_embeds)?;
        if files.labels.is_none() && null + 1 == count {
            // Nobody asks for a class that is none.
            labels.names.pop();
        }
        labels.null = Some(null);
        Ok(serde_json::to_string(&labels)?)
    }
}

/// The folder that `--model` or `--init` names, fetched if it is one of the hub's. What lies in a folder here is a folder
/// here, even where it is misspelt.
pub fn folder_of(given: &Path, which: Which) -> anyhow::Result<PathBuf> {
    let here = match given.components().next() {
        Some(Component::Normal(first)) => Path::new(first).exists(),
        _ => true,
    };
    if here || given == Path::new(DEFAULT) {
        return Ok(given.into());
    }
    match given.to_str().map(HubName::parse).transpose()?.flatten() {
        Some(name) => Ok(hub::fetch(&name, which)?),
        None => Ok(given.into()),
    }
}
