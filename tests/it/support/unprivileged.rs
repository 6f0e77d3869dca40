//! A server of one test's own that refuses to run as root: with another user's rights, in a directory
//! of its own, and no longer than the test.

use std::{
    fs::{File, Permissions},
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::{Child, Command};
use uuid::Uuid;

use super::eventually;

/// Whose rights such a server gets where the tests run as root: PostgreSQL's packages make that user.
const USER: &str = "postgres";

/// A directory for one server, which goes with the value.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn create() -> Self {
        // Under /var/tmp: nobody's home is passable for another user.
        let path = Path::new("/var/tmp").join(format!("token-refresh-{}", Uuid::now_v7().simple()));
        std::fs::create_dir(&path).expect("/var/tmp can be written");
        let directory = Self(path);
        directory.hand_over("");
        directory
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A file in it, as an argument.
    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// Writes a file that only its server may read.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).expect("the directory can be written");
        std::fs::set_permissions(self.0.join(name), Permissions::from_mode(0o600)).expect("it was just made");
        self.hand_over(name);
    }

    /// Gives a file to the server's user.
    pub(crate) fn hand_over(&self, name: &str) {
        if nix::unistd::geteuid().is_root() {
            let user = nix::unistd::User::from_name(USER).ok().flatten();
            let user = user.expect("a user `postgres`: install postgresql");
            let owner = (Some(user.uid.as_raw()), Some(user.gid.as_raw()));
            std::os::unix::fs::chown(self.0.join(name), owner.0, owner.1).expect("root may");
        }
    }

    /// Starts `program` with the user's rights and without the environment of the tests; it ends with
    /// the thread of the test, however that ends.
    pub(crate) fn start(&self, program: &Path, arguments: &[&str]) -> Child {
        self.command(program, arguments).kill_on_drop(true).spawn().unwrap_or_else(|error| {
            panic!("{}: {error}", program.display());
        })
    }

    /// Runs `program` to its end.
    pub(crate) async fn run(&self, program: &Path, arguments: &[&str]) {
        let status = self.command(program, arguments).status().await;
        let told = || std::fs::read_to_string(self.0.join("log")).unwrap_or_default();
        assert!(
            status.is_ok_and(|status| status.success()),
            "{} {arguments:?}:\n{}",
            program.display(),
            told()
        );
    }

    fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let log = File::options().create(true).append(true).open(self.0.join("log")).expect("a log");
        let errors = log.try_clone().expect("an open file");
        let mut command = Command::new("setpriv");
        if nix::unistd::geteuid().is_root() {
            command.args([&format!("--reuid={USER}"), &format!("--regid={USER}"), "--init-groups"]);
        }
        command.args(["--pdeathsig", "KILL", "--"]).arg(program).args(arguments);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8").current_dir(&self.0);
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        command
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Best effort: its server may still be ending.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A port of loopback that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}

/// Waits until somebody listens on `port`.
pub(crate) async fn listens(port: u16) {
    let knock = || async { tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok() };
    drop(eventually("the server listens", knock).await);
}

/// A port that stays free while its server is away: outside of those from which connections get theirs.
pub(crate) fn steady_port() -> u16 {
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    std::iter::repeat_with(|| rand::random_range(20_000..30_000)).find(free).expect("one of thousands")
}
