//! One bad row or message stops nobody else (G6).

use std::time::Duration;

use lapin::{BasicProperties, types::FieldTable};
use serde_json::{Value, json};
use token_refresh::{
    crypto::SealContext,
    domain::{
        account::{AccountId, AttemptId},
        class::{Class, Sent},
    },
    message::{Entry, RefreshMessage, Source},
    queue::names,
};
use uuid::Uuid;

use crate::support::{
    eventually,
    stage::{CLIENT_SECRET, ENVIRONMENT, Stage, refresh_token},
    vhost::Message,
};

#[tokio::test]
async fn g6_one_corrupt_row_among_fifty_is_diagnosed_and_the_others_are_refreshed() {
    let stage = Stage::set().await;
    let mut accounts = Vec::new();
    for number in 0..50 {
        accounts.push(stage.seller(&format!("seller_{number:02}")).await);
    }
    let corrupt = accounts[20];
    stage
        .sql(&format!(
            "update tokens set refresh_token = overlay(refresh_token placing 'AAAAAAAA' from 100)
             where account_id = '{corrupt}'"
        ))
        .await;
    let _crew = stage.crew().await;
    for account in &accounts {
        let entry = stage.expect_entry(*account, |_| true).await;
        let expected = if *account == corrupt { Class::DecryptFailed } else { Class::Refreshed };
        assert_eq!(entry.class, expected, "{entry:?}");
    }
    stage.expect_settled().await;
    assert_eq!(stage.ebay.calls().len(), 49);
    stage.finish().await;
}

#[tokio::test]
async fn g6_a_row_that_cannot_be_read_stops_nobody_else() {
    let mut stage = Stage::set().await;
    stage.expect_errors("cannot be read");
    stage.expect_dead_letters(1..);
    let mut accounts = Vec::new();
    for number in 0..20 {
        accounts.push(stage.seller(&format!("seller_{number:02}")).await);
    }
    // One whose account cannot be read, and one whose schedule cannot.
    stage
        .sql(&format!(
            "alter table accounts drop constraint accounts_keyset_environment;
             alter table accounts disable trigger accounts_never_move;
             update accounts set environment = 'mars' where id = '{}';
             alter table refresh_state drop constraint refresh_state_due_source;
             update refresh_state set due_source = 'moon' where account_id = '{}'",
            accounts[3], accounts[7]
        ))
        .await;
    let [scheduler, _worker, _log_writer] = stage.crew().await;
    for (number, account) in accounts.iter().enumerate().filter(|(number, _)| ![3, 7].contains(number)) {
        let entry = stage.expect_entry(*account, |_| true).await;
        assert_eq!(entry.class, Class::Refreshed, "{number}: {entry:?}");
    }
    // Each is named, with table, column and row.
    scheduler.expect_log(&format!("refresh_state.due_source of {}", accounts[7])).await;
    let dead = dead_letter(&stage, names::REFRESH_DUE_DEAD, 1).await;
    assert!(reason(&dead[0]).contains(&format!("accounts.environment of {}", accounts[3])), "{dead:?}");

    // People's lists and a press go on too.
    let listed = stage.run(&["accounts", "list"]).await.succeeded();
    assert_eq!(listed.out.lines().count(), 19, "{}", listed.out);
    listed.says(&format!("accounts.environment of {}", accounts[3]));
    let refused = stage.run(&["inspect", &accounts[3].to_string()]).await.failed();
    refused.says("\"mars\" is none of production, sandbox");
    assert_eq!(stage.entry(stage.debug(accounts[0]).await).await.class, Class::Refreshed);
    stage.finish().await;
}

#[tokio::test]
async fn g6_a_dead_lease_that_cannot_be_read_stops_no_other_reaping() {
    let mut stage = Stage::set().await;
    stage.expect_errors("cannot be read");
    stage.expect_leases(1);
    let (broken, other) = (stage.rested_seller("broken").await, stage.rested_seller("other").await);
    let lease = |account: AccountId, source: &str| {
        format!(
            "update refresh_state set lease_attempt = '{}', lease_source = '{source}', lease_instance = 'worker-gone',
             lease_version = '0', lease_claimed_at = clock() - interval '2 minutes',
             lease_until = clock() - interval '1 minute' where account_id = '{account}';",
            Uuid::now_v7()
        )
    };
    stage
        .sql(&format!(
            "alter table refresh_state drop constraint refresh_state_lease_source; {} {}
             update keyset_ledger set attempts = attempts + 2",
            lease(broken, "pluto"),
            lease(other, "scheduled")
        ))
        .await;
    let [scheduler, _worker, _log_writer] = stage.crew().await;
    let entry = stage.expect_entry(other, |_| true).await;
    assert_eq!(entry.class, Class::Interrupted);
    scheduler.expect_log(&format!("refresh_state.lease_source of {broken}")).await;
    stage.finish().await;
}

