//! The session's cookie.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use cookie::{Cookie, SameSite};

use crate::domain::credential::CredentialDigest;

/// How long a session lasts.
pub(in crate::admin) const LIFE: Duration = Duration::from_secs(12 * 3_600);

/// The cookie's name.
const NAME: &str = "token_refresh_session";
/// Its name where TLS is on: browsers then accept it from this host over TLS alone.
const TLS_NAME: &str = "__Host-token_refresh_session";

/// The cookie that keeps `secret`.
pub(in crate::admin) fn cookie(headers: &HeaderMap, secret: &str) -> HeaderValue {
    value(secret, LIFE, over_tls(headers))
}

/// The cookies that take either kind away again.
pub(in crate::admin) fn no_cookies() -> [HeaderValue; 2] {
    [false, true].map(|tls| value("", Duration::ZERO, tls))
}

/// The digest of the session in the cookies.
pub(in crate::admin) fn shown_by(headers: &HeaderMap) -> Option<CredentialDigest> {
    let texts = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut cookies = texts.flat_map(Cookie::split_parse).filter_map(Result::ok);
    let session = cookies.find(|cookie| [NAME, TLS_NAME].contains(&cookie.name()))?;
    CredentialDigest::of_shown(session.value())
}

fn value(secret: &str, life: Duration, tls: bool) -> HeaderValue {
    let cookie = Cookie::build((if tls { TLS_NAME } else { NAME }, secret))
        .path("/")
        .max_age(life.try_into().expect("half a day fits"))
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(tls);
    HeaderValue::from_str(&cookie.to_string()).expect("a secret has letters, digits, - and _")
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

    fn parts(cookie: &HeaderValue) -> Vec<&str> {
        let mut parts: Vec<&str> = cookie.to_str().expect("text").split("; ").collect();
        parts[1..].sort_unstable();
        parts
    }

    #[test]
    fn the_cookie_is_strict_and_secure_where_tls_is_on() {
        let mut headers = HeaderMap::new();
        let plain = cookie(&headers, "ts_x");
        let shared = ["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=Strict"];
        assert_eq!(parts(&plain), [&["token_refresh_session=ts_x"], &shared[..]].concat());
        headers.insert("origin", HeaderValue::from_static("https://admin.example"));
        let secure = cookie(&headers, "ts_x");
        let all = [&["__Host-token_refresh_session=ts_x"], &shared[..], &["Secure"]].concat();
        assert_eq!(parts(&secure), all);
        let [gone, gone_over_tls] = no_cookies();
        let shared = ["HttpOnly", "Max-Age=0", "Path=/", "SameSite=Strict"];
        assert_eq!(parts(&gone), [&["token_refresh_session="], &shared[..]].concat());
        let all = [&["__Host-token_refresh_session="], &shared[..], &["Secure"]].concat();
        assert_eq!(parts(&gone_over_tls), all);
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let shown = |cookies: &'static str| {
            shown_by(&HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(cookies))]))
        };
        let digest = Some(CredentialDigest::of("ts_x"));
        assert_eq!(shown("token_refresh_session=ts_x"), digest);
        assert_eq!(shown("theme=dark; =; odd; __Host-token_refresh_session=ts_x; b=2"), digest);
        assert_eq!(shown("theme=dark; other_session=ts_x"), None);
        assert_eq!(shown("token_refresh_session="), None);
    }
}
