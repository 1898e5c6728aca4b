use super::*;
use bytes::Bytes;
use registry::memory::Store;
use registry::{Fence, Hint, Reason};

mod behind;
mod ceding;
mod failing;
mod interleavings;
mod logging;
mod versions;

const ME: MemberId = MemberId(1);
const B: MemberId = MemberId(2);
const C: MemberId = MemberId(3);
const D: MemberId = MemberId(4);
const GAME: GameId = GameId(7);

fn record(id: MemberId) -> MemberRecord {
    MemberRecord {
        id,
        name: format!("server-{}", id.0),
        address: format!("10.0.0.{}:7946", id.0),
        pod_uid: format!("pod-{}", id.0),
        container: "gamed".into(),
        revision: "a".into(),
        build: "test".into(),
        state: MemberState::Ready,
        games: 0,
        players: 0,
        rules_min: 1,
        rules_max: 1,
        renewals: 0,
        joined: 0,
        settled: "one".into(),
    }
}

fn game_settings() -> GameSettings {
    GameSettings {
        name: "g".into(),
        maze: String::new(),
        maze_name: "m".into(),
        slots: 8,
        rules: 1,
        bots: 0,
        stays: false,
    }
}

fn world(tick: u64) -> Snapshot {
    let world = Bytes::from(tick.to_le_bytes().to_vec());
    Snapshot { epoch: Epoch(0), tick: Tick(tick), players: 1, bots: 0, world }
}

type Applies = fn(&Request) -> bool;

#[derive(Clone, Copy)]
enum Spoil {
    Refused,
    RequestLost,
    AnswerLost,
    /// It is carried out, and its answer comes when [`Rig::answer_held`] lets it.
    Held,
}

fn is_commit(request: &Request) -> bool {
    matches!(request, Request::CommitMove { .. })
}

fn is_bump(request: &Request) -> bool {
    matches!(request, Request::Bump { .. })
}

fn is_read(request: &Request) -> bool {
    matches!(request, Request::Game(_))
}

fn is_claim(request: &Request) -> bool {
    matches!(request, Request::Claim { .. })
}

fn is_members(request: &Request) -> bool {
    matches!(request, Request::Members)
}

fn is_end(request: &Request) -> bool {
    matches!(request, Request::End { .. })
}

/// One real member, the real in-memory registry that answers at once, and other members that are only records.
struct Rig {
    now: Time,
    store: Store,
    member: Member,
    others: Vec<MemberRecord>,
    /// What happens to the next request of which that is true, one after the other.
    spoil: Vec<(Applies, Spoil)>,
    /// No request is answered.
    away: bool,
    held: Vec<(CallId, Result<Reply, RegistryError>)>,
    effects: Vec<Effect>,
}

impl Rig {
    fn new(others: &[MemberId]) -> Rig {
        Rig::of(record(ME), others.iter().map(|other| record(*other)).collect())
    }

    fn of(me: MemberRecord, others: Vec<MemberRecord>) -> Rig {
        let mut store = Store::new("one");
        for other in &others {
            store.apply(1, Request::Join(other.clone()));
        }
        let now = Time(1_000_000);
        let member = Member::new(me, Settings::default(), now, 42);
        let mut rig = Rig {
            now,
            store,
            member,
            others,
            spoil: Vec::new(),
            away: false,
            held: Vec::new(),
            effects: Vec::new(),
        };
        rig.tell(Event::Wake);
        for other in rig.others.clone() {
            rig.tell(Event::LinkUp(other.id));
        }
        rig.pass(100_000);
        rig
    }

    fn ms(&self) -> u64 {
        self.now.0 / 1000
    }

    fn ask(&mut self, request: Request) -> Reply {
        self.store.apply(self.ms(), request).0
    }

