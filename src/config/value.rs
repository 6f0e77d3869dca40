//! Values that a flag or its variable may have.

use std::time::Duration;

/// Shorter, a loop would spin and a call could not end.
const SHORTEST: Duration = Duration::from_millis(100);
/// Longer, adding it to a time could overflow.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A duration of which none at all makes sense too.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration > LONGEST {
        return Err("longer than 365days".into());
    }
    Ok(duration)
}

/// A duration that something waits or may take.
pub(crate) fn some_time(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration < SHORTEST {
        return Err(format!("shorter than {}", humantime::format_duration(SHORTEST)));
    }
    Ok(duration)
}

/// A count of at least one.
pub(super) fn some(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("less than 1".into()),
        Ok(count) => Ok(count),
        Err(error) => Err(error.to_string()),
    }
}
