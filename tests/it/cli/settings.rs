//! Settings that make no sense are refused before anything starts, by their name.

use crate::support::stage::Stage;

#[tokio::test]
async fn a_duration_or_count_of_nothing_is_refused_by_name() {
    let stage = Stage::set().await;
    for (role, flag, value, said) in [
        ("scheduler", "--tick", "0s", "shorter than 100ms"),
        ("scheduler", "--claim-within", "0s", "shorter than 100ms"),
        ("scheduler", "--queue-target", "0", "less than 1"),
        ("scheduler", "--retry-base", "0s", "shorter than 100ms"),
        ("scheduler", "--retry-max", "0s", "shorter than 100ms"),
        ("scheduler", "--refresh-before", "1000000years", "longer than 365days"),
        ("scheduler", "--tick", "1000000years", "longer than 365days"),
        ("worker", "--call-timeout", "0s", "shorter than 100ms"),
        ("worker", "--lease", "0s", "shorter than 100ms"),
    ] {
        stage.run(&[role, flag, value]).await.misused().says(flag).says(said).hides("started");
    }
    stage.finish().await;
}
