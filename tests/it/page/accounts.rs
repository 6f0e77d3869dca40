//! All accounts: the urgent ones first, searched, paused and inspected.

use super::stage::Site;

#[tokio::test]
async fn accounts_are_sorted_by_urgency_searched_and_acted_on() {
    let site = Site::set().await;
    let fine = site.stage.rested_seller("aaa_fine").await;
    let broken = site.stage.rested_seller("zzz_broken").await;
    for (account, life, error) in
        [(fine, "2 hours", "null"), (broken, "-1 hours", "'grant_suspect: <i>no</i>'")]
    {
        site.stage
            .sql(&format!(
                "update tokens set access_token = refresh_token, access_expires_at = clock() + interval '{life}' where account_id = '{account}';
                 update refresh_state set refresh_error = {error}, class = case when {error} is null then null else 'grant_suspect' end
                 where account_id = '{account}'"
            ))
            .await;
    }
    let browser = site.browser(&site.stage.token, "/accounts").await;
    let names = "[...document.querySelectorAll('tr[data-id] th a')].map(one => one.innerText).join()";
    browser.until(&format!("{names} === 'zzz_broken,aaa_fine'")).await;
    let row = browser.text("document.querySelector('tr[data-id]').innerText").await;
    assert!(row.contains("grant_suspect: <i>no</i>") && row.contains("Next: Retried hourly"), "{row}");

    browser.click("input[name=q]").await;
    browser.press("AAA_f").await;
    browser.until(&format!("{names} === 'aaa_fine' && location.search === '?q=AAA_f'")).await;
    browser.click("tr[data-id] .quiet").await;
    browser.click("dialog[open] .danger").await;
    browser.until("document.querySelector('tr[data-id]').innerText.includes('paused')").await;
    browser.click("tr[data-id] .acts button").await;
    browser.until("document.querySelector('tr[data-id]').innerText.includes('✓ ok')").await;
    let ends = format!(
        "update tokens set refresh_expires_at = clock() + interval '9 days' where account_id = '{fine}'"
    );
    site.stage.sql(&ends).await;
    browser.go(&site.url("/accounts?ends_within_days=30")).await;
    browser.until(&format!("{names} === 'aaa_fine' && document.querySelector('tr[data-id]').innerText.includes('must connect again')")).await;
    browser.go(&site.url("/accounts?status=expired")).await;
    browser.until(&format!("{names} === 'zzz_broken'")).await;
    browser.click("tr[data-id] .acts button:nth-of-type(3)").await;
    browser.until("document.querySelector('dialog.inspect')?.innerText.includes('k1')").await;
    let inspected = browser.text("document.querySelector('dialog.inspect').innerText").await;
    assert!(!inspected.contains("Qk9PVAQk9PVA") && !inspected.contains("ENC:v1:k1:"), "{inspected}");
    assert_eq!(browser.errors().await, Vec::<String>::new());
    site.finish().await;
}
