//! What the framework does around a sink: the options that every sink takes.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::filter::{self, EventFilter, Level, NamespaceOf};
use crate::journal::Begin;
use crate::sink::BatchLimits;
use crate::source::DEFAULT_BATCH_EVENTS;
use crate::uri::{ByteSize, OptionSpec, OptionValue, Rate, UriReader};

/// What happens around a sink: what it wants, in which portions, how fast, and how stubbornly.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Where it begins in a journal on disk that does not know it.
    pub from: Begin,
    /// Which events the sink wants.
    pub filter: EventFilter,
    /// Drops an event that waits longer than this, counted from its receipt.
    pub max_age: Option<Duration>,
    /// The most of one export; the sink's own limits hold beside it.
    pub batch: BatchLimits,
    /// The most exports in a span of time; an export that is tried again counts once.
    pub rate: Option<Rate>,
    /// Exports in flight at a time. More than one keeps the order of each object's events only.
    pub concurrency: NonZeroUsize,
    /// Time limit of one attempt.
    pub timeout: Duration,
    /// Wait before the second attempt; it doubles from there.
    pub min_backoff: Duration,
    /// The longest wait between two attempts.
    pub max_backoff: Duration,
    /// Drops what could not be delivered for this long; zero: after one attempt. `None`: tries for ever.
    pub retry_for: Option<Duration>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            from: Begin::default(),
            filter: EventFilter::default(),
            max_age: None,
            batch: BatchLimits { events: DEFAULT_BATCH_EVENTS, bytes: 1 << 20 },
            rate: None,
            concurrency: NonZeroUsize::MIN,
            timeout: Duration::from_secs(20),
            min_backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(60),
            retry_for: None,
        }
    }
}

/// What a kind of sink wants other than the common defaults.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolicyDefaults {
    /// Least level.
    pub level: Option<Level>,
    /// Where `namespaces=` looks.
    pub namespace_of: NamespaceOf,
    /// Most exports in a span.
    pub rate: Option<Rate>,
    /// Longest wait of an event.
    pub max_age: Option<Duration>,
    /// Most of one export.
    pub batch: Option<BatchLimits>,
}

impl PolicyDefaults {
    /// The common defaults.
    pub const NONE: Self =
        Self { level: None, namespace_of: NamespaceOf::Object, rate: None, max_age: None, batch: None };
}

const MAX_AGE: OptionSpec = OptionSpec::new(
    "max_age",
    "DURATION",
    "Drops an event that waits longer than this, counted from its receipt.",
);
const TIMEOUT: OptionSpec =
    OptionSpec::new("timeout", "DURATION", "Time limit of one attempt.").default("20s");
const MIN_BACKOFF: OptionSpec =
    OptionSpec::new("min_backoff", "DURATION", "Wait before the second attempt; it doubles from there.")
        .default("1s");
const MAX_BACKOFF: OptionSpec =
    OptionSpec::new("max_backoff", "DURATION", "Longest wait between two attempts.").default("1m");
const RETRY_FOR: OptionSpec = OptionSpec::new(
    "retry_for",
    "DURATION",
    "Drops what could not be delivered for this long, with 0s after one attempt; else tries for ever.",
);
const RATE: OptionSpec = OptionSpec::new("rate", "N/SPAN", "Most exports in a span, such as 20/m.");
const CONCURRENCY: OptionSpec =
    OptionSpec::new("concurrency", "N", "Exports at a time; more than one keeps the order per object only.")
        .default("1");
const BATCH_EVENTS: OptionSpec =
    OptionSpec::new("batch_events", "N", "Most events of one export.").default("1000");
const BATCH_BYTES: OptionSpec =
    OptionSpec::new("batch_bytes", "SIZE", "Most bytes of one export, counted as JSON.").default("1Mi");
const FROM: OptionSpec = OptionSpec::new(
    "from",
    "newest|oldest",
    "Where a new sink begins in a journal on disk (--state-dir): with what comes, or with what is still there.",
)
.default("newest");
const SINK_NAME: OptionSpec =
    OptionSpec::new("sink_name", "NAME", "Name of the sink in logs, metrics and positions; else its kind.");

/// The options of this module, in the order in which the help shows them.
const OWN: [OptionSpec; 11] = [
    MAX_AGE,
    TIMEOUT,
    MIN_BACKOFF,
    MAX_BACKOFF,
    RETRY_FOR,
    RATE,
    CONCURRENCY,
    BATCH_EVENTS,
    BATCH_BYTES,
    FROM,
    SINK_NAME,
];

