//! The forms of dates and times in FHIR (R4 datatypes).

use jiff::Timestamp;
use jiff::civil::Date;

/// The first day of a FHIR date: a year, a month or a day. `None` for any other text.
pub fn first_day(text: &str) -> Option<Date> {
    let (year, rest) = number(text, 4)?;
    let (month, rest) = part(rest)?;
    let (day, rest) = part(rest)?;
    if rest.is_empty() { Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok() } else { None }
}

/// A month or day behind its dash; the first where the text ends.
fn part(text: &str) -> Option<(i16, &str)> {
    if text.is_empty() { Some((1, text)) } else { number(text.strip_prefix('-')?, 2) }
}

/// The number that a text begins with, of so many digits, and what is behind it.
fn number(text: &str, digits: usize) -> Option<(i16, &str)> {
    let (head, rest) = text.split_at_checked(digits)?;
    let add = |number: i16, byte: u8| byte.is_ascii_digit().then(|| number * 10 + i16::from(byte - b'0'));
    Some((head.bytes().try_fold(0, add)?, rest))
}

/// Whether a text is a FHIR date.
pub fn is_date(text: &str) -> bool {
    first_day(text).is_some()
}

/// The moment of a FHIR instant: date and time, to the second at least, with offset. `None` for any other text.
pub fn moment(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once('T')?;
    let bytes = time.as_bytes();
    let colons = bytes.get(2) == Some(&b':') && bytes.get(5) == Some(&b':');
    let offset = time.strip_suffix('Z').is_some_and(|clock| !clock.contains(['+', '-']))
        || (bytes.len() >= 14 && matches!(bytes[bytes.len() - 6], b'+' | b'-') && bytes[bytes.len() - 3] == b':');
    let plain = time.bytes().all(|byte| byte.is_ascii_digit() || b":.+-Z".contains(&byte));
    if date.len() == 10 && is_date(date) && colons && offset && plain { text.parse().ok() } else { None }
}

/// Whether a text is a FHIR instant.
pub fn is_instant(text: &str) -> bool {
    moment(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_instants_are_told_from_other_text() {
        for good in ["2026", "2026-02", "2024-02-29"] {
            assert!(is_date(good), "{good}");
        }
        for bad in ["", "26", "2026-13", "2026-02-29", "2026/02/01", "2026-2-1", "20260201", "+026"] {
            assert!(!is_date(bad), "{bad}");
        }
        for good in ["2026-05-09T14:30:00-04:00", "2026-05-09T14:30:00.123Z", "2026-05-09T14:30:00+05:30"] {
            assert!(is_instant(good), "{good}");
        }
        for bad in [
            "2026-05-09T14:30-04:00",
            "2026-05-09T14:30:00",
            "2026-05-09 14:30:00Z",
            "2026-05-09T25:00:00Z",
            "2026-05-09T14:30:00-0400",
            "2026-05-09T14:30:00-04:00[UTC]",
            "2026-05T14:30:00Z",
        ] {
            assert!(!is_instant(bad), "{bad}");
        }
    }
}
