//! The database of InfluxDB 1, which is created as kube-eventer creates it: the statements, and what answers to them mean.
//! Pure.

use eventer_core::ExportError;
use serde::Deserialize;

use super::api::RETENTION_POLICY;

/// Creates the database, with the retention policy that points are written to.
pub(super) fn create_database(database: &str) -> String {
    format!("CREATE DATABASE {} WITH NAME {}", quoted(database), quoted(RETENTION_POLICY))
}

/// Creates that retention policy in a database that is there without it. `is_default`: who names none gets it.
pub(super) fn create_policy(database: &str, is_default: bool) -> String {
    let default = if is_default { " DEFAULT" } else { "" };
    let (policy, database) = (quoted(RETENTION_POLICY), quoted(database));
    format!("CREATE RETENTION POLICY {policy} ON {database} DURATION 0d REPLICATION 1{default}")
}

/// Whether the database is there with another default policy, which is somebody else's and stays what it is.
pub(super) fn is_of_somebody_else(failure: &str) -> bool {
    failure.contains("existing policy")
}

/// Whether a write failed because the database or its policy has gone.
pub(super) fn has_gone(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    text.contains("database not found") || text.contains("retention policy not found")
}

/// What went wrong with a statement, if anything did: a server answers 200 to statements that fail.
pub(super) fn failure(body: &[u8]) -> Option<String> {
    let answer: QueryAnswer = serde_json::from_slice(body).ok()?;
    answer.error.or_else(|| answer.results.into_iter().find_map(|result| result.error))
}

/// A failure to create the database. It says nothing against the events, which wait for it.
pub(super) fn not_created(cause: impl std::fmt::Display) -> ExportError {
    ExportError::unavailable(format!("the database could not be created: {cause}"))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct QueryAnswer {
    error: Option<String>,
    results: Vec<StatementResult>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StatementResult {
    error: Option<String>,
}

/// An identifier of InfluxQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
