//! Entry text is an attacker's: it is shown, and never obeyed.

use serde_json::json;
use token_refresh::{
    domain::class::Class,
    message::{ShownRequest, ShownResponse},
};

use super::stage::Site;

#[tokio::test]
async fn hostile_text_is_shown_and_never_obeyed() {
    let site = Site::set().await;
    let markup = "<img src=x onerror=\"globalThis.owned=1\"><script>globalThis.owned=1</script>";
    let name = format!("{markup}\u{202e}live\u{200b}");
    let account = site.stage.account("mil_243").await;
    let mut entry = site.entry(site.stage.org, account, &name, Class::BadResponse).await;
    entry.house_name = Some("</dd></dl><style>*{display:none}</style>".into());
    entry.reason = Some("a\u{1b}[2J\u{7}".into());
    entry.error = Some(format!("line\r\nbreak \u{2066}isolate {}", "x".repeat(30_000)));
    entry.request = Some(ShownRequest {
        method: "POST".into(),
        url: "javascript:alert(1)".into(),
        headers: [("x-<b>".to_owned(), "\u{feff}y".to_owned())].into(),
        body: [("grant_type".to_owned(), "refresh_token".to_owned())].into(),
    });
    entry.response = Some(ShownResponse {
        status: 200,
        headers: [("server".to_owned(), "\"><svg onload=globalThis.owned=1>".to_owned())].into(),
        body: json!(format!("<html>{markup}{}\u{0}", "very_long_".repeat(1_000))),
    });
    site.keep(&[entry]).await;
    let browser = site.browser(&site.stage.token, "/terminal").await;
    browser.until("document.querySelectorAll('.log article').length === 1").await;
    let article = browser.text("document.querySelector('.log article').innerText").await;
    assert!(article.contains("<script>globalThis.owned=1</script>"), "{article}");
    for code in ["\\u{202e}", "\\u{200b}", "\\u{1b}[2J\\u{7}", "\\u{2066}", "\\u{feff}y"] {
        assert!(article.contains(code), "{code}");
    }
    assert!(!article.contains('\u{202e}') && !article.contains('\u{1b}'));
    assert_eq!(browser.value("globalThis.owned ?? null").await, json!(null));
    let foreign = "document.querySelectorAll('.log img, .log script, .log style, .log svg, .log b, .log a[href^=javascript]').length";
    assert_eq!(browser.value(foreign).await, json!(0));
    for width in [390, 1280] {
        let screen = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false});
        browser.cdp("Emulation.setDeviceMetricsOverride", screen).await;
        browser.until(&format!("innerWidth === {width}")).await;
        browser.until("document.documentElement.scrollWidth <= innerWidth && document.querySelector('.log').scrollWidth <= document.querySelector('.log').clientWidth").await;
    }
    browser
        .js("navigator.clipboard.writeText = async (text) => { globalThis.copied = text; };", json!([]))
        .await;
    browser.click(".terminal-head button:nth-of-type(2)").await;
    let copied = browser.until("globalThis.copied").await;
    let copied = copied.as_str().expect("text");
    assert!(
        !copied.contains(['\u{202e}', '\u{1b}', '\u{7}', '\r']),
        "a terminal that it is pasted into does not obey it"
    );
    assert_eq!(browser.errors().await, Vec::<String>::new());

    browser
        .go(&site
            .url("/terminal?q=%3Cimg+src%3Dx+onerror%3DglobalThis.owned%3D1%3E&account=%22%3E%3Cscript%3E"))
        .await;
    browser.until("document.querySelector('.empty')?.dataset.why === 'refused'").await;
    assert_eq!(browser.value("globalThis.owned ?? null").await, json!(null));
    site.finish().await;
}
