//! Name lookup for the client, and which of the addresses found may be dialled.
//!
//! The system's lookup cannot be cut short, so it runs on a thread of its own that is left behind at the deadline. ureq's own resolver does
//! the same on a thread without a name, and panics when none can be started.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::sync::mpsc;
use std::thread;

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use url::{Host, Url};

/// Addresses kept of one name; the most that ureq takes.
const MOST: usize = 16;

/// Where a client may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Wherever the configuration says.
    Configured,
    /// To addresses of the open internet: the rest of the world named them.
    Public,
    /// And to private ones, never to those under which clouds hand out secrets.
    Private,
}

/// Why an address is not dialled.
#[derive(Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// It is private.
    Private,
    /// It is of the machine's own link, where clouds hand out secrets.
    Never,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Private => "its address is private, which messaging.private does not allow",
            Self::Never => "its address is one that nothing is fetched from",
        })
    }
}

impl std::error::Error for Forbidden {}

impl Reach {
    /// Whether this address may be dialled.
    fn check(self, address: IpAddr) -> Result<(), Forbidden> {
        match (self, forbidden(address)) {
            (Self::Configured, _) | (_, None) | (Self::Private, Some(Forbidden::Private)) => Ok(()),
            (_, Some(forbidden)) => Err(forbidden),
        }
    }

    /// As [`Reach::check`], of a URL whose host is an address.
    pub fn check_literal(self, url: &Url) -> Result<(), Forbidden> {
        match url.host() {
            Some(Host::Ipv4(address)) => self.check(address.into()),
            Some(Host::Ipv6(address)) => self.check(address.into()),
            _ => Ok(()),
        }
    }
}

fn forbidden(address: IpAddr) -> Option<Forbidden> {
    match address {
        IpAddr::V4(address) => forbidden_v4(address),
        IpAddr::V6(address) => forbidden_v6(address),
    }
}

/// Special ranges of RFC 6890, and the addresses of cloud metadata services.
fn forbidden_v4(address: Ipv4Addr) -> Option<Forbidden> {
    const METADATA: [[u8; 4]; 3] = [[100, 100, 100, 200], [168, 63, 129, 16], [192, 0, 0, 192]];
    let [a, b, c, _] = address.octets();
    if address.is_link_local() || METADATA.contains(&address.octets()) {
        return Some(Forbidden::Never);
    }
    let shared = a == 100 && (64..128).contains(&b);
    let special = a == 0 || a >= 224 || (a == 192 && b == 0 && c == 0) || (a == 198 && (b == 18 || b == 19));
    (address.is_private() || address.is_loopback() || shared || special).then_some(Forbidden::Private)
}

fn forbidden_v6(address: Ipv6Addr) -> Option<Forbidden> {
    const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    let parts = address.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        forbidden_v4(Ipv4Addr::new(a, b, c, d))
    };
    if parts[0] & 0xffc0 == 0xfe80 || address == METADATA {
        return Some(Forbidden::Never);
    }
    match parts {
        // Loopback and unspecified, then IPv4 in its disguises: mapped, compatible, translated, 6to4.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Some(Forbidden::Private),
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => v4(high, low),
        [first, ..] if first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfec0 || first & 0xff00 == 0xff00 => Some(Forbidden::Private),
        _ => None,
    }
}

/// See the module.
#[derive(Debug)]
pub struct NamedResolver(pub Reach);

impl Resolver for NamedResolver {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let parts = uri.scheme().zip(uri.authority());
        let address = parts.and_then(|(scheme, authority)| DefaultResolver::host_and_port(scheme, authority));
        let address = address.ok_or(Error::HostNotFound)?;
        let found = match address.parse::<SocketAddr>() {
            Ok(literal) => vec![literal],
            Err(_) => look_up(address, timeout)?,
        };
        let mut result = self.empty();
        let mut refused = None;
        for address in config.ip_family().keep_wanted(found.into_iter()).take(MOST) {
            match self.0.check(address.ip()) {
                Ok(()) => result.push(address),
                Err(forbidden) => refused = Some(forbidden),
            }
        }
        match refused {
            Some(forbidden) if result.is_empty() => Err(Error::Other(Box::new(forbidden))),
            _ if result.is_empty() => Err(Error::HostNotFound),
            _ => Ok(result),
        }
    }
}

fn look_up(address: String, timeout: NextTimeout) -> Result<Vec<SocketAddr>, Error> {
    let (give, take) = mpsc::sync_channel(1);
    let work = move || drop(give.send(address.to_socket_addrs().map(Vec::from_iter)));
    thread::Builder::new().name("eref-lookup".to_owned()).stack_size(1 << 20).spawn(work)?;
    match take.recv_timeout(*timeout.after) {
        Ok(Ok(found)) => Ok(found),
        // The kinds of failure differ by system; all mean that the name leads nowhere.
        Ok(Err(_)) => Err(Error::HostNotFound),
        Err(_) => Err(Error::Timeout(timeout.reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_rest_of_the_world_names_is_dialled_at_public_addresses_only() {
        let of = |text: &str| forbidden(text.parse().unwrap());
        for public in ["93.184.216.34", "8.8.8.8", "100.63.0.1", "172.32.0.1", "2606:2800:220:1::1", "64:ff9b::808:808"] {
            assert_eq!(of(public), None, "{public}");
        }
        let private = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "::1",
            "::",
            "fd12::1",
            "fec0::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
        ];
        for address in private {
            assert_eq!(of(address), Some(Forbidden::Private), "{address}");
        }
        let never = [
            "169.254.169.254",
            "169.254.1.1",
            "100.100.100.200",
            "168.63.129.16",
            "fe80::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
        ];
        for address in never {
            assert_eq!(of(address), Some(Forbidden::Never), "{address}");
            assert!(
                Reach::Private.check(address.parse().unwrap()).is_err()
                    && Reach::Configured.check(address.parse().unwrap()).is_ok()
            );
        }
        assert!(Reach::Private.check([10, 0, 0, 1].into()).is_ok());
    }

    #[test]
    fn a_literal_address_is_checked_in_every_spelling() {
        let check = |url: &str| Reach::Public.check_literal(&Url::parse(url).unwrap());
        for url in ["https://127.0.0.1/", "https://2130706433/", "https://0x7f.1/", "https://[::1]/", "https://[::ffff:7f00:1]/"] {
            assert!(check(url).is_err(), "{url}");
        }
        assert!(check("https://8.8.8.8/").is_ok() && check("https://rms.example/").is_ok());
    }
}
