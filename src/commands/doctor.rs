//! `doctor`: what is wrong, and what to do about it.

use std::{process::ExitCode, time::Duration};

use clap::Args;

use super::progress;
use crate::{
    config,
    crypto::Keyring,
    domain::health::{Finding, Weight},
    process::startup::{check_keys, check_schema},
    queue::Broker,
    store::Store,
    terminal::{HealthReport, printable},
    version::version,
};

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Wait at most this long until database and broker answer, then check.
    #[arg(long, value_parser = crate::config::value::duration, value_name = "DURATION")]
    wait: Option<Duration>,
}

/// Between two questions to a server that does not answer.
const ASK_EVERY: Duration = Duration::from_millis(200);

fn good(what: &str, detail: &str) {
    println!("ok    {what}: {detail}");
}

/// Counts what is wrong, and prints a line and a remedy for each.
#[derive(Default)]
struct Findings {
    failed: usize,
    warned: usize,
}

impl Findings {
    fn bad(&mut self, what: &str, problem: &str, remedy: &str) {
        self.failed += 1;
        println!("FAIL  {what}: {problem}\n      → {remedy}");
    }

    fn warn(&mut self, what: &str, problem: &str, remedy: &str) {
        self.warned += 1;
        println!("warn  {what}: {problem}\n      → {remedy}");
    }

    fn note<T>(&mut self, what: &str, result: anyhow::Result<T>, remedy: &str) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.bad(what, &format!("{error:#}"), remedy);
                None
            }
        }
    }
}

pub(super) async fn run(doctor: Doctor) -> anyhow::Result<ExitCode> {
    let mut findings = Findings::default();
    println!("token-refresh {}", version());
    let store = findings.note(
        "configuration",
        config::store("token-refresh doctor", 3),
        "set DATABASE_URL or DATABASE_URL_FILE",
    );
    let broker = findings.note(
        "configuration",
        config::broker("token-refresh doctor"),
        "set AMQP_URL or AMQP_URL_FILE",
    );
    let keyring = findings.note(
        "configuration",
        config::keyring(),
        "make a key with `token-refresh keys generate` and set TOKEN_KEYS",
    );
    if let Some(patience) = doctor.wait {
        wait_for_servers(store.as_ref(), broker.as_ref(), patience).await;
    }
    let schema = match &store {
        Some(store) => check_database(&mut findings, store).await,
        None => false,
    };
    if let Some(broker) = &broker {
        check_broker(&mut findings, broker).await;
    }
    if let (true, Some(store), Some(keyring)) = (schema, &store, &keyring) {
        check_sealing(&mut findings, store, keyring).await;
    }
    if let (true, Some(store), Some(broker)) = (schema, &store, &broker) {
        check_fleet(&mut findings, store, broker).await;
    }
    match findings {
        Findings { failed: 0, warned: 0 } => println!("All is well."),
        Findings { failed: 0, warned } => println!("It works; {warned} thing(s) to see to."),
        Findings { failed, .. } => println!("{failed} problem(s)."),
    }
    Ok(if findings.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Waits until database and broker answer, but not longer than `patience`: the checks that follow say
/// what does not answer, and why.
async fn wait_for_servers(store: Option<&Store>, broker: Option<&Broker>, patience: Duration) {
    let waiting = async {
        if let Some(store) = store {
            let _shown = progress::waiting("waiting for the database");
            while store.ping().await.is_err() {
                tokio::time::sleep(ASK_EVERY).await;
            }
        }
        if let Some(broker) = broker {
            let _shown = progress::waiting("waiting for the broker");
            while broker.check().await.is_err() {
                tokio::time::sleep(ASK_EVERY).await;
            }
        }
    };
    let _ = tokio::time::timeout(patience, waiting).await;
}

async fn check_database(findings: &mut Findings, store: &Store) -> bool {
    let reached = store.ping().await.map_err(anyhow::Error::from);
    if findings
        .note(
            "database",
            reached,
            "check host, port, user and password in DATABASE_URL, and that PostgreSQL runs",
        )
        .is_none()
    {
        return false;
    }
    good("database", "answers");
    let schema = check_schema(store).await;
    let remedy = "run `token-refresh migrate`, which refuses a database that must be made anew";
    let fits = findings.note("schema", schema, remedy).is_some();
    if fits {
        good("schema", "is this version's");
    }
    fits
}

async fn check_broker(findings: &mut Findings, broker: &Broker) {
    let report = broker.check().await.map_err(anyhow::Error::from);
    let remedy = "check host, port, user, password and virtual host in AMQP_URL, and that RabbitMQ runs";
    let Some(report) = findings.note("broker", report, remedy) else { return };
    good("broker", &format!("answers ({})", report.server.as_deref().unwrap_or("version unknown")));
    for difference in &report.differences {
        findings.bad(
            "topology",
            &difference.to_string(),
            "run `token-refresh migrate`; a queue that differs must be emptied and deleted first",
        );
    }
    if report.differences.is_empty() {
        good("topology", "is as in queues/definitions.json");
    }
}

async fn check_sealing(findings: &mut Findings, store: &Store, keyring: &Keyring) {
    let remedy = "give every process the same TOKEN_KEYS; a key id always means one key";
    if findings.note("keys", check_keys(store, keyring).await, remedy).is_some() {
        good(
            "keys",
            &format!("{} open their canaries; {} seals", keyring.ids().join(", "), keyring.sealing_id()),
        );
    }
    let in_use = store.keys_in_use().await.map_err(anyhow::Error::from);
    for (id, texts) in findings.note("keys", in_use, "see above").unwrap_or_default() {
        if !keyring.has(&id) {
            findings.bad(
                "keys",
                &format!("{texts} stored text(s) need key \"{id}\""),
                "add that key to TOKEN_KEYS, behind the first",
            );
        }
    }
}

async fn check_fleet(findings: &mut Findings, store: &Store, broker: &Broker) {
    let report = HealthReport::take(store, broker, None).await.map_err(anyhow::Error::from);
    let Some(report) = findings.note("health", report, "see above") else { return };
    let failed = findings.failed;
    for Finding { weight, text, remedy, .. } in report.findings() {
        let text = printable(&text, false);
        match weight {
            Weight::Bad => findings.bad("health", &text, &remedy),
            Weight::Warn => findings.warn("health", &text, &remedy),
            Weight::Note => println!("note  health: {text}\n      → {remedy}"),
        }
    }
    if findings.failed == failed {
        good("health", &report.figures_text().trim_end().replace('\n', "; "));
    }
}
