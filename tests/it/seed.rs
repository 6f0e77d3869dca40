//! What once went wrong, shown to work by the commands that people use.

use serde_json::Value;
use token_refresh::{
    crypto::{Keyring, SealContext},
    domain::{
        account::{AccountId, Environment, KeysetId, Role, Status},
        class::{Class, Sent},
    },
    message::{Action, Entry, Source},
    store::{EntryFilter, ImportToken, Membership, NewAccount, NewKeyset},
};

use crate::support::{
    eventually,
    stage::{Actor, CLIENT_ID, CLIENT_SECRET, Stage, refresh_token, sha256},
};

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
async fn a_decrypt_failure_is_told_with_a_synthetic_request_and_no_call() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("betterplanetsales").await;
    plant(&stage, account, &sealed_as(Damage::UnknownKey, &stage, account)).await;
    let [_scheduler, worker, _log_writer] = stage.crew().await;

    let debug = stage.run(&["debug", "betterplanetsales", "--json"]).await.failed();
    let entry = &debug.json()[0];
    assert_eq!(entry["class"], "decrypt_failed");
    assert_eq!(entry["reason"], "unknown_key");
    assert_eq!(entry["action"], "token_refresh_debug");
    assert_eq!(entry["sent"], "no");
    assert_eq!(entry["request"]["body"]["refresh_token"], "<decrypt_failed>");
    assert_eq!(entry["request"]["body"]["grant_type"], "refresh_token");
    assert_eq!(entry["response"], Value::Null);
    assert_eq!(entry["error"], "unknown key \"k7\"");

    stage.make_due(account).await;
    let scheduled = stage.expect_entry(account, |entry| entry.source == Source::Scheduled).await;
    assert_eq!((scheduled.action, scheduled.sent), (Action::TokenRefreshError, Sent::No));
    assert_eq!(scheduled.response, None);
    let line = path_line(&worker, &scheduled).await;
    assert_eq!(line["input_prefix"], "ENC:v1:k");
    assert_eq!(line["decrypted_prefix"], "-");
    let told = worker.expect_log("does not open").await;
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["token.row"], account.to_string());
    assert_eq!(told["token.key_id"], "k7");
    assert_eq!(told["token.reason"], "unknown_key");
    assert!(told["token.chars"].as_u64().is_some_and(|chars| chars > 300), "{told}");

    assert_eq!(stage.ebay.calls(), [], "nothing is sent");
    let status = stage.status(account).await;
    assert_eq!(status.refresh_error.as_deref(), Some("decrypt_failed: unknown key \"k7\""));
    let terminal = stage.run(&["terminal"]).await.succeeded();
    terminal
        .prints("refresh_token: <decrypt_failed>")
        .prints("response: null")
        .prints("decrypt_failed (unknown_key)");
    stage.expect_settled().await;
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

#[tokio::test]
async fn inspect_names_the_reason_and_the_next_step_without_the_network() {
    let stage = Stage::set().await;
    let healthy = stage.rested_seller("healthy").await;
    let mut damaged = Vec::new();
    for (index, damage) in Damage::ALL.into_iter().enumerate() {
        let account = stage.rested_seller(&format!("damaged_{index}")).await;
        plant(&stage, account, &sealed_as(damage, &stage, account)).await;
        stage.make_due(account).await;
        damaged.push((account, damage));
    }
    let crew = stage.crew().await;
    for (account, damage) in &damaged {
        let entry = stage.expect_entry(*account, |entry| entry.class == Class::DecryptFailed).await;
        assert_eq!(entry.reason.as_deref(), Some(damage.reason()));
    }
    drop(crew);

    let secret = refresh_token("healthy", 1);
    let shown = stage.run(&["inspect", "healthy"]).await.succeeded();
    let fingerprint = secret.masked().fingerprint;
    shown
        .prints("sealed ENC:v1:k…")
        .prints("key \"k1\"")
        .prints(&format!("opens to v^1.1#i^…({} chars, fp {fingerprint})", secret.expose().len()))
        .hides(secret.expose());
    for (account, damage) in &damaged {
        let shown = stage.run(&["inspect", &account.to_string()]).await.succeeded();
        let shown = shown.prints(&format!("does not open: {}", damage.reason())).prints(damage.next_step());
        assert!(shown.out.contains("chars, key \"k") || shown.out.contains("no key id"), "{}", shown.out);
        let json = stage.run(&["inspect", &account.to_string(), "--json"]).await.succeeded().json();
        let view = &json[0]["refresh_token"];
        assert_eq!(view["reason"], damage.reason());
        assert!(view["prefix"].as_str().is_some_and(|prefix| prefix.chars().count() <= 8), "{view}");
        assert!(view["chars"].as_u64().is_some_and(|chars| chars > 4), "{view}");
        assert_eq!(json[0]["token_row"], account.to_string());
        assert!(json[0]["advice"].as_str().is_some_and(|advice| advice.contains(damage.next_step())));
    }
    let failing = stage.run(&["inspect", "--failing", "--json"]).await.succeeded();
    let rows = failing.json();
    assert_eq!(rows.len(), damaged.len());
    assert!(rows.iter().all(|row| row["account_id"] != healthy.to_string()));
    for number in 1..=2 {
        assert!(!failing.out.contains(refresh_token("damaged_0", number).expose()));
    }
    stage.run(&["inspect", "--failing"]).await.succeeded().says("5 account(s) fail").prints("unknown_key");
    assert_eq!(stage.ebay.calls(), []);
    stage.finish().await;
}

