//! Orgs.

use tokio_postgres::Row;

use crate::{
    domain::account::OrgId,
    store::postgres::{
        error::StoreError,
        pool::Store,
        row::{FromRow, get, read_all},
    },
};

/// An org's row.
#[derive(Debug, Clone)]
pub struct Org {
    /// Its id.
    pub id: OrgId,
    /// Its name, unique.
    pub name: String,
    /// Accounts it owns.
    pub accounts: i64,
    /// People who belong to it.
    pub members: i64,
}

impl FromRow for Org {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: OrgId(get(row, "id")?),
            name: get(row, "name")?,
            accounts: get(row, "accounts")?,
            members: get(row, "members")?,
        })
    }
}

const PUT: &str = "/* put_org */ insert into orgs (id, name) values ($1, $2)";

const LIST: &str = "/* list_orgs */
    select o.id, o.name, (select count(*) from accounts a where a.org_id = o.id) as accounts,
        (select count(*) from memberships m where m.org_id = o.id) as members
    from orgs o where $1::text is null or o.name = $1 or o.id::text = $1 order by o.name";

impl Store {
    /// Adds an org.
    pub async fn put_org(&self, name: &str) -> Result<OrgId, StoreError> {
        let id = OrgId::fresh();
        self.execute(PUT, &[&id.0, &name]).await?;
        Ok(id)
    }

    /// All orgs.
    pub async fn list_orgs(&self) -> Result<Vec<Org>, StoreError> {
        read_all(&self.query(LIST, &[&None::<&str>]).await?)
    }

    /// The org of a name or an id.
    pub async fn find_org(&self, name: &str) -> Result<Option<Org>, StoreError> {
        Ok(read_all(&self.query(LIST, &[&Some(name)]).await?)?.into_iter().next())
    }
}
