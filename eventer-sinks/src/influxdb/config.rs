//! The options of `influxdb:`, and how its sink is opened.

use eventer_core::{
    BuildError, ComponentSpec, ConfigError, EndpointSpec, EventBatch, OptionSpec, OptionValue, SecretSource,
    SinkConfig, SinkContext, UriReader,
};
use reqwest::Url;

use super::api::Api;
use super::encode::Shape;
use super::sink::InfluxdbSink;
use crate::http::{CA_FILE, CERT_FILE, INSECURE, KEY_FILE, PROXY, Transport};

const API_VERSION: OptionSpec = OptionSpec::new(
    "api_version",
    "1|2|3",
    "Version of the API; else 2 with bucket or org, 3 with a token alone, and else 1.",
);
const USER: OptionSpec = OptionSpec::new("user", "NAME", "User of InfluxDB 1; \"root\" if none is given.");
const PW: OptionSpec =
    OptionSpec::new("pw", "PASSWORD", "Password of InfluxDB 1; \"root\" if none is given.").secret();
const DB: OptionSpec = OptionSpec::new(
    "db",
    "NAME",
    "Database of InfluxDB 1, created if need be, or of 3; \"k8s\" if none is given.",
);
const ORG: OptionSpec = OptionSpec::new("org", "NAME", "Organization of InfluxDB 2, by name or id.");
const BUCKET: OptionSpec = OptionSpec::new("bucket", "NAME", "Bucket of InfluxDB 2, which must exist.");
const TOKEN: OptionSpec = OptionSpec::new("token", "TOKEN", "Token of InfluxDB 2 or 3.").secret();
const WITHFIELDS: OptionSpec = OptionSpec::new(
    "withfields",
    "BOOL",
    "Writes reason, kind, name and so on as tags and the message as a field, instead of the whole event as one field.",
)
.default("false");
const WITHCOUNT: OptionSpec =
    OptionSpec::new("withcount", "BOOL", "Writes a field \"count\" too: how often the event was seen.")
        .default("false");
const CLUSTER_NAME: OptionSpec = OptionSpec::new(
    "cluster_name",
    "NAME",
    "Value of the tag cluster_name; else the name that the source gives the cluster, or \"default\".",
);
const GZIP: OptionSpec = OptionSpec::new(
    "gzip",
    "BOOL",
    "Whether requests are compressed; if not given, they are for InfluxDB 2 and 3.",
);
const INSECURESSL: OptionSpec =
    OptionSpec::new("insecuressl", "BOOL", "Another name for insecure.").default("false");
const RETENTION: OptionSpec =
    OptionSpec::new("retention", "DURATION", "Without effect, as in kube-eventer.").default("0");
const DISABLE_COUNTER_METRICS: OptionSpec =
    OptionSpec::new("disable_counter_metrics", "BOOL", "Without effect, as in kube-eventer.")
        .default("false");

/// The database of kube-eventer where none is given.
const DATABASE: &str = "k8s";
/// Where InfluxDB 1 and 2 listen if nobody says otherwise.
const LOCAL: &str = "localhost:8086";
/// Where InfluxDB 3 listens if nobody says otherwise.
const LOCAL_3: &str = "localhost:8181";

/// What a user said of an InfluxDB. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct InfluxdbConfig {
    pub(super) transport: Transport,
    pub(super) base: Url,
    pub(super) api: Api,
    pub(super) shape: Shape,
    pub(super) gzip: bool,
}

impl SinkConfig for InfluxdbConfig {
    const SPEC: ComponentSpec = ComponentSpec {
        kind: "influxdb",
        summary: "Writes each event as a point to InfluxDB 1, 2 or 3.",
        endpoint: EndpointSpec::Text("[http[s]://HOST[:PORT]]"),
        options: &[
            API_VERSION,
            USER,
            PW,
            DB,
            ORG,
            BUCKET,
            TOKEN,
            WITHFIELDS,
            WITHCOUNT,
            CLUSTER_NAME,
            GZIP,
            CA_FILE,
            CERT_FILE,
            KEY_FILE,
            INSECURE,
            INSECURESSL,
            PROXY,
            RETENTION,
            DISABLE_COUNTER_METRICS,
        ],
        example: "--sink=influxdb:http://influxdb:8086?db=k8s&user=eventer&pw=$INFLUXDB_PASSWORD&withfields=true",
    };
    const EXPORTER: &'static str = "InfluxDB Sink";
    type Sink = InfluxdbSink;

    fn from_uri(uri: &mut UriReader<'_>) -> Result<Self, ConfigError> {
        let mut transport = Transport::take(uri);
        if uri.take_or_default(&INSECURESSL) {
            transport = transport.trusting_anybody();
        }
        let _: Option<String> = uri.take(&RETENTION);
        let _: bool = uri.take_or_default(&DISABLE_COUNTER_METRICS);
        let shape = Shape {
            with_fields: uri.take_or_default(&WITHFIELDS),
            with_count: uri.take_or_default(&WITHCOUNT),
            cluster_name: uri.take(&CLUSTER_NAME),
        };
        let gzip: Option<bool> = uri.take(&GZIP);
        let api = Given::take(uri).api(uri)?;
        let base = base(uri.endpoint(), &api).map_err(|reason| uri.endpoint_error(reason))?;
        let gzip = gzip.unwrap_or(!matches!(api, Api::V1 { .. }));
        Ok(Self { transport, base, api, shape, gzip })
    }

