//! The client against a peer that reads and writes bytes by hand.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::Instant,
};
use zeroize::Zeroizing;

use super::{
    answer::{Ending, MAX_BODY_BYTES},
    call::{CallFailure, TokenCall},
    client::{ClientSettings, EbayClient},
    endpoint::TokenEndpoint,
    request::RefreshRequest,
};
use crate::domain::{
    account::Environment,
    class::{Phase, Sent},
    token::{ClientSecret, RefreshToken},
};

/// Long enough for a loopback call on a busy machine.
const AMPLE: Duration = Duration::from_secs(20);
/// For calls that are meant to run out of time.
const SHORT: Duration = Duration::from_millis(300);
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

struct Peer {
    listener: TcpListener,
    endpoint: TokenEndpoint,
    client: EbayClient,
}

impl Peer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let endpoint = TokenEndpoint::of(Environment::Sandbox, Some(&url)).expect("loopback");
        let client = EbayClient::new(&ClientSettings::default()).expect("a client");
        Self { listener, endpoint, client }
    }

    fn call(&self, within: Duration) -> impl Future<Output = TokenCall> + use<> {
        let (endpoint, client) = (self.endpoint.clone(), self.client.clone());
        async move {
            let token = "v^1.1#i^1#f^0#p^3#r^1#I^3#t^Ul4x+/=".to_owned();
            let token = RefreshToken::checked(Zeroizing::new(token)).expect("well-formed");
            let secret = ClientSecret::checked("a-secret").expect("well-formed");
            let request = RefreshRequest {
                endpoint: &endpoint,
                client_id: "an-app",
                client_secret: &secret,
                refresh_token: &token,
            };
            client.refresh(&request, Instant::now() + within).await
        }
    }

    async fn accept(&self) -> TcpStream {
        self.listener.accept().await.expect("a connection").0
    }

    /// Makes a call and answers it with `bytes`, then closes.
    async fn answer(&self, bytes: &[u8]) -> TokenCall {
        let (exchange, ()) = tokio::join!(self.call(AMPLE), async {
            let mut peer = self.accept().await;
            read_request(&mut peer).await;
            // A client that has read enough may have left.
            let _ = peer.write_all(bytes).await;
        });
        exchange
    }
}

/// Reads one request to the end of its body.
async fn read_request(peer: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.and_then(|length| length.parse().ok()).expect("a length") {
                return text;
            }
        }
        let mut chunk = [0; 4096];
        let count = peer.read(&mut chunk).await.expect("readable");
        assert!(count > 0, "the request ended early: {text}");
        read.extend_from_slice(&chunk[..count]);
    }
}

#[tokio::test]
async fn the_request_is_what_ebay_documents() {
    let peer = Peer::start().await;
    let (exchange, request) = tokio::join!(peer.call(AMPLE), async {
        let mut peer = peer.accept().await;
        let request = read_request(&mut peer).await;
        peer.write_all(OK.as_bytes()).await.expect("writable");
        request
    });
    let (head, body) = request.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("POST /identity/v1/oauth2/token HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-type: application/x-www-form-urlencoded\r\n"), "{head}");
    assert!(head.contains("\r\nauthorization: Basic YW4tYXBwOmEtc2VjcmV0\r\n"), "{head}");
    let names: Vec<_> = head.lines().skip(1).filter_map(|line| line.split(':').next()).collect();
    assert_eq!(names, ["content-type", "accept", "user-agent", "content-length", "authorization", "host"]);
    assert_eq!(
        body,
        "grant_type=refresh_token&refresh_token=v%5E1.1%23i%5E1%23f%5E0%23p%5E3%23r%5E1%23I%5E3%23t%5EUl4x%2B%2F%3D"
    );
    assert_eq!(exchange.sent, Sent::Yes);
    let answer = exchange.result.expect("an answer");
    assert_eq!(
        (answer.status, answer.body.as_slice(), answer.ending),
        (200, b"{}".as_slice(), Ending::Complete)
    );
    assert_eq!(exchange.timings_ms.keys().collect::<Vec<_>>(), ["body", "call", "connect"]);
}

