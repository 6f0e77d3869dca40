//! Who sees what (G9): an account's org decides, and nothing else.

use reqwest::Method;
use serde_json::{Value, json};
use token_refresh::domain::account::{AccountId, AttemptId, Environment, OrgId, Role};
use token_refresh::domain::class::Class;
use token_refresh::message::Source;

use super::stage::{REFRESH_TOKEN, Stage, User, account_path};
use crate::support::eventually;

const LOGS: &str = "/api/admin/ebay/tokens/terminal-logs";
const STATUS: &str = "/api/admin/ebay/tokens/status";
const DEBUG: &str = "/api/admin/ebay/token/refresh-debug";

#[tokio::test]
async fn g9_a_member_sees_every_entry_of_his_org_whoever_caused_it() {
    let stage = Stage::start().await;
    let org = stage.org("acme").await;
    let reader = stage.user("anna", &[(org, Role::Viewer)]).await;
    let other = stage.user("ben", &[(org, Role::Operator)]).await;
    assert_ne!(reader.id.0, org.0, "a user's id is never an org's");
    let account = stage.account(org, Environment::Production, "mil_243").await;
    let mut made = Vec::new();
    let causes = [
        (Source::Scheduled, None),
        (Source::Debug, Some(reader.id.to_string())),
        (Source::Debug, Some(other.id.to_string())),
        (Source::Admin, Some("cli:operator".to_owned())),
    ];
    for (source, by) in causes {
        made.push(stage.stored(&account, source, Class::Refreshed, by.as_deref()).await.id.to_string());
    }
    made.reverse();
    for user in [&reader, &other] {
        assert_eq!(stage.get(user, LOGS).await.entry_ids(), made);
    }
    let page = stage.get(&reader, LOGS).await.json();
    assert_eq!(page["entries"][2]["action"], "token_refresh_debug");
    assert!(page["health"]["newest_entry_age_seconds"].as_f64().is_some_and(|age| age < 60.0));
    stage.finish().await;
}

/// Every way to ask about an account of the org `theirs`, or about one that is as unknown.
fn reads(id: AccountId, name: &str, attempt: AttemptId, theirs: OrgId) -> Vec<String> {
    vec![
        format!("{LOGS}?account={id}"),
        format!("{LOGS}?account={name}"),
        format!("{LOGS}/stream?account={id}"),
        format!("{LOGS}/stream?account={name}"),
        account_path(id, "inspect"),
        format!("/api/admin/ebay/tokens/{name}/inspect"),
        account_path(id, &format!("attempts/{attempt}")),
        account_path(id, "inspect?org=theirs"),
        account_path(id, &format!("inspect?org={theirs}")),
    ]
}

#[tokio::test]
async fn g9_what_is_anothers_is_answered_like_what_does_not_exist() {
    let stage = Stage::start().await;
    let (theirs, ours) = (stage.org("theirs").await, stage.org("ours").await);
    let user = stage.user("anna", &[(ours, Role::Admin)]).await;
    let nobody = stage.user("carl", &[]).await;
    let account = stage.account(theirs, Environment::Production, "hidden_seller").await;
    let entry = stage.stored(&account, Source::Debug, Class::Refreshed, Some(&user.id.to_string())).await;
    let request =
        stage.store.put_request(account.account_id, Source::Debug, "cli:x").await.expect("a request");

    for user in [&user, &nobody] {
        let page = stage.get(user, LOGS).await;
        assert_eq!(page.entry_ids(), [""; 0]);
        assert_eq!(page.json()["health"]["newest_entry_at"], Value::Null);
        assert_eq!(stage.get(user, STATUS).await.expect(200), json!({ "accounts": [], "next_after": null }));

        // Each pair: of the hidden account, and of none.
        let (hidden, none) = (account.account_id, AccountId::fresh());
        let of_hidden = reads(hidden, "hidden_seller", entry.id, theirs);
        let pairs = of_hidden.into_iter().zip(reads(none, "none", request.attempt, theirs));
        for (of_hidden, of_none) in pairs {
            let (of_hidden, of_none) = tokio::join!(stage.get(user, &of_hidden), stage.get(user, &of_none));
            of_hidden.expect_problem(404);
            assert_eq!((of_hidden.status, of_hidden.text), (of_none.status, of_none.text));
        }
        for action in ["pause", "resume", "refresh", "refresh?org=theirs", "refresh?wait=1"] {
            let (of_hidden, of_none) = tokio::join!(
                stage.send(
                    stage.request(Method::POST, &account_path(hidden, action)).bearer_auth(&user.token)
                ),
                stage.send(stage.request(Method::POST, &account_path(none, action)).bearer_auth(&user.token)),
            );
            of_hidden.expect_problem(404);
            assert_eq!(of_hidden.text, of_none.text);
        }
        for (asked, none) in [
            (json!({ "account": hidden }), json!({ "account": none })),
            (json!({ "account": "hidden_seller" }), json!({ "account": "none" })),
            (json!({ "account": hidden, "org": "theirs" }), json!({ "account": none, "org": "none" })),
            (
                json!({ "account": hidden, "org": theirs }),
                json!({ "account": none, "org": AccountId::fresh() }),
            ),
        ] {
            let (of_hidden, of_none) =
                tokio::join!(stage.post(user, DEBUG, &asked), stage.post(user, DEBUG, &none));
            of_hidden.expect_problem(404);
            assert_eq!(of_hidden.text, of_none.text);
        }
    }

    // An attempt of a hidden account is not seen through an account of one's own.
    let own = stage.account(ours, Environment::Production, "own_seller").await;
    for attempt in [entry.id, request.attempt] {
        let path = account_path(own.account_id, &format!("attempts/{attempt}"));
        stage.get(&user, &path).await.expect_problem(404);
    }
    assert!(stage.store.waiting_request(own.account_id, Source::Debug).await.expect("an answer").is_none());
    stage.finish().await;
}

