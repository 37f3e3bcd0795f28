//! Which redirect URIs are a client's own (smart.md 3, RFC 9700 4.1.3).

/// The loopback hosts whose port may vary (RFC 8252 7.3).
const LOOPBACK: [&str; 3] = ["http://127.0.0.1", "http://[::1]", "http://localhost"];

/// Whether `requested` is one of the registered URIs: the same string, or the same but for the port of an http loopback URI. Nothing is
/// parsed or normalised, so there is nothing two parsers could see differently.
pub fn is_registered(requested: &str, registered: &[String]) -> bool {
    let usable = |uri: &str| !uri.contains('#') && (uri.starts_with("https://") || loopback(uri).is_some());
    registered
        .iter()
        .filter(|uri| usable(uri))
        .any(|uri| uri == requested || loopback(uri).is_some_and(|known| loopback(requested) == Some(known)))
}

/// Host and what follows the port, of an http loopback URI.
fn loopback(uri: &str) -> Option<(&'static str, &str)> {
    LOOPBACK.into_iter().find_map(|host| {
        let rest = uri.strip_prefix(host)?;
        let after = match rest.strip_prefix(':') {
            Some(port) => {
                let digits = port.bytes().take_while(u8::is_ascii_digit).count();
                let (number, after) = port.split_at_checked(digits)?;
                number.parse::<u16>().ok().map(|_| after)?
            }
            None => rest,
        };
        (after.is_empty() || after.starts_with('/') || after.starts_with('?')).then_some((host, after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registered(requested: &str, uri: &str) -> bool {
        is_registered(requested, &[uri.to_owned()])
    }

    #[test]
    fn only_the_exact_string_matches() {
        let uri = "https://app.example/cb?x=1";
        assert!(registered(uri, uri));
        for other in [
            "https://app.example/cb",
            "https://app.example/CB?x=1",
            "https://APP.example/cb?x=1",
            "https://app.example:443/cb?x=1",
            "https://app.example/cb/?x=1",
            "https://app.example/%63b?x=1",
            "https://user@app.example/cb?x=1",
            "https://app.example/cb?x=1#f",
            "https://app.example/cb?x=1&y=2",
            "https://app.example/a/../cb?x=1",
            "https://app.example.evil.example/cb?x=1",
            "http://app.example/cb?x=1",
            " https://app.example/cb?x=1",
        ] {
            assert!(!registered(other, uri), "{other}");
        }
    }

    #[test]
    fn only_the_port_of_a_loopback_uri_may_vary() {
        let uri = "http://127.0.0.1/cb";
        assert!(registered("http://127.0.0.1:49152/cb", uri));
        assert!(registered("http://127.0.0.1:1/cb", "http://127.0.0.1:8000/cb"));
        for other in [
            "http://localhost:49152/cb",
            "http://127.0.0.1:49152/other",
            "http://127.0.0.1:49152@evil.example/cb",
            "http://127.0.0.1@evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:123456/cb",
            "http://127.0.0.1:65536/cb",
            "https://127.0.0.1:1/cb",
        ] {
            assert!(!registered(other, uri), "{other}");
        }
    }

    #[test]
    fn a_registration_that_is_neither_https_nor_loopback_matches_nothing() {
        for uri in ["http://app.example/cb", "myapp:/cb", "javascript:alert(1)", "https://app.example/#/cb"] {
            assert!(!registered(uri, uri), "{uri}");
        }
    }
}
