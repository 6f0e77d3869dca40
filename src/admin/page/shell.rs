//! The pages behind the sign-in: a head, the navigation, and an empty place that a script fills.

use askama::Template;
use axum::{
    extract::{FromRequestParts, State},
    http::{StatusCode, header, request::Parts},
    response::{Html, IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use super::{HEADERS, assets, vocabulary};
use crate::{
    admin::{
        auth::authenticator::{Authenticator, SignedIn},
        problem::Problem,
        state::AdminState,
    },
    domain::account::{OrgId, Role},
    store::Member,
    version::VERSION,
};

/// Most users whose names come with a page.
const NAMES_MAX: i64 = 500;

/// One page's shell.
#[derive(Template)]
#[template(path = "shell.html", config = "src/admin/page/askama.toml")]
struct Shell {
    title: &'static str,
    /// The view in the navigation.
    current: &'static str,
    /// Names the script that fills the page.
    script: &'static str,
    folder: &'static str,
    user: String,
    /// Who the user is, what they may do, and the words for what is shown; JSON.
    session: String,
    version: &'static str,
}

/// Loads the same address once more from the page itself: a strict cookie does not come along from
/// a foreign site's link.
#[derive(Template)]
#[template(path = "again.html", config = "src/admin/page/askama.toml")]
struct Again;

/// What is shown where a page cannot be made, and asks again by itself.
#[derive(Template)]
#[template(path = "problem.html", config = "src/admin/page/askama.toml")]
struct Trouble<'a> {
    folder: &'static str,
    title: &'a str,
    detail: &'a str,
}

/// A problem as a page.
pub(super) fn away(problem: &Problem) -> Response {
    let (title, detail) = problem.words();
    page(problem.status(), &Trouble { folder: assets::FOLDER.as_str(), title, detail })
}

/// A user who looks at a page; where there is none, the answer instead of the page.
pub(super) struct Looking(SignedIn);

impl FromRequestParts<AdminState> for Looking {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AdminState) -> Result<Self, Response> {
        match SignedIn::from_request_parts(parts, state).await {
            Ok(user) => Ok(Self(user)),
            Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => Err(elsewhere(parts)),
            Err(problem) => Err(away(&problem)),
        }
    }
}

fn elsewhere(parts: &Parts) -> Response {
    let foreign =
        parts.headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site" || site == "same-site");
    if foreign && parts.headers.get(header::COOKIE).is_none() {
        return page(StatusCode::OK, &Again);
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let next = match path {
        "/" => String::new(),
        path => {
            format!("?{}", form_urlencoded::Serializer::new(String::new()).append_pair("next", path).finish())
        }
    };
    (StatusCode::SEE_OTHER, [(header::LOCATION, format!("/sign-in{next}"))]).into_response()
}

pub(super) async fn workers(State(authenticator): State<Authenticator>, Looking(user): Looking) -> Response {
    shell(&authenticator, &user, "Workers", "workers", "workers.js").await
}

pub(super) async fn terminal(State(authenticator): State<Authenticator>, Looking(user): Looking) -> Response {
    shell(&authenticator, &user, "Token refresh terminal", "terminal", "terminal.js").await
}

pub(super) async fn accounts(State(authenticator): State<Authenticator>, Looking(user): Looking) -> Response {
    shell(&authenticator, &user, "Accounts", "accounts", "accounts.js").await
}

pub(super) async fn account(State(authenticator): State<Authenticator>, Looking(user): Looking) -> Response {
    shell(&authenticator, &user, "Account", "accounts", "account.js").await
}

async fn shell(
    authenticator: &Authenticator,
    user: &SignedIn,
    title: &'static str,
    current: &'static str,
    script: &'static str,
) -> Response {
    let member = user.member();
    let orgs = match authenticator.store.list_orgs().await {
        Ok(orgs) => orgs,
        Err(error) => return away(&error.into()),
    };
    let seen = |id| member.platform_admin || member.memberships.iter().any(|membership| membership.org == id);
    let orgs: Map<String, Value> = orgs
        .into_iter()
        .filter(|org| seen(org.id))
        .map(|org| (org.id.to_string(), org.name.into()))
        .collect();
    // As many as a page can carry; others are shown by their id.
    let users = match authenticator.store.user_names(user.orgs().as_deref(), NAMES_MAX).await {
        Ok(users) => users,
        Err(error) => return away(&error.into()),
    };
    let users: Map<String, Value> =
        users.into_iter().map(|(id, name)| (id.to_string(), name.into())).collect();
    let session = json!({
        "id": member.id,
        "name": member.name,
        "platform_admin": member.platform_admin,
        "orgs": orgs,
        "users": users,
        "member": member.platform_admin || !member.memberships.is_empty(),
        "operates": operates(member),
        "words": vocabulary::words(),
    });
    let shell = Shell {
        title,
        current,
        script,
        folder: assets::FOLDER.as_str(),
        user: member.name.clone(),
        session: session.to_string(),
        version: VERSION,
    };
    page(StatusCode::OK, &shell)
}

/// The orgs in which the member may do an operator's work; none is all.
fn operates(member: &Member) -> Option<Vec<OrgId>> {
    let operated = member.memberships.iter().filter(|membership| membership.role >= Role::Operator);
    (!member.platform_admin).then(|| operated.map(|membership| membership.org).collect())
}

/// Renders a template as a page.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => (status, HEADERS, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(error = %error, "a page cannot be rendered");
            Problem::internal().into_response()
        }
    }
}
