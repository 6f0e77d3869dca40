//! Whether a state-changing request with a cookie comes from the page itself.
//!
//! The cookie is `SameSite=Strict` already. Beside that the browser must not say that another origin
//! sends the request, and a script's request carries a header that no foreign form can set.

use axum::http::{HeaderMap, Method, header};

/// The header that the page's scripts send with every state change.
const SCRIPT: &str = "x-requested-with";
/// Its value.
const SCRIPT_VALUE: &str = "token-refresh";

/// Whether a request of this method changes nothing.
pub(in crate::admin) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Whether a page's script sent it.
pub(in crate::admin) fn from_script(headers: &HeaderMap) -> bool {
    headers.get(SCRIPT).is_some_and(|value| value == SCRIPT_VALUE) && from_same_origin(headers)
}

/// Whether nothing says that another origin sent it. Of the browser's two headers one is always there
/// with a form: `Sec-Fetch-Site` over TLS and loopback, `Origin` everywhere.
pub(in crate::admin) fn from_same_origin(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(|site| site == "same-origin");
    let origin = headers.get(header::ORIGIN).map(|origin| {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        origin.is_some_and(|(_, authority)| Some(authority) == host)
    });
    match (site, origin) {
        // A proxy may rewrite Host; what the browser itself says of the site is enough then.
        (Some(same), _) | (None, Some(same)) => same,
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn only_the_same_origin_may_change_anything() {
        for (pairs, same) in [
            (&[("sec-fetch-site", "same-origin")] as &[_], true),
            (&[("sec-fetch-site", "cross-site"), ("origin", "http://h:1"), ("host", "h:1")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("origin", "https://h"), ("host", "h")], true),
            (&[("origin", "https://evil"), ("host", "h")], false),
            (&[("origin", "null"), ("host", "h")], false),
            (&[], false),
        ] {
            assert_eq!(from_same_origin(&headers(pairs)), same, "{pairs:?}");
            assert!(!from_script(&headers(pairs)), "the script's header is missing");
        }
        assert!(from_script(&headers(&[
            ("x-requested-with", "token-refresh"),
            ("sec-fetch-site", "same-origin")
        ])));
    }
}