    fn tell(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            let mut out = Vec::new();
            self.member.handle(self.now, event, &mut out);
            for effect in out {
                if let Effect::Call(id, request) = &effect
                    && let Some(reply) = self.answer(*id, request.clone())
                {
                    events.insert(0, Event::Reply(*id, reply));
                }
                if let Effect::TakeSnapshot(game) = effect {
                    events.insert(0, Event::World { game, snapshot: world(self.ms()) });
                }
                self.effects.push(effect);
            }
        }
    }

    fn answer(&mut self, id: CallId, request: Request) -> Option<Result<Reply, RegistryError>> {
        if self.away {
            return Some(Err(RegistryError::Refused("away".into())));
        }
        let Some((_, spoil)) = self.spoil.first().filter(|(applies, _)| applies(&request)).copied() else {
            return Some(Ok(self.ask(request)));
        };
        self.spoil.remove(0);
        match spoil {
            Spoil::Refused => Some(Err(RegistryError::Refused("refused".into()))),
            Spoil::RequestLost => Some(Err(RegistryError::Unanswered("lost".into()))),
            Spoil::AnswerLost => {
                self.ask(request);
                Some(Err(RegistryError::Unanswered("lost".into())))
            }
            Spoil::Held => {
                let reply = self.ask(request);
                self.held.push((id, Ok(reply)));
                None
            }
        }
    }

    /// What was held back comes now.
    fn answer_held(&mut self) {
        for (id, reply) in std::mem::take(&mut self.held) {
            self.tell(Event::Reply(id, reply));
        }
    }

    /// Lets time pass; the other members renew every 500 ms.
    fn pass(&mut self, micros: u64) {
        let end = self.now.plus(micros);
        while self.now < end {
            self.now = self.now.plus(10_000);
            if self.now.0.is_multiple_of(500_000) {
                for record in self.others.clone() {
                    self.ask(Request::Renew { id: record.id, record, games: Vec::new() });
                }
            }
            if self.member.next_wake().is_some_and(|wake| wake <= self.now) {
                self.tell(Event::Wake);
            }
        }
    }

    fn owns(&self) -> bool {
        self.member.owned().any(|(game, _)| game == GAME)
    }

    fn seen(&mut self, wanted: impl Fn(&Effect) -> bool) -> bool {
        let found = self.effects.iter().any(wanted);
        self.effects.clear();
        found
    }

    /// Puts a game of that owner into the registry; returns its epoch.
    fn game_of(&mut self, owner: MemberId) -> Epoch {
        self.game_called(GAME, owner)
    }

    fn game_called(&mut self, game: GameId, owner: MemberId) -> Epoch {
        let request = Request::Create {
            game,
            owner,
            settings: game_settings(),
            snapshot: world(9),
            salt: 1,
            floor: Epoch(0),
        };
        let Reply::Granted { epoch } = self.ask(request) else { panic!("the game exists") };
        epoch
    }

    fn create(&mut self) -> Epoch {
        self.tell(Event::Create { game: GAME, settings: game_settings(), snapshot: world(0) });
        let owned = self.member.owned().next();
        self.effects.clear();
        owned.expect("created").1
    }

    /// Up to the freeze of a move to B.
    fn create_and_freeze(&mut self) -> Epoch {
        let epoch = self.create();
        let expect = Fence { epoch, owner: Some(ME) };
        self.ask(Request::Assign { game: GAME, expect, next: B, reason: Reason::Move });
        self.tell(Event::Hint(Hint::Game(GAME)));
        assert!(self.seen(|effect| matches!(effect, Effect::Send(to, Control::Prepare { .. }) if *to == B)));
        self.tell(Event::Message(B, Control::Prepared { game: GAME, epoch }));
        assert!(self.seen(|effect| *effect == Effect::Freeze(GAME)));
        epoch
    }

    fn freeze_done(&mut self) {
        let (snapshot, next_due) = (self.run_up_to(60), self.now.plus(15_000));
        self.tell(Event::Frozen { game: GAME, snapshot, next_due });
    }

    /// The world of a game of this member that has run a tick or more under its epoch.
    fn run_up_to(&self, tick: u64) -> Snapshot {
        let epoch = self.member.owned().find_map(|(game, epoch)| (game == GAME).then_some(epoch));
        Snapshot { epoch: epoch.expect("it owns the game"), ..world(tick) }
    }

    fn owner_in_registry(&mut self) -> Option<MemberId> {
        let Reply::Game(record) = self.ask(Request::Game(GAME)) else { panic!("the game is gone") };
        record.owner
    }
}

