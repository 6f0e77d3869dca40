//! The command line as people use it: what it does, what it refuses and what it says then.

use lapin::{
    options::{QueueDeclareOptions, QueueDeleteOptions},
    types::FieldTable,
};
use serde_json::Value;
use token_refresh::{domain::account::Environment, message::Source, store::NewAccount};
use uuid::Uuid;

use crate::support::{
    cli::run_in,
    database::TestDatabase,
    files::Files,
    proxy::Proxy,
    stage::{CLIENT_ID, CLIENT_SECRET, Stage, refresh_token, sha256},
    vhost::TestVhost,
};

mod keysets;
mod settings;

mod keys;

#[tokio::test]
async fn an_empty_installation_is_set_up_and_refreshes() {
    let (database, vhost) = (TestDatabase::create().await, TestVhost::create().await);
    let key = run_in(&[], &["keys", "generate", "k1"], "").await.succeeded().line().to_owned();
    let environment = [("DATABASE_URL", database.url()), ("AMQP_URL", vhost.url()), ("TOKEN_KEYS", &key)];
    let run = async |arguments: &[&str], input: &str| run_in(&environment, arguments, input).await;

    run(&["worker"], "").await.failed().says("run `token-refresh migrate`");
    run(&["orgs", "list"], "").await.failed().says("run `token-refresh migrate`");
    run(&["migrate"], "").await.succeeded().prints("applied").prints("topology is as in");
    run(&["migrate"], "").await.succeeded().prints("up to date");

    let org = run(&["orgs", "add", "acme"], "").await.succeeded();
    assert!(org.line().parse::<Uuid>().is_ok(), "{}", org.out);
    run(&["orgs", "add", "acme"], "").await.failed().says("there is an org \"acme\" already");
    run(&["orgs", "list"], "").await.succeeded().prints("acme  0 account(s), 0 member(s)");

    let user = run(&["users", "add", "alice", "--org", "acme=operator"], "").await.succeeded();
    assert!(user.line().starts_with("tr_") && user.line().len() > 40, "{}", user.out);
    user.says("not shown again");
    run(&["users", "add", "alice", "--org", "acme=viewer"], "").await.failed().says("user \"alice\" already");
    run(&["users", "add", "bob"], "").await.failed().says("sees nothing");
    run(&["users", "add", "bob", "--org", "nowhere=viewer"], "").await.failed().says("no org \"nowhere\"");
    run(&["users", "add", "bob", "--org", "acme=king"], "").await.misused().says("viewer, operator, admin");
    run(&["users", "list"], "").await.succeeded().prints("alice  user, 1 token(s)  acme: operator");
    run(&["users", "revoke", "alice"], "").await.succeeded().prints("ended 1 token(s)");
    run(&["users", "list"], "").await.succeeded().prints("no valid token");
    run(&["users", "revoke", "carol"], "").await.failed().says("no user \"carol\"");
    let again = run(&["users", "token", "alice"], "").await.succeeded().says("not shown again");
    assert!(again.line().starts_with("tr_"));
    run(&["users", "token", "carol"], "").await.failed().says("no user \"carol\"");
    run(&["users", "member", "alice", "--org", "acme=admin"], "").await.succeeded();
    run(&["users", "list"], "").await.succeeded().prints("alice  user, 1 token(s)  acme: admin");
    run(&["users", "member", "alice", "--leave", "acme"], "").await.succeeded();
    let left = run(&["users", "list"], "").await.succeeded();
    assert!(!left.out.contains("acme"), "{}", left.out);
    run(&["users", "member", "alice"], "").await.misused().says("--org");
    run(&["users", "member", "carol", "--leave", "acme"], "").await.failed().says("no user \"carol\"");

    let add = ["keysets", "add", CLIENT_ID, "--org", "acme"];
    run(&add, CLIENT_SECRET).await.succeeded().hides(CLIENT_SECRET);
    run(&add, CLIENT_SECRET).await.failed().says("keysets secret").hides(CLIENT_SECRET);
    let listed = run(&["keysets", "list"], "").await.succeeded().hides(CLIENT_SECRET);
    listed.prints(CLIENT_ID).prints("secret version 1, 50000 calls a day").prints("orgs: acme");
    run(&["doctor"], "")
        .await
        .failed()
        .prints("ok    schema")
        .prints("ok    topology")
        .prints("No worker is live");
}

