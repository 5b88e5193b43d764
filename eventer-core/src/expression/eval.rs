//! Evaluates the tree of an expression over an event, which it borrows.

use std::borrow::Cow;
use std::cmp::Ordering;

use jiff::Timestamp;

use super::node::{Arithmetic, Comparison, Kind, Node};
use super::schema::Record;
use super::value::{Value, zero_time};
use crate::event::Event;

/// Why a part of an expression could not be computed, and where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) what: &'static str,
}

impl Node {
    /// Whether it is true of `event`.
    pub(super) fn truth(&self, event: &Event) -> Result<bool, Fault> {
        Ok(matches!(self.eval(event)?, Value::Bool(true)))
    }

    /// What it gives for `event`. The checker has seen to the types, so what fits no type is left out here.
    pub(super) fn eval<'e>(&'e self, event: &'e Event) -> Result<Value<'e>, Fault> {
        let fault = |what| Fault { at: self.span.0, what };
        Ok(match &self.kind {
            Kind::Constant(value) => value.borrowed(),
            Kind::Variable(index) => Record::Event(event).field(*index),
            Kind::Field(of, index) => match of.eval(event)? {
                Value::Record(record) => record.field(*index),
                other => other,
            },
            Kind::Entry(parts) => match (parts[0].eval(event)?, parts[1].eval(event)?) {
                (Value::Labels(labels), key) => {
                    Value::text(labels.get(key.as_text()).map_or("", String::as_str))
                }
                (other, _) => other,
            },
            Kind::Item(parts) => match (parts[0].eval(event)?, parts[1].eval(event)?) {
                (Value::Texts(texts), Value::Int(index)) => {
                    let text = usize::try_from(index).ok().and_then(|index| texts.get(index));
                    Value::text(text.map_or("", String::as_str))
                }
                (Value::Owners(owners), Value::Int(index)) => Value::Record(Record::owner(owners, index)),
                (other, _) => other,
            },
            Kind::In(parts) => Value::Bool(match (parts[0].eval(event)?, parts[1].eval(event)?) {
                (key, Value::Labels(labels)) => labels.contains_key(key.as_text()),
                (item, Value::Texts(texts)) => texts.iter().any(|text| text == item.as_text()),
                _ => false,
            }),
            Kind::OneOf(item, list) => {
                let item = item.eval(event)?;
                let mut is_found = false;
                // CEL makes the whole list first, so that a fault in it always shows.
                for other in list {
                    is_found |= item.compare(&other.eval(event)?) == Some(Ordering::Equal);
                }
                Value::Bool(is_found)
            }
            Kind::Has(field) => Value::Bool(!field.eval(event)?.is_zero()),
            Kind::Not(part) => Value::Bool(!part.truth(event)?),
            Kind::And(parts) => Value::Bool(!either(false, parts, event)?),
            Kind::Or(parts) => Value::Bool(either(true, parts, event)?),
            Kind::If(parts) => parts[if parts[0].truth(event)? { 1 } else { 2 }].eval(event)?,
            Kind::Compare(comparison, parts) => {
                let ordering = parts[0].eval(event)?.compare(&parts[1].eval(event)?);
                Value::Bool(comparison.is_true_of(ordering))
            }
            Kind::Compute(arithmetic, parts) => {
                compute(*arithmetic, parts[0].eval(event)?, &parts[1].eval(event)?).map_err(fault)?
            }
            Kind::Negate(part) => match part.eval(event)? {
                Value::Int(int) => Value::Int(int.checked_neg().ok_or_else(|| fault(OVERFLOW))?),
                other => other,
            },
            Kind::Matches(text, regex) => Value::Bool(regex.is_match(text.eval(event)?.as_text())),
            Kind::Call(function, values) => match &values[..] {
                [] => (function.call)(event, &[]),
                [one] => (function.call)(event, &[one.eval(event)?]),
                [one, two, ..] => (function.call)(event, &[one.eval(event)?, two.eval(event)?]),
            },
        })
    }
}

/// Whether one of the two is `decisive`, which decides whatever the other is, also if that cannot be computed.
fn either(decisive: bool, parts: &[Node; 2], event: &Event) -> Result<bool, Fault> {
    let first = parts[0].truth(event);
    if first == Ok(decisive) {
        return Ok(true);
    }
    match (first, parts[1].truth(event)) {
        (_, Ok(second)) if second == decisive => Ok(true),
        (Err(fault), _) | (_, Err(fault)) => Err(fault),
        _ => Ok(false),
    }
}

impl Comparison {
    fn is_true_of(self, ordering: Option<Ordering>) -> bool {
        match self {
            Self::Equal => ordering == Some(Ordering::Equal),
            Self::NotEqual => ordering != Some(Ordering::Equal),
            Self::Less => ordering == Some(Ordering::Less),
            Self::LessOrEqual => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
            Self::Greater => ordering == Some(Ordering::Greater),
            Self::GreaterOrEqual => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

const OVERFLOW: &str = "the number is too large";
const BY_ZERO: &str = "the division is by zero";
const NO_TIME: &str = "the time is out of range";

fn compute<'e>(
    arithmetic: Arithmetic,
    left: Value<'e>,
    right: &Value<'e>,
) -> Result<Value<'e>, &'static str> {
    use Arithmetic::{Add, Divide, Multiply, Remainder, Subtract};
    use Value::{Duration, Int, Text, Time};
    Ok(match (arithmetic, left, right) {
        (Divide | Remainder, Int(_), Int(0)) => return Err(BY_ZERO),
        (Add, Int(a), Int(b)) => Int(a.checked_add(*b).ok_or(OVERFLOW)?),
        (Subtract, Int(a), Int(b)) => Int(a.checked_sub(*b).ok_or(OVERFLOW)?),
        (Multiply, Int(a), Int(b)) => Int(a.checked_mul(*b).ok_or(OVERFLOW)?),
        (Divide, Int(a), Int(b)) => Int(a.checked_div(*b).ok_or(OVERFLOW)?),
        (Remainder, Int(a), Int(b)) => Int(a.checked_rem(*b).ok_or(OVERFLOW)?),
        (Add, Text(a), Text(b)) => Text(Cow::Owned(a.into_owned() + b)),
        (Add, Time(a), Duration(b)) => Time(in_range(a.checked_add(*b).ok())?),
        (Add, Duration(a), Time(b)) => Time(in_range(b.checked_add(a).ok())?),
        (Subtract, Time(a), Duration(b)) => Time(in_range(a.checked_sub(*b).ok())?),
        (Subtract, Time(a), Time(b)) => Duration(a.duration_since(*b)),
        (Add, Duration(a), Duration(b)) => Duration(a.checked_add(*b).ok_or(NO_TIME)?),
        (Subtract, Duration(a), Duration(b)) => Duration(a.checked_sub(*b).ok_or(NO_TIME)?),
        (_, left, _) => left,
    })
}

/// CEL's timestamps begin with the year 1.
fn in_range(at: Option<Timestamp>) -> Result<Timestamp, &'static str> {
    at.filter(|at| *at >= zero_time()).ok_or(NO_TIME)
}
