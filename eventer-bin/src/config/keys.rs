//! The keys of the file that are settings, and the flags that they are.

use crate::args::flags::{self, Flag};

/// The key of the sources.
pub(crate) const SOURCES: &str = "sources";
/// The key of the sinks.
pub(crate) const SINKS: &str = "sinks";
/// The key of the rules that say what no sink gets.
pub(crate) const DROP: &str = "drop";
/// The key of the labels for every event.
pub(crate) const STATIC_LABELS: &str = "static_labels";

/// A setting: its key, in which a dot stands between a group and a key in it, and its flag.
pub(crate) struct SettingKey {
    /// The key.
    pub(crate) path: &'static str,
    /// The flag.
    pub(crate) flag: Flag,
}

const fn setting(path: &'static str, flag: Flag) -> SettingKey {
    SettingKey { path, flag }
}

const SETTINGS: [SettingKey; 16] = [
    setting("cluster_name", flags::CLUSTER_NAME),
    setting("frequency", flags::FREQUENCY),
    setting("batch_events", flags::BATCH_EVENTS),
    setting("stop_timeout", flags::STOP_TIMEOUT),
    setting("strict", flags::STRICT),
    setting("max_procs", flags::MAX_PROCS),
    setting("journal.state_dir", flags::STATE_DIR),
    setting("journal.size", flags::JOURNAL_SIZE),
    setting("journal.forget_sink_after", flags::FORGET_SINK_AFTER),
    setting("admin.ip", flags::HEALTHZ_IP),
    setting("admin.port", flags::HEALTHZ_PORT),
    setting("admin.event_metrics", flags::EVENT_METRICS),
    setting("admin.ready_requires_sinks", flags::READY_REQUIRES_SINKS),
    setting("log.format", flags::LOG_FORMAT),
    setting("log.verbosity", flags::VERBOSITY),
    setting("reload", flags::RELOAD),
];

/// All settings, in the order in which they are told of.
pub(crate) fn settings() -> &'static [SettingKey] {
    &SETTINGS
}

/// Name of the flag that the setting at `path` is.
pub(super) fn flag(path: &str) -> Option<&'static str> {
    SETTINGS.iter().find(|setting| setting.path == path).map(|setting| setting.flag.spec.name)
}

/// The key of the setting that the flag `name` is.
pub(crate) fn key_of(name: &str) -> Option<&'static str> {
    SETTINGS.iter().find(|setting| setting.flag.spec.name == name).map(|setting| setting.path)
}

/// Whether settings stand under `path`.
pub(super) fn is_group(path: &str) -> bool {
    groups().any(|group| group == path)
}

/// The keys that can stand where `path` stands: the last words of their paths.
pub(super) fn beside(path: &str) -> impl Iterator<Item = &'static str> {
    let group = path.rsplit_once('.').map(|(group, _)| group.to_owned());
    let top = group.is_none();
    let lists = [SOURCES, SINKS, DROP, STATIC_LABELS].into_iter().chain(groups()).filter(move |_| top);
    let settings = SETTINGS.iter().filter_map(move |setting| match (&group, setting.path.split_once('.')) {
        (Some(group), Some((known, key))) if known == group => Some(key),
        (None, None) => Some(setting.path),
        _ => None,
    });
    lists.chain(settings)
}

fn groups() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    SETTINGS.iter().filter_map(move |setting| {
        let (group, _) = setting.path.split_once('.')?;
        let is_new = group != last;
        last = group;
        is_new.then_some(group)
    })
}
