//! Liveness, readiness, metrics, and what platform admins see of the fleet.

use std::collections::HashSet;

use reqwest::Method;
use token_refresh::connect_log::Announcer;
use token_refresh::domain::account::{Environment, Role};
use token_refresh::domain::class::Class;
use token_refresh::message::Source;
use token_refresh::store::Heartbeat;

use super::stage::Stage;
use crate::support::eventually;

#[tokio::test]
async fn readiness_names_each_part() {
    let stage = Stage::start().await;
    stage.send(stage.request(Method::GET, "/healthz")).await.expect(200);
    let ready = eventually("the feed is live and the process ready", || async {
        let answer = stage.send(stage.request(Method::GET, "/readyz")).await;
        (answer.status == 200).then(|| answer.json())
    })
    .await;
    assert_eq!(ready["ready"], true);
    for part in ["database", "schema", "broker", "feed"] {
        assert_eq!(ready["parts"][part], true);
    }
    let database = stage.database.connect().await;
    database.batch_execute("delete from refinery_schema_history where version > 1").await.expect("SQL");
    let behind = eventually("the schema is too old", || async {
        let answer = stage.send(stage.request(Method::GET, "/readyz")).await;
        (answer.status == 503).then(|| answer.json())
    })
    .await;
    assert_eq!((&behind["parts"]["schema"], &behind["parts"]["database"]), (&false.into(), &true.into()));
    stage.finish().await;
}

#[tokio::test]
async fn metrics_are_well_formed_and_name_no_seller() {
    let stage = Stage::start().await;
    let org = stage.org("acme_org").await;
    let user = stage.user("anna_user", &[(org, Role::Admin)]).await;
    let account = stage.account(org, Environment::Production, "mil_243_seller").await;
    stage.stored(&account, Source::Debug, Class::Refreshed, Some(&user.id.to_string())).await;
    // Arrived and not stored: what became of it is counted, and the ledger of stored entries is not.
    let mut arrived = stage.entry(&account, Source::Scheduled, Class::Timeout, None).await;
    arrived.timings_ms.insert("call".into(), 30);
    let announcer = Announcer::new(stage.broker.publisher());
    let answer = eventually("an entry has arrived", || async {
        announcer.announce(arrived.clone());
        announcer.flush().await;
        let answer = stage.send(stage.request(Method::GET, "/metrics")).await;
        answer.text.contains("phase_seconds").then_some(answer)
    })
    .await;
    assert_eq!(answer.status, 200);
    assert!(answer.headers["content-type"].to_str().expect("text").starts_with("text/plain; version=0.0.4"));
    let hidden = [
        "mil_243".to_owned(),
        "acme".into(),
        "anna".into(),
        account.account_id.to_string(),
        org.to_string(),
        user.id.to_string(),
    ];
    for name in hidden {
        assert!(!answer.text.contains(&name), "{name} in {}", answer.text);
    }
    expect_well_formed(&answer.text);
    for line in [
        "token_refresh_stored_total 1",
        "token_refresh_quota_left{environment=\"production\",client_id=\"App-production\"} 950",
        "token_refresh_queue_messages{queue=\"refresh.debug\"} 0",
        "token_refresh_database_up 1",
        "token_refresh_broker_up 1",
        "token_refresh_findings{kind=\"no_worker\",weight=\"bad\"} 1",
        "token_refresh_findings{kind=\"missing\",weight=\"bad\"} 1",
        "token_refresh_findings{kind=\"dead_letters\",weight=\"bad\"} 0",
    ] {
        assert!(answer.text.lines().any(|found| found == line), "{line} in {}", answer.text);
    }
    for start in [
        "token_refresh_entries_total{class=\"timeout\",source=\"scheduled\"} ",
        "token_refresh_phase_seconds_count{phase=\"call\"} ",
        "token_refresh_phase_seconds_bucket{phase=\"call\",le=\"0.04\"} ",
    ] {
        assert!(answer.text.lines().any(|found| found.starts_with(start)), "{start} in {}", answer.text);
    }
    stage.finish().await;
}

/// Each name once, with its help and type, before its series.
fn expect_well_formed(text: &str) {
    let mut families = HashSet::new();
    let (mut family, mut histogram) = (String::new(), false);
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a name and its help");
            assert!(name.starts_with("token_refresh_") && help.ends_with('.'), "{line}");
            assert!(families.insert(name.to_owned()), "{name} comes twice");
            name.clone_into(&mut family);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and its type");
            assert_eq!(name, family);
            assert!(["gauge", "counter", "histogram"].contains(&kind), "{line}");
            histogram = kind == "histogram";
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a series and its value");
            let name = series.split('{').next().unwrap_or_default();
            let part = name.strip_prefix(&family).unwrap_or_else(|| panic!("{line}"));
            assert!(part.is_empty() != histogram, "{line}");
            assert!(part.is_empty() || ["_bucket", "_sum", "_count"].contains(&part), "{line}");
            value.parse::<f64>().unwrap_or_else(|_| panic!("{line}"));
            if let Some(labels) = series.strip_prefix(&format!("{name}{{")) {
                assert!(labels.ends_with("\"}") && labels.contains("=\""), "{line}");
            }
        }
    }
}

#[tokio::test]
async fn platform_admins_see_instances_queues_ticks_and_quota() {
    let stage = Stage::start().await;
    let root = stage.platform_admin().await;
    let heartbeat = Heartbeat {
        id: "all-test".into(),
        role: "all",
        version: "1.2.3".into(),
        commit: "abc".into(),
        environment: serde_json::json!({ "host": "here" }),
        key_ids: vec!["k1".into()],
        note: None,
        takes_work: false,
        in_flight: 0,
    };
    stage.store.beat(&heartbeat).await.expect("the database answers");
    stage.store.scheduler_ticked("all-test").await.expect("the database answers");
    let workers = stage.get(&root, "/api/admin/workers").await.expect(200);
    assert_eq!(workers["instances"][0]["id"], "all-test");
    assert_eq!(workers["instances"][0]["live"], true);
    assert!(workers["scheduler"]["last_tick_age_seconds"].as_f64().is_some_and(|age| age < 60.0));
    let queues = workers["queues"].as_array().expect("queues");
    assert!(queues.iter().any(|queue| queue["name"] == "refresh.due"), "{queues:?}");
    let quota = workers["quota"].as_array().expect("quota");
    assert_eq!((quota.len(), &quota[0]["daily_quota"]), (2, &1_000.into()));
    assert_eq!(workers["health"]["workers"], 1);
    stage.finish().await;
}
