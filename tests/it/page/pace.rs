//! Scripting time per arriving entry does not grow with what is loaded.

use std::time::Duration;

use serde_json::{Value, json};
use token_refresh::{
    domain::{account::AttemptId, class::Class},
    message::Entry,
};

use super::stage::Site;
use crate::support::browser::Browser;

/// Entries that arrive while the time is taken, and how many of them in a second.
const ARRIVING: usize = 1_000;
const PER_SECOND: usize = 200;

#[tokio::test]
async fn an_arriving_entry_costs_the_same_with_ten_thousand_loaded() {
    let site = Site::set().await;
    let account = site.stage.account("mil_243").await;
    let browser = site.browser(&site.stage.token, "/terminal").await;
    browser.until("document.querySelector('.pill').innerText.includes('Live')").await;
    browser.cdp("Performance.enable", json!({})).await;
    // The first round warms the engine up.
    let _warm_up = arrive(&site, &browser, account, 100).await;
    let few = arrive(&site, &browser, account, 100).await;
    let many = arrive(&site, &browser, account, 10_000).await;
    println!("scripting per arriving entry: {few:.3} ms with 100 loaded, {many:.3} ms with 10,000 loaded");
    assert!(many < few * 1.6 + 0.1, "{few:.3} ms with 100 loaded, {many:.3} ms with 10,000");
    assert!(many < 4.0, "{many:.3} ms per entry leave no room for 200 a second");
    site.finish().await;
}

/// Milliseconds of scripting per entry that arrives at a terminal with `loaded` entries.
async fn arrive(
    site: &Site,
    browser: &Browser,
    account: token_refresh::domain::account::AccountId,
    loaded: usize,
) -> f64 {
    let template = site.entry(site.stage.org, account, "mil_243", Class::Refreshed).await;
    let fill = "const [template, count] = arguments; terminal.list.clear(); const made = Array.from({ length: count }, (_, at) => ({ ...template, id: crypto.randomUUID(), created_at: new Date(Date.parse('2026-01-01') + at * 1000).toISOString() })); terminal.list.add(made); return terminal.list.length;";
    assert_eq!(browser.js(fill, json!([template, loaded])).await, json!(loaded));
    let before = scripting(browser).await;
    let mut every = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..ARRIVING / (PER_SECOND / 10) {
        every.tick().await;
        let at = site.stage.store.clock().await.expect("the database's time");
        let slice: Vec<Entry> = (0..PER_SECOND / 10)
            .map(|_| Entry { id: AttemptId::fresh(), created_at: at, ..template.clone() })
            .collect();
        site.keep(&slice).await;
    }
    browser.until(&format!("terminal.list.length >= {}", loaded + ARRIVING)).await;
    (scripting(browser).await - before) * 1_000.0 / f64::from(u32::try_from(ARRIVING).expect("few"))
}

/// Seconds of scripting since the page was loaded, by the browser's own count.
async fn scripting(browser: &Browser) -> f64 {
    let metrics = browser.cdp("Performance.getMetrics", json!({})).await;
    let metrics = metrics["metrics"].as_array().cloned().unwrap_or_default();
    let found = metrics.iter().find(|metric| metric["name"] == "ScriptDuration");
    found.and_then(|metric| metric.get("value").and_then(Value::as_f64)).expect("Chromium tells it")
}
