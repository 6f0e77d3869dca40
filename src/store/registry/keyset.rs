//! Keysets: eBay applications, and the orgs they are lent to.

use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    domain::account::{Environment, KeysetId, OrgId},
    store::{
        lock::LOCK_LEDGER_OF,
        postgres::{
            error::StoreError,
            pool::Store,
            row::{FromRow, get, get_parsed, read_all},
        },
    },
};

/// A keyset's row, without its secret.
#[derive(Debug, Clone)]
pub struct Keyset {
    /// Its id.
    pub id: KeysetId,
    /// Its environment.
    pub environment: Environment,
    /// eBay's client id ("App ID").
    pub client_id: String,
    /// Rises with every new secret.
    pub secret_version: i32,
    /// Calls that may begin in any 24 hours.
    pub daily_quota: i32,
    /// Its own endpoint; none is eBay's.
    pub api_url: Option<String>,
    /// `ready`, `blocked` or `suspended`.
    pub state: String,
    /// Names of the orgs it is lent to.
    pub orgs: Vec<String>,
    /// Accounts that use it.
    pub accounts: i64,
}

impl FromRow for Keyset {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let id: Uuid = get(row, "id")?;
        Ok(Self {
            id: KeysetId(id),
            environment: get_parsed(row, "keysets", "environment", &id)?,
            client_id: get(row, "client_id")?,
            secret_version: get(row, "secret_version")?,
            daily_quota: get(row, "daily_quota")?,
            api_url: get(row, "api_url")?,
            state: get(row, "state")?,
            orgs: get(row, "orgs")?,
            accounts: get(row, "accounts")?,
        })
    }
}

/// What a keyset is made of.
#[derive(Debug, Clone)]
pub struct NewKeyset {
    /// Its id: the secret is sealed for it.
    pub id: KeysetId,
    /// Its environment.
    pub environment: Environment,
    /// eBay's client id.
    pub client_id: String,
    /// The sealed client secret.
    pub client_secret: String,
    /// Calls that may begin in any 24 hours.
    pub daily_quota: i32,
    /// Its own endpoint; none is eBay's.
    pub api_url: Option<String>,
}

/// What is to change of a keyset; none leaves it.
#[derive(Debug, Clone, Default)]
pub struct KeysetChange {
    /// Calls that may begin in any 24 hours.
    pub daily_quota: Option<i32>,
    /// Of these, those kept for debug runs; without it a new quota keeps a twentieth.
    pub debug_reserve: Option<i32>,
    /// Its own endpoint, or eBay's.
    pub api_url: Option<Option<String>>,
}

const CHANGE: &str = "/* change_keyset */
    update keysets set daily_quota = coalesce($2, daily_quota),
        debug_reserve = coalesce($3, case when $2 > 1 then greatest(1, $2 / 20) when $2 = 1 then 0 end, debug_reserve),
        api_url = case when $4 then $5 else api_url end
    where id = $1";

const UNLEND: &str = "/* unlend_keyset */ delete from keyset_orgs where keyset_id = $1 and org_id = $2";

const PUT: &str = "/* put_keyset */
    insert into keysets (id, environment, client_id, client_secret, daily_quota, api_url, debug_reserve)
    values ($1, $2, $3, $4, $5, $6, case when $5 > 1 then greatest(1, $5 / 20) else 0 end)";

const PUT_LEDGER: &str = "/* put_keyset_ledger */ insert into keyset_ledger (keyset_id) values ($1)";

const LEND: &str = "/* lend_keyset */
    insert into keyset_orgs (keyset_id, org_id) values ($1, $2) on conflict do nothing";

/// A tripped breaker stays so until a probe has tried the secret, and that goes at once: a second
/// wrong secret must not cost a call of every account.
const REPLACE_SECRET: &str = "/* replace_keyset_secret */
    with ledger as (update keyset_ledger set probe_at = clock(), probes = 0 where keyset_id = $1)
    update keysets set client_secret = $2, secret_version = secret_version + 1, state_version = state_version + 1
    where id = $1";

