//! SASL and TLS: from the options of the sink to the properties of librdkafka. Pure.
//!
//! | given | `security_protocol` |
//! |---|---|
//! | nothing | `plaintext` |
//! | `user` and `password` | `sasl_plaintext` |
//! | `cacert`, or `cert` and `key` | `ssl` |
//! | both | `sasl_ssl` |
//!
//! This is kube-eventer's rule. TLS with the roots of the system is asked for by name.

use std::path::PathBuf;

use eventer_core::secret::SecretError;
use eventer_core::{OptionSpec, OptionValue, Secret, SecretSource, UriReader};

pub(super) const SECURITY_PROTOCOL: OptionSpec = OptionSpec::new(
    "security_protocol",
    "plaintext|ssl|sasl_plaintext|sasl_ssl",
    "How to speak to the brokers, in any case; else what the other options ask for.",
);
pub(super) const SASL_MECHANISM: OptionSpec = OptionSpec::new(
    "sasl_mechanism",
    "PLAIN|SCRAM-SHA-256|SCRAM-SHA-512",
    "How to log in, in any case; else PLAIN.",
);
pub(super) const USER: OptionSpec = OptionSpec::new("user", "NAME", "User to log in as.");
pub(super) const PASSWORD: OptionSpec = OptionSpec::new("password", "TEXT", "Password of the user.").secret();
pub(super) const CACERT: OptionSpec = OptionSpec::new(
    "cacert",
    "PATH",
    "Certificates of the authorities that vouch for the brokers, as PEM; else the system's.",
);
pub(super) const CERT: OptionSpec =
    OptionSpec::new("cert", "PATH", "Certificate of the client and its chain, as PEM.");
pub(super) const KEY: OptionSpec = OptionSpec::new("key", "PATH", "Private key of that certificate, as PEM.");
pub(super) const KEY_PASSWORD: OptionSpec =
    OptionSpec::new("key_password", "TEXT", "Password of the private key.").secret();
pub(super) const INSECURESSL: OptionSpec =
    OptionSpec::new("insecuressl", "true|false", "Whether any certificate of a broker will do.")
        .default("false");

/// How to speak to the brokers. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub(super) struct Security {
    protocol: Protocol,
    mechanism: Mechanism,
    user: Option<String>,
    password: Option<SecretSource>,
    cacert: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    key_password: Option<SecretSource>,
    is_insecure: bool,
}

/// The secrets as they were read for one client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Credentials {
    password: Option<Secret<String>>,
    key_password: Option<Secret<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Plaintext,
    Ssl,
    SaslPlaintext,
    SaslSsl,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mechanism {
    Plain,
    ScramSha256,
    ScramSha512,
}

impl Security {
    /// Takes the options. What does not fit together is recorded in the reader.
    pub(super) fn take(uri: &mut UriReader<'_>) -> Self {
        let protocol: Option<Protocol> = uri.take(&SECURITY_PROTOCOL);
        let mechanism: Option<Mechanism> = uri.take(&SASL_MECHANISM);
        // A variable that is empty is as good as an option that was left out.
        let user = uri.take(&USER).filter(|user: &String| !user.is_empty());
        let password = uri.take_secret(&PASSWORD).filter(|password| !is_empty(password));
        let cacert = uri.take_file(&CACERT, |content| check_pem(content, "CERTIFICATE"));
        let cert = uri.take_file(&CERT, |content| check_pem(content, "CERTIFICATE"));
        let key_password = uri.take_secret(&KEY_PASSWORD).filter(|password| !is_empty(password));
        let key = uri.take_file(&KEY, if key_password.is_some() { check_key } else { check_open_key });
        let is_insecure = uri.take_or_default(&INSECURESSL);

        let logs_in = user.is_some() && password.is_some();
        let has_files = cacert.is_some() || (cert.is_some() && key.is_some());
        let derived = match (logs_in, has_files) {
            (false, false) => Protocol::Plaintext,
            (false, true) => Protocol::Ssl,
            (true, false) => Protocol::SaslPlaintext,
            (true, true) => Protocol::SaslSsl,
        };
        let security = Self {
            protocol: protocol.unwrap_or(derived),
            mechanism: mechanism.unwrap_or(Mechanism::Plain),
            user,
            password,
            cacert,
            cert,
            key,
            key_password,
            is_insecure,
        };
        security.check(uri, mechanism.is_some());
        security
    }

