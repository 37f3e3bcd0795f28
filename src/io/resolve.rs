//! Name lookup for the client. The system's lookup cannot be cut short, so it runs on a thread of its own that is left behind at the
//! deadline. ureq's own resolver does the same on a thread without a name, and panics when none can be started.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::mpsc;
use std::thread;

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use crate::proto::addresses::{Reach, reach};

/// Addresses kept of one name; the most that ureq takes.
const MOST: usize = 16;

/// Which addresses a client may dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dials {
    /// All: the configuration named the host, and we talk to it as ourselves.
    All,
    /// Those of the internet: what is fetched is chosen, or can be redirected, by somebody else.
    Public,
    /// These, and private ones, because the partner's configuration says so.
    Private,
}

impl Dials {
    /// Whether this address may be dialled.
    pub fn takes(self, address: IpAddr) -> bool {
        match reach(address) {
            Reach::Public => true,
            Reach::Private => self != Self::Public,
            Reach::Never => self == Self::All,
        }
    }
}

/// See the module. The addresses it gives are the ones that are dialled, so this is the place to check them: a name that led elsewhere a
/// moment ago does not matter.
#[derive(Debug)]
pub struct NamedResolver(pub Dials);

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
        let mut allowed = found.into_iter().filter(|address| self.0.takes(address.ip())).peekable();
        if allowed.peek().is_none() {
            return Err(Error::Io(io::Error::new(io::ErrorKind::PermissionDenied, "not dialled")));
        }
        config.ip_family().keep_wanted(allowed).take(MOST).for_each(|address| result.push(address));
        if result.is_empty() { Err(Error::HostNotFound) } else { Ok(result) }
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
