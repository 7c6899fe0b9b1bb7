//! What is to be said of a `scheduler_config.json` that is read, but not all of it followed.

use serde_json::{Map, Value};

use super::SchedulerConfig;
use super::exploding::{EDM, EDM_DPM_SOLVER};
use super::json::{BUILT, CLASSES, HIGHEST_ORDER, quote_infinities};

/// Switches of a class's own solver, none of them built: other levels of the same schedule, or other steps between them.
pub(super) const OTHER_STEPS: [&str; 4] = [
    "use_exponential_sigmas",
    "use_beta_sigmas",
    "use_lu_lambdas",
    "stochastic_sampling",
];

impl SchedulerConfig {
    /// What is to be said about a `scheduler_config.json`, in sentences: that the sampler of its class is not built or not as
    /// the file sets it, and that DPM-Solver++ leaves out timesteps, if so.
    pub fn notes(text: &str) -> Vec<String> {
        let clipped = Self::from_json(text)
            .ok()
            .and_then(|config| config.clipping_note());
        let class = Self::class_of(text);
        let own = match serde_json::from_str(&quote_infinities(text)) {
            Ok(map) if CLASSES[..BUILT].contains(&class.as_str()) => own_steps_note(&map, &class),
            _ => None,
        };
        (Self::note(&class).into_iter())
            .chain(own)
            .chain(clipped)
            .collect()
    }

    fn clipping_note(&self) -> Option<String> {
        let least = self.lambda_min();
        let unsaid = self.lambda_min_clipped.is_none() && !self.use_karras_sigmas;
        (unsaid && least.is_finite()).then(|| {
            format!(
                "DPM-Solver++ begins where lambda is {least}: its first steps on a cosine schedule \
                 lead out of the range of images otherwise"
            )
        })
    }

    fn note(class: &str) -> Option<String> {
        CLASSES[BUILT..].contains(&class).then(|| {
            format!(
                "The sampler of {class} is not supported; DDPM, or the sampler that you choose, walks in its place, with \
                 its noise schedule, prediction type and spacing"
            )
        })
    }
}

/// How the solver of a class is built, by the keys of its file.
pub(super) fn solver_of(class: &str) -> [(&'static str, &'static str); 3] {
    let solver_type = match class {
        "UniPCMultistepScheduler" => "bh2",
        _ => "midpoint",
    };
    [
        ("algorithm_type", "dpmsolver++"),
        ("interpolation_type", "linear"),
        ("solver_type", solver_type),
    ]
}

/// What a file asks of the solver of its class that is not built; the samplers walk its schedule without it.
fn own_steps_note(map: &Map<String, Value>, class: &str) -> Option<String> {
    let stated = |key: &str| map.get(key).filter(|value| !value.is_null());
    let words = solver_of(class).into_iter().filter_map(|(key, built)| {
        let word = stated(key)?.as_str().filter(|word| *word != built)?;
        Some(format!("{key} {word}"))
    });
    let switches = OTHER_STEPS.into_iter().filter_map(|key| {
        let on = stated(key)?.as_bool()?;
        on.then(|| key.to_owned())
    });
    let order = stated("solver_order").and_then(Value::as_u64);
    let order = order.filter(|order| *order > HIGHEST_ORDER);
    let karras = stated("use_karras_sigmas").and_then(Value::as_bool) == Some(true);
    let ends = ["sigma_min", "sigma_max"].into_iter().filter_map(|key| {
        let end = stated(key).filter(|_| karras && ![EDM, EDM_DPM_SOLVER].contains(&class))?;
        Some(format!("{key} {end}"))
    });
    let found: Vec<String> = words
        .chain(switches)
        .chain(order.map(|order| format!("solver_order {order}")))
        .chain(ends)
        .collect();
    (!found.is_empty()).then(|| {
        format!(
            "The scheduler's file asks for {}, which is not supported; walkback's samplers walk its noise schedule \
             without it",
            found.join(", ")
        )
    })
}
