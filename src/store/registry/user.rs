//! Users, what they belong to, and their bearer tokens (kept as SHA-256 only).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    domain::{
        account::{OrgId, Role, UserId},
        credential::CredentialDigest,
    },
    store::{
        fleet::figures::uuids,
        fragment::member,
        postgres::{
            error::StoreError,
            pool::Store,
            row::{FromRow, get, read_all},
        },
    },
};

/// A user's row.
#[derive(Debug, Clone)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// The name it signs in with, unique.
    pub name: String,
    /// Sees fleet-wide data and dead letters.
    pub platform_admin: bool,
    /// Bearer tokens that are valid.
    pub tokens: i64,
    /// Orgs and roles, as text.
    pub memberships: Vec<String>,
}

impl FromRow for User {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: UserId(get(row, "id")?),
            name: get(row, "name")?,
            platform_admin: get(row, "platform_admin")?,
            tokens: get(row, "tokens")?,
            memberships: get(row, "memberships")?,
        })
    }
}

/// What a user is in one org.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The org.
    pub org: OrgId,
    /// The role there.
    pub role: Role,
}

/// The user that a bearer token stands for.
#[derive(Debug, Clone)]
pub struct Member {
    /// The user.
    pub id: UserId,
    /// Its name.
    pub name: String,
    /// Sees fleet-wide data.
    pub platform_admin: bool,
    /// Orgs and roles.
    pub memberships: Vec<Membership>,
}

const PUT: &str = "/* put_user */ insert into users (id, name, platform_admin) values ($1, $2, $3)";

const PUT_MEMBERSHIP: &str = "/* put_membership */
    insert into memberships (user_id, org_id, role) values ($1, $2, $3)
    on conflict (user_id, org_id) do update set role = excluded.role";

const PUT_TOKEN: &str = "/* put_api_token */
    insert into api_tokens (sha256, user_id, expires_at) values ($1, $2, clock() + make_interval(days => $3))";

const END_MEMBERSHIP: &str =
    "/* end_membership */ delete from memberships where user_id = $1 and org_id = $2";

const LIST: &str = "/* list_users */
    select u.id, u.name, u.platform_admin,
        (select count(*) from api_tokens t where t.user_id = u.id and t.revoked_at is null and t.expires_at > clock())
            as tokens,
        array(select o.name || ': ' || m.role from memberships m join orgs o on o.id = m.org_id
            where m.user_id = u.id order by o.name) as memberships
    from users u order by u.name";

const NAMES: &str = "/* user_names */
    select u.id, u.name from users u
    where $1::uuid[] is null or exists (select from memberships m where m.user_id = u.id and m.org_id = any($1))
    order by u.name limit $2";

const REVOKE: &str = "/* revoke_user */
    update api_tokens t set revoked_at = clock() from users u
    where u.id = t.user_id and (u.name = $1 or u.id::text = $1) and t.revoked_at is null";

const END_SESSIONS: &str = "/* end_sessions */
    delete from sessions s using users u where u.id = s.user_id and (u.name = $1 or u.id::text = $1)";

const END_LINKS: &str = "/* end_login_links */
    delete from login_links l using users u where u.id = l.user_id and (u.name = $1 or u.id::text = $1)";

const FIND: &str = "/* find_user */ select id from users where name = $1 or id::text = $1";

const BY_TOKEN: &str = concat!(
    "/* user_by_token */
    select ",
    member!(),
    "
    from api_tokens t join users u on u.id = t.user_id
    where t.sha256 = $1 and t.revoked_at is null and t.expires_at > clock()"
);

