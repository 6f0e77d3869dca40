//! Sessions of the admin page and one-time links that begin them, kept as SHA-256 only.

use std::time::Duration;

use uuid::Uuid;

use super::user::{Member, member_of};
use crate::{
    domain::{account::UserId, credential::CredentialDigest},
    store::{
        fragment::member,
        postgres::{error::StoreError, pool::Store, row::get},
    },
};

const PUT_LINK: &str = "/* put_login_link */
    insert into login_links (sha256, user_id, expires_at)
    select $1, id, clock() + make_interval(secs => $3) from users where name = $2 or id::text = $2
    on conflict do nothing";

const USE_LINK: &str = "/* use_login_link */
    update login_links set used_at = clock()
    where sha256 = $1 and used_at is null and expires_at > clock() returning user_id";

const PUT_SESSION: &str = "/* put_session */
    insert into sessions (sha256, user_id, expires_at) values ($1, $2, clock() + make_interval(secs => $3))";

const BY_SESSION: &str = concat!(
    "/* user_by_session */
    select ",
    member!(),
    "
    from sessions s join users u on u.id = s.user_id
    where s.sha256 = $1 and s.expires_at > clock()"
);

const END_SESSION: &str = "/* end_session */ delete from sessions where sha256 = $1";

const FORGET_SESSIONS: &str = "/* forget_sessions */ delete from sessions where expires_at < clock()";

const FORGET_LINKS: &str = "/* forget_login_links */ delete from login_links where expires_at < clock()";

impl Store {
    /// Keeps a link that signs the user of that name or id in once; returns whether there is one.
    pub async fn put_login_link(
        &self,
        user: &str,
        digest: CredentialDigest,
        life: Duration,
    ) -> Result<bool, StoreError> {
        let put = self.execute(PUT_LINK, &[&digest.as_bytes(), &user, &life.as_secs_f64()]).await?;
        Ok(put > 0)
    }

    /// The user that a link signs in; it does so once, however many come with it at the same time.
    pub async fn use_login_link(&self, digest: CredentialDigest) -> Result<Option<UserId>, StoreError> {
        let row = self.query_opt(USE_LINK, &[&digest.as_bytes()]).await?;
        row.map(|row| get::<Uuid>(&row, "user_id").map(UserId)).transpose()
    }

    /// Begins a session.
    pub async fn put_session(
        &self,
        user: UserId,
        digest: CredentialDigest,
        life: Duration,
    ) -> Result<(), StoreError> {
        self.execute(PUT_SESSION, &[&digest.as_bytes(), &user.0, &life.as_secs_f64()]).await?;
        Ok(())
    }

    /// The user of a session, while it lasts.
    pub async fn member_by_session(&self, digest: CredentialDigest) -> Result<Option<Member>, StoreError> {
        self.query_opt(BY_SESSION, &[&digest.as_bytes()]).await?.as_ref().map(member_of).transpose()
    }

    /// Ends a session.
    pub async fn end_session(&self, digest: CredentialDigest) -> Result<(), StoreError> {
        self.execute(END_SESSION, &[&digest.as_bytes()]).await?;
        Ok(())
    }

    /// Deletes sessions and links that have run out.
    pub async fn forget_sessions(&self) -> Result<(), StoreError> {
        self.execute(FORGET_SESSIONS, &[]).await?;
        self.execute(FORGET_LINKS, &[]).await?;
        Ok(())
    }
}
