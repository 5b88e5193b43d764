//! What holds when an option is not given, in words: its own default, or that of the kind's policy. Pure.

use eventer_core::filter::{Level, NamespaceOf};
use eventer_core::time::format_duration;
use eventer_core::uri::{ByteSize, Rate};
use eventer_core::{OptionSpec, PolicyDefaults};

/// The default of an option of a kind whose policy is `policy`, if it has one.
pub(crate) fn default_of(option: &OptionSpec, policy: PolicyDefaults) -> Option<String> {
    let of_kind = match option.name {
        "level" => policy.level.map(|level| match level {
            Level::Normal => "Normal".to_owned(),
            Level::Warning => "Warning".to_owned(),
        }),
        "rate" => policy.rate.map(rate),
        "max_age" => policy.max_age.map(format_duration),
        "batch_events" => policy.batch.map(|batch| batch.events.to_string()),
        "batch_bytes" => policy.batch.map(|batch| ByteSize(batch.bytes as u64).to_string()),
        _ => None,
    };
    of_kind.or_else(|| option.default.map(str::to_owned))
}

/// What stands in for an option that is not given in its own name.
pub(crate) fn stand_ins(option: &OptionSpec) -> Vec<String> {
    let file = option.is_secret.then(|| format!("or {}=PATH", option.file_name()));
    let variable = option.variable.map(|name| format!("else ${name}"));
    file.into_iter().chain(variable).collect()
}

/// Where `namespaces=` looks.
pub(crate) fn namespace_of(policy: PolicyDefaults) -> &'static str {
    match policy.namespace_of {
        NamespaceOf::Object => "namespaces are those of the object that an event is about; a Node has none",
        NamespaceOf::Event => "namespaces are those of the Events themselves; a Node's stand in default",
    }
}

/// As people write it: `20/m`.
fn rate(rate: Rate) -> String {
    let text = rate.to_string();
    let unit = text.split_once("/1").filter(|(_, unit)| unit.chars().all(char::is_alphabetic));
    unit.map_or(text.clone(), |(count, unit)| format!("{count}/{unit}"))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::time::Duration;

    use eventer_core::{BatchLimits, policy};

    use super::*;

    #[test]
    fn the_policy_of_a_kind_goes_before_the_common_one() {
        let count = NonZeroUsize::new(20).unwrap();
        let chat = PolicyDefaults {
            level: Some(Level::Warning),
            namespace_of: NamespaceOf::Event,
            rate: Some(Rate { count, per: Duration::from_secs(60) }),
            max_age: Some(Duration::from_secs(900)),
            batch: Some(BatchLimits { events: NonZeroUsize::new(5000).unwrap(), bytes: 8 << 20 }),
        };
        let default = |name: &str, policy| {
            let option = policy::OPTIONS.iter().find(|option| option.name == name).unwrap();
            default_of(option, policy)
        };
        for (name, of_chat, common) in [
            ("level", Some("Warning"), None),
            ("rate", Some("20/m"), None),
            ("max_age", Some("15m"), None),
            ("batch_events", Some("5000"), Some("1000")),
            ("batch_bytes", Some("8Mi"), Some("1Mi")),
            ("timeout", Some("20s"), Some("20s")),
        ] {
            assert_eq!(default(name, chat).as_deref(), of_chat);
            assert_eq!(default(name, PolicyDefaults::NONE).as_deref(), common);
        }
        let tens = Rate { count, per: Duration::from_secs(10) };
        assert_eq!(rate(tens), "20/10s");
        assert_ne!(namespace_of(chat), namespace_of(PolicyDefaults::NONE));
    }
}
