//! What the development server answers, asked over a connection as a browser would.

use super::*;
use crate::server::tests::{WEIGHTS, ask, send, start};
use std::time::SystemTime;

/// Adds `web/{app.js, style.css, notes.md, a b.txt}`, `.git/config` and `empty/`.
fn start_with_files() -> (tempfile::TempDir, String) {
    let (folder, host) = start();
    for inner in ["web", ".git", "empty"] {
        fs::create_dir(folder.path().join(inner)).expect("a folder");
    }
    for file in [
        "web/app.js",
        "web/style.css",
        "web/notes.md",
        "web/lib.rs",
        "web/a b.txt",
        ".git/config",
    ] {
        fs::write(folder.path().join(file), file).expect("a file");
    }
    (folder, host)
}

fn status(head: &str) -> &str {
    head.split(' ').nth(1).expect("a status")
}

#[test]
fn a_request_in_the_name_of_another_site_is_refused() {
    let (_folder, host) = start();
    let (_, port) = host.split_once(':').expect("a port");
    for name in [
        &host,
        "127.0.0.1",
        &format!("localhost:{port}"),
        "localhost:9000",
    ] {
        let (head, body) = send(&host, &format!("GET / HTTP/1.1\r\nHost: {name}\r\n"));
        assert_eq!((status(&head), &body[..]), ("200", &b"hello"[..]), "{name}");
    }
    let of_another = |name: &str| format!("GET / HTTP/1.1\r\nHost: {name}\r\n");
    for request in [
        of_another("evil.example"),
        of_another(&format!("evil.example:{port}")),
        of_another("localhost.evil.example"),
        of_another("127.0.0.1.evil.example"),
        of_another("localhost@evil.example"),
        of_another(""),
        of_another("a b"),
        "GET / HTTP/1.0\r\n".to_owned(),
        format!("GET http://evil.example/ HTTP/1.1\r\nHost: {host}\r\n"),
        format!("GET http://{host}/ HTTP/1.1\r\nHost: evil.example\r\n"),
        format!("HEAD / HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://{host}\r\n"),
        "GET /pretrained/models.json HTTP/1.1\r\nHost: evil.example\r\n".to_owned(),
    ] {
        let (head, body) = send(&host, &request);
        assert_eq!(status(&head), "403", "{request}");
        assert!(!body.starts_with(b"hello"), "{request}");
    }
}

#[test]
fn a_model_that_was_exported_meanwhile_is_in_the_list() {
    let (folder, host) = start();
    let list = || ask(&host, "GET", "/pretrained/models.json?x", "");
    assert_eq!(status(&list().0), "404", "no models, no list");
    for (name, listed) in [
        ("cats", "{ \"models\": [\"cats\"] }\n"),
        ("mnist", "{ \"models\": [\"mnist\", \"cats\"] }\n"),
    ] {
        let unet = folder.path().join("pretrained").join(name).join("unet");
        fs::create_dir_all(&unet).expect("a folder");
        fs::write(unet.join("config.json"), "{}").expect("a file");
        let (head, body) = list();
        assert_eq!(String::from_utf8_lossy(&body), listed);
        assert!(
            head.contains("content-type: application/json\r\n"),
            "{head}"
        );
    }
}

/// All below a folder, with what tells whether it was written.
fn snapshot(folder: &Path) -> Vec<(PathBuf, u64, SystemTime)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let about = entry.metadata().expect("it is there");
        let modified = about.modified().expect("a time");
        found.push((entry.path(), about.len(), modified));
        if about.is_dir() {
            found.extend(snapshot(&entry.path()));
        }
    }
    found.sort();
    found
}

#[test]
fn answering_changes_nothing_on_the_disk() {
    let (folder, host) = start_with_files();
    let model = folder.path().join("pretrained/mnist");
    fs::create_dir_all(&model).expect("a folder");
    fs::write(model.join("config.json"), "{}").expect("a file");
    let before = snapshot(folder.path());
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE"] {
        for path in [
            "/",
            "/pretrained/models.json",
            "/web/app.js",
            "/nothing",
            "/web",
        ] {
            ask(&host, method, path, "");
        }
    }
    assert_eq!(snapshot(folder.path()), before);
}

