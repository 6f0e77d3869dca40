//! Everybody can use it: an accessibility engine on every page in both schemes, and the keyboard alone.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::{Value, json};
use token_refresh::{domain::class::Class, fake_ebay::Behaviour};
use tokio::{process::Command, sync::OnceCell};

use super::stage::Site;
use crate::support::{
    browser::{Browser, ENTER, ESCAPE, PAGE_DOWN, TAB},
    in_time,
    proxy::Proxy,
};

/// The engine's script, installed once with the other tools of the page's tests.
async fn axe() -> &'static str {
    static SCRIPT: OnceCell<String> = OnceCell::const_new();
    SCRIPT
        .get_or_init(|| async {
            let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page");
            let script = tools.join("node_modules/axe-core/axe.min.js");
            if !script.exists() {
                let install = Command::new("npm")
                    .args(["ci", "--no-audit", "--no-fund"])
                    .current_dir(&tools)
                    .stdin(Stdio::null())
                    .kill_on_drop(true)
                    .output();
                let done = in_time("npm", install).await.expect("npm is installed: apt-get install npm");
                assert!(done.status.success(), "npm ci: {}", String::from_utf8_lossy(&done.stderr));
            }
            std::fs::read_to_string(script).expect("the engine's script")
        })
        .await
}

/// What the engine finds wrong with the page as it stands.
async fn violations(browser: &Browser) -> Vec<String> {
    browser.js(axe().await, json!([])).await;
    let run = "return axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(one => `${one.id}: ${one.nodes.map(node => node.html.slice(0, 160)).join(' | ')}`))";
    let found = browser.js(run, json!([])).await;
    let found = found.as_array().unwrap_or_else(|| panic!("the engine failed: {found}"));
    found.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Schemes and widths in which every page must be good.
const SCREENS: [(&str, u32); 6] =
    [("light", 390), ("light", 1280), ("light", 1920), ("dark", 390), ("dark", 1280), ("dark", 1920)];

/// Looks at pages on every screen, and collects what is wrong with them. With `SCREENSHOTS=folder` in
/// the environment it also leaves a picture of each, for people to look at.
struct Walk<'a> {
    site: &'a Site,
    browser: Browser,
    found: Vec<String>,
    pictures: Option<PathBuf>,
}

impl<'a> Walk<'a> {
    async fn begin(site: &'a Site) -> Self {
        #[expect(clippy::disallowed_methods, reason = "a switch of this test alone")]
        let pictures = std::env::var_os("SCREENSHOTS").map(PathBuf::from);
        Self { site, browser: Browser::open().await, found: Vec::new(), pictures }
    }

    /// Loads `path`, waits until it is `ready`, does `then`, and looks, on every screen.
    async fn look(&mut self, name: &str, path: &str, ready: &str, then: &str) {
        for (scheme, width) in SCREENS {
            let browser = &self.browser;
            let feature = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
            browser.cdp("Emulation.setEmulatedMedia", feature).await;
            let screen = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
            browser.cdp("Emulation.setDeviceMetricsOverride", screen).await;
            browser.go(&self.site.url(path)).await;
            browser.until(ready).await;
            if !then.is_empty() {
                browser.until(then).await;
            }
            // Highlights of what has just arrived fade.
            browser.until("document.getAnimations().length === 0").await;
            let place = format!("{name} {scheme} {width}");
            if let Some(folder) = &self.pictures {
                let file = folder.join(format!("{}.png", place.replace(' ', "-")));
                std::fs::write(file, browser.screenshot().await).expect("the folder can be written");
            }
            let wide = browser.value("document.documentElement.scrollWidth - innerWidth").await;
            if wide.as_i64() > Some(0) {
                self.found.push(format!("{place}: {wide} pixels wider than the screen"));
            }
            let wrong = violations(browser).await;
            self.found.extend(wrong.into_iter().map(|one| format!("{place}: {one}")));
        }
    }

