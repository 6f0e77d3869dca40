//! An org's wall: nothing of another org in page, events, search or download.

use serde_json::{Value, json};
use token_refresh::{
    domain::{account::Role, class::Class},
    store::NewAccount,
};

use super::stage::Site;
use crate::support::stage::ENVIRONMENT;

#[tokio::test]
async fn g9_nothing_of_another_org_is_on_page_in_events_search_or_download() {
    let site = Site::set().await;
    let theirs = site.stage.store.put_org("rivals").await.expect("an org");
    site.stage.store.lend_keyset(site.stage.keyset, theirs).await.expect("lent");
    let rival = NewAccount {
        org: theirs,
        keyset: site.stage.keyset,
        environment: ENVIRONMENT,
        username: "secret_rival",
        ebay_user_id: None,
        house_name: None,
    };
    let (rival, _) = site.stage.store.put_account(&rival).await.expect("an account");
    let own = site.stage.rested_seller("mil_243").await;
    let hidden = site.entry(theirs, rival, "secret_rival", Class::Refreshed).await;
    let seen = site.entry(site.stage.org, own, "mil_243", Class::Refreshed).await;
    site.keep(&[hidden, seen]).await;
    let member = site.user("mia", &[(site.stage.org, Role::Admin)]).await;
    let browser = site.browser(&member, "/terminal").await;
    browser.until("document.querySelectorAll('.log article').length === 1").await;
    browser.until("document.querySelector('.pill').innerText.includes('Live')").await;

    let follow = "globalThis.events = []; const source = new EventSource('/api/admin/ebay/tokens/terminal-logs/stream?after=0'); source.addEventListener('entry', (event) => events.push(event.data));";
    browser.js(follow, json!([])).await;
    let hidden = site.entry(theirs, rival, "secret_rival", Class::Network).await;
    let seen = site.entry(site.stage.org, own, "mil_243", Class::Network).await;
    site.keep(&[hidden, seen]).await;
    browser.until("events.length >= 2 && document.querySelectorAll('.log article').length === 2").await;
    assert!(!browser.text("events.join()").await.contains("secret_rival"));
    assert!(!browser.text("document.documentElement.outerHTML").await.contains("secret_rival"));
    assert!(!browser.text("document.documentElement.outerHTML").await.contains("rivals"));

    browser.go(&site.url("/terminal?q=secret_rival")).await;
    browser.until("document.querySelector('.empty').dataset.why === 'matches'").await;
    let fetched = "return (async () => { const answer = await fetch(arguments[0]); return [answer.status, await answer.text()]; })()";
    let address = browser.text("document.querySelector('a[download]').getAttribute('href')").await;
    for (path, status) in [
        ("/api/admin/ebay/tokens/terminal-logs/download", 200),
        (address.as_str(), 200),
        ("/api/admin/ebay/tokens/status?order=urgency", 200),
        ("/api/admin/ebay/tokens/status?q=secret", 200),
        ("/api/admin/ebay/tokens/summary", 200),
        ("/api/admin/ebay/tokens/series?past=hour", 200),
        ("/api/admin/ebay/tokens/terminal-logs?account=secret_rival", 404),
        ("/api/admin/dead-letters/unroutable", 403),
    ] {
        let answer = browser.js(fetched, json!([path])).await;
        assert_eq!(answer[0], json!(status), "{path}: {}", answer[1]);
        let text = answer[1].as_str().expect("text");
        assert!(!text.contains("secret_rival") && !text.contains(&theirs.to_string()), "{path}: {text}");
        if path.ends_with("download") {
            let lines: Vec<Value> =
                text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
            assert_eq!(lines.len(), 2, "their own");
        }
        if path.contains("series") {
            let classes: Value = serde_json::from_str(text).expect("JSON");
            let counted = entries_of(&classes);
            assert_eq!((counted, &classes["backlog"]), (2, &Value::Null));
        }
    }
    browser.go(&site.url("/accounts")).await;
    browser.until("document.querySelectorAll('tr[data-id]').length === 1").await;
    browser.go(&site.url(&format!("/accounts/{rival}"))).await;
    browser.until("document.querySelector('main').innerText.includes('No such account')").await;
    site.finish().await;
}

/// How many entries a series counts.
fn entries_of(series: &Value) -> i64 {
    series["classes"].as_array().expect("rows").iter().filter_map(|row| row["entries"].as_i64()).sum()
}
