//! Signing in and out, and what a foreign site cannot do.

use reqwest::{Client, StatusCode, redirect};
use serde_json::json;

use super::stage::Site;
use crate::support::{browser::Browser, in_time};

#[tokio::test]
async fn a_token_signs_in_and_a_wrong_one_is_refused() {
    let site = Site::set().await;
    let browser = Browser::open().await;
    browser.go(&site.url("/terminal?class=refreshed")).await;
    assert!(browser.text("location.pathname").await.starts_with("/sign-in"));
    let fill = "const form = document.getElementById('sign-in'); form.elements.token.value = arguments[0]; form.requestSubmit();";
    browser.js(fill, json!(["tr_wrong"])).await;
    browser
        .until("document.querySelector('[role=alert]')?.innerText.includes('unknown, expired or revoked')")
        .await;
    browser.js(fill, json!([site.stage.token])).await;
    browser.until("location.pathname + location.search === '/terminal?class=refreshed'").await;

    assert_eq!(browser.text("document.cookie").await, "", "no script sees the cookie");
    let cookies = browser.cookies().await;
    let cookie = &cookies[0];
    assert_eq!(cookie["name"], "token_refresh_session");
    assert_eq!((&cookie["httpOnly"], &cookie["sameSite"]), (&json!(true), &json!("Strict")));

    browser.click(".who button").await;
    browser.until("location.pathname === '/sign-in'").await;
    browser.go(&site.url("/")).await;
    assert_eq!(browser.text("location.pathname").await, "/sign-in", "the session has ended");
    site.finish().await;
}

#[tokio::test]
async fn a_link_signs_in_once() {
    let site = Site::set().await;
    let base = site.url("");
    let mut printing = site.stage.start(&["users", "login-link", "director", "--base-url", &base]).await;
    assert_eq!(printing.ended().await, Some(0));
    let line = printing.expect_log("/sign-in#tl_").await;
    let browser = Browser::open().await;
    browser.go(&line).await;
    browser.until("location.pathname === '/' && document.querySelector('.sentence')").await;
    assert_eq!(browser.text("document.querySelector('.who span').innerText").await, "director");
    assert!(!browser.text("location.href").await.contains("tl_"));

    browser.click(".who button").await;
    browser.until("location.pathname === '/sign-in'").await;
    browser.go("about:blank").await;
    browser.go(&line).await;
    browser.until("document.querySelector('[role=alert]')?.innerText.includes('has been used')").await;
    // A refused form is logged by the browser itself; what must not be there is a broken policy.
    let errors = browser.errors().await;
    assert!(errors.iter().all(|error| error.contains("401")), "{errors:?}");
    site.finish().await;
}

#[tokio::test]
async fn a_foreign_site_can_use_neither_form_nor_cookie() {
    let site = Site::set().await;
    let client = Client::builder().no_proxy().redirect(redirect::Policy::none()).build().expect("a client");
    let form = |origin: String| {
        let body = format!("token={}&next=%2F%2Fevil.example", site.stage.token);
        let request = client.post(site.url("/sign-in")).header("origin", origin).body(body);
        request.header("content-type", "application/x-www-form-urlencoded").send()
    };
    let foreign = form("https://evil.example".into()).await.expect("an answer");
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    let own = form(site.url("")).await.expect("an answer");
    assert_eq!(
        (own.status(), &own.headers()["location"]),
        (StatusCode::SEE_OTHER, &"/".parse().expect("text"))
    );
    let cookie =
        own.headers()["set-cookie"].to_str().expect("text").split(';').next().expect("one").to_owned();
    let secure = form(site.url("").replace("http://", "https://")).await.expect("an answer");
    let secure = secure.headers()["set-cookie"].to_str().expect("text");
    assert!(secure.split("; ").any(|part| part == "Secure"), "{secure}");

    let account = site.stage.rested_seller("mil_243").await;
    let pause = site.url(&format!("/api/admin/ebay/tokens/{account}/pause"));
    let bare = client.post(&pause).header("cookie", &cookie);
    let page = || bare.try_clone().expect("no body").header("x-requested-with", "token-refresh");
    for (what, request) in [
        ("a form", bare.try_clone().expect("no body").header("origin", site.url(""))),
        ("another origin", page().header("origin", "https://evil.example")),
        ("another site", page().header("sec-fetch-site", "cross-site")),
    ] {
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{what}");
    }
    let answer = page().header("origin", site.url("")).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);

    let ended = site.stage.store.revoke_user("director").await.expect("the store answers");
    assert_eq!(ended, Some(1));
    let answer = client.get(site.url("/api/admin/workers")).header("cookie", &cookie).send().await;
    assert_eq!(answer.expect("an answer").status(), StatusCode::UNAUTHORIZED, "revoking ends sessions too");
    site.finish().await;
}

#[tokio::test]
async fn failed_attempts_are_slowed_and_a_good_one_is_not() {
    let site = Site::set().await;
    let browser = Browser::open().await;
    browser.go(&site.url("/sign-in")).await;
    let slowed = flood(&site).await.iter().filter(|status| **status == StatusCode::TOO_MANY_REQUESTS).count();
    assert!((4..=10).contains(&slowed), "{slowed}");
    let submit = "document.querySelector('[role=alert]')?.remove(); const form = document.getElementById('sign-in'); form.elements.token.value = 'tr_wrong'; form.requestSubmit();";
    let alert = "document.querySelector('[role=alert]')?.innerText";
    let told = async {
        let mut said = String::new();
        while !said.contains("Too many failed attempts") {
            browser.js(submit, json!([])).await;
            browser.until(&format!("document.readyState === 'complete' && {alert}")).await;
            said = browser.text(alert).await;
        }
    };
    let flooding = async {
        loop {
            flood(&site).await;
        }
    };
    tokio::select! {
        () = in_time("a slowed attempt at the form", told) => {}
        () = flooding => {}
    }
    site.sign_in(&browser, &site.stage.token, "/").await;
    site.finish().await;
}

/// As a script at the form would: many at once. Returns the statuses.
async fn flood(site: &Site) -> Vec<StatusCode> {
    let client = Client::builder().no_proxy().build().expect("a client");
    let attempts = (0..30).map(|at| {
        let form = client.post(site.url("/sign-in")).header("origin", site.url(""));
        form.header("content-type", "application/x-www-form-urlencoded")
            .body(format!("token=tr_wrong{at}"))
            .send()
    });
    let answers = futures::future::join_all(attempts).await;
    answers.into_iter().map(|answer| answer.expect("an answer").status()).collect()
}

#[tokio::test]
async fn a_link_on_another_site_leads_into_the_session() {
    let site = Site::set().await;
    let browser = site.browser(&site.stage.token, "/").await;
    // The browser keeps a strict cookie back on the way in from a foreign page.
    let foreign = format!("data:text/html,<a href='{}'>look</a>", site.url("/terminal?source=debug"));
    browser.go(&foreign).await;
    browser.click("a").await;
    browser.until("location.search === '?source=debug' && document.querySelector('.who')").await;
    site.finish().await;
}
