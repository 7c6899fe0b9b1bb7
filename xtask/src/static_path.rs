//! From the address of a request to a file below the root, and its MIME type.

use std::path::{Path, PathBuf};

/// What an address stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A file that is there.
    File(PathBuf),
    /// A folder whose address lacks the slash at its end, without which the page's relative addresses go wrong.
    Redirect(String),
}

/// Resolves the path (and query) of a request below `root`, which must be canonical. A folder stands for its
/// `index.html`. `None` for what is not there and for all that is not to be served: names with a leading dot,
/// and whatever leads out of the root, symbolic links included.
pub(crate) fn resolve(root: &Path, address: &str) -> Option<Target> {
    let raw = address.split(['?', '#']).next()?;
    let decoded = percent_decode(raw)?;
    let inner = decoded.strip_prefix('/')?;
    let (inner, is_folder) = match inner.strip_suffix('/') {
        Some(folder) => (folder, true),
        None => (inner, inner.is_empty()),
    };
    let mut path = root.to_owned();
    if !inner.is_empty() {
        for name in inner.split('/') {
            if !is_served(name) {
                return None;
            }
            path.push(name);
        }
    }
    let mut path = path
        .canonicalize()
        .ok()
        .filter(|path| path.starts_with(root))?;
    match (path.is_dir(), is_folder) {
        (true, false) => return Some(Target::Redirect(format!("{raw}/"))),
        (true, true) => path.push("index.html"),
        (false, true) => return None,
        (false, false) => {}
    }
    path.is_file().then_some(Target::File(path))
}

/// Whether a file or folder of this name may be served. Refuses `.` and `..` along with the hidden names, and
/// what Windows would read as something other than a plain name.
fn is_served(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && !name.ends_with(['.', ' '])
        && !name.contains(['\\', ':', '\0'])
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            _ => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

/// The MIME type of a file, by its name.
pub(crate) fn mime(path: &Path) -> &'static str {
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or("");
    match extension.to_ascii_lowercase().as_str() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "wasm" => "application/wasm",
        "md" | "txt" | "rs" | "ts" | "toml" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "gif" => "image/gif",
        "jpg" | "jpeg" => "image/jpeg",
        "ico" => "image/x-icon",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use std::fs;

    /// `<temporary>/secret` and `<temporary>/root/{index.html, web/app.js, .git/config, a b.txt, empty/}`.
    fn site() -> (Scratch, PathBuf) {
        let folder = Scratch::new();
        let root = folder.path().canonicalize().expect("its path").join("root");
        for inner in ["web", ".git", "empty"] {
            fs::create_dir_all(root.join(inner)).expect("a folder");
        }
        for file in [
            "index.html",
            "web/app.js",
            ".git/config",
            "a b.txt",
            "../secret",
        ] {
            fs::write(root.join(file), file).expect("a file");
        }
        (folder, root)
    }

    fn file(root: &Path, path: &str) -> Option<Target> {
        Some(Target::File(root.join(path)))
    }

    #[test]
    fn files_below_the_root_are_found() {
        let (_folder, root) = site();
        assert_eq!(resolve(&root, "/"), file(&root, "index.html"));
        assert_eq!(resolve(&root, "/?device=cpu#x"), file(&root, "index.html"));
        assert_eq!(resolve(&root, "/web/app.js?v=1"), file(&root, "web/app.js"));
        assert_eq!(resolve(&root, "/a%20b.txt"), file(&root, "a b.txt"));
        assert_eq!(resolve(&root, "/%77eb/app%2ejs"), file(&root, "web/app.js"));
    }

    #[test]
    fn nothing_above_the_root_is_found() {
        let (_folder, root) = site();
        for address in [
            "/../secret",
            "/web/../../secret",
            "/%2e%2e/secret",
            "/.%2E/secret",
            "/web/%2e%2e%2f%2e%2e%2fsecret",
            "/..%5csecret",
            "/..\\secret",
            "//secret",
            "/web//app.js",
            "/%2fetc/passwd",
            // Encoded twice, and in more bytes than UTF-8 allows.
            "/%252e%252e/secret",
            "/%c0%ae%c0%ae/secret",
            "/%e0%80%ae%e0%80%ae/secret",
            "/web/..%00/secret",
            "/..;/secret",
            "/.../secret",
            "/C:/secret",
            "../secret",
            "secret",
            "http://127.0.0.1/../secret",
        ] {
            assert_eq!(resolve(&root, address), None, "{address}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_root_is_not_followed() {
        let (_folder, root) = site();
        std::os::unix::fs::symlink(root.join("../secret"), root.join("out")).expect("a link");
        std::os::unix::fs::symlink(root.join("index.html"), root.join("in")).expect("a link");
        std::os::unix::fs::symlink(root.join(".."), root.join("web/up")).expect("a link");
        std::os::unix::fs::symlink("..", root.join("web/near")).expect("a link");
        assert_eq!(resolve(&root, "/out"), None);
        assert_eq!(resolve(&root, "/web/up/"), None);
        assert_eq!(resolve(&root, "/web/up/secret"), None);
        assert_eq!(resolve(&root, "/web/up"), None, "and not redirected to");
        assert_eq!(
            resolve(&root, "/web/up/root/index.html"),
            file(&root, "index.html")
        );
        assert_eq!(
            resolve(&root, "/web/near/index.html"),
            file(&root, "index.html")
        );
        assert_eq!(resolve(&root, "/in"), file(&root, "index.html"));
    }

    #[test]
    fn hidden_names_are_not_found() {
        let (_folder, root) = site();
        for address in ["/.git/config", "/%2egit/config", "/.git/", "/web/./app.js"] {
            assert_eq!(resolve(&root, address), None, "{address}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let (_folder, root) = site();
        for address in [
            "",
            "/nothing",
            "/index.html/",
            "/index.html/x",
            "/empty/",
            "/a%2",
            "/a%zz",
            "/%ff",
            "/a%00b",
        ] {
            assert_eq!(resolve(&root, address), None, "{address}");
        }
    }

    #[test]
    fn a_folder_without_its_slash_is_redirected_on_the_same_site() {
        let (_folder, root) = site();
        assert_eq!(
            resolve(&root, "/web?x=1"),
            Some(Target::Redirect("/web/".into()))
        );
        assert_eq!(resolve(&root, "//web"), None);
    }

    #[test]
    fn types_are_those_that_browsers_insist_on() {
        assert_eq!(mime(Path::new("walkback_bg.wasm")), "application/wasm");
        assert_eq!(
            mime(Path::new("web/worker.js")),
            "text/javascript; charset=utf-8"
        );
        assert_eq!(mime(Path::new("INDEX.HTML")), "text/html; charset=utf-8");
        assert_eq!(
            mime(Path::new("model.safetensors")),
            "application/octet-stream"
        );
        assert_eq!(mime(Path::new("LICENSE")), "application/octet-stream");
    }
}