#[tokio::test]
async fn g3_an_unsealed_text_cannot_be_stored() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("plain").await;
    let client = stage.database.connect().await;
    for column in ["refresh_token", "access_token"] {
        let plain = refresh_token("plain", 1);
        let update = format!(
            "update tokens set {column} = $2, access_expires_at = case when $1::text = 'access_token' then now() end
             where account_id = '{account}'"
        );
        let refused = client.execute(&update, &[&column, &plain.expose()]).await.expect_err("it is refused");
        let refused = refused.as_db_error().expect("by the database");
        assert_eq!(refused.constraint(), Some(format!("tokens_{column}_sealed").as_str()));
    }
    let update = format!("update keysets set client_secret = $1 where id = '{}'", stage.keyset);
    let refused = client.execute(&update, &[&CLIENT_SECRET]).await.expect_err("it is refused");
    let constraint = refused.as_db_error().and_then(|error| error.constraint().map(str::to_owned));
    assert_eq!(constraint.as_deref(), Some("keysets_client_secret_sealed"));
    stage.finish().await;
}

#[tokio::test]
async fn no_error_lingers_after_a_success() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    let whole: String =
        stage.value(&format!("select refresh_token from tokens where account_id = '{account}'")).await;
    plant(&stage, account, &sealed_as(Damage::Corrupt, &stage, account)).await;
    let _crew = stage.crew().await;
    assert_eq!(stage.entry(stage.debug(account).await).await.class, Class::DecryptFailed);
    assert!(stage.status(account).await.refresh_error.is_some());

    plant(&stage, account, &whole).await;
    assert_eq!(stage.entry(stage.debug(account).await).await.class, Class::Refreshed);
    let status = stage.status(account).await;
    assert_eq!((status.status, status.consecutive_failures), (Status::Ok, 0));
    assert_eq!((status.refresh_error, status.class), (None, None));
    let listed = stage.run(&["accounts", "list", "--json"]).await.succeeded().json();
    assert_eq!((&listed[0]["status"], &listed[0]["refresh_error"]), (&"ok".into(), &Value::Null));
    stage.finish().await;
}

/// What can befall a sealed text that is stored.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Malformed,
    Truncated,
    UnknownKey,
    WrongContext,
    Corrupt,
}

impl Damage {
    const ALL: [Self; 5] =
        [Self::Malformed, Self::Truncated, Self::UnknownKey, Self::WrongContext, Self::Corrupt];

    const fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Truncated => "truncated",
            Self::UnknownKey => "unknown_key",
            Self::WrongContext => "wrong_context",
            Self::Corrupt => "corrupt",
        }
    }

    const fn next_step(self) -> &'static str {
        match self {
            Self::UnknownKey => "Add key \"k7\" to TOKEN_KEYS",
            Self::WrongContext => "belongs to another row",
            Self::Malformed | Self::Truncated | Self::Corrupt => "Restore the row from a backup",
        }
    }
}

/// The account's token, sealed and then damaged.
fn sealed_as(damage: Damage, stage: &Stage, account: AccountId) -> String {
    let token = refresh_token("damaged", 2);
    let seal = |keyring: &Keyring, account| {
        keyring.seal(&SealContext::refresh_token(account, Environment::Production), token.expose())
    };
    let whole = seal(&stage.keyring, account);
    match damage {
        Damage::Malformed => "ENC:v1:k1:what:is:this".to_owned(),
        Damage::Truncated => whole[..whole.len() - 40].to_owned(),
        Damage::UnknownKey => {
            let lost = Keyring::parse(&format!("k7:{}", Keyring::generate_key())).expect("a good key");
            seal(&lost, account)
        }
        Damage::WrongContext => seal(&stage.keyring, AccountId::fresh()),
        Damage::Corrupt => {
            let (head, tail) = whole.split_at(whole.len() - 30);
            let flipped = if tail.starts_with('A') { "B" } else { "A" };
            format!("{head}{flipped}{}", &tail[1..])
        }
    }
}

/// Puts a sealed text where the account's refresh token stands.
async fn plant(stage: &Stage, account: AccountId, sealed: &str) {
    stage.sql(&format!("update tokens set refresh_token = '{sealed}' where account_id = '{account}'")).await;
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