impl Store {
    /// Adds a user with its memberships and a first bearer token.
    pub async fn put_user(
        &self,
        name: &str,
        platform_admin: bool,
        memberships: &[Membership],
        token: CredentialDigest,
        token_days: i32,
    ) -> Result<UserId, StoreError> {
        let id = UserId::fresh();
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        transaction.run(PUT, &[&id.0, &name, &platform_admin]).await?;
        for membership in memberships {
            let role = membership.role.as_str();
            transaction.run(PUT_MEMBERSHIP, &[&id.0, &membership.org.0, &role]).await?;
        }
        transaction.run(PUT_TOKEN, &[&token.as_bytes(), &id.0, &token_days]).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// Adds a bearer token of the user of that name or id; returns whether there is one.
    pub async fn put_api_token(
        &self,
        user: &str,
        token: CredentialDigest,
        token_days: i32,
    ) -> Result<bool, StoreError> {
        let Some(id) = self.find_user(user).await? else { return Ok(false) };
        self.execute(PUT_TOKEN, &[&token.as_bytes(), &id, &token_days]).await?;
        Ok(true)
    }

    /// Gives the user of that name or id roles in orgs, and ends others; returns whether there is one.
    pub async fn change_memberships(
        &self,
        user: &str,
        memberships: &[Membership],
        ended: &[OrgId],
    ) -> Result<bool, StoreError> {
        let Some(id) = self.find_user(user).await? else { return Ok(false) };
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        for membership in memberships {
            let role = membership.role.as_str();
            transaction.run(PUT_MEMBERSHIP, &[&id, &membership.org.0, &role]).await?;
        }
        for org in ended {
            transaction.run(END_MEMBERSHIP, &[&id, &org.0]).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// The user of that name or id.
    async fn find_user(&self, user: &str) -> Result<Option<Uuid>, StoreError> {
        self.query_opt(FIND, &[&user]).await?.map(|row| get(&row, "id")).transpose()
    }

    /// All users.
    pub async fn list_users(&self) -> Result<Vec<User>, StoreError> {
        read_all(&self.query(LIST, &[]).await?)
    }

    /// Names of users who are members of `orgs`, or of all users; at most `limit`.
    pub async fn user_names(
        &self,
        orgs: Option<&[OrgId]>,
        limit: i64,
    ) -> Result<Vec<(UserId, String)>, StoreError> {
        let rows = self.query(NAMES, &[&uuids(orgs), &limit]).await?;
        rows.iter().map(|row| Ok((UserId(get(row, "id")?), get(row, "name")?))).collect()
    }

    /// Ends all bearer tokens, sessions and links of the user of that name or id; returns how many
    /// tokens, or none if there is no such user.
    pub async fn revoke_user(&self, name: &str) -> Result<Option<u64>, StoreError> {
        if self.find_user(name).await?.is_none() {
            return Ok(None);
        }
        self.execute(END_SESSIONS, &[&name]).await?;
        self.execute(END_LINKS, &[&name]).await?;
        self.execute(REVOKE, &[&name]).await.map(Some)
    }

    /// The user that a valid bearer token stands for.
    pub async fn member_by_token(&self, token: CredentialDigest) -> Result<Option<Member>, StoreError> {
        self.query_opt(BY_TOKEN, &[&token.as_bytes()]).await?.as_ref().map(member_of).transpose()
    }

    /// The database's time, for what a surface must date itself.
    pub async fn clock(&self) -> Result<DateTime<Utc>, StoreError> {
        let row =
            self.query_opt("/* clock */ select clock() as at", &[]).await?.expect("a select returns a row");
        get(&row, "at")
    }
}

/// Reads a user with what it belongs to.
pub(in crate::store) fn member_of(row: &Row) -> Result<Member, StoreError> {
    let id: Uuid = get(row, "id")?;
    let (orgs, roles): (Vec<Uuid>, Vec<String>) = (get(row, "orgs")?, get(row, "roles")?);
    let memberships = orgs.into_iter().zip(roles).map(|(org, role)| {
        let role = role.parse().map_err(|error: crate::text_enum::UnknownText| StoreError::Unreadable {
            table: "memberships",
            column: "role",
            row: id.to_string(),
            problem: error.to_string(),
        })?;
        Ok(Membership { org: OrgId(org), role })
    });
    Ok(Member {
        id: UserId(id),
        name: get(row, "name")?,
        platform_admin: get(row, "platform_admin")?,
        memberships: memberships.collect::<Result<_, StoreError>>()?,
    })
}