#[tokio::test]
async fn g6_a_request_that_cannot_be_read_stays_open_and_the_others_are_closed() {
    let mut stage = Stage::set().await;
    stage.expect_errors("cannot be read");
    let (broken, other) = (stage.rested_seller("broken").await, stage.rested_seller("other").await);
    let broken = stage.debug(broken).await;
    let other = stage.debug(other).await;
    stage
        .sql(&format!(
            "alter table refresh_requests drop constraint refresh_requests_source;
             update refresh_requests set source = 'venus' where attempt = '{broken}'"
        ))
        .await;
    stage.advance(Duration::from_secs(61)).await;
    let (scheduler, _log_writer) = (stage.scheduler().await, stage.log_writer().await);
    assert_eq!(stage.entry(other).await.reason.as_deref(), Some("undelivered"));
    scheduler.expect_log(&format!("refresh_requests.source of {broken}")).await;
    // It can still get its entry once a person has mended it.
    stage.sql(&format!("update refresh_requests set source = 'debug' where attempt = '{broken}'")).await;
    assert_eq!(stage.entry(broken).await.reason.as_deref(), Some("undelivered"));
    stage.expect_settled().await;
    stage.finish().await;
}

#[tokio::test]
async fn g3_what_opens_to_no_token_is_never_sent() {
    let stage = Stage::set().await;
    let token = refresh_token("mil_243", 1);
    let mut accounts = Vec::new();
    let sealed_twice =
        stage.keyring.seal(&SealContext::refresh_token(AccountId::fresh(), ENVIRONMENT), token.expose());
    let huge = format!("v^1.1#{}", "x".repeat(9_000));
    let broken = format!("{}\r\nX-Evil: 1", token.expose());
    for (number, text) in
        [&sealed_twice, "AgAAAA**AQAAAA**aAAAAA**", "v^1", "", &huge, &broken].into_iter().enumerate()
    {
        let account = stage.rested_seller(&format!("seller_{number}")).await;
        let sealed = stage.keyring.seal(&SealContext::refresh_token(account, ENVIRONMENT), text);
        stage
            .sql(&format!("update tokens set refresh_token = '{sealed}' where account_id = '{account}'"))
            .await;
        accounts.push(account);
    }
    let [_scheduler, worker, _log_writer] = stage.crew().await;
    for account in &accounts {
        let entry = stage.entry(stage.debug(*account).await).await;
        assert_eq!((entry.class, entry.sent), (Class::PreflightRejected, Sent::No), "{entry:?}");
        let request = entry.request.expect("a synthetic one");
        assert_eq!(
            (request.body["refresh_token"].as_str(), &entry.response),
            ("<preflight_rejected>", &None)
        );
    }
    let line = worker.expect_log(&accounts[0].to_string()).await;
    let line: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!((&line["decrypted_prefix"], &line["final_prefix"]), (&json!("ENC:v1:k"), &json!("-")));
    stage
        .run(&["inspect", "seller_0"])
        .await
        .succeeded()
        .prints("begins with ENC:")
        .prints("accounts import --replace");
    assert_eq!(stage.ebay.calls(), []);
    stage.finish().await;
}

#[tokio::test]
async fn a_client_secret_that_does_not_open_is_told_as_the_keysets_fault() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    stage.sql("update keysets set client_secret = replace(client_secret, ':k1:', ':k9:')").await;
    let [_scheduler, worker, _log_writer] = stage.crew().await;
    let entry = stage.entry(stage.debug(account).await).await;
    assert_eq!((entry.class, entry.reason.as_deref()), (Class::ClientInvalid, Some("unknown_key")));
    let error = entry.error.expect("it failed");
    assert!(error.contains(&format!("client secret of keyset {}", stage.keyset)), "{error}");
    stage.run(&["inspect", "mil_243"]).await.succeeded().prints("opens to v^1.1").prints("keysets secret");
    let told: Value = serde_json::from_str(&worker.expect_log("does not open").await).expect("JSON");
    assert_eq!((&told["token.field"], &told["token.row"]), (&json!("client_secret"), &json!(stage.keyset)));
    let path: Value = serde_json::from_str(&worker.expect_log("token_refresh_path").await).expect("JSON");
    assert_eq!((&path["decrypted_prefix"], &path["final_prefix"]), (&json!("v^1.1#i^"), &json!("-")));
    assert_eq!(stage.ebay.calls(), []);
    stage.finish().await;
}

