//! One member's part in owning games.

use crate::{Effect, Event, Settings, Time};
use protocol::{Epoch, GameId, MemberId};
use registry::{GameRecord, MemberRecord, MemberState};
use std::collections::BTreeMap;

/// The machine of one member: told [`Event`]s, answers with [`Effect`]s.
#[derive(Debug)]
pub struct Member {
    me: MemberRecord,
    settings: Settings,
    members: BTreeMap<MemberId, MemberRecord>,
    games: BTreeMap<GameId, GameRecord>,
    owned: BTreeMap<GameId, Epoch>,
}

impl Member {
    /// A member that has not joined yet: the first [`Event::Wake`] makes it. `record.state` is ignored; `seed` is 64 random
    /// bits, from which the machine draws the salts of its epochs.
    pub fn new(record: MemberRecord, settings: Settings, now: Time, seed: u64) -> Member {
        let _ = (now, seed);
        Member {
            me: MemberRecord { state: MemberState::Joining, ..record },
            settings,
            members: BTreeMap::new(),
            games: BTreeMap::new(),
            owned: BTreeMap::new(),
        }
    }

    /// Takes one event in and appends what is to be done, in order. `now` never runs backwards.
    pub fn handle(&mut self, now: Time, event: Event, out: &mut Vec<Effect>) {
        let _ = (now, event, out, &self.settings);
    }

    /// When [`Event::Wake`] is wanted next; the first call of all is due at once.
    pub fn next_wake(&self) -> Option<Time> {
        None
    }

    /// This member's id.
    pub fn id(&self) -> MemberId {
        self.me.id
    }

    /// What this member says about itself at the next renewal.
    pub fn record(&self) -> &MemberRecord {
        &self.me
    }

    /// The games that this member owns, with their epochs.
    pub fn owned(&self) -> impl Iterator<Item = (GameId, Epoch)> + '_ {
        self.owned.iter().map(|(game, epoch)| (*game, *epoch))
    }

    /// All members as of the last poll, this one included, in order of id.
    pub fn members(&self) -> impl Iterator<Item = &MemberRecord> {
        self.members.values()
    }

    /// All games as of the last poll, in order of id.
    pub fn games(&self) -> impl Iterator<Item = &GameRecord> {
        self.games.values()
    }

    /// Who owns a game, as far as this member knows.
    pub fn owner_of(&self, game: GameId) -> Option<(MemberId, Epoch)> {
        self.games.get(&game).and_then(|record| Some((record.owner?, record.epoch)))
    }

    /// Joined and linked with the living; stays true while draining.
    pub fn is_ready(&self) -> bool {
        false
    }

    /// [`Event::Terminate`] came.
    pub fn is_draining(&self) -> bool {
        self.me.state == MemberState::Draining
    }

    /// [`Event::Terminate`] came and no game is left.
    pub fn is_drained(&self) -> bool {
        false
    }

    /// Nobody can have replaced this member yet: it may call things durable.
    pub fn lease_valid(&self, now: Time) -> bool {
        let _ = now;
        false
    }

    /// The registry has not answered for a lease's length.
    pub fn registry_away(&self, now: Time) -> bool {
        let _ = now;
        false
    }
}
