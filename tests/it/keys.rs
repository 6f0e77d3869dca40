//! Keys in the large: every sealed column is looked after, and one id means one key.

use token_refresh::crypto::{Keyring, SealContext};

use crate::support::{
    cli::run_in,
    stage::{ENVIRONMENT, Stage},
};

#[tokio::test]
async fn every_column_that_must_be_sealed_is_looked_after() {
    let stage = Stage::set().await;
    let must_be_sealed: Vec<String> = stage
        .value(
            "select array(select a.attname::text from pg_constraint c
                join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any(c.conkey)
                where c.contype = 'c' and pg_get_constraintdef(c.oid) like '%ENC:v1:%'
                    and c.conrelid <> 'key_canaries'::regclass order by 1)",
        )
        .await;
    let keyset = stage.keyset;
    stage.sql(&format!("update keysets set standby_secret = client_secret where id = '{keyset}'")).await;
    let account = stage.rested_seller("mil_243").await;
    stage.sql(&format!("update tokens set access_token = refresh_token, access_expires_at = clock() where account_id = '{account}'")).await;
    let looked_after: Vec<String> =
        stage.value("select array(select distinct column_name from sealed_texts order by 1)").await;
    assert_eq!(looked_after, must_be_sealed);
    stage.finish().await;
}

#[tokio::test]
async fn a_standby_secret_is_rotated_with_the_others_and_verified() {
    let mut stage = Stage::set().await;
    let keyset = stage.keyset;
    let standby =
        stage.keyring.seal(&SealContext::client_secret(keyset, ENVIRONMENT), "PRD-the-other-secret");
    stage.sql(&format!("update keysets set standby_secret = '{standby}' where id = '{keyset}'")).await;
    let old = stage.keys.clone();
    stage.keys = format!("k2:{},{old}", Keyring::generate_key());
    stage.run(&["keys", "verify"]).await.succeeded().prints("k1: 2 text(s)");
    stage.run(&["keys", "rotate"]).await.succeeded().prints("sealed 2 text(s) again with k2");
    stage.run(&["keys", "verify"]).await.succeeded().prints("k2: 2 text(s)");
    stage.keyring = Keyring::parse(&stage.keys).expect("good keys");
    let sealed: String =
        stage.value(&format!("select standby_secret from keysets where id = '{keyset}'")).await;
    let opened = stage.keyring.open(&SealContext::client_secret(keyset, ENVIRONMENT), &sealed);
    assert_eq!(opened.expect("it opens").as_str(), "PRD-the-other-secret");
    stage.finish().await;
}

#[tokio::test]
async fn of_two_processes_that_start_together_with_different_keys_under_one_id_one_is_refused() {
    let stage = Stage::set().await;
    for round in 0..6 {
        let keys = || format!("r{round}:{}", Keyring::generate_key());
        let (one, other) = (keys(), keys());
        let database = ("DATABASE_URL", stage.database.url());
        let (one, other) =
            ([database, ("TOKEN_KEYS", one.as_str())], [database, ("TOKEN_KEYS", other.as_str())]);
        let (one, other) =
            tokio::join!(run_in(&one, &["keys", "verify"], ""), run_in(&other, &["keys", "verify"], ""));
        let refused = [one, other].into_iter().filter(|run| run.err.contains("must not be used")).count();
        assert!(refused >= 1, "round {round}: both were let through");
    }
    stage.finish().await;
}