#[tokio::test]
async fn g6_bad_messages_to_the_worker_are_dead_letters_with_their_reason() {
    let mut stage = Stage::set().await;
    stage.expect_dead_letters(18..=18);
    let account = stage.rested_seller("mil_243").await;
    let _crew = stage.crew().await;
    let good =
        |source: &str| json!({ "attempt": Uuid::now_v7(), "account": account, "source": source }).to_string();
    for (queue, dead_queue, kind, source) in [
        (names::REFRESH_DUE, names::REFRESH_DUE_DEAD, "refresh.due.v1", "scheduled"),
        (names::REFRESH_DEBUG, names::REFRESH_DEBUG_DEAD, "refresh.debug.v1", "debug"),
    ] {
        let cases: [(&str, Vec<u8>, &str); 9] = [
            (kind, b"{".to_vec(), "malformed body: ends too early at line 1 column 1"),
            (kind, b"\xff\xfe\x00".to_vec(), "malformed body: not JSON"),
            (kind, b"".to_vec(), "malformed body: ends too early"),
            (kind, b"[1,2,3]".to_vec(), "malformed body: a field is missing or has the wrong shape"),
            (kind, br#"{"attempt":"7","account":"x","source":"debug"}"#.to_vec(), "malformed body"),
            (kind, good("moon").into_bytes(), "malformed body"),
            (kind, vec![b'x'; 5_000], "oversized: 5000 bytes, at most 4096 are read"),
            ("refresh.due.v9", good(source).into_bytes(), "unknown type \"refresh.due.v9\""),
            ("order.placed", good(source).into_bytes(), "unknown type \"order.placed\""),
        ];
        for (kind, body, _) in &cases {
            stage.vhost.publish(names::REFRESH, queue, body, properties(kind)).await;
        }
        // Two that are well-formed, but about nobody we know and nothing we asked for.
        let unknown = json!({ "attempt": Uuid::now_v7(), "account": Uuid::now_v7(), "source": source });
        for body in [unknown.to_string(), good(source)] {
            stage.vhost.publish(names::REFRESH, queue, body.as_bytes(), properties(kind)).await;
        }
        assert_eq!(stage.entry(stage.debug(account).await).await.class, Class::Refreshed, "others go on");
        stage.vhost.expect_depth(queue, 0).await;
        let dead = dead_letter(&stage, dead_queue, cases.len()).await;
        for (_, body, expected) in &cases {
            assert!(
                dead.iter().any(|message| reason(message).contains(expected)),
                "no \"{expected}\" for {:?} in {:?}",
                String::from_utf8_lossy(&body[..body.len().min(60)]),
                dead.iter().map(reason).collect::<Vec<_>>()
            );
        }
        for message in &dead {
            assert_eq!(message.properties["headers"]["x-source-queue"], queue);
        }
    }
    stage.expect_settled().await;
    assert_eq!(stage.ebay.calls().len(), 2);
    // A person is told of them.
    let doctor = stage.run(&["doctor"]).await.failed();
    let doctor = doctor.prints("9 dead letters in refresh.due.dead");
    doctor.prints("9 dead letters in refresh.debug.dead");
    stage.run(&["terminal"]).await.succeeded().says("9 dead letters in refresh.due.dead");
    stage.finish().await;
}

#[tokio::test]
async fn g6_bad_messages_to_the_log_writer_are_dead_letters_with_their_reason() {
    let mut stage = Stage::set().await;
    stage.expect_dead_letters(7..=7);
    let account = stage.rested_seller("mil_243").await;
    let [scheduler, worker, log_writer] = stage.crew().await;
    let good = stage.entry(stage.debug(account).await).await;
    drop((scheduler, worker));
    let kind = "connect-log.entry.v1";
    let altered = |field: &str, value: Value| {
        let mut entry = serde_json::to_value(&good).expect("JSON");
        entry[field] = value;
        entry.to_string().into_bytes()
    };
    let cases: [(&str, Vec<u8>, &str); 7] = [
        (kind, b"not an entry".to_vec(), "malformed body: line 1 column"),
        (kind, b"\xff\xfe\x00".to_vec(), "malformed body: invalid utf-8"),
        (kind, br#"{"order":17,"shop":"elsewhere"}"#.to_vec(), "malformed body"),
        (kind, altered("class", json!("exploded")), "malformed body"),
        (kind, altered("created_at", json!("yesterday")), "malformed body"),
        (kind, altered("error", json!("x".repeat(70_000))), "oversized"),
        ("connect-log.entry.v9", altered("reason", json!("later")), "unknown type \"connect-log.entry.v9\""),
    ];
    for (kind, body, _) in &cases {
        stage.vhost.publish(names::CONNECT_LOG, "production.debug.refreshed", body, properties(kind)).await;
    }
    let _worker = stage.worker().await;
    let after = stage.entry(stage.debug(account).await).await;
    let dead = dead_letter(&stage, names::CONNECT_LOG_STORE_DEAD, cases.len()).await;
    for (_, _, expected) in &cases {
        assert!(dead.iter().any(|message| reason(message).contains(expected)), "{expected}");
    }
    stage.vhost.expect_depth(names::CONNECT_LOG_STORE, 0).await;
    stage.expect_settled().await;
    let stored: Vec<AttemptId> = stage.entries().await.iter().map(|entry| entry.id).collect();
    assert_eq!(stored, [good.id, after.id]);
    // What came again was known by its id.
    let again = serde_json::to_string(&Entry { position: None, ..good.clone() }).expect("JSON");
    for _ in 0..5 {
        let key = "production.debug.refreshed";
        stage.vhost.publish(names::CONNECT_LOG, key, again.as_bytes(), properties(kind)).await;
    }
    stage.vhost.expect_depth(names::CONNECT_LOG_STORE, 0).await;
    stage.entry(stage.debug(account).await).await;
    stage.expect_settled().await;
    assert_eq!(stage.entries().await.len(), 3);
    assert!(!log_writer.output().contains("panicked"), "{}", log_writer.output());
    stage.finish().await;
}

#[tokio::test]
async fn g6_an_entry_that_nobody_made_is_not_believed() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    let _crew = stage.crew().await;
    let good = stage.entry(stage.debug(account).await).await;
    let mut forged = Entry { id: AttemptId::fresh(), position: None, ..good };
    forged.account = "nobody".into();
    let body = serde_json::to_vec(&forged).expect("JSON");
    let kind = properties("connect-log.entry.v1");
    stage.vhost.publish(names::CONNECT_LOG, "production.debug.refreshed", &body, kind).await;
    stage.entry(stage.debug(account).await).await;
    stage.vhost.expect_depth(names::CONNECT_LOG_STORE, 0).await;
    stage.expect_settled().await;
    assert_eq!(stage.entry_of(forged.id).await, None);
    stage.finish().await;
}

#[tokio::test]
async fn g6_an_unreadable_entry_hides_itself_and_nothing_behind_it() {
    let mut stage = Stage::set().await;
    stage.expect_errors("a stored entry cannot be read");
    let account = stage.rested_seller("mil_243").await;
    let _crew = stage.crew().await;
    let first = stage.entry(stage.debug(account).await).await;
    let second = stage.entry(stage.debug(account).await).await;
    stage.sql(&format!("update connect_logs set body = 'torn' where id = '{}'", second.id)).await;
    let third = stage.entry(stage.debug(account).await).await;
    let shown = stage.run(&["terminal", "--json"]).await.succeeded();
    let ids: Vec<Value> = shown.json().iter().map(|entry| entry["id"].clone()).collect();
    assert_eq!(ids, [json!(third.id), json!(first.id)]);
    shown.says(&second.id.to_string());
    stage
        .sql(&format!(
            "update connect_logs set body = '{}' where id = '{}'",
            second.to_text().replace('\'', "''"),
            second.id
        ))
        .await;
    stage.finish().await;
}

#[tokio::test]
async fn g4_no_message_carries_a_token() {
    let stage = Stage::set().await;
    let account = stage.seller("mil_243").await;
    let _scheduler = stage.scheduler().await;
    stage.debug(account).await;
    eventually("both queues are filled", || async {
        let depths =
            (stage.vhost.depth(names::REFRESH_DUE).await, stage.vhost.depth(names::REFRESH_DEBUG).await);
        (depths.0 > 0 && depths.1 > 0).then_some(())
    })
    .await;
    let token = refresh_token("mil_243", 1);
    for queue in [names::REFRESH_DUE, names::REFRESH_DEBUG] {
        for message in stage.vhost.take(queue, 10).await {
            let read = RefreshMessage::from_bytes(message.payload.as_bytes(), None).expect("our own message");
            assert_eq!(read.account, account);
            assert!(matches!(read.source, Source::Admin | Source::Debug));
            let text = format!("{message:?}");
            assert!(!text.contains(&token.expose()[8..40]) && !text.contains(CLIENT_SECRET));
        }
    }
    stage.finish().await;
}

fn properties(kind: &str) -> BasicProperties {
    BasicProperties::default().with_type(kind.into()).with_headers(FieldTable::default())
}

/// Waits for `count` dead letters and takes them out with their reasons; puts none back.
async fn dead_letter(stage: &Stage, queue: &str, count: usize) -> Vec<Message> {
    let wanted = u32::try_from(count).expect("few");
    stage.vhost.expect_depth(queue, wanted).await;
    stage.vhost.peek(queue, wanted).await
}

fn reason(message: &Message) -> String {
    message.properties["headers"]["x-reason"].as_str().unwrap_or_default().to_owned()
}
