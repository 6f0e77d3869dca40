//! The terminal: filters in the address, pausing, copying, comparing, and why it is empty.

use serde_json::json;
use token_refresh::{
    domain::{account::AttemptId, class::Class},
    message::{Entry, Source},
};

use super::stage::Site;
use crate::support::{eventually, files::Files};

const ENTRIES: &str = "document.querySelectorAll('.log article').length";

#[tokio::test]
async fn filters_stand_in_the_address_and_an_empty_screen_says_why() {
    let site = Site::set().await;
    let browser = site.browser(&site.stage.token, "/terminal").await;
    browser.until("document.querySelector('.empty').dataset.why === 'none'").await;
    browser.until("document.querySelector('.pill').innerText.includes('Live')").await;
    assert!(browser.text("document.querySelector('.empty').innerText").await.contains("no worker is live"));

    let (one, other) = (site.stage.account("mil_243").await, site.stage.account("other").await);
    let mut failed = site.entry(site.stage.org, one, "mil_243", Class::GrantSuspect).await;
    failed.error = Some("needle \"in\" the hay".into());
    let fine = site.entry(site.stage.org, other, "other", Class::Refreshed).await;
    site.keep(&[failed, fine]).await;
    browser.until(&format!("{ENTRIES} === 2")).await;

    let choose = "const field = document.querySelector(`.filters [name=${arguments[0]}]`); field.value = arguments[1]; field.form.requestSubmit();";
    browser.js(choose, json!(["q", "NEEDLE \"in\""])).await;
    browser.until(&format!("{ENTRIES} === 1 && location.search === '?q=NEEDLE+%22in%22'")).await;
    browser.js(choose, json!(["class", "refreshed"])).await;
    browser.until("document.querySelector('.empty').dataset.why === 'matches'").await;
    browser.click(".empty button").await;
    browser.until(&format!("{ENTRIES} === 2 && location.search === ''")).await;
    browser.js("history.go(-2)", json!([])).await;
    browser
        .until(&format!("{ENTRIES} === 1 && document.querySelector('.filters [name=q]').value !== ''"))
        .await;

    browser.go(&site.url("/terminal?class=refreshed&env=production&since=2020-01-01T00:00:00Z")).await;
    browser
        .until(&format!(
            "{ENTRIES} === 1 && document.querySelector('.log article').dataset.class === 'refreshed'"
        ))
        .await;
    browser.go(&site.url("/terminal?until=2020-01-01T00:00:00Z")).await;
    browser.until("document.querySelector('.empty').dataset.why === 'matches'").await;
    browser.go(&site.url("/terminal?account=nobody")).await;
    browser.until("document.querySelector('.empty').dataset.why === 'refused' && document.querySelector('.empty').innerText.includes('No such account')").await;

    browser.go(&site.url("/terminal")).await;
    browser.until(&format!("{ENTRIES} === 2")).await;
    browser.click(".log article .actions a").await;
    browser.until(&format!("{ENTRIES} === 1 && location.search.startsWith('?account=')")).await;

    let nobody = site.user("nobody", &[]).await;
    browser.click(".who button").await;
    browser.until("location.pathname === '/sign-in'").await;
    site.sign_in(&browser, &nobody, "/terminal").await;
    browser.until("document.querySelector('.empty').dataset.why === 'rights'").await;
}

#[tokio::test]
async fn an_empty_screen_that_is_not_connected_or_signed_out_says_so() {
    let mut site = Site::set().await;
    let browser = site.browser(&site.stage.token, "/terminal").await;
    let why = |why: &str| format!("document.querySelector('.empty').dataset.why === '{why}'");
    browser.until(&why("none")).await;
    site.admin.kill().await;
    browser.until(&why("away")).await;
    assert!(browser.text("document.querySelector('.pill').innerText").await.contains("Not connected"));
    site.start_again(&[]).await;
    browser.until(&why("none")).await;
    browser.until("document.querySelector('.pill').innerText.includes('Live')").await;

    site.stage.store.revoke_user("director").await.expect("the store answers");
    browser.until(&why("signed-out")).await;
    let back = browser.text("document.querySelector('#signed-out a').getAttribute('href')").await;
    assert_eq!(back, "/sign-in?next=%2Fterminal");
}

