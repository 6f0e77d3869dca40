//! All that takes row locks, at once, on few rows: transactions wait for each other, never in a circle.

use std::{
    future::Future,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::{FutureExt, StreamExt, future::LocalBoxFuture};
use rand::{random_range, seq::SliceRandom};
use token_refresh::{
    crypto::SealContext,
    domain::{
        account::{AccountId, KeysetId},
        breaker::{Signal, SignalKind},
        class::Class,
        verdict::Verdict,
    },
    message::{Draft, Runner, Source},
    store::{
        Claim, ClaimOutcome, ClaimRequest, Effect, Finish, ImportToken, LeaseTerms, NewAccount, PoolSettings,
        Store, StoreError,
    },
};

use crate::support::{
    eventually, let_pass,
    stage::{CLIENT_SECRET, ENVIRONMENT, Stage, refresh_token},
};

const STORM: Duration = Duration::from_secs(10);
const KEYSETS: usize = 3;
const ACCOUNTS: usize = 40;
/// Attempts often outlive it.
const LEASE: Duration = Duration::from_millis(150);

/// What the storm rages on.
struct Storm<'a> {
    stage: &'a Stage,
    store: Store,
    keysets: Vec<KeysetId>,
    accounts: Mutex<Vec<AccountId>>,
    /// Requests whose message comes again.
    again: Mutex<Vec<ClaimRequest>>,
    over: Instant,
    done: Mutex<u64>,
}

#[tokio::test]
async fn whatever_happens_at_once_ends_in_no_deadlock() {
    let stage = Stage::set().await;
    let mut keysets = vec![stage.keyset];
    for number in 1..KEYSETS {
        keysets.push(stage.keyset(&format!("Storm-PRD-{number}"), CLIENT_SECRET, 1_000_000).await);
    }
    stage.sql("update keysets set daily_quota = 1000000").await;
    let settings =
        PoolSettings { connections: 30, application_name: "storm".into(), ..PoolSettings::default() };
    let storm = Storm {
        stage: &stage,
        store: Store::new(stage.database.url(), &settings).expect("the test's address is good"),
        keysets,
        accounts: Mutex::default(),
        again: Mutex::default(),
        over: Instant::now() + STORM,
        done: Mutex::default(),
    };
    for number in 0..ACCOUNTS {
        storm.put_account(number).await.expect("an account");
    }
    storm.rage().await;
    println!("{} transactions", storm.done.lock().unwrap_or_else(PoisonError::into_inner));
    drop(storm);

    // A session tells of its deadlocks at its end at the latest.
    eventually("the storm's sessions have ended", || async {
        let sessions = "select count(*) from pg_stat_activity
            where datname = current_database() and application_name = 'storm'";
        (stage.value::<i64>(sessions).await == 0).then_some(())
    })
    .await;
    let deadlocks = "select deadlocks from pg_stat_database where datname = current_database()";
    assert_eq!(stage.value::<i64>(deadlocks).await, 0, "deadlocks");

    stage.advance(Duration::from_secs(1)).await;
    stage.store.reap(None, 1_000, |_| Duration::ZERO).await.expect("leases that ran out");
    stage.finish().await;
}

