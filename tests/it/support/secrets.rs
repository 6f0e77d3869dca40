//! A search for secrets (G4): whole or in part, raw, and in every spelling in which a text that was
//! passed on might carry them.

use std::collections::{BTreeSet, HashMap};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use token_refresh::{
    crypto::SealContext,
    domain::account::{AccountId, Environment},
};
use tokio_postgres::Client;
use uuid::Uuid;

use super::stage::{CLIENT_ID, CLIENT_SECRET, ENVIRONMENT, Stage};

/// Long secrets are looked for in pieces of this length, so that a part is found too.
const PIECE_BYTES: usize = 24;
/// Every spelling of a piece is at least this long; by its first bytes it is looked up.
const KEY_BYTES: usize = 8;
/// What tokens share, which gives nothing away: `v^1.1#i^1#f^0#p^3#r^1#I^3#t^`.
const COMMON_BYTES: usize = 28;
/// Longer than what is shown of a token, and common to all: it finds those nobody told of.
const ANY_TOKEN: &str = "v^1.1#i^1#";

/// Secrets to be found nowhere.
pub(crate) struct Secrets {
    needles: HashMap<[u8; KEY_BYTES], Vec<(Vec<u8>, String)>>,
}

impl Secrets {
    /// What no stage may tell: its keys, client secret, bearer token, the passwords of its servers,
    /// every token that stands in its tables, and the beginning that all tokens share.
    pub(crate) async fn of(stage: &Stage) -> Self {
        let mut secrets = Self { needles: HashMap::new() };
        secrets.look_for("a token's beginning", ANY_TOKEN);
        secrets.look_for("client secret", CLIENT_SECRET);
        let basic = STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
        secrets.look_for("Basic credentials", &basic);
        secrets.look_for("bearer token", &stage.token);
        for (number, key) in stage.keys.split(',').enumerate() {
            let (_, key) = key.split_once(':').expect("an id stands before each key");
            secrets.look_for(&format!("key {number}"), key);
            let bytes = STANDARD.decode(key).expect("the stage's keys are base64");
            secrets.look_for_bytes(&format!("bytes of key {number}"), &bytes);
        }
        for (name, url) in
            [("database password", stage.database.url()), ("broker password", stage.vhost.url())]
        {
            let url = reqwest::Url::parse(url).expect("a server's address is a URL");
            if let Some(password) = url.password().filter(|password| password.len() >= KEY_BYTES) {
                secrets.look_for(name, password);
            }
        }
        secrets.look_for_stored(stage, "tokens").await;
        secrets
    }

    /// Looks for every token of `table`, which has the columns of `tokens`, as far as the stage's keys
    /// open them.
    pub(crate) async fn look_for_stored(&mut self, stage: &Stage, table: &str) {
        let query = format!(
            "select t.account_id, a.environment, t.access_token, t.refresh_token
             from {table} t join accounts a on a.id = t.account_id"
        );
        let client = stage.database.connect().await;
        for row in client.query(&query, &[]).await.expect("the query is good") {
            let account = AccountId(row.get::<_, Uuid>(0));
            let environment: Environment =
                row.get::<_, String>(1).parse().expect("an environment is written by its name");
            assert_eq!(environment, ENVIRONMENT, "the stage's accounts are of one environment");
            let access = (SealContext::access_token(account, environment), row.get::<_, Option<String>>(2));
            let refresh = (SealContext::refresh_token(account, environment), row.get::<_, Option<String>>(3));
            for (context, sealed) in [access, refresh] {
                // What is broken on purpose does not open.
                if let Some(Ok(token)) = sealed.map(|sealed| stage.keyring.open(&context, &sealed)) {
                    self.look_for(&format!("{} of {account}", context.field), &token);
                }
            }
        }
    }

    /// Looks for `secret` too, which `name` stands for in what is found.
    pub(crate) fn look_for(&mut self, name: &str, secret: &str) {
        self.look_for_bytes(name, secret.as_bytes());
    }

    fn look_for_bytes(&mut self, name: &str, secret: &[u8]) {
        assert!(secret.len() >= KEY_BYTES, "{name} is too short to be looked for");
        if secret.len() < COMMON_BYTES + 2 * PIECE_BYTES {
            return self.look_for_piece(name, secret);
        }
        for piece in secret[COMMON_BYTES..].chunks_exact(PIECE_BYTES) {
            self.look_for_piece(name, piece);
        }
    }

