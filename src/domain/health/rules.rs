//! The rules, each once.

use std::time::Duration;

use super::{
    figures::{Accounts, Broker, Count, ENDS_SOON_DAYS, Figures, Keyset, LATE, Processes},
    finding::{Finding, Kind, Weight},
    words::{count, grouped, span},
};
use crate::domain::breaker::KeysetState;

/// A keyset whose calls are spent within this time is told of.
const SPENT_SOON: Duration = Duration::from_secs(4 * 3_600);
/// So is one that has spent this part of them.
const SPENT_PERCENT: i64 = 80;
/// What those do who cannot mend the fleet themselves.
const TELL: &str = "tell the operator";

/// What is wrong, the weightiest first; nothing if all is well.
pub fn judge(figures: &Figures) -> Vec<Finding> {
    let mut found = Findings { all: Vec::new(), operator: figures.processes.is_some() };
    found.fleet(figures);
    found.broker(&figures.broker);
    found.accounts(&figures.accounts);
    for keyset in &figures.keysets {
        found.keyset(keyset);
    }
    found.all.sort_by_key(|finding| (finding.weight, finding.kind));
    found.all
}

/// The whole in a sentence: all is well, or what weighs most.
pub fn headline(figures: &Figures, findings: &[Finding]) -> String {
    let mut weighty = findings.iter().filter(|finding| finding.weight < Weight::Note);
    let Some(first) = weighty.next() else { return all_well(figures) };
    match i64::try_from(weighty.count()).unwrap_or(i64::MAX) {
        0 => format!("{}.", first.text),
        more => format!("{}; and {} to see to.", first.text, count(more, "more thing", "more things")),
    }
}

fn all_well(figures: &Figures) -> String {
    let mut said = Vec::new();
    match figures.count {
        None => said.push("All is well".to_owned()),
        Some(Count { all, paused, last_success_age }) => {
            let fresh = all - paused;
            said.push(match (all, fresh) {
                (0, _) => "No accounts yet".to_owned(),
                (_, 0) => "Every account is paused".to_owned(),
                (_, 1) => "The one account is fresh".to_owned(),
                _ => format!("All {} accounts fresh", grouped(fresh)),
            });
            if paused > 0 && fresh > 0 {
                said.push(format!("{} paused", grouped(paused)));
            }
            said.extend(last_success_age.map(|age| format!("last refresh {} ago", span(age))));
        }
    }
    let one = figures.processes.as_ref().is_some_and(|processes| processes.versions.len() == 1);
    said.push(count(figures.workers, "worker", "workers") + if one { ", one version" } else { "" });
    format!("{}.", said.join("; "))
}

struct Findings {
    all: Vec<Finding>,
    /// Whether the reader can mend the fleet.
    operator: bool,
}

impl Findings {
    fn add(&mut self, kind: Kind, text: impl Into<String>, remedy: impl Into<String>) {
        self.all.push(Finding { weight: kind.weight(), kind, text: text.into(), remedy: remedy.into() });
    }

    /// What only an operator can mend.
    fn add_of_fleet(&mut self, kind: Kind, text: impl Into<String>, remedy: &str) {
        self.add(kind, text, if self.operator { remedy } else { TELL });
    }

    fn fleet(&mut self, figures: &Figures) {
        if figures.workers == 0 {
            let text = "No worker is live: nothing is refreshed";
            self.add_of_fleet(Kind::NoWorker, text, "start `token-refresh worker`");
        }
        let schedulers = figures.processes.as_ref().map(|processes| processes.schedulers);
        if schedulers == Some(0) {
            let text = "No scheduler is live: accounts that are due wait";
            self.add_of_fleet(Kind::NoScheduler, text, "start `token-refresh scheduler`");
        } else if figures.tick_age.is_none_or(|age| age > LATE) {
            let text = figures.tick_age.map_or_else(
                || "The scheduler has not finished a tick: accounts that are due wait".to_owned(),
                |age| {
                    format!(
                        "The scheduler last finished a tick {} ago: accounts that are due wait",
                        span(age)
                    )
                },
            );
            let remedy = "see the scheduler's log; `token-refresh doctor` checks what it needs";
            self.add_of_fleet(Kind::TickLate, text, remedy);
        }
        let log_writers = figures.processes.as_ref().map(|processes| processes.log_writers);
        if log_writers == Some(0) {
            let text = "No log-writer is live: entries wait to be stored";
            self.add_of_fleet(Kind::NoLogWriter, text, "start `token-refresh log-writer`");
        } else if let Some(age) = figures.outbox_age.filter(|age| *age > LATE) {
            let text = format!("Entries wait to be stored for {}: the newest may not be shown", span(age));
            let remedy = "see the log-writer's log, or start another `token-refresh log-writer`";
            self.add_of_fleet(Kind::OutboxLate, text, remedy);
        }
        if figures.missing != 0 {
            let text = match figures.missing {
                missing @ 1.. => format!("{} without an entry", count(missing, "attempt", "attempts")),
                missing => format!("{} without an attempt", count(-missing, "entry", "entries")),
            };
            let remedy = "see the log-writer's log; `token-refresh terminal` shows the balance";
            self.add_of_fleet(Kind::Missing, text, remedy);
        }
        if figures.feed_interrupted {
            let text = "The live feed is interrupted: entries come a little later";
            self.add_of_fleet(Kind::FeedInterrupted, text, "`token-refresh doctor` checks the broker");
        }
        if let Some(processes) = &figures.processes {
            self.processes(processes);
        }
    }

