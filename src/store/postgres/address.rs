//! Where the database is: `DATABASE_URL`, read once, never printed with its password.

use std::{fmt, net::IpAddr, path::Path, str::FromStr, time::Duration};

use tokio_postgres::{
    Config,
    config::{Host, LoadBalanceHosts, SslMode, TargetSessionAttrs},
};

/// How long one address may take to serve where the URL has no `connect_timeout`.
const HOST_LIMIT: Duration = Duration::from_secs(3);

/// Why a database address cannot be used. Never repeats the address: it holds a password.
#[derive(Debug, thiserror::Error)]
pub enum BadDatabaseUrl {
    /// Not `postgres://…`, or a parameter is wrong.
    #[error("not a PostgreSQL address (postgres://user:password@host:port/database?sslmode=…): {0}")]
    Syntax(String),
    /// `sslmode` is none of PostgreSQL's.
    #[error("sslmode={0}: use disable, require or verify-full")]
    SslMode(String),
    /// The file of `sslrootcert` cannot be used.
    #[error("sslrootcert: {0}")]
    RootCertificate(String),
    /// The pool cannot be built.
    #[error("connection pool: {0}")]
    Pool(String),
}

/// An address, with what tokio-postgres does not understand taken out of it.
pub(super) struct Address {
    /// All but the hosts, which are dialled one at a time.
    pub(super) config: Config,
    pub(super) places: Vec<Place>,
    /// For each IP address of each host.
    pub(super) limit: Duration,
    pub(super) any_order: bool,
    pub(super) tls: bool,
    pub(super) root_certificate: Option<String>,
}

/// One of the hosts that a URL names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: Host,
    /// Spares the look-up of a name that is then only for TLS.
    pub(super) ip: Option<IpAddr>,
    pub(super) port: u16,
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, BadDatabaseUrl> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut root_certificate, mut kept) = (None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value.to_owned()),
                Some(("sslrootcert", value)) => root_certificate = Some(value.to_owned()),
                _ => kept.push(pair),
            }
        }
        let rest = if kept.is_empty() { base.to_owned() } else { format!("{base}?{}", kept.join("&")) };
        let parsed = Config::from_str(&rest).map_err(|error| BadDatabaseUrl::Syntax(error.to_string()))?;
        let places = places(&parsed)?;
        let tls = match mode.as_deref() {
            Some("disable") => false,
            Some("require" | "verify-ca" | "verify-full") => true,
            Some(other) => return Err(BadDatabaseUrl::SslMode(other.chars().take(20).collect())),
            None => !places.iter().all(Place::is_this_machine),
        };
        let mut config = without_hosts(&parsed);
        config.ssl_mode(if tls { SslMode::Require } else { SslMode::Disable });
        // All that is done here is written in the end: a standby among the hosts is passed over.
        if !kept.iter().any(|pair| pair.starts_with("target_session_attrs=")) {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        Ok(Self {
            limit: parsed.get_connect_timeout().copied().unwrap_or(HOST_LIMIT),
            any_order: parsed.get_load_balance_hosts() == LoadBalanceHosts::Random,
            config,
            places,
            tls,
            root_certificate,
        })
    }
}

impl Place {
    fn is_this_machine(&self) -> bool {
        match &self.host {
            Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()),
            Host::Unix(_) => true,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Tcp(name) => write!(f, "{name}:{}", self.port),
            Host::Unix(path) => write!(f, "{}", Path::display(path)),
        }
    }
}

fn places(config: &Config) -> Result<Vec<Place>, BadDatabaseUrl> {
    let (hosts, ips, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    if hosts.is_empty() {
        return Err(BadDatabaseUrl::Syntax("no host".into()));
    }
    if !ips.is_empty() && ips.len() != hosts.len() || ports.len() > 1 && ports.len() != hosts.len() {
        return Err(BadDatabaseUrl::Syntax("not as many hostaddr or ports as hosts".into()));
    }
    let place = |(at, host): (usize, &Host)| Place {
        host: host.clone(),
        ip: ips.get(at).copied(),
        port: *ports.get(at).or(ports.first()).unwrap_or(&5432),
    };
    Ok(hosts.iter().enumerate().map(place).collect())
}

/// tokio-postgres can add hosts to a configuration, but not take them out.
fn without_hosts(from: &Config) -> Config {
    let mut config = Config::new();
    if let Some(user) = from.get_user() {
        config.user(user);
    }
    if let Some(password) = from.get_password() {
        config.password(password);
    }
    if let Some(name) = from.get_dbname() {
        config.dbname(name);
    }
    config
        .channel_binding(from.get_channel_binding())
        .ssl_negotiation(from.get_ssl_negotiation())
        .target_session_attrs(from.get_target_session_attrs())
        .tcp_user_timeout(Duration::from_secs(10))
        .keepalives_idle(Duration::from_secs(30));
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Address {
        Address::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    #[test]
    fn tls_is_required_except_for_this_machine() {
        assert!(!parsed("postgres://u:p@127.0.0.1:5432/db").tls);
        assert!(!parsed("postgres://u:p@localhost/db").tls);
        assert!(!parsed("postgres:///db?host=/run/postgresql").tls);
        assert!(parsed("postgres://u:p@db.example/db").tls);
        assert!(parsed("postgres://u:p@localhost,db.example/db").tls);
        assert!(parsed("postgres://u:p@localhost/db?sslmode=verify-full&connect_timeout=3").tls);
        assert!(!parsed("postgres://u:p@db.example/db?sslmode=disable").tls);
    }

    #[test]
    fn a_host_that_writes_is_wanted_unless_the_url_says_otherwise() {
        let wanted = |url| parsed(url).config.get_target_session_attrs();
        assert_eq!(wanted("postgres://a,b/db"), TargetSessionAttrs::ReadWrite);
        assert_eq!(wanted("postgres://a,b/db?target_session_attrs=any"), TargetSessionAttrs::Any);
    }

    #[test]
    fn all_of_the_url_is_kept_and_its_hosts_stand_apart() {
        let address = parsed("postgres://u:p%40@a:1,b:2/db?connect_timeout=7&load_balance_hosts=random");
        assert_eq!(address.places.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a:1", "b:2"]);
        assert_eq!((address.limit, address.any_order), (Duration::from_secs(7), true));
        let config = &address.config;
        assert_eq!((config.get_user(), config.get_password()), (Some("u"), Some("p@".as_bytes())));
        assert_eq!((config.get_dbname(), config.get_hosts().len()), (Some("db"), 0));
        assert_eq!(
            (parsed("postgres://a/db").limit, parsed("postgres://a/db").any_order),
            (HOST_LIMIT, false)
        );
    }

    #[test]
    fn g4_a_bad_address_is_not_repeated() {
        for url in
            ["http://u:secret@h/db", "postgres://u:secret@h/db?sslmode=maybe", "postgres://u:secret@h:x/db"]
        {
            let Err(error) = Address::parse(url) else { panic!("{url} was accepted") };
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
