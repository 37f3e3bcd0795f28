//! Throw-away certificates for trying things on one machine. The authority's own key is never written, and the authority is
//! constrained to local names, so that trusting it by mistake opens nothing.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, NameConstraints,
};

use crate::Result;

const LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

/// PEM texts of an authority and of one server certificate under it.
pub struct Certificates {
    /// The authority's certificate.
    pub authority: String,
    /// The server's certificate.
    pub server: String,
    /// The server's private key.
    pub key: String,
}

/// Makes an authority and a server certificate for `names`; refuses names that are not local.
pub fn make(names: &[String]) -> Result<Certificates> {
    if let Some(name) = names.iter().find(|name| !is_local(name)) {
        return Err(format!("\"{name}\" is refused: only localhost, 127.0.0.1, ::1 and names ending in .test are certified here"));
    }
    issue(names).map_err(|error| format!("cannot make certificates: {error}"))
}

fn is_local(name: &str) -> bool {
    matches!(name, "localhost" | "127.0.0.1" | "::1") || name.strip_suffix(".test").is_some_and(|rest| !rest.is_empty())
}

fn issue(names: &[String]) -> std::result::Result<Certificates, rcgen::Error> {
    let from = SystemTime::now();
    let mut authority = CertificateParams::new(Vec::<String>::new())?;
    authority.distinguished_name.push(DnType::CommonName, "ereferral throw-away test authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    authority.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".to_owned()),
            GeneralSubtree::DnsName("test".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 1], 32)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 128)),
        ],
        excluded_subtrees: Vec::new(),
    });
    authority.not_before = from.into();
    authority.not_after = (from + LIFE).into();
    let authority_key = KeyPair::generate()?;
    let authority_pem = authority.self_signed(&authority_key)?.pem();

    let mut server = CertificateParams::new(names.to_vec())?;
    server.distinguished_name.push(DnType::CommonName, "ereferral test server");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.use_authority_key_identifier_extension = true;
    server.not_before = from.into();
    server.not_after = (from + LIFE).into();
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &Issuer::new(authority, authority_key))?;
    Ok(Certificates { authority: authority_pem, server: certificate.pem(), key: key.serialize_pem() })
}

/// Writes `ca.pem`, `server.pem` and `server.key` (readable by the owner only) into `folder`.
pub fn write(folder: &Path, names: &[String]) -> Result<()> {
    let made = make(names)?;
    let failed = |error: std::io::Error| format!("cannot write to {}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(failed)?;
    std::fs::write(folder.join("ca.pem"), made.authority).map_err(failed)?;
    std::fs::write(folder.join("server.pem"), made.server).map_err(failed)?;
    write_private(&folder.join("server.key"), &made.key).map_err(failed)
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _};

    use super::*;

    fn verify(made: &Certificates, name: &str, at: SystemTime) -> std::result::Result<(), rustls::Error> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(made.authority.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let server = CertificateDer::from_pem_slice(made.server.as_bytes()).unwrap();
        let now = UnixTime::since_unix_epoch(at.duration_since(SystemTime::UNIX_EPOCH).unwrap());
        verifier.verify_server_cert(&server, &[], &ServerName::try_from(name.to_owned()).unwrap(), &[], now).map(|_| ())
    }

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn certifies_local_names_for_thirty_days() {
        let made = make(&names(&["localhost", "127.0.0.1", "pos.test"])).unwrap();
        let now = SystemTime::now() + Duration::from_secs(5);
        for name in ["localhost", "127.0.0.1", "pos.test"] {
            verify(&made, name, now).unwrap();
        }
        assert!(verify(&made, "other.test", now).is_err());
        assert!(verify(&made, "localhost", now + LIFE).is_err());
    }

    #[test]
    fn refuses_names_of_other_machines() {
        for name in ["example.org", "test", ".test", "localhost.example.org", "10.0.0.1", "*.org", ""] {
            assert!(make(&names(&["localhost", name])).is_err(), "{name}");
        }
    }

    #[test]
    fn the_authority_cannot_certify_other_machines() {
        let made = issue(&names(&["pos.example.org"])).unwrap();
        assert!(verify(&made, "pos.example.org", SystemTime::now() + Duration::from_secs(5)).is_err());
    }
}
