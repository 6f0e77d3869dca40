//! `migrate`: schema and topology.

use std::process::ExitCode;

use anyhow::Context;

use crate::{config, store};

pub(super) async fn run() -> anyhow::Result<ExitCode> {
    let database = config::store("token-refresh migrate", 2)?;
    let applied = store::migrate(&database).await.context("database")?;
    database.make_partitions().await.context("database: making partitions")?;
    match applied.as_slice() {
        [] => println!("database: up to date"),
        applied => println!("database: applied {}", applied.join(", ")),
    }
    if config::AMQP_URL.find()?.is_none() {
        println!("broker: AMQP_URL is not set; every role declares what is missing when it starts");
        return Ok(ExitCode::SUCCESS);
    }
    let differences = config::broker("token-refresh migrate")?.declare_topology().await.context("broker")?;
    if differences.is_empty() {
        println!("broker: topology is as in queues/definitions.json");
        return Ok(ExitCode::SUCCESS);
    }
    for difference in &differences {
        println!("broker: {difference}");
    }
    Ok(ExitCode::FAILURE)
}
