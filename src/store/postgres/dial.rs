//! Making a connection: to one address after the other, each for a limited time.

use std::{io, net::SocketAddr, time::Duration};

use rand::seq::SliceRandom;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::lookup_host,
    task::JoinHandle,
    time::timeout,
};
use tokio_postgres::{Client, Config, Connection, NoTls, config::Host};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    address::{Address, BadDatabaseUrl, Place},
    tls::verifying,
};

/// Why there is no connection. Of several hosts, the last one's reason.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    /// The name leads nowhere.
    #[error("{place} has no address")]
    Unresolved {
        place: String,
        #[source]
        source: io::Error,
    },
    /// It did not come so far as to take statements.
    #[error("{place} did not answer within {limit:?}")]
    Silent { place: String, limit: Duration },
    /// It cannot be reached, or does not want this client.
    #[error("{place} cannot be used")]
    Refused {
        place: String,
        #[source]
        source: tokio_postgres::Error,
    },
}

/// An open connection and the task that carries its bytes.
pub(super) type Dialled = (Client, JoinHandle<()>);

/// Knows how to reach the database.
pub(super) struct Dialer {
    address: Address,
    tls: Option<MakeRustlsConnect>,
}

impl Dialer {
    pub(super) fn new(url: &str, application_name: &str) -> Result<Self, BadDatabaseUrl> {
        let mut address = Address::parse(url)?;
        address.config.application_name(application_name);
        let certificate = address.root_certificate.as_deref();
        let tls = address.tls.then(|| verifying(certificate).map(MakeRustlsConnect::new)).transpose()?;
        Ok(Self { address, tls })
    }

    /// Connects to the first host that serves; `options` are the session's settings.
    pub(super) async fn dial(&self, options: &str) -> Result<Dialled, DialError> {
        let mut places: Vec<&Place> = self.address.places.iter().collect();
        if self.address.any_order {
            places.shuffle(&mut rand::rng());
        }
        let mut config = self.address.config.clone();
        config.options(options);
        let (last, before) = places.split_last().expect("an address names a host");
        for place in before {
            match self.dial_host(place, &config).await {
                // Every host would refuse the same login.
                Err(error) if !error.is_login() => {
                    tracing::debug!(error = %error, "the next host of DATABASE_URL is tried");
                }
                dialled => return dialled,
            }
        }
        self.dial_host(last, &config).await
    }

    async fn dial_host(&self, place: &Place, config: &Config) -> Result<Dialled, DialError> {
        let mut failed = None;
        for config in self.addresses_of(place, config).await? {
            match self.dial_address(place, &config).await {
                Err(error) if !error.is_login() => failed = Some(error),
                dialled => return dialled,
            }
        }
        let nowhere = || DialError::Unresolved {
            place: place.to_string(),
            source: io::ErrorKind::AddrNotAvailable.into(),
        };
        Err(failed.unwrap_or_else(nowhere))
    }

    /// One configuration for each address of the host.
    async fn addresses_of(&self, place: &Place, config: &Config) -> Result<Vec<Config>, DialError> {
        let mut config = config.clone();
        config.port(place.port);
        let name = match &place.host {
            Host::Unix(path) => {
                config.host_path(path);
                return Ok(vec![config]);
            }
            Host::Tcp(name) => name.as_str(),
        };
        config.host(name);
        let at = |ip| {
            let mut config = config.clone();
            config.hostaddr(ip);
            config
        };
        if let Some(ip) = place.ip {
            return Ok(vec![at(ip)]);
        }
        let found = timeout(self.address.limit, lookup_host((name, place.port)));
        let found = found.await.map_err(|_| self.silent(place))?;
        let found = found.map_err(|source| DialError::Unresolved { place: place.to_string(), source })?;
        Ok(found.map(|address: SocketAddr| at(address.ip())).collect())
    }

    /// Connects, logs in, and asks whether the host writes, all within the limit.
    async fn dial_address(&self, place: &Place, config: &Config) -> Result<Dialled, DialError> {
        let connecting = async {
            match &self.tls {
                Some(tls) => config.connect(tls.clone()).await.map(carried),
                None => config.connect(NoTls).await.map(carried),
            }
        };
        let connected = timeout(self.address.limit, connecting).await.map_err(|_| self.silent(place))?;
        connected.map_err(|source| DialError::Refused { place: place.to_string(), source })
    }

    fn silent(&self, place: &Place) -> DialError {
        DialError::Silent { place: place.to_string(), limit: self.address.limit }
    }
}

impl DialError {
    /// Whether user or password are wrong.
    fn is_login(&self) -> bool {
        let Self::Refused { source, .. } = self else { return false };
        source.code().is_some_and(|code| code.code().starts_with("28"))
    }
}

fn carried<S, T>((client, connection): (Client, Connection<S, T>)) -> Dialled
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let carrying = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = %error, "a connection to the database ended");
        }
    });
    (client, carrying)
}
