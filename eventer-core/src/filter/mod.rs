//! Which events a sink wants. Pure.

mod conditions;
mod options;
mod values;

use jiff::Timestamp;
use regex::Regex;

use crate::event::Event;
use crate::expression::{EvaluationError, Expression};
use conditions::Condition;
pub use options::{OPTIONS, WHERE};
pub use values::{Level, NamespaceOf, Pattern, TypeName};

/// Which events a sink wants; all by default. The conditions are joined by AND, the values of each by OR.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// The least level; an event without a level never passes one.
    pub level: Option<Level>,
    /// Where the namespace that is compared is taken from.
    pub namespace_of: NamespaceOf,
    /// Namespaces, with `*` as a wildcard. Empty: all, also objects without a namespace.
    pub namespaces: Vec<Pattern>,
    /// Namespaces that are left out.
    pub exclude_namespaces: Vec<Pattern>,
    /// Kinds of the object, in any case.
    pub kinds: Vec<String>,
    /// Kinds that are left out.
    pub exclude_kinds: Vec<String>,
    /// Types, in any case.
    pub types: Vec<TypeName>,
    /// Regular expressions of which one must be found in the reason.
    pub reason: Vec<Regex>,
    /// Regular expressions of which none may be found in the reason.
    pub exclude_reason: Vec<Regex>,
    /// Regular expressions of which one must be found in the object's name.
    pub object_name: Vec<Regex>,
    /// Regular expressions of which none may be found in the object's name.
    pub exclude_object_name: Vec<Regex>,
    /// Regular expressions of which one must be found in the message.
    pub message: Vec<Regex>,
    /// Regular expressions of which none may be found in the message.
    pub exclude_message: Vec<Regex>,
    /// How often the event must have been seen.
    pub min_count: u32,
    /// An expression that must be true.
    pub expression: Option<Expression>,
}

/// What a filter decided about an event, and by which condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the event is wanted.
    pub is_wanted: bool,
    /// The option whose condition refused it. `None`: nothing did.
    pub option: Option<&'static str>,
    /// Why, for people, in lower case and without a full stop: which condition decided, and what the event holds there.
    /// Shows no secret.
    pub reason: String,
}

impl EventFilter {
    /// Whether the sink wants `event`. It wants one for which the expression cannot be computed.
    pub fn wants(&self, event: &Event) -> bool {
        self.ask(event).unwrap_or(true)
    }

    /// Whether there is a condition at all: a filter without one wants everything.
    pub fn has_condition(&self) -> bool {
        let Self {
            level,
            namespace_of: _,
            namespaces,
            exclude_namespaces,
            kinds,
            exclude_kinds,
            types,
            reason,
            exclude_reason,
            object_name,
            exclude_object_name,
            message,
            exclude_message,
            min_count,
            expression,
        } = self;
        let regexes = [reason, exclude_reason, object_name, exclude_object_name, message, exclude_message];
        level.is_some()
            || !(namespaces.is_empty() && exclude_namespaces.is_empty())
            || !(kinds.is_empty() && exclude_kinds.is_empty() && types.is_empty())
            || regexes.iter().any(|regexes| !regexes.is_empty())
            // Every event was seen once.
            || *min_count > 1
            || expression.is_some()
    }

    /// As [`wants`](Self::wants), and says why. Takes longer, for people who ask about one event.
    pub fn decide(&self, event: &Event) -> Decision {
        let (is_wanted, option, reason) = match self.refusal(event) {
            Ok(Some(refusal)) => (
                false,
                Some(refusal.option),
                format!("{}: {}", refusal.option, (refusal.because)(self, event)),
            ),
            Ok(None) => (
                true,
                None,
                self.expression.as_ref().map_or_else(
                    || "nothing refuses it".to_owned(),
                    |expression| format!("{}: {}", options::WHERE.name, expression.explain(event)),
                ),
            ),
            Err(error) => (true, None, format!("{}: {error}, so it is wanted", options::WHERE.name)),
        };
        Decision { is_wanted, option, reason }
    }

    /// As a rule that drops what it wants: why it drops `event`, if it does, as [`decide`](Self::decide) says it. What cannot
    /// be decided is kept.
    pub fn drops(&self, event: &Event) -> Option<String> {
        let is_dropped = self.ask(event).unwrap_or(false);
        is_dropped.then(|| match &self.expression {
            Some(expression) => format!("{}: {}", options::WHERE.name, expression.explain(event)),
            None => "it meets all conditions of the rule".to_owned(),
        })
    }

