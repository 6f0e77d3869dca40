//! The lists of values that the page offers, and what each means, in words: scripts decide none of it.

use serde_json::{Map, Value, json};

use crate::{
    admin::{api::series::Past, tone::Tone},
    domain::{
        account::{Environment, Status},
        class::{Class, NotRun},
        screen,
    },
    message::{Action, Source},
    store::ENDS_SOON_DAYS,
};

/// An attempt's phases in their order, and what a measured one did where a debug run tells it.
const PHASES: [(&str, Option<&str>); 7] = [
    ("queued", Some("waited for a worker")),
    ("claim", Some("claimed the account’s lease")),
    ("open", Some("opened the sealed token")),
    ("connect", None),
    ("call", Some("called eBay")),
    ("body", None),
    ("total", None),
];

/// What happens while a person waits, and at which instant of the request it begins.
const STEPS: [(&str, &str); 3] = [
    ("requested_at", "waiting for a worker"),
    ("claimed_at", "claimed by a worker; opening the sealed token"),
    ("called_at", "calling eBay"),
];

/// States of accounts as a person looks for them: the urgent ones first.
const STATUSES: [Status; 6] = [
    Status::ReconnectRequired,
    Status::Blocked,
    Status::Expired,
    Status::ExpiringSoon,
    Status::Ok,
    Status::Paused,
];

/// All of it, as scripts take it.
pub(super) fn words() -> Value {
    json!({
        "environments": Environment::ALL,
        "sources": Source::ALL.iter().map(|source| source_of(*source)).collect::<Vec<_>>(),
        "actions": Action::ALL,
        "classes": Class::ALL.iter().map(|class| class_of(*class)).collect::<Vec<_>>(),
        "not_run": NotRun::ALL.iter().map(|reason| (reason.to_string(), reason.meaning().into())).collect::<Map<_, _>>(),
        "statuses": STATUSES.map(|status| json!({ "name": status, "tone": Tone::of_status(status) })),
        "phases": PHASES.map(|(name, done)| json!({ "name": name, "done": done })),
        "steps": STEPS.map(|(since, text)| json!({ "since": since, "text": text })),
        "pasts": Past::ALL,
        "ends_soon_days": ENDS_SOON_DAYS,
        "hidden": screen::HIDDEN.map(|(from, to)| [u32::from(from), u32::from(to)]),
    })
}

fn class_of(class: Class) -> Value {
    let tone = Tone::of_class(class);
    json!({ "name": class, "tone": tone, "meaning": class.meaning(), "next_step": class.next_step() })
}

/// A source, and the runs that one of it is compared with: what a person made due takes the
/// scheduler's way too.
fn source_of(source: Source) -> Value {
    let (name, sources): (&str, &[Source]) = match source {
        Source::Debug => ("scheduled", &[Source::Scheduled, Source::Admin]),
        Source::Scheduled | Source::Admin => ("debug", &[Source::Debug]),
    };
    json!({ "name": source, "counterpart": { "name": name, "sources": sources } })
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;
    use crate::store::RequestState;

    #[test]
    fn the_scripts_are_tested_with_these_words() {
        let tested: Value =
            serde_json::from_str(include_str!("../../../tests/page/words.json")).expect("JSON");
        let words = words();
        assert!(words == tested, "tests/page/words.json should be:\n{words:#}");
    }

    #[test]
    fn every_status_is_offered_once() {
        for status in Status::ALL {
            assert_eq!(STATUSES.iter().filter(|one| *one == status).count(), 1, "{status}");
        }
    }

    #[test]
    fn every_step_begins_at_an_instant_of_the_request() {
        let at = Utc::now();
        let state =
            RequestState { requested_at: at, claimed_at: Some(at), called_at: Some(at), closed_at: None, at };
        let state = json!(state);
        for (since, _) in STEPS {
            assert!(state[since].is_string(), "{since}");
        }
    }
}
