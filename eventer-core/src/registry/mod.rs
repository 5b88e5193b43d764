//! Which kinds of sources and sinks there are, and the way from a URI to something that can be opened.
//!
//! `kind:endpoint?options` → [`ComponentUri`] → a typed config → a plan. A plan is parsed to the end and nothing of it
//! is open yet; so all flags are read, and all their mistakes told, before any socket opens.

mod plan;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::batch::EventBatch;
use crate::cluster::ConfigMaps;
use crate::error::{BuildError, ConfigError};
use crate::policy::PolicyDefaults;
use crate::sink::{EventSink, SinkContext};
use crate::source::{EventSource, SourceContext};
use crate::uri::{ComponentSpec, ComponentUri, Environment, OptionSpec, UriReader};
pub use plan::{SinkPlan, SourcePlan};

/// The typed config of a kind of sink: what the user said, valid by construction.
pub trait SinkConfig: Sized + Send + Sync + 'static {
    /// The kind, its options and an example.
    const SPEC: ComponentSpec;
    /// Where this kind differs from the common policy.
    const POLICY: PolicyDefaults = PolicyDefaults::NONE;
    /// What kube-eventer calls a sink of this kind in its metrics.
    const EXPORTER: &'static str = Self::SPEC.kind;
    /// The sink that runs.
    type Sink: EventSink + 'static;

    /// Reads the URI. Pure: no file, network, clock or environment. Mistakes in values are recorded by the reader.
    ///
    /// # Errors
    /// What makes it impossible to go on reading, such as a missing option.
    fn from_uri(uri: &mut UriReader<'_>) -> Result<Self, ConfigError>;

    /// Opens clients and files. The far side need not be up. Called again after a failure.
    ///
    /// # Errors
    /// Something on this side cannot be opened now.
    fn build(&self, context: &SinkContext) -> impl Future<Output = Result<Self::Sink, BuildError>> + Send;

    /// What a delivery of `batch` would hold, for people to look at: the body of a request, a record, lines. Opens no
    /// connection and writes nothing; a file that the options name, such as a template's, may be read. Shows no secret. By
    /// default, `None`: this kind cannot show it.
    ///
    /// # Errors
    /// Why the sink could not make it.
    fn preview(
        &self,
        batch: &EventBatch,
        context: &SinkContext,
    ) -> impl Future<Output = Result<Option<String>, BuildError>> + Send {
        let _ = (batch, context);
        async { Ok(None) }
    }
}

/// The typed config of a kind of source: what the user said, valid by construction.
pub trait SourceConfig: Sized + Send + Sync + 'static {
    /// The kind, its options and an example.
    const SPEC: ComponentSpec;
    /// The source that runs.
    type Source: EventSource + 'static;

    /// Reads the URI. Pure: no file, network, clock or environment. Mistakes in values are recorded by the reader.
    ///
    /// # Errors
    /// What makes it impossible to go on reading, such as a missing option.
    fn from_uri(uri: &mut UriReader<'_>) -> Result<Self, ConfigError>;

    /// The ConfigMaps of the cluster that it speaks to, for sinks that ask. By default it speaks to none.
    fn config_maps(&self) -> Option<Arc<dyn ConfigMaps>> {
        None
    }

    /// Opens the source. The far side need not be up.
    ///
    /// # Errors
    /// Something on this side cannot be opened, such as a kubeconfig.
    fn build(&self, context: SourceContext) -> impl Future<Output = Result<Self::Source, BuildError>> + Send;

    /// Asks where the events come from whether it would hand them out: one finding for each thing that was asked. By
    /// default nothing is asked.
    fn check(&self) -> impl Future<Output = Vec<Finding>> + Send {
        async { Vec::new() }
    }
}

/// What was asked of the far side, and what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was asked, such as `may list events in all namespaces`.
    pub question: String,
    /// Why not, and what to do; holds no secret.
    pub answer: Result<(), String>,
}

/// The kinds of sources and sinks that a program knows.
#[derive(Default)]
pub struct Registry {
    environment: Option<Arc<dyn Environment + Send + Sync>>,
    sources: Vec<Kind<SourcePlan>>,
    sinks: Vec<Kind<SinkPlan>>,
}

