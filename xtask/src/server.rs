//! A static file server for this machine alone, quick enough to develop with.

use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::http::{Body, Request, Response};
use crate::models;
use crate::static_path::{Target, mime, resolve};

/// The port where nobody asks for another.
const PORT: u16 = 8080;

/// How many ports from there on are tried.
const PORTS: u16 = 20;

/// How long a browser may keep a connection without using it.
const IDLE: Duration = Duration::from_secs(60);

/// Serves the files below one folder on 127.0.0.1.
pub(crate) struct Server {
    listener: TcpListener,
    root: PathBuf,
    port: u16,
}

impl Server {
    /// Takes `port`, or without one the first that is free from 8080 on; a `port` of 0 is any free one.
    pub(crate) fn bind(root: &Path, port: Option<u16>) -> Result<Self> {
        let root = root
            .canonicalize()
            .with_context(|| format!("could not find the folder {}", root.display()))?;
        let wanted = match port {
            Some(port) => port..=port,
            None => PORT..=PORT + PORTS - 1,
        };
        for candidate in wanted.clone() {
            match TcpListener::bind((Ipv4Addr::LOCALHOST, candidate)) {
                Ok(listener) => {
                    let port = listener.local_addr()?.port();
                    return Ok(Server {
                        listener,
                        root,
                        port,
                    });
                }
                Err(reason) if reason.kind() == ErrorKind::AddrInUse => {}
                Err(reason) => {
                    return Err(reason)
                        .with_context(|| format!("port {candidate} could not be opened"));
                }
            }
        }
        match port {
            Some(port) => bail!(
                "port {port} is taken: stop the program that uses it, or leave out --port for the next free one"
            ),
            None => bail!("the ports {wanted:?} are all taken: name a free one with --port"),
        }
    }

    /// The address of the root.
    pub(crate) fn address(&self) -> String {
        format!("http://{}:{}/", Ipv4Addr::LOCALHOST, self.port)
    }

    /// Answers requests, each connection in a thread of its own; does not return.
    pub(crate) fn serve(&self) {
        for connection in self.listener.incoming().flatten() {
            let root = self.root.clone();
            // It ends in an error when the browser goes away, which is the browser's right.
            thread::spawn(move || talk(&root, connection));
        }
    }
}

/// Answers the requests of one connection until it ends.
fn talk(root: &Path, mut connection: TcpStream) -> io::Result<()> {
    connection.set_read_timeout(Some(IDLE))?;
    connection.set_nodelay(true)?;
    let mut requests = BufReader::new(connection.try_clone()?);
    loop {
        let request = match Request::read(&mut requests) {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(()),
            Err(reason) if reason.kind() == ErrorKind::InvalidData => {
                return Response::sentence(400, &reason.to_string())
                    .with("Connection", "close")
                    .write(&mut connection, false);
            }
            Err(reason) => return Err(reason),
        };
        let response = answer(root, &request);
        let head_only = request.method == "HEAD";
        if !request.keeps_alive {
            return response
                .with("Connection", "close")
                .write(&mut connection, head_only);
        }
        response.write(&mut connection, head_only)?;
    }
}

fn answer(root: &Path, request: &Request) -> Response {
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Response::sentence(405, "only GET and HEAD are answered")
            .with("Allow", "GET, HEAD");
    }
    if is_manifest(&request.target) && root.join("pretrained").is_dir() {
        // Where it cannot be written, the list before is better than none.
        let _ = models::write(root);
    }
    match resolve(root, &request.target) {
        None => Response::sentence(404, "not found"),
        Some(Target::Redirect(to)) => {
            Response::sentence(301, "this is a folder").with("Location", to)
        }
        Some(Target::File(path)) => send(&path, request)
            .unwrap_or_else(|_| Response::sentence(500, "the file could not be read")),
    }
}

/// Whether a request is for the list of models, which is made anew for it.
fn is_manifest(target: &str) -> bool {
    target
        .split(['?', '#'])
        .next()
        .and_then(|path| path.strip_prefix('/'))
        == Some(models::MANIFEST)
}

fn send(path: &Path, request: &Request) -> io::Result<Response> {
    let about = fs::metadata(path)?;
    let modified = about.modified()?;
    let tag = tag(about.len(), modified);
    let response = if request
        .if_none_match
        .split(',')
        .any(|known| known.trim() == tag)
    {
        Response::new(304, Body::None)
    } else {
        let body = Body::File(File::open(path)?, about.len());
        Response::new(200, body).with("Content-Type", mime(path))
    };
    Ok(response
        .with("ETag", tag)
        .with("Last-Modified", httpdate::fmt_http_date(modified))
        // Browsers keep the file, but ask each time whether it is still the same.
        .with("Cache-Control", "no-cache"))
}

