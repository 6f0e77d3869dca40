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
        [
            Asset { name: "app.css", kind: STYLE, text: APP },
            $(Asset { name: $name, kind: $kind, text: include_str!(concat!("assets/", $name)) },)+
        ]
    };
}

/// The style sheet, from parts in the order in which later rules win.
const APP: &str = concat!(
    include_str!("styles/base.css"),
    include_str!("styles/frame.css"),
    include_str!("styles/workers.css"),
    include_str!("styles/terminal.css"),
    include_str!("styles/accounts.css"),
    include_str!("styles/phones.css"),
);

struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

static ASSETS: [Asset; 53] = assets! {
    "account.js" SCRIPT,
    "account_actions.js" SCRIPT,
    "account_words.js" SCRIPT,
    "accounts.js" SCRIPT,
    "accounts_form.js" SCRIPT,
    "accounts_table.js" SCRIPT,
    "activity.js" SCRIPT,
    "align.js" SCRIPT,
    "api.js" SCRIPT,
    "arrivals.js" SCRIPT,
    "compare.js" SCRIPT,
    "dead_letters.js" SCRIPT,
    "debug_run.js" SCRIPT,
    "dialog.js" SCRIPT,
    "dom.js" SCRIPT,
    "empty.js" SCRIPT,
    "entry.js" SCRIPT,
    "entry_text.js" SCRIPT,
    "fields.js" SCRIPT,
    "figures.js" SCRIPT,
    "filter_address.js" SCRIPT,
    "filters.js" SCRIPT,
    "icon.svg" IMAGE,
    "inspection.js" SCRIPT,
    "instances.js" SCRIPT,
    "json.js" SCRIPT,
    "judgement.js" SCRIPT,
    "keysets.js" SCRIPT,
    "list.js" SCRIPT,
    "live.js" SCRIPT,
    "past.js" SCRIPT,
    "phases.js" SCRIPT,
    "picked.js" SCRIPT,
    "plot.js" SCRIPT,
    "plot_table.js" SCRIPT,
    "problem.js" SCRIPT,
    "queues.js" SCRIPT,
    "repeat.js" SCRIPT,
    "rows.js" SCRIPT,
    "scale.js" SCRIPT,
    "session.js" SCRIPT,
    "sign_in.js" SCRIPT,
    "tables.js" SCRIPT,
    "terminal.js" SCRIPT,
    "terminal_head.js" SCRIPT,
    "terminal_keys.js" SCRIPT,
    "terminal_view.js" SCRIPT,
    "terminal_words.js" SCRIPT,
    "text.js" SCRIPT,
    "verdict.js" SCRIPT,
    "verdict_view.js" SCRIPT,
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
