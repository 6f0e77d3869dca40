//! A session that is of no more use is not lent again.

use std::time::Duration;

use token_refresh::{
    domain::{account::Role, credential::CredentialDigest},
    store::{Membership, PoolSettings, Store, StoreError},
};

use crate::support::{
    database::{TestDatabase, admin},
    eventually, let_pass,
};

/// A store with one connection, so that every statement meets the same session.
fn one_session(url: &str) -> Store {
    let settings = PoolSettings { connections: 1, application_name: "one".into(), ..PoolSettings::default() };
    Store::new(url, &settings).expect("the test's address")
}

async fn sql(database: &TestDatabase, statements: &str) {
    database.connect().await.batch_execute(statements).await.expect("SQL");
}

/// The process ids of the sessions called `one`.
async fn sessions(database: &TestDatabase) -> Vec<i32> {
    let query =
        "select pid from pg_stat_activity where application_name = 'one' and datname = current_database()";
    let rows = database.connect().await.query(query, &[]).await.expect("SQL");
    rows.iter().map(|row| row.get(0)).collect()
}

fn expect_transient<T>(result: Result<T, StoreError>) {
    let error = result.err().expect("the session is of no more use");
    assert!(error.is_transient() && !error.is_row_fault(), "{error:?}");
}

/// Lets sessions that begin from this moment on write, or not; those that stand stay as they are.
async fn set_writable(database: &TestDatabase, writable: bool) {
    let change = format!(
        "alter database {} set default_transaction_read_only = {}",
        database.name(),
        if writable { "off" } else { "on" }
    );
    admin().await.batch_execute(&change).await.expect("SQL");
}

/// A store whose one session does not write, in a database that does.
async fn stuck_session(database: &TestDatabase) -> Store {
    set_writable(database, false).await;
    let store = one_session(&format!("{}?target_session_attrs=any", database.url()));
    store.ping().await.expect("it reads");
    set_writable(database, true).await;
    store
}

#[tokio::test]
async fn a_session_that_writes_no_more_is_not_lent_again() {
    let database = TestDatabase::migrated().await;
    let store = stuck_session(&database).await;
    expect_transient(store.put_org("first").await);
    let org = store.put_org("second").await.expect("another session writes");

    let store = stuck_session(&database).await;
    let member = [Membership { org, role: Role::Viewer }];
    expect_transient(store.put_user("first", false, &member, CredentialDigest::of("1"), 1).await);
    store
        .put_user("second", false, &member, CredentialDigest::of("2"), 1)
        .await
        .expect("another session writes");
}

#[tokio::test]
async fn a_session_whose_plans_a_migration_made_void_is_not_lent_again() {
    let database = TestDatabase::migrated().await;
    let store = one_session(database.url());
    store.list_orgs().await.expect("it is prepared");
    sql(&database, "alter table orgs alter name type varchar(200)").await;
    expect_transient(store.list_orgs().await);
    store.list_orgs().await.expect("it is prepared anew");
}

#[tokio::test]
async fn a_migration_that_adds_columns_disturbs_nobody() {
    let database = TestDatabase::migrated().await;
    let store = one_session(database.url());
    let all = async || {
        store.list_orgs().await.expect("orgs");
        store.list_instances().await.expect("instances");
        store.stored_tokens(token_refresh::domain::account::AccountId::fresh()).await.expect("tokens");
        store.health(None).await.expect("health");
        store.relay_outbox(0.0, 10, None).await.expect("entries");
    };
    all().await;
    for table in ["orgs", "instances", "tokens", "keysets", "refresh_state", "accounts", "connect_log_outbox"]
    {
        sql(&database, &format!("alter table {table} add column later text")).await;
    }
    all().await;
}

#[tokio::test]
async fn a_session_that_lost_its_prepared_statements_is_not_lent_again() {
    let database = TestDatabase::migrated().await;
    let store = one_session(database.url());
    // As a pooler does that gives a transaction another session.
    sql(
        &database,
        "create function forget() returns trigger language plpgsql as $$ begin execute 'deallocate all'; return null; end $$;
         create trigger forget after insert on orgs for each statement execute function forget()",
    )
    .await;
    store.list_users().await.expect("it is prepared");
    store.put_org("one").await.expect("an org");
    expect_transient(store.list_users().await);
    store.list_users().await.expect("it is prepared anew");
}

#[tokio::test]
async fn a_session_that_ends_inside_a_transaction_is_not_lent_again() {
    let database = TestDatabase::migrated().await;
    let store = one_session(database.url());
    sql(
        &database,
        "create function stop() returns trigger language plpgsql as
             $$ begin raise exception 'going down' using errcode = 'admin_shutdown'; end $$;
         create trigger stop before insert on users for each row execute function stop()",
    )
    .await;
    store.ping().await.expect("a session");
    let before = sessions(&database).await;
    expect_transient(store.put_user("one", false, &[], CredentialDigest::of("1"), 1).await);
    store.ping().await.expect("another session");
    eventually("the session is gone", || async {
        let now = sessions(&database).await;
        (now.len() == 1 && now != before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_refused_row_costs_no_session() {
    let database = TestDatabase::migrated().await;
    let store = one_session(database.url());
    let before = {
        store.ping().await.expect("a session");
        sessions(&database).await
    };
    let error = store.put_org("").await.expect_err("a name has a length");
    assert!(error.is_row_fault() && error.violates("orgs_name_length"), "{error:?}");
    store.ping().await.expect("a session");
    assert_eq!(sessions(&database).await, before);
}

#[tokio::test]
async fn a_fault_that_names_no_row_is_not_final() {
    let database = TestDatabase::migrated().await;
    let store = one_session(database.url());
    for code in ["58030", "XX000", "42501", "P0001"] {
        sql(
            &database,
            &format!(
                "create or replace function fail() returns trigger language plpgsql as
                     $$ begin raise exception 'no' using errcode = '{code}'; end $$;
                 create or replace trigger fail before insert on orgs for each row execute function fail()"
            ),
        )
        .await;
        let error = store.put_org("one").await.expect_err("it fails");
        assert!(!error.is_row_fault() && !error.is_transient(), "{code}: {error:?}");
    }
}

#[tokio::test]
async fn a_session_grows_no_older_than_is_set() {
    let database = TestDatabase::migrated().await;
    let max_age = Duration::from_secs(1);
    let settings =
        PoolSettings { connections: 1, application_name: "one".into(), max_age, ..PoolSettings::default() };
    let store = Store::new(database.url(), &settings).expect("the test's address");
    store.ping().await.expect("a session");
    let first = sessions(&database).await;
    let_pass(max_age).await;
    store.ping().await.expect("another session");
    eventually("the old session is gone", || async {
        let now = sessions(&database).await;
        (now.len() == 1 && now != first).then_some(())
    })
    .await;
}
