//! `users`: who may use the HTTP API and the admin page.

use std::{process::ExitCode, str::FromStr, time::Duration};

use clap::Subcommand;

use super::selector::{find_org, find_orgs};
use crate::{
    config,
    domain::{
        account::Role,
        credential::{CredentialDigest, CredentialKind},
    },
    store::{Membership, Store},
};

#[derive(Debug, Subcommand)]
pub(super) enum Users {
    /// Add a user and print a bearer token, this once: only its SHA-256 is kept.
    Add {
        /// The user's name, unique.
        name: String,
        /// An org the user belongs to and the role there: viewer, operator or admin. Repeatable.
        #[arg(long = "org", value_name = "ORG=ROLE")]
        orgs: Vec<OrgRole>,
        /// Sees every org, fleet-wide data and dead letters.
        #[arg(long)]
        platform_admin: bool,
        /// Days until the token ends.
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(i32).range(1..=3650))]
        token_days: i32,
    },
    /// Print one more bearer token of a user, this once. The others stay valid.
    Token {
        /// The user's name or id.
        name: String,
        /// Days until the token ends.
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(i32).range(1..=3650))]
        token_days: i32,
    },
    /// Change what a user belongs to, from the next request on.
    #[command(group = clap::ArgGroup::new("change").required(true).multiple(true).args(["orgs", "leave"]))]
    Member {
        /// The user's name or id.
        name: String,
        /// An org and the user's role there from now on: viewer, operator or admin. Repeatable.
        #[arg(long = "org", value_name = "ORG=ROLE")]
        orgs: Vec<OrgRole>,
        /// An org the user no longer belongs to. Repeatable.
        #[arg(long, value_name = "ORG")]
        leave: Vec<String>,
    },
    /// List all users.
    List,
    /// Print a link that signs a user in at the admin page, once.
    LoginLink {
        /// The user's name or id.
        name: String,
        /// Where the browser finds the admin page.
        #[arg(long, default_value = "http://127.0.0.1:8080", value_name = "URL")]
        base_url: String,
        /// Minutes until the link ends.
        #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..=1440))]
        minutes: u16,
    },
    /// End all bearer tokens, sessions and links of a user.
    Revoke {
        /// The user's name or id.
        name: String,
    },
}

#[derive(Debug, Clone)]
pub(super) struct OrgRole {
    org: String,
    role: Role,
}

impl FromStr for OrgRole {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (org, role) = text.rsplit_once('=').ok_or("write ORG=ROLE, for example acme=viewer")?;
        Ok(Self { org: org.to_owned(), role: role.parse().map_err(|error| format!("{error}"))? })
    }
}

pub(super) async fn run(command: Users) -> anyhow::Result<ExitCode> {
    let store = config::store("token-refresh users", 2)?;
    match command {
        Users::Add { name, orgs, platform_admin, token_days } => {
            if orgs.is_empty() && !platform_admin {
                anyhow::bail!("a user without an org sees nothing: give --org ORG=ROLE, or --platform-admin");
            }
            println!("{}", add(&store, &name, &orgs, platform_admin, token_days).await?);
            eprintln!("This is the bearer token of \"{name}\". It is not shown again.");
        }
        Users::Token { name, token_days } => {
            let token = CredentialKind::Bearer.mint();
            if !store.put_api_token(&name, CredentialDigest::of(&token), token_days).await? {
                return Err(no_user(&name));
            }
            println!("{token}");
            eprintln!("This is one more bearer token of \"{name}\". It is not shown again.");
        }
        Users::Member { name, orgs, leave } => {
            let memberships = find_memberships(&store, &orgs).await?;
            let left = find_orgs(&store, &leave).await?;
            if !store.change_memberships(&name, &memberships, &left).await? {
                return Err(no_user(&name));
            }
        }
        Users::List => {
            for user in store.list_users().await? {
                let kind = if user.platform_admin { "platform admin" } else { "user" };
                let tokens = if user.tokens == 0 {
                    "no valid token".to_owned()
                } else {
                    format!("{} token(s)", user.tokens)
                };
                println!("{}  {}  {kind}, {tokens}  {}", user.id, user.name, user.memberships.join(", "));
            }
        }
        Users::LoginLink { name, base_url, minutes } => {
            let life = Duration::from_secs(u64::from(minutes) * 60);
            let Some(link) = login_link(&store, &name, &base_url, life).await? else {
                return Err(no_user(&name));
            };
            println!("{link}");
            eprintln!("This link signs \"{name}\" in once, within {minutes} minute(s).");
        }
        Users::Revoke { name } => match store.revoke_user(&name).await? {
            Some(tokens) => println!("ended {tokens} token(s) of \"{name}\""),
            None => return Err(no_user(&name)),
        },
    }
    Ok(ExitCode::SUCCESS)
}

fn no_user(name: &str) -> anyhow::Error {
    anyhow::anyhow!("no user \"{name}\"; `token-refresh users list` shows all")
}

async fn find_memberships(store: &Store, orgs: &[OrgRole]) -> anyhow::Result<Vec<Membership>> {
    let mut memberships = Vec::with_capacity(orgs.len());
    for OrgRole { org, role } in orgs {
        memberships.push(Membership { org: find_org(store, org).await?, role: *role });
    }
    Ok(memberships)
}

/// Adds a user and returns the bearer token.
async fn add(
    store: &Store,
    name: &str,
    orgs: &[OrgRole],
    platform_admin: bool,
    days: i32,
) -> anyhow::Result<String> {
    let memberships = find_memberships(store, orgs).await?;
    let token = CredentialKind::Bearer.mint();
    let digest = CredentialDigest::of(&token);
    match store.put_user(name, platform_admin, &memberships, digest, days).await {
        Ok(_) => Ok(token),
        Err(error) if error.violates("users_name_unique") => {
            anyhow::bail!("there is a user \"{name}\" already")
        }
        Err(error) => Err(error.into()),
    }
}

/// A link that signs the user of that name or id in once; none if there is no such user.
///
/// The secret stands behind `#`, so that no server, proxy or referrer ever sees it in an address.
pub(super) async fn login_link(
    store: &Store,
    user: &str,
    base_url: &str,
    life: Duration,
) -> anyhow::Result<Option<String>> {
    let secret = CredentialKind::Link.mint();
    let known = store.put_login_link(user, CredentialDigest::of(&secret), life).await?;
    Ok(known.then(|| format!("{}/sign-in#{secret}", base_url.trim_end_matches('/'))))
}
