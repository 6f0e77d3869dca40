//! A RabbitMQ of one test's own, which may be killed and lose its data: `deploy/local` starts it in a
//! directory of its own, beside the servers that all tests share.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::Duration,
};

use tokio::{
    process::Command,
    sync::{Mutex, MutexGuard},
};
use uuid::Uuid;

use super::servers::servers;

/// Three boots on a busy machine.
const BOOT: Duration = Duration::from_secs(60);

/// One runs at a time: while it is stopped its ports are free, and another would take them.
static ONE: Mutex<()> = Mutex::const_new(());

/// One test's RabbitMQ.
pub(crate) struct PrivateBroker {
    _only: MutexGuard<'static, ()>,
    directory: PathBuf,
    exports: Exports,
    cleaner: Child,
}

impl PrivateBroker {
    /// Starts an empty one. Panics with what to install where that is not possible.
    pub(crate) async fn start() -> Self {
        let only = ONE.lock().await;
        let directory = std::env::temp_dir().join(format!("token-refresh-{}", Uuid::now_v7().simple()));
        std::fs::create_dir(&directory).expect("the directory for temporary files can be written");
        let cleaner = cleaner(&directory);
        let exports = up(&directory).await;
        Self { _only: only, directory, exports, cleaner }
    }

    /// `amqp://…/%2f`, the same after each restart.
    pub(crate) fn url(&self) -> &str {
        &self.exports.url
    }

    /// Runs `rabbitmqctl` against it.
    pub(crate) async fn control(&self, arguments: &[&str]) {
        let mut words = self.exports.control.split_whitespace().chain(arguments.iter().copied());
        let program = words.next().expect("deploy/local names a program");
        let output = Command::new(program).args(words).output().await.expect("rabbitmqctl can be run");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// kill -9 of the whole broker.
    pub(crate) async fn kill(&self) {
        self.signal("KILL").await;
    }

    /// SIGSTOP: it keeps its connections and says nothing.
    pub(crate) async fn freeze(&self) {
        self.signal("STOP").await;
    }

    /// SIGCONT.
    pub(crate) async fn thaw(&self) {
        self.signal("CONT").await;
    }

    async fn signal(&self, signal: &str) {
        let process = std::fs::read_to_string(self.directory.join("pid.rabbitmq")).expect(
            "a broker whose process can be killed: install rabbitmq-server, it does not run in a container",
        );
        let sent = Command::new("kill").args(["-s", signal, process.trim()]).status().await;
        assert!(sent.expect("kill runs").success(), "kill -s {signal} {process}");
    }

    /// Starts the killed broker again.
    pub(crate) async fn start_again(&self) {
        assert_eq!(up(&self.directory).await, self.exports, "its address stays");
    }

    /// Deletes everything that the killed broker knew.
    pub(crate) fn lose_data(&self) {
        let data = self.directory.join("rabbitmq/data");
        std::fs::remove_dir_all(data).expect("the directory of the killed broker can be deleted");
    }
}

impl Drop for PrivateBroker {
    fn drop(&mut self) {
        // Its input closes, and it cleans up. Not waited for: the test is over.
        drop(self.cleaner.stdin.take());
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/local")
}

/// What `deploy/local` tells of a broker.
#[derive(Debug, PartialEq, Eq)]
struct Exports {
    url: String,
    /// The command line that controls it.
    control: String,
}

/// Brings the broker of `directory` up.
async fn up(directory: &Path) -> Exports {
    let mut command = Command::new(script());
    command.args(["up", "--env"]).env("TOKEN_REFRESH_STATE_DIR", directory);
    for ours in ["AMQP_URL", "RABBITMQ_MANAGEMENT_URL", "RABBITMQCTL"] {
        command.env_remove(ours);
    }
    // A given database, so that no second one is started.
    command.env("DATABASE_URL", &servers().await.database).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(BOOT, command.output()).await.expect("RabbitMQ starts in time");
    let output = output.expect("deploy/local can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "a RabbitMQ of the test's own does not start:\n{said}");
    let exports = String::from_utf8_lossy(&output.stdout);
    let export = |name: &str| {
        let mut values = exports
            .lines()
            .filter_map(|line| line.strip_prefix("export ")?.strip_prefix(name)?.strip_prefix('='));
        values.next().unwrap_or_else(|| panic!("deploy/local names its broker's {name}")).replace('\\', "")
    };
    Exports { url: export("AMQP_URL"), control: export("RABBITMQCTL") }
}

/// Stops the broker and removes its directory when this process drops it or ends, however it ends:
/// nothing in Rust runs then, but a child sees its standard input close.
fn cleaner(directory: &Path) -> Child {
    const CLEAN: &str = "trap '' INT TERM HUP; read -r directory; read -r script; cat
        read -r process < \"$directory/pid.rabbitmq\" && kill -s KILL \"$process\"
        TOKEN_REFRESH_STATE_DIR=$directory \"$script\" down --purge
        rm -rf \"$directory\"";
    let mut child = std::process::Command::new("sh")
        .args(["-c", CLEAN])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh runs");
    let stdin = child.stdin.as_mut().expect("piped above");
    writeln!(stdin, "{}\n{}", directory.display(), script().display()).expect("the child reads two lines");
    child
}
