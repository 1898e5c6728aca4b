//! What every hub of a member shares: who the member is, whom it can reach, and where reports go.

use crate::driver::ToDriver;
use crate::journal::Journal;
use crate::keys::Key;
use crate::leaving::Leaving;
use crate::links::Links;
use crate::metrics::Metrics;
use crate::visitors::GameLimits;
use crate::wire::Wire;
use ownership::Event;
use protocol::peer::Introduction;
use protocol::{CloseCode, Epoch, GameId, MemberId, PlayerId, Token};
use registry::MemberRecord;
use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::error;

/// What people are told of a member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// The pod's name.
    pub name: String,
    /// Version of the software; empty while it is not known.
    pub build: String,
    /// Revision of the Deployment; empty while it is not known.
    pub revision: String,
}

impl From<&MemberRecord> for Named {
    fn from(record: &MemberRecord) -> Named {
        let MemberRecord { name, build, revision, .. } = record.clone();
        Named { name, build, revision }
    }
}

impl From<&Introduction> for Named {
    fn from(member: &Introduction) -> Named {
        let Introduction { name, build, revision, .. } = member.clone();
        Named { name, build, revision }
    }
}

/// Who the members are, for people.
#[derive(Default)]
pub struct Directory(RwLock<BTreeMap<MemberId, Named>>);

impl Directory {
    /// Replaces what is known of these members; those that are gone stay known, for frames that name them late.
    pub fn learn(&self, members: impl IntoIterator<Item = (MemberId, Named)>) {
        self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner).extend(members);
    }

    /// The id stands in for a name that is not known yet.
    pub fn named(&self, member: MemberId) -> Named {
        let known = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let unknown = || Named { name: member.to_string(), ..Named::default() };
        known.get(&member).cloned().unwrap_or_else(unknown)
    }
}

/// See the module. One for each worker thread, made of shared parts.
#[derive(Clone)]
pub struct Context {
    /// This member.
    pub me: MemberId,
    /// Who that is, for people.
    pub named: Named,
    /// A game without people ends after this.
    pub empty_game: Duration,
    /// What games take.
    pub game_limits: GameLimits,
    /// What the games ran, to be logged.
    pub journal: Journal,
    /// Connections to the other members.
    pub links: Links,
    /// Counters and gauges.
    pub metrics: Arc<Metrics>,
    /// The cluster's secret.
    pub key: Key,
    /// Who the others are.
    pub directory: Arc<Directory>,
    /// Whether this member leaves.
    pub leaving: Leaving,
    /// The ownership driver.
    pub driver: mpsc::Sender<ToDriver>,
}

impl Context {
    /// Tells the ownership rules. Waits in the background where their queue is full; nothing is dropped.
    pub fn report(&self, event: Event) {
        self.tell_driver(ToDriver::Event(event));
    }

    /// The first tick of an ownership has run, so long after it was due.
    pub fn first_tick(&self, game: GameId, epoch: Epoch, late: Duration) {
        self.tell_driver(ToDriver::FirstTick { game, epoch, late, at: Instant::now() });
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
        Token { game, player }.sign(&self.key.borrow())
    }

    /// What people are told of a member.
    pub fn named(&self, member: MemberId) -> Named {
        self.directory.named(member)
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