#[tokio::test]
async fn settings_that_are_missing_or_wrong_are_named_with_their_fix() {
    let stage = Stage::set().await;
    let [database, broker, keys] = stage.environment();
    run_in(&[], &["orgs", "list"], "").await.failed().says("DATABASE_URL is not set (nor DATABASE_URL_FILE)");
    run_in(&[database], &["terminal"], "").await.failed().says("AMQP_URL is not set (nor AMQP_URL_FILE)");
    run_in(&[database, broker], &["worker"], "")
        .await
        .failed()
        .says("TOKEN_KEYS is not set")
        .says("keys generate");
    run_in(&[("DATABASE_URL", "")], &["orgs", "list"], "").await.failed().says("DATABASE_URL is not set");

    let files = Files::new();
    let file = files.write("database-url", &format!("{}\n", stage.database.url()));
    run_in(&[("DATABASE_URL_FILE", &file)], &["orgs", "list"], "").await.succeeded().prints("stage");
    let both = [database, ("DATABASE_URL_FILE", file.as_str())];
    run_in(&both, &["orgs", "list"], "")
        .await
        .failed()
        .says("DATABASE_URL and DATABASE_URL_FILE are both set");
    let nowhere = [("DATABASE_URL_FILE", "/nowhere/url")];
    run_in(&nowhere, &["orgs", "list"], "").await.failed().says("/nowhere/url, which cannot be read");
    let keys_file = files.write("keys", keys.1);
    let from_file = [database, broker, ("TOKEN_KEYS_FILE", keys_file.as_str())];
    run_in(&from_file, &["keys", "verify"], "").await.succeeded().prints("sealing with k1");

    for (name, value, said) in [
        ("DATABASE_URL", "mysql://u:hush-hush@h/db", "not a PostgreSQL address"),
        ("DATABASE_URL", "postgres://u:hush-hush@127.0.0.1:1/db", "database unavailable"),
        ("AMQP_URL", "http://u:hush-hush@h", "AMQP_URL"),
        ("TOKEN_KEYS", "k1:aHVzaC1odXNo", "TOKEN_KEYS"),
        ("TOKEN_KEYS", "hush-hush", "TOKEN_KEYS"),
        ("LOG_FORMAT", "xml", "text, json"),
        ("LEASE", "soon", "--lease"),
    ] {
        let mut environment = vec![database, broker, keys];
        environment.retain(|(set, _)| *set != name);
        environment.push((name, value));
        let refused = run_in(&environment, &["worker"], "").await;
        assert!(matches!(refused.code, Some(1 | 2)), "{name}={value}: {refused:?}");
        refused.says(said).hides("hush-hush").hides("aHVzaC1odXNo");
    }
    let short = stage.run(&["worker", "--lease", "10s", "--call-timeout", "6s"]).await.failed();
    short.says("--lease 10s is less than twice --call-timeout 6s").hides("started");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it is bound").to_string();
    let deaf = stage.run(&["all", "--listen", &address]).await.failed();
    deaf.says(&format!("cannot listen on {address}")).hides("started");
    let shown: i64 = stage.value("select count(*) from instances").await;
    assert_eq!(shown, 0, "what never ran is not shown as live");
    stage.finish().await;
}