#[test]
fn only_reading_is_answered() {
    let (_folder, host) = start();
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let (head, _) = ask(&host, method, "/", "");
        assert_eq!(status(&head), "405", "{method}");
    }
}

#[test]
fn a_file_comes_with_its_length_and_is_asked_for_again() {
    let (_folder, host) = start();
    let (head, body) = ask(&host, "GET", "/weights.safetensors", "");
    assert_eq!(status(&head), "200");
    // The page's progress bars need the length.
    assert!(
        head.contains(&format!("content-length: {WEIGHTS}\r\n")),
        "{head}"
    );
    assert!(head.contains("cache-control: no-cache\r\n"), "{head}");
    assert_eq!(body.len(), WEIGHTS);
}

#[test]
fn head_has_the_length_and_no_body() {
    let (_folder, host) = start();
    let (head, body) = ask(&host, "HEAD", "/", "");
    assert_eq!(status(&head), "200");
    assert!(head.contains("content-length: 5\r\n"), "{head}");
    assert_eq!(body, b"");
}

#[test]
fn a_known_file_is_not_sent_again_until_it_changes() {
    let (folder, host) = start();
    let (head, _) = ask(&host, "GET", "/", "");
    let tag = head
        .lines()
        .find_map(|line| line.strip_prefix("etag: "))
        .expect("an ETag")
        .to_owned();
    let known = format!("If-None-Match: \"another\", {tag}\r\n");
    let (head, body) = ask(&host, "GET", "/", &known);
    assert_eq!((status(&head), &body[..]), ("304", &b""[..]));
    assert!(head.contains("cache-control: no-cache\r\n"), "{head}");
    // As long as before, and in the same second.
    fs::write(folder.path().join("index.html"), "HELLO").expect("a file");
    assert_eq!(ask(&host, "GET", "/", &known).1, b"HELLO");
}

#[test]
fn a_part_of_a_file_can_be_asked_for() {
    let (_folder, host) = start();
    let (head, body) = ask(&host, "GET", "/", "Range: bytes=1-3\r\n");
    assert_eq!((status(&head), &body[..]), ("206", &b"ell"[..]));
    assert!(head.contains("content-range: bytes 1-3/5\r\n"), "{head}");
    let (head, _) = ask(&host, "GET", "/", "Range: bytes=9-\r\n");
    assert_eq!(status(&head), "416");
}

#[test]
fn types_are_those_that_browsers_insist_on() {
    let (folder, host) = start_with_files();
    for (file, kind) in [
        ("index.html", "text/html; charset=utf-8"),
        ("web/app.js", "text/javascript; charset=utf-8"),
        ("web/style.css", "text/css; charset=utf-8"),
        ("web/notes.md", "text/plain; charset=utf-8"),
        ("web/lib.rs", "text/plain; charset=utf-8"),
        ("models.json", "application/json"),
        ("walkback_bg.wasm", "application/wasm"),
        ("icon.svg", "image/svg+xml"),
        ("page.png", "image/png"),
        ("photo.jpg", "image/jpeg"),
        ("weights.safetensors", "application/octet-stream"),
        ("LICENSE", "application/octet-stream"),
    ] {
        fs::write(folder.path().join(file), "").expect("a file");
        let (head, _) = ask(&host, "HEAD", &format!("/{file}"), "");
        let line = format!("content-type: {kind}\r\n");
        assert!(head.contains(&line), "{file}: {head}");
    }
}

#[test]
fn files_below_the_root_are_found() {
    let (_folder, host) = start_with_files();
    for (address, body) in [
        ("/", "hello"),
        ("/?device=cpu", "hello"),
        ("/web/app.js?v=1", "web/app.js"),
        ("/web/a%20b.txt", "web/a b.txt"),
        ("/%77eb/app%2ejs", "web/app.js"),
    ] {
        let found = ask(&host, "GET", address, "").1;
        assert_eq!(String::from_utf8_lossy(&found), body, "{address}");
    }
}

