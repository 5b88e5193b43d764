//! Sources and sinks that are parsed and not yet open.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;

use super::{Finding, SOURCE_NAME, SOURCE_OPTIONS, SinkConfig, SourceConfig};
use crate::batch::EventBatch;
use crate::cluster::ConfigMaps;
use crate::error::{BuildError, ConfigError};
use crate::policy::{self, Policy};
use crate::sink::{EventSink, SinkContext};
use crate::source::{EventSource, SourceContext};
use crate::uri::{ComponentUri, Environment, Needs, UriReader};

/// Opens a component; it can be asked again after a failure.
type Open<Context, Component> =
    Arc<dyn Fn(Context) -> BoxFuture<'static, Result<Component, BuildError>> + Send + Sync>;

/// A sink that is parsed and not yet open.
#[derive(Clone)]
pub struct SinkPlan {
    /// The kind.
    pub kind: &'static str,
    /// The name that it was given with `sink_name=`.
    pub name: Option<String>,
    /// What kube-eventer calls a sink of this kind in its metrics.
    pub exporter: &'static str,
    /// What happens around it.
    pub policy: Policy,
    /// What it was parsed from; an embedder's has nothing.
    uri: Option<ComponentUri>,
    needs: Needs,
    open: Open<SinkContext, Arc<dyn EventSink>>,
    preview: Preview,
}

/// Shows what a delivery would hold.
type Preview = Arc<
    dyn Fn(EventBatch, SinkContext) -> BoxFuture<'static, Result<Option<String>, BuildError>> + Send + Sync,
>;

impl SinkPlan {
    pub(super) fn parse<C: SinkConfig>(
        flag: &str,
        uri: &ComponentUri,
        environment: &dyn Environment,
    ) -> Result<Self, Vec<ConfigError>> {
        let mut reader = UriReader::new(flag, uri, const { &C::SPEC }, policy::OPTIONS);
        reader = reader.with_environment(environment);
        let policy = Policy::take(&mut reader, C::POLICY);
        let name = Policy::take_name(&mut reader);
        let config = C::from_uri(&mut reader);
        let needs = reader.take_needs();
        let config = Arc::new(finish(config, reader)?);
        let shown = config.clone();
        let open = move |context: SinkContext| -> BoxFuture<'static, _> {
            let config = config.clone();
            Box::pin(async move {
                let sink: Arc<dyn EventSink> = Arc::new(config.build(&context).await?);
                Ok(sink)
            })
        };
        let preview = move |batch: EventBatch, context: SinkContext| -> BoxFuture<'static, _> {
            let config = shown.clone();
            Box::pin(async move { config.preview(&batch, &context).await })
        };
        Ok(Self {
            kind: C::SPEC.kind,
            name,
            exporter: C::EXPORTER,
            policy,
            uri: Some(uri.clone()),
            needs,
            open: Arc::new(open),
            preview: Arc::new(preview),
        })
    }

    /// A plan for a sink that is open already, for embedders.
    pub fn ready(name: impl Into<String>, sink: Arc<dyn EventSink>, policy: Policy) -> Self {
        let open = move |_| -> BoxFuture<'static, _> {
            let sink = sink.clone();
            Box::pin(async move { Ok(sink) })
        };
        Self::embedded(name, policy, Arc::new(open))
    }

    /// A plan for a sink that `open` opens, once or as often as it takes, for embedders.
    pub fn opening<F>(
        name: impl Into<String>,
        policy: Policy,
        open: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Arc<dyn EventSink>, BuildError>> + Send + 'static,
    {
        let open = move |_| -> BoxFuture<'static, _> { Box::pin(open()) };
        Self::embedded(name, policy, Arc::new(open))
    }

    /// Whether both are the same sink with the same options, so that the one need not make room for the other.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.uri, &other.uri) {
            (Some(uri), Some(other)) => uri == other,
            _ => Arc::ptr_eq(&self.open, &other.open),
        }
    }

    /// The option by which it asks for a ConfigMap, which a source must know where to find.
    pub fn config_map_option(&self) -> Option<&'static str> {
        self.needs.config_map
    }

    /// Reads the files that it needs, and says everything that is wrong with them. To be asked before anything is
    /// opened; files that change later are none of its business.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn check_files(&self) -> Result<(), Vec<ConfigError>> {
        let errors: Vec<_> = self.needs.files.iter().filter_map(|file| file.verify().err()).collect();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// Opens the sink.
    ///
    /// # Errors
    /// Something on this side cannot be opened now. The far side need not be up.
    pub async fn open(&self, context: SinkContext) -> Result<Arc<dyn EventSink>, BuildError> {
        (self.open)(context).await
    }

    /// What a delivery of `batch` would hold, without delivering it ([`SinkConfig::preview`]).
    ///
    /// # Errors
    /// Why the sink could not make it.
    pub async fn preview(
        &self,
        batch: &EventBatch,
        context: &SinkContext,
    ) -> Result<Option<String>, BuildError> {
        (self.preview)(batch.clone(), context.clone()).await
    }

    fn embedded(
        name: impl Into<String>,
        policy: Policy,
        open: Open<SinkContext, Arc<dyn EventSink>>,
    ) -> Self {
        Self {
            kind: "embedded",
            name: Some(name.into()),
            exporter: "embedded",
            policy,
            uri: None,
            needs: Needs::default(),
            open,
            preview: Arc::new(|_, _| Box::pin(async { Ok(None) })),
        }
    }
}

