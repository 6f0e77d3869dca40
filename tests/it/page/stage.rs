//! A stage with an admin process, and a browser before it.

use serde_json::json;
use token_refresh::{
    domain::{
        account::{AccountId, AttemptId, OrgId, Role},
        class::Class,
    },
    message::{Draft, Entry, Runner, Source, Subject},
    store::{EntryRow, Membership},
};

use crate::support::{
    browser::Browser,
    stage::{Actor, ENVIRONMENT, Stage, sha256},
};

/// The system, its admin, and where that listens.
pub(super) struct Site {
    pub(super) stage: Stage,
    pub(super) admin: Actor,
    pub(super) address: String,
}

impl Site {
    /// Sets an empty stage and starts its admin.
    pub(super) async fn set() -> Self {
        let stage = Stage::set().await;
        let admin = stage.start(&["admin"]).await;
        let address = listening(&admin).await;
        Self { stage, admin, address }
    }

    /// Starts another admin at the address of the killed one, with other environment where given.
    pub(super) async fn start_again(&mut self, environment: &[(&str, &str)]) {
        let environment = [&[("ADMIN_LISTEN", self.address.as_str())], environment].concat();
        self.admin = self.stage.start_with(&["admin"], &environment).await;
        assert_eq!(listening(&self.admin).await, self.address);
    }

    /// Ends the story, as [`Stage::finish`] does.
    pub(super) async fn finish(self) {
        self.stage.finish().await;
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Adds a user and returns its token.
    pub(super) async fn user(&self, name: &str, memberships: &[(OrgId, Role)]) -> String {
        let token = format!("tr_{name}_{}", uuid::Uuid::now_v7().simple());
        let memberships: Vec<Membership> =
            memberships.iter().map(|(org, role)| Membership { org: *org, role: *role }).collect();
        self.stage.store.put_user(name, false, &memberships, sha256(&token), 1).await.expect("a user");
        token
    }

    /// A browser that is signed in and looks at `path`.
    pub(super) async fn browser(&self, token: &str, path: &str) -> Browser {
        let browser = Browser::open().await;
        self.sign_in(&browser, token, path).await;
        browser
    }

    /// Signs in through the form, on the way to `path`.
    pub(super) async fn sign_in(&self, browser: &Browser, token: &str, path: &str) {
        browser.go(&self.url(path)).await;
        browser.until("document.getElementById('token')").await;
        let fill = "const form = document.getElementById('sign-in'); form.elements.token.value = arguments[0]; form.requestSubmit();";
        browser.js(fill, json!([token])).await;
        browser.until("document.querySelector('.who') && document.readyState === 'complete'").await;
    }

    /// An entry of an account of `org`, not yet stored.
    pub(super) async fn entry(&self, org: OrgId, account: AccountId, username: &str, class: Class) -> Entry {
        let subject = Subject {
            account_id: account,
            org_id: org,
            environment: ENVIRONMENT,
            username: username.to_owned(),
            house_name: None,
        };
        let runner = Runner { instance: "worker-test".into(), version: "0.0.0 test".into() };
        let draft = Draft::without_exchange(AttemptId::fresh(), &subject, Source::Scheduled, class, &runner);
        draft.stamp(self.stage.store.clock().await.expect("the database's time"))
    }

    /// Stores entries the way a finish and the log-writer do: through the outbox.
    pub(super) async fn keep(&self, entries: &[Entry]) {
        const PUT: &str = "insert into connect_log_outbox
            (id, created_at, org_id, account_id, environment, action, source, class, body)
            select id::uuid, at, org::uuid, account::uuid, environment, action, source, class, body
            from unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[],
                $8::text[], $9::text[]) as one (id, at, org, account, environment, action, source, class, body)";
        let client = self.stage.database.connect().await;
        for slice in entries.chunks(500) {
            let rows: Vec<EntryRow> = slice.iter().map(EntryRow::from).collect();
            let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
            let at: Vec<_> = rows.iter().map(|row| row.created_at).collect();
            let orgs: Vec<_> = rows.iter().map(|row| row.org_id).collect();
            let accounts: Vec<_> = rows.iter().map(|row| row.account_id).collect();
            let text = |of: fn(&EntryRow) -> &str| rows.iter().map(of).collect::<Vec<_>>();
            let (environments, actions) = (text(|row| &row.environment), text(|row| &row.action));
            let (sources, classes, bodies) =
                (text(|row| &row.source), text(|row| &row.class), text(|row| &row.body));
            let params: [&(dyn tokio_postgres::types::ToSql + Sync); 9] =
                [&ids, &at, &orgs, &accounts, &environments, &actions, &sources, &classes, &bodies];
            client.execute(PUT, &params).await.expect("good entries");
            let ids: Vec<AttemptId> = slice.iter().map(|entry| entry.id).collect();
            self.stage.store.store_entries(&ids).await.expect("good entries are stored");
            self.stage.note_made_up(slice.len());
        }
    }

    /// Stores `count` entries of one account, the last one newest.
    pub(super) async fn history(&self, account: AccountId, username: &str, count: usize) -> Vec<Entry> {
        let first = self.entry(self.stage.org, account, username, Class::Refreshed).await;
        let mut entries = Vec::with_capacity(count);
        for at in 0..count {
            let before = i64::try_from(count - at).expect("few");
            entries.push(Entry {
                id: AttemptId::fresh(),
                created_at: first.created_at - chrono::Duration::milliseconds(before * 10),
                ..first.clone()
            });
        }
        self.keep(&entries).await;
        entries
    }
}

/// The address that an admin's log tells.
async fn listening(admin: &Actor) -> String {
    let line = admin.expect_log("\"HTTP API\"").await;
    let (_, rest) = line.split_once("\"address\":\"").expect("the line tells the address");
    rest.split('"').next().expect("quoted").to_owned()
}
