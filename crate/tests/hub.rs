//! Models by their names on the hub, against a stand-in for it: the binary asks it as it asks the real one.

#![cfg(feature = "native")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use walkback::hub::{HubError, HubName};

const COMMIT: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const WEIGHTS: &str = "unet/diffusion_pytorch_model.safetensors";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What the hub has: files by their paths below `owner/plain/`.
type Repository = BTreeMap<String, Vec<u8>>;

fn plain() -> Repository {
    let folder = root().join("tests/conformance/plain");
    let files = [
        "unet/config.json",
        "scheduler/scheduler_config.json",
        "model_index.json",
        WEIGHTS,
    ];
    files
        .iter()
        .map(|name| ((*name).to_owned(), fs::read(folder.join(name)).unwrap()))
        .collect()
}

/// A stand-in for the hub, and a cache of its own.
struct Hub {
    endpoint: String,
    cache: TempDir,
    /// The paths asked for, with the range.
    asked: Arc<Mutex<Vec<String>>>,
    /// How many of the next whole downloads of weights break off halfway.
    breaks: Arc<AtomicUsize>,
}

/// How a stand-in is unlike the hub.
#[derive(Clone, Default)]
struct Manners {
    gated: bool,
    /// The checksum that it states for the weights.
    checksum: Option<String>,
}

impl Hub {
    fn open(files: Repository, manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let breaks = Arc::new(AtomicUsize::new(0));
        let (log, cut) = (asked.clone(), breaks.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &files, &manners, &log, &cut);
            }
        });
        let cache = tempfile::tempdir().unwrap();
        Self {
            endpoint,
            cache,
            asked,
            breaks,
        }
    }

    fn walkback(&self, args: &[&str]) -> Output {
        self.walkback_at(&self.endpoint, args)
    }

    fn walkback_at(&self, endpoint: &str, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_walkback"))
            .args(args)
            .current_dir(root())
            .env("HF_ENDPOINT", endpoint)
            .env("HF_HOME", self.cache.path())
            .output()
            .unwrap()
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

fn answer(
    mut stream: TcpStream,
    files: &Repository,
    manners: &Manners,
    log: &Mutex<Vec<String>>,
    cut: &AtomicUsize,
) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let request: Vec<String> = lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .collect();
    let path = request[0].split(' ').nth(1).unwrap();
    let range = request.iter().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("range").then(|| value.to_owned())
    });
    let range = range.as_deref().unwrap_or("");
    log.lock().unwrap().push(format!("{path} {range}"));
    let send = |stream: &mut TcpStream, status: &str, headers: &str, length: usize, body: &[u8]| {
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        // Who has heard enough hangs up.
        let _ = stream.write_all(body);
    };
    if path == "/api/models/owner/plain/revision/main" {
        let siblings: Vec<Value> = files
            .keys()
            .map(|name| json!({ "rfilename": name }))
            .collect();
        let body = json!({ "sha": COMMIT, "siblings": siblings }).to_string();
        let headers = "Content-Type: application/json\r\n";
        return send(&mut stream, "200 OK", headers, body.len(), body.as_bytes());
    }
    let file = path.strip_prefix(&format!("/owner/plain/resolve/{COMMIT}/"));
    let Some(content) = file.and_then(|name| files.get(name)) else {
        return send(&mut stream, "401 Unauthorized", "", 0, b"");
    };
    if manners.gated {
        return send(&mut stream, "403 Forbidden", "", 0, b"");
    }
    let bounds = range
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'));
    let (first, last) = bounds.unwrap_or(("0", ""));
    let first: usize = first.parse().unwrap();
    let last = last.parse().unwrap_or(content.len() - 1);
    let part = &content[first.min(content.len())..=last];
    let tag = match &manners.checksum {
        Some(sum) if file == Some(WEIGHTS) => sum.clone(),
        _ => hex(content),
    };
    let headers = format!(
        "ETag: \"{tag}\"\r\nX-Repo-Commit: {COMMIT}\r\nContent-Range: bytes {first}-{last}/{}\r\n",
        content.len()
    );
    let whole = part.len() == content.len() && file == Some(WEIGHTS);
    let breaks = whole && cut.load(Ordering::SeqCst) > 0;
    if breaks {
        cut.fetch_sub(1, Ordering::SeqCst);
    }
    let sent = if breaks {
        &part[..part.len() / 2]
    } else {
        part
    };
    send(
        &mut stream,
        "206 Partial Content",
        &headers,
        part.len(),
        sent,
    );
}

