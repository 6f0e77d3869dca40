//! What is refused, and that each refusal says what to do.

use std::collections::HashSet;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::json;
use token_refresh::domain::account::{Environment, Role};

use super::stage::{Stage, account_path, client};
use crate::support::database::TestDatabase;
use crate::support::eventually;
use crate::support::proxy::Proxy;
use crate::support::vhost::TestVhost;

const LOGS: &str = "/api/admin/ebay/tokens/terminal-logs";
const DEBUG: &str = "/api/admin/ebay/token/refresh-debug";

#[tokio::test]
async fn without_a_valid_token_nothing_is_answered() {
    let stage = Stage::start().await;
    let org = stage.org("acme").await;
    let user = stage.user("anna", &[(org, Role::Admin)]).await;
    let account = stage.account(org, Environment::Production, "mil_243").await;
    let id = account.account_id;
    let routes = [
        (Method::GET, LOGS.to_owned()),
        (Method::GET, format!("{LOGS}/stream")),
        (Method::GET, "/api/admin/ebay/tokens/status".into()),
        (Method::GET, account_path(id, "inspect")),
        (Method::GET, account_path(id, "attempts/x")),
        (Method::GET, "/api/admin/workers".into()),
        (Method::POST, DEBUG.into()),
        (Method::POST, account_path(id, "pause")),
        (Method::POST, account_path(id, "resume")),
        (Method::POST, account_path(id, "refresh")),
    ];
    for (method, path) in routes {
        // Neither parameters nor bodies are looked at before the token.
        let answer = stage.send(stage.request(method, &format!("{path}?env=nowhere"))).await;
        answer.expect_problem(401);
        assert_eq!(answer.headers[WWW_AUTHENTICATE], "Bearer");
    }
    for header in ["Bearer tr_unknown", "Bearer ", "Basic YW5uYTp4", "Bearer tr_\u{fc}"] {
        let request = stage.request(Method::GET, LOGS).header("authorization", header.as_bytes());
        let answer = stage.send(request).await;
        answer.expect_problem(401);
        assert_eq!(answer.headers[WWW_AUTHENTICATE], "Bearer error=\"invalid_token\"");
    }
    stage.get(&user, LOGS).await.expect(200);
    stage.store.revoke_user("anna").await.expect("the database answers");
    stage.get(&user, LOGS).await.expect_problem(401);
    stage.finish().await;
}

#[tokio::test]
async fn many_bad_tokens_are_slowed_down_and_good_ones_are_not() {
    let stage = Stage::start().await;
    let org = stage.org("acme").await;
    let user = stage.user("anna", &[(org, Role::Viewer)]).await;
    let bad =
        (0..40).map(|n| stage.send(stage.request(Method::GET, LOGS).bearer_auth(format!("tr_guess_{n}"))));
    let (bad, good) = tokio::join!(futures::future::join_all(bad), stage.get(&user, LOGS));
    good.expect(200);
    let statuses: HashSet<u16> = bad.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, HashSet::from([401, 429]));
    let refused = bad.iter().find(|answer| answer.status == 429).expect("looked at above");
    refused.expect_problem(429);
    assert!(refused.headers.contains_key(RETRY_AFTER));
    stage.finish().await;
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let stage = Stage::start().await;
    let org = stage.org("acme").await;
    let user = stage.user("anna", &[(org, Role::Admin)]).await;
    let wrong = [
        ("terminal-logs?env=prod", "production, sandbox"),
        ("terminal-logs?limit=0", "from 1 to 1000"),
        ("terminal-logs?limit=1001", "from 1 to 1000"),
        ("terminal-logs?limit=99999999999999999999999", "from 1 to 1000"),
        ("terminal-logs?limit=-1", "from 1 to 1000"),
        ("terminal-logs?before=yesterday", "next_before"),
        ("terminal-logs?before=9223372036854775807-00000000000000000000000000000000", "next_before"),
        ("terminal-logs?before=-1-00000000000000000000000000000000", "next_before"),
        ("terminal-logs?source=cron", "scheduled, debug, admin"),
        ("terminal-logs?action=deleted", "token_refreshed"),
        ("terminal-logs?class=bad", "grant_invalid"),
        ("terminal-logs?environment=production", "environment"),
        ("terminal-logs?env=production&env=sandbox", "env"),
        ("terminal-logs/stream?env=prod", "production, sandbox"),
        ("terminal-logs/stream?after=now", "number"),
        ("terminal-logs/stream?after=-5", "number"),
        ("terminal-logs/stream?limit=5", "limit"),
        ("status?env=PRODUCTION", "production, sandbox"),
        ("status?limit=1e3", "from 1 to 1000"),
        ("status?after=mil_243", "next_after"),
        ("status?failing=perhaps", "failing"),
        ("mil_243/inspect?environment=sandbox", "environment"),
    ];
    for (query, names) in wrong {
        let answer = stage.get(&user, &format!("/api/admin/ebay/tokens/{query}")).await;
        let detail = answer.expect_problem(400);
        assert!(detail.contains(names), "{query}: {detail}");
    }
    let header = stage.request(Method::GET, &format!("{LOGS}/stream")).bearer_auth(&user.token);
    stage.send(header.header("last-event-id", "latest")).await.expect_problem(400);
    for wait in ["0", "61", "soon", "-1"] {
        let answer = stage.post(&user, &format!("{DEBUG}?wait={wait}"), &json!({ "account": "x" })).await;
        assert!(answer.expect_problem(400).contains("from 1 to 60"));
    }
    stage.get(&user, &format!("{LOGS}?limit=1000")).await.expect(200);
    stage.finish().await;
}