#[tokio::test]
async fn a_command_line_that_is_wrong_is_explained() {
    let stage = Stage::set().await;
    for (arguments, said) in [
        (&["refersh"][..], "unrecognized subcommand"),
        (&["terminal", "--limit", "100000"], "is not in 0..=1000"),
        (&["terminal", "--source", "moon"], "scheduled, debug, admin"),
        (&["terminal", "--class", "fine"], "refreshed, decrypt_failed"),
        (&["terminal", "--since", "yesterday"], "how long ago, like 2h"),
        (&["terminal", "--env", "live"], "production, sandbox"),
        (&["terminal", "--json", "--layout", "line"], "cannot be used with"),
        (&["worker", "--slots", "0"], "is not in 1..=2000"),
        (&["worker", "--lease", "soon"], "--lease"),
        (&["inspect"], "ACCOUNT"),
        (&["inspect", "mil_243", "--failing"], "cannot be used with"),
        (&["debug"], "ACCOUNT"),
        (&["admin", "--listen", "everywhere"], "--listen"),
        (&["fake-ebay", "--random", "good=1"], "is no behaviour"),
    ] {
        stage.run(arguments).await.misused().says(said);
    }
    for (arguments, said) in [
        (&["debug", "nobody"][..], "no account \"nobody\""),
        (&["terminal", "--account", "nobody"], "no account \"nobody\""),
        (&["terminal", "--org", "nowhere"], "no org \"nowhere\""),
        (&["inspect", "nobody"], "accounts list"),
        (&["accounts", "pause", "nobody"], "no account \"nobody\""),
        (&["accounts", "import", "/nowhere/sellers.csv", "--org", "stage"], "opening /nowhere/sellers.csv"),
        (&["fake-ebay", "--listen", "0.0.0.0:0"], "loopback only"),
        (&["keys", "generate", "a b"], "id"),
    ] {
        stage.run(arguments).await.failed().says(said);
    }
    stage.finish().await;
}

#[tokio::test]
async fn accounts_are_listed_narrowed_and_removed() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    let other_org = stage.store.put_org("other").await.expect("an org");
    stage.store.lend_keyset(stage.keyset, other_org).await.expect("it is lent");
    let elsewhere = NewAccount {
        org: other_org,
        keyset: stage.keyset,
        environment: Environment::Production,
        username: "mil_243",
        ebay_user_id: Some("immutable"),
        house_name: None,
    };
    let (elsewhere, _) = stage.store.put_account(&elsewhere).await.expect("an account");
    stage.import(elsewhere, &refresh_token("elsewhere", 1)).await;

    let ambiguous = stage.run(&["accounts", "show", "mil_243"]).await.failed().says("names several accounts");
    for account in [account, elsewhere] {
        assert!(ambiguous.err.contains(&account.to_string()), "{}", ambiguous.err);
    }
    stage.run(&["accounts", "show", "mil_243", "--org", "other"]).await.succeeded().prints("immutable");
    stage.run(&["accounts", "show", &account.to_string()]).await.succeeded().prints("org             stage");
    assert_eq!(stage.run(&["accounts", "list"]).await.succeeded().out.lines().count(), 2);
    assert_eq!(stage.run(&["accounts", "list", "--limit", "1"]).await.succeeded().out.lines().count(), 1);
    let narrowed = stage.run(&["accounts", "list", "--org", "other", "--json"]).await.succeeded().json();
    assert_eq!(narrowed.len(), 1);
    assert_eq!(narrowed[0]["account_id"], elsewhere.to_string());
    assert_eq!(narrowed[0]["refresh_error"], Value::Null);
    assert_eq!(stage.run(&["accounts", "list", "--env", "sandbox"]).await.succeeded().out, "");

    let remove = ["accounts", "remove", "mil_243", "--org", "other"];
    stage.run(&remove).await.failed().says("would lose its tokens for good; add --yes");
    let waiting = stage.store.put_request(elsewhere, Source::Debug, "cli:it").await.expect("a request");
    let remove: Vec<&str> = remove.into_iter().chain(["--yes"]).collect();
    stage.run(&remove).await.failed().says("is under way or waits");
    let _crew = stage.crew().await;
    stage.advance(std::time::Duration::from_secs(6)).await;
    stage.entry(waiting.attempt).await;
    stage.expect_settled().await;
    stage.run(&remove).await.succeeded().prints("removed mil_243").prints("its entries stay");
    let entries = stage.entries().await.len();
    assert!((1..=2).contains(&entries), "the press, and its own run unless the press came first: {entries}");
    stage.run(&["accounts", "show", "mil_243"]).await.succeeded().prints(&account.to_string());
    stage.finish().await;
}

