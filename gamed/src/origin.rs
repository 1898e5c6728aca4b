//! Which pages may act here in their visitors' name: browsers say by which host a page was served, and let any page open
//! a websocket or post to any host.
//!
//! Owns the comparison. Whoever sends no Origin is no browser, and acts in its own name.

use std::str::FromStr;
use warp::http::{HeaderMap, header};

/// An origin other than the server's own that is allowed, or all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Whatever page.
    Any,
    /// As browsers write it: scheme, host, and the port where it is not the scheme's own; in lower case.
    Of(String),
}

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Origin, Self::Err> {
        if text == "*" {
            return Ok(Origin::Any);
        }
        let text = text.trim().trim_end_matches('/').to_ascii_lowercase();
        match split(&text) {
            Some((_, authority)) if !authority.is_empty() && !authority.contains('/') => Ok(Origin::Of(text)),
            _ => Err("give origins such as https://play.example, or * for all"),
        }
    }
}

/// Whether this request may come from the page that it comes from, if it does from one.
///
/// # Errors
/// The origin that is not allowed.
pub fn check(headers: &HeaderMap, allowed: &[Origin]) -> Result<(), String> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = String::from_utf8_lossy(origin.as_bytes()).to_ascii_lowercase();
    let listed = allowed.iter().any(|one| match one {
        Origin::Any => true,
        Origin::Of(one) => *one == origin,
    });
    if listed || is_own(&origin, headers) { Ok(()) } else { Err(origin) }
}

/// The page was served by the host that it speaks to. The scheme may differ: a proxy may do the TLS.
fn is_own(origin: &str, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let (Some((port, authority)), Some(host)) = (split(origin), host) else { return false };
    let host = host.to_ascii_lowercase();
    let bare = |authority: &str| authority.strip_suffix(port).unwrap_or(authority).to_owned();
    bare(authority) == bare(&host)
}

/// The scheme's own port and what follows the scheme.
fn split(origin: &str) -> Option<(&'static str, &str)> {
    let (scheme, authority) = origin.split_once("://")?;
    match scheme {
        "http" => Some((":80", authority)),
        "https" => Some((":443", authority)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warp::http::HeaderValue;

    fn allows(origin: Option<&str>, host: &str, allowed: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).expect("a host"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).expect("an origin"));
        }
        let allowed: Vec<Origin> = allowed.iter().map(|one| one.parse().expect("an origin")).collect();
        check(&headers, &allowed).is_ok()
    }

    #[test]
    fn pages_of_the_same_host_may_and_those_who_send_no_origin() {
        assert!(allows(None, "play.example", &[]));
        assert!(allows(Some("http://localhost:8080"), "localhost:8080", &[]));
        assert!(allows(Some("https://play.example"), "play.example", &[]), "a proxy does the TLS");
        assert!(allows(Some("https://Play.Example"), "play.example:443", &[]));
        assert!(allows(Some("http://[::1]:8080"), "[::1]:8080", &[]));
    }

    #[test]
    fn pages_of_other_hosts_may_where_that_was_said() {
        for other in
            ["https://evil.example", "http://play.example:81", "null", "file://", "https://play.example.evil"]
        {
            assert!(!allows(Some(other), "play.example", &[]), "{other}");
            assert!(allows(Some(other), "play.example", &["*"]), "{other}");
        }
        let allowed = ["https://site.example", "http://localhost:5173/"];
        assert!(allows(Some("https://site.example"), "play.example", &allowed));
        assert!(allows(Some("http://localhost:5173"), "play.example", &allowed));
        assert!(!allows(Some("http://site.example"), "play.example", &allowed));
    }

    #[test]
    fn what_is_no_origin_is_refused_as_a_setting() {
        for bad in ["", "play.example", "ftp://play.example", "https://", "https://play.example/path"] {
            assert!(bad.parse::<Origin>().is_err(), "{bad:?}");
        }
    }
}
