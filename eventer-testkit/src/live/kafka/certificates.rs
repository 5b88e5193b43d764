//! The certificates of a broker's TLS listeners: an authority of its own, what it signed, and a stranger.

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

/// What was made for one broker, all as PEM.
#[derive(Clone)]
pub struct Certificates {
    /// The authority that signed the broker's certificate, and whose clients the broker lets in.
    pub authority: String,
    /// An authority that signed nothing here.
    pub other_authority: String,
    /// The client's certificate, signed by the authority.
    pub client: String,
    /// The client's key, as PKCS#8.
    pub client_key: String,
    /// A client's certificate that the other authority signed.
    pub other_client: String,
    /// The key of that client.
    pub other_client_key: String,
    /// The broker's certificate, for `127.0.0.1` and `localhost`.
    pub(super) broker: String,
    /// The broker's key, as PKCS#8.
    pub(super) broker_key: String,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

impl Certificates {
    /// Makes them anew.
    pub(super) fn new() -> Result<Self, rcgen::Error> {
        let authority = Authority::new("eventer test authority")?;
        let other = Authority::new("another authority")?;
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let (broker, broker_key) = authority.sign("broker", &names, ExtendedKeyUsagePurpose::ServerAuth)?;
        let (client, client_key) = authority.sign("eventer", &[], ExtendedKeyUsagePurpose::ClientAuth)?;
        let (other_client, other_client_key) =
            other.sign("eventer", &[], ExtendedKeyUsagePurpose::ClientAuth)?;
        Ok(Self {
            authority: authority.pem,
            other_authority: other.pem,
            client,
            client_key,
            other_client,
            other_client_key,
            broker,
            broker_key,
        })
    }
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// A certificate and its key.
    fn sign(
        &self,
        name: &str,
        hosts: &[String],
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<(String, String), rcgen::Error> {
        let mut params = CertificateParams::new(hosts)?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages.push(usage);
        let key = KeyPair::generate()?;
        Ok((params.signed_by(&key, &self.issuer)?.pem(), key.serialize_pem()))
    }
}
