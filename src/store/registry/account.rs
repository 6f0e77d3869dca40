//! Accounts: adding, finding, pausing, resuming, removing.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    domain::account::{AccountId, Environment, KeysetId, OrgId},
    message::{Source, Subject},
    store::{
        fragment::subject,
        lock::lock_account,
        postgres::{
            error::StoreError,
            pool::Store,
            row::{FromRow, get, get_parsed, read_all},
        },
    },
};

/// An account's row.
#[derive(Debug, Clone)]
pub struct Account {
    /// Who it is.
    pub subject: Subject,
    /// Its org's name.
    pub org: String,
    /// The eBay application that its token belongs to.
    pub keyset: KeysetId,
    /// eBay's immutable user id.
    pub ebay_user_id: Option<String>,
    /// When a person paused it.
    pub paused_at: Option<DateTime<Utc>>,
}

impl FromRow for Subject {
    /// From `account_id`, `org_id`, `environment`, `username` and `house_name`.
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let id: Uuid = get(row, "account_id")?;
        Ok(Self {
            account_id: AccountId(id),
            org_id: OrgId(get(row, "org_id")?),
            environment: get_parsed(row, "accounts", "environment", &id)?,
            username: get(row, "username")?,
            house_name: get(row, "house_name")?,
        })
    }
}

impl FromRow for Account {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            subject: Subject::from_row(row)?,
            org: get(row, "org")?,
            keyset: KeysetId(get(row, "keyset_id")?),
            ebay_user_id: get(row, "ebay_user_id")?,
            paused_at: get(row, "paused_at")?,
        })
    }
}

/// What an account is made of.
#[derive(Debug, Clone)]
pub struct NewAccount<'a> {
    /// Its org; the keyset must be lent to it.
    pub org: OrgId,
    /// Its keyset, of the same environment.
    pub keyset: KeysetId,
    /// Its environment.
    pub environment: Environment,
    /// Its username at eBay.
    pub username: &'a str,
    /// eBay's immutable user id.
    pub ebay_user_id: Option<&'a str>,
    /// The platform's own name for it.
    pub house_name: Option<&'a str>,
}

/// How a person names an account: its id, or its username, narrowed by environment and org.
#[derive(Debug, Clone)]
pub struct AccountSelector {
    /// An account's id or username.
    pub name: String,
    /// Only this environment.
    pub environment: Option<Environment>,
    /// Only these orgs; none is all.
    pub orgs: Option<Vec<OrgId>>,
}

/// Why a selector names no single account.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// Nothing matches.
    #[error("no account \"{0}\"; `token-refresh accounts list` shows all")]
    Unknown(String),
    /// Several match.
    #[error("\"{name}\" names several accounts; narrow it by environment or org, or use an id: {}", list(.matches))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// All that match.
        matches: Vec<Account>,
    },
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn list(matches: &[Account]) -> String {
    let one = |a: &Account| {
        format!("{} ({}, {}, {})", a.subject.account_id, a.subject.username, a.subject.environment, a.org)
    };
    matches.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Why an account was not removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Gone; its entries stay.
    Removed,
    /// An attempt is under way or waits: its entry must be written first.
    Busy,
}

const SELECT: &str = concat!(
    "/* select_account */
    select ",
    subject!(),
    ", a.keyset_id, a.ebay_user_id, a.paused_at,
        o.name as org
    from accounts a join orgs o on o.id = a.org_id
    where (a.id = $1 or a.username = $2) and ($3::text is null or a.environment = $3)
        and ($4::uuid[] is null or a.org_id = any($4))
    order by a.environment, o.name limit 20"
);

const PUT: &str = "/* put_account */
    insert into accounts (id, org_id, keyset_id, environment, username, ebay_user_id, house_name)
    values ($1, $2, $3, $4, $5, $6, $7)
    on conflict (org_id, environment, username) do update set
        ebay_user_id = coalesce(excluded.ebay_user_id, accounts.ebay_user_id),
        house_name = coalesce(excluded.house_name, accounts.house_name)
    returning id, keyset_id";

const PAUSE: &str =
    "/* pause_account */ update accounts set paused_at = coalesce(paused_at, clock()) where id = $1";

const RESUME: &str =
    "/* resume_account */ update accounts set paused_at = null where id = $1 and paused_at is not null";

const BUSY: &str = "/* remove_account_busy */
    select exists (select from refresh_state where account_id = $1 and lease_attempt is not null)
        or exists (select from refresh_requests where account_id = $1 and closed_at is null) as busy";

const REMOVE: &str = "/* remove_account */ delete from accounts where id = $1";

impl Store {
    /// The one account that `selector` names.
    pub async fn select_account(&self, selector: &AccountSelector) -> Result<Account, SelectError> {
        let id: Option<Uuid> = selector.name.parse().ok();
        let environment = selector.environment.map(Environment::as_str);
        let orgs: Option<Vec<Uuid>> =
            selector.orgs.as_ref().map(|orgs| orgs.iter().map(|org| org.0).collect());
        let rows = self.query(SELECT, &[&id, &selector.name, &environment, &orgs]).await?;
        let mut matches: Vec<Account> = read_all(&rows)?;
        let name: String = selector.name.chars().take(80).collect();
        match matches.len() {
            0 => Err(SelectError::Unknown(name)),
            1 => Ok(matches.remove(0)),
            _ => Err(SelectError::Ambiguous { name, matches }),
        }
    }

    /// Adds an account, or completes the one of that org, environment and username; returns its id
    /// and keyset.
    pub async fn put_account(&self, account: &NewAccount<'_>) -> Result<(AccountId, KeysetId), StoreError> {
        let environment = account.environment.as_str();
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 7] = [
            &AccountId::fresh().0,
            &account.org.0,
            &account.keyset.0,
            &environment,
            &account.username,
            &account.ebay_user_id,
            &account.house_name,
        ];
        let rows = self.query(PUT, &params).await?;
        let row = rows.first().expect("an upsert returns its row");
        Ok((AccountId(get(row, "id")?), KeysetId(get(row, "keyset_id")?)))
    }

    /// Stops refreshing an account. What is under way goes on.
    pub async fn pause_account(&self, account: AccountId) -> Result<(), StoreError> {
        self.execute(PAUSE, &[&account.0]).await?;
        Ok(())
    }

    /// Lets a paused account be refreshed, and makes it due at once; returns whether it was paused.
    pub async fn resume_account(&self, account: AccountId, by: &str) -> Result<bool, StoreError> {
        let resumed = self.execute(RESUME, &[&account.0]).await? > 0;
        if resumed {
            self.make_due(&[account], Source::Admin, Some(by)).await?;
        }
        Ok(resumed)
    }

    /// Removes an account and its tokens, unless an attempt of it is under way or waits.
    pub async fn remove_account(&self, account: AccountId) -> Result<Removal, StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        lock_account(&transaction, account).await?;
        let busy = transaction.rows(BUSY, &[&account.0]).await?;
        if busy.first().map_or(Ok(false), |row| get(row, "busy"))? {
            return Ok(Removal::Busy);
        }
        transaction.run(REMOVE, &[&account.0]).await?;
        transaction.commit().await?;
        Ok(Removal::Removed)
    }
}
