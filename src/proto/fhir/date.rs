//! The forms of dates and times in FHIR (R4 datatypes).

use jiff::Timestamp;

/// Whether a text is a FHIR date: a year, a month or a day.
pub fn is_date(text: &str) -> bool {
    let digits_and_dashes =
        text.bytes().enumerate().all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    let full = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        10 => text.to_owned(),
        _ => return false,
    };
    digits_and_dashes && full.parse::<jiff::civil::Date>().is_ok()
}

/// Whether a text is a FHIR instant: date and time, to the second at least, with offset.
pub fn is_instant(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else { return false };
    let bytes = time.as_bytes();
    let colons = bytes.get(2) == Some(&b':') && bytes.get(5) == Some(&b':');
    let offset = time.strip_suffix('Z').is_some_and(|clock| !clock.contains(['+', '-']))
        || (bytes.len() >= 14 && matches!(bytes[bytes.len() - 6], b'+' | b'-') && bytes[bytes.len() - 3] == b':');
    let plain = time.bytes().all(|byte| byte.is_ascii_digit() || b":.+-Z".contains(&byte));
    date.len() == 10 && is_date(date) && colons && offset && plain && text.parse::<Timestamp>().is_ok()
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
