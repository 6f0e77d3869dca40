//! The demo's accounts: one for each thing that can happen.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Duration;
use zeroize::Zeroizing;

use crate::{
    crypto::{Keyring, SealContext},
    domain::{
        account::{AccountId, Environment, KeysetId, OrgId, Role},
        credential::{CredentialDigest, CredentialKind},
        token::RefreshToken,
    },
    fake_ebay::{Behaviour, FakeEbay},
    store::{ImportToken, Membership, NewAccount, NewKeyset, Store},
};

/// Life of the expiring samples' tokens, and how long before its end they are refreshed.
pub(super) const EXPIRES_IN_SECS: u32 = 300;

const ENVIRONMENT: Environment = Environment::Production;
/// The user's name.
pub(super) const USER: &str = "demo";
const CLIENT_ID: &str = "DemoShop-TokenRef-PRD-0a1b2c3d4-e5f6a7b8";
/// The keyset whose quota eBay says is reached: such an answer suspends all its accounts.
const LIMITED_CLIENT_ID: &str = "DemoShop-Limited-PRD-4d3c2b1a0-f6e5b8a7";

/// What is wrong with a sample before eBay is ever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    Good,
    WrongKey,
    Corrupt,
}

const ACCOUNTS: [(&str, &str, Row, Behaviour); 12] = [
    ("mil_243", "Mil 243", Row::Good, Behaviour::Healthy),
    ("better_planet_computers", "Better Planet", Row::Good, Behaviour::Healthy),
    ("betterplanetsales", "Better Planet Sales", Row::Good, Behaviour::Healthy),
    ("expiring_soon", "Expiring", Row::Good, Behaviour::ShortLived(EXPIRES_IN_SECS)),
    ("expiring_too", "Expiring too", Row::Good, Behaviour::ShortLived(EXPIRES_IN_SECS)),
    ("revoked_by_seller", "Revoked", Row::Good, Behaviour::Revoked),
    ("wrong_key", "Wrong key", Row::WrongKey, Behaviour::Healthy),
    ("corrupt_row", "Corrupt row", Row::Corrupt, Behaviour::Healthy),
    ("rate_limited", "Rate-limited", Row::Good, Behaviour::RateLimited(Some(20))),
    ("slow_answers", "Slow", Row::Good, Behaviour::Slow(1_500)),
    ("provider_down", "Provider down", Row::Good, Behaviour::Unavailable503),
    ("html_instead", "HTML instead", Row::Good, Behaviour::Html200),
];

/// What the demo made.
pub(super) struct Sample {
    /// A bearer token for the HTTP API.
    pub(super) token: String,
    /// The account of which the demo makes a debug run.
    pub(super) debugged: AccountId,
}

impl Sample {
    /// Makes an org, a user, two keysets that call `fake`, and the accounts.
    pub(super) async fn make(store: &Store, keyring: &Keyring, fake: &FakeEbay) -> anyhow::Result<Self> {
        let org = store.put_org("demo").await?;
        let token = CredentialKind::Bearer.mint();
        let member = Membership { org, role: Role::Admin };
        store.put_user(USER, true, &[member], CredentialDigest::of(&token), 1).await?;
        let healthy = Self::keyset(store, keyring, fake, org, CLIENT_ID).await?;
        let limited = Self::keyset(store, keyring, fake, org, LIMITED_CLIENT_ID).await?;
        let mut debugged = None;
        for (username, house_name, row, behaviour) in ACCOUNTS {
            let refresh_token = seller_token()?;
            let (client_id, keyset) = match behaviour {
                Behaviour::RateLimited(_) => (LIMITED_CLIENT_ID, limited),
                _ => (CLIENT_ID, healthy),
            };
            fake.add_seller(client_id, username, refresh_token.expose());
            fake.set_behaviour(username, behaviour);
            let account =
                Self::account(store, keyring, org, keyset, (username, house_name), row, &refresh_token)
                    .await?;
            debugged = debugged.or(Some(account));
        }
        let debugged = debugged.expect("there are samples");
        Ok(Self { token, debugged })
    }

    async fn keyset(
        store: &Store,
        keyring: &Keyring,
        fake: &FakeEbay,
        org: OrgId,
        client_id: &str,
    ) -> anyhow::Result<KeysetId> {
        let (id, secret) = (KeysetId::fresh(), random_text());
        fake.add_application(client_id, &secret);
        let new = NewKeyset {
            id,
            environment: ENVIRONMENT,
            client_id: client_id.into(),
            client_secret: keyring.seal(&SealContext::client_secret(id, ENVIRONMENT), &secret),
            daily_quota: 50_000,
            api_url: Some(fake.url()),
        };
        store.put_keyset(&new, &[org]).await?;
        Ok(id)
    }

    async fn account(
        store: &Store,
        keyring: &Keyring,
        org: OrgId,
        keyset: KeysetId,
        (username, house_name): (&str, &str),
        row: Row,
        refresh_token: &RefreshToken,
    ) -> anyhow::Result<AccountId> {
        let new = NewAccount {
            org,
            keyset,
            environment: ENVIRONMENT,
            username,
            ebay_user_id: None,
            house_name: Some(house_name),
        };
        let (account, _) = store.put_account(&new).await?;
        let context = SealContext::refresh_token(account, ENVIRONMENT);
        let sealed = match row {
            Row::Good => keyring.seal(&context, refresh_token.expose()),
            Row::WrongKey => {
                let lost = Keyring::parse(&format!("lost:{}", Keyring::generate_key()))?;
                lost.seal(&context, refresh_token.expose())
            }
            Row::Corrupt => damage(&keyring.seal(&context, refresh_token.expose())),
        };
        let token = ImportToken {
            account,
            sealed,
            sha256: refresh_token.sha256(),
            refresh_expires_at: Some(store.clock().await? + Duration::days(547)),
            replace: false,
            by: "cli:demo".into(),
        };
        store.import_token(&token).await?;
        Ok(account)
    }

    /// The accounts' names.
    #[expect(clippy::unused_self, reason = "names are those of the samples that were made")]
    pub(super) fn names(&self) -> String {
        ACCOUNTS.map(|(username, ..)| username).join(", ")
    }
}

/// Changes one character in the middle of the ciphertext.
fn damage(sealed: &str) -> String {
    let middle = sealed.len() / 2;
    let other = if sealed.as_bytes()[middle] == b'A' { "B" } else { "A" };
    format!("{}{other}{}", &sealed[..middle], &sealed[middle + 1..])
}

/// A refresh token of the shape and length of eBay's.
fn seller_token() -> anyhow::Result<RefreshToken> {
    let random: String = (0..18).map(|_| random_text()).collect();
    Ok(RefreshToken::checked(Zeroizing::new(format!("v^1.1#i^1#f^0#p^3#r^1#I^3#t^{random}==")))?)
}

fn random_text() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}
