//! The fake against the crate's own client, and against bytes written by hand.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::Instant,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use zeroize::Zeroizing;

use super::{
    FakeEbay,
    behaviour::Behaviour,
    script::{Chaos, Script},
};
use crate::{
    domain::{
        account::Environment,
        class::{Class, Phase, Sent},
        token::{ClientSecret, Masked, RefreshToken},
    },
    ebay::{
        CallFailure, ClientSettings, EbayClient, Grant, RefreshRequest, Refusal, TokenCall, TokenEndpoint,
        classify,
    },
};

mod wire;

const AMPLE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);
const APP: &str = "Acme-listing-PRD-1a2b3c";
const SECRET: &str = "PRD-1a2b3c4d5e6f-aaaa-bbbb";
const TOKEN: &str = "v^1.1#i^1#f^0#p^3#r^1#I^3#t^Ul4xMF8wOkE2+/RTdDNkU5=";

struct Stage {
    fake: FakeEbay,
    client: EbayClient,
    endpoint: TokenEndpoint,
    _stop: DropGuard,
}

impl Stage {
    async fn start() -> Self {
        Self::seeded(1).await
    }

    /// A fake with one application and the seller `mil_243`.
    async fn seeded(seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let stop = CancellationToken::new();
        let fake = FakeEbay::start(listener, seed, stop.clone()).await;
        fake.add_application(APP, SECRET);
        fake.add_seller(APP, "mil_243", TOKEN);
        let client = EbayClient::new(&ClientSettings::default()).expect("a client");
        let endpoint = TokenEndpoint::of(Environment::Sandbox, Some(&fake.url())).expect("loopback");
        Self { fake, client, endpoint, _stop: stop.drop_guard() }
    }

    async fn call_as(&self, client_id: &str, secret: &str, token: &str, within: Duration) -> TokenCall {
        let token = RefreshToken::checked(Zeroizing::new(token.to_owned())).expect("well-formed");
        let client_secret = ClientSecret::checked(secret).expect("well-formed");
        let endpoint = &self.endpoint;
        let request =
            RefreshRequest { endpoint, client_id, client_secret: &client_secret, refresh_token: &token };
        self.client.refresh(&request, Instant::now() + within).await
    }

    async fn call(&self) -> TokenCall {
        self.call_as(APP, SECRET, TOKEN, AMPLE).await
    }

    async fn outcome(&self, behaviour: Behaviour) -> Result<Grant, Refusal> {
        self.fake.set_behaviour("mil_243", behaviour);
        classify(&self.call().await.result)
    }

    async fn control(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let request = format!(
            "{method} /_fake/{path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let text = self.raw(&request).await;
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, serde_json::from_str(body).expect("JSON"))
    }

    /// Sends bytes and reads until the fake closes.
    async fn raw(&self, bytes: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_bytes()).await.expect("writable");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("text");
        answer
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.fake.url().trim_start_matches("http://")).await.expect("it listens")
    }
}

/// A call as a client might send it, whose connection is closed after the answer.
fn post(headers: &str, body: &str) -> String {
    format!(
        "POST /identity/v1/oauth2/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn form_headers() -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let basic = STANDARD.encode(format!("{APP}:{SECRET}"));
    format!("Authorization: Basic {basic}\r\nContent-Type: application/x-www-form-urlencoded\r\n")
}

#[tokio::test]
async fn a_good_call_gets_a_token_and_leaves_a_record() {
    let stage = Stage::start().await;
    let answer = stage.call().await.result.expect("an answer");
    let rlogid = answer.header("rlogid").expect("a trace id").to_owned();
    assert!(answer.header("x-ebay-c-request-id").is_some());
    let grant = classify(&Ok(answer)).expect("a grant");
    assert_eq!(grant.expires_in, Duration::from_secs(7_200));
    assert!(grant.access_token.expose().starts_with("v^1.1#i^1#p^3#f^0#"));
    let [call] = stage.fake.calls().try_into().expect("one call");
    assert_eq!((call.rlogid, call.username.as_deref()), (rlogid, Some("mil_243")));
    assert_eq!(call.client_id.as_deref(), Some(APP));
    assert_eq!(call.fingerprint, Some(Masked::of(TOKEN).fingerprint));
    assert!(call.authorised && call.minted && call.answered && call.status == Some(200));
    assert!(call.ended.is_some_and(|ended| ended >= call.started) && stage.fake.in_flight() == 0);
    assert_eq!(stage.fake.violations(), []);
}

#[tokio::test]
async fn every_call_gets_another_token_and_another_trace_id() {
    let stage = Stage::start().await;
    let mut tokens = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let grant = classify(&stage.call().await.result).expect("a grant");
        tokens.insert(grant.access_token.expose().to_owned());
    }
    let rlogids: std::collections::BTreeSet<_> =
        stage.fake.calls().into_iter().map(|call| call.rlogid).collect();
    assert_eq!((tokens.len(), rlogids.len()), (20, 20));
    assert_eq!(stage.fake.sellers()[0].minted, 20);
}