#[test]
fn a_member_joins_links_and_is_ready() {
    let mut rig = Rig::new(&[B]);
    assert!(rig.member.is_ready() && rig.member.lease_valid(rig.now));
    assert!(rig.seen(|effect| matches!(effect, Effect::Peers(peers) if peers.len() == 1)));
}

#[test]
fn a_lease_that_stands_still_is_waited_out_before_a_claim() {
    let mut rig = Rig::new(&[B]);
    rig.game_of(B);
    rig.tell(Event::LinkDown { member: B, refused: false });
    rig.others.clear();
    rig.pass(2_300_000);
    assert!(!rig.owns());
    rig.pass(1_000_000);
    assert!(rig.owns());
    assert!(rig.seen(|effect| matches!(effect, Effect::Moved(moved) if moved.cause == "lease")));
}

#[test]
fn the_dead_are_struck_off_the_list_once_their_games_run_elsewhere() {
    let mut rig = Rig::new(&[B]);
    rig.game_of(B);
    rig.tell(Event::LinkDown { member: B, refused: false });
    rig.others.clear();
    let struck = |effect: &Effect| matches!(effect, Effect::Call(_, Request::Leave(member)) if *member == B);
    rig.pass(2_300_000);
    assert!(!rig.seen(struck), "silence is no death before the lease has lapsed");
    rig.pass(1_000_000);
    assert!(rig.owns());
    let struck = rig.effects.iter().position(struck).expect("struck off");
    let claim = |effect: &Effect| matches!(effect, Effect::Call(_, Request::Claim { .. }));
    assert!(rig.effects.iter().position(claim).is_some_and(|claimed| claimed < struck));
    assert!(rig.member.members().all(|member| member.id != B));
}

/// Both name who claims by what each holds. One that has seen none of the other's claims yet leaves to it what that one,
/// which holds more by then, leaves to the first.
#[test]
fn what_was_left_to_one_that_holds_more_by_now_is_claimed_at_once() {
    let mut rig = Rig::new(&[B, C]);
    for game in 1..=4 {
        rig.game_called(GameId(game), B);
    }
    rig.tell(Event::LinkDown { member: B, refused: false });
    rig.others.retain(|other| other.id != B);
    while rig.member.owned().count() == 0 {
        rig.pass(10_000);
    }
    rig.pass(20_000);
    assert_eq!(rig.member.owned().count(), 2, "the others are left to C");
    for game in 5..=9 {
        rig.game_called(GameId(game), C);
        rig.tell(Event::Hint(Hint::Game(GameId(game))));
    }
    rig.pass(50_000);
    assert_eq!(rig.member.owned().count(), 4);
}

#[test]
fn another_run_id_restarts_the_watch() {
    let mut rig = Rig::new(&[B]);
    rig.game_of(B);
    rig.tell(Event::LinkDown { member: B, refused: false });
    rig.others.clear();
    rig.pass(2_000_000);
    rig.store.set_run_id("two");
    rig.pass(2_300_000);
    assert!(!rig.owns());
    rig.pass(1_000_000);
    assert!(rig.owns());
}

#[test]
fn a_peer_that_answers_on_its_link_is_never_claimed() {
    let mut rig = Rig::new(&[B]);
    rig.game_of(B);
    rig.others.clear();
    rig.pass(10_000_000);
    assert!(!rig.owns());
}

#[test]
fn a_refused_connection_is_proof_when_a_second_member_sees_it() {
    let mut rig = Rig::new(&[B, C]);
    rig.game_of(B);
    rig.pass(300_000);
    rig.tell(Event::LinkDown { member: B, refused: true });
    rig.pass(200_000);
    assert!(!rig.owns(), "one witness of two");
    rig.tell(Event::Message(C, Control::Unreachable { member: B }));
    rig.pass(2_000_000);
    assert!(rig.owns());
    assert!(rig.seen(|effect| matches!(effect, Effect::Moved(moved) if moved.cause == "refused")));
}

#[test]
fn the_operators_word_is_proof_but_a_plain_move_is_not() {
    let mut rig = Rig::new(&[B, C]);
    let expect = Fence { epoch: rig.game_of(B), owner: Some(B) };
    rig.tell(Event::LinkDown { member: B, refused: false });
    rig.ask(Request::Assign { game: GAME, expect, next: ME, reason: Reason::Move });
    rig.pass(1_000_000);
    assert!(!rig.owns());
    rig.ask(Request::Assign { game: GAME, expect, next: ME, reason: Reason::Dead("terminated".into()) });
    rig.pass(400_000);
    assert!(rig.owns());
}

