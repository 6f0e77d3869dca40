//! Everybody can use it: an accessibility engine on every page in both schemes, and the keyboard alone.

use std::{path::PathBuf, process::Stdio};

use serde_json::{Value, json};
use token_refresh::fake_ebay::Behaviour;
use tokio::{process::Command, sync::OnceCell};

use super::stage::Site;
use crate::support::browser::{Browser, ENTER, ESCAPE, PAGE_DOWN, TAB};

/// The engine, from the npm registry; in tests only.
const AXE: &str = "axe-core@4.10.3";

/// The engine's script, fetched once and kept beside the build.
async fn axe() -> &'static str {
    static SCRIPT: OnceCell<String> = OnceCell::const_new();
    SCRIPT
        .get_or_init(|| async {
            let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(AXE);
            let script = folder.join("package/axe.min.js");
            if !script.exists() {
                std::fs::create_dir_all(&folder).expect("the build's folder can be written");
                let packed = Command::new("npm")
                    .args(["pack", AXE, "--silent"])
                    .current_dir(&folder)
                    .stdin(Stdio::null())
                    .output();
                let packed = packed.await.expect("npm is installed: apt-get install npm");
                assert!(
                    packed.status.success(),
                    "npm pack {AXE}: {}",
                    String::from_utf8_lossy(&packed.stderr)
                );
                let name = String::from_utf8(packed.stdout).expect("a file's name");
                let unpacked = Command::new("tar")
                    .args(["-xzf", name.trim(), "package/axe.min.js"])
                    .current_dir(&folder)
                    .status();
                assert!(unpacked.await.expect("tar runs").success());
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

#[tokio::test]
async fn an_accessibility_engine_finds_nothing_on_any_page_in_either_scheme() {
    let site = Site::set().await;
    let account = site.stage.seller("mil_243").await;
    let broken = site.stage.seller_who("broken", Behaviour::Unavailable503).await;
    let crew = site.stage.crew().await;
    site.stage.expect_entry(account, |_| true).await;
    site.stage.expect_entry(broken, |_| true).await;
    let properties = lapin::BasicProperties::default().with_message_id("dead".into());
    site.stage.vhost.publish("dead-letter", "refresh.due", b"{}", properties).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/sign-in")).await;
    let mut found = Vec::new();
    for signed_in in [false, true] {
        if signed_in {
            site.sign_in(&browser, &site.stage.token, "/").await;
        }
        let pages: &[(&str, &str)] = if signed_in {
            &[
                (
                    "/",
                    "document.querySelector('.sentence .badge') && document.querySelector('#queues td') && document.querySelector('#activity svg') && document.querySelector('#dead-letters details')",
                ),
                ("/terminal", "document.querySelectorAll('.log article').length >= 2"),
                ("/terminal?q=nothing_like_it", "document.querySelector('.empty').dataset.why === 'matches'"),
                ("/accounts", "document.querySelectorAll('tr[data-id]').length === 2"),
                ("/accounts/ACCOUNT", "document.querySelector('.terminal article')"),
            ]
        } else {
            &[("/sign-in", "document.getElementById('token')")]
        };
        for (path, ready) in pages {
            for (scheme, width) in [("light", 1280), ("dark", 390)] {
                let feature = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
                browser.cdp("Emulation.setEmulatedMedia", feature).await;
                let screen = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
                browser.cdp("Emulation.setDeviceMetricsOverride", screen).await;
                browser.go(&site.url(&path.replace("ACCOUNT", &account.to_string()))).await;
                browser.until(ready).await;
                // Highlights of what has just arrived fade.
                browser.until("document.getAnimations().length === 0").await;
                found.extend(
                    violations(&browser)
                        .await
                        .into_iter()
                        .map(|one| format!("{path} {scheme} {width}: {one}")),
                );
                let wide = browser.value("document.documentElement.scrollWidth - innerWidth").await;
                if wide.as_i64() > Some(0) {
                    found.push(format!("{path} {scheme} {width}: {wide} pixels wider than the screen"));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert_eq!(browser.errors().await, Vec::<String>::new());
    drop(crew);
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
