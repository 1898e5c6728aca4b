//! Who connects, told apart by address, and how much of this member each address may take.
//!
//! Owns the counts by address: open connections, requests, new games. What one socket may do is the socket's matter
//! (`wire`, `hub`). Behind a load balancer that hides its clients many players share an address: that is why the defaults
//! are generous, and why a proxy that says on whose behalf it asks can be trusted to.

use crate::allowance::Allowance;
use crate::limits;
use crate::metrics::Metrics;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::{Duration, Instant};
use warp::http::{HeaderMap, HeaderName};

/// What one address may take of a member. 0 is no limit.
#[derive(Clone, Debug, Default)]
pub struct AddressLimits {
    /// Connections open at once, players' sockets among them.
    pub connections: u32,
    /// Requests in a second, openings of players' sockets among them.
    pub requests_per_second: u32,
    /// New games in a minute.
    pub games_per_minute: u32,
    /// The header in which a trusted proxy says whom it asks for.
    pub header: Option<HeaderName>,
}

/// What one game takes at this member.
#[derive(Clone, Copy, Debug)]
pub struct GameLimits {
    /// Sockets, of players and of those who watch; 0: any number.
    pub sockets: u32,
    /// New players from one address in a minute; 0: any number.
    pub joins_per_minute: u32,
    /// Messages and renames of one player in a minute.
    pub chat_per_minute: u16,
}

/// What an address has too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// Connections open at once.
    Connections,
    /// Requests in a second.
    Requests,
    /// New games in a minute; another one may be created after so long.
    Games(Duration),
}

impl Excess {
    /// Name of the limit in metrics.
    pub fn limit(self) -> &'static str {
        match self {
            Excess::Connections => "connections",
            Excess::Requests => "requests",
            Excess::Games(_) => "games",
        }
    }

    /// What happened and what to do.
    pub fn sentence(self) -> &'static str {
        match self {
            Excess::Connections => "too many connections from your address; close some, then try again",
            Excess::Requests => "too many requests from your address; send fewer, and wait a moment now",
            Excess::Games(_) => {
                "too many new games from your address; wait a moment, or play one that there is"
            }
        }
    }

    /// When it is worth another try, in whole seconds.
    pub fn retry_after(self) -> u64 {
        match self {
            Excess::Connections => 5,
            Excess::Requests => 1,
            Excess::Games(wait) => wait.as_secs() + 1,
        }
    }
}

/// What is known of one address.
struct Account {
    connections: u32,
    /// None: no limit.
    requests: Option<Allowance>,
    games: Option<Allowance>,
}

struct Shared {
    limits: AddressLimits,
    metrics: Arc<Metrics>,
    accounts: Mutex<Accounts>,
}

struct Accounts {
    known: HashMap<IpAddr, Account>,
    /// Addresses that have nothing open and have spent nothing are forgotten when there are so many.
    tidy_at: usize,
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Visitors(Arc<Shared>);

/// A connection of an address, counted as long as this is kept.
pub struct Place {
    visitors: Visitors,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.visitors
            .with(self.address, |account, _| account.connections = account.connections.saturating_sub(1));
    }
}

/// A connection that was accepted: whose, and whether it is one too many.
#[derive(Clone)]
pub struct Connection {
    peer: IpAddr,
    /// None where the peer is a proxy for others: their places are taken by what stays open for them.
    place: Result<Option<Arc<Place>>, Excess>,
}

impl Connection {
    /// Whether it is one too many, and good for no more than being told so.
    pub fn is_excess(&self) -> bool {
        self.place.is_err()
    }
}

/// Whose a request is.
#[derive(Clone)]
pub struct Visitor {
    /// The client's address, as far as that is known.
    pub address: IpAddr,
    place: Option<Arc<Place>>,
}

impl Visitors {
    /// Nobody yet.
    pub fn new(limits: AddressLimits, metrics: Arc<Metrics>) -> Visitors {
        let accounts = Accounts { known: HashMap::new(), tidy_at: limits::ADDRESSES_KNOWN };
        Visitors(Arc::new(Shared { limits, metrics, accounts: Mutex::new(accounts) }))
    }

    /// A connection was accepted from there.
    pub fn connect(&self, peer: IpAddr) -> Connection {
        let peer = told_apart(peer);
        let place = match self.0.limits.header {
            Some(_) => Ok(None),
            None => self.place(peer).map(Some),
        };
        Connection { peer, place }
    }

