//! What the browser loads besides pages, embedded in the binary. The address carries the content's hash, so a file is
//! cached for good and still never stale.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

#[derive(rust_embed::RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../web/static"]
struct Files;

/// Each file's hash. All fonts share one, because their style sheet names them by plain relative addresses.
static HASHES: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let mut hashes = HashMap::new();
    let mut fonts = Sha256::new();
    let mut names: Vec<_> = Files::iter().collect();
    names.sort();
    for name in &names {
        let Some(file) = Files::get(name) else { continue };
        if name.starts_with("fonts/") {
            fonts.update(file.metadata.sha256_hash());
        } else {
            hashes.insert(name.to_string(), hex::encode(&file.metadata.sha256_hash()[..8]));
        }
    }
    let fonts = hex::encode(&fonts.finalize()[..8]);
    for name in names.iter().filter(|name| name.starts_with("fonts/")) {
        hashes.insert(name.to_string(), fonts.clone());
    }
    hashes
});

pub fn address(name: &str) -> String {
    let hash = HASHES.get(name).map_or("0", String::as_str);
    format!("/static/{hash}/{name}")
}

/// As it is sent: what helps only those who read the source stays here.
fn sent(name: &str) -> Option<Vec<u8>> {
    let data = Files::get(name)?.data;
    let ours = (name.ends_with(".css") || name.ends_with(".js")) && !name.contains('/');
    match std::str::from_utf8(&data) {
        Ok(text) if ours => Some(slim(text).into_bytes()),
        Ok(_) | Err(_) => Some(data.into_owned()),
    }
}

/// Without indentation, empty lines and lines that are comments. No text of ours goes over a line's end.
fn slim(text: &str) -> String {
    let says = |line: &&str| {
        let comment = line.starts_with("//") || (line.starts_with("/*") && line.ends_with("*/"));
        !line.is_empty() && !comment
    };
    let lines: Vec<&str> = text.lines().map(str::trim).filter(says).collect();
    lines.join("\n")
}

pub async fn serve(Path((hash, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let (Some(file), Some(data)) = (Files::get(&name), sent(&name)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let known = HASHES.get(&name).is_some_and(|known| *known == hash);
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let fresh = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|seen| seen.as_bytes() == tag.as_bytes());
    let keep = if known {
        "public, max-age=31536000, immutable"
    } else {
        "public, no-cache"
    };
    let mut response = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        data.into_response()
    };
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(&name)));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        out.insert(header::ETAG, tag);
    }
    response
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// How much a page has its reader fetch besides itself and the fonts.
#[cfg(test)]
pub fn linked(html: &str) -> usize {
    let names: std::collections::BTreeSet<&str> = html
        .split("\"/static/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next()?.split_once('/').map(|(_, name)| name))
        .filter(|name| !name.starts_with("fonts/"))
        .collect();
    names
        .into_iter()
        .map(|name| sent(name).map_or(0, |data| data.len()))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_kept_for_good_at_its_hash_and_asked_after_elsewhere() {
        let known = HASHES["kaishin.css"].clone();
        let response = serve(Path((known, "kaishin.css".into())), HeaderMap::new()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert!(
            response.headers()[header::CACHE_CONTROL]
                .to_str()
                .is_ok_and(|keep| keep.contains("immutable"))
        );

        let mut again = HeaderMap::new();
        again.insert(header::IF_NONE_MATCH, response.headers()[header::ETAG].clone());
        let response = serve(Path(("old".into(), "kaishin.css".into())), again).await;
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "public, no-cache");

        let missing = serve(Path(("0".into(), "../Cargo.toml".into())), HeaderMap::new()).await;
        assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn what_is_sent_says_the_same_in_fewer_bytes() {
        let text = "a {\n  /* why */\n  b: c; /* d */\n\n}\n// e\n  f(\"//g\");\n";
        assert_eq!(slim(text), "a {\nb: c; /* d */\n}\nf(\"//g\");");
        for name in Files::iter().filter(|name| name.ends_with(".js") && !name.contains('/')) {
            let text = String::from_utf8(Files::get(&name).expect("a file").data.into_owned()).expect("text");
            let open = text.lines().find(|line| line.matches('`').count() % 2 == 1);
            assert_eq!(
                open, None,
                "{name}: a text over several lines would lose its indentation"
            );
        }
    }

    #[test]
    fn what_a_page_links_is_weighed_without_its_fonts() {
        let style = sent("kaishin.css").map_or(0, |data| data.len());
        let page = format!(
            "<link href=\"{}\"><link href=\"{}\">",
            address("kaishin.css"),
            address("fonts/0.woff2")
        );
        assert_eq!((linked(&page), linked("<p>")), (style, 0));
        assert!(style > 0);
    }
}
