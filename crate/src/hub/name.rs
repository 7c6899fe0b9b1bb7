//! The ways people write down a model of the hub; `web/models/hub.js` reads the same.

use percent_encoding::percent_decode_str;

use super::HubError;

/// A model of the hub, as somebody wrote it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubName {
    /// owner/name.
    pub repo: String,
    /// A branch, a tag or a commit.
    pub revision: String,
    /// The model's folder in it; empty, or with a slash at its end.
    pub folder: String,
}

/// What the hub's addresses have behind owner/name.
const VIEWS: [&str; 6] = ["tree", "blob", "raw", "resolve", "commit", "commits"];
/// What else lies where models do.
const OTHERS: [&str; 9] = [
    "datasets",
    "spaces",
    "docs",
    "papers",
    "collections",
    "organizations",
    "api",
    "blog",
    "learn",
];

impl HubName {
    /// The model that a text names: `owner/name`, `hf:owner/name@revision/folder`, or an address of the hub; `None` where it
    /// speaks of no model of the hub.
    ///
    /// # Errors
    /// It is the hub's, and no model.
    pub fn parse(text: &str) -> Result<Option<Self>, HubError> {
        let text = text.trim();
        if let Some(path) = path_on_hub(text) {
            let path = path.split(['?', '#']).next().unwrap_or_default();
            return in_address(path)
                .map(Some)
                .ok_or_else(|| HubError::NoModel(text.into()));
        }
        let marked = text
            .get(..3)
            .is_some_and(|hf| hf.eq_ignore_ascii_case("hf:"));
        let short = if marked {
            text[3..].strip_prefix("//").unwrap_or(&text[3..])
        } else {
            text
        };
        match in_short(short) {
            Some(name) if marked || !(text.ends_with('/') || has_folder(short)) => Ok(Some(name)),
            _ if marked => Err(HubError::NoModel(text.into())),
            _ => Ok(None),
        }
    }

    fn new<'a>(repo: String, revision: &str, folder: impl IntoIterator<Item = &'a str>) -> Self {
        let mut parts: Vec<&str> = folder
            .into_iter()
            .filter(|part| !part.bytes().all(|byte| byte == b'.'))
            .collect();
        // A model is the folder that these lie in.
        if let Some(&("unet" | "unet_ema" | "scheduler")) = parts.last() {
            parts.pop();
        }
        let revision = if revision.is_empty() {
            "main"
        } else {
            revision
        };
        Self {
            repo,
            revision: revision.into(),
            folder: parts.iter().map(|part| format!("{part}/")).collect(),
        }
    }
}

/// What stands behind the hub's host.
fn path_on_hub(text: &str) -> Option<&str> {
    let lower = text.to_ascii_lowercase();
    let mut at = 0;
    for scheme in ["https://", "http://"] {
        if lower.starts_with(scheme) {
            at = scheme.len();
        }
    }
    if lower[at..].starts_with("www.") {
        at += "www.".len();
    }
    ["huggingface.co/", "hf.co/"]
        .into_iter()
        .find(|host| lower[at..].starts_with(host))
        .map(|host| &text[at + host.len()..])
}

fn in_address(path: &str) -> Option<HubName> {
    let parts: Vec<String> = path.split('/').map(decoded).collect();
    let [owner, name, rest @ ..] = &parts[..] else {
        return None;
    };
    if OTHERS.contains(&owner.as_str()) || !(is_name(owner) && is_name(name)) {
        return None;
    }
    let repo = format!("{owner}/{name}");
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let (view, rest) = match rest[..] {
        [view, ref rest @ ..] if VIEWS.contains(&view) && !rest.is_empty() => (view, rest),
        _ => return Some(HubName::new(repo, "main", [])),
    };
    let long = match rest {
        ["refs", "pr" | "convert", _, ..] => 3,
        _ => 1,
    };
    let (revision, mut folder) = rest.split_at(long);
    let last = folder.last().copied().unwrap_or_default();
    if matches!(view, "blob" | "raw") || (view == "resolve" && last.contains('.')) {
        folder = &folder[..folder.len().saturating_sub(1)];
    }
    if view.starts_with("commit") {
        folder = &[];
    }
    Some(HubName::new(
        repo,
        &revision.join("/"),
        folder.iter().copied(),
    ))
}

/// owner/name, perhaps with @revision and a folder.
fn in_short(text: &str) -> Option<HubName> {
    let (owner, rest) = text.split_once('/')?;
    let end = rest.find(['@', '/']).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    if !(is_name(owner) && is_name(name)) {
        return None;
    }
    let repo = format!("{owner}/{name}");
    let Some(rest) = rest.strip_prefix('@') else {
        return Some(HubName::new(repo, "main", rest.split('/')));
    };
    let parts: Vec<&str> = rest.split('/').collect();
    let long = match parts[..] {
        ["refs", "pr" | "convert", _, ..] => 3,
        _ => 1,
    };
    let (revision, folder) = parts.split_at(long);
    let revision = decoded(&revision.join("/"));
    (!revision.is_empty()).then(|| HubName::new(repo, &revision, folder.iter().copied()))
}

fn has_folder(short: &str) -> bool {
    in_short(short).is_some_and(|name| !name.folder.is_empty())
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 96
        && text.bytes().next().is_some_and(plain)
        && text
            .bytes()
            .all(|byte| plain(byte) || byte == b'-' || byte == b'.')
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