fn hex(content: &[u8]) -> String {
    let sum = Sha256::digest(content);
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_way_to_write_a_model_down_names_it() {
    let text = fs::read_to_string(root().join("tests/conformance/hub-names.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let texts = |key: &str| -> Vec<Value> { all[key].as_array().unwrap().clone() };
    for row in texts("names") {
        let part = |i: usize| row[i].as_str().unwrap().to_owned();
        let name = HubName::parse(&part(0))
            .unwrap()
            .unwrap_or_else(|| panic!("{row}"));
        assert_eq!(
            (name.repo, name.revision, name.folder),
            (part(1), part(2), part(3)),
            "{row}"
        );
    }
    for text in texts("others") {
        assert_eq!(
            HubName::parse(text.as_str().unwrap()).unwrap(),
            None,
            "{text}"
        );
    }
    for text in texts("wrong") {
        let refused = HubName::parse(text.as_str().unwrap());
        assert!(matches!(refused, Err(HubError::NoModel(_))), "{text}");
    }
}

#[test]
fn a_model_is_fetched_once_and_all_of_one_commit() {
    let hub = Hub::open(plain(), Manners::default());
    let output = hub.walkback(&["info", "--model", "owner/plain"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("28 x 28 x 1"));
    let asked = hub.asked();
    assert!(asked[0].starts_with("/api/models/owner/plain/revision/main"));
    for path in &asked[1..] {
        assert!(
            path.starts_with(&format!("/owner/plain/resolve/{COMMIT}/")),
            "{path}"
        );
    }
    let output = hub.walkback(&[
        "info",
        "--model",
        "https://huggingface.co/owner/plain/tree/main",
    ]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(hub.asked().len(), 1, "only which commit it is");
    // Nobody listens on this port, nor can.
    let output = hub.walkback_at("http://127.0.0.1:1", &["info", "--model", "hf:owner/plain"]);
    assert!(
        output.status.success(),
        "what was fetched before: {}",
        said(&output)
    );
}

#[test]
fn a_download_that_breaks_off_goes_on() {
    let hub = Hub::open(plain(), Manners::default());
    hub.breaks.store(1, Ordering::SeqCst);
    let output = hub.walkback(&["info", "--model", "owner/plain"]);
    assert!(output.status.success(), "{}", said(&output));
    let half = plain()[WEIGHTS].len() / 2;
    let rest = format!("/{WEIGHTS} bytes={half}-");
    assert!(hub.asked().iter().any(|path| path.ends_with(&rest)));
}

#[test]
fn weights_with_a_wrong_checksum_are_refused_and_removed() {
    let manners = Manners {
        checksum: Some("0".repeat(64)),
        ..Manners::default()
    };
    let hub = Hub::open(plain(), manners);
    for _ in 0..2 {
        let output = hub.walkback(&["info", "--model", "owner/plain"]);
        assert!(!output.status.success());
        assert!(
            said(&output).contains("wrong checksum"),
            "{}",
            said(&output)
        );
    }
}

#[test]
fn what_the_hub_does_not_give_is_said() {
    let hub = Hub::open(
        plain(),
        Manners {
            gated: true,
            ..Manners::default()
        },
    );
    for (model, says) in [
        ("owner/plain", "this model is gated"),
        ("owner/none", "the hub has no such model"),
        ("hf:owner/plain/run", "has no folder run/"),
        (
            "https://huggingface.co/datasets/owner/plain",
            "names no model of the hub",
        ),
    ] {
        let output = hub.walkback(&["info", "--model", model]);
        assert!(!output.status.success());
        assert!(said(&output).contains(says), "{model}: {}", said(&output));
    }
}

#[test]
fn a_misspelt_folder_is_looked_for_here_alone() {
    let hub = Hub::open(plain(), Manners::default());
    let output = hub.walkback(&["info", "--model", "pretrained/mnits"]);
    assert!(
        said(&output).contains("no such folder"),
        "{}",
        said(&output)
    );
    assert_eq!(hub.asked(), Vec::<String>::new());
}
