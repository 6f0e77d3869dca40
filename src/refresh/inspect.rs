//! An account looked at from inside, without the network: what is stored, whether it opens, and if
//! not, why and what to do.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    crypto::{DecryptReason, Keyring, SealContext, Sealed},
    domain::{
        account::AccountId,
        class::Class,
        token::{Masked, RefreshToken, shown_prefix},
    },
    store::{Account, AccountStatus, StatusFilter, Store, StoreError},
};

/// One sealed text, looked at.
#[derive(Debug, Clone, Serialize)]
pub struct SealedView {
    /// First characters of the sealed text.
    pub prefix: String,
    /// Its length in characters.
    pub chars: usize,
    /// The key that it names.
    pub key_id: Option<String>,
    /// Whether this process has that key.
    pub key_known: bool,
    /// First characters of what it opens to.
    pub opened_prefix: Option<String>,
    /// Length of what it opens to.
    pub opened_chars: Option<usize>,
    /// Fingerprint of what it opens to, as entries show it.
    pub fingerprint: Option<String>,
    /// Why it does not open.
    pub reason: Option<DecryptReason>,
    /// The same in words, or why what it opens to is not a token.
    pub problem: Option<String>,
}

/// An account's state, its token row, and the next step.
#[derive(Debug, Clone, Serialize)]
pub struct Inspection {
    /// The state as everyone sees it.
    #[serde(flatten)]
    pub status: AccountStatus,
    /// eBay's immutable user id.
    pub ebay_user_id: Option<String>,
    /// The token row's id, which is the account's.
    pub token_row: AccountId,
    /// Rises with every change of the row.
    pub token_version: i64,
    /// When the row was last changed.
    pub token_updated_at: DateTime<Utc>,
    /// The refresh token.
    pub refresh_token: SealedView,
    /// The access token.
    pub access_token: Option<SealedView>,
    /// The access token's scopes, separated by spaces, where eBay named them.
    pub scopes: Option<String>,
    /// What to do.
    pub advice: String,
}

/// Looks at one account; none if it has no token yet.
pub async fn inspect(
    store: &Store,
    keyring: &Keyring,
    account: &Account,
    lead: std::time::Duration,
) -> Result<Option<Inspection>, StoreError> {
    let id = account.subject.account_id;
    let filter = StatusFilter { account: Some(id), ..StatusFilter::default() };
    let Some(status) = store.account_status(&filter, lead, 1).await?.into_iter().next() else {
        return Ok(None);
    };
    let Some(tokens) = store.stored_tokens(id).await? else { return Ok(None) };
    let environment = account.subject.environment;
    let mut refresh_token =
        look(keyring, &SealContext::refresh_token(id, environment), &tokens.refresh_token);
    if let (None, Ok(text)) = (
        refresh_token.reason,
        keyring.open(&SealContext::refresh_token(id, environment), &tokens.refresh_token),
    ) {
        refresh_token.problem =
            RefreshToken::checked(text).err().map(|error| format!("the opened text {error}"));
    }
    let access_token = tokens
        .access_token
        .as_deref()
        .map(|sealed| look(keyring, &SealContext::access_token(id, environment), sealed));
    let advice = advice(&refresh_token, &status);
    Ok(Some(Inspection {
        status,
        ebay_user_id: account.ebay_user_id.clone(),
        token_row: id,
        token_version: tokens.version,
        token_updated_at: tokens.updated_at,
        refresh_token,
        access_token,
        scopes: tokens.scopes,
        advice,
    }))
}

fn look(keyring: &Keyring, context: &SealContext, sealed: &str) -> SealedView {
    let opened = keyring.open(context, sealed);
    let key_id = Sealed::named_key(sealed).map(str::to_owned);
    let masked = opened.as_ref().ok().map(|text| Masked::of(text));
    SealedView {
        prefix: shown_prefix(sealed),
        chars: sealed.chars().count(),
        key_known: key_id.as_deref().is_some_and(|id| keyring.has(id)),
        key_id,
        opened_prefix: masked.as_ref().map(|masked| masked.prefix.clone()),
        opened_chars: masked.as_ref().map(|masked| masked.chars),
        fingerprint: masked.map(|masked| masked.fingerprint),
        reason: opened.as_ref().err().map(crate::crypto::OpenError::reason),
        problem: opened.err().map(|error| error.to_string()),
    }
}

fn advice(refresh_token: &SealedView, status: &AccountStatus) -> String {
    match refresh_token.reason {
        Some(DecryptReason::UnknownKey) => {
            let key = refresh_token.key_id.as_deref().unwrap_or("?");
            format!("Add key \"{key}\" to TOKEN_KEYS of every process, behind the first; if it is lost, import the seller's token again (`accounts import --replace`).")
        }
        Some(DecryptReason::WrongContext) => "The text belongs to another row, field or environment: it was copied. Restore this row's own text, or import the seller's token again (`accounts import --replace`).".into(),
        Some(
            DecryptReason::NotSealed | DecryptReason::Malformed | DecryptReason::Truncated | DecryptReason::Corrupt,
        ) => "The stored text is damaged. Restore the row from a backup, or import the seller's token again (`accounts import --replace`); if the seller's token is lost, they must connect again.".into(),
        None if refresh_token.problem.is_some() => {
            "Import the seller's refresh token again (`accounts import --replace`).".into()
        }
        None if status.class == Some(Class::DecryptFailed) => "The refresh token opens with these keys. If the refresh error names a client secret, set that again (`keysets secret`); else a worker lacks a key (`doctor`).".into(),
        None => status.next_step.filter(|step| !step.is_empty()).unwrap_or("Nothing to do.").to_owned(),
    }
}
