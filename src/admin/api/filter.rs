//! What a reader asks of the entries, as a query names it.

use chrono::{DateTime, Utc};

use super::lookup::{Narrow, find_account};
use crate::{
    admin::{auth::authenticator::SignedIn, problem::Problem},
    domain::{
        account::{AccountId, Environment},
        class::Class,
    },
    message::{Action, Source},
    store::{EntryFilter, Store},
};

/// Defines `Query`: the parameters that name a filter, and further ones. Absent ones filter nothing,
/// unknown ones are refused, which serde does not do for structs inside of others.
macro_rules! filter_query {
    ($($(#[$meta:meta])* $further:ident: $type:ty,)*) => {
        /// The query's parameters; absent ones filter nothing.
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(in crate::admin) struct Query {
            env: Option<$crate::domain::account::Environment>,
            account: Option<String>,
            source: Option<$crate::message::Source>,
            action: Option<$crate::message::Action>,
            class: Option<$crate::domain::class::Class>,
            q: Option<String>,
            since: Option<chrono::DateTime<chrono::Utc>>,
            until: Option<chrono::DateTime<chrono::Utc>>,
            $($(#[$meta])* $further: $type,)*
        }

        impl Query {
            /// The filter that it names.
            pub(in crate::admin) fn filter(&self) -> $crate::admin::api::filter::Filter<'_> {
                $crate::admin::api::filter::Filter {
                    env: self.env,
                    account: self.account.as_deref(),
                    source: self.source,
                    action: self.action,
                    class: self.class,
                    text: self.q.as_deref(),
                    since: self.since,
                    until: self.until,
                }
            }
        }
    };
}
pub(in crate::admin) use filter_query;

/// A filter as a query names it.
pub(in crate::admin) struct Filter<'a> {
    pub(in crate::admin) env: Option<Environment>,
    pub(in crate::admin) account: Option<&'a str>,
    pub(in crate::admin) source: Option<Source>,
    pub(in crate::admin) action: Option<Action>,
    pub(in crate::admin) class: Option<Class>,
    pub(in crate::admin) text: Option<&'a str>,
    pub(in crate::admin) since: Option<DateTime<Utc>>,
    pub(in crate::admin) until: Option<DateTime<Utc>>,
}

/// Longest text that is searched for.
const TEXT_MAX_CHARS: usize = 200;

impl Filter<'_> {
    /// What of it the user may see.
    pub(in crate::admin) async fn for_user(
        &self,
        store: &Store,
        user: &SignedIn,
    ) -> Result<EntryFilter, Problem> {
        let mut filter = EntryFilter {
            orgs: user.orgs(),
            environment: self.env,
            account: None,
            source: self.source,
            action: self.action,
            class: self.class,
            text: self.text()?,
            since: self.since,
            until: self.until,
        };
        if let Some(name) = self.account {
            filter.account = Some(self.account(store, user, name).await?);
        }
        Ok(filter)
    }

    /// PostgreSQL's text has no NUL; spaces around it are hardly ever meant, and an empty text finds all.
    fn text(&self) -> Result<Option<String>, Problem> {
        let text = self.text.map(str::trim).filter(|text| !text.is_empty());
        if text.is_some_and(|text| text.contains('\0') || text.chars().count() > TEXT_MAX_CHARS) {
            return Err(Problem::bad_request(
                "bad-parameter",
                "A query parameter is wrong",
                format!("q is a text of at most {TEXT_MAX_CHARS} characters."),
            ));
        }
        Ok(text.map(str::to_owned))
    }

    /// An unknown account is an error, lest an empty answer look like one without entries. One that
    /// was removed still has entries, under its id.
    async fn account(&self, store: &Store, user: &SignedIn, name: &str) -> Result<AccountId, Problem> {
        let narrow = Narrow { env: self.env, org: None };
        let Ok(id) = name.parse::<AccountId>() else {
            return Ok(find_account(store, user, name, &narrow).await?.subject.account_id);
        };
        let filter = EntryFilter {
            orgs: user.orgs(),
            environment: self.env,
            account: Some(id),
            ..EntryFilter::default()
        };
        if !store.history(&filter, None, 1).await?.is_empty() {
            return Ok(id);
        }
        find_account(store, user, name, &narrow).await.map(|_| id)
    }
}
