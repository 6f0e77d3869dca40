//! Refresh (debug) from the press to the top of the terminal, and what a viewer does not see.

use serde_json::json;
use token_refresh::{
    domain::{account::Role, class::Class},
    fake_ebay::Behaviour,
};

use super::stage::Site;

#[tokio::test]
async fn a_debug_run_is_watched_from_the_press_to_the_top_of_the_terminal() {
    let site = Site::set().await;
    let account = site.stage.seller_who("mil_243", Behaviour::Hold).await;
    site.stage.rest(account).await;
    let _crew = (site.stage.scheduler().await, site.stage.log_writer().await);
    // The call is held for as long as the page is looked at.
    let worker = site.stage.start(&["worker", "--lease", "120s", "--call-timeout", "60s"]).await;
    worker.expect_log("started").await;
    let operator = site.user("op", &[(site.stage.org, Role::Operator)]).await;
    let browser = site.browser(&operator, &format!("/accounts/{account}")).await;
    browser.until("document.querySelector('.terminal .pill')?.innerText.includes('Live')").await;
    browser.click("button.primary").await;
    browser.until("document.querySelector('.phases .running')?.innerText.includes('calling eBay')").await;
    let so_far = "[...document.querySelectorAll('.phases .n')].map(time => parseInt(time.innerText))";
    let times = browser.until(&format!("{so_far}.length === 4 && {so_far}[3] > 0 && {so_far}")).await;
    browser.until(&format!("{so_far}[3] > {}", times[3])).await;
    assert_eq!(
        browser.value(&format!("{so_far}.slice(0, 3)")).await.as_array(),
        times.as_array().map(|all| &all[..3]).map(<[_]>::to_vec).as_ref(),
        "only the last one runs"
    );
    browser.click("button.primary").await;
    browser.until("document.querySelector('.said').innerText.includes('Another attempt is under way')").await;
    browser.until("document.querySelector('.terminal article')?.innerText.includes('in_flight')").await;
    site.stage.ebay.release_all();
    browser.until("document.querySelector('.exchange-place article')?.dataset.class === 'refreshed'").await;
    let shown = browser.text("document.querySelector('.exchange-place').innerText").await;
    assert!(shown.contains("grant_type: refresh_token") && shown.contains("HTTP 200"), "{shown}");
    assert!(browser.text("document.querySelector('.phases').innerText").await.contains("called eBay"));
    browser
        .until("document.querySelector('.terminal article').dataset.id === document.querySelector('.exchange-place article').dataset.id")
        .await;
    assert_eq!(browser.errors().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_viewer_sees_no_button_that_would_be_refused() {
    let site = Site::set().await;
    let account = site.stage.rested_seller("mil_243").await;
    let viewer = site.user("vera", &[(site.stage.org, Role::Viewer)]).await;
    let browser = site.browser(&viewer, "/accounts").await;
    browser.until("document.querySelector('tr[data-id]')").await;
    let buttons = "[...document.querySelectorAll('main button')].filter(button => !button.hidden).map(button => button.innerText).join()";
    assert_eq!(browser.text("[...document.querySelectorAll('.accounts button, .accounts a.button')].map(one => one.innerText).join()").await, "");
    browser.go(&site.url(&format!("/accounts/{account}"))).await;
    browser.until("document.querySelector('.terminal .pill')?.innerText.includes('Live')").await;
    assert_eq!(browser.value("document.querySelector('.debug').hidden").await, json!(true));
    assert_eq!(browser.value("document.querySelectorAll('.account-head button').length").await, json!(0));
    browser.go(&site.url("/")).await;
    browser.until("document.querySelector('.sentence').innerText.includes('No worker')").await;
    assert_eq!(
        browser.value("document.querySelector('#instances, #queues, #dead-letters')").await,
        json!(null)
    );
    assert_eq!(browser.text(buttons).await, "Last hour,Last day");
    assert_eq!(browser.errors().await, Vec::<String>::new(), "nothing was asked that is refused");
}

#[tokio::test]
async fn the_page_of_an_account_shows_that_accounts_entries_alone() {
    let site = Site::set().await;
    let one = site.stage.rested_seller("mil_243").await;
    let other = site.stage.rested_seller("other").await;
    let new = site.stage.rested_seller("new").await;
    let kept = site.history(one, "mil_243", 3).await;
    site.history(other, "other", 3).await;
    let browser = site.browser(&site.stage.token, &format!("/accounts/{one}")).await;
    let shown = "[...document.querySelectorAll('.terminal article')].map(article => article.dataset.id)";
    let expected: Vec<String> = kept.iter().rev().map(|entry| entry.id.to_string()).collect();
    browser.until("document.querySelector('.terminal .pill')?.innerText.includes('Live')").await;
    browser.until(&format!("{shown}.length >= 3")).await;
    assert_eq!(browser.value(shown).await, json!(expected), "its history alone");

    let foreign = site.entry(site.stage.org, other, "other", Class::Network).await;
    let own = site.entry(site.stage.org, one, "mil_243", Class::Network).await;
    site.keep(&[foreign, own.clone()]).await;
    browser.until(&format!("{shown}.includes('{}')", own.id)).await;
    let expected = [vec![own.id.to_string()], expected].concat();
    assert_eq!(browser.value(shown).await, json!(expected), "of what arrives its own alone");
    let download = browser.text("document.querySelector('a[download]').getAttribute('href')").await;
    assert!(download.ends_with(&format!("?account={one}")), "{download}");

    browser.go(&site.url(&format!("/accounts/{new}"))).await;
    browser.until("document.querySelector('.empty')?.dataset.why === 'none'").await;
    let said = browser.text("document.querySelector('.empty').innerText").await;
    assert!(said.contains("This account has not been refreshed yet"), "{said}");
    assert_eq!(browser.errors().await, Vec::<String>::new());
}
