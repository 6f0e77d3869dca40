//! `orgs`: who owns accounts.

use std::process::ExitCode;

use clap::Subcommand;

use crate::config;

#[derive(Debug, Subcommand)]
pub(super) enum Orgs {
    /// Add an org and print its id.
    Add {
        /// Its name, unique.
        name: String,
    },
    /// List all orgs.
    List,
}

pub(super) async fn run(command: Orgs) -> anyhow::Result<ExitCode> {
    let store = config::store("token-refresh orgs", 2)?;
    match command {
        Orgs::Add { name } => match store.put_org(&name).await {
            Ok(id) => println!("{id}"),
            Err(error) if error.violates("orgs_name_unique") => {
                anyhow::bail!("there is an org \"{name}\" already")
            }
            Err(error) => return Err(error.into()),
        },
        Orgs::List => {
            for org in store.list_orgs().await? {
                println!("{}  {}  {} account(s), {} member(s)", org.id, org.name, org.accounts, org.members);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
