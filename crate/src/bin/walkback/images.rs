//! How images are prepared: the options that training and evaluation share.

use std::path::Path;

use walkback::data::idx::Split;
use walkback::data::images::{Background, Fit, Preparation, Wanted};
use walkback::data::{self, ImageSet};
use walkback::eval::check_fit;
use walkback::pipeline::Pipeline;

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
    /// The training or the test images, converted as for training to what the model draws. A model without classes of its own
    /// gets them from `classes`, or else from the data.
    pub fn read(
        &self,
        dir: &Path,
        split: Split,
        pipeline: &Pipeline,
        classes: Option<&[String]>,
    ) -> anyhow::Result<ImageSet> {
        let spec = pipeline.spec();
        let names = &pipeline.labels().names;
        let what = match split {
            Split::Train => "training",
            Split::Test => "test",
        };
        let wanted = Wanted {
            size: Some([spec.height, spec.width]),
            channels: Some(spec.channels).filter(|channels| matches!(channels, 1 | 3)),
            names: match spec.num_class_embeds {
                Some(_) => Some(names.clone()),
                None => classes.map(<[String]>::to_vec),
            },
            preparation: self.preparation(),
        };
        let found = data::open(dir, split, &wanted)?;
        for note in &found.notes {
            eprintln!("{what} images: {note}");
        }
        check_fit(&spec, names.len(), &found.data, what)?;
        Ok(found)
    }
}
