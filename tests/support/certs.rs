//! Throw-away certificates.
#![allow(dead_code)]

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber, date_time_ymd,
};

/// A certificate authority.
pub struct Authority {
    /// Its certificate.
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM.
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "Test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// For a server of these names, DNS or IP.
    pub fn server(&self, names: &[&str]) -> Pair {
        self.sign(params(names, ExtendedKeyUsagePurpose::ServerAuth))
    }

    /// The same, but out of date.
    pub fn expired(&self, names: &[&str]) -> Pair {
        let mut params = params(names, ExtendedKeyUsagePurpose::ServerAuth);
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2020, 2, 1));
        self.sign(params)
    }

    /// For a client.
    pub fn client(&self) -> Pair {
        self.sign(params(&["client.test"], ExtendedKeyUsagePurpose::ClientAuth))
    }

    /// For a client, otherwise than usual.
    pub fn client_with(&self, change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let mut params = params(&[], ExtendedKeyUsagePurpose::ClientAuth);
        change(&mut params);
        self.sign(params)
    }

    /// A list that revokes the certificates with these numbers, as PEM.
    pub fn revocation_list(&self, revoked: &[u64]) -> String {
        let day = date_time_ymd(2026, 1, 1);
        let revoked_certs = revoked.iter().map(|number| RevokedCertParams {
            serial_number: SerialNumber::from(*number),
            revocation_time: day,
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: day,
            next_update: date_time_ymd(2126, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked_certs.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }

    fn sign(&self, params: CertificateParams) -> Pair {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Pair { certificate, key: key.serialize_pem() }
    }
}

fn params(names: &[&str], purpose: ExtendedKeyUsagePurpose) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.extended_key_usages = vec![purpose];
    params
}
