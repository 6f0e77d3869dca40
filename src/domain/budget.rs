//! The daily quota as a budget (G10): how many accounts a keyset can keep always fresh, when its
//! calls run out at this pace, and which accounts to keep fresh if they do not last. Pure.
//!
//! eBay grants 50,000 refreshes a day per application (OAuth rate limits). An account with two-hour
//! tokens costs about 13 a day, so a keyset keeps about 3,600 accounts always fresh. Where there are
//! more, those that nobody has used lately are demoted: fresh on demand, and one refresh a day so
//! that a dead grant is noticed.

use std::time::Duration;

use serde::Serialize;

/// How long eBay's access tokens live (doc: `expires_in` 7200).
pub const TOKEN_LIFE: Duration = Duration::from_secs(7_200);
/// Part of the lane that is planned with; the rest is for retries.
const PLANNED: f64 = 0.95;
/// Calls a day of a demoted account at the most.
const DEMOTED_CALLS: f64 = 1.0;
const DAY_SECS: f64 = 86_400.0;

/// A keyset's day as counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Calls that may begin in any 24 hours.
    pub daily_quota: i64,
    /// Of these, those kept for people's debug runs.
    pub debug_reserve: i64,
    /// Scheduled calls begun in the last 24 hours.
    pub scheduled_calls: i64,
    /// Scheduled calls begun in the last hour.
    pub calls_last_hour: i64,
    /// Accounts that are to be kept fresh.
    pub accounts: i64,
}

impl Day {
    /// Scheduled calls that may begin in any 24 hours.
    fn lane(&self) -> i64 {
        (self.daily_quota - self.debug_reserve).max(0)
    }

    fn left(&self) -> i64 {
        (self.lane() - self.scheduled_calls).max(0)
    }

    /// Seconds until the calls are spent at the last hour's pace; none if they last.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "counts far below 2^52")]
    pub fn exhausted_in_seconds(&self) -> Option<i64> {
        let (left, pace) = (self.left() as f64, self.calls_last_hour as f64);
        if left == 0.0 {
            return Some(0);
        }
        (pace * 24.0 > self.lane() as f64).then(|| (left / pace * 3_600.0) as i64)
    }
}

/// What comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Forecast {
    /// Scheduled calls that may still begin.
    pub left: i64,
    /// Calls a day that keeping every account always fresh needs.
    pub needed_per_day: i64,
    /// Accounts that this keyset can keep always fresh.
    pub capacity: i64,
    /// Accounts to keep always fresh; the others are demoted.
    pub keep_fresh: i64,
    /// Seconds until the calls are spent at the last hour's pace; none if they last.
    pub exhausted_in_seconds: Option<i64>,
}

/// Looks ahead. `lead` is how long before its end a token is refreshed.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "counts far below 2^52")]
pub fn forecast(day: &Day, lead: Duration) -> Forecast {
    let planned = day.lane() as f64 * PLANNED;
    let per_account = calls_per_day(lead);
    let needed = per_account * day.accounts as f64;
    let keep_fresh = if needed <= planned {
        day.accounts
    } else {
        let room = planned - DEMOTED_CALLS * day.accounts as f64;
        ((room / (per_account - DEMOTED_CALLS)).floor() as i64).clamp(0, day.accounts)
    };
    Forecast {
        left: day.left(),
        needed_per_day: needed.ceil() as i64,
        capacity: (planned / per_account).floor() as i64,
        keep_fresh,
        exhausted_in_seconds: day.exhausted_in_seconds(),
    }
}

