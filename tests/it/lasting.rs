//! What lasts: servers that are away, killed, frozen or refuse to write, under load. No entry is lost,
//! no message is dead, no process needs a restart, and accounts are refreshed again within seconds.
//!
//! `./deploy/local faults` lets each fault last for five minutes and shows a table; without it each
//! lasts for seconds, and those that say less than others are left out.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use token_refresh::{
    domain::account::{AccountId, AttemptId},
    fake_ebay::Behaviour,
    message::Source,
    queue::names,
    refresh::request_refresh,
};
use tokio::sync::Mutex;

use crate::support::{
    come_true, eventually_within, let_pass,
    private_broker::PrivateBroker,
    private_postgres::{PrivatePostgres, url_of},
    stage::Stage,
};
use crate::support::{database::TestDatabase, vhost::TestVhost};

/// Accounts that are due again and again.
const ACCOUNTS: usize = 100;
/// Accounts whose refresh is asked for by a person.
const PRESSED: usize = 5;
/// Time between two rounds of the load.
const ROUND: Duration = Duration::from_secs(1);
/// Time between two lines of progress.
const TOLD: Duration = Duration::from_secs(15);
/// Within so much of the server's first answer accounts are refreshed again.
const BACK_WITHIN: Duration = Duration::from_secs(5);
/// Within so much all are, also those whose message was lost.
const ALL_WITHIN: Duration = Duration::from_secs(180);

/// What happens to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    DatabaseAway,
    DatabaseKilled,
    DatabaseFrozen,
    DatabaseReadOnly,
    DatabaseFailsOver,
    BrokerAway,
    BrokerFrozen,
    BrokerMemoryAlarm,
    BrokerDiskAlarm,
    QueueDeleted,
    MessagesLost,
    BothAway,
}

/// Servers of the story's own, as far as its fault takes any.
struct Servers {
    database: Option<PrivatePostgres>,
    standby: Option<PrivatePostgres>,
    broker: Option<PrivateBroker>,
}

impl Fault {
    /// Whether it takes a database, and a broker, of the story's own.
    fn takes(self) -> (bool, bool) {
        match self {
            Self::DatabaseAway
            | Self::DatabaseKilled
            | Self::DatabaseFrozen
            | Self::DatabaseReadOnly
            | Self::DatabaseFailsOver => (true, false),
            Self::BrokerAway | Self::BrokerFrozen | Self::BrokerMemoryAlarm | Self::BrokerDiskAlarm => {
                (false, true)
            }
            Self::QueueDeleted | Self::MessagesLost => (false, false),
            Self::BothAway => (true, true),
        }
    }

    async fn begin(self, servers: &Servers, stage: &Stage) {
        let (database, broker) = (servers.database.as_ref(), servers.broker.as_ref());
        let (database, broker) = (|| database.expect("its own"), || broker.expect("its own"));
        match self {
            Self::DatabaseAway => database().stop().await,
            Self::DatabaseKilled | Self::DatabaseFailsOver => database().kill().await,
            Self::DatabaseFrozen => database().freeze().await,
            Self::DatabaseReadOnly => database().set_read_only(true).await,
            Self::BrokerAway => broker().kill().await,
            Self::BrokerFrozen => broker().freeze().await,
            Self::BrokerMemoryAlarm => broker().control(&["set_vm_memory_high_watermark", "0.00001"]).await,
            Self::BrokerDiskAlarm => broker().control(&["set_disk_free_limit", "1000000GB"]).await,
            Self::QueueDeleted => stage.vhost.delete_queue(names::REFRESH_DUE).await,
            Self::MessagesLost => lose_messages(stage).await,
            Self::BothAway => drop(tokio::join!(database().stop(), broker().kill())),
        }
    }

    /// What goes on while it lasts.
    async fn goes_on(self, stage: &Stage) {
        if self == Self::MessagesLost {
            lose_messages(stage).await;
        }
    }

    async fn end(self, servers: &Servers) {
        let (database, broker) = (servers.database.as_ref(), servers.broker.as_ref());
        let (database, broker) = (|| database.expect("its own"), || broker.expect("its own"));
        match self {
            Self::DatabaseAway | Self::DatabaseKilled => database().start_again().await,
            Self::DatabaseFrozen => database().thaw().await,
            Self::DatabaseReadOnly => database().set_read_only(false).await,
            Self::DatabaseFailsOver => servers.standby.as_ref().expect("it has one").promote().await,
            Self::BrokerAway => broker().start_again().await,
            Self::BrokerFrozen => broker().thaw().await,
            Self::BrokerMemoryAlarm => broker().control(&["set_vm_memory_high_watermark", "0.4"]).await,
            Self::BrokerDiskAlarm => broker().control(&["set_disk_free_limit", "1MB"]).await,
            Self::QueueDeleted | Self::MessagesLost => {}
            Self::BothAway => drop(tokio::join!(database().start_again(), broker().start_again())),
        }
    }
}

