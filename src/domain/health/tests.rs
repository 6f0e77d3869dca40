use std::time::Duration;

use super::*;
use crate::domain::breaker::KeysetState;

/// A fleet in which all is well, as its operator sees it.
fn well() -> Figures {
    Figures {
        count: Some(Count { all: 12_003, paused: 3, last_success_age: Some(secs(5)) }),
        workers: 2,
        processes: Some(Processes {
            schedulers: 1,
            log_writers: 1,
            versions: vec!["1.0 abc".into()],
            key_sets: 1,
            ..Processes::default()
        }),
        tick_age: Some(secs(1)),
        broker: Broker::Answers(vec![("refresh.due.dead".into(), 0)]),
        keysets: vec![keyset()],
        ..Figures::default()
    }
}

/// The same, as a member of an org sees it.
fn seen_by_member() -> Figures {
    Figures { processes: None, broker: Broker::NotAsked, ..well() }
}

fn keyset() -> Keyset {
    Keyset {
        name: "App (production)".into(),
        state: KeysetState::Ready,
        reason: None,
        calls: 100,
        daily_quota: 50_000,
        exhausted_in: None,
        demoted: 0,
    }
}

fn with(change: impl FnOnce(&mut Figures)) -> Figures {
    let mut figures = well();
    change(&mut figures);
    figures
}

fn with_processes(change: impl FnOnce(&mut Processes)) -> Figures {
    with(|figures| change(figures.processes.as_mut().expect("an operator's figures")))
}

fn with_keyset(change: impl FnOnce(&mut Keyset)) -> Figures {
    with(|figures| change(&mut figures.keysets[0]))
}

