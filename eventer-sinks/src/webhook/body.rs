//! The template that is in use: where it comes from, and how it changes while the sink runs.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventer_core::{BoxError, BuildError, ConfigMapKey, Event, ExportError, SinkContext};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::encode::default_body;
use super::template::{BodyTemplate, Form};
use crate::layout::Layout;
use crate::template::Escaping;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Where the body comes from.
#[derive(Clone, Debug)]
pub(super) enum BodySource {
    /// kube-eventer's default one.
    Default,
    /// JSON as it was laid out.
    Layout(Layout),
    /// A template that was written out.
    Text(Arc<BodyTemplate>),
    /// A template in a file, read again when it changes.
    File(PathBuf, Form),
    /// A template in a cluster, followed when it changes.
    ConfigMap(ConfigMapKey, Form),
}

/// What bodies are made with now.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// kube-eventer's default one.
    Default,
    /// A template, and what is done to values in a text that is no JSON.
    Template(Arc<BodyTemplate>, Escaping),
    /// JSON as it was laid out.
    Layout(Layout),
}

/// The template that is in use, and where the next one will come from. One that does not parse is logged once, and the
/// last good one stays in use.
#[derive(Debug)]
pub(super) struct Bodies {
    sink: Arc<str>,
    origin: Origin,
}

#[derive(Debug)]
enum Origin {
    Fixed(Body),
    File(PathBuf, Followed),
    ConfigMap(ConfigMapKey, watch::Receiver<Result<Arc<str>, Arc<str>>>, Followed),
}

impl Body {
    /// The body for `event`.
    ///
    /// # Errors
    /// Why there is none for this event. There never will be.
    pub(super) fn of(&self, event: &Event, time_zone: &TimeZone, now: Timestamp) -> Result<String, String> {
        match self {
            Self::Default => Ok(default_body(event, time_zone)),
            Self::Template(template, escaping) => template.render(event, time_zone, now, *escaping),
            Self::Layout(layout) => {
                let mut json = Vec::new();
                layout.write(event, time_zone, now, &mut json)?;
                String::from_utf8(json).map_err(|error| error.to_string())
            }
        }
    }

    /// What it is, unless a header of the user's says otherwise.
    pub(super) fn content_type(&self) -> &'static str {
        match self {
            Self::Template(template, _) if !template.is_json() => TEXT,
            Self::Default | Self::Template(..) | Self::Layout(_) => JSON,
        }
    }
}

impl Bodies {
    /// Reads the template, or begins to follow it.
    ///
    /// # Errors
    /// Its file cannot be read or holds no template, or no cluster can be asked for it. A ConfigMap need not be there.
    pub(super) async fn open(source: &BodySource, context: &SinkContext) -> Result<Self, BuildError> {
        let sink = context.name.clone();
        let origin = match source {
            BodySource::Default => Origin::Fixed(Body::Default),
            BodySource::Layout(layout) => Origin::Fixed(Body::Layout(layout.clone())),
            BodySource::Text(template) => {
                tell_form(&sink, template);
                Origin::Fixed(Body::Template(template.clone(), Escaping::None))
            }
            BodySource::File(path, form) => {
                let failed = |cause: BoxError| {
                    BuildError::new(format!("use the template in {}", path.display()), cause)
                };
                let text = tokio::fs::read_to_string(path).await.map_err(|error| failed(error.into()))?;
                let followed = Followed::new(*form);
                followed.take(&sink, path.display(), &text).map_err(|reason| failed(reason.into()))?;
                Origin::File(path.clone(), followed)
            }
            BodySource::ConfigMap(key, form) => {
                let maps = context.config_maps.as_ref().ok_or_else(|| {
                    BuildError::new(
                        format!("read the template in {key}"),
                        "no source speaks to a cluster; give the template with template_file=",
                    )
                })?;
                Origin::ConfigMap(key.clone(), maps.follow(key), Followed::new(*form))
            }
        };
        Ok(Self { sink, origin })
    }

