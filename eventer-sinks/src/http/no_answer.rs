//! What it means for the events that no answer came: a refused connection, a handshake that failed. Pure.

use std::error::Error;
use std::io;

use eventer_core::ExportError;
use rustls::{AlertDescription, CertificateError};
use thiserror::Error;

/// Judges a request that got no answer. The error shows no URL.
pub(super) fn no_answer(error: reqwest::Error) -> ExportError {
    let error = error.without_url();
    match tls_error(&error) {
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            ExportError::unavailable(Hinted {
                hint: "its certificate is of no CA that is trusted; if it is the right one, give its CA with ca_file=",
                cause: error,
            })
        }
        Some(rustls::Error::AlertReceived(alert)) if is_about_our_certificate(*alert) => {
            ExportError::unauthorized(Hinted {
                hint: "it does not take our client certificate, or wants one; give it with cert_file= and key_file=",
                cause: error,
            })
        }
        _ => ExportError::unavailable(error),
    }
}

/// An error with what to do about it.
#[derive(Debug, Error)]
#[error("{hint}")]
struct Hinted {
    hint: &'static str,
    #[source]
    cause: reqwest::Error,
}

/// Alerts with which a server ends a handshake over a client certificate, RFC 8446, 6.2.
fn is_about_our_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::AccessDenied
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRequired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::DecryptError
            | AlertDescription::UnknownCA
            | AlertDescription::UnsupportedCertificate
    )
}

/// The error of TLS among the causes of `error`. An I/O error carries it inside, and does not name it as its cause.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(cause) = next {
        let inside = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let found = cause.downcast_ref().or_else(|| inside.and_then(|inside| tls_error(inside)));
        if found.is_some() {
            return found;
        }
        next = cause.source();
    }
    None
}
