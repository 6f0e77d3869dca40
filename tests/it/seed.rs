//! What once went wrong, shown to work by the commands that people use.

use serde_json::Value;
use token_refresh::{
    crypto::SealContext,
    domain::{
        account::{AccountId, Environment, KeysetId, Role, Status},
        class::Class,
    },
    message::{Entry, Source},
    store::{EntryFilter, ImportToken, Membership, NewAccount, NewKeyset},
};

use self::damage::{Damage, plant, sealed_as};
use crate::support::{
    eventually,
    stage::{Actor, CLIENT_ID, CLIENT_SECRET, Stage, refresh_token, sha256},
};

mod damage;

#[tokio::test]
async fn a_debug_run_stands_on_top_of_the_unified_terminal() {
    let stage = Stage::set().await;
    let _crew = stage.crew().await;
    let account = stage.seller("mil_243").await;
    stage.expect_entry(account, |entry| entry.source == Source::Admin).await;
    stage.make_due(account).await;
    stage.expect_entry(account, |entry| entry.source == Source::Scheduled).await;

    let debug = stage.run(&["debug", "mil_243", "--json"]).await.succeeded();
    let entry = &debug.json()[0];
    assert_eq!(entry["source"], "debug");
    assert_eq!(entry["action"], "token_refresh_debug");
    assert_eq!(entry["response"]["status"], 200);

    let terminal = stage.run(&["terminal"]).await.succeeded();
    let top = terminal.out.split("\n#2 ").next().expect("a first entry");
    for line in
        ["#1 ", "source:   debug", "action:   token_refresh_debug", "HTTP 200", "refresh_token: v^1.1#i^…("]
    {
        assert!(top.contains(line), "no \"{line}\" in:\n{top}");
    }
    assert!(terminal.err.contains("newest entry"), "the terminal tells its own health: {}", terminal.err);

    let json = stage.run(&["terminal", "--json"]).await.succeeded().json();
    assert_eq!(json[0]["id"], entry["id"], "newest first");
    let sources: Vec<&Value> = json.iter().map(|entry| &entry["source"]).collect();
    assert_eq!(sources, ["debug", "scheduled", "admin"]);
    for entry in &json {
        for field in ["id", "created_at", "environment", "action", "source", "request", "response", "error"] {
            assert!(entry.get(field).is_some(), "{field} is missing in {entry}");
        }
    }
    let filtered = stage.run(&["terminal", "--json", "--source", "scheduled"]).await.succeeded().json();
    assert_eq!(filtered.len(), 1);
    assert_eq!(filtered[0]["action"], "token_refreshed");
    stage.expect_settled().await;
    stage.finish().await;
}

#[tokio::test]
async fn both_runs_show_the_same_token_in_entry_and_log() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    let [_scheduler, worker, _log_writer] = stage.crew().await;
    let debug = stage.entry(stage.debug(account).await).await;
    stage.make_due(account).await;
    let scheduled = stage.expect_entry(account, |entry| entry.source == Source::Scheduled).await;

    let token = |entry: &Entry| entry.request.as_ref().expect("it was sent").body["refresh_token"].clone();
    assert_eq!(token(&debug), token(&scheduled));
    let masked = refresh_token("mil_243", 1).masked();
    assert_eq!(token(&debug), masked.to_string());
    for entry in [&debug, &scheduled] {
        let line = path_line(&worker, entry).await;
        assert_eq!(line["caller"], entry.source.as_str());
        assert_eq!(line["account.id"], account.to_string());
        assert_eq!(line["account.house_name"], "House");
        assert_eq!(line["input_prefix"], "ENC:v1:k");
        assert_eq!(line["decrypted_prefix"], masked.prefix);
        assert_eq!(line["final_prefix"], masked.prefix);
        for field in ["input_prefix", "decrypted_prefix", "final_prefix"] {
            assert!(line[field].as_str().expect("text").chars().count() <= 8, "{line}");
        }
    }
    stage.finish().await;
}

#[tokio::test]
async fn the_prefix_line_reads_as_people_search_for_it() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    let worker = stage.start_with(&["worker"], &[("LOG_FORMAT", "text")]).await;
    worker.expect_log("started").await;
    let attempt = stage.debug(account).await;
    let line = worker.expect_log("token_refresh_path").await;
    let expected = "token_refresh_path caller=debug input_prefix=ENC:v1:k decrypted_prefix=v^1.1#i^ final_prefix=v^1.1#i^";
    assert!(line.contains(expected), "{line}");
    assert!(line.contains(&format!("account.id={account}")), "{line}");
    assert!(line.contains(&format!("attempt.id={attempt}")), "{line}");
    stage.finish().await;
}

#[tokio::test]
async fn g9_a_member_whose_id_is_not_the_orgs_sees_both_runs_and_a_stranger_none() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    let other_org = stage.store.put_org("elsewhere").await.expect("an org");
    for (name, org, token) in [("viewer", stage.org, "tr_viewer"), ("stranger", other_org, "tr_stranger")] {
        let member = [Membership { org, role: Role::Viewer }];
        let user = stage.store.put_user(name, false, &member, sha256(token), 1).await.expect("a user");
        assert_ne!(user.0, org.0);
    }
    let _crew = stage.crew().await;
    let debug = stage.entry(stage.debug(account).await).await;
    stage.make_due(account).await;
    let scheduled = stage.expect_entry(account, |entry| entry.source == Source::Scheduled).await;
    assert_ne!(debug.triggered_by, Some(stage.org.to_string()));

    let seen_by = async |token: &str| -> Vec<_> {
        let member = stage.store.member_by_token(sha256(token)).await.expect("the store answers");
        let orgs = member.expect("a member").memberships.iter().map(|membership| membership.org).collect();
        let filter = EntryFilter { orgs: Some(orgs), ..EntryFilter::default() };
        let entries = stage.store.history(&filter, None, 100).await.expect("the store answers");
        entries.into_iter().map(|entry| entry.id).collect()
    };
    assert_eq!(seen_by("tr_viewer").await, [scheduled.id, debug.id]);
    assert_eq!(seen_by("tr_stranger").await, []);

    let own = stage.run(&["terminal", "--json", "--org", "stage"]).await.succeeded();
    assert_eq!(own.json().len(), 2);
    let foreign = stage.run(&["terminal", "--json", "--org", "elsewhere"]).await.succeeded();
    assert_eq!(foreign.out, "");
    assert!(foreign.err.contains("No entries"), "{}", foreign.err);
    stage.finish().await;
}

