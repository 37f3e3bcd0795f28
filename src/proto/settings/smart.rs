//! The SMART Server's own settings: signing in, how its pages look and who may frame them.

use serde::Deserialize;
use url::{Origin, Url};

/// The `smart` section.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Smart {
    /// The host's own page to sign in on. With it, apps with `standalone` may start by themselves (smart.md 1).
    pub login_url: Option<Url>,
    /// The look that apps are asked to take up, as `smart_style_url` (smart.md 8): colours, fonts and sizes, all texts.
    pub style: Option<serde_json::Map<String, serde_json::Value>>,
    /// Origins of the host's own pages that may show ours in a frame; none by default.
    pub frame_ancestors: Vec<String>,
}

/// How often the launch value of one launch can be used (smart.md 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaunchReuse {
    /// Once.
    #[default]
    Never,
    /// Until its time is over, in the same browser: for apps whose launch page reloads.
    WithinTtl,
}

/// Whether a text is an origin as browsers write it: scheme, host and port, nothing else.
pub fn is_origin(text: &str) -> bool {
    // A star is a legal letter of a host, and a pattern to a browser.
    !text.contains('*')
        && Url::parse(text).is_ok_and(|url| matches!(url.origin(), Origin::Tuple(..)) && url.origin().ascii_serialization() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_nothing_but_scheme_host_and_port() {
        assert!(is_origin("https://pos.example") && is_origin("https://pos.example:8443"));
        for other in
            ["*", "https://pos.example/", "https://*.example", "https://POS.example", "https://a.example; script-src *", "'self'"]
        {
            assert!(!is_origin(other), "{other}");
        }
    }
}