#[tokio::test]
async fn every_behaviour_is_classified_as_what_it_stands_for() {
    let stage = Stage::start().await;
    for behaviour in Behaviour::ALL {
        let expected = match behaviour {
            Behaviour::Healthy
            | Behaviour::Slow(_)
            | Behaviour::AbsurdExpiry
            | Behaviour::ShortLived(_)
            | Behaviour::RotateRefreshToken => None,
            Behaviour::Revoked => Some((Class::GrantSuspect, Some("invalid_grant"))),
            Behaviour::InvalidClient => Some((Class::ClientInvalid, Some("invalid_client"))),
            Behaviour::InvalidScope => Some((Class::ScopeInvalid, Some("invalid_scope"))),
            Behaviour::RateLimited(_) => Some((Class::QuotaExhausted, None)),
            Behaviour::Unavailable503 | Behaviour::Html502 => Some((Class::ProviderError, None)),
            Behaviour::Html200 => Some((Class::BadResponse, Some("html"))),
            Behaviour::Empty200 => Some((Class::BadResponse, Some("empty"))),
            Behaviour::HalfAnswer => Some((Class::BadResponse, Some("cut"))),
            Behaviour::Cut => Some((Class::Network, Some("answer"))),
            Behaviour::Redirect | Behaviour::Echo => Some((Class::ProviderError, Some("edge"))),
            Behaviour::NulBody => Some((Class::BadResponse, Some("malformed_token"))),
            Behaviour::HugeBody(_) => Some((Class::BadResponse, Some("too_long"))),
            Behaviour::NoToken => Some((Class::BadResponse, Some("no_token"))),
            // These do not end by themselves: see the tests on time.
            Behaviour::Hang | Behaviour::Stall | Behaviour::Hold => continue,
        };
        let refusal = stage.outcome(behaviour).await.err();
        assert_eq!(refusal.map(|refusal| (refusal.class, refusal.reason)), expected, "{behaviour}");
        stage.fake.add_seller(APP, "mil_243", TOKEN);
    }
    assert_eq!(stage.fake.violations(), []);
}

#[tokio::test]
async fn a_rate_limit_says_how_long() {
    let stage = Stage::start().await;
    let refusal = stage.outcome(Behaviour::RateLimited(Some(90))).await.expect_err("a refusal");
    assert_eq!(refusal.retry_after, Some(Duration::from_secs(90)));
    let refusal = stage.outcome(Behaviour::RateLimited(None)).await.expect_err("a refusal");
    assert_eq!(refusal.retry_after, None);
    assert!(refusal.text.contains("2001"), "{}", refusal.text);
}

#[tokio::test]
async fn absurd_lives_are_all_granted() {
    let stage = Stage::start().await;
    for _ in 0..8 {
        let grant = stage.outcome(Behaviour::AbsurdExpiry).await.expect("a grant");
        assert!((300..=86_400).contains(&grant.expires_in.as_secs()));
    }
}

#[tokio::test]
async fn a_rotated_refresh_token_is_the_only_valid_one() {
    let stage = Stage::start().await;
    let grant = stage.outcome(Behaviour::RotateRefreshToken).await.expect("a grant");
    let rotated = grant.refresh_token.expect("a changed refresh token");
    assert_eq!(grant.refresh_token_expires_in, Some(Duration::from_secs(47_304_000)));
    let old = stage.outcome(Behaviour::Healthy).await.expect_err("no longer valid");
    assert_eq!(old.class, Class::GrantSuspect);
    let exchange = stage.call_as(APP, SECRET, rotated.expose(), AMPLE).await;
    assert!(classify(&exchange.result).is_ok());
    assert_eq!(stage.fake.sellers()[0].fingerprint, rotated.masked().fingerprint);
}

#[tokio::test]
async fn credentials_and_tokens_must_belong_together() {
    let stage = Stage::start().await;
    stage.fake.add_application("other-app", "other-secret");
    let foreign = "v^1.1#i^1#f^0#p^3#r^1#I^3#t^Ul4xMF8wforeign";
    stage.fake.add_seller("other-app", "foreign", foreign);
    let class = async |id, secret, token| {
        let refusal = classify(&stage.call_as(id, secret, token, AMPLE).await.result);
        refusal.err().map(|refusal| refusal.class)
    };
    assert_eq!(class(APP, "wrong", TOKEN).await, Some(Class::ClientInvalid));
    assert_eq!(class("unknown-app", SECRET, TOKEN).await, Some(Class::ClientInvalid));
    assert_eq!(class(APP, SECRET, foreign).await, Some(Class::GrantSuspect));
    assert_eq!(class(APP, SECRET, "v^1.1#i^1#f^0#p^3#nobodys").await, Some(Class::GrantSuspect));
    stage.fake.add_application(APP, "second-secret");
    assert_eq!(class(APP, "second-secret", TOKEN).await, None);
    assert_eq!(class(APP, SECRET, TOKEN).await, None);
    stage.fake.remove_secret(APP, SECRET);
    assert_eq!(class(APP, SECRET, TOKEN).await, Some(Class::ClientInvalid));
    let authorised: Vec<_> = stage.fake.calls().iter().map(|call| call.authorised).collect();
    assert_eq!(authorised, [false, false, true, true, true, true, false]);
}

