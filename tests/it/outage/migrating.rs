//! One process at a time migrates, also behind a pooler.

use std::time::{Duration, Instant};

use token_refresh::store::{MigrateError, PoolSettings, Store, migrate, migrate_within};

use crate::support::database::TestDatabase;

fn store(database: &TestDatabase) -> Store {
    Store::new(database.url(), &PoolSettings::default()).expect("the test's address")
}

#[tokio::test]
async fn of_processes_that_migrate_together_one_applies_each_migration() {
    let database = TestDatabase::create().await;
    let stores: Vec<Store> = (0..4).map(|_| store(&database)).collect();
    let applied = futures::future::join_all(stores.iter().map(migrate)).await;
    let mut applied: Vec<String> =
        applied.into_iter().flat_map(|applied| applied.expect("each is told that all is well")).collect();
    applied.sort();
    let count = applied.len();
    applied.dedup();
    assert!(count > 0 && applied.len() == count, "{applied:?}");
    stores[0].schema().await.expect("the database answers").check().expect("the schema is complete");
}

#[tokio::test]
async fn who_migrates_waits_for_another_until_its_lease_is_over() {
    let database = TestDatabase::migrated().await;
    let store = store(&database);
    assert!(store.hold_lease("migrate", "another", Duration::from_secs(2)).await.expect("a lease"));
    let refused = migrate_within(&store, Duration::from_millis(500)).await.expect_err("another migrates");
    assert!(matches!(refused, MigrateError::Busy { .. }), "{refused:?}");
    let began = Instant::now();
    assert_eq!(migrate(&store).await.expect("the other one died"), Vec::<String>::new());
    assert!(began.elapsed() > Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(
        store.hold_lease("migrate", "third", Duration::from_secs(1)).await.expect("a lease"),
        "it is let go"
    );
}

#[tokio::test]
async fn a_lease_has_one_holder_until_it_ends() {
    let database = TestDatabase::migrated().await;
    let store = store(&database);
    let hold = async |holder: &str| {
        store.hold_lease("sweep", holder, Duration::from_secs(60)).await.expect("the store answers")
    };
    assert!(hold("one").await && hold("one").await, "its holder renews it");
    assert!(!hold("other").await);
    store.release_lease("sweep", "other").await.expect("not its own: nothing happens");
    assert!(!hold("other").await);
    let later = "insert into clock_shift (shift) values (interval '61 seconds')";
    database.connect().await.batch_execute(later).await.expect("SQL");
    assert!(hold("other").await && !hold("one").await, "the time of the database ends it");
    store.release_lease("sweep", "other").await.expect("the store answers");
    assert!(hold("one").await);
}
