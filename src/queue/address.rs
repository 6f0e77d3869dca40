//! Where the broker is: `AMQP_URL`, read once, never printed with its password.

use std::{fmt, time::Duration};

use lapin::uri::AMQPUri;

/// Seconds between heartbeats where the URL names none: a dead peer is noticed after twice that.
const HEARTBEAT_SECONDS: u16 = 10;
/// How long TCP and TLS may take, for each address of the host, where the URL has no `connection_timeout` (in milliseconds).
const DIAL_LIMIT: Duration = Duration::from_secs(3);
/// How long the AMQP handshake behind them may take where the URL has none.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// Why a URL is not the address of a broker. Never repeats the URL: it holds a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Neither `amqp://` nor `amqps://`.
    #[error("the AMQP address must begin with amqp:// or, for TLS, amqps://")]
    Scheme,
    /// It begins well, but cannot be read.
    #[error(
        "the AMQP address is malformed; expected amqp://USER:PASSWORD@HOST:PORT/VHOST, with special characters percent-encoded"
    )]
    Malformed,
    /// `amqp://host/` names the virtual host with the empty name, which is hardly ever meant.
    #[error(
        "the AMQP address names an empty virtual host; leave out the last slash for the default one, or write /%2f"
    )]
    EmptyVhost,
}

/// A broker's address with its credentials. `Debug` and `Display` show host, port and vhost alone.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) uri: AMQPUri,
    pub(super) dial_limit: Duration,
    pub(super) handshake_limit: Duration,
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, BadUrl> {
        let url = url.trim();
        if !(url.starts_with("amqp://") || url.starts_with("amqps://")) {
            return Err(BadUrl::Scheme);
        }
        let mut uri: AMQPUri = url.parse().map_err(|_| BadUrl::Malformed)?;
        if uri.vhost.is_empty() {
            return Err(BadUrl::EmptyVhost);
        }
        if let Some(address) = ipv6(url) {
            uri.authority.host = address;
        }
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        let limit = uri.query.connection_timeout.map(Duration::from_millis);
        let (dial_limit, handshake_limit) = (limit.unwrap_or(DIAL_LIMIT), limit.unwrap_or(HANDSHAKE_LIMIT));
        Ok(Self { uri, dial_limit, handshake_limit })
    }
}

/// The host of a URL whose host stands in brackets, which lapin takes for `localhost`.
fn ipv6(url: &str) -> Option<String> {
    let authority = url.split_once("://")?.1.split(['/', '?']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Some(host.strip_prefix('[')?.split_once(']')?.0.to_owned())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AMQPUri { authority, vhost, .. } = &self.uri;
        write!(f, "{}:{} (virtual host {vhost})", authority.host, authority.port)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g4_neither_address_nor_error_shows_the_password() {
        let address = Address::parse("amqp://guest:s3cret@rabbit:5673/jobs").expect("well-formed");
        assert_eq!(address.to_string(), "rabbit:5673 (virtual host jobs)");
        assert_eq!(format!("{address:?}"), "Address(rabbit:5673 (virtual host jobs))");
        for (url, why) in [
            ("http://guest:s3cret@rabbit", BadUrl::Scheme),
            ("s3cret", BadUrl::Scheme),
            ("amqp://guest:s3cret@rabbit:99999/x", BadUrl::Malformed),
            ("amqp://guest:s3cret@rabbit?heartbeat=s3cret", BadUrl::Malformed),
            ("amqp://guest:s3cret@rabbit/", BadUrl::EmptyVhost),
        ] {
            let error = Address::parse(url).expect_err(url);
            assert_eq!(error, why, "{url}");
            assert!(!format!("{error} {error:?}").contains("s3cret"));
        }
    }

    #[test]
    fn what_the_url_leaves_out_has_a_default() {
        let address = Address::parse("amqp://rabbit").expect("well-formed");
        assert_eq!((address.uri.vhost.as_str(), address.uri.authority.port), ("/", 5672));
        assert_eq!((address.uri.query.heartbeat, address.dial_limit), (Some(10), DIAL_LIMIT));
        assert_eq!(address.handshake_limit, HANDSHAKE_LIMIT);
        let address =
            Address::parse("amqps://rabbit/%2f?heartbeat=3&connection_timeout=700").expect("well-formed");
        assert_eq!((address.uri.vhost.as_str(), address.uri.authority.port), ("/", 5671));
        assert_eq!((address.uri.query.heartbeat, address.dial_limit.as_millis()), (Some(3), 700));
        assert_eq!(address.handshake_limit.as_millis(), 700);
    }

    #[test]
    fn an_ipv6_host_is_itself_and_not_localhost() {
        for url in ["amqp://u:p@[2001:db8::1]:5673/x", "amqp://[2001:db8::1]"] {
            assert_eq!(Address::parse(url).expect(url).uri.authority.host, "2001:db8::1");
        }
    }
}