/// Names one version of a file.
fn tag(length: u64, modified: SystemTime) -> String {
    let time = modified
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_nanos();
    format!("\"{length:x}-{time:x}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use std::io::{Read, Write};

    /// More than the operating system holds for a connection that nobody reads.
    const WEIGHTS: usize = 16 << 20;

    /// A running server of a folder with `index.html` (5 bytes) and `weights.safetensors` (16 MiB), at `host:port`.
    fn start() -> (Scratch, String) {
        let folder = Scratch::new();
        fs::write(folder.path().join("index.html"), "hello").expect("a file");
        let weights = File::create(folder.path().join("weights.safetensors")).expect("a file");
        weights.set_len(WEIGHTS as u64).expect("room for it");
        let server = Server::bind(folder.path(), Some(0)).expect("a port");
        let address = server.address();
        thread::spawn(move || server.serve());
        let host = address
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        (folder, host)
    }

    /// Sends one request and returns the head of the answer, in lower case, and its body.
    fn ask(host: &str, method: &str, path: &str, header: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(host).expect("a connection");
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{header}\r\n"
        )
        .expect("a request");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let end = answer
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .expect("a head")
            + 4;
        (
            String::from_utf8_lossy(&answer[..end]).to_lowercase(),
            answer[end..].to_vec(),
        )
    }

    #[test]
    fn only_this_machine_is_served() {
        let (_folder, host) = start();
        assert!(host.starts_with("127.0.0.1:"), "{host}");
        let server = Server::bind(Path::new("."), Some(0)).expect("a port");
        let address = server.listener.local_addr().expect("its address");
        assert_eq!(address.ip(), Ipv4Addr::LOCALHOST);
    }

    #[test]
    fn a_model_that_was_exported_meanwhile_is_in_the_list() {
        let (folder, host) = start();
        let list = || ask(&host, "GET", "/pretrained/models.json?x", "");
        assert!(list().0.starts_with("http/1.1 404"), "no models, no list");
        for (name, listed) in [
            ("cats", "{ \"models\": [\"cats\"] }\n"),
            ("mnist", "{ \"models\": [\"mnist\", \"cats\"] }\n"),
        ] {
            let unet = folder.path().join("pretrained").join(name).join("unet");
            fs::create_dir_all(&unet).expect("a folder");
            fs::write(unet.join("config.json"), "{}").expect("a file");
            assert_eq!(String::from_utf8_lossy(&list().1), listed);
        }
    }

    #[test]
    fn a_file_comes_with_its_type_and_length() {
        let (_folder, host) = start();
        let (head, body) = ask(&host, "GET", "/weights.safetensors", "");
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert!(
            head.contains("content-type: application/octet-stream\r\n"),
            "{head}"
        );
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
        assert!(
            head.starts_with("http/1.1 200") && head.contains("content-length: 5\r\n"),
            "{head}"
        );
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
        let known = format!("If-None-Match: {tag}\r\n");
        let (head, body) = ask(&host, "GET", "/", &known);
        assert!(head.starts_with("http/1.1 304"), "{head}");
        assert_eq!(body, b"");
        fs::write(folder.path().join("index.html"), "hello again").expect("a file");
        assert_eq!(ask(&host, "GET", "/", &known).1, b"hello again");
    }

    #[test]
    fn what_is_not_to_be_served_is_answered_with_404() {
        let (_folder, host) = start();
        for path in [
            "/../Cargo.toml",
            "/%2e%2e/Cargo.toml",
            "/%252e%252e/Cargo.toml",
            "/index.html/../../Cargo.toml",
            "/..%2f..%2fCargo.toml",
            "/.git/config",
            "/nothing",
        ] {
            let (head, _) = ask(&host, "GET", path, "");
            assert!(head.starts_with("http/1.1 404"), "{path}: {head}");
        }
        let (head, _) = ask(&host, "POST", "/", "");
        assert!(head.starts_with("http/1.1 405"), "{head}");
    }

    #[test]
    fn connections_that_are_held_open_keep_nobody_waiting() {
        let (_folder, host) = start();
        let mut held = Vec::new();
        for _ in 0..20 {
            let mut stream = TcpStream::connect(&host).expect("a connection");
            write!(
                stream,
                "GET /weights.safetensors HTTP/1.1\r\nHost: {host}\r\n\r\n"
            )
            .expect("a request");
            held.push(stream);
        }
        assert_eq!(ask(&host, "GET", "/", "").1, b"hello");
    }

    #[test]
    fn one_connection_carries_many_requests() {
        let (_folder, host) = start();
        let mut stream = TcpStream::connect(&host).expect("a connection");
        for close in ["", "", "Connection: close\r\n"] {
            write!(stream, "GET / HTTP/1.1\r\n{close}\r\n").expect("a request");
        }
        let mut answers = String::new();
        stream.read_to_string(&mut answers).expect("three answers");
        assert_eq!(answers.matches("\r\n\r\nhello").count(), 3, "{answers}");
    }

    #[test]
    fn what_is_not_http_is_answered_with_400() {
        let (_folder, host) = start();
        let (head, _) = ask(&host, "GET GET", "/", "");
        assert!(head.starts_with("http/1.1 400"), "{head}");
    }

    #[test]
    fn a_port_that_is_taken_is_an_error_only_when_asked_for() {
        let taken = Server::bind(Path::new("."), None).expect("a port");
        let port = taken.port;
        let said = Server::bind(Path::new("."), Some(port))
            .err()
            .expect("it is taken")
            .to_string();
        assert!(said.starts_with(&format!("port {port} is taken")), "{said}");
        let next = Server::bind(Path::new("."), None).expect("another port");
        assert_ne!(next.address(), taken.address());
    }
}
