//! Signing in with a user's token or a one-time link, and signing out.

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
};
use serde::Deserialize;

use super::{
    assets,
    shell::{away, page},
};
use crate::{
    admin::{
        auth::{authenticator::Authenticator, csrf, session},
        problem::Problem,
    },
    domain::{
        account::UserId,
        credential::{CredentialDigest, CredentialKind},
    },
    store::StoreError,
};

#[derive(Template)]
#[template(path = "sign_in.html", config = "src/admin/page/askama.toml")]
struct SignInPage {
    folder: &'static str,
    next: String,
    problem: &'static str,
}

/// The query's parameters.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    next: Option<String>,
}

pub(super) async fn get(Query(asked): Query<Asked>) -> Response {
    show(StatusCode::OK, asked.next.as_deref().unwrap_or("/"), "")
}

/// The form's fields.
#[derive(Deserialize)]
pub(super) struct Fields {
    token: String,
    next: Option<String>,
}

/// Begins a session. Failures are slowed like those of bearer tokens.
pub(super) async fn post(
    State(authenticator): State<Authenticator>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    begin(&authenticator, &headers, &fields).await.unwrap_or_else(|problem| away(&problem))
}

async fn begin(
    authenticator: &Authenticator,
    headers: &HeaderMap,
    fields: &Fields,
) -> Result<Response, Problem> {
    let next = fields.next.as_deref().unwrap_or("/");
    if !csrf::from_same_origin(headers) {
        return Ok(show(StatusCode::FORBIDDEN, next, "The form came from another site. Use this one."));
    }
    let token = fields.token.trim();
    let Some(user) = user_of(authenticator, token).await? else {
        if authenticator.bad_tokens.bear_one().await.is_err() {
            let problem = "Too many failed attempts. Wait a little and try again.";
            return Ok(show(StatusCode::TOO_MANY_REQUESTS, next, problem));
        }
        let problem = if CredentialKind::Link.claimed_by(token) {
            "This link has been used or has run out. Ask for another one."
        } else {
            "This token is unknown, expired or revoked."
        };
        return Ok(show(StatusCode::UNAUTHORIZED, next, problem));
    };
    let secret = CredentialKind::Session.mint();
    authenticator.store.put_session(user, CredentialDigest::of(&secret), session::LIFE).await?;
    tracing::info!(user.id = %user, "signed in");
    let headers = [(header::SET_COOKIE, session::cookie(headers, &secret))];
    Ok((StatusCode::SEE_OTHER, headers, [(header::LOCATION, inside(next).to_owned())]).into_response())
}

async fn user_of(authenticator: &Authenticator, token: &str) -> Result<Option<UserId>, StoreError> {
    let Some(digest) = CredentialDigest::of_shown(token) else { return Ok(None) };
    if CredentialKind::Link.claimed_by(token) {
        return authenticator.store.use_login_link(digest).await;
    }
    Ok(authenticator.store.member_by_token(digest).await?.map(|member| member.id))
}

/// Ends the session.
pub(super) async fn sign_out(State(authenticator): State<Authenticator>, headers: HeaderMap) -> Response {
    end(&authenticator, &headers).await.unwrap_or_else(|problem| away(&problem))
}

async fn end(authenticator: &Authenticator, headers: &HeaderMap) -> Result<Response, Problem> {
    if !csrf::from_same_origin(headers) {
        return Err(Problem::forbidden("Sign out on the page itself."));
    }
    if let Some(digest) = session::shown_by(headers) {
        authenticator.store.end_session(digest).await?;
    }
    let cookies = session::no_cookies().map(|cookie| (header::SET_COOKIE, cookie));
    Ok((StatusCode::SEE_OTHER, AppendHeaders(cookies), [(header::LOCATION, "/sign-in")]).into_response())
}

fn show(status: StatusCode, next: &str, problem: &'static str) -> Response {
    let next = inside(next).to_owned();
    page(status, &SignInPage { folder: assets::FOLDER.as_str(), next, problem })
}

/// A path of this site, else the start page: an address from outside must not lead away.
fn inside(next: &str) -> &str {
    let path = next.starts_with('/') && !next.starts_with("//");
    let clean = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if path && clean { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn nothing_leads_away_from_the_site() {
        assert_eq!(inside("/terminal?class=refreshed"), "/terminal?class=refreshed");
        for away in ["//evil", "https://evil", "/\\evil", "", "/a\nb", "javascript:alert(1)"] {
            assert_eq!(inside(away), "/", "{away}");
        }
    }
}
