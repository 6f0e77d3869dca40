//! Accounts in, from files as people have them.

use serde_json::json;
use token_refresh::{
    domain::{account::Status, class::Class},
    message::Source,
};

use crate::support::{
    eventually,
    files::Files,
    stage::{CLIENT_ID, Stage, refresh_token},
};

#[tokio::test]
async fn a_table_brings_accounts_in_and_they_are_refreshed_at_once() {
    let stage = Stage::set().await;
    let mut table =
        String::from("username,environment,refresh_token,refresh_token_expires_at,house_name,ebay_user_id\n");
    for number in 0..30 {
        let name = format!("seller_{number:02}");
        let token = refresh_token(&name, 1);
        stage.ebay.add_seller(CLIENT_ID, &name, token.expose());
        let rest = format!("2028-05-01T00:00:00Z,\"House, {number}\",uid{number}");
        table.extend([&name, ",production,", token.expose(), ",", &rest, "\n"]);
    }
    let files = Files::new();
    let file = files.write("sellers.csv", &table);
    let _crew = stage.crew().await;
    let import = ["accounts", "import", &file, "--org", "stage"];
    let ran = stage
        .run(&import)
        .await
        .succeeded()
        .prints("30 added, 0 replaced, 0 skipped (already there), 0 refused");
    ran.hides("v^1.1");
    eventually("all are refreshed", || async {
        let health = stage.store.health(None).await.expect("the store answers");
        (health.stored == 30).then_some(())
    })
    .await;
    for entry in stage.entries().await {
        assert_eq!((entry.class, entry.source), (Class::Refreshed, Source::Admin));
        assert!(entry.triggered_by.as_deref().is_some_and(|by| by.starts_with("cli:")), "{entry:?}");
    }
    let shown = stage.run(&["inspect", "seller_07"]).await.succeeded();
    let shown = shown.prints("house name      House, 7").prints("ebay user id    uid7");
    shown.prints("refresh expiry  2028-05-01T00:00:00+00:00").prints("status          ok");

    // Twice is safe: nothing is replaced, nothing is due.
    let again = stage.run(&import).await.succeeded();
    again.prints("0 added, 0 replaced, 30 skipped (already there), 0 refused").hides("v^1.1");
    let due: i64 = stage.value("select count(*) from refresh_state where next_refresh_at <= clock()").await;
    assert_eq!(due, 0);
    let import: Vec<&str> = import.into_iter().chain(["--replace"]).collect();
    stage.run(&import).await.succeeded().prints("0 added, 30 replaced");
    stage.expect_settled().await;
    stage.finish().await;
}

#[tokio::test]
async fn json_lines_come_from_standard_input_and_bad_ones_are_told_by_number() {
    let stage = Stage::set().await;
    let line = |name: &str, token: &str| {
        json!({ "username": name, "environment": "production", "refresh_token": token }).to_string()
    };
    let token = |name: &str| refresh_token(name, 1).expose().to_owned();
    let sealed = "ENC:v1:k1:0123456789abcdef:24:AAAAAAAAAAAAAAAAAAAAAAAA";
    let input = [
        line("first", &token("first")),
        "{ not json".to_owned(),
        line("sealed", sealed),
        line("old", "AgAAAA**AQAAAA**aAAAAA**secret-of-an-old-token"),
        line(&token("shifted"), "shifted"),
        json!({ "username": "mars", "environment": "mars", "refresh_token": token("mars") }).to_string(),
        json!({ "environment": "production", "refresh_token": token("nobody") }).to_string(),
        json!({ "username": "sandboxed", "environment": "sandbox", "refresh_token": token("sandboxed") })
            .to_string(),
        line("first", &token("first")),
        String::new(),
        line("last", &token("last")),
    ];
    let input = input.join("\n");
    let import = ["accounts", "import", "-", "--org", "stage"];
    let ran = stage.feed(&import, &input).await.failed();
    let mut ran = ran.prints("2 added, 0 replaced, 0 skipped (already there), 8 refused");
    for said in [
        "line 2: not JSON",
        "line 3: refresh_token begins with ENC:, so it is a sealed text and not a token",
        "line 4: refresh_token does not begin with v^",
        "line 5: username looks like a token",
        "line 6: environment is neither production nor sandbox",
        "line 7: username is missing",
        "line 8: the org has no such keyset in sandbox",
        "line 9: the same account stands in line 1",
    ] {
        ran = ran.says(said);
    }
    for secret in ["v^1.1", "AgAAAA", "AAAAAAAA", "secret-of"] {
        ran = ran.hides(secret);
    }
    let listed = stage.run(&["accounts", "list", "--json"]).await.succeeded();
    assert_eq!(listed.json().len(), 2);
    listed.hides("v^1.1");
    // The good lines of a file that was mended are skipped, the mended ones come in.
    let input = [line("first", &token("first")), line("mended", &token("mended"))].join("\n");
    stage.feed(&import, &input).await.succeeded().prints("1 added, 0 replaced, 1 skipped");
    stage.finish().await;
}

