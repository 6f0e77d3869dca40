//! An entry as text, the way one reads an HTTP exchange.

use std::fmt::Write;

use chrono::SecondsFormat;

use super::text::printable;
use crate::{
    domain::class::Class,
    message::{Entry, ShownRequest, ShownResponse},
    text_enum::text_enum,
};

text_enum! {
    /// How much of an entry is printed.
    pub enum Layout {
        /// The whole exchange.
        Full = "full",
        /// One line.
        Line = "line",
        /// The entry as it is stored, one JSON object a line.
        Json = "json",
    }
}

/// The entry as text, ending in a line break. `number` is its place in a list, 1 for the newest.
pub fn render(entry: &Entry, layout: Layout, number: Option<usize>) -> String {
    match layout {
        Layout::Full => full(entry, number),
        Layout::Line => line(entry),
        Layout::Json => {
            let mut text = serde_json::to_string(entry).expect("an entry has only text keys");
            text.push('\n');
            text
        }
    }
}

fn line(entry: &Entry) -> String {
    let time = entry.created_at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let status =
        entry.response.as_ref().map_or_else(|| "-".to_owned(), |response| response.status.to_string());
    let class = class_of(entry);
    let said = entry.error.as_deref().unwrap_or_default();
    let account = printable(&entry.account, false);
    let said = printable(said, false);
    let token = entry.request.as_ref().and_then(|request| request.body.get("refresh_token"));
    let fingerprint =
        token.and_then(|token| token.split_once("fp ")).map_or("-", |(_, fp)| fp.trim_end_matches(')'));
    let mut text = format!(
        "{time}  {:<9}  {:<22}  {:<20}  {status:>3}  fp {fingerprint:<8}  {class}",
        entry.source, account, entry.action
    );
    if !said.is_empty() {
        let _ = write!(text, "  {}", crate::message::clean(&said, 120));
    }
    text.push('\n');
    text
}

fn class_of(entry: &Entry) -> String {
    match &entry.reason {
        Some(reason) => format!("{} ({})", entry.class, printable(reason, false)),
        None => entry.class.to_string(),
    }
}

fn full(entry: &Entry, number: Option<usize>) -> String {
    let mut text = String::new();
    let head = number.map_or_else(String::new, |number| format!("#{number} "));
    let _ = writeln!(text, "{head}{}", "─".repeat(78 - head.len()));
    let mut field = |name: &str, value: &str| {
        let _ = writeln!(text, "{:<10}{}", format!("{name}:"), printable(value, false));
    };
    field("time", &entry.created_at.to_rfc3339_opts(SecondsFormat::Micros, true));
    field("source", entry.source.as_str());
    field("action", entry.action.as_str());
    let house = entry.house_name.as_deref().map_or_else(String::new, |house| format!(" \"{house}\""));
    field("account", &format!("{}{house} ({}) {}", entry.account, entry.environment, entry.account_id));
    let status =
        entry.response.as_ref().map_or_else(String::new, |response| format!(", HTTP {}", response.status));
    field("class", &format!("{}{status}, sent: {}, try {}", class_of(entry), entry.sent, entry.attempt));
    if let Some(by) = &entry.triggered_by {
        field("by", by);
    }
    field("attempt", &entry.id.to_string());
    field("instance", &format!("{} ({})", entry.instance, entry.version));
    if let Some(error) = &entry.error {
        field("error", error);
    }
    if entry.class != Class::Refreshed && !entry.class.next_step().is_empty() {
        field("next step", entry.class.next_step());
    }
    let timings: Vec<String> =
        entry.timings_ms.iter().map(|(phase, ms)| format!("{phase} {ms} ms")).collect();
    if !timings.is_empty() {
        field("timings", &timings.join(" · "));
    }
    match &entry.request {
        Some(request) => write_request(&mut text, request),
        None => text.push_str("request:  null\n"),
    }
    match &entry.response {
        Some(response) => write_response(&mut text, response),
        None => text.push_str("response: null\n"),
    }
    text
}

fn write_request(text: &mut String, request: &ShownRequest) {
    let _ = writeln!(
        text,
        "request:\n  {} {}",
        printable(&request.method, false),
        printable(&request.url, false)
    );
    for (name, value) in &request.headers {
        let _ = writeln!(text, "  {}: {}", printable(name, false), printable(value, false));
    }
    text.push('\n');
    for (name, value) in &request.body {
        let _ = writeln!(text, "  {}: {}", printable(name, false), printable(value, false));
    }
}

fn write_response(text: &mut String, response: &ShownResponse) {
    let _ = writeln!(text, "response:\n  HTTP {}", response.status);
    for (name, value) in &response.headers {
        let _ = writeln!(text, "  {}: {}", printable(name, false), printable(value, false));
    }
    let body = match &response.body {
        serde_json::Value::String(body) => body.clone(),
        json => serde_json::to_string_pretty(json).unwrap_or_default(),
    };
    text.push('\n');
    for line in printable(&body, true).lines() {
        let _ = writeln!(text, "  {line}");
    }
}
