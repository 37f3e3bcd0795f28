//! Client certificates as identity: the names in them (RFC 5280). Chain, dates and purpose were verified by the listener's handshake.

use std::str::FromStr as _;

use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::proto::http::same_bytes;
use crate::proto::settings::CertificateRule;

/// Whether this certificate (DER) is the one the rule means. A rule without members means none.
pub(super) fn fits(certificate: &[u8], rule: &CertificateRule) -> bool {
    let thumbprint = ring::digest::digest(&ring::digest::SHA256, certificate);
    let known = rule.sha256.is_empty() || rule.sha256.iter().any(|known| same_bytes(&known.0, thumbprint.as_ref()));
    if rule.subject.is_none() && rule.dns.is_none() && rule.uri.is_none() {
        return known && !rule.sha256.is_empty();
    }
    known && Certificate::from_der(certificate).is_ok_and(|certificate| has_names(&certificate, rule))
}

fn has_names(certificate: &Certificate, rule: &CertificateRule) -> bool {
    let names = certificate.tbs_certificate.get::<SubjectAltName>().ok().flatten().map(|(_, names)| names.0).unwrap_or_default();
    let is_dns = |wanted: &String| {
        names.iter().any(|name| matches!(name, GeneralName::DnsName(dns) if wanted.eq_ignore_ascii_case(dns.as_str())))
    };
    let is_uri = |wanted: &String| {
        names.iter().any(|name| matches!(name, GeneralName::UniformResourceIdentifier(uri) if wanted == uri.as_str()))
    };
    let is_subject =
        |wanted: &String| written(wanted).is_some_and(|wanted| wanted == certificate.tbs_certificate.subject.to_string());
    rule.subject.as_ref().is_none_or(is_subject) && rule.dns.as_ref().is_none_or(is_dns) && rule.uri.as_ref().is_none_or(is_uri)
}

/// A distinguished name in the one way of writing that names are compared in; `None` when it is none (RFC 4514).
pub fn written(name: &str) -> Option<String> {
    Name::from_str(name).ok().map(|name| name.to_string()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_in_one_way_of_writing() {
        assert_eq!(written("cn=c,O=The RMS\\, \\22Inc\\22,C=CA"), written("CN=c,O=The RMS\\, \\\"Inc\\\",C=CA"));
        assert_ne!(written("CN=c,O=x"), written("CN=c\\,O=x"));
        assert_ne!(written("CN=c,O=x"), written("O=x,CN=c"));
        for wrong in ["", "the rms", "CN"] {
            assert_eq!(written(wrong), None, "{wrong}");
        }
    }
}
