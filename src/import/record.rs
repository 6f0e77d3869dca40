//! One account as a file gives it, and the checks that make it one.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use super::{
    column::Column,
    expiry::{ExpiryError, from_unix_s, parse_expiry},
    limits::MAX_NAME_CHARS,
    refused::RefusedReason,
};
use crate::domain::{
    account::Environment,
    screen::in_no_line,
    token::{RefreshToken, SEALED_PREFIX, TOKEN_PREFIX},
};

/// An account that a line of the file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Number of the line, from 1; the first where it spans several.
    pub line: u64,
    /// The seller's eBay user name.
    pub username: String,
    /// The world that the token belongs to.
    pub environment: Environment,
    /// The token, well-formed (G3).
    pub refresh_token: RefreshToken,
    /// When the token ends, where the file says so.
    pub refresh_expires_at: Option<DateTime<Utc>>,
    /// What people call the account.
    pub house_name: Option<String>,
    /// eBay's immutable id of the seller.
    pub ebay_user_id: Option<String>,
}

/// A value as it stands in the file.
#[derive(Default)]
pub(super) enum Value<'a> {
    /// There is none.
    #[default]
    Absent,
    /// Text.
    Text(Cow<'a, str>),
    /// A whole number of JSON.
    Integer(i64),
    /// Anything else of JSON.
    Other,
}

/// A line's values by column, unchecked.
#[derive(Default)]
pub(super) struct Raw<'a> {
    values: [(bool, Value<'a>); Column::ALL.len()],
}

impl<'a> Raw<'a> {
    /// Sets the value of `column`, and tells whether it was set before.
    pub(super) fn put(&mut self, column: Column, value: Value<'a>) -> bool {
        std::mem::replace(&mut self.values[column as usize], (true, value)).0
    }

    /// All values that are text.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.values.iter().filter_map(|(_, value)| match value {
            Value::Text(text) => Some(text.as_ref()),
            Value::Absent | Value::Integer(_) | Value::Other => None,
        })
    }

    /// Checks every value. `line` is where they stand.
    pub(super) fn check(mut self, line: u64) -> Result<Record, RefusedReason> {
        Ok(Record {
            line,
            username: self.name(Column::Username)?.ok_or(RefusedReason::Missing(Column::Username))?,
            environment: self.environment()?,
            house_name: self.name(Column::HouseName)?,
            ebay_user_id: self.name(Column::EbayUserId)?,
            refresh_expires_at: self.expiry()?,
            refresh_token: self.refresh_token()?,
        })
    }

    fn take(&mut self, column: Column) -> Value<'a> {
        std::mem::take(&mut self.values[column as usize].1)
    }

    /// The text of `column` without the white space around it; none where nothing is left.
    fn text(&mut self, column: Column) -> Result<Option<Zeroizing<String>>, RefusedReason> {
        let text = match self.take(column) {
            Value::Absent => return Ok(None),
            Value::Integer(_) | Value::Other => return Err(RefusedReason::NotText(column)),
            Value::Text(Cow::Borrowed(text)) => Zeroizing::new(text.trim().to_owned()),
            Value::Text(Cow::Owned(text)) => Zeroizing::new(Zeroizing::new(text).trim().to_owned()),
        };
        Ok(if text.is_empty() { None } else { Some(text) })
    }

    fn name(&mut self, column: Column) -> Result<Option<String>, RefusedReason> {
        let Some(mut name) = self.text(column)? else { return Ok(None) };
        if looks_like_token(&name) {
            return Err(RefusedReason::LooksLikeToken(column));
        }
        if name.chars().any(changes_display) {
            return Err(RefusedReason::ControlCharacter(column));
        }
        if name.chars().count() > MAX_NAME_CHARS {
            return Err(RefusedReason::NameTooLong(column));
        }
        Ok(Some(std::mem::take(&mut *name)))
    }

    fn environment(&mut self) -> Result<Environment, RefusedReason> {
        let text = self.text(Column::Environment)?.ok_or(RefusedReason::Missing(Column::Environment))?;
        let known = Environment::ALL.iter().find(|known| text.eq_ignore_ascii_case(known.as_str()));
        known.copied().ok_or(RefusedReason::UnknownEnvironment)
    }

    fn expiry(&mut self) -> Result<Option<DateTime<Utc>>, RefusedReason> {
        let instant = match self.take(Column::RefreshExpiresAt) {
            Value::Absent => return Ok(None),
            Value::Text(text) if text.trim().is_empty() => return Ok(None),
            Value::Text(text) => parse_expiry(text.trim()),
            Value::Integer(seconds) => from_unix_s(seconds),
            Value::Other => Err(ExpiryError::NotATime),
        };
        instant.map(Some).map_err(RefusedReason::Expiry)
    }

    fn refresh_token(&mut self) -> Result<RefreshToken, RefusedReason> {
        let text = self.text(Column::RefreshToken)?.ok_or(RefusedReason::Missing(Column::RefreshToken))?;
        RefreshToken::checked(text).map_err(RefusedReason::Token)
    }
}

/// Whether `text` is a token, one of eBay's older kind, or one that was sealed, URL-encoded or
/// base64-encoded.
fn looks_like_token(text: &str) -> bool {
    let starts_with =
        |prefix: &str| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    [SEALED_PREFIX, TOKEN_PREFIX, "v%5E", "dl4xLjEj", "AgAAAA**"].into_iter().any(starts_with)
        || text.contains("v^1.")
        || text.contains("#i^")
}

/// Whether a terminal or page would not show `character`, or show others differently for it.
fn changes_display(character: char) -> bool {
    in_no_line(character)
}
