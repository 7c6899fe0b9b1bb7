//! Reading and writing `scheduler_config.json`.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::json::in_words;

use super::exploding::{EDM, EDM_DPM_SOLVER, SCORE};
use super::notes::{OTHER_STEPS, solver_of};
use super::{Exploding, PredictionType, ScheduleError, SchedulerConfig, Spacing};

/// The scheduler classes whose configurations are understood.
pub(super) const CLASSES: [&str; 16] = [
    "DDPMScheduler",
    "DDIMScheduler",
    "DDIMInverseScheduler",
    "DPMSolverMultistepScheduler",
    "EulerDiscreteScheduler",
    "EulerAncestralDiscreteScheduler",
    "HeunDiscreteScheduler",
    "UniPCMultistepScheduler",
    FLOW,
    EDM,
    EDM_DPM_SOLVER,
    // Of these the schedule is read, and other samplers walk it.
    "DPMSolverSinglestepScheduler",
    "DEISMultistepScheduler",
    "LMSDiscreteScheduler",
    "PNDMScheduler",
    SCORE,
];

/// The class of flow matching, which has a schedule and a prediction type of its own.
const FLOW: &str = "FlowMatchEulerDiscreteScheduler";

/// How many of them have a sampler here.
pub(super) const BUILT: usize = 11;

/// The classes whose timesteps are spaced evenly from the first to the last unless their file says otherwise.
const LINSPACE: [&str; 12] = [
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "DEISMultistepScheduler",
    "EulerDiscreteScheduler",
    "EulerAncestralDiscreteScheduler",
    "HeunDiscreteScheduler",
    "UniPCMultistepScheduler",
    "LMSDiscreteScheduler",
    FLOW,
    EDM,
    EDM_DPM_SOLVER,
    SCORE,
];

/// Keys that `DDPMScheduler` does not have.
const OF_OTHER_CLASSES: [&str; 7] = [
    "euler_at_final",
    "final_sigmas_type",
    "lower_order_final",
    "set_alpha_to_one",
    "shift",
    "solver_order",
    "use_karras_sigmas",
];

/// Keys of which flow matching knows nothing.
const NOT_OF_FLOW: [&str; 6] = [
    "beta_end",
    "beta_schedule",
    "beta_start",
    "prediction_type",
    "rescale_betas_zero_snr",
    "trained_betas",
];

/// Switches that are on by default.
const SWITCHES: [&str; 3] = ["clip_sample", "lower_order_final", "set_alpha_to_one"];

/// Switches that choose another schedule, none of them built.
const OTHER_SCHEDULES: [&str; 3] = ["use_flow_sigmas", "use_dynamic_shifting", "invert_sigmas"];

/// The highest order of the multistep solvers.
pub(super) const HIGHEST_ORDER: u64 = 2;

impl SchedulerConfig {
    /// Reads diffusers' `scheduler_config.json`.
    ///
    /// A missing key or `null` takes the default. Keys that change no number are ignored; a value
    /// with an invalid value, or one that is not implemented, is an error that names the key.
    pub fn from_json(text: &str) -> Result<Self, ScheduleError> {
        let strict = quote_infinities(text);
        let map: Map<String, Value> =
            serde_json::from_str(&strict).map_err(|e| ScheduleError::Json(in_words(&e)))?;
        Self::try_from(map)
    }

    /// The scheduler class that a `scheduler_config.json` names; DDPMScheduler where it names none.
    pub(crate) fn class_of(text: &str) -> String {
        let map: Option<Map<String, Value>> = serde_json::from_str(&quote_infinities(text)).ok();
        let class = map
            .as_ref()
            .and_then(|map| map.get("_class_name")?.as_str());
        class.unwrap_or("DDPMScheduler").to_owned()
    }

    /// Writes a `scheduler_config.json` that diffusers' `DDPMScheduler.from_pretrained` loads, or for flow matching its
    /// `FlowMatchEulerDiscreteScheduler`.
    ///
    /// Keys of other scheduler classes are written only where they differ from the default.
    pub fn to_json(&self) -> String {
        if let Some(levels) = &self.exploding {
            let mut map = levels.to_map();
            map.insert("_diffusers_version".into(), "0.42.1".into());
            map.insert(
                "num_train_timesteps".into(),
                self.num_train_timesteps.into(),
            );
            map.insert(
                "final_sigmas_type".into(),
                self.final_sigmas_type.name().into(),
            );
            return format!("{:#}\n", Value::Object(map));
        }
        let (mut map, default) = (self.to_map(), Self::default().to_map());
        map.retain(|key, value| {
            !OF_OTHER_CLASSES.contains(&key.as_str()) || default.get(key) != Some(value)
        });
        let flow = self.prediction_type == PredictionType::Flow;
        if flow {
            map.retain(|key, _| !NOT_OF_FLOW.contains(&key.as_str()));
        }
        let class = if flow { FLOW } else { "DDPMScheduler" };
        map.insert("_class_name".into(), class.into());
        map.insert("_diffusers_version".into(), "0.42.1".into());
        // JSON has no infinity: -1e9 is below every lambda.
        let lambda_min = self.lambda_min();
        map.remove("lambda_min_clipped");
        if lambda_min.is_finite() || self.lambda_min_clipped.is_some() {
            map.insert("lambda_min_clipped".into(), lambda_min.max(-1e9).into());
        }
        format!("{:#}\n", Value::Object(map))
    }

    /// All keys with their values; numbers that are not finite are `null`.
    fn to_map(&self) -> Map<String, Value> {
        match Self::serialize(self, serde_json::value::Serializer) {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        }
    }

