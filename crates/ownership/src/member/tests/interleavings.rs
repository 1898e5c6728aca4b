//! Orders of events that once broke a promise, one test each, named after what happens in it.

use super::*;

#[test]
fn a_lapse_that_was_seen_before_a_long_stop_of_the_watcher_is_no_proof() {
    let mut rig = Rig::new(&[B]);
    // B runs a game that this member cannot step, so that it is watched and not struck off.
    let settings = GameSettings { rules: 2, ..game_settings() };
    let other =
        Request::Create { game: GameId(8), owner: B, settings, snapshot: world(1), salt: 1, floor: Epoch(0) };
    rig.ask(other);
    rig.tell(Event::LinkDown { member: B, refused: false });
    // B is silent until its lease has lapsed, then it renews and starts a game; this member stands still meanwhile.
    rig.others.clear();
    rig.pass(3_000_000);
    rig.now = rig.now.plus(6_000_000);
    rig.ask(Request::Renew { id: B, record: record(B), games: Vec::new() });
    rig.game_of(B);
    // The game's record comes before the list of members, which would show that B renews.
    rig.spoil = vec![(is_members, Spoil::Held)];
    rig.effects.clear();
    rig.tell(Event::Wake);
    assert_eq!(rig.held.len(), 1);
    assert!(rig.member.lease_valid(rig.now));
    assert!(!rig.seen(|effect| matches!(effect, Effect::Call(_, Request::Claim { .. } | Request::Leave(_)))));
    assert_eq!(rig.owner_in_registry(), Some(B));
}

impl Rig {
    /// B hands [`GAME`] over to this member, up to Prepared; returns B's epoch.
    fn prepared_by_b(&mut self) -> Epoch {
        let epoch = self.game_of(B);
        let (settings, snapshot) = (game_settings(), Bytes::new());
        let prepare =
            Control::Prepare { game: GAME, epoch, settings, tick: Tick(9), snapshot, edges: Vec::new() };
        self.tell(Event::Message(B, prepare));
        self.tell(Event::Restored { game: GAME, epoch, error: None });
        assert!(self.seen(|effect| matches!(effect, Effect::Send(to, Control::Prepared { .. }) if *to == B)));
        epoch
    }

    /// B's commit reaches the registry; returns this member's epoch.
    fn committed_by_b(&mut self, epoch: Epoch) -> Epoch {
        let expect = Fence { epoch, owner: Some(B) };
        let snapshot = world(20);
        let commit = Request::CommitMove { game: GAME, expect, to: ME, snapshot, salt: 3, floor: Epoch(0) };
        let Reply::Granted { epoch } = self.ask(commit) else { panic!("stale") };
        epoch
    }

    fn commit_comes(&mut self, old: Epoch, epoch: Epoch) {
        let commit =
            Control::Commit { game: GAME, old, epoch, tick: Tick(20), snapshot: Bytes::new(), due_us: 5_000 };
        self.tell(Event::Message(B, commit));
    }

    /// (epoch, base, rewind) of the only start since the effects were looked at last.
    fn only_start(&self) -> (Epoch, Epoch, bool) {
        let starts = self.effects.iter().filter_map(|effect| match effect {
            Effect::Start { epoch, base, rewind, .. } => Some((*epoch, *base, *rewind)),
            _ => None,
        });
        let starts: Vec<_> = starts.collect();
        assert_eq!(starts.len(), 1, "{starts:?}");
        starts[0]
    }

    fn claim_over(&self, epoch: Epoch) -> Request {
        let expect = Fence { epoch, owner: Some(ME) };
        Request::Claim { game: GAME, expect, owner: ME, salt: 9, floor: Epoch(0) }
    }
}

#[test]
fn a_commit_that_comes_after_an_unanswered_claim_does_not_start_the_game() {
    let mut rig = Rig::new(&[B]);
    let old = rig.prepared_by_b();
    let epoch = rig.committed_by_b(old);
    rig.spoil = vec![(is_claim, Spoil::RequestLost)];
    rig.tell(Event::Hint(Hint::Game(GAME)));
    while !rig.spoil.is_empty() {
        rig.pass(10_000);
    }
    assert!(!rig.owns());
    rig.commit_comes(old, epoch);
    assert!(!rig.owns(), "the claim may still arrive, and would replace this member by itself");
    rig.ask(rig.claim_over(epoch));
    rig.pass(500_000);
    let (started, base, rewind) = rig.only_start();
    assert!(started > epoch);
    assert_eq!((base, rewind), (old, false), "nobody has ticked since");
}

