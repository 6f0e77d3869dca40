//! Who asks: bearer tokens and sessions, and what their users may see and do.

use super::{bad_tokens::BadTokens, csrf, session};
use crate::{
    admin::problem::Problem,
    domain::{
        account::{OrgId, Role, UserId},
        credential::CredentialDigest,
    },
    store::{Member, Membership, Store, StoreError},
};
use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
};

/// What a user shows, as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admin) enum Credential {
    /// A bearer token's digest.
    Bearer(CredentialDigest),
    /// A session's digest.
    Session(CredentialDigest),
}

/// Looks up the user that a credential stands for.
#[derive(Clone)]
pub(in crate::admin) struct Authenticator {
    pub(in crate::admin) store: Store,
    pub(in crate::admin) bad_tokens: BadTokens,
}

impl Authenticator {
    /// The user that the credential stands for, as of this moment.
    pub(in crate::admin) async fn member(
        &self,
        credential: Credential,
    ) -> Result<Option<Member>, StoreError> {
        match credential {
            Credential::Bearer(digest) => self.store.member_by_token(digest).await,
            Credential::Session(digest) => self.store.member_by_session(digest).await,
        }
    }
}

/// A user, by a valid token or session.
#[derive(Debug, Clone)]
pub(in crate::admin) struct SignedIn {
    member: Member,
    credential: Credential,
}

impl SignedIn {
    /// The user.
    pub(in crate::admin) fn id(&self) -> UserId {
        self.member.id
    }

    /// The name and roles, for the page that is shown.
    pub(in crate::admin) fn member(&self) -> &Member {
        &self.member
    }

    /// Whether the user sees what concerns the whole fleet.
    pub(in crate::admin) fn is_platform_admin(&self) -> bool {
        self.member.platform_admin
    }

    /// The orgs that the user may see; none is all (G9).
    pub(in crate::admin) fn orgs(&self) -> Option<Vec<OrgId>> {
        (!self.member.platform_admin)
            .then(|| self.member.memberships.iter().map(|membership| membership.org).collect())
    }

    /// Refuses a user who has not at least `role` in `org`.
    pub(in crate::admin) fn require(&self, role: Role, org: OrgId) -> Result<(), Problem> {
        let has = |membership: &Membership| membership.org == org && membership.role >= role;
        if self.member.platform_admin || self.member.memberships.iter().any(has) {
            return Ok(());
        }
        Err(Problem::forbidden(format!(
            "This needs the role \"{role}\" or higher in the account's org. Ask an admin of that org for it."
        )))
    }

    /// Refuses a user who does not see what concerns the whole fleet.
    pub(in crate::admin) fn require_platform_admin(&self, what: &str) -> Result<(), Problem> {
        if self.member.platform_admin {
            return Ok(());
        }
        Err(Problem::forbidden(format!(
            "{what} concern all orgs at once, so only platform admins see them. \
             How far your own orgs' entries can be trusted stands under \"health\" in terminal-logs."
        )))
    }

    /// Whether the credential is still valid and shows the same as when it was looked up.
    pub(in crate::admin) async fn still_holds(
        &self,
        authenticator: &Authenticator,
    ) -> Result<bool, StoreError> {
        let member = authenticator.member(self.credential).await?;
        Ok(member.is_some_and(|member| {
            member.platform_admin == self.member.platform_admin
                && member.memberships == self.member.memberships
        }))
    }
}

impl<S> FromRequestParts<S> for SignedIn
where
    S: Send + Sync,
    Authenticator: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let authenticator = Authenticator::from_ref(state);
        let Shown::Something(credential) = Shown::by(&parts.headers) else {
            return Err(unauthorized("Bearer", "Send `Authorization: Bearer tr_…`, or sign in at /sign-in."));
        };
        if matches!(credential, Some(Credential::Session(_)))
            && !csrf::is_safe(&parts.method)
            && !csrf::from_script(&parts.headers)
        {
            return Err(Problem::forbidden(
                "With a session's cookie only the page itself may change anything. Use a bearer token.",
            ));
        }
        let found = match credential {
            Some(credential) => {
                authenticator.member(credential).await?.map(|member| Self { member, credential })
            }
            None => None,
        };
        if let Some(signed_in) = found {
            return Ok(signed_in);
        }
        authenticator.bad_tokens.bear_one().await?;
        Err(unauthorized(
            "Bearer error=\"invalid_token\"",
            "The token or session is unknown, expired or revoked. `token-refresh users add` makes tokens; /sign-in begins sessions.",
        ))
    }
}

/// What a request shows.
enum Shown {
    /// Neither a token nor a session.
    Nothing,
    /// A credential; none where what is shown cannot be one.
    Something(Option<Credential>),
}

impl Shown {
    /// A bearer token goes before a cookie, which the browser adds unasked.
    fn by(headers: &HeaderMap) -> Self {
        if let Some(header) = headers.get(header::AUTHORIZATION) {
            return Self::Something(bearer(header).map(Credential::Bearer));
        }
        match session::shown_by(headers) {
            Some(digest) => Self::Something(Some(Credential::Session(digest))),
            None => Self::Nothing,
        }
    }
}

/// The digest of the token of `Bearer <token>`, if it can be one.
fn bearer(header: &HeaderValue) -> Option<CredentialDigest> {
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    CredentialDigest::of_shown(token.trim())
}

fn unauthorized(challenge: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "Not signed in", detail)
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}
