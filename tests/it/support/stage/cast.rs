//! The processes on a stage.

use std::process::Stdio;

use tokio::process::Command;

use super::{Actor, Stage};

impl Stage {
    /// Starts a process of the real binary: a role, or any command, with short leases where a role
    /// has them. It is killed with the value.
    pub(crate) async fn start(&self, arguments: &[&str]) -> Actor {
        self.start_with(arguments, &[]).await
    }

    /// Starts a process with more, or other, environment: proxies stand before servers this way.
    #[expect(clippy::unused_async, reason = "it spawns, so it must be called inside a runtime")]
    pub(crate) async fn start_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Actor {
        let mut command = Command::new(env!("CARGO_BIN_EXE_token-refresh"));
        command
            .args(arguments)
            .env("DATABASE_URL", self.database.url())
            .env("AMQP_URL", self.vhost.url())
            .env("TOKEN_KEYS", &self.keys)
            .env("LOG_FORMAT", "json")
            .env("RUST_LOG", "info")
            .env("ADMIN_LISTEN", "127.0.0.1:0")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let actor = Actor::enter(command.spawn().expect("the binary is built"), arguments);
        self.ending.entered(&actor);
        actor
    }

    /// A worker with a short lease and call.
    pub(crate) async fn worker(&self) -> Actor {
        let worker =
            self.start(&["worker", "--lease", "6s", "--call-timeout", "3s", "--retry-base", "1s"]).await;
        worker.expect_log("started").await;
        worker
    }

    /// A worker like [`Self::worker`], with more, or other, environment.
    pub(crate) async fn worker_with(&self, environment: &[(&str, &str)]) -> Actor {
        let arguments = ["worker", "--lease", "6s", "--call-timeout", "3s", "--retry-base", "1s"];
        let worker = self.start_with(&arguments, environment).await;
        worker.expect_log("started").await;
        worker
    }

    /// A scheduler that ticks five times a second.
    pub(crate) async fn scheduler(&self) -> Actor {
        let scheduler = self
            .start(&["scheduler", "--tick", "200ms", "--claim-within", "10s", "--retry-base", "1s"])
            .await;
        scheduler.expect_log("started").await;
        scheduler
    }

    /// A log-writer.
    pub(crate) async fn log_writer(&self) -> Actor {
        let writer = self.start(&["log-writer"]).await;
        writer.expect_log("started").await;
        writer
    }

    /// Scheduler, worker and log-writer, as most tests want them.
    pub(crate) async fn crew(&self) -> [Actor; 3] {
        [self.scheduler().await, self.worker().await, self.log_writer().await]
    }
}
