//! Where Redis is: at one address, or where sentinels say that it is.
//!
//! Owns the reading of the URL and of the CA. What is shown of either has no user and no password.

use super::{ConnectError, RedisSettings};
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisError, TlsCertificates,
};
use std::fmt;

/// Where sentinels listen that are named without a port.
const SENTINEL_PORT: u16 = 26379;

/// One server, and how to connect to it.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) client: Client,
    /// `host:port`, for people.
    pub(super) address: String,
}

/// Where Redis is.
pub(super) enum Place {
    /// There.
    Fixed(Endpoint),
    /// Wherever sentinels say.
    Watched(Watched),
}

/// A Redis that changes its place when sentinels say so.
pub(super) struct Watched {
    /// Any of them may answer.
    pub(super) sentinels: Vec<Endpoint>,
    /// The name under which they know it.
    pub(super) master: String,
    /// All but the address.
    like: ConnectionInfo,
}

impl Place {
    pub(super) fn read(settings: &RedisSettings) -> Result<Place, ConnectError> {
        match settings.url.split_once("+sentinel://") {
            Some((scheme @ ("redis" | "rediss"), rest)) => {
                Ok(Place::Watched(Watched::read(settings, scheme, rest)?))
            }
            _ => Ok(Place::Fixed(Endpoint::open(read(settings, &settings.url)?)?)),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Fixed(endpoint) => f.write_str(&endpoint.address),
            Place::Watched(Watched { sentinels, master, .. }) => {
                write!(f, "master {master}")?;
                for (at, sentinel) in sentinels.iter().enumerate() {
                    write!(f, "{}{}", if at == 0 { " of " } else { ", " }, sentinel.address)?;
                }
                Ok(())
            }
        }
    }
}

impl Watched {
    /// `[user:password@]host[:port][,host[:port]...]/master[/db][?sentinel_username=...&sentinel_password=...]`
    fn read(settings: &RedisSettings, scheme: &str, rest: &str) -> Result<Watched, ConnectError> {
        let wrong = |what: &str| ConnectError::Url(what.to_owned());
        if rest.contains('#') {
            return Err(wrong("fragments are not known"));
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (master, db) = path.split_once('/').unwrap_or((path, ""));
        // The names that sentinels accept. Nothing that is shown must be a part of a password that was not encoded.
        if master.is_empty() || !master.bytes().all(|c| c.is_ascii_alphanumeric() || b".-_".contains(&c)) {
            return Err(wrong(
                "after the sentinels comes the name of their master: letters, digits, and . - _",
            ));
        }
        let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (mut user, mut password) = (String::new(), String::new());
        for (key, value) in query.split('&').filter_map(|part| part.split_once('=')) {
            // Free in a query, but not before a host.
            let value = value.replace('/', "%2F").replace('@', "%40").replace('?', "%3F");
            match key {
                "sentinel_username" => user = value,
                "sentinel_password" => password = value,
                _ => return Err(wrong("only sentinel_username and sentinel_password are known after the ?")),
            }
        }
        let sentinel = |host: &str| {
            let port = host.rsplit(']').next().is_some_and(|end| end.contains(':'));
            let port = if port { String::new() } else { format!(":{SENTINEL_PORT}") };
            let endpoint =
                Endpoint::open(read(settings, &format!("{scheme}://{user}:{password}@{host}{port}"))?)?;
            Ok(Endpoint { address: format!("sentinel {}", endpoint.address), ..endpoint })
        };
        let sentinels = hosts.split(',').map(sentinel).collect::<Result<Vec<_>, ConnectError>>()?;
        let like = read(settings, &format!("{scheme}://{login}@unknown/{db}"))?;
        Ok(Watched { sentinels, master: master.to_owned(), like })
    }

    /// The master, which a sentinel says is there.
    pub(super) fn at(&self, host: String, port: u16) -> Result<Endpoint, ConnectError> {
        let address = match self.like.addr().clone() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host, port, insecure, tls_params }
            }
            _ => ConnectionAddr::Tcp(host, port),
        };
        Endpoint::open(self.like.clone().set_addr(address))
    }
}

impl Endpoint {
    fn open(info: ConnectionInfo) -> Result<Endpoint, ConnectError> {
        let address = info.addr().to_string();
        Ok(Endpoint { client: Client::open(info).map_err(bad_url)?, address })
    }
}

fn bad_url(error: RedisError) -> ConnectError {
    ConnectError::Url(error.to_string())
}

/// The URL of one server, with all else that its connections need.
fn read(settings: &RedisSettings, url: &str) -> Result<ConnectionInfo, ConnectError> {
    let info = url.into_connection_info().map_err(bad_url)?;
    let keepalive = TcpKeepalive::new().with_time(settings.keepalive).with_interval(settings.keepalive);
    let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
    let login = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
    let info = info.set_tcp_settings(tcp).set_redis_settings(login);
    let tls = matches!(info.addr(), ConnectionAddr::TcpTls { .. });
    if tls {
        // rustls comes without a provider and would panic at the first connection. Where one is installed already, that
        // one serves.
        rustls::crypto::ring::default_provider().install_default().ok();
    }
    let Some(ca) = &settings.ca else { return Ok(info) };
    if !tls {
        return Err(ConnectError::CaWithoutTls);
    }
    if !ca.contains("-----BEGIN CERTIFICATE-----") {
        return Err(ConnectError::Ca("there is no certificate in it".into()));
    }
    let certificates = TlsCertificates { client_tls: None, root_cert: Some(ca.clone().into_bytes()) };
    let client =
        Client::build_with_tls(info, certificates).map_err(|error| ConnectError::Ca(error.to_string()))?;
    Ok(client.get_connection_info().clone())
}
