//! What is wrong with a JSON file, in words for someone who does not write Rust.

use std::fmt::Display;

/// The sentence for an error of serde_json.
pub(crate) fn in_words(error: &impl Display) -> String {
    let text = error.to_string();
    let (what, position) = match text.rsplit_once(" at line ") {
        Some((what, position)) => {
            let position = position.replace(" column ", ", column ");
            (what, format!(" (line {position})"))
        }
        None => (text.as_str(), String::new()),
    };
    format!(
        "{}{position}",
        said(what).unwrap_or_else(|| what.to_owned())
    )
}

/// The message without line and column; `None` where serde's own words are kept.
fn said(what: &str) -> Option<String> {
    if what.starts_with("EOF while parsing") {
        return Some("the text ends too early".into());
    }
    if what == "expected value" {
        return Some("this is not JSON".into());
    }
    if let Some(field) = what.strip_prefix("missing field ") {
        return Some(format!("{field} is missing"));
    }
    let (found, expected) = what.rsplit_once(", expected ")?;
    if let Some(variant) = found.strip_prefix("unknown variant ") {
        return Some(format!("{variant} is not known; use {expected}"));
    }
    let found =
        (found.strip_prefix("invalid type: ")).or_else(|| found.strip_prefix("invalid value: "))?;
    Some(format!(
        "expected {}, found {}",
        kind(expected),
        value(found)
    ))
}

/// A type of serde's as people call it.
fn kind(expected: &str) -> &str {
    match expected {
        "usize" | "u64" | "u32" => "a whole number (0 or more)",
        "f64" | "f32" => "a number",
        "a sequence" => "a list",
        "a map" => "an object",
        "a string" => "a text",
        "a boolean" => "true or false",
        other => other,
    }
}

/// What was found there, as people call it.
fn value(found: &str) -> String {
    match found {
        "sequence" => return "a list".into(),
        "map" => return "an object".into(),
        _ => {}
    }
    if let Some(text) = found.strip_prefix("string ") {
        return format!("the text {text}");
    }
    let plain = ["integer ", "floating point ", "boolean "];
    let plain = plain.iter().find_map(|name| found.strip_prefix(name));
    plain.map_or_else(|| found.to_owned(), |value| value.replace('`', ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::DeserializeOwned;

    fn words<T: DeserializeOwned>(text: &str) -> String {
        let error = serde_json::from_str::<T>(text).err().expect("an error");
        in_words(&error)
    }

    #[test]
    fn errors_speak_of_numbers_and_lists() {
        let position = "(line 1, column";
        assert_eq!(
            words::<usize>("-1"),
            format!("expected a whole number (0 or more), found -1 {position} 2)")
        );
        assert_eq!(
            words::<Vec<f64>>("[0.5, \"half\"]"),
            format!("expected a number, found the text \"half\" {position} 12)")
        );
        assert_eq!(
            words::<Vec<bool>>("{}"),
            format!("expected a list, found an object {position} 0)")
        );
        assert_eq!(
            words::<Vec<bool>>("[true"),
            format!("the text ends too early {position} 5)")
        );
        assert_eq!(
            words::<f64>("<html>"),
            format!("this is not JSON {position} 1)")
        );
        assert_eq!(
            words::<f64>("1,"),
            format!("trailing characters {position} 2)")
        );
    }
}