#[test]
fn a_later_start_of_the_same_container_is_proof() {
    let mut rig = Rig::new(&[B]);
    rig.game_of(B);
    rig.tell(Event::LinkDown { member: B, refused: false });
    let later = MemberRecord { id: C, ..record(B) };
    rig.ask(Request::Join(later.clone()));
    rig.pass(1_200_000);
    assert!(!rig.owns(), "it may have been sent by one that died before the owner started");
    rig.ask(Request::Renew { id: C, record: later, games: Vec::new() });
    rig.pass(1_200_000);
    assert!(rig.owns());
    assert!(rig.seen(|effect| matches!(effect, Effect::Moved(moved) if moved.cause == "restarted")));
}

#[test]
fn an_assigned_game_is_handed_over_with_its_last_world() {
    let mut rig = Rig::new(&[B]);
    rig.create_and_freeze();
    rig.freeze_done();
    assert_eq!(rig.owner_in_registry(), Some(B));
    let sent = rig.effects.iter().find_map(|effect| match effect {
        Effect::Send(to, Control::Commit { epoch, tick, due_us, .. }) if *to == B => {
            Some((*epoch, *tick, *due_us))
        }
        _ => None,
    });
    let (epoch, tick, due_us) = sent.expect("the target is told");
    assert_eq!((tick, due_us), (Tick(60), 15_000));
    rig.tell(Event::Message(B, Control::Started { game: GAME, epoch }));
    assert!(
        rig.seen(
            |effect| matches!(effect, Effect::Stop { to: Some((to, _)), goes_on: true, .. } if *to == B)
        )
    );
}

/// A member that leaves with so many games, the targets of all of which are ready.
struct Leaving {
    rig: Rig,
    epochs: BTreeMap<GameId, Epoch>,
}

impl Leaving {
    fn with(games: u64, grace_us: u64) -> Leaving {
        let mut rig = Rig::new(&[B, C]);
        for game in (1..=games).map(GameId) {
            rig.tell(Event::Create { game, settings: game_settings(), snapshot: world(0) });
        }
        let epochs = rig.member.owned().collect();
        rig.tell(Event::Terminate { grace_us });
        rig.pass(300_000);
        Leaving { rig, epochs }
    }

    /// As many freeze as may, and the registry takes so long for each. Returns how many did.
    fn round(&mut self, takes_us: u64) -> usize {
        let Leaving { rig, epochs } = self;
        for other in [B, C] {
            for (game, epoch) in epochs.iter() {
                rig.tell(Event::Message(other, Control::Prepared { game: *game, epoch: *epoch }));
            }
        }
        let frozen: Vec<GameId> = (std::mem::take(&mut rig.effects).into_iter())
            .filter_map(|effect| if let Effect::Freeze(game) = effect { Some(game) } else { None })
            .collect();
        rig.spoil = frozen.iter().map(|_| (is_commit as Applies, Spoil::Held)).collect();
        for game in &frozen {
            let snapshot = Snapshot { epoch: epochs[game], ..world(60) };
            rig.tell(Event::Frozen { game: *game, snapshot, next_due: rig.now.plus(15_000) });
        }
        rig.now = rig.now.plus(takes_us);
        rig.answer_held();
        frozen.len()
    }
}

#[test]
fn fewer_games_stand_still_at_once_while_the_registry_is_slow() {
    let mut leaving = Leaving::with(120, 60_000_000);
    assert_eq!(leaving.round(1_000), 8);
    leaving.round(1_000);
    assert_eq!([leaving.round(1_000), leaving.round(20_000)], [32, 32]);
    assert_eq!(leaving.round(20_000), 8);
}

#[test]
fn more_games_stand_still_at_once_where_there_would_not_be_time_for_all() {
    // Six seconds until the rest is parked, in which each place is good for twelve games.
    let mut leaving = Leaving::with(200, 8_300_000);
    assert_eq!([leaving.round(20_000), leaving.round(20_000)], [16, 15]);
}