impl Storm<'_> {
    /// Does everything at once until it is over.
    async fn rage(&self) {
        let mut all: Vec<LocalBoxFuture<'_, ()>> = Vec::new();
        for _ in 0..5 {
            all.push(self.again_and_again(|| self.attempts()).boxed_local());
        }
        for _ in 0..2 {
            all.push(self.again_and_again(|| self.reap()).boxed_local());
            all.push(self.again_and_again(|| self.make_due()).boxed_local());
            all.push(self.again_and_again(|| self.import()).boxed_local());
            all.push(self.again_and_again(|| self.replace_secret()).boxed_local());
        }
        all.push(self.again_and_again(|| self.press()).boxed_local());
        all.push(self.again_and_again(|| self.pause()).boxed_local());
        all.push(self.again_and_again(|| self.remove()).boxed_local());
        all.push(self.again_and_again(|| self.schedule()).boxed_local());
        all.push(self.again_and_again(|| self.close_undelivered()).boxed_local());
        let mut all: futures::stream::FuturesUnordered<_> = all.into_iter().collect();
        while all.next().await.is_some() {}
    }

    /// A row that is gone, and a deadlock, are no failure of the act; the latter is counted by the server.
    async fn again_and_again<F: Future<Output = Result<(), StoreError>>>(&self, act: impl Fn() -> F) {
        while Instant::now() < self.over {
            match act().await {
                Ok(()) => *self.done.lock().unwrap_or_else(PoisonError::into_inner) += 1,
                Err(error) => assert!(error.is_row_fault() || error.is_transient(), "{error:?}"),
            }
        }
    }

    /// An account, or nobody's id.
    fn anyone(&self) -> AccountId {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.is_empty() { AccountId::fresh() } else { accounts[random_range(0..accounts.len())] }
    }

    fn everyone(&self) -> Vec<AccountId> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        accounts.shuffle(&mut rand::rng());
        accounts
    }

    /// Claims due accounts, probes and requests in one slice, and finishes most of them in another.
    async fn attempts(&self) -> Result<(), StoreError> {
        let mut messages = self.store.take_due(12, Duration::from_secs(1)).await?;
        messages.extend(self.store.take_probes().await?);
        for source in [Source::Debug, Source::Admin] {
            messages.push(self.store.put_request(self.anyone(), source, "storm").await?);
        }
        let mut requests: Vec<ClaimRequest> = messages
            .into_iter()
            .map(|message| ClaimRequest { attempt: message.attempt, account: message.account })
            .collect();
        requests.append(&mut self.again.lock().unwrap_or_else(PoisonError::into_inner));
        requests.shuffle(&mut rand::rng());
        let runner = Runner { instance: "storm".into(), version: "1".into() };
        let terms = LeaseTerms { runner, lease: LEASE, key_ids: self.stage.keyring.ids() };
        let mut claims = Vec::new();
        for (request, outcome) in requests.iter().zip(self.store.claim(&requests, &terms).await?) {
            match outcome {
                ClaimOutcome::Claimed(claim) => claims.push(claim),
                ClaimOutcome::LeaseExpired => {
                    self.again.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
                }
                _ => {}
            }
        }
        let_pass(LEASE.mul_f64(rand::random::<f64>() * 1.4)).await;
        let mut finishes = Vec::new();
        for claim in claims {
            if random_range(0..8) == 0 {
                let request = ClaimRequest { attempt: claim.attempt, account: claim.subject.account_id };
                self.again.lock().unwrap_or_else(PoisonError::into_inner).push(request);
            } else {
                finishes.push(self.finish(&claim, &terms.runner));
            }
        }
        finishes.shuffle(&mut rand::rng());
        self.store.finish(&finishes).await.map(drop)
    }

    /// The end of an attempt of which nothing was sent, so that its call is given back.
    fn finish(&self, claim: &Claim, runner: &Runner) -> Finish {
        let account = claim.subject.account_id;
        let (class, kind) = match random_range(0..30) {
            0 => (Class::ClientInvalid, SignalKind::CredentialsRefused),
            1..=4 => (Class::GrantSuspect, SignalKind::Accepted),
            _ => (Class::Refreshed, SignalKind::Accepted),
        };
        let context = SealContext::refresh_token(account, ENVIRONMENT);
        let effect = if class == Class::Refreshed {
            Effect::Refreshed {
                access_token: self.stage.keyring.seal(&context, "access"),
                expires_in: Duration::from_secs(7_200),
                refresh_token: None,
                scopes: None,
                next_in: Duration::ZERO,
                demoted_next_in: Duration::ZERO,
            }
        } else {
            let verdict = if class == Class::GrantSuspect { Verdict::Suspected } else { Verdict::Unchanged };
            Effect::Failed { class, error: "storm".into(), retry_in: Duration::ZERO, verdict }
        };
        Finish {
            attempt: claim.attempt,
            account,
            keyset: claim.keyset,
            epoch: claim.epoch,
            token_version: claim.token_version,
            secret_version: claim.secret_version,
            claimed_at: claim.claimed_at,
            signal: Some(Signal {
                kind,
                begun_under: claim.breaker_version,
                probe: claim.probe,
                retry_after: None,
            }),
            effect,
            draft: Draft::without_exchange(claim.attempt, &claim.subject, claim.source, class, runner),
        }
    }

    async fn reap(&self) -> Result<(), StoreError> {
        let_pass(Duration::from_millis(10)).await;
        self.store.reap(None, 500, |_| Duration::ZERO).await.map(drop)
    }

    async fn make_due(&self) -> Result<(), StoreError> {
        let_pass(Duration::from_millis(20)).await;
        self.store.make_due(&self.everyone(), Source::Scheduled, None).await
    }

    async fn import(&self) -> Result<(), StoreError> {
        self.import_for(self.anyone()).await
    }

    async fn import_for(&self, account: AccountId) -> Result<(), StoreError> {
        let token = refresh_token("storm", random_range(0..10_000));
        let context = SealContext::refresh_token(account, ENVIRONMENT);
        let import = ImportToken {
            account,
            sealed: self.stage.keyring.seal(&context, token.expose()),
            sha256: token.sha256(),
            refresh_expires_at: None,
            replace: true,
            by: "storm".into(),
        };
        self.store.import_token(&import).await.map(drop)
    }

    async fn replace_secret(&self) -> Result<(), StoreError> {
        let keyset = self.keysets[random_range(0..KEYSETS)];
        let sealed = self.stage.keyring.seal(&SealContext::client_secret(keyset, ENVIRONMENT), CLIENT_SECRET);
        self.store.stand_by_secret(keyset, &sealed).await?;
        self.store.replace_secret(keyset, &sealed).await
    }

    /// Presses whose message gets lost.
    async fn press(&self) -> Result<(), StoreError> {
        self.store.put_request(self.anyone(), Source::Debug, "storm").await?;
        self.store.take_unclaimed_requests(Duration::from_millis(20), Duration::from_secs(1)).await?;
        let_pass(Duration::from_millis(20)).await;
        Ok(())
    }

    async fn pause(&self) -> Result<(), StoreError> {
        let account = self.anyone();
        self.store.pause_account(account).await?;
        self.store.resume_account(account, "storm").await.map(drop)
    }

    /// Removes an account, and puts another in its place.
    async fn remove(&self) -> Result<(), StoreError> {
        let account = self.anyone();
        if self.store.remove_account(account).await? == token_refresh::store::Removal::Removed {
            self.accounts
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .retain(|remaining| *remaining != account);
            self.put_account(random_range(0..1_000_000)).await?;
        }
        let_pass(Duration::from_millis(20)).await;
        Ok(())
    }

    async fn put_account(&self, number: usize) -> Result<(), StoreError> {
        let username = format!("seller{number}");
        let new = NewAccount {
            org: self.stage.org,
            keyset: self.keysets[number % KEYSETS],
            environment: ENVIRONMENT,
            username: &username,
            ebay_user_id: None,
            house_name: None,
        };
        let (account, _) = self.store.put_account(&new).await?;
        self.import_for(account).await?;
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).push(account);
        Ok(())
    }

    /// What the scheduler does beside.
    async fn schedule(&self) -> Result<(), StoreError> {
        let taken = self.store.take_due(12, Duration::from_secs(1)).await?;
        let mut attempts: Vec<_> = taken.iter().map(|message| message.attempt).collect();
        attempts.shuffle(&mut rand::rng());
        self.store.give_back(&attempts).await?;
        self.store.demote(self.keysets[random_range(0..KEYSETS)], 3).await?;
        self.store.unblock_by_key().await?;
        self.store.warn_expiry().await?;
        let_pass(Duration::from_millis(20)).await;
        Ok(())
    }

    async fn close_undelivered(&self) -> Result<(), StoreError> {
        let runner = Runner { instance: "storm".into(), version: "1".into() };
        self.store.close_undelivered(Duration::from_millis(50), &runner).await?;
        let_pass(Duration::from_millis(20)).await;
        Ok(())
    }
}