#[tokio::test]
async fn entries_take_their_environment_from_the_account() {
    let stage = Stage::set().await;
    let production = stage.rested_seller("mil_243").await;
    let sandbox = sandbox_seller(&stage, "mil_243").await;
    stage.rest(sandbox).await;
    let _crew = stage.crew().await;
    let one = stage.entry(stage.debug(production).await).await;
    let other = stage.entry(stage.debug(sandbox).await).await;
    assert_eq!((one.environment, one.class), (Environment::Production, Class::Refreshed));
    assert_eq!((other.environment, other.class), (Environment::Sandbox, Class::Refreshed));

    for (environment, entry) in [("production", &one), ("sandbox", &other)] {
        let shown = stage.run(&["terminal", "--json", "--env", environment]).await.succeeded().json();
        assert_eq!(shown.len(), 1, "{shown:?}");
        assert_eq!(shown[0]["id"], entry.id.to_string());
        assert_eq!(shown[0]["environment"], environment);
    }
    stage.run(&["debug", "mil_243"]).await.failed().says("names several accounts").says(&sandbox.to_string());
    stage.run(&["debug", "mil_243", "--env", "sandbox"]).await.succeeded().prints("(sandbox)");
    stage.finish().await;
}

#[tokio::test]
async fn verify_says_fixed_and_verified_with_its_details() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    let _crew = stage.crew().await;
    let verified = stage.run(&["verify", "mil_243"]).await.succeeded();
    let fingerprint = refresh_token("mil_243", 1).masked().fingerprint;
    let verified = verified
        .prints("Fixed and verified, for mil_243 (production)")
        .prints("source=debug, action=token_refresh_debug")
        .prints("as source=scheduled")
        .prints("answered by eBay with 200")
        .prints("share one request builder")
        .prints("the same plain token, which begins with v^")
        .prints("nothing that begins with ENC: was sent")
        .prints("status is ok or expiring_soon")
        .prints(&format!("fp {fingerprint}"))
        .hides(refresh_token("mil_243", 1).expose());
    let statements = verified.out.lines().filter(|line| line.starts_with("ok  ")).count();
    assert!(statements >= 7 && !verified.out.contains("FAIL"), "{}", verified.out);
    assert_eq!(stage.status(account).await.status, Status::Ok);
    stage.expect_settled().await;
    stage.finish().await;
}

#[tokio::test]
async fn verify_fails_with_reasons_where_it_is_not_so() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("corrupt").await;
    plant(&stage, account, &sealed_as(Damage::Corrupt, &stage, account)).await;
    let paused = stage.rested_seller("paused").await;
    stage.store.pause_account(paused).await.expect("the store answers");
    let _crew = stage.crew().await;
    stage
        .run(&["verify", "corrupt"])
        .await
        .failed()
        .prints("FAIL  both were answered by eBay with 200")
        .prints("decrypt_failed")
        .prints("FAIL  both sent the same plain token")
        .prints("statement(s) do not hold")
        .prints(&format!("token-refresh inspect {account}"));
    stage.run(&["verify", "paused"]).await.failed().says("paused").says("accounts resume");
    stage.finish().await;
}

/// A seller of eBay's sandbox, under a keyset of that environment.
async fn sandbox_seller(stage: &Stage, username: &str) -> AccountId {
    let (id, environment) = (KeysetId::fresh(), Environment::Sandbox);
    let keyset = NewKeyset {
        id,
        environment,
        client_id: CLIENT_ID.into(),
        client_secret: stage.keyring.seal(&SealContext::client_secret(id, environment), CLIENT_SECRET),
        daily_quota: 50_000,
        api_url: Some(stage.ebay.url()),
    };
    stage.store.put_keyset(&keyset, &[stage.org]).await.expect("a keyset");
    let new = NewAccount {
        org: stage.org,
        keyset: id,
        environment,
        username,
        ebay_user_id: None,
        house_name: None,
    };
    let (account, _) = stage.store.put_account(&new).await.expect("an account");
    let token = refresh_token("sandbox", 1);
    stage.ebay.add_seller(CLIENT_ID, "sandbox", token.expose());
    let import = ImportToken {
        account,
        sealed: stage.keyring.seal(&SealContext::refresh_token(account, environment), token.expose()),
        sha256: token.sha256(),
        refresh_expires_at: None,
        replace: false,
        by: "cli:it".into(),
    };
    stage.store.import_token(&import).await.expect("an import");
    account
}

/// The worker's line with token prefixes for an entry's attempt.
async fn path_line(worker: &Actor, entry: &Entry) -> Value {
    let attempt = entry.id.to_string();
    eventually("the attempt's prefix line", || async {
        let lines = worker.output();
        let mut lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| line["message"] == "token_refresh_path" && line["attempt.id"] == attempt)
    })
    .await
}
