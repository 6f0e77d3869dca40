//! The HTTP client for the token endpoint: one try per call, bounded in time and size.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use reqwest::{Body, Client, Response, redirect};
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use super::{
    answer::{Answer, Ending, MAX_BODY_BYTES},
    call::{CallFailure, TokenCall},
    permit::{Permit, PermittedForm},
    request::RefreshRequest,
};
use crate::{
    domain::{
        class::{Phase, Sent},
        screen::in_no_line,
    },
    error_chain::Chain,
    message::clean,
    tls::{system_roots, verifying},
};

/// How the client connects.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Longest time for name resolution, TCP and TLS together.
    pub connect_timeout: Duration,
    /// How long an idle connection is kept.
    pub pool_idle_timeout: Duration,
    /// Most idle connections kept per host.
    pub pool_max_idle: usize,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            // Shorter than what load balancers grant, so that connections are rarely found dead.
            pool_idle_timeout: Duration::from_secs(20),
            pool_max_idle: 256,
        }
    }
}

/// Why the client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// rustls refuses the configuration.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// reqwest refuses the configuration.
    #[error("the HTTP client cannot be built")]
    Http(#[from] reqwest::Error),
}

/// Calls token endpoints. Cheap to clone; clones share their connections.
///
/// Follows no redirect, repeats no request, uses no proxy, keeps no cookie.
#[derive(Debug, Clone)]
pub struct EbayClient(Client);

impl EbayClient {
    /// Builds a client that trusts the system's certificate authorities.
    ///
    /// A system without any is only warned of: plain HTTP to this machine works without.
    pub fn new(settings: &ClientSettings) -> Result<Self, ClientError> {
        // Names are not trusted to mean this machine: `localhost` is resolved here.
        let localhost =
            [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))];
        let client = Client::builder()
            .tls_backend_preconfigured(tls()?)
            .http1_only()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(settings.connect_timeout)
            .pool_idle_timeout(settings.pool_idle_timeout)
            .pool_max_idle_per_host(settings.pool_max_idle)
            .tcp_nodelay(true)
            .resolve_to_addrs("localhost", &localhost)
            .build()?;
        Ok(Self(client))
    }

    /// Makes the call. No byte of it is written after `deadline`, and it returns by then.
    pub async fn refresh(&self, request: &RefreshRequest<'_>, deadline: Instant) -> TokenCall {
        let start = Instant::now();
        let permit = Permit::until(deadline);
        let mut timings_ms = BTreeMap::new();
        let head = self.head(request, &permit, deadline).await;
        if let Some(begun) = permit.begun_at() {
            timings_ms.insert("connect".to_owned(), millis(begun - start));
        }
        timings_ms.insert("call".to_owned(), millis(start.elapsed()));
        let (sent, response) = match head {
            Ok(response) => (Sent::Yes, response),
            Err((sent, failure)) => return TokenCall { sent, result: Err(failure), timings_ms },
        };
        let body_start = Instant::now();
        let answer = read(response, deadline).await.keeping(request.secrets());
        timings_ms.insert("body".to_owned(), millis(body_start.elapsed()));
        TokenCall { sent, result: Ok(answer), timings_ms }
    }

    /// The answer's head.
    pub(super) async fn head(
        &self,
        request: &RefreshRequest<'_>,
        permit: &Arc<Permit>,
        deadline: Instant,
    ) -> Result<Response, (Sent, CallFailure)> {
        if permit.is_overdue() {
            return Err((Sent::No, CallFailure::Timeout { phase: Phase::Connect }));
        }
        let body = Body::wrap(PermittedForm::new(request.form(), Arc::clone(permit)));
        let mut call = self.0.post(request.endpoint.as_url().clone()).body(body);
        for (name, value) in request.headers() {
            call = call.header(name, value);
        }
        let failure = match timeout_at(deadline, call.send()).await {
            Ok(Ok(response)) => return Ok(response),
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        let (sent, phase) =
            if permit.close() { (Sent::No, Phase::Connect) } else { (Sent::Unknown, Phase::Answer) };
        let failure = match failure {
            Some(error) if !error.is_timeout() && !permit.is_overdue() => {
                CallFailure::Network { phase, text: causes(&error.without_url()) }
            }
            Some(_) | None => CallFailure::Timeout { phase },
        };
        Err((sent, failure))
    }
}

/// Reads the answer's body as far as it comes, fits and is in time.
async fn read(mut response: Response, deadline: Instant) -> Answer {
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    // Room for all that is kept from the start: growing would leave copies of tokens behind.
    let expected = response.content_length().and_then(|length| usize::try_from(length).ok());
    let room = expected.unwrap_or(MAX_BODY_BYTES).min(MAX_BODY_BYTES);
    let mut body = Zeroizing::new(Vec::with_capacity(room));
    let ending = loop {
        match timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(chunk))) if body.len() + chunk.len() > MAX_BODY_BYTES => {
                let rest = MAX_BODY_BYTES - body.len();
                body.extend_from_slice(&chunk[..rest]);
                break Ending::TooLong;
            }
            Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
            Ok(Ok(None)) => break Ending::Complete,
            Ok(Err(_)) => break Ending::Cut,
            Err(_) => break Ending::TimedOut,
        }
    };
    Answer::new(status, headers, body, ending)
}

fn tls() -> Result<rustls::ClientConfig, rustls::Error> {
    let roots = system_roots();
    if roots.is_empty() {
        tracing::warn!("no certificate authorities found: https to eBay will fail (install ca-certificates)");
    }
    let mut config = verifying(roots)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The whole chain of causes on one line.
fn causes(error: &reqwest::Error) -> String {
    clean(&Chain(error).to_string().replace(in_no_line, " "), 300)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
