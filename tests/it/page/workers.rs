//! The start page: health in a sentence, and dead letters.

use lapin::BasicProperties;
use serde_json::json;
use token_refresh::queue::names;

use super::stage::Site;

#[tokio::test]
async fn all_is_well_or_exactly_what_is_not() {
    let site = Site::set().await;
    let account = site.stage.seller("mil_243").await;
    let [scheduler, mut worker, writer] = site.stage.crew().await;
    site.stage.expect_entry(account, |_| true).await;
    let browser = site.browser(&site.stage.token, "/").await;
    browser.until("/The one account is fresh; last refresh .* ago; 1 worker, one version/.test(document.querySelector('.sentence').innerText)").await;
    let roles = "[...document.querySelectorAll('#instances tbody th')].map(th => th.innerText).sort().join()";
    assert_eq!(browser.text(roles).await, "admin,log-writer,scheduler,worker");
    browser.until("document.querySelectorAll('#queues tbody tr').length === 7").await;
    browser
        .until("document.querySelector('#activity svg')?.getAttribute('aria-label').includes('refreshed')")
        .await;
    browser.click("#activity summary").await;
    browser.until("document.querySelector('#activity table td')?.innerText === '1'").await;
    assert!(browser.text("document.querySelector('#quota').innerText").await.contains("50,000"));

    worker.stop().await;
    browser.until("document.querySelector('.sentence').innerText.includes('No worker is live')").await;
    assert_eq!(
        browser.text("document.querySelector('.sentence a').getAttribute('href')").await,
        "#instances"
    );

    site.stage
        .sql("insert into instances (id, role, version, git_commit, environment, key_ids) values ('odd', 'worker', '9.9.9', 'abc', '{}', '{k9}')")
        .await;
    browser
        .until("document.querySelector('.verdict').innerText.includes('2 versions run side by side')")
        .await;
    browser.until("document.querySelector('.verdict').innerText.includes('different keys')").await;
    assert_eq!(browser.errors().await, Vec::<String>::new());
    drop((scheduler, writer));
    site.finish().await;
}

#[tokio::test]
async fn dead_letters_are_read_sent_back_and_discarded() {
    let site = Site::set().await;
    for (id, body) in [("good", "{\"attempt\": 1}"), ("bad", "<img src=x onerror=alert(1)>")] {
        let mut headers = lapin::types::FieldTable::default();
        let reason = format!("no JSON: <b>{id}</b>");
        headers.insert("x-reason".into(), lapin::types::AMQPValue::LongString(reason.into()));
        headers.insert("x-source-queue".into(), lapin::types::AMQPValue::LongString("refresh.debug".into()));
        let properties = BasicProperties::default().with_message_id(id.into()).with_headers(headers);
        site.stage.vhost.publish(names::DEAD_LETTER, "refresh.debug", body.as_bytes(), properties).await;
    }
    let browser = site.browser(&site.stage.token, "/").await;
    browser
        .until(
            "document.querySelector('.verdict').innerText.includes('2 dead letters in refresh.debug.dead')",
        )
        .await;
    browser.click("#dead-letters summary").await;
    browser.until("document.querySelectorAll('.letter').length === 2").await;
    assert!(
        browser.text("document.querySelector('.letter').innerText").await.contains("no JSON: <b>good</b>")
    );
    assert_eq!(
        browser.value("document.querySelectorAll('#dead-letters img, #dead-letters b').length").await,
        json!(0)
    );

    browser.click(".letter .actions button").await;
    browser.until("document.querySelectorAll('.letter').length === 1").await;
    site.stage.vhost.expect_depth("refresh.debug", 1).await;
    let back = site.stage.vhost.peek("refresh.debug", 1).await;
    assert_eq!(
        (back[0].payload.as_str(), &back[0].properties["message_id"]),
        ("{\"attempt\": 1}", &json!("good"))
    );

    browser.click(".letter .danger").await;
    browser.click("dialog[open] .danger").await;
    browser.until("document.querySelector('#dead-letters').innerText.includes('None is left here')").await;
    site.stage.vhost.expect_depth("refresh.debug.dead", 0).await;
    site.stage.vhost.expect_depth("refresh.debug", 1).await;
    assert_eq!(browser.errors().await, Vec::<String>::new());
    site.finish().await;
}
