//! What every hub of a member shares: who the member is, whom it can reach, and where reports go.

use crate::driver::ToDriver;
use crate::links::Links;
use crate::metrics::Metrics;
use crate::wire::Wire;
use ownership::Event;
use protocol::{CloseCode, ClusterKey, GameId, MemberId, PlayerId, Token};
use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::sync::mpsc;
use tracing::error;

/// Names and builds of the members, for people.
#[derive(Default)]
pub struct Directory(RwLock<BTreeMap<MemberId, (String, String)>>);

impl Directory {
    /// Replaces what is known of the members; those that are gone stay known, for frames that name them late.
    pub fn learn(&self, members: impl Iterator<Item = (MemberId, String, String)>) {
        let mut known = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.extend(members.map(|(id, name, build)| (id, (name, build))));
    }

    /// Name and build; the id stands in for a name that is not known yet.
    pub fn name_of(&self, member: MemberId) -> (String, String) {
        let known = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.get(&member).cloned().unwrap_or_else(|| (member.to_string(), String::new()))
    }
}

/// When this member started to leave, if it did: until then sockets are asked to find another.
#[derive(Default)]
pub struct Leaving(std::sync::OnceLock<tokio::time::Instant>);

impl Leaving {
    /// From now on new sockets are sent away soon.
    pub fn begin(&self) {
        self.0.get_or_init(tokio::time::Instant::now);
    }

    /// Whether the member leaves.
    pub fn is_on(&self) -> bool {
        self.0.get().is_some()
    }
}

/// See the module. One for each worker thread, made of shared parts.
#[derive(Clone)]
pub struct Context {
    /// This member.
    pub me: MemberId,
    /// Its name, for people.
    pub name: String,
    /// Its build, for people.
    pub build: String,
    /// How long sockets may stay after GoAway.
    pub grace: Duration,
    /// A game without players ends after this.
    pub empty_game: Duration,
    /// Connections to the other members.
    pub links: Links,
    /// Counters and gauges.
    pub metrics: Arc<Metrics>,
    /// The cluster's secret.
    pub key: Arc<ClusterKey>,
    /// Who the others are.
    pub directory: Arc<Directory>,
    /// Whether this member leaves.
    pub leaving: Arc<Leaving>,
    /// The ownership driver.
    pub driver: mpsc::Sender<ToDriver>,
}

/// A socket that came to a leaving member is sent away after this: long enough for the load balancer to have noticed.
const LATE_COMER: Duration = Duration::from_secs(2);

impl Context {
    /// Tells the ownership rules. Waits in the background where their queue is full; nothing is dropped.
    pub fn report(&self, event: Event) {
        self.tell_driver(ToDriver::Event(event));
    }

    /// Asks who owns a game; the answer comes to its hub.
    pub fn look_up(&self, game: GameId) {
        self.tell_driver(ToDriver::LookUp(game));
    }

    fn tell_driver(&self, message: ToDriver) {
        match self.driver.try_send(message) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(message)) => {
                let driver = self.driver.clone();
                // Bounded by the commands that caused the reports: each hub has at most a few under way.
                tokio::task::spawn(async move {
                    if driver.send(message).await.is_err() {
                        error!("the ownership driver is gone");
                    }
                });
            }
            Err(mpsc::error::TrySendError::Closed(_)) => error!("the ownership driver is gone"),
        }
    }

    /// The token that resumes as this player anywhere in the cluster.
    pub fn token(&self, game: GameId, player: PlayerId) -> Vec<u8> {
        Token { game, player }.sign(&self.key)
    }

    /// Name and build of a member.
    pub fn name_of(&self, member: MemberId) -> (String, String) {
        self.directory.name_of(member)
    }

    /// After which time a socket that comes now is to be sent away, where this member leaves.
    pub fn leaving(&self) -> Option<Duration> {
        self.leaving.is_on().then_some(LATE_COMER)
    }

    /// Closes a socket in the background, so that its code arrives. It counts as a socket until it has: a member that ends
    /// waits for it.
    pub fn farewell(&self, wire: Wire, code: CloseCode) {
        let metrics = self.metrics.clone();
        metrics.closed(code);
        tokio::task::spawn(async move {
            wire.close(code.code(), code.sentence()).await;
            metrics.sockets.dec();
        });
    }
}