#[test]
fn a_commit_that_was_never_sent_lets_the_game_go_on_under_its_epoch() {
    let mut rig = Rig::new(&[B]);
    let before = rig.create_and_freeze();
    rig.spoil = vec![(is_commit, Spoil::Refused)];
    rig.freeze_done();
    assert!(
        rig.seen(|effect| matches!(effect, Effect::Start { epoch, snapshot: None, .. } if *epoch == before))
    );
}

#[test]
fn an_unanswered_commit_that_was_carried_out_is_found_by_the_bump_that_follows() {
    let mut rig = Rig::new(&[B]);
    rig.create_and_freeze();
    rig.spoil = vec![(is_commit, Spoil::AnswerLost)];
    rig.freeze_done();
    assert_eq!(rig.owner_in_registry(), Some(B));
    assert!(!rig.owns());
    assert!(rig.seen(|effect| matches!(effect, Effect::Send(to, Control::Commit { .. }) if *to == B)));
}

#[test]
fn an_owner_whose_commit_is_not_answered_leaves_the_game_to_whom_it_hears_to_run_it() {
    for says_so in [true, false] {
        let mut rig = Rig::new(&[B]);
        rig.create_and_freeze();
        rig.spoil = vec![(is_commit, Spoil::Held)];
        rig.freeze_done();
        let Reply::Game(moved) = rig.ask(Request::Game(GAME)) else { panic!("the game is gone") };
        let expect = Fence { epoch: moved.epoch, owner: Some(B) };
        let floor = Epoch(0);
        rig.ask(Request::Claim { game: GAME, expect, owner: B, salt: 1, floor, run_id: None });
        rig.tell(match says_so {
            true => Event::Message(B, Control::Started { game: GAME, epoch: Epoch(moved.epoch.0 + 1) }),
            false => Event::Hint(Hint::Game(GAME)),
        });
        assert!(rig.seen(|effect| matches!(effect, Effect::Stop { .. })), "{says_so}");
        rig.answer_held();
        assert!(!rig.owns());
    }
}

#[test]
fn an_unanswered_bump_is_followed_by_one_over_the_epoch_that_it_got() {
    let mut rig = Rig::new(&[B]);
    let before = rig.create_and_freeze();
    rig.spoil = vec![(is_commit, Spoil::RequestLost), (is_bump, Spoil::AnswerLost)];
    rig.freeze_done();
    assert!(!rig.effects.iter().any(|effect| matches!(effect, Effect::Start { .. })));
    let Reply::Game(bumped) = rig.ask(Request::Game(GAME)) else { panic!("the game is gone") };
    rig.pass(200_000);
    assert!(rig.seen(|effect| matches!(
        effect,
        Effect::Start { epoch, base, snapshot: None, .. } if *epoch > bumped.epoch && *base == before
    )));
}

#[test]
fn a_target_starts_only_when_it_is_told_that_the_registry_agreed() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.game_of(B);
    let prepare = Control::Prepare {
        game: GAME,
        epoch,
        settings: game_settings(),
        tick: Tick(9),
        snapshot: Bytes::new(),
        edges: Vec::new(),
        cedes: false,
    };
    rig.tell(Event::Message(B, prepare));
    rig.tell(Event::Restored { game: GAME, epoch, error: None });
    assert!(rig.seen(|effect| matches!(effect, Effect::Send(to, Control::Prepared { .. }) if *to == B)));
    rig.pass(500_000);
    assert!(!rig.owns());
    let expect = Fence { epoch, owner: Some(B) };
    let commit =
        Request::CommitMove { game: GAME, expect, to: ME, snapshot: world(20), salt: 3, floor: Epoch(0) };
    let Reply::Granted { epoch: granted } = rig.ask(commit) else { panic!("stale") };
    let commit = Control::Commit {
        game: GAME,
        old: epoch,
        base: epoch,
        epoch: granted,
        tick: Tick(20),
        snapshot: Bytes::new(),
        due_us: 5_000,
    };
    rig.tell(Event::Message(B, commit));
    let due = rig.now.plus(5_000);
    assert!(rig.effects.iter().any(|effect| matches!(
        effect,
        Effect::Start { epoch, base, due: at, rewind: false, .. } if *epoch == granted && *base == expect.epoch && *at == due
    )));
    assert!(rig.seen(|effect| matches!(effect, Effect::Send(to, Control::Started { .. }) if *to == B)));
}

