//! Stored tokens that do not open: what is told of them, and that nothing unsealed gets in.

use serde_json::Value;
use token_refresh::{
    crypto::{Keyring, SealContext},
    domain::{
        account::{AccountId, Environment, Status},
        class::{Class, Sent},
    },
    message::{Action, Source},
};

use super::path_line;
use crate::support::stage::{CLIENT_SECRET, Stage, refresh_token};

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
    assert_eq!((scheduled.action, scheduled.sent), (Action::TokenRefreshFailed, Sent::No));
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
pub(super) enum Damage {
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
pub(super) fn sealed_as(damage: Damage, stage: &Stage, account: AccountId) -> String {
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
pub(super) async fn plant(stage: &Stage, account: AccountId, sealed: &str) {
    stage.sql(&format!("update tokens set refresh_token = '{sealed}' where account_id = '{account}'")).await;
}
