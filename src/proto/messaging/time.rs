//! Dates and times of FHIR: how they are shown and written.

use std::cmp::Ordering;
use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::proto::fhir::date::{first_day, is_date, moment};
use crate::proto::store::Millis;

fn zone_named(name: Option<&str>) -> Option<TimeZone> {
    name.and_then(|name| TimeZone::get(name).ok())
}

/// How a date or time is shown in a zone, as `2026-05-09 14:30 (EDT)`. A date without a time is never shifted. `None` when the text is
/// neither; the original must stand beside it always (architecture: configuration).
pub fn shown(text: &str, zone: Option<&str>) -> Option<String> {
    if is_date(text) {
        return Some(text.to_owned());
    }
    let moment = moment(text)?;
    match zone_named(zone) {
        Some(zone) => Some(moment.to_zoned(zone).strftime("%Y-%m-%d %H:%M (%Z)").to_string()),
        None => {
            let (date, time) = text.split_once('T')?;
            let offset = time.find(['Z', '+', '-']).and_then(|at| time.get(at..)).unwrap_or_default();
            Some(format!("{date} {} ({})", time.get(..5)?, if offset == "Z" { "UTC" } else { offset }))
        }
    }
}

/// Which of two dates or times comes first. A date stands for its whole day, month or year in the zone; `None` when the two overlap without
/// being the same, or one of them is neither.
pub fn order(one: &str, other: &str, zone: Option<&str>) -> Option<Ordering> {
    let (one, other) = (span(one, zone)?, span(other, zone)?);
    if one == other {
        return Some(Ordering::Equal);
    }
    match (one.end <= other.start, other.end <= one.start) {
        (true, false) => Some(Ordering::Less),
        (false, true) => Some(Ordering::Greater),
        _ => None,
    }
}

/// The moments a date or time stands for; of an instant, its nanosecond.
fn span(text: &str, zone: Option<&str>) -> Option<Range<Timestamp>> {
    if let Some(start) = moment(text) {
        return Some(start..start.checked_add(SignedDuration::from_nanos(1)).ok()?);
    }
    let first = first_day(text)?;
    let length = match text.len() {
        4 => 1.year(),
        7 => 1.month(),
        _ => 1.day(),
    };
    let zone = zone_named(zone).unwrap_or(TimeZone::UTC);
    let start = |date: Date| Some(date.to_zoned(zone.clone()).ok()?.timestamp());
    Some(start(first)?..start(first.checked_add(length).ok()?)?)
}

/// The form messages carry, in the clinic's zone: `2026-05-09T14:30:00.000-04:00` (messaging.md 4.1).
pub fn timestamp(now: Millis, zone: Option<&str>) -> String {
    let zoned = Timestamp::from_millisecond(now).unwrap_or_default().to_zoned(zone_named(zone).unwrap_or(TimeZone::UTC));
    zoned.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_the_clinics_zone_with_summer_time() {
        assert_eq!(shown("2026-05-09T18:30:00Z", Some("America/Toronto")).as_deref(), Some("2026-05-09 14:30 (EDT)"));
        assert_eq!(shown("2026-01-09T18:30:00.5Z", Some("America/Toronto")).as_deref(), Some("2026-01-09 13:30 (EST)"));
    }

    #[test]
    fn a_date_is_never_shifted_and_without_zone_the_senders_offset_stands() {
        assert_eq!(shown("2026-05-09", Some("America/Vancouver")).as_deref(), Some("2026-05-09"));
        assert_eq!(shown("2026-05-09T14:30:00-04:00", None).as_deref(), Some("2026-05-09 14:30 (-04:00)"));
        assert_eq!(shown("soon", Some("America/Toronto")), None);
    }

    #[test]
    fn times_are_put_in_order_and_a_date_is_its_whole_day_month_or_year() {
        const TORONTO: Option<&str> = Some("America/Toronto");
        let less = [
            ("2026-05-03T10:00:00-04:00", "2026-05-03T14:00:01Z"),
            // The hour that the end of summer time repeats.
            ("2026-11-01T01:30:00-04:00", "2026-11-01T01:10:00-05:00"),
            ("2026-05-03", "2026-05-04T04:00:00Z"),
            ("2025", "2026-01-01T05:00:00Z"),
            ("2026-02", "2026-03"),
            ("2026-03-08", "2026-03-09T00:00:00-04:00"),
        ];
        for (one, other) in less {
            assert_eq!(order(one, other, TORONTO), Some(Ordering::Less), "{one} {other}");
            assert_eq!(order(other, one, TORONTO), Some(Ordering::Greater), "{one} {other}");
        }
        for (one, other) in [("2026-05-03T10:00:00-04:00", "2026-05-03T14:00:00.000Z"), ("2026", "2026")] {
            assert_eq!(order(one, other, TORONTO), Some(Ordering::Equal), "{one} {other}");
        }
        for (one, other) in
            [("2026-05-03", "2026-05-04T03:59:00Z"), ("2026", "2026-05"), ("soon", "2026"), ("", ""), ("9999", "2026")]
        {
            assert_eq!(order(one, other, TORONTO), None, "{one} {other}");
        }
    }

    #[test]
    fn timestamps_carry_milliseconds_and_offset() {
        assert_eq!(timestamp(1_778_351_400_118, Some("America/Toronto")), "2026-05-09T14:30:00.118-04:00");
        assert_eq!(timestamp(1_778_351_400_000, None), "2026-05-09T18:30:00.000+00:00");
    }
}