    /// The values of `map`, or the first key whose value does not fit, which serde's own message leaves out.
    fn from_map(map: Map<String, Value>) -> Result<Self, ScheduleError> {
        let read = |map| Self::deserialize(Value::Object(map));
        read(map.clone()).map_err(|error| {
            let blamed = map.into_iter().find_map(|(key, value)| {
                let error = read(Map::from_iter([(key.clone(), value)])).err()?;
                let reason = in_words(&error);
                Some(ScheduleError::Key { key, reason })
            });
            blamed.unwrap_or_else(|| ScheduleError::Json(in_words(&error)))
        })
    }
}

impl TryFrom<Map<String, Value>> for SchedulerConfig {
    type Error = ScheduleError;

    fn try_from(mut map: Map<String, Value>) -> Result<Self, ScheduleError> {
        let class: String = get(&map, "_class_name", "DDPMScheduler".to_owned())?;
        if !CLASSES.contains(&class.as_str()) {
            return Err(not_built(
                "_class_name",
                &class,
                "use a scheduler that states its noise schedule, such as DDPMScheduler or EDMEulerScheduler",
            ));
        }
        refuse_what_is_not_built(&map, &class)?;
        let predict_epsilon = get(&map, "predict_epsilon", true)?;

        for key in SWITCHES {
            // Python's None, which diffusers takes for off where a switch is on by default.
            if let Some(value) = map.get_mut(key).filter(|value| value.is_null()) {
                *value = false.into();
            }
        }
        map.retain(|_, value| !value.is_null());
        if let Some(order) = map.get_mut("solver_order")
            && order.as_u64() > Some(HIGHEST_ORDER)
        {
            *order = HIGHEST_ORDER.into();
        }
        let no_lambda_min = is_minus_infinity(map.get("lambda_min_clipped"));
        if no_lambda_min {
            map.remove("lambda_min_clipped");
        }
        if LINSPACE.contains(&class.as_str()) {
            map.entry("timestep_spacing")
                .or_insert_with(|| Spacing::Linspace.name().into());
        }
        if class == FLOW {
            map.insert("prediction_type".into(), PredictionType::Flow.name().into());
            map.entry("clip_sample").or_insert(Value::Bool(false));
        }
        let exploding = Exploding::from_map(&map, &class)?;
        if let Some(levels) = &exploding {
            map.insert("prediction_type".into(), levels.answers().name().into());
            map.entry("clip_sample").or_insert(Value::Bool(false));
            let timesteps = if class == SCORE { 2000 } else { 1000 };
            map.entry("num_train_timesteps")
                .or_insert(Value::from(timesteps));
        }
        let clip_sample_stated = map.contains_key("clip_sample");
        let mut config = Self::from_map(map)?;
        config.clip_sample_stated = clip_sample_stated;
        // Stated levels have a spacing of their own.
        config.use_karras_sigmas &= exploding.is_none();
        config.exploding = exploding;
        if no_lambda_min {
            config.lambda_min_clipped = Some(f64::NEG_INFINITY);
        }
        // Old files say `predict_epsilon: false` where newer ones say `prediction_type: sample`; diffusers once wrote both,
        // with `prediction_type` at its default.
        if config.prediction_type == PredictionType::Epsilon && !predict_epsilon {
            config.prediction_type = PredictionType::Sample;
        }
        config.validate()?;
        Ok(config)
    }
}

impl<'de> Deserialize<'de> for SchedulerConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = Map::deserialize(deserializer)?;
        Self::try_from(map).map_err(D::Error::custom)
    }
}

/// Whether a value is Python's `-Infinity`; see [`quote_infinities`].
fn is_minus_infinity(value: Option<&Value>) -> bool {
    let text = value.and_then(Value::as_str);
    matches!(text, Some("-Infinity" | "-inf"))
}

/// The value of a key that [`SchedulerConfig`] does not have; absent and `null` mean the default, as they do in diffusers.
pub(super) fn get<T: DeserializeOwned>(
    map: &Map<String, Value>,
    key: &str,
    default: T,
) -> Result<T, ScheduleError> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(default),
        Some(value) => serde_json::from_value(value.clone()).map_err(|e| ScheduleError::Key {
            key: key.to_owned(),
            reason: in_words(&e),
        }),
    }
}

/// Values that would change the schedule or what the network is asked, and for which there is no code.
fn refuse_what_is_not_built(map: &Map<String, Value>, class: &str) -> Result<(), ScheduleError> {
    // What the solvers of these would do is of no account where others walk.
    if !CLASSES[..BUILT].contains(&class) {
        return Ok(());
    }
    for key in OTHER_SCHEDULES {
        if get(map, key, false)? {
            return Err(not_built(key, "true", "set it to false"));
        }
    }
    if !map.get("shift_terminal").is_none_or(Value::is_null) {
        let expected = "set it to null";
        return Err(not_built("shift_terminal", "a number", expected));
    }
    let timesteps: String = get(map, "timestep_type", "discrete".to_owned())?;
    if timesteps != "discrete" {
        return Err(not_built("timestep_type", &timesteps, "use discrete"));
    }
    // They are of no account either, but not if they are no words and no switches.
    for (key, built) in solver_of(class) {
        get(map, key, built.to_owned())?;
    }
    for key in OTHER_STEPS {
        get(map, key, false)?;
    }
    Ok(())
}

pub(super) fn not_built(key: &'static str, value: &str, expected: &'static str) -> ScheduleError {
    ScheduleError::NotBuilt {
        key,
        value: value.to_owned(),
        expected,
    }
}

/// Python writes `-Infinity`, `Infinity` and `NaN`, which JSON does not know: make strings of them.
pub(super) fn quote_infinities(text: &str) -> String {
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