    /// What to make bodies with now.
    ///
    /// # Errors
    /// `Unavailable`, while there is no template yet.
    pub(super) async fn current(&self) -> Result<Body, ExportError> {
        match &self.origin {
            Origin::Fixed(body) => Ok(body.clone()),
            Origin::File(path, followed) => {
                let read = tokio::fs::read_to_string(path).await;
                let text = read.map_err(|error| format!("it could not be read: {error}"));
                let template = followed.follow(&self.sink, path.display(), text.as_deref());
                template.map(|template| Body::Template(template, Escaping::None)).map_err(|reason| {
                    ExportError::unavailable(format!("no template in {}: {reason}", path.display()))
                })
            }
            Origin::ConfigMap(key, texts, followed) => {
                let text = texts.borrow().clone();
                let template = followed.follow(&self.sink, key, text.as_deref());
                // As kube-eventer did.
                template.map(|template| Body::Template(template, Escaping::QuotesTakenOut)).map_err(
                    |reason| {
                        ExportError::unavailable(format!(
                            "the events wait for the template in {key}: {reason}"
                        ))
                    },
                )
            }
        }
    }
}

/// A template that may change.
struct Followed {
    form: Form,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What was said last: a text, or why there is none. Seen again it is no news.
    seen: Option<Result<String, String>>,
    good: Option<Arc<BodyTemplate>>,
    /// What is wrong with what was seen.
    wrong: String,
}

impl Followed {
    fn new(form: Form) -> Self {
        Self { form, state: Mutex::default() }
    }

    /// The template to use when `text` is what its origin says now: the newest good one. The error says why there is
    /// none.
    fn follow(
        &self,
        sink: &str,
        origin: impl fmt::Display,
        text: Result<&str, impl fmt::Display>,
    ) -> Result<Arc<BodyTemplate>, String> {
        match text {
            Ok(text) => drop(self.take(sink, origin, text)),
            Err(reason) => self.miss(sink, origin, reason.to_string()),
        }
        let state = self.lock();
        state.good.clone().ok_or_else(|| state.wrong.clone())
    }

    fn take(&self, sink: &str, origin: impl fmt::Display, text: &str) -> Result<(), String> {
        let mut state = self.lock();
        if matches!(&state.seen, Some(Ok(seen)) if seen == text) {
            return Ok(());
        }
        state.seen = Some(Ok(text.to_owned()));
        match BodyTemplate::parse(text, self.form) {
            Ok(template) => {
                if state.good.is_some() {
                    info!(sink, "the template in {origin} has changed, and is used from now on");
                }
                tell_form(sink, &template);
                state.good = Some(Arc::new(template));
                Ok(())
            }
            Err(reason) => {
                let meanwhile =
                    if state.good.is_some() { "the last good one is used" } else { "the events wait" };
                error!(sink, error = reason, "the template in {origin} cannot be used; {meanwhile}");
                state.wrong.clone_from(&reason);
                Err(reason)
            }
        }
    }

    fn miss(&self, sink: &str, origin: impl fmt::Display, reason: String) {
        let mut state = self.lock();
        if !matches!(&state.seen, Some(Err(seen)) if *seen == reason) {
            if state.good.is_some() {
                warn!(sink, error = reason, "no template in {origin} any more; the last good one is used");
            }
            state.wrong.clone_from(&reason);
            state.seen = Some(Err(reason));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followed").finish_non_exhaustive()
    }
}

/// Tells who meant to write JSON that it is none.
fn tell_form(sink: &str, template: &BodyTemplate) {
    match template.no_json() {
        Some(reason) if template.is_meant_as_json() => {
            warn!(sink, "the template seems to be meant as JSON, and gives none: {reason}");
        }
        Some(reason) => info!(sink, "the template gives text, and no JSON: {reason}"),
        None => {}
    }
}
