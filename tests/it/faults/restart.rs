//! A broker that is killed under load, once with and once without its data.

use token_refresh::{
    domain::account::{AccountId, AttemptId},
    fake_ebay::Behaviour,
};

use super::{broker, expect_accounted, expect_all_refreshed, expect_stored, make_all_due, rested_sellers};
use crate::support::{private_broker::PrivateBroker, stage::Stage};

const ACCOUNTS: usize = 300;
const PRESSES: usize = 5;

#[tokio::test]
async fn g1_a_broker_that_is_killed_and_loses_its_data_loses_no_attempt() {
    let (private, stage) = tokio::join!(PrivateBroker::start(), Stage::set());
    // Two workers of four slots need some seconds for all accounts.
    stage.ebay.set_everywhere(Some(Behaviour::Slow(100)));
    let due = rested_sellers(&stage, "due", ACCOUNTS).await;
    let pressed = rested_sellers(&stage, "pressed", 2 * PRESSES).await;
    // Longer than the few slots need for all accounts while a broker boots beside them.
    let _roles = broker::scheduler_that_waits(&stage, private.url(), "20s").await;
    let _workers = [
        broker::worker_with_few_slots(&stage, private.url()).await,
        broker::worker_with_few_slots(&stage, private.url()).await,
    ];
    let (first, second) = pressed.split_at(PRESSES);

    let mut attempts = under_load(&stage, &due, first, 1, async || {
        private.kill().await;
        private.start_again().await;
    })
    .await;
    let more = under_load(&stage, &due, second, 2, async || {
        private.kill().await;
        private.lose_data();
        private.start_again().await;
    })
    .await;
    attempts.extend(more);

    expect_stored(&stage, &attempts).await;
    expect_accounted(&stage).await;
    stage.finish().await;
}

/// Makes all accounts due, runs `fault` in the middle of their refreshes, presses meanwhile, and
/// waits until all are refreshed for the `round`th time.
async fn under_load(
    stage: &Stage,
    due: &[AccountId],
    pressed: &[AccountId],
    round: usize,
    fault: impl AsyncFnOnce(),
) -> Vec<AttemptId> {
    let before = stage.ebay.calls().len();
    make_all_due(stage, due).await;
    stage.expect_calls(|calls| calls.len() > before + ACCOUNTS / 4).await;
    let pressing = async {
        let mut attempts = Vec::new();
        for account in pressed {
            attempts.push(broker::press(stage, *account).await);
        }
        attempts
    };
    let (attempts, ()) = tokio::join!(pressing, fault());
    expect_all_refreshed(stage, due, round).await;
    attempts
}