    /// Reads the secrets as they are now.
    ///
    /// # Errors
    /// A file of theirs cannot be read now.
    pub(super) async fn credentials(&self) -> Result<Credentials, SecretError> {
        let mut credentials = Credentials::default();
        if let (true, Some(password)) = (self.protocol.has_sasl(), &self.password) {
            credentials.password = Some(password.read().await?);
        }
        if let (true, Some(password)) = (self.protocol.has_tls(), &self.key_password) {
            credentials.key_password = Some(password.read().await?);
        }
        Ok(credentials)
    }

    /// The properties of librdkafka.
    pub(super) fn properties(&self, credentials: &Credentials) -> Vec<(&'static str, String)> {
        let mut properties = vec![("security.protocol", self.protocol.as_str().to_owned())];
        if self.protocol.has_sasl() {
            properties.push(("sasl.mechanism", self.mechanism.as_str().to_owned()));
            properties.extend(self.user.clone().map(|user| ("sasl.username", user)));
            let password = credentials.password.as_ref().map(|password| password.expose().clone());
            properties.extend(password.map(|password| ("sasl.password", password)));
        }
        if self.protocol.has_tls() {
            let path = |path: &PathBuf| path.to_string_lossy().into_owned();
            // The OpenSSL that is built in does not know where the system keeps its certificates; `probe` looks where
            // distributions, Alpine's and distroless images among them, put them.
            let roots = self.cacert.as_ref().map_or_else(|| "probe".to_owned(), path);
            properties.push(("ssl.ca.location", roots));
            properties.extend(self.cert.as_ref().map(|cert| ("ssl.certificate.location", path(cert))));
            properties.extend(self.key.as_ref().map(|key| ("ssl.key.location", path(key))));
            let password = credentials.key_password.as_ref().map(|password| password.expose().clone());
            properties.extend(password.map(|password| ("ssl.key.password", password)));
            properties.push(("enable.ssl.certificate.verification", (!self.is_insecure).to_string()));
        }
        properties
    }

    /// What was given and has no effect, for a log line; `None` if all has.
    pub(super) fn without_effect(&self) -> Option<&'static str> {
        let is_half = |one: bool, other: bool| one != other;
        if !self.protocol.has_sasl() && is_half(self.user.is_some(), self.password.is_some()) {
            return Some("of user and password one is missing, so that nobody logs in");
        }
        if !self.protocol.has_sasl() && self.user.is_some() {
            return Some("security_protocol asks for no login, so that user and password are not used");
        }
        let has_pair = self.cert.is_some() && self.key.is_some();
        let has_tls_options = self.cert.is_some() || self.key.is_some() || self.key_password.is_some();
        if !self.protocol.has_tls() && has_tls_options && !has_pair && self.cacert.is_none() {
            return Some("of cert and key one is missing, so that the brokers are spoken to without TLS");
        }
        if !self.protocol.has_tls() && (has_pair || self.cacert.is_some() || self.is_insecure) {
            return Some(
                "the brokers are spoken to without TLS, so that its options are not used; \
                 security_protocol=ssl or sasl_ssl asks for it",
            );
        }
        None
    }

    fn check(&self, uri: &mut UriReader<'_>, names_mechanism: bool) {
        if self.protocol.has_sasl() {
            if self.user.is_none() {
                uri.invalid(&SECURITY_PROTOCOL, "to log in, a user is needed: give user=");
            }
            if self.password.is_none() {
                uri.invalid(&SECURITY_PROTOCOL, "to log in, a password is needed: give password_file=");
            }
        } else if names_mechanism {
            uri.invalid(&SASL_MECHANISM, "nobody logs in: give user= and password_file=");
        }
        if self.protocol.has_tls() && self.cert.is_some() != self.key.is_some() {
            let (given, missing) = if self.cert.is_some() { (&CERT, "key") } else { (&KEY, "cert") };
            uri.invalid(given, format!("a client needs its certificate and its key: give {missing}= too"));
        }
    }
}

impl Protocol {
    const ALL: [Self; 4] = [Self::Plaintext, Self::Ssl, Self::SaslPlaintext, Self::SaslSsl];