#[tokio::test]
async fn doctor_finds_what_is_wrong_and_says_what_to_do() {
    let stage = Stage::set().await;
    let [database, broker, keys] = stage.environment();
    let bare = run_in(&[], &["doctor"], "").await.failed();
    let bare =
        bare.prints("DATABASE_URL is not set").prints("AMQP_URL is not set").prints("TOKEN_KEYS is not set");
    bare.prints("keys generate").prints("3 problem(s)");

    let no_database = [("DATABASE_URL", "postgres://u:hush@127.0.0.1:1/x"), broker, keys];
    let ran = run_in(&no_database, &["doctor"], "").await.failed();
    ran.prints("FAIL  database").prints("that PostgreSQL runs").prints("ok    broker").hides("hush");
    let no_broker = [database, ("AMQP_URL", "amqp://u:hush@127.0.0.1:1/x"), keys];
    let ran = run_in(&no_broker, &["doctor"], "").await.failed();
    ran.prints("ok    database").prints("FAIL  broker").prints("that RabbitMQ runs").hides("hush");

    let idle = stage.run(&["doctor"]).await.failed();
    let idle =
        idle.prints("ok    database").prints("ok    schema").prints("ok    broker").prints("ok    topology");
    idle.prints("No worker is live").prints("No scheduler is live").prints("No log-writer is live");
    let _crew = stage.crew().await;
    crate::support::eventually("the scheduler has ticked", || async {
        let health = stage.store.health(None).await.expect("the store answers");
        health.last_tick_at.map(|_| ())
    })
    .await;
    stage.run(&["doctor"]).await.succeeded().prints("All is well.").prints("k1 open their canaries");

    stage.sql("update keysets set client_secret = replace(client_secret, ':k1:', ':k9:')").await;
    let ran = stage.run(&["doctor"]).await.failed();
    ran.prints("1 stored text(s) need key \"k9\"").prints("add that key to TOKEN_KEYS");
    stage.sql("update keysets set client_secret = replace(client_secret, ':k9:', ':k1:')").await;

    // Another version, and another set of keys.
    stage
        .sql(
            "insert into instances (id, role, version, git_commit, environment, key_ids)
             values ('worker-old', 'worker', '0.0.1', 'abcdef0', '{}', '{k0}')",
        )
        .await;
    let mixed = stage.run(&["doctor"]).await.failed();
    mixed.prints("2 versions run side by side: ").prints("0.0.1 abcdef0").prints("hold different keys");
    stage.run(&["terminal"]).await.succeeded().says("2 versions run side by side");
    stage.finish().await;
}

#[tokio::test]
async fn doctor_waits_for_servers_that_come_later_but_not_for_ever() {
    let stage = Stage::set().await;
    let (database, database_url) = Proxy::before(stage.database.url()).await;
    let (amqp, amqp_url) = Proxy::before(stage.vhost.url()).await;
    let through = [("DATABASE_URL", database_url.as_str()), ("AMQP_URL", amqp_url.as_str())];
    database.refuse(true).await;
    amqp.refuse(true).await;
    let [_, _, keys] = stage.environment();
    let absent = [through[0], through[1], keys];
    let ran = run_in(&absent, &["doctor", "--wait", "1s"], "").await.failed();
    ran.says("waiting for the database").prints("FAIL  database").prints("FAIL  broker");

    let mut doctor = stage.start_with(&["doctor", "--wait", "60s"], &through).await;
    doctor.expect_log("waiting for the database").await;
    database.refuse(false).await;
    doctor.expect_log("waiting for the broker").await;
    amqp.refuse(false).await;
    doctor.expect_log("ok    database: answers").await;
    doctor.expect_log("ok    broker: answers").await;
    // No process runs on the stage, which it finds after the wait.
    assert_eq!(doctor.ended().await, Some(1), "{}", doctor.output());
    stage.finish().await;
}

