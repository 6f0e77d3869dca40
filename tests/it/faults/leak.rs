//! No secret in the clear (G4): a run in which everything fails that can fail, at the most talkative
//! log level, and then a search of all that was stored, queued, logged and printed.

use lapin::{
    options::{QueueBindOptions, QueueDeclareOptions},
    types::FieldTable,
};
use token_refresh::{
    crypto::{Keyring, SealContext},
    domain::{account::AccountId, class::Class},
    fake_ebay::Behaviour,
};

use super::expect_stored;
use crate::support::{
    cli::{Ran, run_in},
    secrets::{Secrets, spellings},
    stage::{Actor, CLIENT_ID, CLIENT_SECRET, ENVIRONMENT, Stage, refresh_token},
};

/// Louder than anybody should ask for: also what is silenced for the sake of secrets.
const LOUD: &str = "trace,lapin=trace,lapin::channel=trace,lapin::channels=trace,lapin::io_loop=trace,lapin::buffer=trace,lapin::connection=trace,tokio_postgres=trace,tokio_postgres::query=trace,tokio_postgres::prepare=trace,tokio_postgres::connection=trace,hyper=trace,hyper_util=trace,reqwest=trace,hyper_util::client=trace,hyper::proto::h1=trace,reqwest::connect=trace";

/// Keeps, still sealed, every token that ever stood in a row.
const KEEP_TOKENS: &str = "
    create table tokens_seen (account_id uuid, access_token text, refresh_token text);
    create function keep_token() returns trigger language plpgsql as $$
    begin
        insert into tokens_seen values (new.account_id, new.access_token, new.refresh_token);
        return null;
    end $$;
    create trigger keep_token after insert or update on tokens for each row execute function keep_token();";

/// A text that was sealed as a token and is none.
const NO_TOKEN: &str = "Hunter2-is-no-token-but-a-secret-all-the-same";