#[tokio::test]
async fn calls_that_never_end_are_left_by_the_client() {
    let stage = Stage::start().await;
    for (behaviour, sent, phase) in [
        (Behaviour::Hang, Sent::Unknown, Some(Phase::Answer)),
        (Behaviour::Hold, Sent::Unknown, Some(Phase::Answer)),
        (Behaviour::Slow(600_000), Sent::Unknown, Some(Phase::Answer)),
        (Behaviour::Stall, Sent::Yes, None),
    ] {
        stage.fake.set_behaviour("mil_243", behaviour);
        let exchange = stage.call_as(APP, SECRET, TOKEN, SHORT).await;
        assert_eq!(exchange.sent, sent, "{behaviour}");
        let failure = exchange.result.as_ref().err().cloned();
        assert_eq!(failure, phase.map(|phase| CallFailure::Timeout { phase }), "{behaviour}");
        let refusal = classify(&exchange.result).expect_err("a refusal");
        assert_eq!(refusal.class, Class::Timeout, "{behaviour}");
        drop(exchange);
        stage.fake.until_idle().await;
    }
    assert!(stage.fake.calls().iter().all(|call| !call.answered));
}

#[tokio::test]
async fn a_held_call_is_answered_when_it_is_released() {
    let stage = Stage::start().await;
    stage.fake.set_behaviour("mil_243", Script::times(Behaviour::Hold, 1));
    let (exchange, ()) = tokio::join!(stage.call(), async {
        stage.fake.until_in_flight(1).await;
        stage.fake.release("somebody else");
        assert!(!stage.fake.calls()[0].answered);
        stage.fake.release("mil_243");
    });
    assert!(classify(&exchange.result).is_ok());
    assert!(classify(&stage.call().await.result).is_ok(), "healthy after the script");
}

#[tokio::test]
async fn what_is_set_for_everywhere_comes_first_and_random_last() {
    let stage = Stage::start().await;
    let behaviour = async || {
        let _ = stage.call().await;
        stage.fake.calls().last().map(|call| call.behaviour)
    };
    stage.fake.set_random(Some("revoked".parse().expect("a mixture")));
    assert_eq!(behaviour().await, Some(Behaviour::Revoked));
    stage.fake.set_behaviour("mil_243", Behaviour::Empty200);
    assert_eq!(behaviour().await, Some(Behaviour::Empty200));
    stage.fake.set_everywhere(Some(Behaviour::Unavailable503));
    assert_eq!(behaviour().await, Some(Behaviour::Unavailable503));
    stage.fake.set_everywhere(None);
    stage.fake.clear_behaviour("mil_243");
    assert_eq!(behaviour().await, Some(Behaviour::Revoked));
}

#[tokio::test]
async fn a_seed_repeats_its_choices() {
    let mut runs = Vec::new();
    for seed in [5, 5, 6] {
        let stage = Stage::seeded(seed).await;
        let chaos: Chaos = "healthy=4,revoked=3,unavailable_503=3".parse().expect("a mixture");
        stage.fake.set_random(Some(chaos));
        for _ in 0..24 {
            let _ = stage.call().await;
        }
        runs.push(stage.fake.calls().iter().map(|call| call.behaviour).collect::<Vec<_>>());
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test]
async fn g3_a_sealed_token_is_noticed() {
    let stage = Stage::start().await;
    let body = "grant_type=refresh_token&refresh_token=ENC%3Av1%3Ak1%3Aaaaa%3A24%3AAAAAAAAA";
    let answer = stage.raw(&post(&form_headers(), body)).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("\"invalid_grant\""), "{answer}");
    let [violation] = stage.fake.violations().try_into().expect("one violation");
    assert_eq!(violation.what, "the refresh token begins with ENC:");
    assert_eq!(violation.rlogid.as_ref(), Some(&stage.fake.calls()[0].rlogid));
}

#[tokio::test]
async fn a_followed_redirect_would_be_noticed() {
    let stage = Stage::start().await;
    stage.outcome(Behaviour::Redirect).await.expect_err("a redirect");
    assert_eq!(stage.fake.violations(), []);
    stage.control("POST", "redirected", "").await;
    assert_eq!(stage.fake.violations().len(), 1);
}

#[tokio::test]
async fn shutdown_cuts_what_is_under_way() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let stop = CancellationToken::new();
    let fake = FakeEbay::start(listener, 1, stop.clone()).await;
    fake.set_everywhere(Some(Behaviour::Hang));
    let mut stream = TcpStream::connect(fake.url().trim_start_matches("http://")).await.expect("it listens");
    stream.write_all(post("", "").as_bytes()).await.expect("writable");
    fake.until_in_flight(1).await;
    stop.cancel();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
    fake.until_idle().await;
}
