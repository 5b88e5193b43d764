//! What a rendering is given besides the event.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The surroundings of a rendering.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    /// The zone in which times are told.
    pub(crate) time_zone: &'a TimeZone,
    /// What `now` answers, and `ago` counts from.
    pub(crate) now: Timestamp,
    /// How values are put into the text around them.
    pub(crate) escaping: Escaping,
}

/// How values are put into the text around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escaping {
    /// As they are: for plain text and markdown.
    None,
    /// As they are, but the message without its double quotes: what kube-eventer did.
    QuotesTakenOut,
    /// A value that lands between the quotes of a JSON string is escaped for it, unless its action escapes already
    /// (`toJson`, `quote`, `js`, `printf "%q"`, or a `replace` that writes backslashes). A value outside of quotes is put
    /// in as it is.
    Json,
    /// `&`, `<` and `>` of any value are escaped, as HTML and the markup of Slack have it: no value is markup.
    Markup,
}
