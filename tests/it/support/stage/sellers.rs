//! Who is on a stage: keysets, accounts and their tokens, and what people ask for.

use token_refresh::{
    crypto::SealContext,
    domain::{
        account::{AccountId, AttemptId, KeysetId},
        token::RefreshToken,
    },
    fake_ebay::Behaviour,
    message::{RefreshMessage, Source},
    refresh::{Requested, publish_refresh, request_refresh},
    store::{ImportOutcome, ImportToken, NewAccount, NewKeyset},
};
use zeroize::Zeroizing;

use super::{CLIENT_ID, ENVIRONMENT, Stage};
use crate::support::eventually;

impl Stage {
    /// Adds a keyset that calls the fake and is lent to the stage's org.
    pub(crate) async fn keyset(&self, client_id: &str, secret: &str, daily_quota: i32) -> KeysetId {
        let id = KeysetId::fresh();
        let keyset = NewKeyset {
            id,
            environment: ENVIRONMENT,
            client_id: client_id.into(),
            client_secret: self.keyring.seal(&SealContext::client_secret(id, ENVIRONMENT), secret),
            daily_quota,
            api_url: Some(self.ebay.url()),
        };
        self.store.put_keyset(&keyset, &[self.org]).await.expect("a keyset");
        // Known to be good, so that a story's accounts are all refreshed at once.
        self.sql(&format!("update keyset_ledger set accepted_at = clock() where keyset_id = '{id}'")).await;
        id
    }

    /// Adds a healthy seller, at eBay and here, who is due at once (as `source=admin`).
    pub(crate) async fn seller(&self, username: &str) -> AccountId {
        let token = refresh_token(username, 1);
        self.ebay.add_seller(CLIENT_ID, username, token.expose());
        let account = self.account(username).await;
        self.import(account, &token).await;
        account
    }

    /// Adds a healthy seller of another keyset, who is due at once.
    pub(crate) async fn seller_of(&self, keyset: KeysetId, client_id: &str, username: &str) -> AccountId {
        let token = refresh_token(username, 1);
        self.ebay.add_seller(client_id, username, token.expose());
        let new = NewAccount {
            org: self.org,
            keyset,
            environment: ENVIRONMENT,
            username,
            ebay_user_id: None,
            house_name: None,
        };
        let (account, _) = self.store.put_account(&new).await.expect("an account");
        self.import(account, &token).await;
        account
    }

    /// Adds a seller who is not due for two hours.
    pub(crate) async fn rested_seller(&self, username: &str) -> AccountId {
        let account = self.seller(username).await;
        self.rest(account).await;
        account
    }

    /// Adds a seller with a behaviour, who is due at once.
    pub(crate) async fn seller_who(&self, username: &str, behaviour: Behaviour) -> AccountId {
        let token = refresh_token(username, 1);
        self.ebay.add_seller(CLIENT_ID, username, token.expose());
        assert!(self.ebay.set_behaviour(username, behaviour));
        let account = self.account(username).await;
        self.import(account, &token).await;
        account
    }

    /// Adds an account's row without a token.
    pub(crate) async fn account(&self, username: &str) -> AccountId {
        let new = NewAccount {
            org: self.org,
            keyset: self.keyset,
            environment: ENVIRONMENT,
            username,
            ebay_user_id: None,
            house_name: Some("House"),
        };
        self.store.put_account(&new).await.expect("an account").0
    }