    async fn end(self) {
        assert!(self.found.is_empty(), "{}", self.found.join("\n"));
        assert_eq!(self.browser.errors().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_accessibility_engine_finds_nothing_where_all_is_well() {
    let site = Site::set().await;
    let account = site.stage.seller("mil_243").await;
    let second = site.stage.seller("second").await;
    let crew = site.stage.crew().await;
    for one in [account, second] {
        site.stage.expect_entry(one, |entry| entry.class == Class::Refreshed).await;
        site.stage.entry(site.stage.debug(one).await).await;
    }
    let mut walk = Walk::begin(&site).await;
    walk.look("sign-in", "/sign-in", "document.getElementById('token')", "").await;
    site.sign_in(&walk.browser, &site.stage.token, "/").await;
    let settled = "document.querySelector('.verdict.ok') && document.querySelector('#queues td') && document.querySelector('#activity svg')";
    walk.look("workers", "/", settled, "").await;
    let entries = "document.querySelectorAll('.log article').length >= 2";
    walk.look("terminal", "/terminal", entries, "document.querySelector('.pill').innerText.includes('Live')")
        .await;
    walk.look(
        "filters",
        "/terminal",
        entries,
        "document.querySelector('.filters').classList.add('open'), true",
    )
    .await;
    walk.look(
        "no-match",
        "/terminal?q=nothing_like_it",
        "document.querySelector('.empty').dataset.why === 'matches'",
        "",
    )
    .await;
    walk.look("compare", "/terminal", entries, "document.querySelector('dialog.compare') || (document.querySelector('.log article[data-source=debug] .actions button').click(), document.querySelector('.picked button').click(), false)").await;
    let rows = "document.querySelectorAll('tr[data-id]').length === 2";
    walk.look("accounts", "/accounts", rows, "").await;
    walk.look("pause", "/accounts", rows, "document.querySelector('dialog[open]') || ([...document.querySelectorAll('.acts button')].find(one => one.innerText.startsWith('Pause')).click(), false)").await;
    walk.look("inspect", "/accounts", rows, "document.querySelector('dialog.inspect') || ([...document.querySelectorAll('.acts button')].find(one => one.innerText.startsWith('Inspect')).click(), false)").await;
    let path = format!("/accounts/{account}");
    walk.look("account", &path, "document.querySelector('.terminal article')", "").await;
    walk.look("debug", &path, "document.querySelector('.debug:not([hidden])')", "document.querySelector('.exchange-place article') || (document.querySelector('.phases li') || document.querySelector('.debug .primary').click(), false)").await;
    walk.end().await;
    drop(crew);
}

#[tokio::test]
async fn an_accessibility_engine_finds_nothing_where_much_is_broken() {
    let site = Site::set().await;
    let [_scheduler, mut worker, _writer] = site.stage.crew().await;
    let unwell = site.stage.seller_who("unwell_with_a_rather_long_name", Behaviour::Html502).await;
    let refused = site.stage.seller_who("refused", Behaviour::InvalidScope).await;
    for account in [unwell, refused] {
        site.stage.expect_entry(account, |_| true).await;
    }
    for name in ["dead", "moved", "ends"] {
        site.stage.rested_seller(name).await;
    }
    let stale = "update tokens set access_token = refresh_token, access_expires_at = clock() + interval";
    site.stage.sql(&format!("
        {stale} '-1 hours' where account_id = (select id from accounts where username = 'dead');
        {stale} '1 hour', refresh_expires_at = clock() + interval '9 days' where account_id = (select id from accounts where username = 'ends');
        update refresh_state set standing = 'reconnect_required', class = 'grant_invalid', consecutive_failures = 3, refresh_error = 'grant_invalid: eBay says invalid_grant, and that is confirmed' where account_id = (select id from accounts where username = 'dead');
        update refresh_state set standing = 'blocked', class = 'decrypt_failed', consecutive_failures = 1, refresh_error = 'decrypt_failed: wrong_context' where account_id = (select id from accounts where username = 'moved');
        update keysets set state = 'suspended', state_reason = 'ten provider errors in a row';
        insert into instances (id, role, version, git_commit, environment, key_ids) values ('odd', 'worker', '9.9.9', 'abc', '{{}}', '{{k9}}');")).await;
    worker.kill().await;
    for queue in ["refresh.due", "refresh.debug"] {
        let properties = lapin::BasicProperties::default().with_message_id("dead".into());
        site.stage.vhost.publish("dead-letter", queue, b"{}", properties).await;
    }
    let mut walk = Walk::begin(&site).await;
    site.sign_in(&walk.browser, &site.stage.token, "/").await;
    let settled = "document.querySelectorAll('.problems li').length > 5 && document.querySelectorAll('#dead-letters details').length === 2 && document.querySelector('#activity svg')";
    walk.look("workers-broken", "/", settled, "").await;
    walk.look("dead-letters", "/", settled, "document.querySelector('.letter') || (document.querySelector('#dead-letters summary').click(), false)").await;
    walk.look("terminal-broken", "/terminal", "document.querySelectorAll('.log article').length >= 2", "")
        .await;
    walk.look("accounts-broken", "/accounts", "document.querySelectorAll('tr[data-id]').length === 5", "")
        .await;
    walk.look(
        "account-broken",
        &format!("/accounts/{unwell}"),
        "document.querySelector('.terminal article')",
        "",
    )
    .await;
    walk.look(
        "no-account",
        "/accounts/01890000-0000-7000-8000-000000000000",
        "document.querySelector('.account-head a')",
        "",
    )
    .await;
    walk.end().await;
}

#[tokio::test]
async fn a_page_says_that_the_database_is_away_and_comes_back_with_it() {
    let mut site = Site::set().await;
    let (proxy, url) = Proxy::before(site.stage.database.url()).await;
    site.admin.kill().await;
    site.start_again(&[("DATABASE_URL", &url)]).await;
    let mut walk = Walk::begin(&site).await;
    site.sign_in(&walk.browser, &site.stage.token, "/").await;
    proxy.refuse(true).await;
    proxy.cut();
    let told = "document.querySelector('.problem')?.innerText.includes('The database is away')";
    for path in ["/", "/terminal", "/accounts"] {
        walk.browser.go(&site.url(path)).await;
        walk.browser.until(told).await;
    }
    walk.look("database-away", "/", told, "").await;
    assert!(walk.found.is_empty(), "{}", walk.found.join("\n"));
    proxy.refuse(false).await;
    walk.browser.until("document.querySelector('.sentence')").await;
}

#[tokio::test]
async fn the_keyboard_alone_is_enough() {
    let site = Site::set().await;
    let account = site.stage.rested_seller("mil_243").await;
    let _crew = site.stage.crew().await;
    site.stage.entry(site.stage.debug(account).await).await;
    site.stage.entry(site.stage.debug(account).await).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/")).await;
    browser.until("document.activeElement.id === 'token'").await;
    browser.press(&site.stage.token).await;
    browser.press(ENTER).await;
    browser.until("document.querySelector('.sentence .badge')").await;
    tab_to(&browser, "document.activeElement.classList.contains('open-terminal')").await;
    browser.press(ENTER).await;
    browser
        .until("location.pathname === '/terminal' && document.querySelectorAll('.log article').length === 2")
        .await;
    tab_to(&browser, "document.activeElement.classList.contains('log')").await;
    browser.press(PAGE_DOWN).await;
    browser
        .until("document.activeElement.matches('article') && document.activeElement.innerText.includes('#1')")
        .await;
    browser.press(PAGE_DOWN).await;
    browser.until("document.activeElement.innerText.includes('#2')").await;
    assert_ne!(browser.value("getComputedStyle(document.activeElement).outlineStyle").await, json!("none"));
    tab_to(&browser, "document.activeElement.innerText === 'Compare'").await;
    browser.press(ENTER).await;
    browser.until("document.querySelector('.picked').contains(document.activeElement)").await;
    tab_to(&browser, "document.activeElement.innerText === 'Cancel'").await;
    browser.press(ENTER).await;
    browser.until("document.querySelector('.picked').hidden").await;

    browser.go(&site.url(&format!("/accounts/{account}"))).await;
    browser.until("document.querySelector('.debug:not([hidden])')").await;
    tab_to(&browser, "document.activeElement.closest('.account-head') && document.activeElement.innerText.startsWith('Pause')").await;
    browser.press(ENTER).await;
    browser.until("document.querySelector('dialog.ask[open]')").await;
    browser.press(ESCAPE).await;
    browser.until("!document.querySelector('dialog')").await;
    tab_to(&browser, "document.activeElement.innerText === 'Refresh (debug)'").await;
    browser.press(ENTER).await;
    browser.until("document.querySelector('.exchange-place article')").await;
}

/// Presses Tab until the focus is where it should be.
async fn tab_to(browser: &Browser, there: &str) {
    for _ in 0..60 {
        if browser.value(there).await == json!(true) {
            return;
        }
        browser.press(TAB).await;
    }
    panic!(
        "the keyboard does not reach: {there}; it is at {}",
        browser.text("document.activeElement.outerHTML").await
    );
}
