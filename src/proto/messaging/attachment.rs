//! What a message says of its attachments, where one lies that is only an address, and whether the content is what was said
//! (messaging.md 15).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use url::Url;

use super::fields::{self, field};
use super::view::{View, text};
use crate::error::{EREF_CONFIG, EREF_FORBIDDEN, EREF_INVALID_CONTENT, EREF_NOT_FOUND, Error, Result};
use crate::proto::fhir::outcome::Issue;
use crate::proto::guide::field::Home;
use crate::proto::settings::{Messaging, Partner};

/// Where a received message came from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Our id of the reception.
    pub id: String,
    /// The partner that sent it.
    pub partner: String,
}

/// What the message says of one attachment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stated<'a> {
    /// Where it lies, when it is not in the message.
    pub url: Option<&'a str>,
    /// Its media type.
    pub content_type: Option<&'a str>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// The SHA-1 of its bytes, in base64.
    pub hash: Option<&'a str>,
}

impl<'a> Stated<'a> {
    /// Of the attachment at an index. `EREF_NOT_FOUND` when there is none.
    pub fn of(view: View<'a>, index: usize) -> Result<Self> {
        let node = view.home(Home::Attachments, index).ok_or_else(|| {
            Error::new(EREF_NOT_FOUND, format!("there is no attachment {index}; the message has {}", view.attachment_count()))
        })?;
        let stated = |name| text(node, name).filter(|text| !text.is_empty());
        let size = node.get("size").and_then(|size| size.number_text()?.parse().ok());
        Ok(Self { url: stated("url"), content_type: stated("contentType"), size, hash: stated("hash") })
    }

    /// `EREF_INVALID_CONTENT` when size or hash are not those of the content.
    pub fn check(&self, index: usize, content: Digest) -> Result<()> {
        let wrong = |what: &str| Err(Error::new(EREF_INVALID_CONTENT, format!("attachment {index}: {what}")));
        if self.size.is_some_and(|size| size != content.size) {
            return wrong("its size is not the one that the message states (attachment.size)");
        }
        let hash = BASE64_STANDARD.encode(content.hash.finish());
        if self.hash.is_some_and(|stated| stated.trim_end_matches('=') != hash.trim_end_matches('=')) {
            return wrong("its SHA-1 is not the one that the message states (attachment.hash)");
        }
        Ok(())
    }

    /// Whether an answer of this media type can be the attachment: the stated type, or one that says nothing. Where none is stated, a web
    /// page is a sign-in form or an error, and no letter.
    pub fn is_answered_by(&self, answered: Option<&str>) -> bool {
        let media = |text: &str| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let Some(answered) = answered.map(media).filter(|media| !media.is_empty()) else { return true };
        match self.content_type.map(media) {
            Some(stated) => answered == stated || answered == "application/octet-stream",
            None => answered != "text/html",
        }
    }
}

/// Size and SHA-1 of a content that comes in pieces.
pub struct Digest {
    size: u64,
    hash: Context,
}

impl Default for Digest {
    fn default() -> Self {
        Self { size: 0, hash: Context::new(&SHA1_FOR_LEGACY_USE_ONLY) }
    }
}

impl Digest {
    /// The next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.size += piece.len() as u64;
        self.hash.update(piece);
    }
}

/// What is seen at once when a message arrives: a stated size that is not the size of what came. The hash is left to
/// [`Message::attachment_check`](super::Message::attachment_check), because it takes the whole content.
pub fn findings(view: View<'_>) -> Vec<Issue> {
    let differs = |index: &usize| {
        let Some(stated) = Stated::of(view, *index).ok().and_then(|stated| stated.size) else { return false };
        let real = fields::value(view, field!("attachment[].size"), *index).and_then(|size| size.parse::<u64>().ok());
        real.is_some_and(|real| real != stated)
    };
    let finding = |index: usize| {
        let text = format!("attachment {index} states another size than its data has");
        Issue::warning("value", view.attachment_place(index).unwrap_or_default(), text, "FHIR R4 Attachment.size")
    };
    (0..view.attachment_count()).filter(differs).map(finding).collect()
}