/// The options that every sink takes, those of its filter first, in the order in which the help shows them.
pub const OPTIONS: &[OptionSpec] = &{
    let mut all = [SINK_NAME; filter::OPTIONS.len() + OWN.len()];
    let (filter, own) = all.split_at_mut(filter::OPTIONS.len());
    filter.copy_from_slice(filter::OPTIONS);
    own.copy_from_slice(&OWN);
    all
};

impl OptionValue for Begin {
    fn parse_option(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "newest" => Ok(Self::Newest),
            "oldest" => Ok(Self::Oldest),
            _ => Err(format!("\"{text}\" is neither newest nor oldest")),
        }
    }
}

impl Policy {
    /// Takes the policy's options; what was not given is as `defaults` says. Mistakes are recorded in the reader.
    pub fn take(uri: &mut UriReader<'_>, defaults: PolicyDefaults) -> Self {
        let policy = Self {
            from: uri.take_or_default(&FROM),
            filter: EventFilter::take(uri, defaults),
            max_age: uri.take(&MAX_AGE).or(defaults.max_age),
            batch: take_batch(uri, defaults.batch),
            rate: uri.take(&RATE).or(defaults.rate),
            concurrency: uri.take_or_default(&CONCURRENCY),
            timeout: uri.take_or_default(&TIMEOUT),
            min_backoff: uri.take_or_default(&MIN_BACKOFF),
            max_backoff: uri.take_or_default(&MAX_BACKOFF),
            retry_for: uri.take(&RETRY_FOR),
        };
        if policy.max_age.is_some_and(|age| age.is_zero()) {
            uri.invalid(&MAX_AGE, "every event would be too old; leave it out to drop none");
        }
        if policy.timeout.is_zero() {
            uri.invalid(&TIMEOUT, "an attempt needs some time");
        }
        if policy.min_backoff.is_zero() {
            uri.invalid(&MIN_BACKOFF, "a destination in trouble needs some time");
        }
        if policy.min_backoff > policy.max_backoff {
            uri.invalid(&MAX_BACKOFF, "it is shorter than min_backoff");
        }
        policy
    }

    /// Takes the name that the sink was given.
    pub(crate) fn take_name(uri: &mut UriReader<'_>) -> Option<String> {
        let name: Option<String> = uri.take(&SINK_NAME);
        if name.as_ref().is_some_and(|name| name.trim().is_empty()) {
            uri.invalid(&SINK_NAME, "a name has at least one letter");
        }
        name
    }
}

