//! What the published page says of itself in its head, which the page of `serve` does not: its address, for whoever shows
//! a link to it, and the script that keeps it for visits without a connection.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::project::root;

/// Where the tags go: after the policy, which must stand before all that it holds.
const BEFORE: &str = "<meta name=\"color-scheme\"";

/// The picture that is shown beside a link, and its name where it is published.
const PICTURE: &str = "docs/page.png";
const PUBLISHED_PICTURE: &str = "preview.png";

/// Adds tags to the head of the page in `site`.
pub(crate) fn add(site: &Path, tags: &[String]) -> Result<()> {
    let path = site.join("index.html");
    let page =
        fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    let (before, after) = page
        .split_once(BEFORE)
        .with_context(|| format!("{} has no {BEFORE}", path.display()))?;
    let lines: String = tags.iter().map(|tag| format!("{tag}\n    ")).collect();
    fs::write(&path, format!("{before}{lines}{BEFORE}{after}"))
        .with_context(|| format!("could not write {}", path.display()))
}

/// Names the page's own address and the picture for links, which both have to be absolute.
pub(crate) fn name_address(site: &Path, url: &str) -> Result<()> {
    let address = address(url)?;
    let picture = root().join(PICTURE);
    fs::copy(&picture, site.join(PUBLISHED_PICTURE))
        .with_context(|| format!("could not copy {}", picture.display()))?;
    add(
        site,
        &[
            format!("<link rel=\"canonical\" href=\"{address}\" />"),
            format!("<meta property=\"og:url\" content=\"{address}\" />"),
            format!("<meta property=\"og:image\" content=\"{address}{PUBLISHED_PICTURE}\" />"),
            "<meta property=\"og:image:alt\" content=\"The page: a noisy image, the network's guess, the noise it sees\" />"
                .to_owned(),
        ],
    )
}

/// The address of a folder, with a slash at its end.
fn address(url: &str) -> Result<String> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let is_plain = |rest: &str| {
        !rest.is_empty()
            && rest
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-._~:/%".contains(c))
    };
    if !rest.is_some_and(is_plain) {
        bail!(
            "--url {url}: give the address that the page is published at, such as https://example.org/walkback/"
        );
    }
    Ok(format!("{}/", url.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_the_page_has_an_absolute_address_and_picture() {
        let folder = tempfile::tempdir().expect("a folder");
        let site = folder.path();
        let page = fs::read_to_string(root().join("index.html")).expect("the page");
        for (url, address) in [
            (
                "https://example.org/walkback",
                "https://example.org/walkback/",
            ),
            ("http://localhost:8000/", "http://localhost:8000/"),
        ] {
            fs::write(site.join("index.html"), &page).expect("a file");
            name_address(site, url).expect("a page");
            let text = fs::read_to_string(site.join("index.html")).expect("a file");
            let (head, _) = text.split_once("</head>").expect("a head");
            for tag in [
                format!("<meta property=\"og:image\" content=\"{address}preview.png\" />"),
                format!("<meta property=\"og:url\" content=\"{address}\" />"),
                format!("<link rel=\"canonical\" href=\"{address}\" />"),
                "<meta name=\"twitter:card\" content=\"summary_large_image\" />".to_owned(),
                "property=\"og:title\"".to_owned(),
                "property=\"og:description\"".to_owned(),
            ] {
                assert_eq!(head.matches(&tag).count(), 1, "{tag}");
            }
            let policy = head.find("Content-Security-Policy").expect("a policy");
            assert!(policy < head.find("<link").expect("a link"));
            assert!(site.join("preview.png").is_file());
        }
    }

    #[test]
    fn an_address_that_is_none_is_refused() {
        for url in [
            "",
            "example.org",
            "ftp://example.org/",
            "https://",
            "https://example.org/?a=1",
            "https://example.org/\" onload=\"x",
        ] {
            assert!(address(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_page_without_a_head_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("index.html"), "<p>another page</p>").expect("a file");
        assert!(add(folder.path(), &["<meta />".to_owned()]).is_err());
    }
}
