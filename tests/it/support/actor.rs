//! A process of the real binary, for tests that kill, freeze and listen to it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// How long a process may take to end where everything that it waits for is silent.
const LONGEST_STOP: Duration = Duration::from_secs(30);

/// A running process of the real binary.
pub(crate) struct Actor {
    child: Child,
    name: String,
    output: Arc<Mutex<Vec<String>>>,
}

impl Actor {
    pub(super) fn enter(mut child: Child, arguments: &[&str]) -> Self {
        let output = Arc::new(Mutex::new(Vec::new()));
        let collect = |stream: Box<dyn tokio::io::AsyncRead + Send + Unpin>| {
            let output = Arc::clone(&output);
            tokio::spawn(async move {
                let mut lines = BufReader::new(stream).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    output.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                }
            });
        };
        collect(Box::new(child.stdout.take().expect("piped")));
        collect(Box::new(child.stderr.take().expect("piped")));
        Self { child, name: arguments.join(" "), output }
    }

    /// All it has printed so far, standard output and log.
    pub(crate) fn output(&self) -> String {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    /// Waits for a line with `text`, and returns it.
    pub(crate) async fn expect_log(&self, text: &str) -> String {
        let looking = async {
            loop {
                let found = self
                    .output
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .iter()
                    .find(|line| line.contains(text))
                    .cloned();
                if let Some(line) = found {
                    return line;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        match tokio::time::timeout(super::PATIENCE, looking).await {
            Ok(line) => line,
            Err(tokio::time::error::Elapsed { .. }) => {
                panic!("{} never said \"{text}\"; it said:\n{}", self.name, self.output())
            }
        }
    }

    /// kill -9.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("it runs");
    }

    /// SIGSTOP: it neither works nor dies.
    pub(crate) async fn freeze(&self) {
        self.signal("STOP").await;
    }

    /// SIGCONT.
    pub(crate) async fn thaw(&self) {
        self.signal("CONT").await;
    }

    /// SIGTERM, and waits for the end; returns the exit code.
    pub(crate) async fn stop(&mut self) -> Option<i32> {
        self.signal("TERM").await;
        self.ended().await
    }

    /// Waits for the end; returns the exit code.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        let ending = tokio::time::timeout(LONGEST_STOP, self.child.wait()).await;
        let ended =
            ending.unwrap_or_else(|_| panic!("{} did not end; it said:\n{}", self.name, self.output()));
        ended.expect("it can be waited for").code()
    }

    /// SIGTERM.
    pub(crate) async fn signal_stop(&self) {
        self.signal("TERM").await;
    }

    /// Its process id.
    pub(crate) fn process_id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    async fn signal(&self, signal: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status().await.expect("kill runs");
        assert!(sent.success(), "kill -s {signal} {id}");
    }
}