    /// Whether the sink wants `event`.
    ///
    /// # Errors
    /// If that depends on the expression and it cannot be computed for this event.
    pub(crate) fn ask(&self, event: &Event) -> Result<bool, EvaluationError> {
        self.refusal(event).map(|refusal| refusal.is_none())
    }

    /// The first condition that `event` does not meet.
    fn refusal(&self, event: &Event) -> Result<Option<&'static Condition>, EvaluationError> {
        for condition in conditions::ALL {
            if !(condition.holds)(self, event)? {
                return Ok(Some(condition));
            }
        }
        Ok(None)
    }
}

/// Decides whether an event has become too old to be worth telling. One without a time of receipt never does.
pub(crate) fn is_expired(event: &Event, max_age: Option<std::time::Duration>, now: Timestamp) -> bool {
    event.is_received()
        && max_age.is_some_and(|max_age| {
            let age = now.duration_since(event.received_at);
            jiff::SignedDuration::try_from(max_age).is_ok_and(|max_age| age > max_age)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventType;
    use crate::policy::PolicyDefaults;
    use crate::uri::{ComponentSpec, ComponentUri, EndpointSpec, OptionValue, UriReader};

    const KIND: ComponentSpec =
        ComponentSpec { kind: "test", summary: "", endpoint: EndpointSpec::None, options: &[], example: "" };

    fn event() -> Event {
        serde_json::from_str(include_str!("../../testdata/input-2-warning-backoff.json")).unwrap()
    }

    fn node_event() -> Event {
        serde_json::from_str(include_str!("../../testdata/input-3-node-notready.json")).unwrap()
    }

    fn regex(text: &str) -> Vec<Regex> {
        vec![Regex::new(text).unwrap()]
    }

    fn pattern(text: &str) -> Vec<Pattern> {
        vec![Pattern::parse_option(text).unwrap()]
    }

    #[test]
    fn the_default_wants_everything() {
        assert!(EventFilter::default().wants(&event()) && !EventFilter::default().has_condition());
        assert!(EventFilter::default().wants(&Event::default()));
    }

    #[test]
    fn a_level_lets_itself_and_higher_pass_and_no_unknown_type() {
        let filter = |level| EventFilter { level: Some(level), ..EventFilter::default() };
        let mut event = event();
        assert!(filter(Level::Warning).wants(&event));
        event.event_type = EventType::Normal;
        assert!(!filter(Level::Warning).wants(&event) && filter(Level::Normal).wants(&event));
        event.event_type = "Error".into();
        assert!(!filter(Level::Normal).wants(&event));
    }

    #[test]
    fn the_namespace_is_the_objects_or_the_events() {
        let node = node_event();
        let of_object = EventFilter { namespaces: pattern("default"), ..EventFilter::default() };
        let of_event = EventFilter { namespace_of: NamespaceOf::Event, ..of_object.clone() };
        assert!(!of_object.wants(&node) && of_event.wants(&node));
    }

    #[test]
    fn regular_expressions_are_unanchored_and_can_exclude() {
        let wants = |filter: EventFilter| filter.wants(&event());
        assert!(wants(EventFilter { reason: regex("ack"), ..EventFilter::default() }));
        assert!(!wants(EventFilter { reason: regex("^ack"), ..EventFilter::default() }));
        assert!(!wants(EventFilter { exclude_message: regex("restarting"), ..EventFilter::default() }));
        assert!(!wants(EventFilter { object_name: regex("^db-"), ..EventFilter::default() }));
        assert!(wants(EventFilter { exclude_object_name: regex("^db-"), ..EventFilter::default() }));
        assert!(!wants(EventFilter { exclude_reason: regex("BackOff"), ..EventFilter::default() }));
    }

    #[test]
    fn a_rule_says_why_it_drops_and_keeps_what_cannot_be_decided() {
        let rule = |expression: &str| EventFilter {
            expression: Some(Expression::parse_option(expression).unwrap()),
            ..EventFilter::default()
        };
        let reason = rule("count == 7").drops(&event()).unwrap();
        assert!(reason.starts_with("where: count == 7 is true"), "{reason}");
        assert_eq!(rule("count == 8").drops(&event()), None);
        let undecidable = rule("1 / (count - 7) > 0");
        assert!(undecidable.wants(&event()) && undecidable.drops(&event()).is_none());
        let kinds = EventFilter { kinds: vec!["Pod".into()], ..EventFilter::default() };
        assert_eq!(kinds.drops(&event()).as_deref(), Some("it meets all conditions of the rule"));
    }

    #[test]
    fn kinds_types_and_counts() {
        let wants = |filter: EventFilter| filter.wants(&event());
        assert!(wants(EventFilter { kinds: vec!["pod".into()], ..EventFilter::default() }));
        assert!(!wants(EventFilter { exclude_kinds: vec!["Pod".into()], ..EventFilter::default() }));
        assert!(!wants(EventFilter {
            types: vec![TypeName::parse_option("normal").unwrap()],
            ..EventFilter::default()
        }));
        assert!(wants(EventFilter { min_count: 7, ..EventFilter::default() }));
        assert!(EventFilter { min_count: 2, ..EventFilter::default() }.has_condition());
        assert!(EventFilter { exclude_kinds: vec!["Pod".into()], ..EventFilter::default() }.has_condition());
        assert!(!wants(EventFilter { min_count: 8, ..EventFilter::default() }));
        assert!(!wants(EventFilter { exclude_namespaces: pattern("pr*"), ..EventFilter::default() }));
    }

    /// What is decided about the event, in the form `option, reason`.
    fn decided(query: &str, event: &Event) -> String {
        let uri = ComponentUri::parse("--sink", &format!("test:?{query}"), &()).unwrap();
        let mut reader = UriReader::new("--sink", &uri, &KIND, OPTIONS);
        let filter = EventFilter::take(&mut reader, PolicyDefaults::NONE);
        assert_eq!(reader.finish(), []);
        let decision = filter.decide(event);
        assert_eq!(decision.is_wanted, filter.wants(event), "{query}");
        assert_eq!(decision.is_wanted, decision.option.is_none(), "{query}");
        let begin = decision.option.map(|option| format!("{option}: ")).unwrap_or_default();
        assert!(decision.reason.starts_with(&begin), "{decision:?}");
        decision.reason
    }

    #[test]
    fn the_condition_that_refuses_is_told_with_what_the_event_holds() {
        let event = event();
        for (query, told) in [
            ("", "nothing refuses it"),
            ("types=Normal", "types: the type is \"Warning\""),
            ("kinds=Node,Job", "kinds: the object's kind is \"Pod\""),
            ("exclude_kinds=Pod", "exclude_kinds: the object's kind is \"Pod\""),
            ("namespaces=kube-*", "namespaces: the namespace is \"prod\""),
            ("exclude_namespaces=prod", "exclude_namespaces: the namespace is \"prod\""),
            ("min_count=8", "min_count: it was seen 7 times"),
            ("reason=^Created$", "reason: the reason is \"BackOff\""),
            ("exclude_reason=Off", "exclude_reason: the reason is \"BackOff\""),
            ("object_name=^db", "object_name: the object's name is \"web-0\""),
            ("exclude_object_name=web", "exclude_object_name: the object's name is \"web-0\""),
        ] {
            assert_eq!(decided(query, &event), told, "{query}");
        }
        assert!(
            decided("message=nothing", &event).starts_with("message: the message is \"Back-off restarting")
        );
        assert!(decided("exclude_message=pod", &event).starts_with("exclude_message: the message is"));
        let normal = Event { event_type: EventType::Normal, ..event };
        assert_eq!(decided("level=Warning", &normal), "level: the type is \"Normal\"");
    }

    #[test]
    fn the_expression_is_asked_last_and_its_part_is_told() {
        let event = event();
        let query = r#"kinds=Pod&where=type == "Warning" && involvedObject.kind == "Node""#;
        assert_eq!(
            decided(query, &event),
            r#"where: involvedObject.kind == "Node" is false (involvedObject.kind is "Pod")"#
        );
        assert_eq!(decided("where=count+>+3", &event), "where: count > 3 is true (count is 7)");
        assert_eq!(decided("where=1/0>1&kinds=Node", &event), "kinds: the object's kind is \"Pod\"");
        assert_eq!(
            decided("where=count/0>1", &event),
            "where: it could not be computed: column 1: the division is by zero, so it is wanted"
        );
    }

    #[test]
    fn an_event_expires_by_its_receipt_and_never_without_one() {
        let max_age = Some(std::time::Duration::from_secs(60));
        let now: Timestamp = "2026-11-21T06:00:00Z".parse().unwrap();
        let mut event = event();
        assert!(!is_expired(&event, max_age, now));
        event.received_at = "2026-11-21T05:58:59Z".parse().unwrap();
        assert!(is_expired(&event, max_age, now) && !is_expired(&event, None, now));
        event.received_at = "2026-11-21T05:59:00Z".parse().unwrap();
        assert!(!is_expired(&event, max_age, now));
    }
}