#[tokio::test]
async fn files_that_cannot_be_read_are_refused_as_a_whole() {
    let stage = Stage::set().await;
    let import = ["accounts", "import", "-", "--org", "stage"];
    for (input, said) in [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("name,token\nx,y\n", "should be the header, and lacks username, environment, refresh_token"),
        ("username,account,environment,refresh_token\n", "the header names username twice"),
        ("[{\"username\":\"x\"}]", "a JSON array; write one object per line"),
    ] {
        stage.feed(&import, input).await.failed().says(said);
    }
    stage
        .feed(&["accounts", "import", "-", "--org", "nowhere"], "x")
        .await
        .failed()
        .says("no org \"nowhere\"");
    stage.feed(&["accounts", "import", "-"], "x").await.misused().says("--org");
    stage
        .feed(&["accounts", "import", "-", "--org", "stage", "--format", "xml"], "x")
        .await
        .misused()
        .says("json, csv");
    let only_header = stage.feed(&import, "username,environment,refresh_token\n").await.succeeded();
    only_header.prints("0 added");
    stage.finish().await;
}

#[tokio::test]
async fn an_org_with_several_keysets_is_asked_which() {
    let stage = Stage::set().await;
    stage.ebay.add_application("Second", "second-secret");
    stage.keyset("Second", "second-secret", 50_000).await;
    let token = refresh_token("mil_243", 1);
    stage.ebay.add_seller("Second", "mil_243", token.expose());
    let input = format!("username;environment;refresh_token\nmil_243;Production;{}\n", token.expose());
    let import = ["accounts", "import", "-", "--org", "stage"];
    stage
        .feed(&import, &input)
        .await
        .failed()
        .says("line 2: the org has several keysets in production; name one");
    let import: Vec<&str> = import.into_iter().chain(["--keyset", "Second"]).collect();
    stage.feed(&import, &input).await.succeeded().prints("1 added");
    let other = ["accounts", "import", "-", "--org", "stage", "--keyset", CLIENT_ID];
    stage.feed(&other, &input).await.failed().says("line 2: the account belongs to another keyset");
    let unknown = ["accounts", "import", "-", "--org", "stage", "--keyset", "Unknown"];
    stage.feed(&unknown, &input).await.failed().says("no keyset \"Unknown\"");
    let _crew = stage.crew().await;
    let debug = stage.run(&["debug", "mil_243"]).await;
    assert!(matches!(debug.code, Some(0 | 1)), "refreshed, or in flight as it was due at once: {debug:?}");
    stage.expect_settled().await;
    let calls = stage.ebay.calls();
    assert!(calls.iter().all(|call| call.client_id.as_deref() == Some("Second") && call.minted), "{calls:?}");
    stage.finish().await;
}

#[tokio::test]
async fn an_import_heals_a_broken_account() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    stage
        .sql(&format!(
            "update tokens set refresh_token = left(refresh_token, 99) where account_id = '{account}'"
        ))
        .await;
    let _crew = stage.crew().await;
    assert_eq!(stage.entry(stage.debug(account).await).await.class, Class::DecryptFailed);
    let same = refresh_token("mil_243", 1);
    let input = format!("username,environment,refresh_token\nmil_243,production,{}\n", same.expose());
    let import = ["accounts", "import", "-", "--org", "stage"];
    // It had this token before, so it takes a word to bring it back.
    stage.feed(&import, &input).await.succeeded().prints("1 skipped (already there)");
    let import: Vec<&str> = import.into_iter().chain(["--replace"]).collect();
    stage.feed(&import, &input).await.succeeded().prints("1 replaced").hides(same.expose());
    let healed = stage.expect_entry(account, |entry| entry.class == Class::Refreshed).await;
    assert_eq!((healed.source, healed.attempt), (Source::Admin, 1));
    let status = stage.status(account).await;
    assert_eq!((status.status, status.refresh_error), (Status::Ok, None));
    stage.finish().await;
}

#[tokio::test]
async fn an_import_of_thousands_is_quick_and_shows_no_token() {
    let stage = Stage::set().await;
    let mut input = String::from("username,environment,refresh_token\n");
    for number in 0..3_000 {
        let name = format!("seller_{number:04}");
        input.extend([&name, ",production,", refresh_token(&name, 1).expose(), "\n"]);
    }
    let ran = stage.feed(&["accounts", "import", "-", "--org", "stage"], &input).await.succeeded();
    ran.prints("3000 added").hides("v^1.1");
    let sealed: i64 = stage
        .value("select count(*) from tokens where refresh_token like 'ENC:v1:k1:%' and version = 1")
        .await;
    assert_eq!(sealed, 3_000);
    stage.finish().await;
}