#[test]
fn a_late_claim_of_its_own_over_a_running_game_is_answered_by_a_fresh_epoch_with_its_world() {
    let mut rig = Rig::new(&[B]);
    let old = rig.prepared_by_b();
    let epoch = rig.committed_by_b(old);
    rig.commit_comes(old, epoch);
    assert!(rig.owns());
    rig.effects.clear();
    rig.ask(rig.claim_over(epoch));
    rig.tell(Event::Hint(Hint::Game(GAME)));
    assert!(!rig.effects.iter().any(|effect| matches!(effect, Effect::Stop { .. })));
    assert!(rig.seen(|effect| *effect == Effect::Freeze(GAME)));
    rig.freeze_done();
    let (started, base, rewind) = rig.only_start();
    assert!(started > epoch);
    assert_eq!((base, rewind), (epoch, false));
}

#[test]
fn a_read_that_overtakes_the_answer_to_a_claim_does_not_make_a_move_a_rewind() {
    let mut rig = Rig::new(&[B]);
    let old = rig.prepared_by_b();
    let epoch = rig.committed_by_b(old);
    rig.spoil = vec![(is_claim, Spoil::Held)];
    rig.tell(Event::Hint(Hint::Game(GAME)));
    while rig.held.is_empty() {
        rig.pass(10_000);
    }
    rig.tell(Event::Hint(Hint::Game(GAME)));
    assert!(rig.member.view.game(GAME).expect("known").epoch > epoch);
    rig.effects.clear();
    rig.answer_held();
    let (_, base, rewind) = rig.only_start();
    assert_eq!((base, rewind), (old, false));
}

#[test]
fn a_leaving_target_stays_until_what_it_had_called_prepared_is_called_off() {
    let mut rig = Rig::new(&[B]);
    let old = rig.prepared_by_b();
    rig.tell(Event::Terminate { grace_us: 30_000_000 });
    assert!(rig.seen(|effect| matches!(effect, Effect::Send(to, Control::Refused { .. }) if *to == B)));
    rig.pass(100_000);
    assert!(!rig.member.is_drained(), "a commit may be under way");
    rig.tell(Event::Message(B, Control::Abort { game: GAME, epoch: old }));
    assert!(rig.member.is_drained());
}

#[test]
fn a_leaving_target_does_not_wait_for_ever() {
    let mut rig = Rig::new(&[B]);
    rig.prepared_by_b();
    rig.tell(Event::Terminate { grace_us: 30_000_000 });
    rig.pass(1_200_000);
    assert!(rig.member.is_drained());
}

#[test]
fn a_leaving_target_runs_what_the_registry_gave_it_before_it_is_drained() {
    let mut rig = Rig::new(&[B, C]);
    let old = rig.prepared_by_b();
    rig.tell(Event::Terminate { grace_us: 30_000_000 });
    rig.committed_by_b(old);
    rig.spoil = vec![(is_claim, Spoil::Held)];
    rig.tell(Event::Hint(Hint::Game(GAME)));
    rig.pass(1_500_000);
    assert_eq!((rig.held.len(), rig.owns()), (1, false));
    assert!(!rig.member.is_drained());
    rig.answer_held();
    assert!(rig.owns() && !rig.member.is_drained());
}

#[test]
fn a_target_that_refuses_while_the_game_freezes_leaves_it_where_it_is() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.create_and_freeze();
    rig.tell(Event::Message(B, Control::Refused { game: GAME, epoch, reason: "leaving".into() }));
    assert!(rig.seen(|effect| *effect == Effect::Send(B, Control::Abort { game: GAME, epoch })));
    rig.freeze_done();
    assert_eq!(rig.owner_in_registry(), Some(ME));
    assert_eq!(rig.only_start(), (epoch, epoch, false));
}