#[tokio::test]
async fn what_is_shown_is_downloaded_as_json_lines() {
    let site = Site::set().await;
    let (one, other) = (site.stage.account("mil_243").await, site.stage.account("other").await);
    let kept = site.history(one, "mil_243", 250).await;
    site.history(other, "other", 30).await;
    let browser = site.browser(&site.stage.token, &format!("/terminal?account={one}")).await;
    browser.until("document.querySelector('.counted').innerText.startsWith('100 entries')").await;
    let folder = Files::new();
    let allow = json!({ "behavior": "allow", "downloadPath": folder.path() });
    browser.cdp("Browser.setDownloadBehavior", allow).await;
    browser.click(".terminal-head a[download]").await;
    let file = folder.path().join("terminal-logs.jsonl");
    let text = eventually("the file", || async { std::fs::read_to_string(&file).ok() }).await;
    let ids: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<Entry>(line).expect("an entry").id.to_string())
        .collect();
    let newest_first: Vec<String> = kept.iter().rev().map(|entry| entry.id.to_string()).collect();
    assert_eq!(ids, newest_first, "all of the view, and of it alone");
}

/// What a page may load in all before it shows its first entries.
const FIRST_LOAD_MAX_BYTES: u64 = 100_000;

#[tokio::test]
async fn a_first_load_is_small_with_a_full_history() {
    let site = Site::set().await;
    let account = site.stage.rested_seller("mil_243").await;
    let _crew = site.stage.crew().await;
    // Real exchanges, with tokens' worth of text in them.
    let entry = site.stage.entry(site.stage.debug(account).await).await;
    site.keep(
        &(0..150)
            .map(|_| Entry { id: AttemptId::fresh(), position: None, ..entry.clone() })
            .collect::<Vec<_>>(),
    )
    .await;
    let browser = site.browser(&site.stage.token, "/").await;
    for (path, ready) in [
        ("/", "document.querySelector('#activity svg') && document.querySelector('#queues td')"),
        ("/terminal", "document.querySelectorAll('.log article').length > 2"),
        ("/accounts", "document.querySelector('tr[data-id]')"),
        (&format!("/accounts/{account}"), "document.querySelectorAll('.log article').length > 0"),
    ] {
        browser.cdp("Network.clearBrowserCache", json!({})).await;
        browser.go(&site.url(path)).await;
        browser.until(ready).await;
        let sum = "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].reduce((sum, one) => sum + one.transferSize, 0)";
        let bytes = browser.value(sum).await.as_u64().expect("a number");
        println!("{path}: {bytes} bytes");
        assert!((5_000..FIRST_LOAD_MAX_BYTES).contains(&bytes), "{path} loads {bytes} bytes");
    }
}

