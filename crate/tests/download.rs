//! The download against a server of our own: mirrors that fail in every way, and one that works.

#![cfg(feature = "native")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest, Sha256};
use walkback::data::download::{DownloadError, MNIST, RemoteFile, download};
use walkback::data::idx::gzip;

const CONTENT: &[u8] = b"sixty thousand digits";

/// `CONTENT` as a file to fetch.
fn wanted() -> RemoteFile {
    let sum: String = Sha256::digest(CONTENT)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    RemoteFile {
        name: "digits.gz",
        unpacked_bytes: CONTENT.len() as u64,
        sha256: sum.leak(),
    }
}

/// A mirror that answers every request with these bytes and counts them; its address ends with the thread's life.
fn mirror(answer: Vec<u8>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/mnist/", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = requests.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let request: Vec<String> = lines
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect();
            assert!(
                request[0].starts_with("GET /mnist/digits.gz "),
                "{request:?}"
            );
            counter.fetch_add(1, Ordering::SeqCst);
            stream.write_all(&answer).unwrap();
        }
    });
    (address, requests)
}

fn ok(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn not_found() -> Vec<u8> {
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec()
}

#[test]
fn a_file_is_fetched_once() {
    let packed = gzip(CONTENT).unwrap();
    let (address, requests) = mirror(ok(&packed));
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache/mnist");
    for _ in 0..3 {
        download(&cache, &[&address], &[wanted()]).unwrap();
    }
    assert_eq!(std::fs::read(cache.join("digits.gz")).unwrap(), packed);
    assert_eq!(requests.load(Ordering::SeqCst), 1);
    assert_eq!(
        std::fs::read_dir(&cache).unwrap().count(),
        1,
        "no temporary file stays"
    );
}

#[test]
fn the_next_mirror_is_tried() {
    let packed = gzip(CONTENT).unwrap();
    let mut cut = ok(&packed);
    cut.truncate(cut.len() - 5);
    let other = gzip(b"forty thousand digits").unwrap();
    let longer = gzip(&[b'x'; 10_000_000]).unwrap();
    for (failure, answer) in [
        ("missing", not_found()),
        ("cut short", cut),
        ("other content", ok(&other)),
        ("more content", ok(&longer)),
        ("no gzip", ok(b"\x1f\x8bnonsense")),
        ("a page instead", ok(b"<html>")),
        ("no HTTP", b"hello\r\n\r\n".to_vec()),
    ] {
        let (bad, asked) = mirror(answer);
        let (good, _) = mirror(ok(&packed));
        let dir = tempfile::tempdir().unwrap();
        download(dir.path(), &[&bad, &good], &[wanted()])
            .unwrap_or_else(|e| panic!("{failure}: {e}"));
        assert_eq!(
            std::fs::read(dir.path().join("digits.gz")).unwrap(),
            packed,
            "{failure}"
        );
        assert!(asked.load(Ordering::SeqCst) >= 1, "{failure}");
    }
}

#[test]
fn failure_names_every_mirror_and_the_way_out() {
    let (missing, _) = mirror(not_found());
    let (wrong, _) = mirror(ok(&gzip(b"sixty thousand sheep!").unwrap()));
    let (cut, _) = {
        let mut answer = ok(&gzip(CONTENT).unwrap());
        answer.truncate(answer.len() - 5);
        mirror(answer)
    };
    let dir = tempfile::tempdir().unwrap();
    let error = download(dir.path(), &[&missing, &wrong, &cut], &[wanted()]).unwrap_err();
    assert!(matches!(error, DownloadError::AllMirrors { .. }));
    let sentence = error.to_string();
    for part in [
        "digits.gz cannot be downloaded: ",
        &format!("{missing}digits.gz: http status: 404"),
        &format!("{wrong}digits.gz: wrong checksum (SHA-256 "),
        &format!("{cut}digits.gz: stopped after "),
        "fetch MNIST's files by hand and give their folder with --data DIR",
    ] {
        assert!(sentence.contains(part), "{sentence}\nlacks: {part}");
    }
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        0,
        "nothing unchecked is kept"
    );
}

#[test]
fn a_mirror_that_is_not_there_fails_at_once() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let dir = tempfile::tempdir().unwrap();
    let start = std::time::Instant::now();
    let error = download(dir.path(), &[&closed], &[wanted()]).unwrap_err();
    assert!(error.to_string().contains("--data DIR"), "{error}");
    assert!(start.elapsed().as_secs() < 10);
}

#[test]
fn mnist_is_recognised_by_its_sizes() {
    let sizes = MNIST.map(|file| file.unpacked_bytes);
    let images = |count: u64| 16 + count * 28 * 28;
    let labels = |count: u64| 8 + count;
    assert_eq!(
        sizes,
        [
            images(60_000),
            labels(60_000),
            images(10_000),
            labels(10_000)
        ]
    );
    assert!(MNIST.iter().all(|file| file.sha256.len() == 64));
}