#[tokio::test]
async fn a_refused_connection_proves_that_nothing_was_sent() {
    let peer = Peer::start().await;
    let call = peer.call(AMPLE);
    drop(peer);
    let exchange = call.await;
    assert_eq!(exchange.sent, Sent::No);
    let failure = exchange.result.expect_err("nobody listens");
    let CallFailure::Network { phase: Phase::Connect, text } = failure else { panic!("{failure}") };
    assert!(text.contains("refused") && !text.contains("127.0.0.1"), "{text}");
}

#[tokio::test]
async fn g2_after_the_deadline_nothing_is_sent() {
    let peer = Peer::start().await;
    let exchange = peer.call(Duration::ZERO).await;
    assert_eq!(exchange.sent, Sent::No);
    assert_eq!(exchange.result.expect_err("late"), CallFailure::Timeout { phase: Phase::Connect });
}

#[tokio::test]
async fn a_tls_handshake_that_hangs_proves_that_nothing_was_sent() {
    let mut peer = Peer::start().await;
    let url = format!("https://{}", peer.listener.local_addr().expect("bound"));
    peer.endpoint = TokenEndpoint::of(Environment::Sandbox, Some(&url)).expect("https");
    let (exchange, _held) = tokio::join!(peer.call(SHORT), peer.accept());
    assert_eq!(exchange.sent, Sent::No);
    assert_eq!(exchange.result.expect_err("late"), CallFailure::Timeout { phase: Phase::Connect });
}

#[tokio::test]
async fn a_cut_without_an_answer_leaves_it_unknown() {
    let peer = Peer::start().await;
    let exchange = peer.answer(b"").await;
    assert_eq!(exchange.sent, Sent::Unknown);
    let failure = exchange.result.expect_err("no answer");
    assert!(matches!(failure, CallFailure::Network { phase: Phase::Answer, .. }), "{failure}");
    let exchange = peer.answer(b"HTTP/1.1 200 OK\r\nContent-Le").await;
    assert_eq!(exchange.sent, Sent::Unknown);
    let exchange = peer.answer(b"\x16\x03\x01 this is not HTTP\r\n\r\n").await;
    assert_eq!(exchange.sent, Sent::Unknown);
    assert!(matches!(exchange.result, Err(CallFailure::Network { phase: Phase::Answer, .. })));
}

#[tokio::test]
async fn a_hang_ends_at_the_deadline() {
    let peer = Peer::start().await;
    let start = Instant::now();
    let (exchange, _held) = tokio::join!(peer.call(SHORT), async {
        let mut peer = peer.accept().await;
        read_request(&mut peer).await;
        peer
    });
    assert!(start.elapsed() >= SHORT && start.elapsed() < AMPLE);
    assert_eq!(exchange.sent, Sent::Unknown);
    assert_eq!(exchange.result.expect_err("late"), CallFailure::Timeout { phase: Phase::Answer });
}