fn with_accounts(accounts: Accounts) -> Figures {
    with(|figures| figures.accounts = accounts)
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What is found, by which figures, and what is said of it.
type Row = (Kind, Figures, &'static str);

/// Everything that can be found, each alone.
fn table() -> Vec<Row> {
    [of_the_fleet(), of_processes(), of_keysets(), of_accounts()].concat()
}

fn of_the_fleet() -> Vec<Row> {
    vec![
        (Kind::NoWorker, with(|f| f.workers = 0), "No worker is live: nothing is refreshed"),
        (Kind::BrokerAway, with(|f| f.broker = Broker::Away), "The broker does not answer"),
        (
            Kind::TickLate,
            with(|f| f.tick_age = Some(secs(31))),
            "The scheduler last finished a tick 31 s ago: accounts that are due wait",
        ),
        (
            Kind::TickLate,
            with(|f| f.tick_age = None),
            "The scheduler has not finished a tick: accounts that are due wait",
        ),
        (
            Kind::OutboxLate,
            with(|f| f.outbox_age = Some(secs(7_500))),
            "Entries wait to be stored for 2 h 5 min: the newest may not be shown",
        ),
        (Kind::Missing, with(|f| f.missing = 1_000), "1,000 attempts without an entry"),
        (Kind::Missing, with(|f| f.missing = -1), "1 entry without an attempt"),
        (
            Kind::DeadLetters,
            with(|f| f.broker = Broker::Answers(vec![("unroutable".into(), 0), ("a.dead".into(), 2)])),
            "2 dead letters in a.dead",
        ),
        (
            Kind::FeedInterrupted,
            with(|f| f.feed_interrupted = true),
            "The live feed is interrupted: entries come a little later",
        ),
    ]
}

fn of_processes() -> Vec<Row> {
    vec![
        (
            Kind::NoScheduler,
            with_processes(|p| p.schedulers = 0),
            "No scheduler is live: accounts that are due wait",
        ),
        (
            Kind::NoLogWriter,
            with_processes(|p| p.log_writers = 0),
            "No log-writer is live: entries wait to be stored",
        ),
        (Kind::KeysDiffer, with_processes(|p| p.key_sets = 2), "Live processes hold different keys"),
        (
            Kind::VersionsDiffer,
            with_processes(|p| p.versions.push("2.0 def".into())),
            "2 versions run side by side: 1.0 abc, 2.0 def",
        ),
        (
            Kind::NotTaking,
            with_processes(|p| p.not_taking.push("w1 takes no work: the database is away: gone".into())),
            "w1 takes no work: the database is away: gone",
        ),
        (
            Kind::ClockStep,
            with_processes(|p| p.clock_step = Some(ClockStep { seconds: 40, age: secs(7) })),
            "The database's clock jumped ahead by 40 s, 7 s ago: calls of one account may have overlapped",
        ),
        (
            Kind::ClockStep,
            with_processes(|p| p.clock_step = Some(ClockStep { seconds: -7_500, age: secs(7) })),
            "The database's clock jumped back by 2 h 5 min, 7 s ago: calls of one account may have overlapped",
        ),
        (Kind::Silent, with_processes(|p| p.silent = 1), "1 process fell silent without stopping"),
    ]
}

fn of_keysets() -> Vec<Row> {
    vec![
        (
            Kind::KeysetBlocked,
            with_keyset(|k| k.state = KeysetState::Blocked),
            "eBay does not accept the credentials of keyset App (production)",
        ),
        (
            Kind::KeysetSuspended,
            with_keyset(|k| (k.state, k.reason) = (KeysetState::Suspended, Some("HTTP 503".into()))),
            "Keyset App (production) is suspended: HTTP 503",
        ),
        (
            Kind::QuotaSpent,
            with_keyset(|k| (k.calls, k.exhausted_in) = (49_000, Some(secs(0)))),
            "The daily calls of App (production) are spent",
        ),
        (
            Kind::QuotaEnding,
            with_keyset(|k| k.exhausted_in = Some(secs(3_600))),
            "At this pace the daily calls of App (production) are spent in 60 min",
        ),
        (
            Kind::QuotaEnding,
            with_keyset(|k| (k.calls, k.exhausted_in) = (40_000, Some(secs(18_000)))),
            "80 % of the daily calls of App (production) are spent",
        ),
        (
            Kind::Demoted,
            with_keyset(|k| k.demoted = 1),
            "1 account of App (production) is refreshed once a day only, for want of calls",
        ),
    ]
}

fn of_accounts() -> Vec<Row> {
    let none = Accounts::default();
    vec![
        (
            Kind::Overdue,
            with_accounts(Accounts { overdue: 1, ..none }),
            "1 account has no valid token and waits for a refresh",
        ),
        (Kind::Expired, with_accounts(Accounts { expired: 2, ..none }), "2 accounts have no valid token"),
        (
            Kind::Blocked,
            with_accounts(Accounts { blocked: 2, ..none }),
            "2 accounts are blocked by a key or keyset",
        ),
        (
            Kind::ReconnectRequired,
            with_accounts(Accounts { reconnect_required: 1, ..none }),
            "1 account must be connected again by the seller",
        ),
        (
            Kind::Ending,
            with_accounts(Accounts { ending: 1, ..none }),
            "1 account must be connected again within 30 days",
        ),
        (
            Kind::Failing,
            with_accounts(Accounts { failing: 3, ..none }),
            "3 accounts failed last time, still with a valid token",
        ),
    ]
}

#[test]
fn each_rule_finds_its_own_and_nothing_else() {
    for (kind, figures, text) in table() {
        let found = judge(&figures);
        let told: Vec<(Kind, &str)> =
            found.iter().map(|finding| (finding.kind, finding.text.as_str())).collect();
        assert_eq!(told, [(kind, text)]);
        assert_eq!(found[0].weight, kind.weight());
        assert!(found[0].remedy.contains("`token-refresh"), "{}", found[0].remedy);
    }
    for kind in Kind::ALL {
        assert!(table().iter().any(|(found, ..)| found == kind), "{kind} is found by no rule");
    }
}

#[test]
fn what_is_well_is_not_found() {
    for figures in [
        well(),
        seen_by_member(),
        with(|f| f.tick_age = Some(LATE)),
        with(|f| f.outbox_age = Some(LATE)),
        with(|f| f.broker = Broker::NotAsked),
        with_keyset(|k| k.calls = 39_999),
        with_keyset(|k| k.exhausted_in = Some(secs(4 * 3_600))),
    ] {
        assert_eq!(judge(&figures), [], "{figures:?}");
    }
}

#[test]
fn the_weightiest_comes_first_and_users_before_causes() {
    let mut figures =
        with_accounts(Accounts { overdue: 7, failing: 1, reconnect_required: 1, ..Accounts::default() });
    figures.workers = 0;
    figures.missing = 1;
    let found = judge(&figures);
    let kinds: Vec<Kind> = found.iter().map(|finding| finding.kind).collect();
    let expected = [Kind::Overdue, Kind::NoWorker, Kind::Missing, Kind::ReconnectRequired, Kind::Failing];
    assert_eq!(kinds, expected);
    assert_eq!(
        headline(&figures, &found),
        "7 accounts have no valid token and wait for a refresh; and 3 more things to see to."
    );
}

#[test]
fn a_scheduler_that_is_gone_is_not_late_as_well() {
    let figures = with(|f| f.tick_age = Some(secs(900)));
    let gone = Figures {
        processes: figures.processes.clone().map(|processes| Processes { schedulers: 0, ..processes }),
        ..figures
    };
    assert_eq!(judge(&gone).iter().map(|finding| finding.kind).collect::<Vec<_>>(), [Kind::NoScheduler]);
}

#[test]
fn a_member_is_told_whom_to_ask() {
    let mut figures = seen_by_member();
    (figures.workers, figures.tick_age, figures.missing) = (0, Some(secs(60)), 1);
    figures.accounts.ending = 1;
    let found: Vec<_> = judge(&figures).into_iter().map(|finding| (finding.kind, finding.remedy)).collect();
    let tell = || "tell the operator".to_owned();
    let ask = "ask the sellers to connect again".to_owned();
    let expected =
        [(Kind::NoWorker, tell()), (Kind::TickLate, tell()), (Kind::Missing, tell()), (Kind::Ending, ask)];
    assert_eq!(found, expected);
}

#[test]
fn all_well_says_how_many_and_how_lately() {
    let count = |all, paused| {
        let count = Some(Count { all, paused, last_success_age: None });
        headline(&Figures { count, ..seen_by_member() }, &[])
    };
    assert_eq!(count(0, 0), "No accounts yet; 2 workers.");
    assert_eq!(count(1, 0), "The one account is fresh; 2 workers.");
    assert_eq!(count(2, 2), "Every account is paused; 2 workers.");
    let all = "All 12,000 accounts fresh; 3 paused; last refresh 5 s ago; 2 workers, one version.";
    assert_eq!(headline(&well(), &[]), all);
    let uncounted = with(|figures| figures.count = None);
    assert_eq!(headline(&uncounted, &[]), "All is well; 2 workers, one version.");
    let noted = with_processes(|processes| processes.silent = 1);
    assert_eq!(headline(&noted, &judge(&noted)), all, "a note spoils nothing");
}