#[tokio::test]
async fn another_schema_or_topology_is_refused_with_the_fix() {
    let stage = Stage::set().await;
    stage.sql("delete from refinery_schema_history where version > 2").await;
    for role in [&["worker"][..], &["scheduler"], &["log-writer"], &["admin"], &["all"]] {
        stage.run(role).await.failed().says("the database has schema 2").says("token-refresh migrate");
    }
    stage.run(&["doctor"]).await.failed().prints("FAIL  schema").prints("run `token-refresh migrate`");

    let connection = stage.vhost.connect().await;
    let channel = connection.create_channel().await.expect("an open connection");
    let options = QueueDeleteOptions::default();
    channel.queue_delete("refresh.debug".into(), options).await.expect("it is deleted");
    let missing = stage.run(&["doctor"]).await.failed();
    missing.prints("FAIL  topology").prints("refresh.debug");
    let declare = QueueDeclareOptions { durable: true, ..Default::default() };
    channel
        .queue_declare("refresh.debug".into(), declare, FieldTable::default())
        .await
        .expect("a classic queue");
    let differs = stage.run(&["doctor"]).await.failed();
    differs.prints("FAIL  topology").prints("refresh.debug").prints("must be emptied and deleted first");
    stage.finish().await;
}

#[tokio::test]
async fn every_command_has_help_that_says_what_it_needs() {
    let top = run_in(&[], &["--help"], "").await.succeeded();
    for word in
        ["DATABASE_URL", "AMQP_URL", "TOKEN_KEYS", "_FILE", "doctor", "keys generate", "accounts import"]
    {
        assert!(top.out.contains(word), "{word}");
    }
    let shown = run_in(&[], &["--version"], "").await.succeeded();
    assert!(shown.out.starts_with("token-refresh 0."), "{}", shown.out);
    for (command, words) in [
        (&["scheduler"][..], &["--tick", "[default: 5s]", "SCHEDULER_TICK"][..]),
        (&["worker"], &["--lease", "--call-timeout", "WORKER_SLOTS"]),
        (&["log-writer"], &["--database-connections"]),
        (&["admin"], &["--listen", "ADMIN_LISTEN"]),
        (&["all"], &["--tick", "--lease", "--listen", "--retention-days"]),
        (&["demo"], &["--for", "empty database"]),
        (&["fake-ebay"], &["--random", "rate_limited:30"]),
        (&["keysets", "add"], &["standard input", "--secret-file", "EBAY_API_URL"]),
        (&["keysets", "set"], &["--daily-quota", "--debug-reserve", "ebay"]),
        (&["accounts", "import"], &["username, environment, refresh_token", "house_name", "--replace"]),
        (&["terminal"], &["--follow", "--json", "--source"]),
        (&["debug"], &["ACCOUNT", "--env", "--org"]),
        (&["verify"], &["ACCOUNT", "same", "Fails unless"]),
        (&["inspect"], &["--failing", "--json"]),
        (&["keys", "rotate"], &["Safe to repeat"]),
    ] {
        let arguments: Vec<&str> = command.iter().copied().chain(["--help"]).collect();
        let help = run_in(&[], &arguments, "").await.succeeded();
        for word in words {
            assert!(help.out.contains(word), "{command:?} lacks {word}:\n{}", help.out);
        }
    }
}

#[tokio::test]
async fn a_bearer_token_that_users_add_prints_is_valid() {
    let stage = Stage::set().await;
    let add = ["users", "add", "alice", "--org", "stage=viewer", "--token-days", "1"];
    let token = stage.run(&add).await.succeeded().line().to_owned();
    let member = stage.store.member_by_token(sha256(&token)).await.expect("the store answers");
    assert_eq!(member.expect("a member").name, "alice");
    stage.advance(std::time::Duration::from_secs(86_401)).await;
    assert!(stage.store.member_by_token(sha256(&token)).await.expect("the store answers").is_none());
    stage.finish().await;
}

#[tokio::test]
async fn output_that_nobody_reads_any_more_is_no_error() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    let _crew = stage.crew().await;
    for _ in 0..3 {
        stage.entry(stage.debug(account).await).await;
    }
    for command in ["terminal --limit 1000", "accounts list", "inspect mil_243"] {
        let script =
            format!("'{}' {command} | true; exit ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_token-refresh"));
        let ran =
            tokio::process::Command::new("bash").args(["-c", &script]).envs(stage.environment()).output();
        let ran = ran.await.expect("bash runs");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(!said.contains("panicked"), "{command}: {said}");
        assert!(ran.status.success(), "{command}: {said}");
    }
    stage.finish().await;
}
