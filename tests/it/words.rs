//! One word per thing: the words that `CONTRIBUTING.md` lists are used, and none that they replaced.

use std::path::Path;

use crate::support::project::{files, read};

/// What is searched, in file names too.
const PLACES: [&str; 6] = ["src", "tests", "migrations", "queues", "deploy", "README.md"];

/// Each old word, in any case and as any part of an identifier, and the one that replaced it.
const WORDS: [(&str, &str); 17] = [
    ("gate", "breaker (a keyset's) or permit (a request body's)"),
    ("gates", "breakers or permits"),
    ("gated", "permitted"),
    ("testimony", "signal"),
    ("evidence", "signal"),
    ("hear", "observe"),
    ("hears", "observes"),
    ("witness", "confirm"),
    ("vouch", "confirm"),
    ("vouches", "confirms"),
    ("vouched", "confirmed"),
    ("bench", "press state"),
    ("door", "authenticator"),
    ("doors", "authenticators"),
    ("heart", "heartbeat"),
    ("teller", "publisher"),
    ("tellers", "publishers"),
];

/// Words that are refused as they stand.
const TEXTS: [(&str, &str); 11] = [
    ("breaker_open", "breaker_tripped"),
    ("BreakerOpen", "BreakerTripped"),
    ("keyset_open", "keyset_ready"),
    ("closed_gates", "tripped_breakers"),
    ("state = 'open'", "state = 'ready'"),
    ("state <> 'open'", "state <> 'ready'"),
    ("stand_aside", "not_taking"),
    ("StandAside", "NotTaking"),
    ("stands aside", "takes no work"),
    ("DESIGN", "the guarantee's number, or the thing itself"),
    ("HOUSE.md", "the thing itself"),
];

/// Throughput is measured by what Cargo calls a bench.
fn is_cargos(word: &str, path: &Path, line: &str) -> bool {
    word == "bench" && (path.starts_with("tests/bench") || line.contains("cargo bench"))
}

#[test]
fn old_words_are_gone() {
    let mut found = Vec::new();
    for path in PLACES.into_iter().flat_map(files).filter(|path| path != Path::new("tests/it/words.rs")) {
        let shown = path.display().to_string();
        let text = read(&path);
        for (number, line) in (0..).zip([&*shown].into_iter().chain(text.lines())) {
            let words = parts(line);
            let old = WORDS.iter().filter(|(old, _)| words.iter().any(|word| word == old));
            let old = old.filter(|(old, _)| !is_cargos(old, &path, line));
            let texts = TEXTS.iter().filter(|(old, _)| line.contains(old));
            found.extend(
                old.chain(texts).map(|(old, instead)| format!("{shown}:{number}: \"{old}\": say {instead}")),
            );
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn identifiers_are_taken_apart() {
    assert_eq!(
        parts("impl HTTPGate { fn open_gate(aGate: u8) }"),
        ["impl", "http", "gate", "fn", "open", "gate", "a", "gate", "u8"]
    );
    assert_eq!(parts("aggregate gateway LOCK_GATES"), ["aggregate", "gateway", "lock", "gates"]);
}

/// The words of a text in lower case, identifiers taken apart at underscores and capitals.
fn parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let characters: Vec<char> = text.chars().collect();
    for (at, &character) in characters.iter().enumerate() {
        let follows_small = at > 0 && !characters[at - 1].is_uppercase();
        let leads_small = characters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if !character.is_alphanumeric() || character.is_uppercase() && (follows_small || leads_small) {
            parts.push(String::new());
        }
        if character.is_alphanumeric() {
            parts.last_mut().expect("there is one").extend(character.to_lowercase());
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}