    fn look_for_piece(&mut self, name: &str, piece: &[u8]) {
        for (spelling, needle) in spellings(piece) {
            let key = needle.first_chunk().expect("a spelling is no shorter than its key");
            let found = format!("{name} ({spelling})");
            self.needles.entry(*key).or_default().push((needle.clone(), found));
        }
    }

    /// The names of all secrets that `text` holds, each with its spelling and where it begins.
    pub(crate) fn found_in(&self, text: impl AsRef<[u8]>) -> BTreeSet<String> {
        let text = text.as_ref();
        let mut found = BTreeSet::new();
        for (at, key) in text.windows(KEY_BYTES).enumerate() {
            let Some(needles) = self.needles.get(key) else { continue };
            for (needle, name) in needles {
                if text[at..].starts_with(needle) {
                    let around = &text[at.saturating_sub(120)..at];
                    found.insert(format!("{name} behind …{}", String::from_utf8_lossy(around)));
                }
            }
        }
        found
    }

    /// Insists that `text`, which came from `place`, holds none of the secrets.
    #[track_caller]
    pub(crate) fn expect_none(&self, place: &str, text: impl AsRef<[u8]>) {
        let found = self.found_in(text);
        assert!(found.is_empty(), "{place} holds {found:#?}");
    }

    /// Searches every row of every table, and what the connections of the database run.
    pub(crate) async fn found_in_database(&self, stage: &Stage) -> BTreeSet<String> {
        let client = stage.database.connect().await;
        let tables =
            "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')";
        let mut queries: Vec<String> = column(&client, tables)
            .await
            .iter()
            .map(|table| format!("select t::text from {table} t"))
            .collect();
        assert!(queries.len() > 10, "the database has its tables");
        queries.push("select query from pg_stat_activity where datname = current_database()".into());
        let mut found = BTreeSet::new();
        for query in queries {
            for text in column(&client, &query).await {
                found.extend(self.found_in(text).into_iter().map(|found| format!("{query}: {found}")));
            }
        }
        found
    }
}

async fn column(client: &Client, query: &str) -> Vec<String> {
    let rows = client.query(query, &[]).await.expect("the query is good");
    rows.iter().map(|row| row.get::<_, Option<String>>(0).unwrap_or_default()).collect()
}

/// `piece` as it may stand in a text: raw and encoded.
pub(crate) fn spellings(piece: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let each = |spell: &dyn Fn(u8) -> String| piece.iter().map(|byte| spell(*byte)).collect::<String>();
    let unless_plain =
        |byte: u8, spelled: String| if plain(byte) { char::from(byte).into() } else { spelled };
    let url = each(&|byte| unless_plain(byte, format!("%{byte:02X}")));
    let mut spellings = vec![
        ("raw", piece.to_vec()),
        ("URL, twice", url.replace('%', "%25").into_bytes()),
        ("URL", url.into_bytes()),
        ("URL, lower case", each(&|byte| unless_plain(byte, format!("%{byte:02x}"))).into_bytes()),
        ("JSON", each(&|byte| unless_plain(byte, format!("\\u{:04x}", u16::from(byte)))).into_bytes()),
        (
            "JSON, slashes",
            each(&|byte| if byte == b'/' { "\\/".into() } else { char::from(byte).into() }).into_bytes(),
        ),
        ("HTML", each(&|byte| unless_plain(byte, format!("&#{byte};"))).into_bytes()),
        ("bytes in Debug", format!("{piece:?}").trim_matches(['[', ']']).as_bytes().to_vec()),
        ("hexadecimal", each(&|byte| format!("{byte:02x}")).into_bytes()),
        ("hexadecimal, upper case", each(&|byte| format!("{byte:02X}")).into_bytes()),
    ];
    for (engine, name) in [(STANDARD_NO_PAD, "base64"), (URL_SAFE_NO_PAD, "base64url")] {
        for before in 0..3 {
            spellings.push((name, base64_inside(&engine, piece, before)));
        }
    }
    let mut seen = BTreeSet::new();
    spellings.retain(|(_, needle)| seen.insert(needle.clone()));
    spellings
}

/// The characters that `piece` alone decides where it stands inside a longer text, `before` bytes
/// after a group of three.
fn base64_inside(engine: &impl Engine, piece: &[u8], before: usize) -> Vec<u8> {
    let padded = [vec![0; before], piece.to_vec()].concat();
    let whole = engine.encode(&padded).into_bytes();
    let (first, last) = (before.div_ceil(3) + before, padded.len() / 3 * 4);
    whole[first..last].to_vec()
}
