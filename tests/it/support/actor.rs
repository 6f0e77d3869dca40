//! A process of the real binary, for tests that kill, freeze and listen to it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    task::JoinHandle,
};

use super::{PATIENCE, until};

/// How long a process may take to end where everything that it waits for is silent.
const LONGEST_STOP: Duration = Duration::from_secs(30);

/// A running process of the real binary, killed with this value.
pub(crate) struct Actor(Arc<Process>);

/// The process itself, which its stage knows too.
pub(super) struct Process {
    /// Locked across a wait for the end, so by one task at a time.
    child: tokio::sync::Mutex<Child>,
    id: u32,
    name: String,
    output: Arc<Mutex<Vec<String>>>,
    readers: Mutex<Vec<JoinHandle<()>>>,
}

impl Actor {
    pub(super) fn enter(mut child: Child, arguments: &[&str]) -> Self {
        let output = Arc::new(Mutex::new(Vec::new()));
        let readers = vec![
            tokio::spawn(collect(child.stdout.take().expect("piped"), Arc::clone(&output))),
            tokio::spawn(collect(child.stderr.take().expect("piped"), Arc::clone(&output))),
        ];
        let id = child.id().expect("it was just started");
        let (child, name) = (tokio::sync::Mutex::new(child), arguments.join(" "));
        Self(Arc::new(Process { child, id, name, output, readers: Mutex::new(readers) }))
    }

    /// The process, for the stage that it plays on.
    pub(super) fn process(&self) -> &Arc<Process> {
        &self.0
    }

    /// All it has printed so far, standard output and log.
    pub(crate) fn output(&self) -> String {
        self.0.output()
    }

    /// Waits for a line with `text`, and returns it.
    pub(crate) async fn expect_log(&self, text: &str) -> String {
        let saying = until(async || self.0.lines(|line| line.contains(text)).into_iter().next());
        let Ok(line) = tokio::time::timeout(PATIENCE, saying).await else {
            panic!("{} never said \"{text}\"; it said:\n{}", self.0.name, self.output())
        };
        line
    }

    /// kill -9.
    pub(crate) async fn kill(&mut self) {
        self.0.child.lock().await.kill().await.expect("it runs");
    }

    /// SIGSTOP: it neither works nor dies.
    pub(crate) async fn freeze(&self) {
        self.0.signal("STOP").await;
    }

    /// SIGCONT.
    pub(crate) async fn thaw(&self) {
        self.0.signal("CONT").await;
    }

    /// SIGTERM, and waits for the end; returns the exit code.
    pub(crate) async fn stop(&mut self) -> Option<i32> {
        self.0.stop().await
    }

    /// Waits for the end; returns the exit code.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        self.0.ended().await
    }

    /// SIGTERM.
    pub(crate) async fn signal_stop(&self) {
        self.0.signal("TERM").await;
    }

    /// Its process id.
    pub(crate) fn process_id(&self) -> u32 {
        self.0.id
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        // Locked only while someone waits for its end, and then it is ending.
        if let Ok(mut child) = self.0.child.try_lock() {
            drop(child.start_kill());
        }
    }
}

impl Process {
    /// The command line's arguments.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// All it has printed so far.
    pub(super) fn output(&self) -> String {
        self.lines(|_| true).join("\n")
    }

    /// The lines printed so far that `fit`.
    pub(super) fn lines(&self, fit: impl Fn(&str) -> bool) -> Vec<String> {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        output.iter().filter(|line| fit(line)).cloned().collect()
    }

    /// Whether it has not ended.
    pub(super) async fn runs(&self) -> bool {
        self.child.lock().await.try_wait().expect("it can be waited for").is_none()
    }

    /// SIGTERM, and waits for the end; returns the exit code.
    pub(super) async fn stop(&self) -> Option<i32> {
        self.signal("TERM").await;
        self.ended().await
    }

    /// Waits for the end, and for the last line; returns the exit code.
    pub(super) async fn ended(&self) -> Option<i32> {
        let ending = async { self.child.lock().await.wait().await };
        let ended = tokio::time::timeout(LONGEST_STOP, ending).await;
        let ended =
            ended.unwrap_or_else(|_| panic!("{} did not end; it said:\n{}", self.name, self.output()));
        let readers = std::mem::take(&mut *self.readers.lock().unwrap_or_else(PoisonError::into_inner));
        for reader in readers {
            reader.await.expect("lines are read without a panic");
        }
        ended.expect("it can be waited for").code()
    }

    async fn signal(&self, signal: &str) {
        let id = self.id.to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status().await.expect("kill runs");
        assert!(sent.success(), "kill -s {signal} {id}");
    }
}

async fn collect(stream: impl AsyncRead + Unpin, output: Arc<Mutex<Vec<String>>>) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        output.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}