#[test]
fn a_target_that_finds_itself_owner_unheard_claims_the_game_afresh() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.game_of(B);
    let expect = Fence { epoch, owner: Some(B) };
    // The old owner had a fresh epoch, and has run no tick under it.
    let name = Epoch(epoch.0 - 1);
    let snapshot = Snapshot { epoch: name, ..world(20) };
    let commit = Request::CommitMove { game: GAME, expect, to: ME, snapshot, salt: 3, floor: Epoch(0) };
    let Reply::Granted { epoch: granted } = rig.ask(commit) else { panic!("stale") };
    rig.pass(400_000);
    assert!(rig.member.owned().any(|(game, epoch)| game == GAME && epoch > granted));
    assert!(rig.seen(|effect| matches!(
        effect,
        Effect::Start { base, snapshot: Some(snapshot), rewind: false, .. } if *base == name && snapshot.tick == Tick(20)
    )));
}

#[test]
fn a_world_that_comes_while_another_is_stored_is_asked_for_again() {
    let mut rig = Rig::new(&[]);
    rig.create();
    let (now, mut out) = (rig.now, Vec::new());
    let come = |tick| Event::World { game: GAME, snapshot: world(tick) };
    rig.member.handle(now, come(60), &mut out);
    let [Effect::Call(store, Request::StoreSnapshot { .. })] = out[..] else { panic!("{out:?}") };
    out.clear();
    rig.member.handle(now, come(61), &mut out);
    assert_eq!(out, []);
    rig.member.handle(now, Event::Reply(store, Ok(Reply::Done)), &mut out);
    assert!(out.contains(&Effect::TakeSnapshot(GAME)));
    out.clear();
    rig.member.handle(now, come(62), &mut out);
    let [Effect::Call(store, Request::StoreSnapshot { .. })] = out[..] else { panic!("{out:?}") };
    out.clear();
    rig.member.handle(now, Event::Reply(store, Ok(Reply::Done)), &mut out);
    assert!(!out.contains(&Effect::TakeSnapshot(GAME)), "that one was asked for");
}

#[test]
fn a_stale_snapshot_stops_the_game_at_once() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.create();
    let expect = Fence { epoch, owner: Some(ME) };
    rig.ask(Request::Claim { game: GAME, expect, owner: B, salt: 1, floor: Epoch(0), run_id: None });
    rig.tell(Event::World { game: GAME, snapshot: world(60) });
    assert!(!rig.owns());
    assert!(rig.seen(|effect| matches!(effect, Effect::Stop { to: Some((to, _)), .. } if *to == B)));
}

#[test]
fn nothing_is_called_durable_once_the_lease_has_lapsed() {
    let mut rig = Rig::new(&[B]);
    rig.create();
    rig.pass(1_500_000);
    assert!(rig.seen(|effect| matches!(effect, Effect::Durable(game, _) if *game == GAME)));
    rig.away = true;
    rig.pass(3_000_000);
    rig.effects.clear();
    assert!(!rig.member.lease_valid(rig.now));
    rig.member.owned.get_mut(&GAME).expect("owned").durable = Some(Tick(1_000_000));
    rig.tell(Event::Wake);
    assert!(!rig.seen(|effect| matches!(effect, Effect::Durable(..))));
    rig.away = false;
    rig.pass(500_000);
    assert!(rig.seen(|effect| *effect == Effect::Durable(GAME, Tick(1_000_000))));
}

#[test]
fn a_leaving_member_places_its_games_itself_when_nobody_does() {
    let mut rig = Rig::new(&[B]);
    rig.create();
    rig.tell(Event::Terminate { grace_us: 30_000_000 });
    rig.pass(150_000);
    assert!(!rig.seen(|effect| matches!(effect, Effect::Send(_, Control::Prepare { .. }))));
    rig.pass(150_000);
    assert!(rig.seen(|effect| matches!(effect, Effect::Send(to, Control::Prepare { .. }) if *to == B)));
}

