//! Clocks, and the forms in which Kubernetes, Go and users write a point or a span of time.

use std::fmt::Debug;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::TimeZone;

/// Tells the wall clock's time. Handed in, so that tests own it; spans are measured with [`tokio::time::Instant`].
pub trait Clock: Debug + Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that may ask the operating system")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

const SECONDS: DateTimePrinter = DateTimePrinter::new().precision(Some(0));
const MICROS: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

/// Writes `at` as `metav1.Time` does: RFC 3339, UTC, whole seconds.
pub fn rfc3339_seconds(at: Timestamp) -> String {
    SECONDS.timestamp_to_string(&at)
}

/// Writes `at` as `metav1.MicroTime` does: RFC 3339, UTC, exactly six digits of a second.
pub fn rfc3339_micros(at: Timestamp) -> String {
    MICROS.timestamp_to_string(&at)
}

/// Writes `at` as Go's `Time.String` does, which is how kube-eventer prints a time in text:
/// `2024-05-06 07:08:12.123456 +0000 UTC`, the fraction without its trailing zeros.
///
/// A zone that has no name is written as its offset twice (`+0530 +0530`), hours alone as `+08`, as Go does. The seconds
/// of an offset, which zones had before they were made standard, are left out.
pub fn go_string(at: Timestamp, zone: &TimeZone) -> String {
    let local = at.to_zoned(zone.clone());
    let mut text = local.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let nanos = local.subsec_nanosecond();
    if nanos != 0 {
        let fraction = format!(".{nanos:09}");
        text.push_str(fraction.trim_end_matches('0'));
    }
    let minutes = local.offset().seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
    text.push_str(&format!(" {sign}{hours:02}{minutes:02} {}", local.strftime("%Z")));
    text
}

/// Parses a duration as Go does: `300ms`, `1m30s`, `1.5h`; also days (`7d`), which Go has not.
///
/// # Errors
/// Says what is wrong with the text, for a user to read. A number without a unit is an error, as it is in Go.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("\"{text}\" is not a duration such as 500ms, 20s or 1m30s");
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut seconds = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let unit_len = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = match &rest[..unit_len] {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return Err(wrong()),
        };
        seconds += number * unit;
        rest = &rest[unit_len..];
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

/// Writes a duration as a user would type it: `20s`, `1m30s`, `500ms`.
pub fn format_duration(span: Duration) -> String {
    let millis = span.as_millis();
    if millis == 0 || !millis.is_multiple_of(1000) {
        return format!("{millis}ms");
    }
    let seconds = span.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn go_prints_the_fraction_without_trailing_zeros() {
        let utc = TimeZone::UTC;
        assert_eq!(go_string(at("2024-05-06T07:08:10Z"), &utc), "2024-05-06 07:08:10 +0000 UTC");
        assert_eq!(
            go_string(at("2024-05-06T07:08:12.123456Z"), &utc),
            "2024-05-06 07:08:12.123456 +0000 UTC"
        );
        assert_eq!(go_string(at("2024-05-06T07:08:12.5Z"), &utc), "2024-05-06 07:08:12.5 +0000 UTC");
    }

    #[test]
    fn go_prints_the_local_zone() {
        let shanghai = TimeZone::get("Asia/Shanghai").unwrap();
        assert_eq!(go_string(at("2024-05-06T07:08:10Z"), &shanghai), "2024-05-06 15:08:10 +0800 CST");
        let singapore = TimeZone::get("Asia/Singapore").unwrap();
        assert_eq!(go_string(at("2024-05-06T07:08:10Z"), &singapore), "2024-05-06 15:08:10 +0800 +08");
        let kolkata = TimeZone::get("Asia/Kolkata").unwrap();
        assert_eq!(go_string(at("2024-05-06T07:08:10Z"), &kolkata), "2024-05-06 12:38:10 +0530 IST");
    }

    #[test]
    fn go_leaves_out_the_seconds_of_an_offset() {
        let shanghai = TimeZone::get("Asia/Shanghai").unwrap();
        assert_eq!(go_string(at("1890-06-01T00:00:00Z"), &shanghai), "1890-06-01 08:05:43 +0805 LMT");
        let monrovia = TimeZone::get("Africa/Monrovia").unwrap();
        assert_eq!(go_string(at("1970-01-01T00:00:00Z"), &monrovia), "1969-12-31 23:15:30 -0044 MMT");
    }

    #[test]
    fn kubernetes_prints_seconds_or_micros() {
        assert_eq!(rfc3339_seconds(at("2024-05-06T07:08:12.9Z")), "2024-05-06T07:08:12Z");
        assert_eq!(rfc3339_micros(at("2024-05-06T07:08:12.1Z")), "2024-05-06T07:08:12.100000Z");
    }

    #[test]
    fn durations_are_read_as_go_reads_them() {
        assert_eq!(parse_duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("1.5h"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("10ms"), Ok(Duration::from_millis(10)));
        assert_eq!(parse_duration("7d"), Ok(Duration::from_secs(604_800)));
        assert_eq!(parse_duration("0"), Ok(Duration::ZERO));
        for wrong in ["", "5", "s", "-5s", "5x", "1..5s", "5s3"] {
            assert!(parse_duration(wrong).is_err(), "{wrong} was taken");
        }
    }

    #[test]
    fn durations_are_written_as_they_are_typed() {
        for text in ["20s", "1m30s", "500ms", "1h", "3m"] {
            assert_eq!(format_duration(parse_duration(text).unwrap()), text);
        }
    }
}