#[tokio::test]
async fn g9_the_same_username_in_two_orgs_is_one_account_for_each() {
    let stage = Stage::start().await;
    let (theirs, ours) = (stage.org("theirs").await, stage.org("ours").await);
    let user = stage.user("anna", &[(ours, Role::Operator)]).await;
    let both = stage.user("ben", &[(ours, Role::Operator), (theirs, Role::Viewer)]).await;
    let hidden = stage.account(theirs, Environment::Production, "mil_243").await;
    let own = stage.account(ours, Environment::Production, "mil_243").await;
    let inspection = stage.get(&user, "/api/admin/ebay/tokens/mil_243/inspect").await.expect(200);
    assert_eq!(inspection["account_id"], json!(own.account_id));
    assert_eq!(inspection["refresh_token"]["opened_prefix"], "v^1.1#i^");
    assert!(!inspection.to_string().contains(REFRESH_TOKEN));

    let ambiguous = stage.get(&both, "/api/admin/ebay/tokens/mil_243/inspect").await;
    ambiguous.expect_problem(409);
    assert_eq!(ambiguous.json()["matches"].as_array().expect("matches").len(), 2);
    for org in ["ours".to_owned(), ours.to_string()] {
        let path = format!("/api/admin/ebay/tokens/mil_243/inspect?org={org}");
        assert_eq!(stage.get(&both, &path).await.expect(200)["account_id"], json!(own.account_id));
    }
    let path = account_path(hidden.account_id, "inspect");
    let detail = stage.get(&both, &path).await.expect_problem(403);
    assert!(detail.contains("operator"), "{detail}");
    stage.finish().await;
}

#[tokio::test]
async fn g9_a_viewer_reads_and_an_operator_acts() {
    let stage = Stage::start().await;
    let org = stage.org("acme").await;
    let viewer = stage.user("anna", &[(org, Role::Viewer)]).await;
    let account = stage.account(org, Environment::Production, "mil_243").await;
    let entry = stage.stored(&account, Source::Scheduled, Class::Refreshed, None).await;
    let id = account.account_id;
    stage.get(&viewer, LOGS).await.expect(200);
    stage.get(&viewer, STATUS).await.expect(200);
    stage.get(&viewer, &account_path(id, &format!("attempts/{}", entry.id))).await.expect(200);
    stage.get(&viewer, &account_path(id, "inspect")).await.expect_problem(403);
    for action in ["pause", "resume", "refresh"] {
        stage.post(&viewer, &account_path(id, action), &json!({})).await.expect_problem(403);
    }
    stage.post(&viewer, DEBUG, &json!({ "account": id })).await.expect_problem(403);
    assert!(stage.store.waiting_request(id, Source::Debug).await.expect("an answer").is_none());

    for role in [Role::Operator, Role::Admin] {
        let user = stage.user(role.as_str(), &[(org, role)]).await;
        stage.get(&user, &account_path(id, "inspect")).await.expect(200);
        stage.post(&user, &account_path(id, "pause"), &json!({})).await.expect(200);
        stage.post(&user, &account_path(id, "resume"), &json!({})).await.expect(200);
        stage.post(&user, DEBUG, &json!({ "account": id })).await.expect(202);
    }
    stage.finish().await;
}

#[tokio::test]
async fn g9_only_platform_admins_see_what_concerns_the_fleet() {
    let stage = Stage::start().await;
    let (one, other) = (stage.org("one").await, stage.org("other").await);
    let member = stage.user("anna", &[(one, Role::Admin)]).await;
    let root = stage.platform_admin().await;
    let mut made = Vec::new();
    for org in [one, other] {
        let account = stage.account(org, Environment::Production, "mil_243").await;
        made.push(stage.stored(&account, Source::Scheduled, Class::Refreshed, None).await.id.to_string());
    }
    assert_eq!(stage.get(&member, LOGS).await.entry_ids(), made[..1]);
    made.reverse();
    assert_eq!(stage.get(&root, LOGS).await.entry_ids(), made);

    let detail = stage.get(&member, "/api/admin/workers").await.expect_problem(403);
    assert!(detail.contains("platform admins"), "{detail}");
    expect_health_of_a_member(&stage, &member).await;
    let health = stage.get(&root, LOGS).await.json()["health"].clone();
    assert!(health["queues"].is_array() && health["attempts"].is_number(), "{health}");
    stage.finish().await;
}

/// Nothing of the fleet, nor of others' accounts.
async fn expect_health_of_a_member(stage: &Stage, member: &User) {
    let health = eventually("the feed is live", || async {
        let health = stage.get(member, LOGS).await.json()["health"].clone();
        (health["live"] == true).then_some(health)
    })
    .await;
    let shown: Vec<&str> = health.as_object().expect("health").keys().map(String::as_str).collect();
    let allowed = [
        "at",
        "findings",
        "headline",
        "last_tick_age_seconds",
        "last_tick_at",
        "live",
        "missing",
        "newest_entry_age_seconds",
        "newest_entry_at",
        "outbox_age_seconds",
        "tone",
        "warnings",
        "workers",
    ];
    assert_eq!(shown, allowed);
    assert_eq!(health["headline"], "No worker is live: nothing is refreshed; and 2 more things to see to.");
    let findings = health["findings"].as_array().expect("findings");
    let kinds: Vec<_> = findings.iter().map(|finding| finding["kind"].as_str().expect("a kind")).collect();
    assert_eq!(kinds, ["no_worker", "tick_late", "missing"]);
    assert!(findings.iter().all(|finding| finding["remedy"] == "tell the operator"), "{findings:?}");
}