#[tokio::test]
async fn half_an_answer_is_kept_as_far_as_it_came() {
    let peer = Peer::start().await;
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nrlogid: t6k\r\n\r\n{\"access";
    let exchange = peer.answer(half).await;
    assert_eq!(exchange.sent, Sent::Yes);
    let answer = exchange.result.expect("a head");
    assert_eq!((answer.body.as_slice(), answer.ending), (b"{\"access".as_slice(), Ending::Cut));
    assert_eq!(answer.header("rlogid"), Some("t6k"));

    let (exchange, _held) = tokio::join!(peer.call(SHORT), async {
        let mut peer = peer.accept().await;
        read_request(&mut peer).await;
        peer.write_all(half).await.expect("writable");
        peer
    });
    assert_eq!(exchange.sent, Sent::Yes);
    assert_eq!(exchange.result.expect("a head").ending, Ending::TimedOut);
}

#[tokio::test]
async fn a_body_is_read_up_to_its_bound() {
    let peer = Peer::start().await;
    let with = |count: usize| {
        let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {count}\r\n\r\n").into_bytes();
        answer.resize(answer.len() + count, 0);
        answer
    };
    let answer = peer.answer(&with(MAX_BODY_BYTES)).await.result.expect("an answer");
    assert_eq!((answer.body.len(), answer.ending), (MAX_BODY_BYTES, Ending::Complete));
    let answer = peer.answer(&with(5_000_000)).await.result.expect("an answer");
    assert_eq!((answer.body.len(), answer.ending), (MAX_BODY_BYTES, Ending::TooLong));
}

#[tokio::test]
async fn g4_a_redirect_is_not_followed() {
    let peer = Peer::start().await;
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    for status in [301, 302, 303, 307, 308] {
        let location = elsewhere.local_addr().expect("bound");
        let answer =
            format!("HTTP/1.1 {status} Moved\r\nLocation: http://{location}/\r\nContent-Length: 0\r\n\r\n");
        let answer = peer.answer(answer.as_bytes()).await.result.expect("an answer");
        assert_eq!(answer.status, status);
    }
    let nobody = tokio::time::timeout(Duration::ZERO, elsewhere.accept()).await;
    assert!(nobody.is_err(), "the redirect was followed");
}

#[tokio::test]
async fn a_connection_is_used_again_and_a_dead_one_repeats_no_request() {
    let peer = Peer::start().await;
    let (exchange, mut connection) = tokio::join!(peer.call(AMPLE), async {
        let mut peer = peer.accept().await;
        read_request(&mut peer).await;
        peer.write_all(OK.as_bytes()).await.expect("writable");
        peer
    });
    exchange.result.expect("an answer");
    // The second call comes over the same connection, which dies under it.
    let (exchange, ()) = tokio::join!(peer.call(AMPLE), async {
        read_request(&mut connection).await;
        drop(connection);
    });
    assert_eq!(exchange.sent, Sent::Unknown);
    exchange.result.expect_err("the connection died");
    let again = tokio::time::timeout(Duration::ZERO, peer.listener.accept()).await;
    assert!(again.is_err(), "the request was repeated");
}

#[tokio::test]
async fn informational_answers_are_not_the_answer() {
    let peer = Peer::start().await;
    let bytes = format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n{OK}");
    assert_eq!(peer.answer(bytes.as_bytes()).await.result.expect("an answer").status, 200);
}

mod permit {
    use std::{
        pin::Pin,
        task::{Context, Poll, Waker},
    };

    use http_body::Body;

    use super::*;
    use crate::ebay::permit::{Permit, PermittedForm};

    fn poll(form: &mut PermittedForm) -> bool {
        let frame = Pin::new(form).poll_frame(&mut Context::from_waker(Waker::noop()));
        matches!(frame, Poll::Ready(Some(Ok(_))))
    }

    #[tokio::test]
    async fn g2_a_closed_permit_lets_nothing_pass() {
        let permit = Permit::until(Instant::now() + AMPLE);
        let mut form = PermittedForm::new(Zeroizing::new(b"a=b".to_vec()), permit.clone());
        assert!(permit.close() && permit.close());
        assert!(!poll(&mut form) && permit.begun_at().is_none());
    }

    /// The property of the HTTP client that the permit relies on.
    #[tokio::test]
    async fn g2_behind_a_closed_permit_not_a_byte_is_written() {
        let peer = Peer::start().await;
        let token = "v^1.1#i^1#f^0#p^3#r^1#I^3#t^Ul4x+/=".to_owned();
        let token = RefreshToken::checked(Zeroizing::new(token)).expect("well-formed");
        let secret = ClientSecret::checked("a-secret").expect("well-formed");
        let (endpoint, client) = (&peer.endpoint, &peer.client);
        let request =
            RefreshRequest { endpoint, client_id: "an-app", client_secret: &secret, refresh_token: &token };
        let deadline = Instant::now() + AMPLE;
        let permit = Permit::until(deadline);
        permit.close();
        let (head, ()) = tokio::join!(client.head(&request, &permit, deadline), async {
            let mut read = Vec::new();
            peer.accept().await.read_to_end(&mut read).await.expect("readable");
            assert!(read.is_empty(), "{} bytes were written", read.len());
        });
        assert_eq!(head.expect_err("closed").0, Sent::No);
    }

    #[tokio::test]
    async fn g2_a_permit_closes_itself_at_its_deadline() {
        let permit = Permit::until(Instant::now());
        let mut form = PermittedForm::new(Zeroizing::new(b"a=b".to_vec()), permit.clone());
        assert!(!poll(&mut form) && permit.close());
    }

    #[tokio::test]
    async fn a_permit_that_was_used_cannot_be_closed() {
        let permit = Permit::until(Instant::now() + AMPLE);
        let mut form = PermittedForm::new(Zeroizing::new(b"a=b".to_vec()), permit.clone());
        assert!(poll(&mut form) && permit.begun_at().is_some());
        assert!(!permit.close());
    }
}
