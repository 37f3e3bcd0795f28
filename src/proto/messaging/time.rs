//! Dates and times of FHIR: how they are shown and written.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::proto::fhir::date::{is_date, is_instant};
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
    if !is_instant(text) {
        return None;
    }
    match zone_named(zone) {
        Some(zone) => Some(text.parse::<Timestamp>().ok()?.to_zoned(zone).strftime("%Y-%m-%d %H:%M (%Z)").to_string()),
        None => {
            let (date, time) = text.split_once('T')?;
            let offset = time.find(['Z', '+', '-']).and_then(|at| time.get(at..)).unwrap_or_default();
            Some(format!("{date} {} ({})", time.get(..5)?, if offset == "Z" { "UTC" } else { offset }))
        }
    }
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
    fn timestamps_carry_milliseconds_and_offset() {
        assert_eq!(timestamp(1_778_351_400_118, Some("America/Toronto")), "2026-05-09T14:30:00.118-04:00");
        assert_eq!(timestamp(1_778_351_400_000, None), "2026-05-09T18:30:00.000+00:00");
    }
}
