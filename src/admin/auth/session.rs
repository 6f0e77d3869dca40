//! The session's cookie.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::authenticator::COOKIES;

/// How long a session lasts.
pub(in crate::admin) const LIFE: Duration = Duration::from_secs(12 * 3_600);

/// A session's secret: 256 random bits.
pub(in crate::admin) fn fresh() -> String {
    format!("ts_{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
}

/// The cookie that keeps `secret`.
pub(in crate::admin) fn cookie(headers: &HeaderMap, secret: &str) -> HeaderValue {
    let (name, secure) = if over_tls(headers) { (COOKIES[1], "; Secure") } else { (COOKIES[0], "") };
    let age = LIFE.as_secs();
    let text = format!("{name}={secret}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).expect("a secret has letters, digits, - and _")
}

/// The cookies that take either kind away again.
pub(in crate::admin) fn no_cookies() -> [HeaderValue; 2] {
    [
        HeaderValue::from_static("token_refresh_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"),
        HeaderValue::from_static(
            "__Host-token_refresh_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure",
        ),
    ]
}

/// Whether the browser came over TLS, which ends before this process. Believing a forged header costs
/// only its sender: the cookie then does not come back over plain HTTP.
fn over_tls(headers: &HeaderMap) -> bool {
    let starts = |name: &str, with: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|value| value.starts_with(with))
    };
    starts(header::ORIGIN.as_str(), "https://") || starts("x-forwarded-proto", "https")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_strict_and_secure_where_tls_is_on() {
        let mut headers = HeaderMap::new();
        let plain = cookie(&headers, "ts_x");
        assert_eq!(plain, "token_refresh_session=ts_x; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict");
        headers.insert("origin", HeaderValue::from_static("https://admin.example"));
        let secure = cookie(&headers, "ts_x");
        let secure = secure.to_str().expect("text");
        assert!(
            secure.starts_with("__Host-token_refresh_session=ts_x; Path=/;") && secure.ends_with("; Secure")
        );
    }
}
