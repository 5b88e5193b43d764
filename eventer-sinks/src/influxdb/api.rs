//! The three HTTP APIs of InfluxDB: where points are written to, and who we are there.
//!
//! | | points go to | we are | sources |
//! |---|---|---|---|
//! | 1 | `/write?db=` | a user with a password | <https://docs.influxdata.com/influxdb/v1/tools/api/> |
//! | 2 | `/api/v2/write?org=&bucket=` | `Token …` | <https://docs.influxdata.com/influxdb/v2/api/> |
//! | 3 | `/api/v3/write_lp?db=` | `Bearer …` | <https://docs.influxdata.com/influxdb3/core/api/v3/> |

use eventer_core::{ExportError, Secret, SecretSource};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{RequestBuilder, Url};

/// The retention policy of kube-eventer, which is the default one of the database that it creates.
pub(super) const RETENTION_POLICY: &str = "default";

/// User and password of kube-eventer where none is given.
const ROOT: &str = "root";

/// Which API is spoken, and what it needs. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub(super) enum Api {
    /// InfluxDB 1.
    V1 { user: Option<String>, password: Option<SecretSource>, database: String },
    /// InfluxDB 2.
    V2 { org: String, bucket: String, token: SecretSource },
    /// InfluxDB 3. One that runs without authentication needs no token.
    V3 { database: String, token: Option<SecretSource> },
}

/// Who we are, as it was read for one request.
pub(super) enum Credentials {
    /// Nobody.
    None,
    /// A user with a password.
    User(String, Secret<String>),
    /// A token, behind the word that the API wants before it.
    Token(&'static str, Secret<String>),
}

impl Api {
    /// Where points are written to on the server at `base`. InfluxDB 1 is asked exactly as kube-eventer asked it.
    pub(super) fn write_url(&self, base: &Url) -> Url {
        match self {
            Self::V1 { database, .. } => {
                let query =
                    [("consistency", ""), ("db", database), ("precision", ""), ("rp", RETENTION_POLICY)];
                url(base, "/write", &query)
            }
            Self::V2 { org, bucket, .. } => {
                url(base, "/api/v2/write", &[("org", org), ("bucket", bucket), ("precision", "ns")])
            }
            Self::V3 { database, .. } => {
                let query = [("db", &**database), ("precision", "nanosecond"), ("accept_partial", "true")];
                url(base, "/api/v3/write_lp", &query)
            }
        }
    }

    /// Where a statement is sent to. InfluxDB 1 only.
    pub(super) fn query_url(base: &Url, statement: &str) -> Url {
        url(base, "/query", &[("db", ""), ("q", statement)])
    }

    /// What answers 2xx when the server is up.
    pub(super) fn health_url(&self, base: &Url) -> Url {
        match self {
            Self::V1 { .. } => url(base, "/ping", &[]),
            Self::V2 { .. } | Self::V3 { .. } => url(base, "/health", &[]),
        }
    }

    /// Reads the secrets as they are now.
    ///
    /// # Errors
    /// `Unavailable`, if a secret's file cannot be read now.
    pub(super) async fn credentials(&self) -> Result<Credentials, ExportError> {
        let read = async |source: &SecretSource| source.read().await.map_err(ExportError::unavailable);
        match self {
            // As in kube-eventer, for a server that asks nobody who he is.
            Self::V1 { user: Some(user), .. } if user.is_empty() => Ok(Credentials::None),
            Self::V1 { user, password, .. } => {
                let password = match password {
                    Some(password) => read(password).await?,
                    None => Secret::new(ROOT.to_owned()),
                };
                Ok(Credentials::User(user.clone().unwrap_or_else(|| ROOT.to_owned()), password))
            }
            Self::V2 { token, .. } => Ok(Credentials::Token("Token", read(token).await?)),
            Self::V3 { token: Some(token), .. } => Ok(Credentials::Token("Bearer", read(token).await?)),
            Self::V3 { token: None, .. } => Ok(Credentials::None),
        }
    }
}

impl Credentials {
    /// Adds who we are to a request.
    ///
    /// # Errors
    /// `Unauthorized`, if the secret cannot be sent; it is not shown.
    pub(super) fn sign(&self, request: RequestBuilder) -> Result<RequestBuilder, ExportError> {
        match self {
            Self::None => Ok(request),
            Self::User(user, password) => Ok(request.basic_auth(user, Some(password.expose()))),
            Self::Token(word, token) => {
                let mut value: HeaderValue = format!("{word} {}", token.expose()).parse().map_err(|_| {
                    ExportError::unauthorized("the token holds what no header can, such as a line end")
                })?;
                value.set_sensitive(true);
                Ok(request.header(AUTHORIZATION, value))
            }
        }
    }

    /// The secret itself, so that it can be hidden where the server repeats it.
    pub(super) fn secret(&self) -> &str {
        match self {
            Self::None => "",
            Self::User(_, secret) | Self::Token(_, secret) => secret.expose(),
        }
    }
}

fn url(base: &Url, path: &str, query: &[(&str, &str)]) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url
}