/// Refreshes a day of an account that is always fresh: the lead, and on average a quarter of it for
/// the spread, are cut from every token's life.
fn calls_per_day(lead: Duration) -> f64 {
    let used = TOKEN_LIFE.as_secs_f64() - lead.as_secs_f64() * 1.25;
    DAY_SECS / used.max(TOKEN_LIFE.as_secs_f64() / 20.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAD: Duration = Duration::from_secs(600);

    fn day(accounts: i64) -> Day {
        Day { daily_quota: 50_000, debug_reserve: 2_500, scheduled_calls: 0, calls_last_hour: 0, accounts }
    }

    #[test]
    fn g10_a_keyset_keeps_about_3300_accounts_always_fresh() {
        let forecast = forecast(&day(3_000), LEAD);
        assert_eq!((forecast.capacity, forecast.keep_fresh), (3_368, 3_000));
        assert_eq!(forecast.exhausted_in_seconds, None);
    }

    #[test]
    fn g10_what_is_kept_fresh_and_what_is_demoted_fit_the_day() {
        for accounts in [3_500, 5_000, 10_000, 40_000, 200_000] {
            let forecast = forecast(&day(accounts), LEAD);
            #[expect(clippy::cast_precision_loss, reason = "small counts")]
            let cost = calls_per_day(LEAD) * forecast.keep_fresh as f64
                + DEMOTED_CALLS * (accounts - forecast.keep_fresh) as f64;
            assert!(cost <= 47_500.0 || forecast.keep_fresh == 0, "{accounts}: {cost}");
        }
    }

    #[test]
    fn exhaustion_is_foretold_by_the_last_hour() {
        let day = Day { scheduled_calls: 27_500, calls_last_hour: 5_000, ..day(5_000) };
        assert_eq!(forecast(&day, LEAD).exhausted_in_seconds, Some(14_400));
    }

    /// Days of many accounts on a simulated clock: what the policy costs, and how stale it lets tokens get.
    #[test]
    fn g10_days_of_ten_thousand_accounts_stay_within_the_day() {
        for accounts in [1_000_usize, 3_300, 10_000] {
            let run = Simulation::run(accounts, 3);
            println!(
                "{accounts} accounts: {} calls a day at most, {} kept fresh, stale {:.2} % of the time, {} exhausted hours",
                run.most_calls, run.kept_fresh, run.stale_percent, run.exhausted_hours
            );
            assert!(run.most_calls <= 47_500, "{accounts}: {}", run.most_calls);
            assert_eq!(run.exhausted_hours, 0, "{accounts}");
            assert!(run.stale_percent < 0.01, "{accounts}: {}", run.stale_percent);
        }
    }

    struct Simulation {
        most_calls: usize,
        kept_fresh: usize,
        /// Of the accounts that are to be kept fresh.
        stale_percent: f64,
        exhausted_hours: usize,
    }

    impl Simulation {
        /// All accounts are imported at once; each is refreshed by the policy's own rules.
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_possible_wrap,
            clippy::cast_sign_loss,
            reason = "small counts"
        )]
        fn run(accounts: usize, days: u64) -> Self {
            let kept_fresh = forecast(&day(accounts as i64), LEAD).keep_fresh as usize;
            let minutes = days * 1_440;
            let mut calls = vec![0_usize; minutes as usize];
            let (mut stale, mut looked) = (0_u64, 0_u64);
            for account in 0..accounts {
                let spread = (account as f64 * 0.618_033_988_7).fract();
                let fresh = account < kept_fresh;
                // The import's wave is spread over its first hour by the workers.
                let mut at = 60.0 * account as f64 / accounts as f64;
                let mut expires = 0.0;
                while at < minutes as f64 {
                    if fresh && expires > 0.0 {
                        looked += 1;
                        stale += u64::from(at > expires);
                    }
                    calls[at as usize] += 1;
                    expires = at + 120.0;
                    at += if fresh { 110.0 - 5.0 * spread } else { 1_440.0 * (1.0 + spread / 10.0) };
                }
            }
            let sliding: Vec<usize> =
                (0..calls.len()).map(|end| calls[end.saturating_sub(1_439)..=end].iter().sum()).collect();
            let most_calls = sliding.iter().copied().max().unwrap_or(0);
            let exhausted_hours =
                sliding.chunks(60).filter(|hour| hour.iter().any(|calls| *calls > 47_500)).count();
            Self {
                most_calls,
                kept_fresh,
                stale_percent: 100.0 * stale as f64 / looked.max(1) as f64,
                exhausted_hours,
            }
        }
    }
}
