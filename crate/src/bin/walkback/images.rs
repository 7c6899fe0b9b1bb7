//! How images are prepared: the options that training and evaluation share.

use walkback::data::images::{Background, Fit, Preparation};

/// `--background`, `--fit` and `--skip-broken`.
#[derive(Debug, clap::Args)]
pub struct PreparationArgs {
    /// Colour behind transparent images and around padded ones: white, black or #rrggbb [default: white]
    #[arg(long, value_name = "COLOUR")]
    background: Option<Background>,

    /// How to fit images of another size: pad, crop or stretch [default: pad smaller ones, crop the others]
    #[arg(long, value_name = "HOW")]
    fit: Option<Fit>,

    /// Skip images that cannot be read, and list them, instead of stopping
    #[arg(long)]
    skip_broken: bool,
}

impl PreparationArgs {
    /// What they ask for.
    pub fn preparation(&self) -> Preparation {
        Preparation {
            background: self.background.unwrap_or_default(),
            fit: self.fit,
            skip_broken: self.skip_broken,
        }
    }
}
