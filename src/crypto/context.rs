//! Where a sealed text belongs: what its tag binds it to.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::format::FORMAT_PREFIX;
use crate::{
    domain::account::{AccountId, Environment, KeysetId},
    text_enum::text_enum,
};

text_enum! {
    /// What a sealed text holds.
    pub enum Field {
        /// An account's access token; the row is the account's id.
        AccessToken = "access_token",
        /// An account's refresh token; the row is the account's id.
        RefreshToken = "refresh_token",
        /// A keyset's client secret; the row is the keyset's id.
        ClientSecret = "client_secret",
        /// A key's canary; the row is derived from the key's id.
        Canary = "canary",
    }
}

/// The one place where a sealed text may be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SealContext {
    /// What it holds.
    pub field: Field,
    /// Id of the row that it belongs to.
    pub row: Uuid,
    /// Environment of that row.
    pub environment: Environment,
}

impl SealContext {
    /// The place of `field` in the row `row`.
    pub const fn new(field: Field, row: Uuid, environment: Environment) -> Self {
        Self { field, row, environment }
    }

    /// The place of an account's access token.
    pub const fn access_token(account: AccountId, environment: Environment) -> Self {
        Self::new(Field::AccessToken, account.0, environment)
    }

    /// The place of an account's refresh token.
    pub const fn refresh_token(account: AccountId, environment: Environment) -> Self {
        Self::new(Field::RefreshToken, account.0, environment)
    }

    /// The place of a keyset's client secret.
    pub const fn client_secret(keyset: KeysetId, environment: Environment) -> Self {
        Self::new(Field::ClientSecret, keyset.0, environment)
    }

    /// The place of the canary of the key `key_id`, so that the canaries of two keys cannot be swapped.
    ///
    /// Its row is a UUIDv8 of the first 16 bytes of the id's SHA-256. A key belongs to no environment;
    /// `production` stands here for all.
    pub fn canary(key_id: &str) -> Self {
        let digest = Sha256::digest(key_id.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        let row = uuid::Builder::from_custom_bytes(bytes).into_uuid();
        Self::new(Field::Canary, row, Environment::Production)
    }

    /// What the tag covers beside the secret: `ENC:v1:|<field>|<row>|<environment>`.
    ///
    /// No part contains `|`, so two contexts never share an encoding.
    pub(super) fn associated_data(&self) -> String {
        format!("{FORMAT_PREFIX}|{}|{}|{}", self.field, self.row.hyphenated(), self.environment)
    }

    /// The hint that a text sealed for this place carries: 16 lowercase hexadecimal digits.
    pub fn hint(&self) -> String {
        let digest = Sha256::digest(self.associated_data().as_bytes());
        let (head, _) = digest.split_first_chunk().expect("a SHA-256 has 32 bytes");
        format!("{:016x}", u64::from_be_bytes(*head))
    }
}