impl fmt::Debug for SinkPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkPlan").field("kind", &self.kind).field("name", &self.name).finish_non_exhaustive()
    }
}

/// A source that is parsed and not yet open.
#[derive(Clone)]
pub struct SourcePlan {
    /// The kind.
    pub kind: &'static str,
    /// The name that it was given with `source_name=`.
    pub name: Option<String>,
    /// The ConfigMaps of the cluster that it speaks to.
    pub(crate) config_maps: Option<Arc<dyn ConfigMaps>>,
    /// What it was parsed from; an embedder's has nothing.
    uri: Option<ComponentUri>,
    open: Open<SourceContext, Box<dyn EventSource>>,
    check: Arc<dyn Fn() -> BoxFuture<'static, Vec<Finding>> + Send + Sync>,
}

impl SourcePlan {
    pub(super) fn parse<C: SourceConfig>(
        flag: &str,
        uri: &ComponentUri,
        environment: &dyn Environment,
    ) -> Result<Self, Vec<ConfigError>> {
        let mut reader = UriReader::new(flag, uri, const { &C::SPEC }, SOURCE_OPTIONS);
        reader = reader.with_environment(environment);
        let name = reader.take(&SOURCE_NAME);
        let config = finish(C::from_uri(&mut reader), reader)?;
        let config = Arc::new(config);
        let config_maps = config.config_maps();
        let asked = config.clone();
        let open = move |context: SourceContext| -> BoxFuture<'static, _> {
            let config = config.clone();
            Box::pin(async move {
                let source: Box<dyn EventSource> = Box::new(config.build(context).await?);
                Ok(source)
            })
        };
        let check = move || -> BoxFuture<'static, _> {
            let config = asked.clone();
            Box::pin(async move { config.check().await })
        };
        let uri = Some(uri.clone());
        Ok(Self { kind: C::SPEC.kind, name, config_maps, uri, open: Arc::new(open), check: Arc::new(check) })
    }

    /// A plan for a source that is open already, for embedders. It can be opened once.
    pub fn ready(source: impl EventSource + 'static) -> Self {
        let name = source.name().to_owned();
        let source: Mutex<Option<Box<dyn EventSource>>> = Mutex::new(Some(Box::new(source)));
        Self::opening(name, move |_| {
            let source = source.lock().unwrap_or_else(PoisonError::into_inner).take();
            async move { source.ok_or_else(|| BuildError::new("open a source twice", "it is in use")) }
        })
    }

    /// A plan for a source that `open` opens where its context says, as often as it takes, for embedders.
    pub fn opening<F>(
        name: impl Into<String>,
        open: impl Fn(SourceContext) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Box<dyn EventSource>, BuildError>> + Send + 'static,
    {
        let open = move |context| -> BoxFuture<'static, _> { Box::pin(open(context)) };
        Self {
            kind: "embedded",
            name: Some(name.into()),
            config_maps: None,
            uri: None,
            open: Arc::new(open),
            check: Arc::new(|| Box::pin(async { Vec::new() })),
        }
    }

    /// Whether both are the same source with the same options.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.uri, &other.uri) {
            (Some(uri), Some(other)) => uri == other,
            _ => Arc::ptr_eq(&self.open, &other.open),
        }
    }

    /// The ConfigMaps of the cluster that it speaks to.
    pub fn config_maps(&self) -> Option<Arc<dyn ConfigMaps>> {
        self.config_maps.clone()
    }

    /// Whether it speaks to a cluster that has ConfigMaps.
    pub fn has_config_maps(&self) -> bool {
        self.config_maps.is_some()
    }

    /// Asks where the events come from whether it would hand them out ([`SourceConfig::check`]).
    pub async fn check(&self) -> Vec<Finding> {
        (self.check)().await
    }

    /// Opens the source.
    ///
    /// # Errors
    /// Something on this side cannot be opened. The far side need not be up.
    pub async fn open(&self, context: SourceContext) -> Result<Box<dyn EventSource>, BuildError> {
        (self.open)(context).await
    }
}

impl fmt::Debug for SourcePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourcePlan")
            .field("kind", &self.kind)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A config is good only if it could be read to its end and nothing was wrong or left over.
fn finish<C>(config: Result<C, ConfigError>, reader: UriReader<'_>) -> Result<C, Vec<ConfigError>> {
    match config {
        Ok(config) => {
            let errors = reader.finish();
            if errors.is_empty() { Ok(config) } else { Err(errors) }
        }
        Err(error) => {
            let mut errors = reader.abandon();
            errors.insert(0, error);
            Err(errors)
        }
    }
}