    fn as_str(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Ssl => "ssl",
            Self::SaslPlaintext => "sasl_plaintext",
            Self::SaslSsl => "sasl_ssl",
        }
    }

    fn has_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    fn has_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

impl OptionValue for Protocol {
    fn parse_option(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|protocol| protocol.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| {
            format!("\"{text}\" is no protocol; known are plaintext, ssl, sasl_plaintext and sasl_ssl")
        })
    }
}

impl Mechanism {
    const ALL: [Self; 3] = [Self::Plain, Self::ScramSha256, Self::ScramSha512];

    fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl OptionValue for Mechanism {
    fn parse_option(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|mechanism| mechanism.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| {
            format!("\"{text}\" is no mechanism; known are PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512")
        })
    }
}

fn is_empty(source: &SecretSource) -> bool {
    matches!(source, SecretSource::Value(value) if value.expose().is_empty())
}

fn check_key(content: &[u8]) -> Result<(), String> {
    check_pem(content, "PRIVATE KEY")
}

/// Whether it is a key that can be read without a password.
fn check_open_key(content: &[u8]) -> Result<(), String> {
    check_key(content)?;
    let text = String::from_utf8_lossy(content);
    let is_locked = text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        || text.lines().any(|line| line.starts_with("Proc-Type:") && line.contains("ENCRYPTED"));
    if is_locked {
        return Err("it is locked with a password; give key_password_file=".to_owned());
    }
    Ok(())
}

/// Whether a file has at least one block of PEM whose label ends in `label`, closed and in base64.
fn check_pem(content: &[u8], label: &str) -> Result<(), String> {
    let text = std::str::from_utf8(content)
        .map_err(|_| format!("it is no {} in PEM, which is a text", label.to_lowercase()))?;
    let begin = text
        .lines()
        .map(str::trim)
        .find(|line| line.starts_with("-----BEGIN ") && line.ends_with(&format!("{label}-----")))
        .ok_or_else(|| format!("it holds no \"-----BEGIN {label}-----\""))?;
    let (_, block) = text.split_once(begin).unwrap_or_default();
    let end = begin.replacen("BEGIN", "END", 1);
    let (body, _) =
        block.split_once(&end).ok_or_else(|| format!("its {} is cut off", label.to_lowercase()))?;
    // A key in the old form has headers, such as `Proc-Type: 4,ENCRYPTED`, before an empty line.
    let base64 = body.lines().map(str::trim).filter(|line| !line.contains(": "));
    let mut letters = base64.flat_map(str::chars).peekable();
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | ',' | '-');
    if letters.peek().is_none() || !letters.all(is_base64) {
        return Err(format!("its {} is damaged", label.to_lowercase()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_key_wants_a_password() {
        for (content, is_locked) in [
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n", true),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,0A\n\nMIIB\n\
                 -----END RSA PRIVATE KEY-----",
                true,
            ),
            ("-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n", false),
        ] {
            assert_eq!(check_key(content.as_bytes()), Ok(()));
            let checked = check_open_key(content.as_bytes());
            assert_eq!(checked.is_err_and(|reason| reason.contains("key_password_file=")), is_locked);
        }
    }

    #[test]
    fn a_file_that_is_no_pem_says_what_it_lacks() {
        for (content, label, says) in [
            (&b"\x30\x82\x01"[..], "CERTIFICATE", "no certificate in PEM"),
            (b"hello", "CERTIFICATE", "holds no"),
            (b"-----BEGIN CERTIFICATE-----\nMIIB\n", "CERTIFICATE", "cut off"),
            (b"-----BEGIN CERTIFICATE-----\nMI?B\n-----END CERTIFICATE-----\n", "CERTIFICATE", "damaged"),
            (b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "CERTIFICATE", "damaged"),
            (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "PRIVATE KEY", "holds no"),
        ] {
            let error = check_pem(content, label).unwrap_err();
            assert!(error.contains(says), "{says}: {error}");
        }
        let key =
            b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,0A\n\nMIIB\n\
                    -----END RSA PRIVATE KEY-----";
        assert_eq!(check_key(key), Ok(()));
        let chain = b"subject=x\n-----BEGIN CERTIFICATE-----\r\nMIIB\r\n-----END CERTIFICATE-----\r\n";
        assert_eq!(check_pem(chain, "CERTIFICATE"), Ok(()));
    }
}
