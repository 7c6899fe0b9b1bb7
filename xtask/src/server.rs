//! The development server: listens on this machine alone and answers with what a [`Site`] holds.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};

use crate::site::Site;

/// The port where nobody asks for another.
const PORT: u16 = 8080;

/// How many ports from there on are tried.
const PORTS: u16 = 20;

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
                "port {port} is in use: stop the program that uses it, or leave out --port to use the next free one"
            ),
            None => bail!("the ports {wanted:?} are all in use: choose a free one with --port"),
        }
    }

    /// The address of the root.
    pub(crate) fn address(&self) -> String {
        format!("http://{}:{}/", Ipv4Addr::LOCALHOST, self.port)
    }

    /// Answers requests; returns only if it cannot begin.
    pub(crate) fn serve(self) -> Result<()> {
        self.listener.set_nonblocking(true)?;
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(self.accept())
    }

    /// Answers each connection in a task of its own.
    async fn accept(self) -> Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let site = Site::new(self.root);
        loop {
            let Ok((connection, _)) = listener.accept().await else {
                // There are too many open files; some will be closed.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let site = site.clone();
            tokio::spawn(async move {
                let answer = service_fn(|request| {
                    let site = site.clone();
                    async move { site.answer(request).await }
                });
                // It ends in an error when the browser goes away, which is the browser's right.
                http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(connection), answer)
                    .await
            });
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::thread;
    use tempfile::TempDir;

    /// More than the operating system holds for a connection that nobody reads.
    pub(crate) const WEIGHTS: usize = 16 << 20;

    /// A running server of a folder with `index.html` (5 bytes) and `weights.safetensors` (16 MiB), at `host:port`.
    pub(crate) fn start() -> (TempDir, String) {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("index.html"), "hello").expect("a file");
        let weights = File::create(folder.path().join("weights.safetensors")).expect("a file");
        weights.set_len(WEIGHTS as u64).expect("room for it");
        let server = Server::bind(folder.path(), Some(0)).expect("a port");
        let host = format!("127.0.0.1:{}", server.port);
        thread::spawn(move || server.serve());
        (folder, host)
    }

    /// Sends one request, given as its first line and its headers, and returns the head of the answer, in lower case, and its
    /// body.
    pub(crate) fn send(address: &str, request: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(address).expect("a connection");
        write!(stream, "{request}Connection: close\r\n\r\n").expect("a request");
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

    /// The same as a browser does it, with the name of the server.
    pub(crate) fn ask(host: &str, method: &str, path: &str, header: &str) -> (String, Vec<u8>) {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{header}");
        send(host, &request)
    }

    #[test]
    fn only_this_machine_is_served() {
        let server = Server::bind(Path::new("."), Some(0)).expect("a port");
        let address = server.listener.local_addr().expect("its address");
        assert_eq!(address.ip(), Ipv4Addr::LOCALHOST);
        assert_eq!(
            server.address(),
            format!("http://127.0.0.1:{}/", address.port())
        );
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
            write!(stream, "GET / HTTP/1.1\r\nHost: {host}\r\n{close}\r\n").expect("a request");
        }
        let mut answers = String::new();
        stream.read_to_string(&mut answers).expect("three answers");
        assert_eq!(answers.matches("\r\n\r\nhello").count(), 3, "{answers}");
    }

    #[test]
    fn what_is_not_http_is_answered_with_400() {
        let (_folder, host) = start();
        for request in [
            "GET GET / HTTP/1.1\r\n",
            "hello\r\n",
            "GET / HTTP/1.1\r\nno colon\r\n",
        ] {
            let (head, _) = send(&host, request);
            assert!(head.starts_with("http/1.1 400"), "{request}: {head}");
        }
    }

    #[test]
    fn a_port_that_is_taken_is_an_error_only_when_asked_for() {
        let taken = Server::bind(Path::new("."), None).expect("a port");
        let port = taken.port;
        let said = Server::bind(Path::new("."), Some(port))
            .err()
            .expect("it is taken")
            .to_string();
        assert!(
            said.starts_with(&format!("port {port} is in use")),
            "{said}"
        );
        let next = Server::bind(Path::new("."), None).expect("another port");
        assert_ne!(next.address(), taken.address());
    }
}
