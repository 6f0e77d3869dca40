//! How a command names one account.

use anyhow::Context;
use clap::Args;

use crate::{
    domain::account::{Environment, OrgId},
    store::{Account, AccountSelector, Store},
};

/// An account: its id, or its username.
#[derive(Debug, Clone, Args)]
pub(super) struct AccountArgs {
    /// The account's id, or its username. A username that several accounts have is refused with a
    /// list of them.
    #[arg(value_name = "ACCOUNT")]
    account: String,
    #[command(flatten)]
    narrow: NarrowArgs,
}

/// Environment and org, to narrow by.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct NarrowArgs {
    /// Only this environment: production or sandbox.
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    pub(super) environment: Option<Environment>,
    /// Only this org, by name or id.
    #[arg(long, value_name = "ORG")]
    pub(super) org: Option<String>,
}

impl AccountArgs {
    /// The one account that is meant.
    pub(super) async fn select(&self, store: &Store) -> anyhow::Result<Account> {
        select(store, &self.account, &self.narrow).await
    }
}

/// The one account of that id or username.
pub(super) async fn select(store: &Store, name: &str, narrow: &NarrowArgs) -> anyhow::Result<Account> {
    let orgs = narrow.orgs(store).await?;
    let selector = AccountSelector { name: name.to_owned(), environment: narrow.environment, orgs };
    Ok(store.select_account(&selector).await?)
}

impl NarrowArgs {
    /// The org that is meant, as a list to filter by.
    pub(super) async fn orgs(&self, store: &Store) -> anyhow::Result<Option<Vec<OrgId>>> {
        match &self.org {
            Some(name) => Ok(Some(vec![find_org(store, name).await?])),
            None => Ok(None),
        }
    }
}

/// The org of that name or id.
pub(super) async fn find_org(store: &Store, name: &str) -> anyhow::Result<OrgId> {
    let org = store.find_org(name).await?;
    Ok(org.with_context(|| format!("no org \"{name}\"; `token-refresh orgs list` shows all"))?.id)
}

/// The orgs of those names or ids, in their order.
pub(super) async fn find_orgs(store: &Store, names: &[String]) -> anyhow::Result<Vec<OrgId>> {
    let mut orgs = Vec::with_capacity(names.len());
    for name in names {
        orgs.push(find_org(store, name).await?);
    }
    Ok(orgs)
}

/// Who runs this command, as entries name them: `cli:<user>`.
pub(super) fn cli_user() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
    format!("cli:{}", user.map_or_else(|| nix::unistd::getuid().to_string(), |user| user.name))
}
