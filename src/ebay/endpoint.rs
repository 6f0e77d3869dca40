//! Where the token endpoint is, and the rule that secrets travel in the clear to this machine only.

use std::{fmt, net::Ipv6Addr};

use reqwest::Url;

use crate::domain::account::Environment;

/// The token endpoint's path, at eBay and at every stand-in.
pub(super) const TOKEN_PATH: &str = "/identity/v1/oauth2/token";

/// The URL that refresh requests go to.
///
/// `https`, or `http` to this machine itself. Has no user, query or fragment, so it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenEndpoint(Url);

/// Why an address cannot be a token endpoint. Never repeats the address: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not an absolute URL with a host.
    #[error("the api url is not an absolute URL such as https://api.ebay.com")]
    NotAUrl,
    /// A scheme other than https and http.
    #[error("the api url's scheme is neither https nor http")]
    Scheme,
    /// `http` to another machine.
    #[error("the api url is plain http to another machine; only https may leave this one")]
    PlainHttp,
    /// A user or password in the URL.
    #[error("the api url holds a user or password")]
    UserInfo,
    /// A query or fragment.
    #[error("the api url has a query or fragment")]
    Query,
    /// A path that is not the token endpoint's.
    #[error("the api url has a path; give scheme, host and port only")]
    Path,
}

impl TokenEndpoint {
    /// The endpoint of `environment`: eBay's own, or the one at `api_url` (scheme, host and port).
    pub fn of(environment: Environment, api_url: Option<&str>) -> Result<Self, EndpointError> {
        let base = match (api_url, environment) {
            (Some(url), _) => url.trim(),
            (None, Environment::Production) => "https://api.ebay.com",
            (None, Environment::Sandbox) => "https://api.sandbox.ebay.com",
        };
        let mut url = Url::parse(base).map_err(|_| EndpointError::NotAUrl)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(EndpointError::NotAUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(host) => {}
            "http" => return Err(EndpointError::PlainHttp),
            _ => return Err(EndpointError::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::UserInfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::Query);
        }
        if !["", "/", TOKEN_PATH].contains(&url.path()) {
            return Err(EndpointError::Path);
        }
        url.set_path(TOKEN_PATH);
        Ok(Self(url))
    }

    /// The whole URL.
    pub fn url(&self) -> &str {
        self.0.as_str()
    }

    pub(super) fn as_url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for TokenEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url())
    }
}

/// Whether `host`, as `Url` writes it, is this machine. The client resolves `localhost` itself.
fn is_loopback(host: &str) -> bool {
    if let Some(v6) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return v6.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback());
    }
    host == "localhost" || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Result<String, EndpointError> {
        TokenEndpoint::of(Environment::Sandbox, Some(url)).map(|endpoint| endpoint.to_string())
    }

    #[test]
    fn without_an_address_it_is_ebays_own() {
        let url = |environment| TokenEndpoint::of(environment, None).expect("eBay's own").to_string();
        assert_eq!(url(Environment::Production), "https://api.ebay.com/identity/v1/oauth2/token");
        assert_eq!(url(Environment::Sandbox), "https://api.sandbox.ebay.com/identity/v1/oauth2/token");
    }

    #[test]
    fn g4_plain_http_goes_to_this_machine_only() {
        for good in ["http://127.0.0.1:8080", "http://127.9.8.7/", "http://[::1]:1", "http://localhost:9"] {
            assert!(of(good).is_ok(), "{good}");
        }
        let tricks = [
            "http://api.ebay.com",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://0.0.0.0:80",
            "http://[::]:80",
            "http://[::ffff:10.0.0.1]",
            "http://localhost.:80",
        ];
        for bad in tricks {
            assert_eq!(of(bad), Err(EndpointError::PlainHttp), "{bad}");
        }
    }

    #[test]
    fn the_path_is_always_the_token_endpoints() {
        let url = "https://stand-in.example:8443/identity/v1/oauth2/token";
        assert_eq!(of("https://stand-in.example:8443").as_deref(), Ok(url));
        assert_eq!(of(url).as_deref(), Ok(url));
    }

    #[test]
    fn what_else_is_not_an_endpoint() {
        for (bad, why) in [
            ("", EndpointError::NotAUrl),
            ("api.ebay.com", EndpointError::NotAUrl),
            ("file:///etc/passwd", EndpointError::NotAUrl),
            ("ftp://127.0.0.1", EndpointError::Scheme),
            ("https://user:secret@api.ebay.com", EndpointError::UserInfo),
            ("https://api.ebay.com/?a=b", EndpointError::Query),
            ("https://api.ebay.com/#a", EndpointError::Query),
            ("https://api.ebay.com/v2", EndpointError::Path),
        ] {
            assert_eq!(of(bad), Err(why), "{bad}");
        }
    }
}
