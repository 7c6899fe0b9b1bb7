//! Reading and writing `scheduler_config.json`.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::json::in_words;

use super::{PredictionType, ScheduleError, SchedulerConfig, Spacing};

/// The scheduler classes whose configurations are understood.
const CLASSES: [&str; 12] = [
    "DDPMScheduler",
    "DDIMScheduler",
    "DDIMInverseScheduler",
    "DPMSolverMultistepScheduler",
    "EulerDiscreteScheduler",
    "EulerAncestralDiscreteScheduler",
    "HeunDiscreteScheduler",
    "UniPCMultistepScheduler",
    // Of these the schedule is read, and other samplers walk it.
    "DPMSolverSinglestepScheduler",
    "DEISMultistepScheduler",
    "LMSDiscreteScheduler",
    "PNDMScheduler",
];

/// How many of them have a sampler here.
const BUILT: usize = 8;

/// The classes whose timesteps are spaced evenly from the first to the last unless their file says otherwise.
const LINSPACE: [&str; 8] = [
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "DEISMultistepScheduler",
    "EulerDiscreteScheduler",
    "EulerAncestralDiscreteScheduler",
    "HeunDiscreteScheduler",
    "UniPCMultistepScheduler",
    "LMSDiscreteScheduler",
];

/// Switches of `DPMSolverMultistepScheduler` that choose other noise levels, none of them built.
const OTHER_SIGMAS: [&str; 6] = [
    "use_karras_sigmas",
    "use_exponential_sigmas",
    "use_beta_sigmas",
    "use_lu_lambdas",
    "use_flow_sigmas",
    "use_dynamic_shifting",
];

impl SchedulerConfig {
    /// Reads diffusers' `scheduler_config.json`.
    ///
    /// A missing key or `null` takes the default. Keys that change no number are ignored; a value
    /// that asks for something impossible or not built is an error that names the key.
    pub fn from_json(text: &str) -> Result<Self, ScheduleError> {
        let strict = quote_infinities(text);
        let map: Map<String, Value> =
            serde_json::from_str(&strict).map_err(|e| ScheduleError::Json(in_words(&e)))?;
        Self::try_from(map)
    }

    /// What is to be said about the class that a `scheduler_config.json` names: that its sampler is not built, if so.
    pub fn note(text: &str) -> Option<String> {
        let map: Map<String, Value> = serde_json::from_str(&quote_infinities(text)).ok()?;
        let class = map.get("_class_name")?.as_str()?;
        CLASSES[BUILT..].contains(&class).then(|| {
            format!(
                "The sampler of {class} is not supported; walkback's samplers use its noise \
                 schedule, prediction type and spacing"
            )
        })
    }

    /// Writes a `scheduler_config.json` that diffusers' `DDPMScheduler.from_pretrained` loads.
    ///
    /// Keys of other scheduler classes are written only where they differ from the default.
    pub fn to_json(&self) -> String {
        let default = Self::default();
        let mut map = Map::new();
        let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
        put("_class_name", json!("DDPMScheduler"));
        put("_diffusers_version", json!("0.42.1"));
        put("beta_end", json!(self.beta_end));
        put("beta_schedule", json!(self.beta_schedule));
        put("beta_start", json!(self.beta_start));
        put("clip_sample", json!(self.clip_sample));
        put("clip_sample_range", json!(self.clip_sample_range));
        put(
            "dynamic_thresholding_ratio",
            json!(self.dynamic_thresholding_ratio),
        );
        if self.euler_at_final != default.euler_at_final {
            put("euler_at_final", json!(self.euler_at_final));
        }
        if self.final_sigmas_type != default.final_sigmas_type {
            put("final_sigmas_type", json!(self.final_sigmas_type));
        }
        if self.lambda_min().is_finite() {
            put("lambda_min_clipped", json!(self.lambda_min()));
        } else if self.lambda_min_clipped.is_some() {
            // JSON has no infinity, and this is below every lambda.
            put("lambda_min_clipped", json!(-1e9));
        }
        if self.lower_order_final != default.lower_order_final {
            put("lower_order_final", json!(self.lower_order_final));
        }
        put("num_train_timesteps", json!(self.num_train_timesteps));
        put("prediction_type", json!(self.prediction_type));
        put("rescale_betas_zero_snr", json!(self.rescale_betas_zero_snr));
        put("sample_max_value", json!(self.sample_max_value));
        if self.set_alpha_to_one != default.set_alpha_to_one {
            put("set_alpha_to_one", json!(self.set_alpha_to_one));
        }
        if self.solver_order != default.solver_order {
            put("solver_order", json!(self.solver_order));
        }
        put("steps_offset", json!(self.steps_offset));
        put("thresholding", json!(self.thresholding));
        put("timestep_spacing", json!(self.timestep_spacing));
        put("trained_betas", json!(self.trained_betas));
        put("variance_type", json!(self.variance_type));
        format!("{:#}\n", Value::Object(map))
    }
}

impl TryFrom<Map<String, Value>> for SchedulerConfig {
    type Error = ScheduleError;