    /// A request came on a connection: whose it is, if it is to be answered.
    ///
    /// # Errors
    /// What there is too much of.
    pub fn request(&self, connection: &Connection, headers: &HeaderMap) -> Result<Visitor, Excess> {
        let place = connection.place.clone()?;
        let address = self.forwarded(headers).unwrap_or(connection.peer);
        let spent =
            self.with(address, |account, now| account.requests.as_mut().is_none_or(|one| one.spend(now)));
        match spent {
            true => Ok(Visitor { address, place }),
            false => Err(self.refused(Excess::Requests)),
        }
    }

    /// What is asked for stays open: the place that it takes.
    ///
    /// # Errors
    /// When the address has none left.
    pub fn stay(&self, visitor: &Visitor) -> Result<Arc<Place>, Excess> {
        visitor.place.clone().map_or_else(|| self.place(visitor.address), Ok)
    }

    /// A new game is asked for.
    ///
    /// # Errors
    /// When the address has created too many lately.
    pub fn create(&self, visitor: &Visitor) -> Result<(), Excess> {
        let wait = self.with(visitor.address, |account, now| {
            let games = account.games.as_mut()?;
            (!games.spend(now)).then(|| games.wait())
        });
        match wait {
            Some(wait) => Err(self.refused(Excess::Games(wait))),
            None => Ok(()),
        }
    }

    fn place(&self, address: IpAddr) -> Result<Arc<Place>, Excess> {
        let most = self.0.limits.connections;
        let taken = self.with(address, |account, _| {
            let free = most == 0 || account.connections < most;
            account.connections += u32::from(free);
            free
        });
        if !taken {
            return Err(self.refused(Excess::Connections));
        }
        Ok(Arc::new(Place { visitors: self.clone(), address }))
    }

    fn refused(&self, excess: Excess) -> Excess {
        self.0.metrics.refused(excess.limit());
        excess
    }

    /// The last address in the trusted header: what stands before it is the client's own word.
    fn forwarded(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let last = headers.get_all(self.0.limits.header.as_ref()?).iter().next_back()?;
        let last = last.to_str().ok()?.rsplit(',').next()?.trim();
        last.parse().ok().map(told_apart)
    }

    fn with<T>(&self, address: IpAddr, work: impl FnOnce(&mut Account, Instant) -> T) -> T {
        let mut accounts = self.0.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let Accounts { known, tidy_at } = &mut *accounts;
        let now = Instant::now();
        if known.len() >= *tidy_at && !known.contains_key(&address) {
            known.retain(|_, account| account.connections > 0 || !account.is_as_new(now));
            // Most of a second look would be in vain.
            *tidy_at = limits::ADDRESSES_KNOWN.max(2 * known.len());
        }
        work(known.entry(address).or_insert_with(|| Account::new(&self.0.limits, now)), now)
    }
}

impl Account {
    fn new(limits: &AddressLimits, now: Instant) -> Account {
        let allowance = |rate: u32, per, burst: u32| {
            (rate > 0).then(|| Allowance::new(rate, per, rate.saturating_mul(burst), now))
        };
        Account {
            connections: 0,
            requests: allowance(limits.requests_per_second, Duration::from_secs(1), limits::REQUESTS_BURST),
            games: allowance(limits.games_per_minute, Duration::from_secs(60), 1),
        }
    }

    fn is_as_new(&mut self, now: Instant) -> bool {
        [&mut self.requests, &mut self.games].into_iter().flatten().all(|allowance| allowance.is_full(now))
    }
}

