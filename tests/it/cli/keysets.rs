//! Keysets: their secrets, who may use them, and what of them can be changed.

use token_refresh::domain::account::Environment;

use crate::support::{
    files::Files,
    stage::{CLIENT_ID, Stage},
};

#[tokio::test]
async fn g4_a_client_secret_comes_from_file_or_input_and_is_never_echoed() {
    let stage = Stage::set().await;
    let files = Files::new();
    let file = files.write("cert-id.txt", "PRD-file-secret-123456\r\n");
    let from_file = ["keysets", "add", "FileApp", "--org", "stage", "--secret-file", &file];
    stage.run(&from_file).await.succeeded().hides("PRD-file-secret");
    let keyset = stage.store.find_keyset(Environment::Production, "FileApp").await.expect("SQL").expect("it");
    let sealed: String =
        stage.value(&format!("select client_secret from keysets where id = '{}'", keyset.id)).await;
    let context = token_refresh::crypto::SealContext::client_secret(keyset.id, Environment::Production);
    assert_eq!(stage.keyring.open(&context, &sealed).expect("it opens").as_str(), "PRD-file-secret-123456");

    let replace = ["keysets", "secret", "FileApp"];
    stage.feed(&replace, "PRD-second-secret-9\n").await.succeeded().hides("PRD-second");
    stage.run(&["keysets", "list"]).await.succeeded().prints("secret version 2");
    for bad in ["", "  \n", "two words", "ENC:v1:k1:x:1:y", &"x".repeat(2_000)] {
        let refused = stage.feed(&["keysets", "add", "Other", "--org", "stage"], bad).await.failed();
        let refused = refused.says("the client secret");
        if !bad.trim().is_empty() {
            refused.hides(bad.trim());
        }
    }
    let missing = ["keysets", "add", "Other", "--org", "stage", "--secret-file", "/nowhere/secret"];
    stage.run(&missing).await.failed().says("opening /nowhere/secret");
    stage.feed(&["keysets", "add", "Other", "--org", "nowhere"], "x").await.failed().says("orgs list");
    for url in ["http://api.ebay.com", "ftp://127.0.0.1", "nonsense", "https://u:p@api.ebay.com"] {
        let refused = stage.feed(&["keysets", "add", "Other", "--api-url", url], "secret").await;
        refused.failed().says("--api-url");
    }
    for unknown in [&["keysets", "secret", "Unknown"][..], &["keysets", "secret", "Unknown", "--standby"]] {
        stage.feed(unknown, "PRD-secret").await.failed().says("no keyset Unknown");
    }
    stage.feed(&["keysets", "secret", "FileApp", "--standby"], "PRD-third-secret").await.succeeded();
    let standby: Option<String> =
        stage.value("select standby_secret from keysets where client_id = 'FileApp'").await;
    assert!(standby.is_some_and(|sealed| sealed.starts_with("ENC:v1:")));
    stage.finish().await;
}

#[tokio::test]
async fn a_keyset_is_lent_taken_back_and_changed() {
    let stage = Stage::set().await;
    stage.store.put_org("second").await.expect("an org");
    stage.run(&["keysets", "lend", CLIENT_ID, "--org", "second"]).await.succeeded();
    stage.run(&["keysets", "list"]).await.succeeded().prints("orgs: second, stage");
    stage.run(&["keysets", "lend", CLIENT_ID]).await.misused().says("--org");
    stage.rested_seller("mil_243").await;
    stage
        .run(&["keysets", "unlend", CLIENT_ID, "--org", "stage"])
        .await
        .failed()
        .says("accounts of \"stage\" use");
    stage.run(&["keysets", "unlend", CLIENT_ID, "--org", "second"]).await.succeeded();
    stage.run(&["keysets", "list"]).await.succeeded().prints("orgs: stage");

    let set = |change: &'static [&'static str]| [&["keysets", "set", CLIENT_ID], change].concat();
    let quota = "select daily_quota || '/' || debug_reserve || '/' || (api_url is null)::text from keysets";
    for (change, expected) in [
        (&["--daily-quota", "1500000"][..], "1500000/75000/false"),
        (&["--debug-reserve", "7"], "1500000/7/false"),
        (&["--daily-quota", "100", "--debug-reserve", "99"], "100/99/false"),
        (&["--daily-quota", "1"], "1/0/false"),
        (&["--api-url", "ebay"], "1/0/true"),
        (&["--api-url", "http://127.0.0.1:9"], "1/0/false"),
    ] {
        stage.run(&set(change)).await.succeeded();
        assert_eq!(stage.value::<String>(quota).await, expected, "{change:?}");
    }
    stage.run(&set(&["--debug-reserve", "1"])).await.failed().says("less than the daily quota");
    stage.run(&set(&["--api-url", "http://api.ebay.com"])).await.failed().says("--api-url");
    stage.run(&set(&["--daily-quota", "0"])).await.misused();
    stage.run(&set(&[])).await.misused().says("--daily-quota");
    stage.finish().await;
}
