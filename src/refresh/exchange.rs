//! The middle of an attempt: open the sealed texts, build the one request, call eBay.
//!
//! Every trigger comes through here, so a debug run and a scheduled run of one account differ in
//! nothing but who caused them.

use std::{collections::BTreeMap, time::Instant};

use uuid::Uuid;

use super::decide::{NOT_A_TOKEN, Unopened};
use crate::{
    crypto::{Keyring, OpenError, SealContext, Sealed},
    domain::{
        class::{Class, Sent},
        token::{ClientSecret, RefreshToken, shown_prefix},
    },
    ebay::{EbayClient, Grant, RefreshRequest, Refusal, TokenEndpoint, classify, synthetic_request},
    message::{ShownRequest, ShownResponse, Source},
    store::{Claim, Store},
};

/// What is known after the middle of an attempt.
pub(super) struct Exchange {
    /// The grant, or why there is none.
    pub(super) result: Result<Grant, Refusal>,
    /// The sealed text that did not open, if that is why there is none.
    pub(super) unopened: Option<Unopened>,
    /// Whether the request was written.
    pub(super) sent: Sent,
    /// The request as shown, synthetic where none was sent.
    pub(super) request: Option<ShownRequest>,
    /// The answer as shown.
    pub(super) response: Option<ShownResponse>,
    /// Milliseconds by phase.
    pub(super) timings_ms: BTreeMap<String, u64>,
}

/// Opens the claim's sealed texts and makes the call, or says why it was not made.
pub(super) async fn run(
    claim: &Claim,
    keyring: &Keyring,
    client: &EbayClient,
    store: &Store,
    deadline: tokio::time::Instant,
) -> Exchange {
    let endpoint = match TokenEndpoint::of(claim.subject.environment, claim.api_url.as_deref()) {
        Ok(endpoint) => endpoint,
        Err(error) => {
            return unsent(refusal(Class::RequestRejected, "endpoint", &error), None, None, BTreeMap::new());
        }
    };
    let opening = Instant::now();
    let opened = open(claim, keyring);
    let mut timings_ms = BTreeMap::from([("open".to_owned(), millis(opening))]);
    let (secret, token) = match opened {
        Ok(opened) => opened,
        Err((refusal, unopened)) => {
            let placeholder = format!("<{}>", refusal.class);
            return unsent(refusal, unopened, Some(synthetic_request(&endpoint, &placeholder)), timings_ms);
        }
    };
    let request = RefreshRequest {
        endpoint: &endpoint,
        client_id: &claim.client_id,
        client_secret: &secret,
        refresh_token: &token,
    };
    let shown = request.shown();
    let (exchange, ()) = tokio::join!(client.refresh(&request, deadline), tell_called(store, claim));
    timings_ms.extend(exchange.timings_ms);
    let response = exchange.result.as_ref().ok().map(|answer| answer.shown(claim.source == Source::Debug));
    Exchange {
        unopened: None,
        result: classify(&exchange.result),
        sent: exchange.sent,
        request: Some(shown),
        response,
        timings_ms,
    }
}

/// Tells whoever watches a person's run that its call begins. A watcher is worth no failure.
async fn tell_called(store: &Store, claim: &Claim) {
    if claim.source == Source::Scheduled {
        return;
    }
    if let Err(error) = store.tell_called(claim.attempt).await {
        tracing::debug!(attempt.id = %claim.attempt, error = %crate::error_chain::Chain(&error),
            "cannot tell that the call begins");
    }
}

/// Why there is nothing to send, and the text that did not open, if that is why.
type Unsendable = (Refusal, Option<Unopened>);

fn open(claim: &Claim, keyring: &Keyring) -> Result<(ClientSecret, RefreshToken), Unsendable> {
    let token = open_token(claim, keyring)?;
    let prefix = token.masked().prefix;
    let secret = open_secret(claim, keyring).inspect_err(|_| log_path(claim, &prefix, NOTHING))?;
    log_path(claim, &prefix, &prefix);
    Ok((secret, token))
}

fn open_token(claim: &Claim, keyring: &Keyring) -> Result<RefreshToken, Unsendable> {
    let context = SealContext::refresh_token(claim.subject.account_id, claim.subject.environment);
    let text = keyring.open(&context, &claim.refresh_token).map_err(|error| {
        log_path(claim, NOTHING, NOTHING);
        log_unopened(claim, "refresh_token", claim.subject.account_id.0, &claim.refresh_token, &error);
        let key_id = Sealed::named_key(&claim.refresh_token).map(str::to_owned);
        let unopened = Unopened { reason: error.reason(), key_id };
        (refusal(Class::DecryptFailed, error.reason().as_str(), &error), Some(unopened))
    })?;
    let prefix = shown_prefix(&text);
    RefreshToken::checked(text).map_err(|error| {
        log_path(claim, &prefix, NOTHING);
        (refusal(Class::PreflightRejected, NOT_A_TOKEN, &format!("the stored refresh token {error}")), None)
    })
}

fn open_secret(claim: &Claim, keyring: &Keyring) -> Result<ClientSecret, Unsendable> {
    let context = SealContext::client_secret(claim.keyset, claim.subject.environment);
    let text = keyring.open(&context, &claim.client_secret).map_err(|error| {
        log_unopened(claim, "client_secret", claim.keyset.0, &claim.client_secret, &error);
        let text = format!("client secret of keyset {}: {error}", claim.keyset);
        // The keyset's fault and not the account's: the breaker asks again.
        (refusal(Class::ClientInvalid, error.reason().as_str(), &text), None)
    })?;
    ClientSecret::checked(&text).map_err(|error| {
        let text = format!("the stored client secret {error}");
        (refusal(Class::ClientInvalid, "not_a_secret", &text), None)
    })
}

/// Stands for the prefix of a text that there is not.
const NOTHING: &str = "-";

/// The one log line with token prefixes: what was read, what it opened to, what is sent.
fn log_path(claim: &Claim, decrypted_prefix: &str, final_prefix: &str) {
    // People search for the line by its beginning, so the fields stand in this order.
    tracing::info!(
        caller = %claim.source,
        input_prefix = %shown_prefix(&claim.refresh_token),
        decrypted_prefix = %decrypted_prefix,
        final_prefix = %final_prefix,
        account.id = %claim.subject.account_id,
        attempt.id = %claim.attempt,
        account.house_name = claim.subject.house_name.as_deref(),
        "token_refresh_path"
    );
}

/// Where a stored text does not open, and why: enough to find the row, nothing of its content.
fn log_unopened(claim: &Claim, field: &str, row: Uuid, sealed: &str, error: &OpenError) {
    tracing::warn!(
        account.id = %claim.subject.account_id,
        attempt.id = %claim.attempt,
        token.field = field,
        token.row = %row,
        token.prefix = %shown_prefix(sealed),
        token.chars = sealed.chars().count(),
        token.key_id = Sealed::named_key(sealed),
        token.reason = error.reason().as_str(),
        error = %error,
        "a stored text does not open"
    );
}

fn refusal(class: Class, reason: &'static str, text: &dyn std::fmt::Display) -> Refusal {
    Refusal { class, reason: Some(reason), text: text.to_string(), retry_after: None }
}

fn unsent(
    refusal: Refusal,
    unopened: Option<Unopened>,
    request: Option<ShownRequest>,
    timings_ms: BTreeMap<String, u64>,
) -> Exchange {
    Exchange { result: Err(refusal), unopened, sent: Sent::No, request, response: None, timings_ms }
}

pub(super) fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
