//! The one refresh request: what is sent, and from the same parts what is shown of it.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT,
};
use zeroize::Zeroizing;

use super::{endpoint::TokenEndpoint, percent::percent_encode, secrets::Secrets};
use crate::{
    domain::token::{ClientSecret, RefreshToken},
    message::ShownRequest,
};

const AGENT: &str = concat!("token-refresh/", env!("CARGO_PKG_VERSION"));

/// A request for a new access token. `scope` is left out, so the token keeps the scopes of the
/// seller's consent (eBay, "Using a refresh token to update a User access token").
///
/// It takes a [`RefreshToken`], so a sealed or broken text cannot get into it (G3).
#[derive(Debug, Clone, Copy)]
pub struct RefreshRequest<'a> {
    /// Where it goes.
    pub endpoint: &'a TokenEndpoint,
    /// The application's client id ("App ID").
    pub client_id: &'a str,
    /// The application's secret ("Cert ID").
    pub client_secret: &'a ClientSecret,
    /// The seller's refresh token.
    pub refresh_token: &'a RefreshToken,
}

impl RefreshRequest<'_> {
    /// The request as an entry shows it: the token masked, Authorization left out.
    pub fn shown(&self) -> ShownRequest {
        let mut shown = show(self.endpoint, &self.fields());
        let length = self.form().len().to_string();
        shown.headers.insert(CONTENT_LENGTH.as_str().to_owned(), length);
        shown
    }

    fn fields(&self) -> [Field<'_>; 2] {
        fields(Value::Token(self.refresh_token))
    }

    /// The body as it is sent.
    pub(super) fn form(&self) -> Zeroizing<Vec<u8>> {
        let fields = self.fields();
        // Sized for the longest possible result, so that growing leaves no copy of a token behind.
        let most = fields.iter().map(|field| field.name.len() + 2 + 3 * field.value.sent().len()).sum();
        let mut form = Zeroizing::new(Vec::with_capacity(most));
        for field in &fields {
            if !form.is_empty() {
                form.push(b'&');
            }
            form.extend_from_slice(field.name.as_bytes());
            form.push(b'=');
            percent_encode(field.value.sent(), &mut form);
        }
        form
    }

    /// The headers as they are sent; Authorization is marked as sensitive.
    pub(super) fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let basic = Zeroizing::new(format!("Basic {}", self.credentials().as_str()));
        let mut basic = HeaderValue::from_str(&basic).expect("base64 is printable ASCII");
        basic.set_sensitive(true);
        let mut headers: Vec<_> =
            HEADERS.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        headers.push((CONTENT_LENGTH, HeaderValue::from(self.form().len())));
        headers.push((AUTHORIZATION, basic));
        headers
    }

    /// What an answer might echo and nobody may see.
    pub(super) fn secrets(&self) -> Secrets {
        Secrets::of(self.refresh_token, self.client_secret, &self.credentials())
    }

    fn credentials(&self) -> Zeroizing<String> {
        let plain = Zeroizing::new(format!("{}:{}", self.client_id, self.client_secret.expose()));
        Zeroizing::new(STANDARD.encode(plain.as_bytes()))
    }
}

/// The request that would have been sent, with `placeholder` (`<decrypt_failed>`) for its token.
pub fn synthetic_request(endpoint: &TokenEndpoint, placeholder: &str) -> ShownRequest {
    show(endpoint, &fields(Value::Text(placeholder)))
}

const HEADERS: [(HeaderName, &str); 3] =
    [(CONTENT_TYPE, "application/x-www-form-urlencoded"), (ACCEPT, "application/json"), (USER_AGENT, AGENT)];

struct Field<'a> {
    name: &'static str,
    value: Value<'a>,
}

enum Value<'a> {
    Token(&'a RefreshToken),
    Text(&'a str),
}

impl Value<'_> {
    fn sent(&self) -> &str {
        match self {
            Self::Token(token) => token.expose(),
            Self::Text(text) => text,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Token(token) => token.masked().to_string(),
            Self::Text(text) => (*text).to_owned(),
        }
    }
}

fn fields(token: Value<'_>) -> [Field<'_>; 2] {
    [
        Field { name: "grant_type", value: Value::Text("refresh_token") },
        Field { name: "refresh_token", value: token },
    ]
}

fn show(endpoint: &TokenEndpoint, fields: &[Field<'_>]) -> ShownRequest {
    let headers = HEADERS.iter().map(|(name, value)| (name.as_str().to_owned(), (*value).to_owned()));
    let body: BTreeMap<_, _> =
        fields.iter().map(|field| (field.name.to_owned(), field.value.shown())).collect();
    ShownRequest {
        method: "POST".to_owned(),
        url: endpoint.url().to_owned(),
        headers: headers.collect(),
        body,
    }
}