/// What is given goes before what is the kind's own, and that before what is common.
fn take_batch(uri: &mut UriReader<'_>, of_kind: Option<BatchLimits>) -> BatchLimits {
    let Some(of_kind) = of_kind else {
        let bytes: ByteSize = uri.take_or_default(&BATCH_BYTES);
        return BatchLimits { events: uri.take_or_default(&BATCH_EVENTS), bytes: bytes.as_usize() };
    };
    let events = uri.take(&OptionSpec { default: None, ..BATCH_EVENTS });
    let bytes: Option<ByteSize> = uri.take(&OptionSpec { default: None, ..BATCH_BYTES });
    BatchLimits {
        events: events.unwrap_or(of_kind.events),
        bytes: bytes.map_or(of_kind.bytes, ByteSize::as_usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ConfigError;
    use crate::uri::{ComponentSpec, ComponentUri, EndpointSpec};

    const KIND: ComponentSpec =
        ComponentSpec { kind: "test", summary: "", endpoint: EndpointSpec::None, options: &[], example: "" };

    fn take(query: &str) -> (Policy, Vec<ConfigError>) {
        let uri = ComponentUri::parse("--sink", &format!("test:?{query}"), &()).unwrap();
        let mut reader = UriReader::new("--sink", &uri, &KIND, OPTIONS);
        let policy = Policy::take(&mut reader, PolicyDefaults::NONE);
        Policy::take_name(&mut reader);
        (policy, reader.finish())
    }

    #[test]
    fn nothing_given_is_the_default() {
        let (policy, errors) = take("");
        assert!(errors.is_empty(), "{errors:?}");
        let (given, default) = (format!("{policy:?}"), format!("{:?}", Policy::default()));
        assert_eq!(given.replace("min_count: 1", "min_count: 0"), default);
    }

    #[test]
    fn a_kind_may_have_other_defaults() {
        let uri = ComponentUri::parse("--sink", "test:?batch_events=7", &()).unwrap();
        let mut reader = UriReader::new("--sink", &uri, &KIND, OPTIONS);
        let batch = Some(BatchLimits { events: NonZeroUsize::new(5000).unwrap(), bytes: 8 << 20 });
        let policy = Policy::take(&mut reader, PolicyDefaults { batch, ..PolicyDefaults::NONE });
        assert_eq!((policy.batch.events.get(), policy.batch.bytes), (7, 8 << 20));
        assert!(reader.finish().is_empty());
    }

    #[test]
    fn lists_are_split_at_commas_and_joined_over_repetitions() {
        let (policy, errors) =
            take("kinds=Pod,%20Node&kinds=Job&reason=^Back,NotReady$&namespaces=&message=a,b");
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(policy.filter.kinds, ["Pod", "Node", "Job"]);
        assert_eq!(policy.filter.reason.len(), 2);
        assert!(policy.filter.namespaces.is_empty());
        assert_eq!(policy.filter.message[0].as_str(), "a,b");
    }

    #[test]
    fn an_expression_that_is_cut_or_misread_is_told() {
        for (query, told) in [
            // A single & ends the option: what follows is no option then.
            (
                "where=message.contains('a&b')",
                "column 18: the string that begins here is not closed; in a URI a & in it is written %26",
            ),
            // Options behind && belong to the expression.
            ("where=type=='Warning'&&level=Warning", "column 23: a single = means nothing; == compares"),
            ("where=type=='Warning'&&quiet", "there is no field \"quiet\""),
            // A plus is a space.
            ("where=count+1>5", "column 7: 1 is not expected here"),
            ("where=", "column 1: it is empty"),
            ("where=typ=='Warning'", "column 1: there is no field \"typ\", did you mean \"type\"?"),
        ] {
            let (policy, errors) = take(query);
            assert!(policy.filter.expression.is_none());
            let first = errors[0].to_string();
            assert!(first.starts_with("--sink=test: option \"where\": ") && first.contains(told), "{first}");
        }
        let (policy, errors) = take("where=count%2B1>5%20&&%20count%251==0&kinds=Pod");
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(policy.filter.expression.unwrap().to_string(), "count+1>5 && count%1==0");
    }

    #[test]
    fn no_event_can_be_younger_than_nothing_but_one_attempt_is_a_way_to_try() {
        let (_, errors) = take("max_age=0s");
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            errors,
            [r#"--sink=test: option "max_age": every event would be too old; leave it out to drop none"#]
        );
        let (policy, errors) = take("retry_for=0s&max_age=1ms");
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(policy.retry_for, Some(Duration::ZERO));
    }

    #[test]
    fn every_mistake_is_told() {
        let (_, errors) = take(
            "level=warnig&rate=20&timeout=5&reason=a(&min_backoff=2m&batch_events=0&tiemout=3s&sink_name=",
        );
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let options = ["level", "rate", "timeout", "reason", "max_backoff", "batch_events", "sink_name"];
        for option in options {
            assert!(
                errors.iter().any(|error| error.contains(&format!("option \"{option}\""))),
                "{option}: {errors:?}"
            );
        }
        assert!(errors.iter().any(|error| error.contains("did you mean \"timeout\"?")), "{errors:?}");
        assert_eq!(errors.len(), options.len() + 1, "{errors:?}");
    }

    #[test]
    fn a_list_that_an_empty_variable_gave_is_no_condition_by_mistake() {
        let environment = std::collections::BTreeMap::from([("NS".to_owned(), String::new())]);
        let uri = ComponentUri::parse("--sink", "test:?namespaces=$NS&kinds=", &environment).unwrap();
        let mut reader = UriReader::new("--sink", &uri, &KIND, OPTIONS);
        Policy::take(&mut reader, PolicyDefaults::NONE);
        let errors = reader.finish();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].to_string().contains("\"namespaces\": a variable in it is empty"), "{errors:?}");
    }

    #[test]
    fn a_type_that_is_misspelt_and_a_namespace_that_is_none_are_told() {
        let (_, errors) = take("types=warnig&namespaces=%5Ekube-&exclude_namespaces=kube-*&types=Custom");
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 2, "{errors:?}");
        assert!(errors[0].contains("\"^kube-\" is no name of a namespace"), "{errors:?}");
        assert!(errors[1].contains("did you mean \"Warning\"?"), "{errors:?}");
    }
}
