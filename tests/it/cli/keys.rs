//! The keys that seal: rotated while everything runs, and wrong ones refused.

use token_refresh::{crypto::Keyring, domain::class::Class};

use crate::support::{cli::run_in, files::Files, stage::Stage};

#[tokio::test]
async fn keys_are_rotated_while_everything_runs() {
    let stage = Stage::set().await;
    let mut accounts = Vec::new();
    for number in 0..12 {
        accounts.push(stage.seller(&format!("seller_{number:02}")).await);
    }
    let second = run_in(&[], &["keys", "generate", "k2"], "").await.succeeded().line().to_owned();
    // First everybody can open with it, then it seals.
    let behind = format!("{},{second}", stage.keys);
    let ahead = format!("{second},{}", stage.keys);
    let crew = (
        stage.scheduler().await,
        stage.start_with(&["worker", "--retry-base", "1s"], &[("TOKEN_KEYS", &behind)]).await,
        stage.log_writer().await,
    );
    for account in &accounts {
        stage.expect_entry(*account, |entry| entry.class == Class::Refreshed).await;
    }
    let with = async |keys: &str, arguments: &[&str]| {
        let [database, broker, _] = stage.environment();
        run_in(&[database, broker, ("TOKEN_KEYS", keys)], arguments, "").await
    };
    with(&ahead, &["keys", "verify"]).await.succeeded().prints("k1: 25 text(s)").prints("sealing with k2");
    with(&second, &["keys", "verify"]).await.failed().prints("k1: 25 text(s)  MISSING from TOKEN_KEYS");
    let early = with(&second, &["keys", "rotate"]).await.failed();
    early.says("25 text(s) could not be opened and were left as they are");

    with(&ahead, &["keys", "rotate"]).await.succeeded().prints("sealed 25 text(s) again with k2");
    with(&ahead, &["keys", "rotate"]).await.succeeded().prints("sealed 0 text(s)");
    for account in &accounts {
        let debug = stage.entry(stage.debug(*account).await).await;
        assert_eq!(debug.class, Class::Refreshed, "{debug:?}");
    }
    // That worker still seals with k1: once more after it is gone, then the old key may go.
    drop(crew);
    with(&ahead, &["keys", "rotate"]).await.succeeded().prints("sealed 12 text(s)");
    with(&second, &["keys", "verify"]).await.succeeded().prints("k2: 25 text(s)");
    let alone = stage.start_with(&["all", "--tick", "200ms"], &[("TOKEN_KEYS", &second)]).await;
    alone.expect_log("started").await;
    for account in &accounts {
        let debug = stage.entry(stage.debug(*account).await).await;
        assert_eq!(debug.class, Class::Refreshed, "{debug:?}");
    }
    let versions: i64 = stage.value("select count(*) from tokens where version > 4").await;
    assert_eq!(versions, 0, "to seal again is no change of the token");
    stage.finish().await;
}

#[tokio::test]
async fn a_rotation_leaves_alone_what_does_not_open() {
    let stage = Stage::set().await;
    stage.rested_seller("good").await;
    let bad = stage.rested_seller("bad").await;
    stage
        .sql(&format!("update tokens set refresh_token = left(refresh_token, 99) where account_id = '{bad}'"))
        .await;
    let ahead = format!("k2:{},{}", Keyring::generate_key(), stage.keys);
    let [database, broker, _] = stage.environment();
    let rotated = run_in(&[database, broker, ("TOKEN_KEYS", &ahead)], &["keys", "rotate"], "").await.failed();
    rotated.prints("sealed 2 text(s) again").says("1 text(s) could not be opened").says("inspect --failing");
    let text: String =
        stage.value(&format!("select refresh_token from tokens where account_id = '{bad}'")).await;
    assert!(text.starts_with("ENC:v1:k1:") && text.len() == 99, "{text}");
    stage.finish().await;
}

#[tokio::test]
async fn a_wrong_key_under_a_known_id_stops_every_process() {
    let stage = Stage::set().await;
    stage.run(&["keys", "verify"]).await.succeeded();
    let wrong = format!("k1:{}", Keyring::generate_key());
    let [database, broker, _] = stage.environment();
    let environment = [database, broker, ("TOKEN_KEYS", wrong.as_str())];
    for command in [&["worker"][..], &["all"], &["scheduler"], &["keys", "verify"], &["keys", "rotate"]] {
        let refused = run_in(&environment, command, "").await.failed();
        refused.says("key \"k1\" must not be used").hides(&wrong[3..]);
    }
    let file = Files::new();
    let sellers = file.write("sellers.csv", "username,environment,refresh_token\n");
    let import = ["accounts", "import", &sellers, "--org", "stage"];
    run_in(&environment, &import, "").await.failed().says("key \"k1\" must not be used");
    run_in(&environment, &["doctor"], "")
        .await
        .failed()
        .prints("FAIL  keys")
        .prints("a key id always means one key");
    stage.finish().await;
}