    async fn build(&self, context: &SinkContext) -> Result<InfluxdbSink, BuildError> {
        InfluxdbSink::open(self, context).await
    }

    async fn preview(&self, batch: &EventBatch, _: &SinkContext) -> Result<Option<String>, BuildError> {
        Ok(Some(String::from_utf8_lossy(self.shape.payload(batch).text()).into_owned()))
    }
}

/// What was given of the options that choose the API, of whatever version.
struct Given {
    version: Option<Version>,
    user: Option<String>,
    password: Option<SecretSource>,
    database: Option<String>,
    org: Option<String>,
    bucket: Option<String>,
    token: Option<SecretSource>,
}

#[derive(Clone, Copy, PartialEq)]
enum Version {
    One,
    Two,
    Three,
}

impl OptionValue for Version {
    fn parse_option(text: &str) -> Result<Self, String> {
        match text {
            "1" => Ok(Self::One),
            "2" => Ok(Self::Two),
            "3" => Ok(Self::Three),
            _ => Err(format!("\"{text}\" is no version of InfluxDB's API: 1, 2 or 3")),
        }
    }
}

impl Given {
    fn take(uri: &mut UriReader<'_>) -> Self {
        Self {
            version: uri.take(&API_VERSION),
            user: uri.take(&USER),
            password: uri.take_secret(&PW),
            database: uri.take(&DB),
            org: uri.take(&ORG),
            bucket: uri.take(&BUCKET),
            token: uri.take_secret(&TOKEN),
        }
    }

    fn version(&self) -> Version {
        match self.version {
            Some(version) => version,
            None if self.org.is_some() || self.bucket.is_some() => Version::Two,
            None if self.token.is_some() => Version::Three,
            None => Version::One,
        }
    }

    /// The API with what it needs. What only another one could use is a mistake, since it would be without effect.
    fn api(self, uri: &mut UriReader<'_>) -> Result<Api, ConfigError> {
        let version = self.version();
        let of_one =
            "it is of InfluxDB 1; with api_version=2 or 3, bucket, org or a token alone it has no effect";
        let of_two = "it is of InfluxDB 2; leave out api_version, or say api_version=2";
        let refusals: [(&OptionSpec, bool, bool, &str); 6] = [
            (&USER, self.user.is_some(), version == Version::One, of_one),
            (&PW, self.password.is_some(), version == Version::One, of_one),
            (&DB, self.database.is_some(), version != Version::Two, "InfluxDB 2 has buckets: leave out db"),
            (&ORG, self.org.is_some(), version == Version::Two, of_two),
            (&BUCKET, self.bucket.is_some(), version == Version::Two, of_two),
            (&TOKEN, self.token.is_some(), version != Version::One, "InfluxDB 1 has users: give user and pw"),
        ];
        for (option, is_given, is_of_use, reason) in refusals {
            if is_given && !is_of_use {
                uri.invalid(option, reason);
            }
        }
        let database = self.database.unwrap_or_else(|| DATABASE.to_owned());
        Ok(match version {
            Version::One => Api::V1 { user: self.user, password: self.password, database },
            Version::Three => Api::V3 { database, token: self.token },
            // Taken already: asking again says which is missing.
            Version::Two => Api::V2 {
                org: self.org.map_or_else(|| uri.require(&ORG), Ok)?,
                bucket: self.bucket.map_or_else(|| uri.require(&BUCKET), Ok)?,
                token: self.token.map_or_else(|| uri.require_secret(&TOKEN), Ok)?,
            },
        })
    }
}

/// The server's URL. As in kube-eventer it may be left out, and `https` alone means TLS; of InfluxDB 1 the path is
/// ignored, of the others it is a prefix.
fn base(endpoint: &str, api: &Api) -> Result<Url, String> {
    let (scheme, rest) = endpoint.split_once("://").unwrap_or(("http", endpoint));
    // `influxdb://HOST` has no scheme either: its first word is the kind of the sink.
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let scheme = if scheme.eq_ignore_ascii_case("https") { "https" } else { "http" };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let authority = match (authority, api) {
        ("", Api::V3 { .. }) => LOCAL_3,
        ("", _) => LOCAL,
        (authority, _) => authority,
    };
    let path = if matches!(api, Api::V1 { .. }) { "" } else { path };
    if authority.contains('@') {
        return Err("credentials do not belong into the URL; give user= and pw=, or token=".to_owned());
    }
    let url: Url = format!("{scheme}://{authority}{path}")
        .parse()
        .map_err(|error| format!("the URL is not understood: {error}; it has the form http://HOST:PORT"))?;
    if url.fragment().is_some() {
        return Err("a # has no place in the URL".to_owned());
    }
    Ok(url)
}
