//! A real browser: headless Chromium behind its own chromedriver, spoken to in plain WebDriver.

use std::{env::temp_dir, path::PathBuf, process::Stdio, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep},
};

use super::{in_time, install_tls_provider};

/// How long a page may take to show something; browsers share the machine with everything else.
const PATIENCE: Duration = Duration::from_secs(90);
/// Browsers at once: each is several processes.
static BROWSERS: Semaphore = Semaphore::const_new(2);

/// One browser with a profile of its own. It ends with the value.
pub(crate) struct Browser {
    driver: Child,
    client: Client,
    session: String,
    profile: PathBuf,
    _permit: SemaphorePermit<'static>,
}

/// Tab, Enter, Space and Escape, as WebDriver spells them.
pub(crate) const TAB: &str = "\u{e004}";
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const ESCAPE: &str = "\u{e00c}";
pub(crate) const PAGE_DOWN: &str = "\u{e00f}";

impl Browser {
    /// Starts a browser with an empty profile.
    pub(crate) async fn open() -> Self {
        let permit = BROWSERS.acquire().await.expect("never closed");
        install_tls_provider();
        let client = Client::builder().no_proxy().timeout(PATIENCE * 2).build().expect("a client");
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver is installed: apt-get install chromium chromium-driver");
        let port = in_time("chromedriver's port", port_of(&mut driver)).await;
        let profile = temp_dir().join(format!("token-refresh-page-{}", uuid::Uuid::now_v7().simple()));
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-renderer-backgrounding",
            "--window-size=1280,900",
            &format!("--user-data-dir={}", profile.display()),
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"script": 90_000},
        }}});
        let base = format!("http://127.0.0.1:{port}/session");
        let mut browser = Self { driver, client, session: base, profile, _permit: permit };
        let made = browser.ask(Method::POST, "", &wanted).await;
        let id = made["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {made}"));
        browser.session = format!("{}/{id}", browser.session);
        browser
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Value {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.session));
        if method == Method::POST {
            request = request.json(body);
        }
        let answer = request.send().await.expect("chromedriver answers");
        let (status, answer) = (answer.status(), answer.json::<Value>().await.expect("JSON"));
        assert!(status.is_success(), "{path}: {}", answer["value"]["message"]);
        answer["value"].clone()
    }

    /// Loads an address.
    pub(crate) async fn go(&self, url: &str) {
        self.ask(Method::POST, "/url", &json!({ "url": url })).await;
    }

    /// Runs a script's body and returns its result, awaited if it is a promise.
    pub(crate) async fn js(&self, script: &str, arguments: Value) -> Value {
        self.ask(Method::POST, "/execute/sync", &json!({ "script": script, "args": arguments })).await
    }

    /// What an expression is.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        self.js(&format!("return ({expression});"), json!([])).await
    }

    /// What an expression is, as text.
    pub(crate) async fn text(&self, expression: &str) -> String {
        self.value(expression).await.as_str().unwrap_or_default().to_owned()
    }

    /// Looks until an expression is true, and returns it. A page that is being left is looked at again.
    pub(crate) async fn until(&self, expression: &str) -> Value {
        let began = Instant::now();
        loop {
            let script = format!("try {{ return ({expression}); }} catch (error) {{ return null; }}");
            let found = self.js(&script, json!([])).await;
            if !matches!(&found, Value::Null | Value::Bool(false)) && found != json!(0) && found != json!("")
            {
                return found;
            }
            if began.elapsed() > PATIENCE {
                let shown = self.text("document.body.innerText.slice(0, 3000)").await;
                let logs = self.ask(Method::POST, "/se/log", &json!({ "type": "browser" })).await;
                panic!("never true: {expression}\nat {}\n{shown}\n{logs}", self.text("location.href").await);
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Clicks what a selector finds first, as a mouse does.
    pub(crate) async fn click(&self, selector: &str) {
        self.until(&format!("document.querySelector({})", json!(selector))).await;
        let script = "const node = document.querySelector(arguments[0]); node.scrollIntoView({block: 'center'}); return node;";
        let element = self.js(script, json!([selector])).await;
        let id = element.as_object().and_then(|one| one.values().next()).and_then(Value::as_str);
        let id = id.unwrap_or_else(|| panic!("{selector} is no element: {element}"));
        self.ask(Method::POST, &format!("/element/{id}/click"), &json!({})).await;
    }

    /// Presses keys one after the other.
    pub(crate) async fn press(&self, keys: &str) {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() }))
            })
            .collect();
        let body = json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] });
        self.ask(Method::POST, "/actions", &body).await;
    }

    /// A command of Chromium's own protocol.
    pub(crate) async fn cdp(&self, command: &str, parameters: Value) -> Value {
        self.ask(Method::POST, "/goog/cdp/execute", &json!({ "cmd": command, "params": parameters })).await
    }

    /// What is in view, as a PNG.
    pub(crate) async fn screenshot(&self) -> Vec<u8> {
        let text = self.ask(Method::GET, "/screenshot", &Value::Null).await;
        STANDARD.decode(text.as_str().expect("Base64")).expect("Base64")
    }

    /// The cookies that the page's host has set.
    pub(crate) async fn cookies(&self) -> Value {
        self.ask(Method::GET, "/cookie", &Value::Null).await
    }

    /// Errors that the page has logged, broken policies among them.
    pub(crate) async fn errors(&self) -> Vec<String> {
        let log = self.ask(Method::POST, "/se/log", &json!({ "type": "browser" })).await;
        let severe = log.as_array().into_iter().flatten().filter(|line| line["level"] == "SEVERE");
        severe.map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

async fn port_of(driver: &mut Child) -> u16 {
    let mut lines = BufReader::new(driver.stdout.take().expect("piped")).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some((_, port)) = line.split_once("on port ")
            && let Ok(port) = port.trim_end_matches('.').trim().parse()
            && line.contains("success")
        {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return port;
        }
    }
    panic!("chromedriver ended without a port")
}

impl Drop for Browser {
    /// Ends the browser through its session: killing the driver alone would leave it behind.
    fn drop(&mut self) {
        let (session, profile) = (self.session.clone(), self.profile.clone());
        super::clean_up(async move {
            // The test's own client has connections that only the test's runtime serves.
            let client = Client::builder().no_proxy().build().expect("a client");
            drop(client.delete(session).send().await);
            drop(std::fs::remove_dir_all(profile));
        });
        drop(self.driver.start_kill());
    }
}