    fn try_from(map: Map<String, Value>) -> Result<Self, ScheduleError> {
        let class: String = get(&map, "_class_name", "DDPMScheduler".to_owned())?;
        if !CLASSES.contains(&class.as_str()) {
            return Err(not_built(
                "_class_name",
                &class,
                "use a scheduler that states a noise schedule in betas, such as DDPMScheduler",
            ));
        }
        refuse_what_is_not_built(&map, &class)?;

        let mut default = Self::default();
        if LINSPACE.contains(&class.as_str()) {
            default.timestep_spacing = Spacing::Linspace;
        }
        let config = Self {
            num_train_timesteps: get(&map, "num_train_timesteps", default.num_train_timesteps)?,
            beta_start: get(&map, "beta_start", default.beta_start)?,
            beta_end: get(&map, "beta_end", default.beta_end)?,
            beta_schedule: get(&map, "beta_schedule", default.beta_schedule)?,
            trained_betas: get(&map, "trained_betas", None)?,
            prediction_type: prediction_type(&map, default.prediction_type)?,
            variance_type: get(&map, "variance_type", default.variance_type)?,
            clip_sample: switch(&map, "clip_sample", default.clip_sample)?,
            clip_sample_range: get(&map, "clip_sample_range", default.clip_sample_range)?,
            thresholding: get(&map, "thresholding", default.thresholding)?,
            dynamic_thresholding_ratio: get(
                &map,
                "dynamic_thresholding_ratio",
                default.dynamic_thresholding_ratio,
            )?,
            sample_max_value: get(&map, "sample_max_value", default.sample_max_value)?,
            timestep_spacing: get(&map, "timestep_spacing", default.timestep_spacing)?,
            steps_offset: get(&map, "steps_offset", default.steps_offset)?,
            rescale_betas_zero_snr: get(
                &map,
                "rescale_betas_zero_snr",
                default.rescale_betas_zero_snr,
            )?,
            set_alpha_to_one: switch(&map, "set_alpha_to_one", default.set_alpha_to_one)?,
            solver_order: get(&map, "solver_order", default.solver_order)?,
            lower_order_final: switch(&map, "lower_order_final", default.lower_order_final)?,
            euler_at_final: get(&map, "euler_at_final", default.euler_at_final)?,
            final_sigmas_type: get(&map, "final_sigmas_type", default.final_sigmas_type)?,
            lambda_min_clipped: lambda_min_clipped(&map)?,
        };
        config.validate()?;
        Ok(config)
    }
}

/// A switch that is on by default; `null` is Python's None, which diffusers takes for off.
fn switch(
    map: &Map<String, Value>,
    key: &'static str,
    default: bool,
) -> Result<bool, ScheduleError> {
    match map.get(key) {
        Some(Value::Null) => Ok(false),
        _ => get(map, key, default),
    }
}

/// The value of a key; absent and `null` mean the default, as they do in diffusers.
fn get<T: DeserializeOwned>(
    map: &Map<String, Value>,
    key: &'static str,
    default: T,
) -> Result<T, ScheduleError> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(default),
        Some(value) => serde_json::from_value(value.clone()).map_err(|e| ScheduleError::Key {
            key,
            reason: in_words(&e),
        }),
    }
}

/// What the output means. Old files say `predict_epsilon: false` where newer ones say `prediction_type: sample`; diffusers
/// once wrote both, with `prediction_type` at its default.
fn prediction_type(
    map: &Map<String, Value>,
    default: PredictionType,
) -> Result<PredictionType, ScheduleError> {
    let stated = get(map, "prediction_type", default)?;
    let predict_epsilon = get(map, "predict_epsilon", true)?;
    Ok(match stated {
        PredictionType::Epsilon if !predict_epsilon => PredictionType::Sample,
        stated => stated,
    })
}

/// `lambda_min_clipped` is minus infinity unless somebody set it; see [`quote_infinities`].
fn lambda_min_clipped(map: &Map<String, Value>) -> Result<Option<f64>, ScheduleError> {
    match map.get("lambda_min_clipped").and_then(Value::as_str) {
        Some("-Infinity" | "-inf") => Ok(Some(f64::NEG_INFINITY)),
        _ => get(map, "lambda_min_clipped", None),
    }
}

/// Values that would change the numbers and for which there is no code.
fn refuse_what_is_not_built(map: &Map<String, Value>, class: &str) -> Result<(), ScheduleError> {
    // What the solvers of these would do is of no account where others walk.
    if !CLASSES[..BUILT].contains(&class) {
        return Ok(());
    }
    for key in OTHER_SIGMAS {
        if get(map, key, false)? {
            return Err(not_built(key, "true", "set it to false"));
        }
    }
    let solver_type = match class {
        "UniPCMultistepScheduler" => ("solver_type", "bh2", "use bh2"),
        _ => ("solver_type", "midpoint", "use midpoint"),
    };
    for (key, built, expected) in [
        ("algorithm_type", "dpmsolver++", "use dpmsolver++"),
        ("interpolation_type", "linear", "use linear"),
        ("timestep_type", "discrete", "use discrete"),
        solver_type,
    ] {
        let value: String = get(map, key, built.to_owned())?;
        if value != built {
            return Err(not_built(key, &value, expected));
        }
    }
    Ok(())
}

fn not_built(key: &'static str, value: &str, expected: &'static str) -> ScheduleError {
    ScheduleError::NotBuilt {
        key,
        value: value.to_owned(),
        expected,
    }
}

/// Python writes `-Infinity`, `Infinity` and `NaN`, which JSON does not know: make strings of them.
fn quote_infinities(text: &str) -> String {
    let mut strict = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_string = false;
    'next: while let Some(c) = rest.chars().next() {
        if !in_string {
            for word in ["-Infinity", "Infinity", "NaN"] {
                if let Some(after) = rest.strip_prefix(word) {
                    strict.extend(["\"", word, "\""]);
                    rest = after;
                    continue 'next;
                }
            }
        }
        // A backslash hides the character after it, which may be a quotation mark.
        let taken = if in_string && c == '\\' { 2 } else { 1 };
        in_string ^= c == '"';
        let end = rest
            .char_indices()
            .nth(taken)
            .map_or(rest.len(), |(i, _)| i);
        strict.push_str(&rest[..end]);
        rest = &rest[end..];
    }
    strict
}