/// The FHIR base of a partner: its endpoint without the operation (messaging.md 8.1).
fn base(endpoint: &Url) -> Url {
    let mut base = endpoint.clone();
    base.set_query(None);
    base.set_fragment(None);
    let mut segments: Vec<&str> = endpoint.path().split('/').collect();
    if segments.last().is_some_and(|last| last.starts_with('$')) {
        segments.pop();
        if segments.last() == Some(&"MessageHeader") {
            segments.pop();
        }
    }
    let path = segments.join("/");
    base.set_path(&format!("{}/", path.trim_end_matches('/')));
    base
}

/// Where an attachment is fetched from. `ServiceRequest/{ref}/$letter`, `DocumentReference/{id}/$binary` and other relative addresses lie
/// below the partner's FHIR base. `EREF_FORBIDDEN` when the address is not at a host of the partner.
pub fn address(partner: &Partner, index: usize, url: &str) -> Result<Url> {
    let messaging = partner.messaging.as_ref();
    let endpoint = messaging.and_then(|messaging| messaging.endpoint.as_ref());
    let parsed = match (Url::parse(url), endpoint) {
        (Err(url::ParseError::RelativeUrlWithoutBase), Some(endpoint)) => base(endpoint).join(url),
        (Err(url::ParseError::RelativeUrlWithoutBase), None) => {
            let text = format!("partner {}: messaging.endpoint is not set, and attachment {index} is relative to it", partner.name);
            return Err(Error::new(EREF_CONFIG, text));
        }
        (parsed, _) => parsed,
    };
    let web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    let mut url = parsed.ok().filter(web).ok_or_else(|| {
        Error::new(EREF_INVALID_CONTENT, format!("attachment {index}: its URL is no web address (attachment[{index}].url)"))
    })?;
    url.set_fragment(None);
    if !messaging.is_some_and(|messaging| is_allowed(messaging, &url)) {
        let text =
            format!("attachment {index} lies at a host that partner {} is not configured with (attachment_hosts)", partner.name);
        return Err(Error::new(EREF_FORBIDDEN, text));
    }
    Ok(url)
}

fn is_allowed(messaging: &Messaging, url: &Url) -> bool {
    match &messaging.attachment_hosts {
        Some(hosts) => hosts.iter().any(|host| host_of(host).is_some_and(|allowed| same_host(&allowed, url))),
        None => messaging.endpoint.as_ref().is_some_and(|endpoint| same_host(endpoint, url)),
    }
}

/// An entry of `attachment_hosts`: a host, with a port where it is not 443.
pub fn host_of(entry: &str) -> Option<Url> {
    let url = Url::parse(&format!("https://{entry}/")).ok()?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    (bare && !entry.contains('/') && !entry.contains('@')).then_some(url)
}

fn same_host(one: &Url, other: &Url) -> bool {
    one.host() == other.host() && one.port_or_known_default() == other.port_or_known_default()
}