#[test]
fn with_nobody_to_move_to_games_are_parked_shortly_before_the_end() {
    let mut rig = Rig::new(&[]);
    rig.create();
    rig.tell(Event::Terminate { grace_us: 12_000_000 });
    rig.pass(8_800_000);
    assert!(rig.owns());
    rig.pass(400_000);
    assert!(rig.seen(|effect| *effect == Effect::Freeze(GAME)));
    rig.freeze_done();
    assert_eq!(rig.owner_in_registry(), None);
    assert!(rig.member.is_drained());
}

#[test]
fn a_parked_game_goes_on_exactly_where_it_stopped() {
    let mut rig = Rig::new(&[]);
    let epoch = rig.game_of(B);
    let expect = Fence { epoch, owner: Some(B) };
    let snapshot = Snapshot { epoch, ..world(33) };
    rig.ask(Request::Park { game: GAME, expect, snapshot, salt: 1, floor: Epoch(0) });
    rig.pass(400_000);
    assert!(rig.seen(|effect| matches!(
        effect,
        Effect::Start { base, snapshot: Some(snapshot), rewind: false, .. } if *base == epoch && snapshot.tick == Tick(33)
    )));
}

#[test]
fn a_leaving_member_refuses_new_games_with_a_sentence() {
    let mut rig = Rig::new(&[B]);
    rig.tell(Event::Terminate { grace_us: 30_000_000 });
    rig.tell(Event::Create { game: GAME, settings: game_settings(), snapshot: world(0) });
    assert!(rig.seen(|effect| matches!(effect, Effect::CreateFailed(_, why) if why.contains("leaving"))));
}

#[test]
fn a_game_that_is_over_is_told_until_the_registry_has_heard_it() {
    let mut rig = Rig::new(&[B]);
    rig.create();
    rig.spoil = vec![(is_end, Spoil::Refused)];
    rig.tell(Event::Over(GAME));
    assert!(rig.seen(|effect| matches!(effect, Effect::Stop { goes_on: false, .. })));
    rig.pass(500_000);
    assert_eq!(rig.ask(Request::Game(GAME)), Reply::Gone);
    assert!(!rig.owns());
}

#[test]
fn a_game_that_the_registry_lost_is_put_back_by_its_owner() {
    let mut rig = Rig::new(&[B]);
    let before = rig.create();
    rig.store = Store::new("two");
    rig.pass(1_500_000);
    assert!(rig.seen(|effect| *effect == Effect::Freeze(GAME)));
    rig.freeze_done();
    assert_eq!(rig.owner_in_registry(), Some(ME));
    assert!(rig.seen(|effect| matches!(
        effect,
        Effect::Start { epoch, base, snapshot: None, .. } if *epoch > before && *base == before
    )));
}

#[test]
fn two_that_refuse_at_once_are_no_witnesses_for_each_other() {
    let mut rig = Rig::new(&[B, C]);
    rig.game_of(B);
    rig.pass(300_000);
    rig.tell(Event::LinkDown { member: B, refused: true });
    rig.pass(100_000);
    assert!(!rig.owns(), "the other one has a link and has not said it");
    rig.tell(Event::LinkDown { member: C, refused: true });
    rig.pass(100_000);
    assert!(rig.owns());
    assert!(rig.seen(|effect| matches!(effect, Effect::Moved(moved) if moved.cause == "refused")));
}

#[test]
fn a_member_that_most_living_ones_cannot_reach_parks_its_games_until_it_reaches_them_again() {
    let mut rig = Rig::new(&[B, C]);
    rig.create();
    for other in [B, C] {
        rig.tell(Event::LinkDown { member: other, refused: false });
    }
    rig.pass(100_000);
    assert!(!rig.seen(|effect| matches!(effect, Effect::CutOff(_))), "they may be dead");
    rig.pass(900_000);
    assert!(rig.seen(|effect| *effect == Effect::CutOff(true)));
    let Reply::Members { members, .. } = rig.ask(Request::Members) else { panic!("no members") };
    let mine = members.iter().find(|member| member.id == ME).expect("it is known");
    assert_eq!(mine.state, MemberState::Joining, "nobody leaves games to it");
    rig.freeze_done();
    assert_eq!(rig.owner_in_registry(), None);
    rig.pass(5_000_000);
    assert!(!rig.owns(), "it is for the others");
    rig.tell(Event::LinkUp(C));
    assert!(rig.seen(|effect| *effect == Effect::CutOff(false)));
    rig.pass(3_000_000);
    assert!(rig.owns(), "nobody else took it");
}

