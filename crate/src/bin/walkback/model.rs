//! Which model a subcommand works on.

use std::path::PathBuf;

use walkback::folder::{self, FolderError, ModelFolder, Which};
use walkback::unet::UNetConfig;

/// `--model` and what goes with it.
#[derive(Debug, clap::Args)]
pub struct ModelArgs {
    /// The model folder
    #[arg(long, value_name = "DIR", default_value = "pretrained/mnist")]
    pub model: PathBuf,

    /// Use the weights in unet/ even if the folder has averaged ones in unet_ema/
    #[arg(long)]
    pub no_ema: bool,

    /// Size of the images, to set or override sample_size in unet/config.json: a side, or HEIGHTxWIDTH, in pixels
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub size: Option<[usize; 2]>,
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
    /// Reads the folder, and prints to standard error what was chosen in it.
    pub fn read(&self) -> Result<ModelFolder, FolderError> {
        let which = if self.no_ema {
            Which::Trained
        } else {
            Which::Averaged
        };
        let mut files = folder::read_which(&self.model, which)?;
        if let Some(size) = self.size {
            files.unet_config = UNetConfig::json_with_size(&files.unet_config, size);
        }
        for note in &files.notes {
            eprintln!("walkback: {note}");
        }
        Ok(files)
    }
}
