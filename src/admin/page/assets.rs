//! Scripts, styles and the icon, embedded. Their address holds the digest of all of them, so a browser
//! keeps them for ever and still never mixes two versions: modules import each other relatively.

use std::sync::LazyLock;

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use crate::admin::api::extract::Segments;

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

macro_rules! assets {
    ($($name:literal $kind:ident,)+) => {
        [$(Asset { name: $name, kind: $kind, text: include_str!(concat!("assets/", $name)) },)+]
    };
}

struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

static ASSETS: [Asset; 23] = assets! {
    "account.js" SCRIPT,
    "account_parts.js" SCRIPT,
    "accounts.js" SCRIPT,
    "api.js" SCRIPT,
    "app.css" STYLE,
    "compare.js" SCRIPT,
    "dead_letters.js" SCRIPT,
    "debug_run.js" SCRIPT,
    "dom.js" SCRIPT,
    "empty.js" SCRIPT,
    "entry.js" SCRIPT,
    "filters.js" SCRIPT,
    "icon.svg" IMAGE,
    "inspection.js" SCRIPT,
    "keysets.js" SCRIPT,
    "list.js" SCRIPT,
    "live.js" SCRIPT,
    "plot.js" SCRIPT,
    "problem.js" SCRIPT,
    "sign_in.js" SCRIPT,
    "terminal.js" SCRIPT,
    "verdict.js" SCRIPT,
    "workers.js" SCRIPT,
};

/// The folder under which this binary's assets are served.
pub(super) static FOLDER: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for asset in &ASSETS {
        digest.update(asset.name);
        digest.update([0]);
        digest.update(asset.text);
        digest.update([0]);
    }
    let digest: [u8; 32] = digest.finalize().into();
    let short = u64::from_be_bytes(*digest.first_chunk().expect("32 bytes begin with 8"));
    format!("/assets/{short:016x}")
});

/// One asset. Another version's address has none of this version's content.
pub(super) async fn get(Segments(digest, name): Segments) -> Response {
    let found = ASSETS.iter().find(|asset| asset.name == name);
    match found.filter(|_| FOLDER.ends_with(&digest) && digest.len() == 16) {
        Some(asset) => {
            let headers = [
                (header::CONTENT_TYPE, asset.kind),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ];
            (headers, asset.text).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Browsers ask for it unasked.
pub(super) async fn icon() -> Response {
    let icon = ASSETS.iter().find(|asset| asset.name == "icon.svg").expect("it is embedded");
    let headers = [(header::CONTENT_TYPE, icon.kind), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, icon.text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names that a module imports.
    fn imports(text: &'static str) -> impl Iterator<Item = &'static str> {
        let from = text.lines().filter_map(|line| line.split_once(" from \"./"));
        from.map(|(_, name)| name.split('"').next().expect("a quoted name"))
    }

    fn find(name: &str) -> Option<&'static Asset> {
        ASSETS.iter().find(|asset| asset.name == name)
    }

    #[test]
    fn nothing_asks_a_foreign_host_or_parses_markup() {
        for asset in &ASSETS {
            let text = asset.text.replace("http://www.w3.org/2000/svg", "");
            for banned in
                ["http://", "https://", "eval(", "innerHTML", "insertAdjacentHTML", "document.write"]
            {
                assert!(!text.contains(banned), "{} has {banned}", asset.name);
            }
        }
    }

    #[test]
    fn every_import_is_an_asset() {
        for asset in &ASSETS {
            for name in imports(asset.text) {
                assert!(find(name).is_some(), "{} imports {name}", asset.name);
            }
        }
    }
}