/// The secret that takes the other's place should eBay refuse that one: for a rotation.
const STAND_BY: &str = "/* stand_by_secret */
    with ledger as (update keyset_ledger set probe_at = clock() where keyset_id = $1)
    update keysets set standby_secret = $2, standby_refused = false where id = $1";

const LIST: &str = "/* list_keysets */
    select k.id, k.environment, k.client_id, k.secret_version, k.daily_quota, k.api_url, k.state,
        array(select o.name from keyset_orgs l join orgs o on o.id = l.org_id where l.keyset_id = k.id
            order by o.name) as orgs,
        (select count(*) from accounts a where a.keyset_id = k.id) as accounts
    from keysets k where $1::text is null or (k.client_id = $1 and k.environment = $2)
    order by k.environment, k.client_id";

impl Store {
    /// Adds a keyset and lends it to orgs.
    pub async fn put_keyset(&self, keyset: &NewKeyset, orgs: &[OrgId]) -> Result<(), StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        let environment = keyset.environment.as_str();
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 6] = [
            &keyset.id.0,
            &environment,
            &keyset.client_id,
            &keyset.client_secret,
            &keyset.daily_quota,
            &keyset.api_url,
        ];
        transaction.run(PUT, &params).await?;
        transaction.run(PUT_LEDGER, &[&keyset.id.0]).await?;
        for org in orgs {
            transaction.run(LEND, &[&keyset.id.0, &org.0]).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Lends a keyset to one more org.
    pub async fn lend_keyset(&self, keyset: KeysetId, org: OrgId) -> Result<(), StoreError> {
        self.execute(LEND, &[&keyset.0, &org.0]).await?;
        Ok(())
    }

    /// Takes a keyset back from an org. Refused while accounts of the org use it.
    pub async fn unlend_keyset(&self, keyset: KeysetId, org: OrgId) -> Result<(), StoreError> {
        self.execute(UNLEND, &[&keyset.0, &org.0]).await?;
        Ok(())
    }

    /// Changes quota, reserve or endpoint, from the next claim on.
    pub async fn change_keyset(&self, keyset: KeysetId, change: &KeysetChange) -> Result<(), StoreError> {
        let KeysetChange { daily_quota, debug_reserve, api_url } = change;
        let url = api_url.clone().flatten();
        self.execute(CHANGE, &[&keyset.0, daily_quota, debug_reserve, &api_url.is_some(), &url]).await?;
        Ok(())
    }

    /// Gives a keyset another sealed secret.
    pub async fn replace_secret(&self, keyset: KeysetId, sealed: &str) -> Result<(), StoreError> {
        self.change_secret(REPLACE_SECRET, keyset, sealed).await
    }

    /// Gives a keyset a second sealed secret, which is used once eBay refuses the first.
    pub async fn stand_by_secret(&self, keyset: KeysetId, sealed: &str) -> Result<(), StoreError> {
        self.change_secret(STAND_BY, keyset, sealed).await
    }

    async fn change_secret(&self, statement: &str, keyset: KeysetId, sealed: &str) -> Result<(), StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        transaction.rows(LOCK_LEDGER_OF, &[&vec![keyset.0]]).await?;
        transaction.run(statement, &[&keyset.0, &sealed]).await?;
        transaction.commit().await
    }

    /// All keysets.
    pub async fn list_keysets(&self) -> Result<Vec<Keyset>, StoreError> {
        read_all(&self.query(LIST, &[&None::<&str>, &None::<&str>]).await?)
    }

    /// The keyset of a client id in an environment.
    pub async fn find_keyset(
        &self,
        environment: Environment,
        client_id: &str,
    ) -> Result<Option<Keyset>, StoreError> {
        let rows = self.query(LIST, &[&Some(client_id), &Some(environment.as_str())]).await?;
        Ok(read_all(&rows)?.into_iter().next())
    }
}
