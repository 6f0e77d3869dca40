//! The fake's own surface under `/_fake/`, by which another process sets it up and looks at it.
//!
//! | | |
//! |---|---|
//! | `POST applications` | `{"client_id", "client_secret"}`, or an array of them |
//! | `POST sellers` | `{"client_id", "username", "refresh_token", "behaviour"?}`, or an array of them |
//! | `POST behaviour` | any of `{"username", "behaviour"}`, `{"everywhere"}`, `{"random"}`, `{"expires_in"}`; null unsets |
//! | `POST release` | `{"username"}`, or `{}` for all |
//! | `GET calls?after=&limit=` | calls from that number on, calls in flight, violations |
//! | `DELETE calls` | forgets them |
//! | `GET sellers` | what is known of each, without tokens |

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    FakeEbay,
    answer::TRAP,
    behaviour::Behaviour,
    http::{CONTROL_PREFIX, HttpRequest, Reply},
    script::{Chaos, Script},
};

/// Most calls that one answer lists.
const CALLS_MAX: usize = 100_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Application {
    client_id: String,
    client_secret: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSeller {
    client_id: String,
    username: String,
    refresh_token: String,
    #[serde(default)]
    behaviour: Option<Script>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    username: Option<String>,
    behaviour: Option<Script>,
    #[serde(default)]
    everywhere: Change<Behaviour>,
    #[serde(default)]
    random: Change<Chaos>,
    #[serde(default)]
    expires_in: Change<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    username: Option<String>,
}

/// What a field asks for: nothing where it is absent, to be unset where it is null.
#[derive(Default)]
enum Change<T> {
    #[default]
    Absent,
    To(Option<T>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::To)
    }
}

/// Answers a control request.
pub(super) fn handle(fake: &FakeEbay, request: &HttpRequest) -> Reply {
    let path = request.path().strip_prefix(CONTROL_PREFIX).unwrap_or_default();
    let done = match (request.method.as_str(), path) {
        (_, TRAP) => {
            fake.0.state().violate(None, "a redirect was followed");
            Ok(json!({"error": "a redirect was followed"}))
        }
        ("POST", "applications") => many(&request.body).map(|applications: Vec<Application>| {
            for application in &applications {
                fake.add_application(&application.client_id, &application.client_secret);
            }
            json!({"applications": applications.len()})
        }),
        ("POST", "sellers") => many(&request.body).map(|sellers: Vec<NewSeller>| {
            for seller in &sellers {
                fake.add_seller(&seller.client_id, &seller.username, &seller.refresh_token);
                if let Some(script) = &seller.behaviour {
                    fake.set_behaviour(&seller.username, script.clone());
                }
            }
            json!({"sellers": sellers.len()})
        }),
        ("POST", "behaviour") => read(&request.body).and_then(|setting| set(fake, setting)),
        ("POST", "release") => read(&request.body).map(|release: Release| {
            match release.username {
                Some(username) => fake.release(&username),
                None => fake.release_all(),
            }
            json!({})
        }),
        ("GET", "calls") => Ok(calls(fake, request)),
        ("DELETE", "calls") => {
            fake.clear_calls();
            Ok(json!({}))
        }
        ("GET", "sellers") => Ok(json!({"sellers": fake.sellers()})),
        (_, "applications" | "sellers" | "behaviour" | "release" | "calls") => {
            return Reply::json(405, &json!({"error": "this method does nothing here"}));
        }
        _ => return Reply::json(404, &json!({"error": "no such page of the fake"})),
    };
    match done {
        Ok(body) => Reply::json(200, &body),
        Err(what) => Reply::json(400, &json!({"error": what})),
    }
}

fn set(fake: &FakeEbay, setting: Setting) -> Result<Value, String> {
    if let Some(username) = &setting.username {
        let known = match setting.behaviour {
            Some(script) => fake.set_behaviour(username, script),
            None => fake.clear_behaviour(username),
        };
        if !known {
            return Err("no seller has that username".to_owned());
        }
    } else if setting.behaviour.is_some() {
        return Err("whose behaviour? give a username, or set everywhere".to_owned());
    }
    if let Change::To(everywhere) = setting.everywhere {
        fake.set_everywhere(everywhere);
    }
    if let Change::To(random) = setting.random {
        fake.set_random(random);
    }
    if let Change::To(expires_in) = setting.expires_in {
        fake.set_expires_in(expires_in);
    }
    Ok(json!({}))
}

fn calls(fake: &FakeEbay, request: &HttpRequest) -> Value {
    let number = |name| request.query(name).and_then(|text| text.parse::<u64>().ok());
    let after = number("after").unwrap_or(0);
    let limit = number("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(CALLS_MAX);
    let state = fake.0.state();
    let calls = state.calls();
    let from = calls.partition_point(|call| call.number < after);
    let to = calls.len().min(from.saturating_add(limit.min(CALLS_MAX)));
    json!({
        "calls": &calls[from..to],
        "next": calls.get(to).map(|call| call.number),
        "in_flight": state.in_flight(),
        "violations": state.violations(),
    })
}

fn many<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, String> {
    if body.trim_ascii_start().starts_with(b"[") { read(body) } else { read(body).map(|one| vec![one]) }
}

/// Reads a body; the error names the place and never repeats content.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        if error.is_data() {
            format!("a field is missing, unknown or of another kind, before {place}")
        } else {
            format!("not JSON at {place}")
        }
    })
}
