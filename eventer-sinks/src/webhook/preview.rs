//! The requests of a batch, for people to look at: nothing is opened but a template's file.

use eventer_core::{BuildError, EventBatch, SinkContext};

use super::body::{Bodies, BodySource};
use super::config::{Batch, WebhookConfig};

/// Method, host and body of each request. Headers and the rest of the URL may hold secrets.
pub(super) async fn requests(
    config: &WebhookConfig,
    batch: &EventBatch,
    context: &SinkContext,
) -> Result<String, BuildError> {
    if let BodySource::ConfigMap(key, _) = &config.body {
        let tried = format!("read the template in {key}");
        return Err(BuildError::new(tried, "it is in the cluster, which is not asked for a preview"));
    }
    let failed = |reason: eventer_core::BoxError| BuildError::new("make the body of an event", reason);
    let body =
        Bodies::open(&config.body, context).await?.current().await.map_err(|error| failed(error.into()))?;
    let made = batch.iter().map(|event| body.of(event, &context.time_zone, context.clock.now()));
    let mut bodies = made.collect::<Result<Vec<_>, _>>().map_err(|reason| failed(reason.into()))?;
    if config.batch != Batch::Single {
        bodies = vec![config.batch.join(&bodies).1];
    }
    let head = format!("{} {}", config.method, config.url.shown());
    let requests: Vec<String> = bodies.iter().map(|body| format!("{head}\n\n{body}\n")).collect();
    Ok(requests.join("\n"))
}