async fn lose_messages(stage: &Stage) {
    for queue in [names::REFRESH_DUE, names::REFRESH_DEBUG, names::CONNECT_LOG_STORE] {
        stage.vhost.purge(queue).await;
    }
}

/// A story for each fault; `--only` finds it by its name.
macro_rules! stories {
    ($($(#[$long:meta])? $name:ident: $fault:expr,)+) => {$(
        #[tokio::test]
        $(#[$long])?
        async fn $name() {
            outlive(stringify!($name), $fault).await;
        }
    )+};
}

stories! {
    database_away: Fault::DatabaseAway,
    #[ignore = "minutes: ./deploy/local faults"]
    database_killed: Fault::DatabaseKilled,
    #[ignore = "minutes: ./deploy/local faults"]
    database_frozen: Fault::DatabaseFrozen,
    #[ignore = "minutes: ./deploy/local faults"]
    database_read_only_and_back: Fault::DatabaseReadOnly,
    database_fails_over_to_its_standby: Fault::DatabaseFailsOver,
    #[ignore = "minutes: ./deploy/local faults"]
    broker_killed_and_away: Fault::BrokerAway,
    #[ignore = "minutes: ./deploy/local faults"]
    broker_frozen: Fault::BrokerFrozen,
    #[ignore = "minutes: ./deploy/local faults"]
    broker_in_memory_alarm: Fault::BrokerMemoryAlarm,
    #[ignore = "minutes: ./deploy/local faults"]
    broker_in_disk_alarm: Fault::BrokerDiskAlarm,
    #[ignore = "minutes: ./deploy/local faults"]
    queue_deleted_under_its_consumers: Fault::QueueDeleted,
    #[ignore = "minutes: ./deploy/local faults"]
    all_messages_lost: Fault::MessagesLost,
    both_away: Fault::BothAway,
}

/// The story of each: under load the fault begins, lasts and ends, and then everything is as if it had
/// not been. eBay rotates each refresh token, so that an answer that is lost would cost the account.
async fn outlive(name: &str, fault: Fault) {
    let (servers, mut stage) = set(fault).await;
    if fault == Fault::QueueDeleted {
        // What is published while there is no queue is kept aside, and its account comes again.
        stage.expect_dead_letters(..);
    }
    stage.ebay.set_everywhere(Some(Behaviour::RotateRefreshToken));
    let accounts = stage.bulk(ACCOUNTS + PRESSED).await;
    let (pressed, due) = accounts.split_at(PRESSED);
    let _crew =
        [stage.scheduler().await, stage.worker().await, stage.worker().await, stage.log_writer().await];
    refreshed_since(&stage, None, due, "at first").await;
    let asked = Mutex::new(Vec::new());
    let lasts = length();
    let back = tokio::select! {
        () = load(&stage, due, pressed, &asked) => unreachable!("it goes on for ever"),
        back = run(name, fault, &servers, &stage, lasts, due) => back,
    };
    for attempt in asked.into_inner() {
        stage.entry(attempt).await;
    }
    stage.expect_everybody_runs().await;
    let classes = "select string_agg(class || ' ' || entries, ', ' order by entries desc)
        from (select class, count(*) as entries from connect_logs group by class) c";
    let classes: String = stage.value(classes).await;
    let aside = stage.vhost.depth(names::UNROUTABLE).await;
    stage.finish().await;
    // None is lost, dead or in need of a restart: else the story would not have come to this.
    let (first, all) = (back.first, back.all);
    tell(name, &format!("{}\t{first:.1}\t{all:.1}\t{classes}\t0\t{aside}\t0", lasts.as_secs()));
}

/// How long after the server's first answer refreshes came, in seconds.
struct Back {
    first: f64,
    all: f64,
}

async fn set(fault: Fault) -> (Servers, Stage) {
    let mut servers = Servers { database: None, standby: None, broker: None };
    let (takes_database, takes_broker) = fault.takes();
    let database = if takes_database {
        let database = servers.database.insert(PrivatePostgres::start().await);
        let mut hosts = vec![&*database];
        if fault == Fault::DatabaseFailsOver {
            hosts.push(servers.standby.insert(database.standby().await));
        }
        TestDatabase::on(url_of(&hosts)).await
    } else {
        TestDatabase::migrated().await
    };
    let vhost = if takes_broker {
        TestVhost::on(servers.broker.insert(PrivateBroker::start().await).url().to_owned())
    } else {
        TestVhost::create().await
    };
    let stage = Stage::on(database, vhost).await;
    (servers, stage)
}

/// All accounts are due again and again, and people press.
async fn load(stage: &Stage, due: &[AccountId], pressed: &[AccountId], asked: &Mutex<Vec<AttemptId>>) {
    let by = stage.user.to_string();
    for round in 0.. {
        // While the database is away nobody can ask.
        drop(stage.store.make_due(due, Source::Scheduled, None).await);
        let account = pressed[round % pressed.len()];
        let publisher = stage.broker.publisher();
        if let Ok(request) = request_refresh(&stage.store, publisher, account, Source::Debug, &by).await {
            asked.lock().await.push(request.attempt);
        }
        let_pass(ROUND).await;
    }
}

async fn run(
    name: &str,
    fault: Fault,
    servers: &Servers,
    stage: &Stage,
    lasts: Duration,
    due: &[AccountId],
) -> Back {
    let_pass(2 * ROUND).await;
    fault.begin(servers, stage).await;
    let (began, mut told) = (Instant::now(), Duration::ZERO);
    while began.elapsed() < lasts {
        fault.goes_on(stage).await;
        let_pass(ROUND.min(lasts.saturating_sub(began.elapsed()))).await;
        if began.elapsed() >= told + TOLD {
            told = began.elapsed();
            println!("{name}: {} of {} s", told.as_secs(), lasts.as_secs());
        }
    }
    fault.end(servers).await;
    come_true("the servers answer", async || answers(stage).await).await;
    let (answered, since) = (Instant::now(), stage.value("select clock()").await);
    refreshed_since(stage, Some(since), &due[..0], "the first account").await;
    let first = answered.elapsed();
    refreshed_since(stage, Some(since), due, "all accounts").await;
    let back = Back { first: first.as_secs_f64(), all: answered.elapsed().as_secs_f64() };
    assert!(first <= BACK_WITHIN || !told_at_length(), "{name}: the first refresh came after {first:?}");
    if let (Fault::DatabaseFailsOver, Some(old), Some(new)) = (fault, &servers.database, &servers.standby) {
        old.follow(new).await;
    }
    back
}

async fn answers(stage: &Stage) -> bool {
    stage.store.clock().await.is_ok() && stage.broker.queue_status().await.is_ok()
}

/// Waits until each of `accounts`, or whichever, was refreshed since.
async fn refreshed_since(stage: &Stage, since: Option<DateTime<Utc>>, accounts: &[AccountId], what: &str) {
    let ids: Vec<_> = accounts.iter().map(|account| account.0).collect();
    let wanted = i64::try_from(ids.len().max(1)).expect("few");
    let refreshed = "select count(distinct account_id) from connect_logs where class = 'refreshed'
        and ($1::timestamptz is null or created_at > $1) and (cardinality($2::uuid[]) = 0 or account_id = any($2))";
    let client = stage.database.connect().await;
    eventually_within(ALL_WITHIN, &format!("{what} refreshed"), || async {
        let row = client.query_one(refreshed, &[&since, &ids]).await.expect("the query is good");
        (row.get::<_, i64>(0) >= wanted).then_some(())
    })
    .await;
}

/// How long a fault lasts.
fn length() -> Duration {
    Duration::from_secs(setting("FAULT_SECONDS").map_or(12, |text| text.parse().expect("whole seconds")))
}

/// Whether this is the table's run, with the machine to itself.
fn told_at_length() -> bool {
    setting("FAULTS_TABLE").is_some()
}

/// Adds a line to the table that `./deploy/local faults` shows.
fn tell(name: &str, line: &str) {
    println!("{name}: {line}");
    if let Some(table) = setting("FAULTS_TABLE") {
        let mut table = std::fs::File::options().append(true).create(true).open(table).expect("the table");
        writeln!(table, "{name}\t{line}").expect("the table can be written");
    }
}

#[expect(clippy::disallowed_methods, reason = "how long the tests take is not the program's configuration")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