#[tokio::test]
async fn wrong_bodies_are_refused_and_large_ones_are_not_read() {
    let stage = Stage::start().await;
    let org = stage.org("acme").await;
    let user = stage.user("anna", &[(org, Role::Admin)]).await;
    let post = |body: String| {
        stage
            .request(Method::POST, DEBUG)
            .bearer_auth(&user.token)
            .header(CONTENT_TYPE, "application/json")
            .body(body)
    };
    for body in ["", "{", "[]", "{}", "null", r#"{"account": 5}"#, r#"{"account": "a", "force": true}"#] {
        stage.send(post(body.to_owned())).await.expect_problem(400);
    }
    let detail = stage.send(post(r#"{"account": "a", "env": "prod"}"#.into())).await.expect_problem(400);
    assert!(detail.contains("production, sandbox"), "{detail}");
    let large = json!({ "account": "a".repeat(17 * 1024) }).to_string();
    assert!(stage.send(post(large)).await.expect_problem(413).contains("16384"));
    let plain = stage.request(Method::POST, DEBUG).bearer_auth(&user.token).body("account=a");
    stage.send(plain).await.expect_problem(415);
    for name in ["nobody", "a\0b", &"x".repeat(5_000), "' or 1=1 --"] {
        stage.post(&user, DEBUG, &json!({ "account": name })).await.expect_problem(404);
    }
    for path in ["a%00b", "%ff", "..%2f..%2fetc"] {
        let answer = stage.get(&user, &format!("/api/admin/ebay/tokens/{path}/inspect")).await;
        answer.expect_problem(if path == "%ff" { 400 } else { 404 });
    }
    stage.finish().await;
}

#[tokio::test]
async fn unknown_routes_and_methods_are_problems_too_and_nothing_is_cached() {
    let stage = Stage::start().await;
    let org = stage.org("acme").await;
    let user = stage.user("anna", &[(org, Role::Admin)]).await;
    let unknown = stage.get(&user, "/api/admin/nothing").await;
    unknown.expect_problem(404);
    let method = stage.post(&user, LOGS, &json!({})).await;
    method.expect_problem(405);
    assert!(method.headers["allow"].to_str().expect("text").contains("GET"));
    let good = stage.get(&user, LOGS).await;
    for answer in [unknown, method, good] {
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    }
    stage.finish().await;
}

#[tokio::test]
async fn a_database_that_is_away_is_503_and_the_process_recovers() {
    let (database, vhost) = tokio::join!(TestDatabase::migrated(), TestVhost::create());
    let (proxy, url) = Proxy::before(database.url()).await;
    let amqp = vhost.url().to_owned();
    let stage = Stage::start_through(database, &url, vhost, &amqp).await;
    let org = stage.org("acme").await;
    let user = stage.user("anna", &[(org, Role::Admin)]).await;
    stage.get(&user, LOGS).await.expect(200);

    proxy.refuse(true).await;
    proxy.cut();
    let answer = stage.get(&user, LOGS).await;
    answer.expect_problem(503);
    assert!(answer.headers.contains_key(RETRY_AFTER));
    for secret in ["postgres", "127.0.0.1", "connect"] {
        assert!(!answer.text.contains(secret), "{}", answer.text);
    }
    let ready = eventually("the process is not ready", || async {
        let answer = stage.send(stage.request(Method::GET, "/readyz")).await;
        (answer.status == 503).then_some(answer)
    })
    .await;
    assert_eq!(ready.json()["parts"]["database"], false);
    stage.send(stage.request(Method::GET, "/healthz")).await.expect(200);
    eventually("figures are too old to be shown again", || async {
        let metrics = stage.send(stage.request(Method::GET, "/metrics")).await;
        metrics.text.contains("token_refresh_database_up 0").then_some(())
    })
    .await;

    proxy.refuse(false).await;
    eventually("the API answers again", || async {
        (stage.get(&user, LOGS).await.status == 200).then_some(())
    })
    .await;
    stage.finish().await;
}

#[tokio::test]
async fn raw_nonsense_on_the_socket_ends_its_connection_alone() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let stage = Stage::start().await;
    let mut raw = tokio::net::TcpStream::connect(stage.server.address).await.expect("the API listens");
    raw.write_all(b"\x16\x03\x01 nonsense\r\n\r\n").await.expect("bytes are taken");
    let mut answer = Vec::new();
    // Closed with or without an answer.
    drop(crate::support::in_time("the end", raw.read_to_end(&mut answer)).await);
    let url = format!("http://{}/healthz", stage.server.address);
    assert_eq!(client().get(url).send().await.expect("the API answers").status(), 200);
    stage.finish().await;
}
