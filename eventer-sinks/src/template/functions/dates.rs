//! Sprig's functions of time. A time of the event is taken as it stands, `.Time` or not; a number is seconds since 1970.

use eventer_core::time::parse_duration;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::super::kind::Kind;
use super::super::time::{GoTime, TimeForm};
use super::super::value::Value;
use super::{Answer, Call, Function, function, made};

pub(super) const FUNCTIONS: &[Function] = &[
    function("now", (0, 0), Kind::Time, |call| {
        Ok(Value::Time(GoTime::new(Some(call.pass.scope.now), call.pass.scope.time_zone, TimeForm::Plain)))
    }),
    function("date", (2, 2), Kind::Text, |call| {
        made(time(call, 1)?.in_zone(call.pass.scope.time_zone).format(&call.text(0)))
    }),
    function("dateInZone", (3, 3), Kind::Text, date_in_zone),
    function("date_in_zone", (3, 3), Kind::Text, date_in_zone),
    function("htmlDate", (1, 1), Kind::Text, |call| {
        made(time(call, 0)?.in_zone(call.pass.scope.time_zone).format("2006-01-02"))
    }),
    function("htmlDateInZone", (2, 2), Kind::Text, |call| {
        let zone = zone(&call.text(1), call.pass.scope.time_zone);
        made(time(call, 0)?.in_zone(&zone).format("2006-01-02"))
    }),
    function("dateModify", (2, 2), Kind::Time, date_modify),
    function("date_modify", (2, 2), Kind::Time, date_modify),
    function("unixEpoch", (1, 1), Kind::Text, |call| made(time(call, 0)?.unix_seconds().to_string())),
    function("ago", (1, 1), Kind::Text, |call| made(go_duration(whole_seconds(age(call)?)))),
    function("duration", (1, 1), Kind::Text, |call| made(go_duration(call.int(0)))),
    function("durationRound", (1, 1), Kind::Text, |call| {
        let span = match call.value(0) {
            Value::Time(_) => age(call)?,
            Value::Text(text) => signed_duration(&text).unwrap_or_default(),
            _ => SignedDuration::from_nanos(call.int(0)),
        };
        made(rounded(span))
    }),
];

/// The zone that is called `name` in the tz database. `Local` is the one that times are told in.
pub(in super::super) fn find_zone(name: &str) -> Option<TimeZone> {
    match name {
        "" | "UTC" => Some(TimeZone::UTC),
        name => TimeZone::get(name).ok(),
    }
}

/// As Go falls back: to UTC. A name that a template writes out is checked when it is read.
fn zone(name: &str, local: &TimeZone) -> TimeZone {
    if name == "Local" { local.clone() } else { find_zone(name).unwrap_or(TimeZone::UTC) }
}

fn time<'e>(call: &Call<'_, 'e>, index: usize) -> Result<GoTime<'e>, String> {
    match call.value(index) {
        Value::Time(time) => Ok(time.plain()),
        Value::Int(seconds) => {
            let at = Timestamp::from_second(seconds).map_err(|_| format!("{seconds} is too far away"))?;
            Ok(GoTime::new(Some(at), call.pass.scope.time_zone, TimeForm::Plain))
        }
        other => Err(format!("it wants a time, not {}", other.kind())),
    }
}

fn date_in_zone<'e>(call: &Call<'_, 'e>) -> Answer<'e> {
    let zone = zone(&call.text(2), call.pass.scope.time_zone);
    made(time(call, 1)?.in_zone(&zone).format(&call.text(0)))
}

fn date_modify<'e>(call: &Call<'_, 'e>) -> Answer<'e> {
    let time = time(call, 1)?;
    let span = signed_duration(&call.text(0));
    Ok(Value::Time(match (span, time.at()) {
        (Some(span), Some(at)) => match at.checked_add(span) {
            Ok(at) => GoTime::new(Some(at), call.pass.scope.time_zone, TimeForm::Plain),
            Err(_) => return Err("the time is too far away".to_owned()),
        },
        _ => time,
    }))
}

fn signed_duration(text: &str) -> Option<SignedDuration> {
    let (is_negative, span) = match text.strip_prefix('-') {
        Some(span) => (true, span),
        None => (false, text),
    };
    let span = SignedDuration::try_from(parse_duration(span).ok()?).ok()?;
    Some(if is_negative { -span } else { span })
}

fn age(call: &Call<'_, '_>) -> Result<SignedDuration, String> {
    let at = time(call, 0)?.at().unwrap_or(Timestamp::MIN);
    Ok(call.pass.scope.now.duration_since(at))
}

/// Half a second counts away from zero, as in Go.
fn whole_seconds(span: SignedDuration) -> i64 {
    let half = span.subsec_nanos() / 500_000_000;
    span.as_secs().saturating_add(half.into())
}

/// As Go prints a duration of whole seconds: `1h0m5s`.
fn go_duration(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    let seconds = seconds.unsigned_abs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{sign}{rest}s"),
        (0, _) => format!("{sign}{minutes}m{rest}s"),
        _ => format!("{sign}{hours}h{minutes}m{rest}s"),
    }
}

/// Sprig's shortest form: the largest unit that the span is longer than.
fn rounded(span: SignedDuration) -> String {
    const UNITS: [(u128, &str); 6] =
        [(31_536_000, "y"), (2_592_000, "mo"), (86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let nanos = span.as_nanos().unsigned_abs();
    let unit = UNITS.iter().find(|(seconds, _)| nanos > seconds * 1_000_000_000);
    unit.map_or("0s".to_owned(), |(seconds, unit)| format!("{}{unit}", nanos / (seconds * 1_000_000_000)))
}
