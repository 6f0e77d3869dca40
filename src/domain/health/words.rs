//! Numbers and spans in words.

use std::time::Duration;

/// `1 account`, `12,000 accounts`.
pub(super) fn count(number: i64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// A number with its thousands apart.
pub(super) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `3 s`, `4 min`, `2 h 5 min`, `3 d`.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let minutes = (seconds + 30) / 60;
    match seconds {
        0..90 => format!("{seconds} s"),
        90..5_400 => format!("{minutes} min"),
        5_400..172_800 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => format!("{} d", (seconds + 43_200) / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_spans_read_as_people_write_them() {
        assert_eq!(count(1, "account", "accounts"), "1 account");
        assert_eq!(count(0, "account", "accounts"), "0 accounts");
        let grouped = [999, 1_000, 1_234_567, -12_000].map(grouped);
        assert_eq!(grouped, ["999", "1,000", "1,234,567", "-12,000"]);
        let spans = [0, 89, 90, 5_399, 5_400, 7_500, 172_800].map(|secs| span(Duration::from_secs(secs)));
        assert_eq!(spans, ["0 s", "89 s", "2 min", "90 min", "1 h 30 min", "2 h 5 min", "2 d"]);
    }
}
