//! Everything at once: a mean eBay, and workers that are killed and started again every second.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use token_refresh::{domain::account::AttemptId, fake_ebay::Call};

use super::{Viewer, expect_accounted, make_all_due, rested_sellers};
use crate::support::{
    let_pass,
    stage::{Actor, Stage},
};

const ACCOUNTS: usize = 100;
const WORKERS: usize = 3;
const KILLS: u64 = 15;
/// Without rotated refresh tokens: one that dies with its worker between answer and finish is lost for
/// good, and eBay does not rotate.
const MIXTURE: &str = "healthy=63,slow:400=10,cut=8,unavailable_503=8,html_200=5,half_answer=3,hang=3";

/// Notes every lease that is taken from another attempt instead of being closed first.
const WATCH_LEASES: &str = "
    create table leases_seized (account uuid, held uuid, seizing uuid);
    create function note_seizure() returns trigger language plpgsql as $$
    begin
        insert into leases_seized values (new.account_id, old.lease_attempt, new.lease_attempt);
        return null;
    end $$;
    create trigger note_seizure after update on refresh_state for each row
        when (old.lease_attempt <> new.lease_attempt) execute function note_seizure();";

#[tokio::test]
async fn g1_g2_nothing_is_lost_doubled_or_overlapping_while_workers_are_killed_every_second() {
    let stage = Stage::set().await;
    stage.sql(WATCH_LEASES).await;
    stage.ebay.set_random(Some(MIXTURE.parse().expect("a mixture")));
    // Tokens that are used up at once keep the healthy accounts busy.
    stage.ebay.set_expires_in(Some(20));
    let accounts = rested_sellers(&stage, "seller", ACCOUNTS).await;
    let viewer = Viewer::of(&stage).await;
    let (_scheduler, writer) = (stage.scheduler().await, stage.log_writer().await);
    let mut workers: Vec<Actor> = Vec::new();
    for _ in 0..WORKERS {
        workers.push(stage.worker().await);
    }
    make_all_due(&stage, &accounts).await;
    let mut random = StdRng::seed_from_u64(20);
    for second in 0..KILLS {
        let pressed = accounts[random.random_range(0..ACCOUNTS)];
        stage.debug(pressed).await;
        let_pass(Duration::from_millis(random.random_range(300..1_000))).await;
        let victim = random.random_range(0..WORKERS);
        workers[victim].kill().await;
        workers[victim] = stage.worker().await;
        if second % 3 == 0 {
            make_all_due(&stage, &accounts).await;
        }
    }
    stage.pause_everybody().await;
    stage.ebay.set_random(None);

    let tally = expect_accounted(&stage).await;
    assert!(tally.joined > ACCOUNTS && tally.interrupted > 0, "{tally:?}");
    assert_eq!(stage.value::<i64>("select count(*) from leases_seized").await, 0);
    let entries = stage.entries().await;
    expect_no_overlap(&stage.ebay.calls());
    let persisted: HashSet<AttemptId> = entries.iter().map(|entry| entry.id).collect();
    let live: HashSet<AttemptId> = viewer.seen().into_iter().collect();
    assert!(live.is_subset(&persisted), "what was shown live is stored");
    let unseen = persisted.difference(&live).count();
    let relayed = relayed(&writer);
    println!("{KILLS} kills, {} seen live, {relayed} relayed", live.len());
    assert!(unseen <= relayed, "{unseen} entries were stored though nobody brought them, {relayed} relayed");
    stage.finish().await;
}

/// No two calls of one account overlap, whatever their entries say: a killed worker's call ends with it,
/// long before its lease.
fn expect_no_overlap(calls: &[Call]) {
    let mut by_account: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
    for call in calls {
        by_account.entry(call.username.as_deref().unwrap_or_default()).or_default().push(call);
    }
    for (account, calls) in by_account {
        for pair in calls.windows(2) {
            let ended = pair[0].ended.expect("all calls have ended");
            assert!(ended <= pair[1].started, "{account}: {pair:?}");
        }
    }
}

/// How many entries the log-writer's relay says it stored.
fn relayed(writer: &Actor) -> usize {
    let lines = writer.output();
    let relays = lines.lines().filter(|line| line.contains("stored from the outbox"));
    relays
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).expect("logs are JSON");
            usize::try_from(line["entries"].as_u64().expect("it says how many")).expect("few")
        })
        .sum()
}
