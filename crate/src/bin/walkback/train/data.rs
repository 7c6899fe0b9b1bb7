//! The training images: a folder of them, of IDX files, or MNIST from the cache.

use std::path::Path;

use walkback::data;
use walkback::data::ImageSet;
use walkback::data::download;
use walkback::data::idx::Split;
use walkback::data::images::{Preparation, Wanted};

use super::Given;

/// How the images are to be converted: to what an existing network takes, or to `--size`.
pub fn wanted(
    size: Option<usize>,
    preparation: Preparation,
    given: Option<&Given>,
) -> anyhow::Result<Wanted> {
    let (unet, names) = match given {
        None => {
            let wanted = size.map(Wanted::square).transpose()?.unwrap_or_default();
            return Ok(Wanted {
                preparation,
                ..wanted
            });
        }
        Some(Given::Run(config)) => (&config.unet, Some(&config.labels.names)),
        Some(Given::Model(model)) => (&model.1.0, Some(&model.1.2.names)),
        Some(Given::Network(unet)) => (&**unet, None),
    };
    Ok(Wanted {
        size: Some(unet.sample_size),
        // Images have one channel or three; a network with another number is rejected when it meets them.
        channels: Some(unet.in_channels).filter(|channels| matches!(channels, 1 | 3)),
        names: match (unet.num_class_embeds, names) {
            (None, _) => Some(Vec::new()),
            (Some(_), names) => names.cloned(),
        },
        preparation: match given {
            Some(Given::Run(config)) => config.preparation,
            _ => preparation,
        },
    })
}

/// Reads the training images of `dir`, or of MNIST, which is downloaded the first time.
pub fn open(dir: Option<&Path>, wanted: &Wanted) -> anyhow::Result<ImageSet> {
    Ok(match dir {
        Some(dir) => data::open(dir, Split::Train, wanted)?,
        None => data::open(&download::mnist()?, Split::Train, wanted)?,
    })
}

/// Prints what was found and how it was converted.
pub fn print(found: &ImageSet, out: &Path) {
    let ImageSet { data, names, notes } = found;
    let colour = if data.channels == 1 { "grey" } else { "colour" };
    let classes = match names.len() {
        0 => "no classes".to_owned(),
        count => format!("{count} classes ({})", names.join(", ")),
    };
    for note in notes {
        println!("{note}");
    }
    println!(
        "{} {colour} images of {} x {} pixels, {classes}; run folder {}",
        data.len(),
        data.height,
        data.width,
        out.display()
    );
}
