//! Which timesteps of which images are computed.

use super::BoundError;
use crate::eval::estimate::{rows, strata};
use crate::eval::{below, generator, permutation};
use crate::likelihood::Terms;
use crate::pipeline::Pipeline;
use std::ops::Range;

/// The smallest number of images with a meaningful spread.
const LEAST_IMAGES: usize = 10;
/// The most draws: more do not fit in memory.
const MAX_DRAWS: usize = 100_000_000;

/// Which terms of which images are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Draws of a timestep and an image, equally many for each row of the table.
    Strata {
        /// The number of draws; it is rounded down to equal numbers in the strata of a row, at least two.
        draws: usize,
    },
    /// Every timestep of some images.
    Full {
        /// At least 10, and no more than there are.
        images: usize,
    },
}

/// Whether [`bound`](super::bound) can be computed on this many images.
///
/// # Errors
/// What the model, its chain or the plan does not allow.
pub fn check(pipeline: &Pipeline, images: usize, plan: Plan) -> Result<(), BoundError> {
    let (spec, scheduler) = (pipeline.spec(), pipeline.scheduler());
    let (found, channels) = (spec.out_channels, spec.channels);
    let variance_type = scheduler.variance_type;
    if found != variance_type.outputs(channels) {
        return Err(BoundError::Channels {
            variance_type,
            found,
            channels,
        });
    }
    Terms::new(scheduler)?;
    if images < LEAST_IMAGES {
        return Err(BoundError::FewImages(images));
    }
    let (option, found, least, most) = match plan {
        Plan::Strata { draws } => {
            let rows = rows(scheduler.num_train_timesteps);
            let finest = rows.iter().map(|row| strata(row).len()).max();
            (
                "draws",
                draws,
                2 * rows.len() * finest.unwrap_or(1),
                MAX_DRAWS,
            )
        }
        Plan::Full { images: asked } => ("images", asked, LEAST_IMAGES, images),
    };
    if (least..=most).contains(&found) {
        return Ok(());
    }
    Err(BoundError::Count {
        option,
        found,
        least,
        most,
    })
}

/// One term to be computed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draw {
    pub(super) image: usize,
    pub(super) timestep: usize,
}

/// Some consecutive timesteps, and how many draws they get.
#[derive(Debug, Clone)]
pub(super) struct Stratum {
    pub(super) timesteps: Range<usize>,
    pub(super) draws: usize,
}

/// The strata and, one stratum after the other, what is drawn in them.
pub(super) fn planned(
    plan: Plan,
    images: usize,
    count: usize,
    seed: u64,
) -> (Vec<Stratum>, Vec<Draw>) {
    let mut rng = generator(seed, 3);
    let order = permutation(images, &mut rng);
    match plan {
        Plan::Strata { draws } => {
            let rows = rows(count);
            let of_row = |row: &Range<usize>| {
                let draws = draws / rows.len() / strata(row).len();
                strata(row).map(move |timesteps| Stratum { timesteps, draws })
            };
            let strata: Vec<Stratum> = rows.iter().flat_map(of_row).collect();
            // Every draw has the next image, so that one image is seldom asked twice.
            let mut images = order.into_iter().cycle();
            let mut list = Vec::with_capacity(draws);
            for Stratum { timesteps, draws } in &strata {
                for image in images.by_ref().take(*draws) {
                    let timestep = timesteps.start + below(&mut rng, timesteps.len());
                    list.push(Draw { image, timestep });
                }
            }
            (strata, list)
        }
        Plan::Full { images: asked } => {
            let single = |timestep| Stratum {
                timesteps: timestep..timestep + 1,
                draws: asked,
            };
            let list = (0..count)
                .flat_map(|timestep| {
                    let chosen = order[..asked].iter();
                    chosen.map(move |&image| Draw { image, timestep })
                })
                .collect();
            ((0..count).map(single).collect(), list)
        }
    }
}
