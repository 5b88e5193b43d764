//! How far a scope has come, and the text in which a checkpoint keeps it. Pure.
//!
//! | text | goes on with |
//! |---|---|
//! | `1200` | a watch from this version on |
//! | `list all` | a list of everything, of which nothing was handed on yet |
//! | `list after:1200 1500:prod/a` | a list of what is newer than 1200, of which what stands up to `prod/a` was handed on as of version 1500 |
//! | `list since:2026-11-21T06:00:00Z …` | a list of what was seen since then |

use std::fmt;

use eventer_core::Position;
use jiff::Timestamp;

use super::buffer::Reached;
use super::relist::{Base, Covered};

/// How far a scope has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Everything up to a version is known.
    At(Reached),
    /// A list is being read.
    Listing(Progress),
}

/// How far a list has come, over all its attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// What is new of it.
    pub(super) base: Base,
    /// What was handed on of it.
    pub(super) covered: Vec<Covered>,
    /// When the attempt that came so far was begun.
    pub(super) began: Timestamp,
}

impl Place {
    /// Reads what [`Self::to_position`] wrote. `None`: it was not.
    pub(super) fn from_position(position: &Position) -> Option<Self> {
        let at = position.at;
        let Some(list) = position.version.strip_prefix("list ") else {
            return Some(Self::At(Reached { version: position.version.parse().ok()?, at }));
        };
        let (base, covered) = list.split_once(' ').unwrap_or((list, ""));
        let base = match base.split_once(':') {
            None if base == "all" => Base::All,
            Some(("after", version)) => Base::NewerThan(version.parse().ok()?),
            Some(("since", at)) => Base::SeenSince(at.parse().ok()?),
            _ => return None,
        };
        let covered = covered.split(' ').filter(|word| !word.is_empty()).map(|word| {
            let (version, through) = word.split_once(':')?;
            Some(Covered { through: through.to_owned(), version: version.parse().ok()? })
        });
        Some(Self::Listing(Progress { base, covered: covered.collect::<Option<_>>()?, began: at }))
    }

    /// What a checkpoint keeps.
    pub(super) fn to_position(&self) -> Position {
        match self {
            Self::At(reached) => Position { version: reached.version.to_string(), at: reached.at },
            Self::Listing(progress) => Position { version: progress.to_string(), at: progress.began },
        }
    }
}

/// Names have no spaces in them.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.base {
            Base::All => f.write_str("list all")?,
            Base::NewerThan(version) => write!(f, "list after:{version}")?,
            Base::SeenSince(at) => write!(f, "list since:{at}")?,
        }
        self.covered.iter().try_for_each(|covered| write!(f, " {}:{}", covered.version, covered.through))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(version: u64, through: &str) -> Covered {
        Covered { version, through: through.to_owned() }
    }

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let at: Timestamp = "2026-11-21T06:00:00.25Z".parse().unwrap();
        let listing = |base, covered| Place::Listing(Progress { base, covered, began: at });
        for (place, text) in [
            (Place::At(Reached { version: 1200, at }), "1200"),
            (listing(Base::All, vec![]), "list all"),
            (
                listing(Base::NewerThan(7), vec![covered(9, "prod/a:b.1"), covered(8, "shop/c")]),
                "list after:7 9:prod/a:b.1 8:shop/c",
            ),
            (
                listing(Base::SeenSince(at), vec![covered(9, "x/y")]),
                "list since:2026-11-21T06:00:00.25Z 9:x/y",
            ),
        ] {
            let position = place.to_position();
            assert_eq!((&*position.version, position.at), (text, at));
            assert_eq!(Place::from_position(&position), Some(place));
        }
    }

    #[test]
    fn what_is_no_place_is_none() {
        for text in
            ["", "x", "list", "list ", "list before:7", "list after:x", "list all 9", "list all x:y/z"]
        {
            let position = Position { version: text.to_owned(), at: Timestamp::UNIX_EPOCH };
            assert_eq!(Place::from_position(&position), None, "{text}");
        }
    }
}