/// The options that every source takes.
pub const SOURCE_OPTIONS: &[OptionSpec] = &[SOURCE_NAME];

const SOURCE_NAME: OptionSpec = OptionSpec::new(
    "source_name",
    "NAME",
    "Name of the source in logs, metrics and positions; else its kind.",
);

type Parse<P> =
    fn(flag: &str, uri: &ComponentUri, environment: &dyn Environment) -> Result<P, Vec<ConfigError>>;

struct Kind<P> {
    spec: &'static ComponentSpec,
    /// Nothing, of a source.
    policy: PolicyDefaults,
    parse: Parse<P>,
}

impl<P> fmt::Debug for Kind<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec.kind)
    }
}

impl Registry {
    /// Knows no kind.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets where the variables are that stand in for options, such as `SLACK_TOKEN`; else there are none.
    pub fn set_environment(&mut self, environment: Arc<dyn Environment + Send + Sync>) -> &mut Self {
        self.environment = Some(environment);
        self
    }

    /// Adds a kind of sink; one that was added before under the same name goes.
    pub fn register_sink<C: SinkConfig>(&mut self) -> &mut Self {
        add(
            &mut self.sinks,
            Kind { spec: const { &C::SPEC }, policy: C::POLICY, parse: SinkPlan::parse::<C> },
        );
        self
    }

    /// Adds a kind of source; one that was added before under the same name goes.
    pub fn register_source<C: SourceConfig>(&mut self) -> &mut Self {
        add(
            &mut self.sources,
            Kind { spec: const { &C::SPEC }, policy: PolicyDefaults::NONE, parse: SourcePlan::parse::<C> },
        );
        self
    }

    /// The declarations of all kinds of sinks, by name.
    pub fn sinks(&self) -> impl Iterator<Item = &'static ComponentSpec> {
        self.sinks.iter().map(|kind| kind.spec)
    }

    /// Where the kind of sink `kind` differs from the common policy; `None` if it is not known.
    pub fn policy_defaults(&self, kind: &str) -> Option<PolicyDefaults> {
        self.sinks.iter().find(|known| known.spec.kind == kind).map(|known| known.policy)
    }

    /// The declarations of all kinds of sources, by name.
    pub fn sources(&self) -> impl Iterator<Item = &'static ComponentSpec> {
        self.sources.iter().map(|kind| kind.spec)
    }

    /// Makes a plan of a sink's URI.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn plan_sink(&self, uri: &ComponentUri) -> Result<SinkPlan, Vec<ConfigError>> {
        plan("--sink", &self.sinks, uri, self.environment())
    }

    /// Makes a plan of a source's URI.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn plan_source(&self, uri: &ComponentUri) -> Result<SourcePlan, Vec<ConfigError>> {
        plan("--source", &self.sources, uri, self.environment())
    }

    fn environment(&self) -> &dyn Environment {
        match &self.environment {
            Some(environment) => environment.as_ref(),
            None => &(),
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("sources", &self.sources)
            .field("sinks", &self.sinks)
            .finish_non_exhaustive()
    }
}

fn add<P>(kinds: &mut Vec<Kind<P>>, kind: Kind<P>) {
    kinds.retain(|known| known.spec.kind != kind.spec.kind);
    let at = kinds.partition_point(|known| known.spec.kind < kind.spec.kind);
    kinds.insert(at, kind);
}

