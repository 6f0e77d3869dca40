//! The main job: accounts are refreshed on schedule and by hand, and every attempt is seen.

use token_refresh::{
    domain::{
        account::Status,
        class::{Class, Sent},
    },
    message::{Action, Source},
};

use crate::support::stage::Stage;

#[tokio::test]
async fn a_due_account_and_a_debug_press_take_the_same_way() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    let _crew = stage.crew().await;

    let debug = stage.entry(stage.debug(account).await).await;
    assert_eq!((debug.source, debug.action), (Source::Debug, Action::TokenRefreshDebug));
    assert_eq!((debug.class, debug.sent), (Class::Refreshed, Sent::Yes));
    assert_eq!(debug.triggered_by.as_deref(), Some(stage.user.to_string().as_str()));

    stage.make_due(account).await;
    let scheduled = stage.expect_entry(account, |entry| entry.source == Source::Scheduled).await;
    assert_eq!((scheduled.action, scheduled.class), (Action::TokenRefreshed, Class::Refreshed));

    let (debug, scheduled) = (debug.request.expect("it was sent"), scheduled.request.expect("it was sent"));
    assert_eq!(debug, scheduled, "one builder: the two requests are equal, fingerprint included");
    assert!(debug.body["refresh_token"].starts_with("v^1.1#i^…("), "{}", debug.body["refresh_token"]);
    assert_eq!(stage.status(account).await.status, Status::Ok);
    assert_eq!(stage.ebay.violations(), []);
    stage.expect_settled().await;
    stage.finish().await;
}
