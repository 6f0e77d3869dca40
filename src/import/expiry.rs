//! Reads when a refresh token ends.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// Why a value is not the time at which a token ends. Never repeats the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExpiryError {
    /// The value is no time in any of the spellings that are read.
    #[error("is neither RFC 3339 nor YYYY-MM-DD nor Unix seconds")]
    NotATime,
    /// The value is a local time, which means another instant in every zone.
    #[error("has no time zone; write Z or an offset behind it")]
    NoZone,
    /// The value is far from any time at which a token can end, as milliseconds are.
    #[error("is not between the years 2000 and 2100; Unix time is read in seconds")]
    OutOfRange,
}

/// 2000-01-01 and 2100-01-01 in Unix seconds.
const PLAUSIBLE: std::ops::Range<i64> = 946_684_800..4_102_444_800;

/// Reads RFC 3339 (with a space for `T` and a bare-hour offset too, as PostgreSQL prints it),
/// `YYYY-MM-DD` as midnight UTC, and Unix seconds.
pub(super) fn parse_expiry(text: &str) -> Result<DateTime<Utc>, ExpiryError> {
    if let Ok(seconds) = text.parse::<i64>() {
        return from_unix_s(seconds);
    }
    let with_zone = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z"));
    let instant = match with_zone {
        Ok(instant) => instant.to_utc(),
        Err(_) => parse_date(text)?,
    };
    if PLAUSIBLE.contains(&instant.timestamp()) { Ok(instant) } else { Err(ExpiryError::OutOfRange) }
}

/// Takes `seconds` since 1970 as an instant.
pub(super) fn from_unix_s(seconds: i64) -> Result<DateTime<Utc>, ExpiryError> {
    if !PLAUSIBLE.contains(&seconds) {
        return Err(ExpiryError::OutOfRange);
    }
    DateTime::from_timestamp(seconds, 0).ok_or(ExpiryError::OutOfRange)
}

fn parse_date(text: &str) -> Result<DateTime<Utc>, ExpiryError> {
    if text.len() == "YYYY-MM-DD".len()
        && let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d")
    {
        return Ok(date.and_time(NaiveTime::MIN).and_utc());
    }
    let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    if local.iter().any(|format| NaiveDateTime::parse_from_str(text, format).is_ok()) {
        return Err(ExpiryError::NoZone);
    }
    Err(ExpiryError::NotATime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_spelling_that_names_one_instant() {
        for text in [
            "2027-05-01T00:00:00Z",
            "2027-05-01T02:00:00+02:00",
            "2027-05-01t00:00:00.000z",
            "2027-05-01 00:00:00Z",
            "2027-05-01 00:00:00+00",
            "2027-04-30 19:00:00.000000-05",
            "2027-05-01",
            "1809129600",
        ] {
            let instant = parse_expiry(text).expect(text);
            assert_eq!(instant.to_rfc3339(), "2027-05-01T00:00:00+00:00", "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_what_is_wrong() {
        for (text, expected) in [
            ("2027-05-01T00:00:00", ExpiryError::NoZone),
            ("2027-05-01 00:00", ExpiryError::NoZone),
            ("2027-02-30", ExpiryError::NotATime),
            ("01.05.2027", ExpiryError::NotATime),
            ("2027-5-1", ExpiryError::NotATime),
            ("never", ExpiryError::NotATime),
            ("18 months", ExpiryError::NotATime),
            ("99999999999999999999", ExpiryError::NotATime),
            ("1809129600000", ExpiryError::OutOfRange),
            ("0", ExpiryError::OutOfRange),
            ("-1", ExpiryError::OutOfRange),
            ("47304000", ExpiryError::OutOfRange),
            ("9999-12-31T23:59:59Z", ExpiryError::OutOfRange),
            ("1999-12-31", ExpiryError::OutOfRange),
        ] {
            assert_eq!(parse_expiry(text), Err(expected), "{text}");
        }
    }
}
