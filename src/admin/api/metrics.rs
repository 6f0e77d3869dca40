//! `GET /metrics`: the fleet's figures in Prometheus' text format.
//!
//! Every process shows the same: the figures are the database's and the broker's. They need no token,
//! so they name no seller and no org.

use std::fmt::{Display, Write};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use super::health::{Figures, FleetFigures};
use crate::admin::lead::Lead;

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(in crate::admin) async fn get(State(fleet): State<FleetFigures>, State(lead): State<Lead>) -> Response {
    let figures = fleet.figures().await.ok();
    let text = render(figures.as_deref(), fleet.is_live(), lead);
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()
}

/// What is unknown while the database or the broker is away is left out, not shown as 0.
fn render(figures: Option<&Figures>, feed_is_live: bool, Lead(lead): Lead) -> String {
    let mut page = Page::default();
    page.one("database_up", "gauge", "Whether the database answers.", Some(u8::from(figures.is_some())));
    page.one(
        "feed_live",
        "gauge",
        "Whether live entries arrive at this process.",
        Some(u8::from(feed_is_live)),
    );
    let Some(Figures { report, quota }) = figures else { return page.0 };
    let f = &report.figures;
    page.one("broker_up", "gauge", "Whether the broker answers.", Some(u8::from(report.queues.is_some())));
    page.one("attempts_total", "counter", "Attempts ever accepted.", Some(f.attempts));
    page.one("stored_total", "counter", "Entries ever stored.", Some(f.stored));
    page.one("missing", "gauge", "Attempts without an entry: anything but 0 is a fault.", Some(f.missing));
    page.one("outbox", "gauge", "Entries that are decided and not yet stored.", Some(f.outbox));
    page.one(
        "outbox_age_seconds",
        "gauge",
        "How long the oldest of them waits.",
        Some(f.outbox_age_seconds.unwrap_or(0.0)),
    );
    page.one("in_flight", "gauge", "Attempts under way.", Some(f.in_flight));
    page.one("due_backlog", "gauge", "Accounts that are due and not published.", Some(f.due_backlog));
    page.one("workers", "gauge", "Live workers.", Some(f.workers));
    page.one("schedulers", "gauge", "Live schedulers.", Some(f.schedulers));
    page.one("log_writers", "gauge", "Live log-writers.", Some(f.log_writers));
    page.one("versions", "gauge", "Different versions among live processes.", Some(f.versions.len()));
    page.one(
        "last_tick_age_seconds",
        "gauge",
        "Time since a scheduler last finished a tick.",
        f.last_tick_age_seconds,
    );
    page.one(
        "newest_entry_age_seconds",
        "gauge",
        "Time since the newest entry was made.",
        f.newest_entry_age_seconds,
    );
    page.one(
        "accounts_reconnect_required",
        "gauge",
        "Accounts whose sellers must connect again.",
        Some(f.reconnect_required),
    );
    page.one(
        "accounts_blocked",
        "gauge",
        "Accounts that something of ours keeps from being refreshed.",
        Some(f.blocked),
    );
    let keysets = || {
        quota.iter().map(|used| {
            let labels = [("environment", used.environment.as_str()), ("client_id", used.client_id.as_str())];
            (labels, used)
        })
    };
    let calls = keysets().map(|(labels, used)| (labels, used.calls));
    page.many("quota_calls", "Calls that each keyset began in the last 24 hours.", calls);
    let left = keysets().map(|(labels, used)| (labels, used.forecast(lead).left));
    page.many("quota_left", "Scheduled calls that each keyset may begin.", left);
    let ready = keysets().map(|(labels, used)| (labels, i64::from(used.state == "ready")));
    page.many("keyset_ready", "Whether each keyset's accounts may call eBay.", ready);
    let capacity = keysets().map(|(labels, used)| (labels, used.forecast(lead).capacity));
    page.many("keyset_capacity", "Accounts that each keyset can keep always fresh.", capacity);
    let exhausted = keysets().filter_map(|(labels, used)| {
        used.forecast(lead).exhausted_in_seconds.map(|seconds| (labels, seconds))
    });
    page.many("quota_exhausted_in_seconds", "Time until a keyset's calls are spent at this pace.", exhausted);
    let demoted = keysets().map(|(labels, used)| (labels, used.demoted));
    page.many("accounts_demoted", "Accounts that the quota keeps from being always fresh.", demoted);
    let queues = || report.queues.iter().flatten();
    let depths = queues().map(|queue| ([("queue", queue.name.as_str())], queue.messages));
    page.many("queue_messages", "Messages that wait in each queue.", depths);
    let consumers = queues().map(|queue| ([("queue", queue.name.as_str())], queue.consumers));
    page.many("queue_consumers", "Consumers of each queue.", consumers);
    page.0
}

/// Text in Prometheus' format.
#[derive(Default)]
struct Page(String);

impl Page {
    fn one(&mut self, name: &str, kind: &str, help: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.head(name, kind, help);
            let _ = writeln!(self.0, "token_refresh_{name} {value}");
        }
    }

    fn many<'a, const N: usize, V: Display>(
        &mut self,
        name: &str,
        help: &str,
        values: impl Iterator<Item = ([(&'static str, &'a str); N], V)>,
    ) {
        let mut values = values.peekable();
        if values.peek().is_some() {
            self.head(name, "gauge", help);
        }
        for (labels, value) in values {
            let labels: Vec<String> =
                labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escape(text))).collect();
            let _ = writeln!(self.0, "token_refresh_{name}{{{}}} {value}", labels.join(","));
        }
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP token_refresh_{name} {help}\n# TYPE token_refresh_{name} {kind}");
    }
}

/// A label's value, as the format wants it.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_database_only_what_is_known_is_shown() {
        assert_eq!(
            render(None, true, Lead(std::time::Duration::ZERO)),
            "# HELP token_refresh_database_up Whether the database answers.\n\
             # TYPE token_refresh_database_up gauge\n\
             token_refresh_database_up 0\n\
             # HELP token_refresh_feed_live Whether live entries arrive at this process.\n\
             # TYPE token_refresh_feed_live gauge\n\
             token_refresh_feed_live 1\n"
        );
    }

    #[test]
    fn a_label_cannot_break_out() {
        let mut page = Page::default();
        page.many("q", "Help.", [([("queue", "a\"b\\c\nd")], 1)].into_iter());
        assert!(page.0.ends_with("token_refresh_q{queue=\"a\\\"b\\\\c\\nd\"} 1\n"), "{}", page.0);
    }
}
