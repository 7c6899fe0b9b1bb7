//! Which model a subcommand works on.

use std::path::PathBuf;

use walkback::folder::{self, FolderError, ModelFolder, Which};

/// `--model` and what goes with it.
#[derive(Debug, clap::Args)]
pub struct ModelArgs {
    /// The model folder
    #[arg(long, value_name = "DIR", default_value = "pretrained/mnist")]
    pub model: PathBuf,

    /// Use the weights in unet/ even if the folder has averaged ones in unet_ema/
    #[arg(long)]
    pub no_ema: bool,
}

impl ModelArgs {
    /// Reads the folder, and says on standard error what was chosen in it.
    pub fn read(&self) -> Result<ModelFolder, FolderError> {
        let which = if self.no_ema {
            Which::Trained
        } else {
            Which::Averaged
        };
        let files = folder::read_which(&self.model, which)?;
        for note in &files.notes {
            eprintln!("walkback: {note}");
        }
        Ok(files)
    }
}