/// Where a redirect leads, if it stays at the host. Credentials went to that host and go nowhere else.
pub fn redirected(from: &Url, location: Option<&str>, index: usize) -> Result<Url> {
    let next = location.and_then(|location| from.join(location).ok());
    let stays = |next: &Url| same_host(from, next) && next.scheme() == from.scheme() && next.username().is_empty();
    next.filter(stays).ok_or_else(|| {
        Error::new(EREF_FORBIDDEN, format!("attachment {index}: its host sends us to another one, which is not followed"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::EREF_OK;

    fn partner(endpoint: &str, hosts: Option<&[&str]>) -> Partner {
        let mut messaging = serde_json::json!({"endpoint": endpoint});
        if let Some(hosts) = hosts {
            messaging["attachment_hosts"] = serde_json::json!(hosts);
        }
        serde_json::from_value(serde_json::json!({"name": "rms", "roles": ["rms-target"], "messaging": messaging})).unwrap()
    }

    #[test]
    fn relative_addresses_lie_below_the_fhir_base_of_the_partner() {
        let at = |endpoint: &str, url: &str| address(&partner(endpoint, None), 0, url).unwrap().to_string();
        let plural = "https://rms.example/svc/fhir/v1/$process-messages";
        assert_eq!(at(plural, "ServiceRequest/r-1/$letter"), "https://rms.example/svc/fhir/v1/ServiceRequest/r-1/$letter");
        assert_eq!(
            at(plural, "DocumentReference/d-1/$binary?attachments=true"),
            "https://rms.example/svc/fhir/v1/DocumentReference/d-1/$binary?attachments=true"
        );
        assert_eq!(at("https://rms.example/fhir/MessageHeader/$process-message", "Binary/1"), "https://rms.example/fhir/Binary/1");
        assert_eq!(at("https://rms.example/fhir", "Binary/1"), "https://rms.example/fhir/Binary/1");
        assert_eq!(at(plural, "/files/1#page=2"), "https://rms.example/files/1");
        assert_eq!(at(plural, "https://RMS.example:443/files/1"), "https://rms.example/files/1");
    }

    #[test]
    fn only_the_hosts_of_the_partner_are_asked() {
        let status = |hosts: Option<&[&str]>, url: &str| {
            address(&partner("https://rms.example/fhir/$process-message", hosts), 3, url)
                .map_or_else(|error| error.status(), |_| EREF_OK)
        };
        for url in [
            "https://elsewhere.example/1",
            "https://rms.example.elsewhere.example/1",
            "https://rms.example:8443/1",
            "//elsewhere.example/1",
            "http://rms.example/1",
        ] {
            assert_eq!(status(None, url), EREF_FORBIDDEN, "{url}");
        }
        for url in ["urn:uuid:7f1460c8-4ab0-4ee3-9ba5-ee7f1119b78f", "file:///etc/passwd", "https://user@rms.example/1", "https://"]
        {
            assert_eq!(status(None, url), EREF_INVALID_CONTENT, "{url}");
        }
        let hosts: Option<&[&str]> = Some(&["files.example", "files.example:8443"]);
        assert_eq!(status(hosts, "https://files.example/1"), EREF_OK);
        assert_eq!(status(hosts, "https://files.example:8443/1"), EREF_OK);
        assert_eq!(status(hosts, "https://rms.example/1"), EREF_FORBIDDEN, "the list replaces the endpoint's host");
        let error = address(&partner("https://rms.example/fhir", None), 3, "https://testpatient.example/1").unwrap_err();
        assert!(!error.message().contains("testpatient"), "{}", error.message());
    }

    #[test]
    fn redirects_stay_at_the_host() {
        let from = Url::parse("https://rms.example/a/b").unwrap();
        assert_eq!(redirected(&from, Some("../c"), 0).unwrap().as_str(), "https://rms.example/c");
        for location in [None, Some("https://elsewhere.example/"), Some("//elsewhere.example/"), Some("http://rms.example/a")] {
            assert_eq!(redirected(&from, location, 0).unwrap_err().status(), EREF_FORBIDDEN, "{location:?}");
        }
    }

    #[test]
    fn the_media_type_must_be_the_stated_one_or_say_nothing() {
        let stated = |stated| Stated { content_type: stated, ..Stated::default() };
        let pdf = stated(Some("application/pdf"));
        for good in [None, Some("application/pdf"), Some("Application/PDF; charset=binary"), Some("application/octet-stream")] {
            assert!(pdf.is_answered_by(good), "{good:?}");
        }
        assert!(!pdf.is_answered_by(Some("text/html")) && !pdf.is_answered_by(Some("image/png")));
        assert!(stated(None).is_answered_by(Some("image/png")) && !stated(None).is_answered_by(Some("text/html; charset=utf-8")));
        assert!(stated(Some("text/html")).is_answered_by(Some("text/html")));
    }

    #[test]
    fn size_and_hash_are_compared_where_they_are_stated() {
        let content = || {
            let mut digest = Digest::default();
            digest.update(b"Hel");
            digest.update(b"lo");
            digest
        };
        let good = Some("9/+ei3uy4Jtwk1pdeF4MxdnQq/A=");
        let stated = |size, hash| Stated { size, hash, ..Stated::default() };
        for fits in [stated(None, None), stated(Some(5), good), stated(None, Some("9/+ei3uy4Jtwk1pdeF4MxdnQq/A"))] {
            fits.check(0, content()).unwrap();
        }
        let error = stated(Some(4), good).check(2, content()).unwrap_err();
        assert!(
            error.status() == EREF_INVALID_CONTENT && error.message().contains("attachment 2") && error.message().contains("size")
        );
        let error = stated(Some(5), Some("8/+ei3uy4Jtwk1pdeF4MxdnQq/A=")).check(2, content()).unwrap_err();
        assert!(error.message().contains("SHA-1"), "{}", error.message());
    }
}