#[test]
fn a_folder_without_its_slash_is_redirected_on_the_same_site() {
    let (_folder, host) = start_with_files();
    let (head, _) = ask(&host, "GET", "/web?x=1", "");
    assert_eq!(status(&head), "307");
    assert!(head.contains("location: /web/?x=1\r\n"), "{head}");
    assert_eq!(status(&ask(&host, "GET", "//web", "").0), "404");
    assert_eq!(status(&ask(&host, "GET", "/web//", "").0), "404");
}

#[test]
fn nothing_above_the_root_is_found() {
    let (folder, host) = start_with_files();
    let root = folder.path().join("web");
    fs::write(folder.path().join("secret"), "secret").expect("a file");
    let server = crate::server::Server::bind(&root, Some(0)).expect("a port");
    let inner = server.address();
    let inner = inner
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned();
    std::thread::spawn(move || server.serve());
    assert_eq!(ask(&host, "GET", "/secret", "").1, b"secret", "it is there");
    assert_eq!(ask(&inner, "GET", "/app.js", "").1, b"web/app.js");
    let absolute = folder.path().join("secret");
    for address in [
        "/../secret",
        "/x/../../secret",
        "/%2e%2e/secret",
        "/.%2E/secret",
        "/x/%2e%2e%2f%2e%2e%2fsecret",
        "/..%2fsecret",
        "/..%5csecret",
        "/..\\secret",
        "//secret",
        "/%2fetc/passwd",
        // Encoded twice, and in more bytes than UTF-8 allows.
        "/%252e%252e/secret",
        "/%c0%ae%c0%ae/secret",
        "/%e0%80%ae%e0%80%ae/secret",
        "/x/..%00/secret",
        "/..;/secret",
        "/.../secret",
        "/C:/secret",
        "../secret",
        "secret",
        "http://127.0.0.1/../secret",
        &format!("/{}", absolute.display()),
        &format!("/%2f{}", absolute.display()),
    ] {
        let (head, body) = ask(&inner, "GET", address, "");
        assert!(
            ["400", "403", "404"].contains(&status(&head)),
            "{address}: {head}"
        );
        assert_ne!(body, b"secret", "{address}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_root_is_not_followed() {
    use std::os::unix::fs::symlink;
    let (folder, host) = start_with_files();
    let outside = tempfile::tempdir().expect("a folder");
    let secret = outside.path().join("index.html");
    fs::write(&secret, "secret").expect("a file");
    let at = |path: &str| folder.path().join(path);
    symlink(&secret, at("out.txt")).expect("a link");
    symlink(outside.path(), at("web/up")).expect("a link");
    symlink(&secret, at("empty/index.html")).expect("a link");
    symlink(at(".git/config"), at("web/config")).expect("a link");
    for address in [
        "/out.txt",
        "/web/up/index.html",
        "/web/up/",
        // And not redirected to.
        "/web/up",
        // What a folder stands for.
        "/empty/",
        "/web/config",
    ] {
        for method in ["GET", "HEAD"] {
            let (head, body) = ask(&host, method, address, "");
            assert_eq!(status(&head), "404", "{address}");
            assert_ne!(body, b"secret", "{address}");
        }
    }
    symlink(at("index.html"), at("in.html")).expect("a link");
    symlink("..", at("web/near")).expect("a link");
    for address in ["/in.html", "/web/near/index.html"] {
        assert_eq!(ask(&host, "GET", address, "").1, b"hello", "{address}");
    }
}

#[test]
fn hidden_names_are_not_found() {
    let (_folder, host) = start_with_files();
    for address in [
        "/.git/config",
        "/%2egit/config",
        "/.git/",
        "/.git",
        "/web/..",
    ] {
        let (head, _) = ask(&host, "GET", address, "");
        assert_eq!(status(&head), "404", "{address}");
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let (_folder, host) = start_with_files();
    for address in [
        "/nothing",
        "/index.html/",
        "/index.html/x",
        "/empty/",
        "/a%2",
        "/a%zz",
        "/%ff",
        "/a%00b",
    ] {
        let (head, _) = ask(&host, "GET", address, "");
        assert_eq!(status(&head), "404", "{address}");
    }
}