    /// Adds many healthy sellers at once, all due (as `source=scheduled`).
    pub(crate) async fn bulk(&self, count: usize) -> Vec<AccountId> {
        let client = self.database.connect().await;
        let (mut ids, mut names, mut tokens) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..count {
            let (id, name) = (AccountId::fresh(), format!("seller{number}"));
            let token = refresh_token(&name, 1);
            self.ebay.add_seller(CLIENT_ID, &name, token.expose());
            tokens.push(self.keyring.seal(&SealContext::refresh_token(id, ENVIRONMENT), token.expose()));
            ids.push(id.0);
            names.push(name);
        }
        let put_accounts = "insert into accounts (id, org_id, keyset_id, environment, username)
            select id, $1, $2, 'production', name from unnest($3::uuid[], $4::text[]) a (id, name)";
        client.execute(put_accounts, &[&self.org.0, &self.keyset.0, &ids, &names]).await.expect("accounts");
        let put_tokens =
            "insert into tokens (account_id, refresh_token) select * from unnest($1::uuid[], $2::text[])";
        client.execute(put_tokens, &[&ids, &tokens]).await.expect("tokens");
        client
            .execute("insert into refresh_state (account_id) select unnest($1::uuid[])", &[&ids])
            .await
            .expect("states");
        client.batch_execute("analyze").await.expect("analyze");
        ids.into_iter().map(AccountId).collect()
    }

    /// Gives an account a token, as an import does.
    pub(crate) async fn import(&self, account: AccountId, token: &RefreshToken) -> ImportOutcome {
        let import = ImportToken {
            account,
            sealed: self.keyring.seal(&SealContext::refresh_token(account, ENVIRONMENT), token.expose()),
            sha256: token.sha256(),
            refresh_expires_at: None,
            replace: false,
            by: "cli:it".into(),
        };
        self.store.import_token(&import).await.expect("an import")
    }

    /// Lets an account be due in two hours.
    pub(crate) async fn rest(&self, account: AccountId) {
        self.sql(&format!(
            "update refresh_state set next_refresh_at = clock() + interval '2 hours', due_source = 'scheduled',
             due_triggered_by = null, queued_attempt = null, queued_until = null where account_id = '{account}'"
        ))
        .await;
    }

    /// Makes an account due at once, as `source=scheduled`.
    pub(crate) async fn make_due(&self, account: AccountId) {
        self.store.make_due(&[account], Source::Scheduled, None).await.expect("the store answers");
    }

    /// Stops taking up work: what is under way ends, and nothing more begins.
    pub(crate) async fn pause_everybody(&self) {
        self.sql("update accounts set paused_at = clock()").await;
    }

    /// Presses "Refresh (debug)": the request is stored and published.
    pub(crate) async fn debug(&self, account: AccountId) -> AttemptId {
        let request = self.request(account).await;
        let attempt = request.attempt;
        if request.published().await.is_err() {
            // On a busy machine connecting takes longer than a person is kept waiting for.
            let message = RefreshMessage { attempt, account, source: Source::Debug };
            eventually("the broker takes the request", || async {
                publish_refresh(&self.broker.publisher(), &message).await.ok()
            })
            .await;
        }
        attempt
    }

    /// The same while links are cut: what is not published now, the scheduler publishes.
    pub(crate) async fn debug_whatever_comes(&self, account: AccountId) -> AttemptId {
        let request = self.request(account).await;
        let attempt = request.attempt;
        // An error is what the story is about.
        let _ = request.published().await;
        attempt
    }

    /// Stores the request of a press, and begins to publish it.
    async fn request(&self, account: AccountId) -> Requested {
        let (publisher, by) = (self.broker.publisher(), self.user.to_string());
        request_refresh(&self.store, publisher, account, Source::Debug, &by).await.expect("a request")
    }

    /// Publishes a message as the scheduler and the admin do.
    pub(crate) async fn publish(&self, message: &RefreshMessage) {
        publish_refresh(&self.broker.publisher(), message).await.expect("the broker takes it");
    }
}

/// A refresh token that belongs to `username`, different for each `number`.
pub(crate) fn refresh_token(username: &str, number: u32) -> RefreshToken {
    let text = format!("v^1.1#i^1#f^0#p^3#r^1#I^3#t^Ul4xMF8{}{username}{number:04}==", "Qk9PVA".repeat(50));
    RefreshToken::checked(Zeroizing::new(text)).expect("the stage's tokens are well-formed")
}