/// Binds a queue to every exchange, so that nothing that is published is forgotten.
async fn spy(stage: &Stage) {
    let channel = stage.vhost.connect().await.create_channel().await.expect("a channel");
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare("spy".into(), durable, FieldTable::default()).await.expect("a queue");
    for (exchange, key) in [
        ("connect-log", "#"),
        ("unroutable", ""),
        ("refresh", "refresh.due"),
        ("refresh", "refresh.debug"),
        ("dead-letter", "refresh.due"),
        ("dead-letter", "refresh.debug"),
        ("dead-letter", "connect-log.store"),
    ] {
        let binding = channel.queue_bind(
            "spy".into(),
            exchange.into(),
            key.into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        binding.await.expect("the exchange exists");
    }
}

async fn loud(stage: &Stage, arguments: &[&str]) -> Actor {
    let actor = stage.start_with(arguments, &[("RUST_LOG", LOUD)]).await;
    actor.expect_log("started").await;
    actor
}

/// Runs a command as loudly, whether it succeeds or not.
async fn run_loud(stage: &Stage, arguments: &[&str], input: &str) -> Ran {
    let environment = [stage.environment().as_slice(), &[("RUST_LOG", LOUD)]].concat();
    run_in(&environment, arguments, input).await
}

async fn replace_token(stage: &Stage, account: AccountId, sealed: &str) {
    stage
        .sql(&format!(
            "update tokens set refresh_token = '{sealed}', version = version + 1 where account_id = '{account}'"
        ))
        .await;
}

/// Accounts whose stored text is broken in a way of its own.
async fn broken_sellers(stage: &Stage) -> Vec<AccountId> {
    let mut accounts = Vec::new();
    for name in ["unknown_key", "wrong_key", "corrupt", "truncated", "swapped", "no_token"] {
        accounts.push(stage.rested_seller(name).await);
    }
    let sealed_by = |keys: &str, account: AccountId, text: &str| {
        let keyring = Keyring::parse(keys).expect("a generated key is good");
        keyring.seal(&SealContext::refresh_token(account, ENVIRONMENT), text)
    };
    let token = refresh_token("broken", 1);
    let foreign = sealed_by(&format!("k9:{}", Keyring::generate_key()), accounts[0], token.expose());
    replace_token(stage, accounts[0], &foreign).await;
    let wrong = sealed_by(&format!("k1:{}", Keyring::generate_key()), accounts[1], token.expose());
    replace_token(stage, accounts[1], &wrong).await;
    let whole = sealed_by(&stage.keys, accounts[2], token.expose());
    let flipped = if whole.ends_with('A') { 'B' } else { 'A' };
    replace_token(stage, accounts[2], &format!("{}{flipped}AAA", &whole[..whole.len() - 4])).await;
    let whole = sealed_by(&stage.keys, accounts[3], token.expose());
    replace_token(stage, accounts[3], &whole[..whole.len() / 2]).await;
    replace_token(stage, accounts[4], &sealed_by(&stage.keys, accounts[0], token.expose())).await;
    replace_token(stage, accounts[5], &sealed_by(&stage.keys, accounts[5], NO_TOKEN)).await;
    accounts
}

/// A seller named after its behaviour, behind a breaker that no other's failures trip.
async fn seller_of_his_own_keyset(stage: &Stage, behaviour: Behaviour) -> AccountId {
    let text = behaviour.to_string();
    let name = text.split(':').next().expect("a behaviour has a name");
    let client_id = format!("{name}-PRD-1");
    stage.ebay.add_application(&client_id, CLIENT_SECRET);
    let keyset = stage.keyset(&client_id, CLIENT_SECRET, 50_000).await;
    let account = stage.seller_of(keyset, &client_id, name).await;
    assert!(stage.ebay.set_behaviour(name, behaviour));
    account
}

/// Everything that an operator runs, with what may go wrong in it.
async fn run_commands(stage: &Stage) -> Vec<(String, Ran)> {
    let mut ran = Vec::new();
    let good = refresh_token("imported", 1);
    let json = format!(
        "{{\"username\":\"imported\",\"environment\":\"production\",\"refresh_token\":\"{}\"}}\n\
         {{\"username\":\"broken\",\"environment\":\"production\",\"refresh_token\":\"{}\n\
         {{\"username\":\"spaced\",\"environment\":\"production\",\"refresh_token\":\" {}\"}}\n\
         {{\"username\":\"{}\",\"environment\":\"moon\",\"refresh_token\":5}}\n",
        good.expose(),
        refresh_token("cut", 1).expose(),
        refresh_token("spaced", 1).expose(),
        refresh_token("misplaced", 1).expose(),
    );
    let csv = format!("username,environment,refresh_token\nin_csv,production,\"{}\n", good.expose());
    let import = ["accounts", "import", "-", "--org", "stage", "--keyset", CLIENT_ID];
    let secret = ["keysets", "add", "Another-PRD-1", "--org", "stage"];
    let bad_secret = ["keysets", "add", "Yet-Another-PRD-1", "--org", "stage"];
    for (arguments, input) in [
        (import.as_slice(), json.as_str()),
        (&import, &csv),
        (&secret, CLIENT_SECRET),
        (&bad_secret, &format!("{CLIENT_SECRET} {CLIENT_SECRET}")),
        (&["keysets", "list"], ""),
        (&["keys", "verify"], ""),
        (&["orgs", "list"], ""),
        (&["users", "list"], ""),
        (&["accounts", "list"], ""),
        (&["accounts", "list", "--json", "--failing"], ""),
        (&["accounts", "show", "healthy"], ""),
        (&["accounts", "refresh", "healthy"], ""),
        (&["inspect", "--failing"], ""),
        (&["inspect", "no_token"], ""),
        (&["debug", "echo"], ""),
        (&["debug", "rotate_refresh_token"], ""),
        (&["verify", "healthy"], ""),
        (&["terminal", "--limit", "1000"], ""),
        (&["terminal", "--limit", "1000", "--json"], ""),
        (&["doctor"], ""),
    ] {
        ran.push((arguments.join(" "), run_loud(stage, arguments, input).await));
    }
    for (name, value) in [
        ("TOKEN_KEYS", format!("{},{}", stage.keys, &stage.keys[3..])),
        ("TOKEN_KEYS", stage.keys.replace("k1:", "k1")),
        ("TOKEN_KEYS", format!("k1:{}", Keyring::generate_key())),
        ("DATABASE_URL", stage.database.url().replace("127.0.0.1", "127.0.0.1:x")),
        ("DATABASE_URL", format!("{}?sslmode=maybe", stage.database.url())),
        ("AMQP_URL", stage.vhost.url().replace("127.0.0.1", "127.0.0.1:x")),
        ("AMQP_URL", stage.vhost.url().replace("/it_", "/not_")),
    ] {
        for command in ["doctor", "migrate"] {
            let environment =
                [stage.environment().as_slice(), &[("RUST_LOG", LOUD), (name, value.as_str())]].concat();
            ran.push((format!("{command} with a bad {name}"), run_in(&environment, &[command], "").await));
        }
    }
    ran
}

#[tokio::test]
async fn g4_no_secret_is_stored_queued_logged_or_printed() {
    let mut stage = Stage::set().await;
    stage.expect_dead_letters(1..=1);
    stage.sql(KEEP_TOKENS).await;
    spy(&stage).await;
    let roles = [
        loud(&stage, &["scheduler", "--tick", "200ms"]).await,
        loud(&stage, &["worker", "--lease", "6s", "--call-timeout", "2s"]).await,
        loud(&stage, &["log-writer"]).await,
        loud(&stage, &["admin"]).await,
    ];
    let mut attempts = Vec::new();
    for account in broken_sellers(&stage).await {
        attempts.push(stage.debug(account).await);
    }
    for behaviour in Behaviour::ALL {
        let account = seller_of_his_own_keyset(&stage, behaviour).await;
        attempts.push(stage.debug(account).await);
    }
    stage.vhost.publish("refresh", "refresh.due", b"no message", lapin::BasicProperties::default()).await;
    stage.expect_calls(|calls| calls.iter().any(|call| call.behaviour == Behaviour::Hold)).await;
    stage.ebay.release_all();
    expect_stored(&stage, &attempts).await;
    let address = roles[3].expect_log("HTTP API").await;
    let address: serde_json::Value = serde_json::from_str(&address).expect("logs are JSON");
    ask(address["address"].as_str().expect("it names its address"), &stage.token).await;
    let ran = run_commands(&stage).await;

    let mut secrets = Secrets::of(&stage).await;
    secrets.look_for_stored(&stage, "tokens_seen").await;
    secrets.look_for("no token", NO_TOKEN);
    for name in ["broken", "cut", "spaced", "misplaced", "imported"] {
        secrets.look_for(name, refresh_token(name, 1).expose());
    }
    let found = secrets.found_in_database(&stage).await;
    assert!(found.is_empty(), "the database holds {found:#?}");
    let messages = search_queues(&stage, &secrets).await;
    assert!(messages > 2 * attempts.len(), "{messages} messages were searched");
    let mut bytes = 0;
    assert!(roles[1].output().contains("\"DEBUG\""), "the worker is loud");
    for role in &roles {
        secrets.expect_none("a log", role.output());
        bytes += role.output().len();
    }
    for (command, ran) in &ran {
        secrets.expect_none(&format!("{command}: standard output"), &ran.out);
        secrets.expect_none(&format!("{command}: standard error"), &ran.err);
        bytes += ran.out.len() + ran.err.len();
    }
    let classes = "select count(distinct class) from connect_logs";
    let classes: i64 = stage.value(classes).await;
    println!("{classes} classes, {messages} messages, {} commands, {bytes} bytes of output", ran.len());
    assert!(classes >= 9, "{classes} classes were seen");
    stage.finish().await;
}

/// Asks the HTTP API with the stage's bearer token.
async fn ask(address: &str, token: &str) {
    let client = reqwest::Client::builder().no_proxy().build().expect("the TLS provider is installed");
    for path in ["status", "terminal-logs", "no-such-page"] {
        let url = format!("http://{address}/api/admin/ebay/tokens/{path}");
        let asking = client.get(url).bearer_auth(token).send();
        crate::support::in_time("an answer", asking).await.expect("the API answers");
    }
}

/// Searches every message that was published, and those that lie in any queue; returns how many.
async fn search_queues(stage: &Stage, secrets: &Secrets) -> usize {
    let mut searched = 0;
    // A viewer's queue is its own; what it holds was published to the spy too.
    let queues = stage.vhost.queues().await.into_iter().filter(|queue| !queue.name.starts_with("viewer."));
    for queue in queues {
        for message in stage.vhost.peek(&queue.name, 10_000).await {
            secrets.expect_none(&queue.name, &message.payload);
            secrets.expect_none(&queue.name, message.properties.to_string());
            searched += 1;
        }
    }
    searched
}

#[tokio::test]
async fn g4_the_search_finds_what_is_planted() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("seller").await;
    let secrets = Secrets::of(&stage).await;
    assert_eq!(secrets.found_in_database(&stage).await.len(), 0);
    assert_eq!(secrets.found_in(refresh_token("seller", 1).masked().to_string()).len(), 0);
    let token = refresh_token("seller", 1);
    let key = &stage.keys[3..];
    for secret in [token.expose(), CLIENT_SECRET, key, &stage.token] {
        for (spelling, planted) in spellings(secret.as_bytes()) {
            for around in ["", "x", "yz"] {
                let text = [around.as_bytes(), &planted, b" and more"].concat();
                assert!(!secrets.found_in(text).is_empty(), "{spelling}");
            }
        }
    }
    // A part is enough.
    let part = &token.expose()[40..90];
    assert!(!secrets.found_in(part).is_empty());

    for plant in [
        format!("update accounts set house_name = '{part}' where id = '{account}'"),
        format!("update refresh_state set refresh_error = 'said {CLIENT_SECRET}'"),
    ] {
        stage.sql(&plant).await;
        assert!(!secrets.found_in_database(&stage).await.is_empty(), "{plant}");
        stage
            .sql("update accounts set house_name = null; update refresh_state set refresh_error = null")
            .await;
    }
    spy(&stage).await;
    let body = serde_json::json!({ "error": part }).to_string();
    stage.vhost.publish("connect-log", "x", body.as_bytes(), lapin::BasicProperties::default()).await;
    let message = &stage.vhost.peek("spy", 1).await[0];
    assert!(!secrets.found_in(&message.payload).is_empty());
    stage.finish().await;
}

#[tokio::test]
async fn g4_an_answer_that_repeats_the_request_is_told_without_it() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("echo").await;
    assert!(stage.ebay.set_behaviour("echo", Behaviour::Echo));
    let _crew = stage.crew().await;
    let entry = stage.entry(stage.debug(account).await).await;
    assert_eq!(entry.class, Class::ProviderError);
    let response = entry.response.as_ref().expect("it was answered").body.to_string();
    assert!(response.contains("Bad Request") && response.contains("fp "), "{response}");
    Secrets::of(&stage).await.expect_none("the entry", entry.to_text());
    stage.finish().await;
}
