//! History: pages, filters, and the health beside them.

use std::collections::HashSet;

use token_refresh::domain::account::{Environment, Role};
use token_refresh::domain::class::Class;
use token_refresh::message::Source;
use token_refresh::store::EntryFilter;

use super::stage::{Stage, account_path};

const LOGS: &str = "/api/admin/ebay/tokens/terminal-logs";

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat() {
    let stage = Stage::start().await;
    let org = stage.org("acme").await;
    let user = stage.user("anna", &[(org, Role::Viewer)]).await;
    let account = stage.account(org, Environment::Production, "mil_243").await;
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(stage.stored(&account, Source::Scheduled, Class::Refreshed, None).await.id.to_string());
    }
    made.reverse();
    let (mut seen, mut path) = (Vec::new(), format!("{LOGS}?limit=3"));
    loop {
        let answer = stage.get(&user, &path).await;
        seen.extend(answer.entry_ids());
        match answer.json()["next_before"].as_str() {
            Some(cursor) => path = format!("{LOGS}?limit=3&before={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, made, "newest first");

    // A stored entry that cannot be read hides nothing behind it.
    let database = stage.database.connect().await;
    let broken = format!("update connect_logs set body = 'no json' where id = '{}'", made[1]);
    database.batch_execute(&broken).await.expect("SQL");
    let answer = stage.get(&user, &format!("{LOGS}?limit=2")).await;
    assert_eq!(answer.entry_ids(), made[..1]);
    let cursor = answer.json()["next_before"].as_str().expect("there is more").to_owned();
    let rest = stage.get(&user, &format!("{LOGS}?before={cursor}")).await;
    assert_eq!(rest.entry_ids(), made[2..]);
    stage.finish().await;
}

#[tokio::test]
async fn a_search_goes_back_in_steps_however_rare_what_it_looks_for() {
    let stage = Stage::start().await;
    let org = stage.org("acme").await;
    let user = stage.user("anna", &[(org, Role::Viewer)]).await;
    let account = stage.account(org, Environment::Production, "mil_243").await;
    let rare = stage.stored(&account, Source::Scheduled, Class::DecryptFailed, None).await.id;
    let database = stage.database.connect().await;
    let many = "insert into connect_logs
        select position + n, gen_random_uuid(), created_at + n * interval '1 microsecond', org_id, account_id,
            environment, action, source, 'refreshed', body from connect_logs, generate_series(1, 45000) n";
    database.batch_execute(many).await.expect("SQL");
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = stage.get(&user, &format!("{LOGS}?class=decrypt_failed{cursor}")).await;
        pages.push(answer.entry_ids());
        match answer.json()["next_before"].as_str() {
            Some(next) => cursor = format!("&before={next}"),
            None => break,
        }
    }
    assert_eq!(pages, [vec![], vec![], vec![rare.to_string()]]);
    let filter = EntryFilter { class: Some(Class::DecryptFailed), ..EntryFilter::default() };
    let found = stage.store.history(&filter, None, 10).await.expect("the store answers");
    assert_eq!(found.iter().map(|entry| entry.id).collect::<Vec<_>>(), [rare], "whoever wants all gets all");
    stage.finish().await;
}

#[tokio::test]
async fn filters_narrow_and_positions_are_told() {
    let stage = Stage::start().await;
    let org = stage.org("acme").await;
    let user = stage.user("anna", &[(org, Role::Viewer)]).await;
    let production = stage.account(org, Environment::Production, "mil_243").await;
    let sandbox = stage.account(org, Environment::Sandbox, "mil_243").await;
    let one = stage.stored(&production, Source::Scheduled, Class::Refreshed, None).await.id.to_string();
    let two = stage.stored(&production, Source::Debug, Class::DecryptFailed, None).await.id.to_string();
    let three = stage.stored(&sandbox, Source::Admin, Class::GrantSuspect, None).await.id.to_string();
    let cases: [(String, &[&String]); 9] = [
        (String::new(), &[&three, &two, &one]),
        ("?env=production".into(), &[&two, &one]),
        ("?env=sandbox".into(), &[&three]),
        ("?env=production&account=mil_243".into(), &[&two, &one]),
        (format!("?account={}", sandbox.account_id), &[&three]),
        ("?source=debug".into(), &[&two]),
        ("?action=token_refresh_debug".into(), &[&two]),
        ("?class=grant_suspect&source=admin".into(), &[&three]),
        ("?source=debug&env=sandbox".into(), &[]),
    ];
    for (query, expected) in cases {
        let answer = stage.get(&user, &format!("{LOGS}{query}")).await;
        assert_eq!(answer.entry_ids().iter().collect::<Vec<_>>(), expected, "{query}");
        for entry in answer.json()["entries"].as_array().expect("entries") {
            assert!(entry["position"].as_i64().is_some_and(|position| position > 0), "{entry}");
        }
    }
    // The same username in both environments: which one is meant?
    let ambiguous = stage.get(&user, &format!("{LOGS}?account=mil_243")).await;
    ambiguous.expect_problem(409);
    let matches: HashSet<String> = ambiguous.json()["matches"]
        .as_array()
        .expect("matches")
        .iter()
        .map(|found| found["account_id"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(matches, HashSet::from([production.account_id.to_string(), sandbox.account_id.to_string()]));
    let wrong_place = format!("{LOGS}?env=sandbox&account={}", production.account_id);
    stage.get(&user, &wrong_place).await.expect_problem(404);

    // History outlives its account.
    stage.store.remove_account(sandbox.account_id).await.expect("the database answers");
    let answer = stage.get(&user, &format!("{LOGS}?account={}", sandbox.account_id)).await;
    assert_eq!(answer.entry_ids(), [three]);
    stage.finish().await;
}

#[tokio::test]
async fn states_are_listed_in_pages_and_paused_accounts_stand_out() {
    let stage = Stage::start().await;
    let org = stage.org("acme").await;
    let user = stage.user("anna", &[(org, Role::Operator)]).await;
    for number in 0..5 {
        stage.account(org, Environment::Production, &format!("seller_{number}")).await;
    }
    let sandbox = stage.account(org, Environment::Sandbox, "seller_s").await;
    let (mut names, mut path) =
        (HashSet::new(), "/api/admin/ebay/tokens/status?limit=2&env=production".to_owned());
    loop {
        let page = stage.get(&user, &path).await.expect(200);
        for account in page["accounts"].as_array().expect("accounts") {
            assert!(names.insert(account["account"].as_str().expect("a name").to_owned()));
        }
        match page["next_after"].as_str() {
            Some(after) => {
                path = format!("/api/admin/ebay/tokens/status?limit=2&env=production&after={after}");
            }
            None => break,
        }
    }
    assert_eq!(names.len(), 5);
    let paused = stage.post(&user, &account_path(sandbox.account_id, "pause"), &().into()).await.expect(200);
    assert_eq!((&paused["paused"], &paused["changed"]), (&true.into(), &true.into()));
    let page = stage.get(&user, "/api/admin/ebay/tokens/status?env=sandbox").await.expect(200);
    assert_eq!(page["accounts"][0]["status"], "paused");
    let failing = stage.get(&user, "/api/admin/ebay/tokens/status?failing=true").await.expect(200);
    assert_eq!(failing["accounts"].as_array().expect("accounts").len(), 0);
    let resumed =
        stage.post(&user, &account_path(sandbox.account_id, "resume"), &().into()).await.expect(200);
    assert_eq!((&resumed["paused"], &resumed["changed"]), (&false.into(), &true.into()));
    let again = stage.post(&user, &account_path(sandbox.account_id, "resume"), &().into()).await.expect(200);
    assert_eq!(again["changed"], false);
    stage.finish().await;
}