    fn processes(&mut self, processes: &Processes) {
        for worker in &processes.not_taking {
            let remedy =
                "`token-refresh doctor` checks the database; the worker takes work again when it is well";
            self.add(Kind::NotTaking, worker.as_str(), remedy);
        }
        if processes.versions.len() > 1 {
            let (versions, names) = (processes.versions.len(), processes.versions.join(", "));
            let remedy = "restart what runs the older; `token-refresh doctor` tells when none is left";
            self.add(Kind::VersionsDiffer, format!("{versions} versions run side by side: {names}"), remedy);
        }
        if processes.key_sets > 1 {
            let remedy =
                "give every process the same TOKEN_KEYS; `token-refresh keys verify` names those in use";
            self.add(Kind::KeysDiffer, "Live processes hold different keys", remedy);
        }
        if let Some(step) = processes.clock_step {
            let way = if step.seconds < 0 { "back" } else { "ahead" };
            let (by, ago) = (span(Duration::from_secs(step.seconds.unsigned_abs())), span(step.age));
            let text = format!(
                "The database's clock jumped {way} by {by}, {ago} ago: calls of one account may have overlapped"
            );
            let remedy = "let its host set the clock gently; `token-refresh doctor` tells this for an hour";
            self.add(Kind::ClockStep, text, remedy);
        }
        if processes.silent > 0 {
            let who = count(processes.silent, "process", "processes");
            let remedy = "see the log; `token-refresh doctor` tells whether a role is missing";
            self.add(Kind::Silent, format!("{who} fell silent without stopping"), remedy);
        }
    }

    fn broker(&mut self, broker: &Broker) {
        match broker {
            Broker::NotAsked => {}
            Broker::Away => {
                let remedy = "check AMQP_URL and that RabbitMQ runs, with `token-refresh doctor`";
                self.add(Kind::BrokerAway, "The broker does not answer", remedy);
            }
            Broker::Answers(dead) => {
                for (queue, messages) in dead.iter().filter(|(_, messages)| *messages > 0) {
                    let letters = count((*messages).into(), "dead letter", "dead letters");
                    let remedy =
                        "read them on the page of `token-refresh admin`, then send them back or discard them";
                    self.add(Kind::DeadLetters, format!("{letters} in {queue}"), remedy);
                }
            }
        }
    }

    fn accounts(&mut self, accounts: &Accounts) {
        let soon = format!("must be connected again within {ENDS_SOON_DAYS} days");
        let (worker, why, connect) = if self.operator {
            (
                "see what else is wrong, or start another `token-refresh worker`",
                "`token-refresh inspect --failing` says why",
                "ask the sellers to connect again; `token-refresh accounts list` names them",
            )
        } else {
            (TELL, TELL, "ask the sellers to connect again")
        };
        let rows = [
            (
                Kind::Overdue,
                accounts.overdue,
                ["has no valid token and waits for a refresh", "have no valid token and wait for a refresh"],
                worker,
            ),
            (Kind::Expired, accounts.expired, ["has no valid token", "have no valid token"], why),
            (
                Kind::Blocked,
                accounts.blocked,
                ["is blocked by a key or keyset", "are blocked by a key or keyset"],
                why,
            ),
            (
                Kind::ReconnectRequired,
                accounts.reconnect_required,
                ["must be connected again by the seller", "must be connected again by their sellers"],
                connect,
            ),
            (Kind::Ending, accounts.ending, [&*soon, &*soon], connect),
            (Kind::Failing, accounts.failing, ["failed last time, still with a valid token"; 2], why),
        ];
        for (kind, accounts, [one, many], remedy) in rows.into_iter().filter(|row| row.1 > 0) {
            let verb = if accounts == 1 { one } else { many };
            self.add(kind, format!("{} {verb}", count(accounts, "account", "accounts")), remedy);
        }
    }

    /// Whether eBay takes its calls, and whether its day suffices.
    fn keyset(&mut self, keyset: &Keyset) {
        let Keyset { name, calls, daily_quota, .. } = keyset;
        match keyset.state {
            KeysetState::Ready => {}
            KeysetState::Blocked => {
                let remedy = "give it the right secret with `token-refresh keysets secret`";
                let text = format!("eBay does not accept the credentials of keyset {name}");
                self.add_of_fleet(Kind::KeysetBlocked, text, remedy);
            }
            KeysetState::Suspended => {
                let why = keyset.reason.as_ref().map_or_else(String::new, |why| format!(": {why}"));
                let remedy = "single calls ask whether eBay is back; `token-refresh keysets list` tells";
                self.add_of_fleet(Kind::KeysetSuspended, format!("Keyset {name} is suspended{why}"), remedy);
            }
        }
        let more = "ask eBay for more, then `token-refresh keysets set --daily-quota`";
        let percent = calls * 100 / (*daily_quota).max(1);
        match keyset.exhausted_in {
            Some(Duration::ZERO) => {
                self.add_of_fleet(Kind::QuotaSpent, format!("The daily calls of {name} are spent"), more);
            }
            Some(left) if left < SPENT_SOON => {
                let text = format!("At this pace the daily calls of {name} are spent in {}", span(left));
                self.add_of_fleet(Kind::QuotaEnding, text, more);
            }
            _ if percent >= SPENT_PERCENT => {
                let text = format!("{percent} % of the daily calls of {name} are spent");
                self.add_of_fleet(Kind::QuotaEnding, text, more);
            }
            _ => {}
        }
        if keyset.demoted > 0 {
            let is = if keyset.demoted == 1 { "is" } else { "are" };
            let accounts = count(keyset.demoted, "account", "accounts");
            let text = format!("{accounts} of {name} {is} refreshed once a day only, for want of calls");
            self.add_of_fleet(Kind::Demoted, text, more);
        }
    }
}
