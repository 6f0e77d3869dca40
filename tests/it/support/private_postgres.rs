//! A PostgreSQL of one test's own, which may be stopped, killed, frozen and followed by a standby.

use std::path::{Path, PathBuf};

use tokio::{
    process::{Child, Command},
    sync::Mutex,
};
use tokio_postgres::NoTls;

use super::{
    eventually, in_time,
    unprivileged::{Directory, steady_port},
};

/// Its only user and database.
const USER: &str = "it";

/// One test's PostgreSQL.
pub(crate) struct PrivatePostgres {
    directory: Directory,
    port: u16,
    server: Mutex<Child>,
}

impl PrivatePostgres {
    /// Makes and starts an empty one.
    pub(crate) async fn start() -> Self {
        let directory = Directory::create();
        let data = directory.file("data");
        let arguments = ["-D", &data, "-U", USER, "--auth=trust", "--encoding=UTF8", "--no-locale"];
        directory.run(&program("initdb"), &arguments).await;
        Self::serve(directory).await
    }

    /// Makes and starts a standby that streams from this server, which from now on commits nothing
    /// that the standby has not got.
    pub(crate) async fn standby(&self) -> Self {
        let directory = Directory::create();
        self.copy_to(&directory).await;
        let standby = Self::serve(directory).await;
        let settings = "alter system set synchronous_standby_names = '*'";
        self.run(settings).await;
        self.run("select pg_reload_conf()").await;
        let in_step = "select count(*) from pg_stat_replication where sync_state = 'sync'";
        eventually("the standby is in step", || async {
            let row = self.client().await?.query_one(in_step, &[]).await.ok()?;
            (row.get::<_, i64>(0) == 1).then_some(())
        })
        .await;
        standby
    }

    /// Makes the standby the one that can be written to.
    pub(crate) async fn promote(&self) {
        self.run("select pg_promote()").await;
    }

    /// Comes back as a standby of another server, at the same address.
    pub(crate) async fn follow(&self, primary: &Self) {
        std::fs::remove_dir_all(self.directory.path().join("data")).expect("nobody serves it any more");
        primary.copy_to(&self.directory).await;
        self.start_again().await;
    }

    /// Ends it as an operator does; whoever is connected is told.
    pub(crate) async fn stop(&self) {
        let mut server = self.server.lock().await;
        signal("INT", &[server.id().expect("it runs")]).await;
        in_time("the end of PostgreSQL", server.wait()).await.expect("it can be waited for");
    }

    /// kill -9 of its first process; the others end with it.
    pub(crate) async fn kill(&self) {
        self.server.lock().await.kill().await.expect("it runs");
    }

    /// Starts it again at the same address. What a killed one left may take a moment to end.
    pub(crate) async fn start_again(&self) {
        eventually("PostgreSQL starts again", || async {
            let mut server = self.server.lock().await;
            if server.try_wait().expect("it can be waited for").is_some() {
                *server = start(&self.directory, self.port);
            }
            drop(server);
            self.client().await.map(drop)
        })
        .await;
    }

    /// SIGSTOP of all its processes: it keeps its connections and says nothing.
    pub(crate) async fn freeze(&self) {
        signal("STOP", &self.processes().await).await;
    }

    /// SIGCONT.
    pub(crate) async fn thaw(&self) {
        signal("CONT", &self.processes().await).await;
    }

    /// Refuses writes of new transactions, or takes them again.
    pub(crate) async fn set_read_only(&self, on: bool) {
        self.run(&format!("alter system set default_transaction_read_only = {on}")).await;
        self.run("select pg_reload_conf()").await;
    }

    /// `127.0.0.1:port`
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    async fn serve(directory: Directory) -> Self {
        let port = steady_port();
        let server = Mutex::new(start(&directory, port));
        let postgres = Self { directory, port, server };
        eventually("PostgreSQL answers", || async { postgres.client().await.map(drop) }).await;
        postgres
    }

    async fn copy_to(&self, directory: &Directory) {
        let (data, port) = (directory.file("data"), self.port.to_string());
        let from = ["-h", "127.0.0.1", "-p", &port, "-U", USER];
        let how = ["-D", &data, "--write-recovery-conf", "--checkpoint=fast"];
        directory.run(&program("pg_basebackup"), &[from.as_slice(), how.as_slice()].concat()).await;
    }

    async fn run(&self, statement: &str) {
        let client = eventually("PostgreSQL answers", || self.client()).await;
        in_time("a statement of the test", client.batch_execute(statement)).await.expect(statement);
    }

    async fn client(&self) -> Option<tokio_postgres::Client> {
        let options = "options='-c default_transaction_read_only=off'";
        let address = format!(
            "host=127.0.0.1 port={} user={USER} dbname=postgres connect_timeout=5 {options}",
            self.port
        );
        let (client, connection) = tokio_postgres::connect(&address, NoTls).await.ok()?;
        tokio::spawn(connection);
        Some(client)
    }

    async fn processes(&self) -> Vec<u32> {
        let first = self.server.lock().await.id().expect("it runs");
        let children = Command::new("ps").args(["-o", "pid=", "--ppid", &first.to_string()]).output().await;
        let children = String::from_utf8(children.expect("ps runs").stdout).expect("numbers");
        let children = children.split_whitespace().map(|id| id.parse().expect("a number"));
        std::iter::once(first).chain(children).collect()
    }
}

/// The address of a database that one of `servers` serves, whichever can be written to.
pub(crate) fn url_of(servers: &[&PrivatePostgres]) -> String {
    let hosts: Vec<String> = servers.iter().map(|server| server.address()).collect();
    format!("postgres://{USER}@{}/postgres?target_session_attrs=read-write", hosts.join(","))
}

fn start(directory: &Directory, port: u16) -> Child {
    let (data, port) = (directory.file("data"), format!("port={port}"));
    let settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200", &port];
    let settings = settings.iter().flat_map(|setting| ["-c", setting]);
    directory.start(&program("postgres"), &["-D", &data].into_iter().chain(settings).collect::<Vec<_>>())
}

async fn signal(name: &str, processes: &[u32]) {
    let ids = processes.iter().map(ToString::to_string);
    // A session may end meanwhile.
    drop(Command::new("kill").args(["-s", name]).args(ids).output().await.expect("kill runs"));
}

/// One of PostgreSQL's programs, of the newest version on this machine.
fn program(name: &str) -> PathBuf {
    let versions = Path::new("/usr/lib/postgresql").read_dir().into_iter().flatten().flatten();
    let newest = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).max();
    newest.map_or_else(|| name.into(), |version| format!("/usr/lib/postgresql/{version}/bin/{name}").into())
}