fn plan<P>(
    flag: &str,
    kinds: &[Kind<P>],
    uri: &ComponentUri,
    environment: &dyn Environment,
) -> Result<P, Vec<ConfigError>> {
    let Some(kind) = kinds.iter().find(|kind| kind.spec.kind == uri.kind()) else {
        let known = || kinds.iter().map(|kind| kind.spec.kind);
        return Err(vec![ConfigError::UnknownKind {
            component: crate::uri::component_label(flag, uri.kind()),
            suggestion: crate::uri::nearest(uri.kind(), known()),
            known: known().collect::<Vec<_>>().join(", "),
        }]);
    };
    (kind.parse)(flag, uri, environment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Level;
    use crate::testing::ScriptedSink;
    use crate::uri::EndpointSpec;

    const KEY: OptionSpec = OptionSpec::new("key", "KEY", "Key of the account.");
    const ROOM: OptionSpec = OptionSpec::new("room", "NAME", "Room that is told.");
    const COLOR: OptionSpec = OptionSpec::new("color", "NAME", "Color of the message.").default("red");

    const fn spec(kind: &'static str, endpoint: EndpointSpec) -> ComponentSpec {
        ComponentSpec { kind, summary: "", endpoint, options: &[KEY, ROOM, COLOR], example: "" }
    }

    struct Chat;
    struct Hook;

    impl SinkConfig for Chat {
        const SPEC: ComponentSpec = spec("chat", EndpointSpec::None);
        const POLICY: PolicyDefaults = PolicyDefaults { level: Some(Level::Warning), ..PolicyDefaults::NONE };
        type Sink = ScriptedSink;

        fn from_uri(uri: &mut UriReader<'_>) -> Result<Self, ConfigError> {
            let _: (String, String, Option<String>) =
                (uri.require(&KEY)?, uri.require(&ROOM)?, uri.take(&COLOR));
            Ok(Self)
        }

        async fn build(&self, _: &SinkContext) -> Result<ScriptedSink, BuildError> {
            Ok(ScriptedSink::default())
        }
    }

    impl SinkConfig for Hook {
        const SPEC: ComponentSpec = spec("hook", EndpointSpec::Url("URL"));
        type Sink = ScriptedSink;

        fn from_uri(uri: &mut UriReader<'_>) -> Result<Self, ConfigError> {
            let _: (String, String) = (uri.require(&KEY)?, uri.take_destination());
            Ok(Self)
        }

        async fn build(&self, _: &SinkContext) -> Result<ScriptedSink, BuildError> {
            Ok(ScriptedSink::default())
        }
    }

    fn registry() -> Registry {
        let mut registry = Registry::new();
        registry.register_sink::<Hook>().register_sink::<Chat>();
        registry
    }

    fn mistakes(uri: &str) -> Vec<String> {
        let uri = ComponentUri::parse("--sink", uri, &()).unwrap();
        let errors = registry().plan_sink(&uri).err().unwrap_or_default();
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_kind_tells_its_policy() {
        let registry = registry();
        let level = |kind| registry.policy_defaults(kind).map(|policy| policy.level);
        assert_eq!(level("chat"), Some(Some(Level::Warning)));
        assert_eq!(level("hook"), Some(None));
        assert_eq!(level("pigeon"), None);
    }

    #[test]
    fn a_missing_option_makes_no_other_one_wrong() {
        assert_eq!(mistakes("chat:?key=k&room=r&color=blue&level=Warning"), [""; 0]);
        assert_eq!(
            mistakes("chat:?room=r&color=blue&level=Warning"),
            [r#"--sink=chat: option "key" is missing: Key of the account."#]
        );
        assert_eq!(
            mistakes("hook:http://h/p?room=r&api-version=2&query.level=7"),
            [r#"--sink=hook: option "key" is missing: Key of the account."#]
        );
    }

    #[test]
    fn a_missing_and_a_misspelt_option_are_told_at_once() {
        assert_eq!(
            mistakes("chat:?kye=k&room=r&levle=Warning"),
            [
                r#"--sink=chat: option "key" is missing: Key of the account."#,
                r#"--sink=chat: option "kye" is not known, did you mean "key"?"#,
                r#"--sink=chat: option "levle" is not known, did you mean "level"?"#,
            ]
        );
        assert_eq!(
            mistakes("hook:http://h/p?kye=k&api-version=2"),
            [
                r#"--sink=hook: option "key" is missing: Key of the account."#,
                concat!(
                    r#"--sink=hook: option "kye" is not known, did you mean "key"? "#,
                    "(to pass it on to the destination, write query.kye=)"
                ),
            ]
        );
    }

    #[test]
    fn a_missing_option_and_a_foreign_one_are_told_at_once() {
        let mistakes = mistakes("chat:?room=r&wallpaper=blue");
        let [missing, unknown] = &mistakes[..] else { panic!("{mistakes:?}") };
        assert!(missing.contains(r#""key" is missing"#), "{missing}");
        assert!(
            unknown.starts_with(
                r#"--sink=chat: option "wallpaper" is not known; known are key, room, color, level"#
            ),
            "{unknown}"
        );
    }
}
