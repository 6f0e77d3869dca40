//! The columns of a file of accounts, and the names that they go by.

use crate::text_enum::text_enum;

text_enum! {
    /// What a file says about an account.
    pub enum Column {
        /// The seller's eBay user name.
        Username = "username",
        /// `production` or `sandbox`.
        Environment = "environment",
        /// The refresh token in the clear.
        RefreshToken = "refresh_token",
        /// When the refresh token ends.
        RefreshExpiresAt = "refresh_token_expires_at",
        /// What people call the account.
        HouseName = "house_name",
        /// eBay's immutable id of the seller.
        EbayUserId = "ebay_user_id",
    }
}

impl Column {
    /// Columns without which there is no account.
    pub(super) const REQUIRED: [Self; 3] = [Self::Username, Self::Environment, Self::RefreshToken];

    /// The column that goes by `name`.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name = name.trim();
        Self::ALL.iter().copied().find(|column| {
            same(name, column.as_str()) || column.alias().is_some_and(|alias| same(name, alias))
        })
    }

    const fn alias(self) -> Option<&'static str> {
        match self {
            Self::Username => Some("account"),
            Self::Environment => Some("env"),
            Self::RefreshToken => None,
            Self::RefreshExpiresAt => Some("refresh_expires_at"),
            Self::HouseName => Some("house"),
            Self::EbayUserId => Some("user_id"),
        }
    }
}

/// Whether `name` is `plain`, whatever its case and with `-` or a space for `_`.
fn same(name: &str, plain: &str) -> bool {
    let spelled = name.bytes().map(|byte| match byte {
        b'-' | b' ' => b'_',
        other => other.to_ascii_lowercase(),
    });
    name.len() == plain.len() && spelled.eq(plain.bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_goes_by_its_name_and_alias_in_any_case() {
        for (name, column) in [
            ("username", Some(Column::Username)),
            (" User-Id ", Some(Column::EbayUserId)),
            ("Refresh Token", Some(Column::RefreshToken)),
            ("REFRESH_EXPIRES_AT", Some(Column::RefreshExpiresAt)),
            ("env", Some(Column::Environment)),
            ("House Name", Some(Column::HouseName)),
            ("refresh_tokens", None),
            ("access_token", None),
            ("", None),
        ] {
            assert_eq!(Column::named(name), column, "{name}");
        }
    }
}
