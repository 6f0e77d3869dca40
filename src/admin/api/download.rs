//! `GET /api/admin/ebay/tokens/terminal-logs/download`: the entries that a filter lets pass, newest
//! first, as JSON lines.
//!
//! The answer is read page by page from the store as the client takes it, so a download of any length
//! costs a page's memory.

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use futures::{StreamExt, stream};

use super::{extract::Params, terminal_logs::Query};
use crate::{
    admin::{auth::authenticator::SignedIn, problem::Problem},
    store::{Cursor, EntryFilter, Store, StoreError},
};

/// Entries read at once.
const PAGE: i64 = 500;

pub(in crate::admin) async fn get(
    user: SignedIn,
    State(store): State<Store>,
    Params(query): Params<Query>,
) -> Result<Response, Problem> {
    let filter = query.filter().for_user(&store, &user).await?;
    let pages = Pages { store, filter, before: None, done: false };
    let lines = stream::unfold(pages, |mut pages| async {
        let next = pages.next().await.transpose()?;
        Some((next, pages))
    })
    .fuse();
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"terminal-logs.jsonl\""),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}

struct Pages {
    store: Store,
    filter: EntryFilter,
    before: Option<Cursor>,
    done: bool,
}

impl Pages {
    /// The lines of the next page; none after the last.
    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        while !self.done {
            let page = self.store.history_page(&self.filter, self.before.as_ref(), PAGE).await?;
            let mut lines = String::new();
            for entry in &page.entries {
                lines += &serde_json::to_string(entry).expect("an entry has only text keys");
                lines.push('\n');
            }
            (self.before, self.done) = (page.next, page.next.is_none());
            if !lines.is_empty() {
                return Ok(Some(lines.into()));
            }
        }
        Ok(None)
    }
}