/// Of IPv6 the network: whoever has one address of it has all of them.
fn told_apart(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warp::http::HeaderValue;

    const LIMITS: AddressLimits =
        AddressLimits { connections: 2, requests_per_second: 10, games_per_minute: 3, header: None };

    fn visitors(limits: AddressLimits) -> Visitors {
        Visitors::new(limits, Arc::new(Metrics::new()))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_has_so_many_connections_at_once_and_others_have_their_own() {
        let visitors = visitors(LIMITS);
        let mut open: Vec<_> = (0..2).map(|_| visitors.connect(ip("10.0.0.1"))).collect();
        assert!(open.iter().all(|connection| !connection.is_excess()));
        let third = visitors.connect(ip("::ffff:10.0.0.1"));
        assert_eq!(visitors.request(&third, &HeaderMap::new()).err(), Some(Excess::Connections));
        assert!(!visitors.connect(ip("10.0.0.2")).is_excess());
        // What a connection has turned into keeps its place.
        let visitor = visitors.request(&open[0], &HeaderMap::new()).expect("answered");
        let place = visitors.stay(&visitor).expect("its connection's");
        drop((visitor, open.remove(0)));
        assert!(visitors.connect(ip("10.0.0.1")).is_excess());
        drop(place);
        assert!(!visitors.connect(ip("10.0.0.1")).is_excess());
    }

    #[test]
    fn requests_and_new_games_are_bounded_and_0_is_no_limit() {
        for (limits, requests, games) in [(LIMITS, 20, 3), (AddressLimits::default(), 1000, 1000)] {
            let visitors = visitors(limits);
            let connection = visitors.connect(ip("10.0.0.1"));
            let visitor = visitors.request(&connection, &HeaderMap::new()).expect("the first one");
            let more = (1..1000).filter(|_| visitors.request(&connection, &HeaderMap::new()).is_ok());
            assert_eq!(more.count() + 1, requests);
            assert_eq!((0..1000).filter(|_| visitors.create(&visitor).is_ok()).count(), games);
        }
        let visitors = visitors(LIMITS);
        let visitor = Visitor { address: ip("10.0.0.1"), place: None };
        let refused = (0..4).filter_map(|_| visitors.create(&visitor).err()).next().expect("the fourth one");
        assert!((20..=21).contains(&refused.retry_after()), "{refused:?}");
    }

    #[test]
    fn what_is_set_by_default_hurts_nobody_behind_an_address_that_many_share() {
        let settings = <crate::settings::Settings as clap::Parser>::try_parse_from(["gamed"])
            .expect("no flag is needed");
        let visitors = visitors(settings.address_limits());
        let open: Vec<_> = (0..1000).map(|_| visitors.connect(ip("10.0.0.1"))).collect();
        for connection in &open {
            assert!(visitors.request(connection, &HeaderMap::new()).is_ok());
        }
        let visitor = Visitor { address: ip("10.0.0.1"), place: None };
        assert!((0..300).all(|_| visitors.create(&visitor).is_ok()));
    }

    #[test]
    fn a_proxy_is_believed_where_it_is_trusted_and_only_its_own_word() {
        let header = HeaderName::from_static("x-forwarded-for");
        let headers = |text: &str| -> HeaderMap {
            [(header.clone(), HeaderValue::from_str(text).expect("a value"))].into_iter().collect()
        };
        let asks = |visitors: &Visitors, text: &str| {
            let connection = visitors.connect(ip("10.0.0.1"));
            visitors.request(&connection, &headers(text)).expect("answered").address
        };
        let trusting = visitors(AddressLimits { header: Some(header.clone()), ..LIMITS });
        assert_eq!(asks(&trusting, "1.2.3.4"), ip("1.2.3.4"));
        assert_eq!(asks(&trusting, "6.6.6.6, 1.2.3.4"), ip("1.2.3.4"));
        assert_eq!(asks(&trusting, "2001:db8:1:2:3:4:5:6"), ip("2001:db8:1:2::"));
        assert_eq!(asks(&trusting, "unknown"), ip("10.0.0.1"));
        assert_eq!(asks(&visitors(LIMITS), "1.2.3.4"), ip("10.0.0.1"));

        // The proxy may have any number of connections; what stays open counts for its client.
        let connection = trusting.connect(ip("10.0.0.1"));
        let visitor = trusting.request(&connection, &headers("1.2.3.5")).expect("answered");
        let places: Vec<_> = (0..3).map(|_| trusting.stay(&visitor)).collect();
        let other = trusting.request(&connection, &headers("1.2.3.6")).expect("answered");
        assert_eq!(places.iter().filter(|place| place.is_ok()).count(), 2);
        assert!(trusting.stay(&other).is_ok());
    }

    #[test]
    fn addresses_that_have_nothing_open_are_forgotten() {
        let visitors = visitors(AddressLimits { games_per_minute: 0, requests_per_second: 0, ..LIMITS });
        let kept = visitors.connect(ip("10.0.0.1"));
        for number in 0..2 * limits::ADDRESSES_KNOWN as u32 {
            drop(visitors.connect(IpAddr::V4((0x0b00_0000 + number).into())));
        }
        let known = |visitors: &Visitors| visitors.0.accounts.lock().expect("no panic").known.len();
        assert!(known(&visitors) <= limits::ADDRESSES_KNOWN);
        assert!(visitors.0.accounts.lock().expect("no panic").known.contains_key(&ip("10.0.0.1")));
        drop(kept);
    }
}
