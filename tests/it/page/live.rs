//! Entries as they come, and catching up after the admin was killed.

use token_refresh::{connect_log::Announcer, domain::class::Class, message::Entry};

use super::stage::Site;

/// All that is loaded, newest first; the document holds what is in view.
const IDS: &str = "terminal.list.entries().map(entry => entry.id)";

#[tokio::test]
async fn entries_arrive_and_a_killed_server_is_caught_up_with_each_once() {
    let mut site = Site::set().await;
    let account = site.stage.rested_seller("mil_243").await;
    let crew = site.stage.crew().await;
    let browser = site.browser(&site.stage.token, "/terminal").await;
    browser.until("document.querySelector('.pill').innerText.includes('Live')").await;
    let first = site.stage.debug(account).await;
    browser.until(&format!("{IDS}[0] === '{first}'")).await;
    browser.until("document.querySelector('.log article').innerText.includes('HTTP 200')").await;
    assert!(browser.text("document.querySelector('.log article').innerText").await.contains("v^1.1#i^…("));

    site.admin.kill().await;
    browser.until("document.querySelector('.pill').innerText.includes('Not connected')").await;
    let mut missed = Vec::new();
    for _ in 0..3 {
        let attempt = site.stage.debug(account).await;
        site.stage.entry(attempt).await;
        missed.push(attempt.to_string());
    }
    site.start_again(&[]).await;
    browser.until("document.querySelector('.pill').innerText.includes('Live')").await;
    browser.until(&format!("{IDS}.length === 4")).await;
    missed.reverse();
    missed.push(first.to_string());
    assert_eq!(browser.value(IDS).await, serde_json::json!(missed), "each once, newest first");
    assert!(browser.text("document.querySelector('.counted').innerText").await.starts_with("4 entries"));

    // A reader who is further down is not moved; what comes waits and is counted.
    site.history(account, "mil_243", 60).await;
    browser.go(&site.url("/terminal")).await;
    browser.until("document.querySelector('.counted').innerText.startsWith('64 entries')").await;
    browser.until("document.querySelector('.pill').innerText.includes('Live')").await;
    browser.until("document.querySelector('.log').scrollTop = 700, document.querySelector('.log').scrollTop === 700").await;
    // Rows are measured as they come into view, so the first look after a jump may still move.
    let still = "(() => { const row = [...document.querySelectorAll('.log article')].find(one => one.getBoundingClientRect().top > 300); const now = `${row.dataset.id} ${row.getBoundingClientRect().top}`; const before = globalThis.seen; globalThis.seen = now; return before === now && now; })()";
    let before = browser.until(still).await;
    let late = site.entry(site.stage.org, account, "mil_243", Class::Network).await;
    site.keep(std::slice::from_ref(&late)).await;
    browser.until("document.querySelector('.waits').innerText === '1 waits while you read'").await;
    assert_eq!(browser.value("document.querySelector('.log').scrollTop").await, serde_json::json!(700));
    assert_eq!(browser.until(still).await, before, "nothing moves under a reader's eyes");
    browser.click(".terminal-head button").await;
    browser.until(&format!("{IDS}[0] === '{}'", late.id)).await;
    drop(crew);
    site.finish().await;
}

#[tokio::test]
async fn a_forged_entry_gives_way_to_the_stored_one_and_the_page_warns() {
    let site = Site::set().await;
    let account = site.stage.rested_seller("mil_243").await;
    let browser = site.browser(&site.stage.token, "/terminal").await;
    browser.until("document.querySelector('.pill').innerText.includes('Live')").await;
    let entry = site.entry(site.stage.org, account, "mil_243", Class::Timeout).await;
    let announcer = Announcer::new(site.stage.broker.publisher());
    announcer.announce(Entry { class: Class::Refreshed, account: "nobody".into(), ..entry.clone() });
    announcer.flush().await;
    browser.until("document.querySelector('.log article')?.innerText.includes('nobody')").await;
    site.keep(std::slice::from_ref(&entry)).await;
    browser.until("document.querySelector('.log article')?.innerText.includes('mil_243')").await;
    browser.until("document.querySelector('.trust').innerText.includes('1 entry was shown that is not what is stored')").await;
    assert_eq!(browser.value(IDS).await, serde_json::json!([entry.id]));
    assert_eq!(browser.value("document.querySelectorAll('.log article').length").await, serde_json::json!(1));
    site.admin.expect_log("an entry was shown that is not what is stored").await;
    site.finish().await;
}
