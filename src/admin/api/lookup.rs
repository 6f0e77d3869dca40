//! Finding the account that a request means, among those that its user may see.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    admin::{auth::authenticator::SignedIn, problem::Problem},
    domain::account::{Environment, OrgId},
    store::{Account, AccountSelector, SelectError, Store},
};

/// Longest text that is looked up as an account or org.
const NAME_MAX_CHARS: usize = 200;

/// What narrows a username down.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Narrow {
    /// Only this environment.
    pub(in crate::admin) env: Option<Environment>,
    /// Only this org, by id or name.
    pub(in crate::admin) org: Option<String>,
}

/// The one account of that id or username among those that the user may see. What they may not see is
/// answered like what does not exist.
pub(in crate::admin) async fn find_account(
    store: &Store,
    user: &SignedIn,
    name: &str,
    narrow: &Narrow,
) -> Result<Account, Problem> {
    let orgs = match &narrow.org {
        Some(org) => Some(vec![find_org(store, user, org).await?]),
        None => user.orgs(),
    };
    if !is_name(name) {
        return Err(no_account(narrow.env));
    }
    let selector = AccountSelector { name: name.to_owned(), environment: narrow.env, orgs };
    match store.select_account(&selector).await {
        Ok(account) => Ok(account),
        Err(SelectError::Unknown(_)) => Err(no_account(narrow.env)),
        Err(SelectError::Ambiguous { matches, .. }) => Err(ambiguous(&matches)),
        Err(SelectError::Store(error)) => Err(error.into()),
    }
}

async fn find_org(store: &Store, user: &SignedIn, name: &str) -> Result<OrgId, Problem> {
    let found = if is_name(name) { store.find_org(name).await? } else { None };
    let seen = user.orgs();
    found
        .map(|org| org.id)
        .filter(|org| seen.as_ref().is_none_or(|seen| seen.contains(org)))
        .ok_or_else(|| no_account(None))
}

/// PostgreSQL's text has no NUL, and no name is that long.
fn is_name(text: &str) -> bool {
    !text.contains('\0') && text.chars().count() <= NAME_MAX_CHARS
}

/// There is no such account among those that the user may see.
pub(in crate::admin) fn no_account(environment: Option<Environment>) -> Problem {
    let place = environment.map_or_else(String::new, |environment| format!(" in {environment}"));
    Problem::not_found(
        "no-such-account",
        "No such account",
        format!(
            "You see no account of that id or username{place}. `GET /api/admin/ebay/tokens/status` lists those you see."
        ),
    )
}

fn ambiguous(matches: &[Account]) -> Problem {
    let matches: Vec<Value> = matches
        .iter()
        .map(|account| {
            json!({
                "account_id": account.subject.account_id,
                "account": account.subject.username,
                "environment": account.subject.environment,
                "org_id": account.subject.org_id,
                "org": account.org,
            })
        })
        .collect();
    Problem::conflict(
        "ambiguous-account",
        "Several accounts have this username",
        "Use one of the ids under \"matches\", or narrow by environment (env) or org.",
    )
    .with("matches", matches)
}
