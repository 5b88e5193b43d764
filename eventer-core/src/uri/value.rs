//! Types that an option's value can be parsed into.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;

use crate::secret::Secret;
use crate::time::{format_duration, parse_duration};

/// A type that an option's value can be parsed into.
pub trait OptionValue: Sized {
    /// Parses the decoded text.
    ///
    /// # Errors
    /// Says what is wrong with the text, for a user to read.
    fn parse_option(text: &str) -> Result<Self, String>;
}

/// A number of bytes, written with `k`, `M`, `G`, or `Ki`, `Mi`, `Gi`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// At most so many in each span of that length, written `20/m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: NonZeroUsize,
    /// In which span.
    pub per: Duration,
}

impl OptionValue for String {
    fn parse_option(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl OptionValue for PathBuf {
    fn parse_option(text: &str) -> Result<Self, String> {
        Ok(text.into())
    }
}

impl<T: OptionValue> OptionValue for Secret<T> {
    fn parse_option(text: &str) -> Result<Self, String> {
        T::parse_option(text).map(Secret::new)
    }
}

impl OptionValue for bool {
    /// The words of Go's `ParseBool`, in any case; a name alone means yes.
    fn parse_option(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "" | "1" | "t" | "true" => Ok(true),
            "0" | "f" | "false" => Ok(false),
            _ => Err(format!("\"{text}\" is neither true nor false")),
        }
    }
}

impl OptionValue for u32 {
    fn parse_option(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("\"{text}\" is not a whole number"))
    }
}

impl OptionValue for u64 {
    fn parse_option(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("\"{text}\" is not a whole number"))
    }
}

impl OptionValue for NonZeroUsize {
    fn parse_option(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("\"{text}\" is not a whole number of at least 1"))
    }
}

impl OptionValue for Duration {
    fn parse_option(text: &str) -> Result<Self, String> {
        parse_duration(text)
    }
}

impl OptionValue for Regex {
    fn parse_option(text: &str) -> Result<Self, String> {
        Regex::new(text).map_err(|error| {
            let detail = error.to_string();
            let cause = detail.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("\"{text}\" is not a regular expression: {cause}")
        })
    }
}

impl OptionValue for ByteSize {
    fn parse_option(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is not a size such as 64Ki, 1Mi or 2Gi");
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
        let unit = match text[digits..].trim_end_matches(['B', 'b']) {
            "" => 1,
            "k" | "K" => 1000,
            "Ki" | "ki" => 1 << 10,
            "m" | "M" => 1_000_000,
            "Mi" | "mi" => 1 << 20,
            "g" | "G" => 1_000_000_000,
            "Gi" | "gi" => 1 << 30,
            _ => return Err(wrong()),
        };
        number.checked_mul(unit).map(Self).ok_or_else(wrong)
    }
}

impl ByteSize {
    /// As a number of bytes in memory.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = [(1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")]
            .into_iter()
            .find(|(unit, _)| self.0 > 0 && self.0.is_multiple_of(*unit))
            .map_or((self.0, ""), |(unit, name)| (self.0 / unit, name));
        write!(f, "{number}{unit}")
    }
}

impl OptionValue for Rate {
    fn parse_option(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is not a rate such as 5/s, 20/m or 100/h");
        let (count, per) = text.split_once('/').ok_or_else(wrong)?;
        let count = count.trim().parse().map_err(|_| wrong())?;
        let per = per.trim();
        let has_number = per.starts_with(|c: char| c.is_ascii_digit());
        let per = parse_duration(&if has_number { per.to_owned() } else { format!("1{per}") })
            .map_err(|_| wrong())?;
        if per.is_zero() { Err(wrong()) } else { Ok(Self { count, per }) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, format_duration(self.per))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_rates_are_read_as_they_are_written() {
        for (text, bytes) in [("1Mi", 1 << 20), ("64KiB", 65_536), ("2G", 2_000_000_000), ("17", 17)] {
            assert_eq!(ByteSize::parse_option(text), Ok(ByteSize(bytes)));
        }
        assert_eq!(ByteSize(1 << 20).to_string(), "1Mi");
        assert!(ByteSize::parse_option("1Xi").is_err());
        let rate = Rate::parse_option("20/m").unwrap();
        assert_eq!((rate.count.get(), rate.per), (20, Duration::from_secs(60)));
        for wrong in ["20", "0/m", "20/", "20/x", "m/20", "20/0s"] {
            assert!(Rate::parse_option(wrong).is_err(), "{wrong} was taken");
        }
    }

    #[test]
    fn booleans_are_gos() {
        for yes in ["1", "t", "T", "TRUE", "true", "True", ""] {
            assert_eq!(bool::parse_option(yes), Ok(true));
        }
        assert_eq!(bool::parse_option("F"), Ok(false));
        assert!(bool::parse_option("yes").is_err());
    }

    #[test]
    fn a_wrong_regular_expression_says_why() {
        let error = Regex::parse_option("a(b").unwrap_err();
        assert!(error.contains("unclosed group"), "{error}");
    }
}
