//! As much of HTTP/1.1 as serving files takes: requests without a body, answers with a known length.

use std::fs::File;
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::time::SystemTime;

/// The longest head of a request, in bytes.
const LONGEST_HEAD: u64 = 32 << 10;

/// The head of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    /// `GET`, `HEAD`, ...
    pub(crate) method: String,
    /// The path and query, still percent-encoded; printable ASCII.
    pub(crate) target: String,
    /// The tags of the versions that the browser has, separated by commas.
    pub(crate) if_none_match: String,
    /// Whether another request may follow on the same connection.
    pub(crate) keeps_alive: bool,
}

impl Request {
    /// Reads the next request; `None` at the end of the connection.
    ///
    /// # Errors
    /// `InvalidData` for what is not HTTP/1, and whatever reading gives.
    pub(crate) fn read(connection: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut head = connection.take(LONGEST_HEAD);
        let Some(first) = line(&mut head)? else {
            return Ok(None);
        };
        let mut words = first.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(malformed("the first line is not a request"));
        };
        if !version.starts_with("HTTP/1.") || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(malformed("the first line is not one of HTTP/1"));
        }
        let mut request = Request {
            method: method.to_owned(),
            target: target.to_owned(),
            keeps_alive: version != "HTTP/1.0",
            ..Request::default()
        };
        loop {
            let header = line(&mut head)?.ok_or_else(|| malformed("the head has no end"))?;
            if header.is_empty() {
                return Ok(Some(request));
            }
            let (name, value) = header
                .split_once(':')
                .ok_or_else(|| malformed("a header has no colon"))?;
            match name.to_ascii_lowercase().as_str() {
                "if-none-match" => request.if_none_match = value.trim().to_owned(),
                "connection" if value.trim().eq_ignore_ascii_case("close") => {
                    request.keeps_alive = false;
                }
                // A body is not read, so what follows it could not be understood.
                "content-length" | "transfer-encoding" => request.keeps_alive = false,
                _ => {}
            }
        }
    }
}

/// The next line without its end, or `None` where there is none.
fn line(head: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if head.read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.pop() != Some(b'\n') {
        return Err(malformed("the head is cut off or too long"));
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|_| malformed("the head is not text"))
}

fn malformed(reason: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, reason)
}

/// What is sent after the head.
pub(crate) enum Body {
    /// Nothing, and no length either.
    None,
    /// A short text.
    Text(String),
    /// A file of this many bytes.
    File(File, u64),
}

/// An answer to a request.
pub(crate) struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

impl Response {
    /// An answer with no headers of its own yet.
    pub(crate) fn new(status: u16, body: Body) -> Self {
        Response {
            status,
            headers: Vec::new(),
            body,
        }
    }

    /// A sentence for a person, with the status that goes with it.
    pub(crate) fn sentence(status: u16, text: &str) -> Self {
        Response::new(status, Body::Text(format!("{status}: {text}\n")))
            .with("Content-Type", "text/plain; charset=utf-8")
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Writes the answer; without its body if the request was for the head alone.
    pub(crate) fn write(self, connection: &mut impl Write, head_only: bool) -> io::Result<()> {
        let length = match &self.body {
            Body::None => None,
            Body::Text(text) => Some(text.len() as u64),
            Body::File(_, length) => Some(*length),
        };
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        head += &format!("Date: {}\r\n", httpdate::fmt_http_date(SystemTime::now()));
        // Always the length, which the page's progress bars need.
        if let Some(length) = length {
            head += &format!("Content-Length: {length}\r\n");
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        connection.write_all(head.as_bytes())?;
        match self.body {
            _ if head_only => {}
            Body::None => {}
            Body::Text(text) => connection.write_all(text.as_bytes())?,
            Body::File(file, length) => {
                if io::copy(&mut file.take(length), connection)? != length {
                    return Err(io::Error::new(
                        ErrorKind::UnexpectedEof,
                        "the file got shorter",
                    ));
                }
            }
        }
        connection.flush()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        304 => "Not Modified",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> io::Result<Option<Request>> {
        Request::read(&mut text.as_bytes())
    }

    #[test]
    fn a_browser_is_understood() {
        let request =
            read("GET /web/app.js?v=1 HTTP/1.1\r\nHost: x\r\nIF-None-Match: \"a\", \"b\"\r\n\r\n")
                .expect("a request")
                .expect("one request");
        assert_eq!(request.method, "GET");
        assert_eq!(request.target, "/web/app.js?v=1");
        assert_eq!(request.if_none_match, "\"a\", \"b\"");
        assert!(request.keeps_alive);
    }

    #[test]
    fn requests_on_one_connection_are_read_one_after_the_other() {
        let mut connection = "GET /a HTTP/1.1\r\n\r\nHEAD /b HTTP/1.1\r\n\r\n".as_bytes();
        let mut next = || {
            Request::read(&mut connection)
                .expect("no error")
                .map(|r| r.target)
        };
        assert_eq!(
            (next(), next(), next()),
            (Some("/a".into()), Some("/b".into()), None)
        );
    }

    #[test]
    fn a_connection_is_kept_only_while_the_next_request_can_be_found() {
        for (head, keeps) in [
            ("GET / HTTP/1.1\r\n\r\n", true),
            ("GET / HTTP/1.0\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", false),
            ("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", false),
        ] {
            let request = read(head).expect("a request").expect("one request");
            assert_eq!(request.keeps_alive, keeps, "{head:?}");
        }
    }

    #[test]
    fn what_is_not_http_is_refused() {
        let endless = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
        for text in [
            "\r\n",
            "hello\r\n\r\n",
            "GET / HTTP/2\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GET /\u{7f} HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nno colon\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x",
            &endless,
        ] {
            let kind = read(text).expect_err("not HTTP").kind();
            assert_eq!(kind, ErrorKind::InvalidData, "{:?}", text.get(..40));
        }
    }

    #[test]
    fn an_answer_says_its_length() {
        let mut sent = Vec::new();
        Response::sentence(404, "not found")
            .write(&mut sent, false)
            .expect("a buffer");
        let sent = String::from_utf8(sent).expect("text");
        assert!(sent.starts_with("HTTP/1.1 404 Not Found\r\n"), "{sent}");
        assert!(sent.contains("\r\nContent-Length: 15\r\n"), "{sent}");
        assert!(sent.ends_with("\r\n\r\n404: not found\n"), "{sent}");
    }
}