#[tokio::test]
async fn entries_are_numbered_copied_paused_and_read_back_to_the_first() {
    let site = Site::set().await;
    let account = site.stage.account("mil_243").await;
    let kept = site.history(account, "mil_243", 250).await;
    let browser = site.browser(&site.stage.token, "/terminal").await;
    browser.until("document.querySelector('.counted').innerText.startsWith('100 entries')").await;
    let first = "document.querySelector('.log article')";
    browser.until(&format!("{first}.querySelector('.place').innerText === '#1'")).await;
    assert_eq!(browser.text(&format!("{first}.dataset.id")).await, kept[249].id.to_string());
    for label in ["time:", "source:", "action:", "class:"] {
        assert!(browser.text(&format!("{first}.innerText")).await.contains(label), "{label}");
    }

    browser
        .js("navigator.clipboard.writeText = async (text) => { globalThis.copied = text; };", json!([]))
        .await;
    browser.click(".terminal-head button:nth-of-type(2)").await;
    let copied = browser.until("globalThis.copied").await;
    let copied = copied.as_str().expect("text");
    assert_eq!(copied.matches("\naction:    token_refreshed").count(), 100, "all that is loaded");
    assert!(copied.starts_with("#1 ─") && copied.contains(&kept[249].id.to_string()));
    browser.js("globalThis.copied = ''", json!([])).await;
    browser.click(".log article .actions button:last-child").await;
    let one = browser.until("globalThis.copied").await;
    assert_eq!(one.as_str().expect("text").matches("attempt:").count(), 1);

    browser.click(".terminal-head button").await;
    browser.until("document.querySelector('.pill').innerText.includes('Paused')").await;
    let late = site.entry(site.stage.org, account, "mil_243", Class::Network).await;
    site.keep(std::slice::from_ref(&late)).await;
    browser.until("document.querySelector('.waits').innerText === '1 waits'").await;
    assert_eq!(browser.text(&format!("{first}.dataset.id")).await, kept[249].id.to_string());
    browser.click(".terminal-head button").await;
    browser.until(&format!("{first}.dataset.id === '{}'", late.id)).await;

    let down = "document.querySelector('.log').scrollTop = 1e9, document.querySelector('.foot').innerText.startsWith('the beginning')";
    browser.until(down).await;
    browser.until("document.querySelector('.counted').innerText.startsWith('251 entries')").await;
    browser.until("document.querySelector('.log').scrollTop = 1e9, [...document.querySelectorAll('.place')].at(-1).innerText === '#251'").await;
    assert!(browser.value("document.querySelectorAll('.log article').length").await.as_u64() < Some(40));

    let called = "const api = await import(document.querySelector('script').src.replace('terminal.js', 'api.js')); return (await api.getAdminTokenTerminalLogs('production', 3)).entries.map(entry => entry.id);";
    let newest = browser.js(&format!("return (async () => {{ {called} }})()"), json!([])).await;
    assert_eq!(newest, json!([late.id, kept[249].id, kept[248].id]));
    assert_eq!(browser.errors().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_debug_and_a_scheduled_run_are_compared() {
    let site = Site::set().await;
    let account = site.stage.rested_seller("mil_243").await;
    let _crew = site.stage.crew().await;
    site.stage.entry(site.stage.debug(account).await).await;
    site.stage.make_due(account).await;
    site.stage.expect_entry(account, |entry| entry.source == Source::Scheduled).await;
    let browser = site.browser(&site.stage.token, "/terminal").await;
    browser.click(".log article[data-source=debug] .actions button").await;
    browser.click(".picked button").await;
    browser
        .until(
            "document.querySelector('dialog.compare').innerText.includes('Both runs sent the same request')",
        )
        .await;
    assert!(browser.text("document.querySelector('.compare td.differs').innerText").await.contains("−"));
}

#[tokio::test]
async fn a_live_entry_and_a_stored_one_are_compared_by_what_they_say() {
    let site = Site::set().await;
    let account = site.stage.rested_seller("mil_243").await;
    let _crew = site.stage.crew().await;
    let stored = site.stage.debug(account).await;
    site.stage.entry(stored).await;
    let browser = site.browser(&site.stage.token, "/terminal").await;
    browser.until(&format!("document.querySelector('.log article').dataset.id === '{stored}'")).await;
    browser.until("document.querySelector('.pill').innerText.includes('Live')").await;
    site.stage.make_due(account).await;
    browser.until("document.querySelector('.log article.arriving[data-source=scheduled]')").await;
    let compare = "[...document.querySelectorAll('.log article[data-source=SOURCE] .actions button')].find(one => one.innerText === 'Compare').click()";
    for source in ["debug", "scheduled"] {
        browser.js(&compare.replace("SOURCE", source), json!([])).await;
    }
    browser.until("document.querySelector('dialog.compare')").await;
    let said = browser.text("document.querySelector('dialog.compare > p').innerText").await;
    assert!(said.contains("Both runs sent the same request"), "{said}");
}
