//! Commands of the real binary, run to their end.

use std::process::Stdio;

use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};

use super::{in_time, stage::Stage};

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Insists on exit code 0.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Insists on exit code 1: the command ran and says no.
    #[track_caller]
    pub(crate) fn failed(self) -> Self {
        assert_eq!(self.code, Some(1), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Insists on exit code 2: the command line is not understood.
    #[track_caller]
    pub(crate) fn misused(self) -> Self {
        assert_eq!(self.code, Some(2), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Insists that `text` stands on standard output.
    #[track_caller]
    pub(crate) fn prints(self, text: &str) -> Self {
        assert!(self.out.contains(text), "no \"{text}\" in:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Insists that `text` stands on standard error.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.err.contains(text), "no \"{text}\" in:\n{}\nstdout:\n{}", self.err, self.out);
        self
    }

    /// Insists that `secret` was printed nowhere (G4).
    #[track_caller]
    pub(crate) fn hides(self, secret: &str) -> Self {
        assert!(!self.out.contains(secret), "a secret on standard output:\n{}", self.out);
        assert!(!self.err.contains(secret), "a secret on standard error:\n{}", self.err);
        self
    }

    /// Standard output without the last line break.
    pub(crate) fn line(&self) -> &str {
        self.out.trim_end()
    }

    /// Standard output as one JSON value a line.
    pub(crate) fn json(&self) -> Vec<Value> {
        let read = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.out.lines().map(read).collect()
    }
}

/// Runs the binary with exactly this environment, gives it `input`, and waits for its end.
pub(crate) async fn run_in(environment: &[(&str, &str)], arguments: &[&str], input: &str) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_token-refresh"));
    command
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().expect("the binary is built");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_owned();
    // A command that reads no input may end before it is written.
    let feeding = tokio::spawn(async move { drop(stdin.write_all(input.as_bytes()).await) });
    let output = in_time(&format!("the end of {}", arguments.join(" ")), child.wait_with_output()).await;
    let output = output.expect("it can be waited for");
    feeding.abort();
    Ran {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Stage {
    /// The stage's addresses and keys, as every command wants them.
    pub(crate) fn environment(&self) -> [(&str, &str); 3] {
        [("DATABASE_URL", self.database.url()), ("AMQP_URL", self.vhost.url()), ("TOKEN_KEYS", &self.keys)]
    }

    /// Runs a command on the stage to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        self.feed(arguments, "").await
    }

    /// Runs a command that reads `input` from standard input.
    pub(crate) async fn feed(&self, arguments: &[&str], input: &str) -> Ran {
        let ran = run_in(&self.environment(), arguments, input).await;
        self.ending.ran(arguments, &ran.err);
        ran
    }
}
