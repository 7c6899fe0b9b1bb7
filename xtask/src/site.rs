//! What the development server answers: the files of one folder, by tower-http's [`ServeDir`], and the list of models.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue};
use hyper::http::uri::Authority;
use hyper::{Request, Response, StatusCode};
use tower_http::services::ServeDir;
use tower_http::services::fs::{Backend, TokioBackend, TokioFile};

use crate::models;

/// What a browser on this machine calls the server. Any other name in a request is that of a site whose owner lets it lead
/// here, so that a script of the site can read the answers (DNS rebinding).
const HOSTS: [&str; 2] = ["127.0.0.1", "localhost"];

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The folder that is served, by its canonical path: whatever is opened in it has to lie below it.
#[derive(Clone)]
pub(crate) struct Site(Arc<Path>);

impl Site {
    /// Of the folder `root`, which must be canonical.
    pub(crate) fn new(root: PathBuf) -> Self {
        Site(root.into())
    }

    /// The answer to one request.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let path = request.uri().path();
        let mut response = if !is_for_this_machine(&request) {
            sentence(
                StatusCode::FORBIDDEN,
                "this server answers only to the names 127.0.0.1 and localhost",
            )
        } else if path.contains("//") {
            // A redirect to `//name/` would lead to another site.
            sentence(StatusCode::NOT_FOUND, "not found")
        } else if path.strip_prefix('/') == Some(models::MANIFEST) {
            self.models()
        } else {
            self.file(request).await
        };
        // Browsers keep the file, but ask each time whether it is still the same.
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Ok(response)
    }

    /// The list of models as they are now, not as they were when the page was built.
    fn models(&self) -> Response<Body> {
        match models::list(&self.0) {
            Ok(list) => answer(StatusCode::OK, "application/json", list),
            Err(_) => sentence(StatusCode::NOT_FOUND, "there are no models"),
        }
    }

    async fn file(&self, request: Request<Incoming>) -> Response<Body> {
        let mut files = ServeDir::with_backend(&*self.0, self.clone());
        match files.try_call(request).await {
            Ok(mut response) => {
                let content_type = response.headers_mut().get_mut(CONTENT_TYPE);
                if let Some(content_type) = content_type {
                    name_charset(content_type);
                }
                response.map(BodyExt::boxed_unsync)
            }
            Err(reason)
                if matches!(
                    reason.kind(),
                    ErrorKind::NotFound | ErrorKind::NotADirectory
                ) =>
            {
                sentence(StatusCode::NOT_FOUND, "not found")
            }
            Err(_) => sentence(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the file could not be read",
            ),
        }
    }

    /// The file or folder that `path` leads to, through links. Not found if that lies outside, or has a hidden name or a
    /// folder of that kind above it.
    fn inside(&self, path: &Path) -> io::Result<PathBuf> {
        let path = path.canonicalize()?;
        let is_served = path.strip_prefix(&self.0).is_ok_and(|inner| {
            inner
                .iter()
                .all(|name| !name.as_encoded_bytes().starts_with(b"."))
        });
        is_served
            .then_some(path)
            .ok_or_else(|| ErrorKind::NotFound.into())
    }
}

impl Backend for Site {
    type File = TokioFile;
    type Metadata = fs::Metadata;
    type OpenFuture = <TokioBackend as Backend>::OpenFuture;
    type MetadataFuture = <TokioBackend as Backend>::MetadataFuture;

    fn open(&self, path: PathBuf) -> Self::OpenFuture {
        let inside = self.inside(&path);
        Box::pin(async move { TokioBackend.open(inside?).await })
    }

    fn metadata(&self, path: PathBuf) -> Self::MetadataFuture {
        let inside = self.inside(&path);
        Box::pin(async move { TokioBackend.metadata(inside?).await })
    }
}

/// Whether the host that a request names, in its address or in its header, is this machine; the port is free, for a
/// tunnel may have changed it.
fn is_for_this_machine(request: &Request<Incoming>) -> bool {
    let header = request.headers().get(HOST);
    let named = header.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let named = named.as_ref().into_iter().chain(request.uri().authority());
    let mut hosts = named.map(Authority::host).peekable();
    hosts.peek().is_some() && hosts.all(|host| HOSTS.contains(&host))
}

/// Texts are UTF-8 here. What browsers do not read themselves, such as Rust, is for people to read, not to be downloaded.
fn name_charset(content_type: &mut HeaderValue) {
    let kind = match content_type.to_str() {
        Ok("text/html") => "text/html; charset=utf-8",
        Ok("text/css") => "text/css; charset=utf-8",
        Ok("text/javascript") => "text/javascript; charset=utf-8",
        Ok(text) if text.starts_with("text/") => "text/plain; charset=utf-8",
        _ => return,
    };
    *content_type = HeaderValue::from_static(kind);
}

/// A sentence for a person, with the status that goes with it.
fn sentence(status: StatusCode, text: &str) -> Response<Body> {
    let text = format!("{}: {text}\n", status.as_str());
    answer(status, "text/plain; charset=utf-8", text)
}

fn answer(status: StatusCode, content_type: &'static str, text: String) -> Response<Body> {
    let body = Full::from(text).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests;
