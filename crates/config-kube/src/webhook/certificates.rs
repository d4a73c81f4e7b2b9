//! An authority of our own, and certificates that it signs. Pure but for the chance in keys.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Clocks differ.
const EARLIER: Duration = Duration::from_secs(300);

/// An authority: its certificate, its key, and when it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authority {
    /// PEM.
    pub(super) certificate: String,
    /// PEM.
    pub(super) key: String,
    /// Seconds since 1970. Part of its name, so that two authorities never have the same.
    pub(super) ends: u64,
}

/// A certificate for a server, with its key.
pub(super) struct Issued {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    /// Seconds since 1970.
    pub(super) ends: u64,
}

/// Seconds since 1970.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl Authority {
    /// Makes one.
    pub(super) fn new(now: SystemTime, life: Duration) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let ends = seconds(now + life);
        let certificate = parameters(ends, now).self_signed(&key)?;
        Ok(Self { certificate: certificate.pem(), key: key.serialize_pem(), ends })
    }

    /// Whether it is time for another one: less than a third of its life is left.
    pub(super) fn is_old(&self, now: SystemTime, life: Duration) -> bool {
        seconds(now + life / 3) >= self.ends
    }

    /// Signs a certificate for these names. It never outlives the authority.
    pub(super) fn issue(
        &self,
        names: &[String],
        now: SystemTime,
        life: Duration,
    ) -> Result<Issued, rcgen::Error> {
        let issuer = Issuer::new(parameters(self.ends, now), KeyPair::from_pem(&self.key)?);
        let ends = seconds(now + life).min(self.ends);
        let mut params = CertificateParams::new(names.to_vec())?;
        params.distinguished_name = name("mixs webhook");
        params.not_before = (now - EARLIER).into();
        params.not_after = (UNIX_EPOCH + Duration::from_secs(ends)).into();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &issuer)?;
        let der =
            PrivateKeyDer::try_from(key.serialize_der()).map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
        Ok(Issued { chain: vec![certificate.der().clone()], key: der, ends })
    }
}

/// What an authority's certificate says. Issuing needs the name and the key alone, so the certificate need not be read
/// back.
fn parameters(ends: u64, now: SystemTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name(&format!("mixs webhook authority {ends}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = (now - EARLIER).into();
    params.not_after = (UNIX_EPOCH + Duration::from_secs(ends)).into();
    params
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

#[cfg(test)]
mod tests;
