//! `/readyz` of a whole process: servers that answer are not enough, its parts must do their work.

use serde_json::Value;

use super::stage::client;
use crate::support::{
    database::admin,
    eventually, install_tls_provider,
    stage::{Actor, Stage},
};

/// A process of the real binary, and what its `/readyz` says.
struct Asked<'a> {
    process: &'a Actor,
    url: String,
}

impl<'a> Asked<'a> {
    async fn of(process: &'a Actor) -> Self {
        install_tls_provider();
        let line = process.expect_log("\"HTTP API\"").await;
        let line: Value = serde_json::from_str(&line).expect("a line of JSON");
        let address = line.pointer("/fields/address").or(line.get("address")).and_then(Value::as_str);
        Self { process, url: format!("http://{}/readyz", address.expect("an address")) }
    }

    /// The parts, once the answer has this status and `fits`.
    async fn expect(&self, what: &str, status: u16, fits: impl Fn(&Value) -> bool) -> Value {
        eventually(what, || async {
            let answer = client().get(&self.url).send().await.expect("the process answers");
            let found = answer.status() == status;
            let mut answer: Value = answer.json().await.expect("JSON");
            assert_eq!(answer["ready"], found == (status == 200), "{answer}\n{}", self.process.output());
            let parts = answer["parts"].take();
            (found && fits(&parts)).then_some(parts)
        })
        .await
    }
}

/// Lets the stage's sessions write, or not.
async fn set_writable(stage: &Stage, writable: bool) {
    let name = stage.database.name();
    let read_only = if writable { "off" } else { "on" };
    let change = format!("alter database {name} set default_transaction_read_only = {read_only}");
    let end = "select pg_terminate_backend(pid) from pg_stat_activity
        where datname = $1 and application_name similar to '(all|admin)-%'";
    let admin = admin().await;
    admin.batch_execute(&change).await.expect("SQL");
    admin.query(end, &[&name]).await.expect("SQL");
}

#[tokio::test]
async fn a_process_whose_sessions_only_read_is_not_ready_until_they_write() {
    let stage = Stage::set().await;
    // With the address as it is, sessions that do not write are not taken at all.
    let url = format!("{}?target_session_attrs=any", stage.database.url());
    let all = stage.start_with(&["all", "--tick", "200ms"], &[("DATABASE_URL", &url)]).await;
    let alone = stage.start_with(&["admin"], &[("DATABASE_URL", &url)]).await;
    let (asked, asked_alone) = (Asked::of(&all).await, Asked::of(&alone).await);
    let parts = asked.expect("all parts are ready", 200, |_| true).await;
    let names: Vec<&str> = parts.as_object().expect("parts").keys().map(String::as_str).collect();
    let whole = ["broker", "database", "feed", "heartbeat", "keys", "log-writer", "relay", "scheduler"];
    assert_eq!(names, [&whole[..], &["schema", "worker"]].concat());
    let parts = asked_alone.expect("it needs its heartbeat and keys only", 200, |_| true).await;
    let names: Vec<&str> = parts.as_object().expect("parts").keys().map(String::as_str).collect();
    assert_eq!(names, ["broker", "database", "feed", "heartbeat", "keys", "schema"]);

    set_writable(&stage, false).await;
    for asked in [&asked, &asked_alone] {
        let silent = |parts: &Value| parts["heartbeat"] == false && parts["database"] == true;
        asked.expect("the database reads and does not write", 503, silent).await;
    }
    asked.expect("ticks fail for some time", 503, |parts| parts["scheduler"] == false).await;
    set_writable(&stage, true).await;
    for asked in [&asked, &asked_alone] {
        asked.expect("the database writes again", 200, |_| true).await;
    }
    stage.finish().await;
}

#[tokio::test]
async fn a_log_writer_that_may_not_store_makes_its_process_not_ready() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    let all = stage.start(&["all", "--tick", "200ms"]).await;
    let asked = Asked::of(&all).await;
    asked.expect("all parts are ready", 200, |_| true).await;
    stage
        .sql(
            "create function refuse() returns trigger language plpgsql as
                 $$ begin raise insufficient_privilege using message = 'not for you'; end $$;
             create trigger refuse before insert on connect_logs for each statement execute function refuse()",
        )
        .await;
    let attempt = stage.debug(account).await;
    let parts = asked.expect("entries are refused", 503, |parts| parts["log-writer"] == false).await;
    for well in ["database", "schema", "broker", "heartbeat", "keys", "scheduler", "worker"] {
        assert_eq!(parts[well], true, "{well}: {parts}");
    }
    assert!(!parts.to_string().contains("not for you"), "no reasons: {parts}");
    asked.expect("so they are where the broker is passed by", 503, |parts| parts["relay"] == false).await;
    stage.sql("drop trigger refuse on connect_logs").await;
    stage.entry(attempt).await;
    asked.expect("entries are stored", 200, |_| true).await;
    stage.finish().await;
}
