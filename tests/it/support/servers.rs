//! Where PostgreSQL and RabbitMQ are: from the environment, else in containers, found once per process.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use reqwest::Url;
use testcontainers_modules::postgres::Postgres;
use testcontainers_modules::testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers_modules::testcontainers::runners::AsyncRunner;
use testcontainers_modules::testcontainers::{
    ContainerAsync, GenericImage, Image, ImageExt, TestcontainersError,
};
use tokio::sync::OnceCell;

const NO_SERVERS: &str = "the tests need PostgreSQL and RabbitMQ: `./deploy/local test` brings them up and runs all \
    tests; for a single `cargo test`, first `eval \"$(./deploy/local up --env)\"`; or start Docker";

/// Pulling an image counts too.
const CONTAINER_START: Duration = Duration::from_secs(300);

/// The servers' URLs, with the rights to make databases and virtual hosts.
pub(crate) struct Servers {
    /// `postgres://user:password@host:port/database`
    pub(crate) database: String,
    /// `amqp://user:password@host:port/vhost`
    pub(crate) amqp: String,
    /// `http://user:password@host:port`
    pub(crate) management: String,
}

/// The servers of this process. Panics with the command that starts them where there are none.
pub(crate) async fn servers() -> &'static Servers {
    static SERVERS: OnceCell<Servers> = OnceCell::const_new();
    SERVERS.get_or_init(find).await
}

async fn find() -> Servers {
    super::install_tls_provider();
    let database = match environment("DATABASE_URL") {
        Some(url) => url,
        None => {
            postgres_container().await.unwrap_or_else(|error| panic!("{NO_SERVERS}\n(no container: {error})"))
        }
    };
    let (amqp, management) = match environment("AMQP_URL") {
        Some(url) => {
            let management =
                environment("RABBITMQ_MANAGEMENT_URL").unwrap_or_else(|| usual_management_url(&url));
            (url, management)
        }
        None => {
            rabbitmq_container().await.unwrap_or_else(|error| panic!("{NO_SERVERS}\n(no container: {error})"))
        }
    };
    Servers { database, amqp, management }
}

#[expect(clippy::disallowed_methods, reason = "the tests' addresses are not the program's configuration")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The management API as RabbitMQ serves it by default, at the host of `amqp_url`.
fn usual_management_url(amqp_url: &str) -> String {
    let amqp = Url::parse(amqp_url).expect("AMQP_URL is a URL");
    let host = amqp.host_str().expect("AMQP_URL names a host");
    let (user, password) = match amqp.username() {
        "" => ("guest", "guest"),
        user => (user, amqp.password().unwrap_or_default()),
    };
    format!("http://{user}:{password}@{host}:15672")
}

async fn postgres_container() -> Result<String, TestcontainersError> {
    let container = Postgres::default()
        .with_tag("15-alpine")
        .with_cmd(["-c", "max_connections=300", "-c", "max_locks_per_transaction=256"])
        .with_startup_timeout(CONTAINER_START)
        .start()
        .await?;
    let address = address(&container, 5432).await?;
    remove_at_exit(container);
    Ok(format!("postgres://postgres:postgres@{address}/postgres"))
}

async fn rabbitmq_container() -> Result<(String, String), TestcontainersError> {
    let container = GenericImage::new("rabbitmq", "3.13-management-alpine")
        .with_wait_for(WaitFor::message_on_stdout("Server startup complete"))
        .with_exposed_port(5672.tcp())
        .with_exposed_port(15672.tcp())
        .with_startup_timeout(CONTAINER_START)
        .start()
        .await?;
    let amqp = address(&container, 5672).await?;
    let management = address(&container, 15672).await?;
    remove_at_exit(container);
    Ok((format!("amqp://guest:guest@{amqp}/%2f"), format!("http://guest:guest@{management}")))
}

async fn address<I: Image>(container: &ContainerAsync<I>, port: u16) -> Result<String, TestcontainersError> {
    Ok(format!("{}:{}", container.get_host().await?, container.get_host_port_ipv4(port).await?))
}

/// Leaves `container` running for all tests, and removes it when this process ends, however it ends:
/// nothing in Rust runs then, but a child sees its standard input close.
fn remove_at_exit<I: Image>(container: ContainerAsync<I>) {
    let child = Command::new("sh")
        .args(["-c", "trap '' INT TERM HUP; read id; cat; exec docker rm --force --volumes \"$id\""])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match child {
        Ok(mut child) => {
            let stdin = child.stdin.as_mut().expect("piped above");
            writeln!(stdin, "{}", container.id()).expect("the child reads one line");
            std::mem::forget(child);
        }
        Err(error) => eprintln!("container {} stays behind: {error}", container.id()),
    }
    std::mem::forget(container);
}