/// Where all count their renewals anew.
#[test]
fn a_member_that_is_cut_off_finds_so_in_a_registry_that_was_emptied_too() {
    let mut rig = Rig::new(&[B, C]);
    rig.pass(20_000_000);
    for other in [B, C] {
        rig.tell(Event::LinkDown { member: other, refused: false });
    }
    rig.pass(100_000);
    rig.store = Store::new("two");
    rig.pass(2_000_000);
    assert!(rig.seen(|effect| *effect == Effect::CutOff(true)));
}

#[test]
fn a_member_that_reaches_neither_the_registry_nor_most_others_stands_still_once_its_lease_is_over() {
    let mut rig = Rig::new(&[B, C]);
    let epoch = rig.create();
    rig.away = true;
    for other in [B, C] {
        rig.tell(Event::LinkDown { member: other, refused: false });
    }
    rig.pass(1_500_000);
    assert!(!rig.seen(|effect| *effect == Effect::Freeze(GAME)), "its lease goes on");
    rig.pass(1_000_000);
    assert!(rig.seen(|effect| *effect == Effect::Freeze(GAME)));
    rig.freeze_done();
    rig.pass(5_000_000);
    assert!(!rig.seen(|effect| matches!(effect, Effect::Start { .. })), "others may have claimed the game");
    rig.away = false;
    rig.tell(Event::LinkUp(B));
    rig.tell(Event::LinkUp(C));
    rig.pass(1_000_000);
    assert!(rig.owns() && rig.member.owned().all(|(_, now)| now > epoch), "nobody has claimed it");
    assert!(rig.seen(|effect| matches!(effect, Effect::Start { .. })));
}

#[test]
fn one_that_was_joining_when_the_registry_was_read_last_is_missed_only_if_its_link_broke() {
    for linked in [true, false] {
        let mut rig = Rig::new(&[B]);
        rig.create();
        let joining = MemberRecord { state: MemberState::Joining, ..record(C) };
        rig.ask(Request::Join(joining.clone()));
        rig.others.push(joining);
        if linked {
            rig.tell(Event::LinkUp(C));
        }
        rig.pass(1_000_000);
        rig.away = true;
        rig.tell(Event::LinkDown { member: B, refused: false });
        if linked {
            rig.tell(Event::LinkDown { member: C, refused: false });
        }
        rig.pass(3_000_000);
        assert_eq!(rig.seen(|effect| *effect == Effect::Freeze(GAME)), linked);
    }
}

#[test]
fn a_member_that_is_cut_off_while_the_registry_is_away_still_is_when_that_is_back() {
    let mut rig = Rig::new(&[B, C]);
    let expect = Fence { epoch: rig.game_of(B), owner: Some(B) };
    rig.away = true;
    for other in [B, C] {
        rig.tell(Event::LinkDown { member: other, refused: false });
    }
    rig.pass(3_000_000);
    assert!(rig.seen(|effect| *effect == Effect::CutOff(true)));
    // B may have ceded the game before it ended: who has no links has not heard of it.
    rig.ask(Request::Assign { game: GAME, expect, next: ME, reason: Reason::Dead("terminated".into()) });
    rig.away = false;
    rig.pass(2_000_000);
    assert!(!rig.seen(|effect| *effect == Effect::CutOff(false)));
    assert!(!rig.owns());
    rig.tell(Event::LinkUp(C));
    rig.pass(1_000_000);
    assert!(rig.owns());
}

#[test]
fn a_member_whose_peers_are_dead_or_of_which_only_one_is_away_goes_on() {
    for dead in [true, false] {
        let mut rig = Rig::new(&[B, C]);
        rig.create();
        rig.tell(Event::LinkDown { member: B, refused: false });
        if dead {
            rig.tell(Event::LinkDown { member: C, refused: false });
            rig.others.clear();
        }
        rig.pass(5_000_000);
        assert!(!rig.seen(|effect| matches!(effect, Effect::CutOff(_))), "{dead}");
        assert!(rig.owns());
    }
}
