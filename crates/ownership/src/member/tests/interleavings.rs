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

fn prepare(game: GameId, epoch: Epoch) -> Control {
    Control::Prepare {
        game,
        epoch,
        settings: game_settings(),
        tick: Tick(9),
        snapshot: Bytes::new(),
        edges: Vec::new(),
        cedes: false,
    }
}

impl Rig {
    /// B hands [`GAME`] over to this member, up to Prepared; returns B's epoch.
    fn prepared_by_b(&mut self) -> Epoch {
        let epoch = self.game_of(B);
        let prepare = prepare(GAME, epoch);
        self.tell(Event::Message(B, prepare));
        self.tell(Event::Restored { game: GAME, epoch, error: None });
        assert!(self.seen(|effect| matches!(effect, Effect::Send(to, Control::Prepared { .. }) if *to == B)));
        epoch
    }

    /// B's commit reaches the registry; returns this member's epoch.
    fn committed_by_b(&mut self, epoch: Epoch) -> Epoch {
        let expect = Fence { epoch, owner: Some(B) };
        let snapshot = Snapshot { epoch, ..world(20) };
        let commit = Request::CommitMove { game: GAME, expect, to: ME, snapshot, salt: 3, floor: Epoch(0) };
        let Reply::Granted { epoch } = self.ask(commit) else { panic!("stale") };
        epoch
    }

    fn commit_comes(&mut self, old: Epoch, epoch: Epoch) {
        let commit = Control::Commit {
            game: GAME,
            old,
            base: old,
            epoch,
            tick: Tick(20),
            snapshot: Bytes::new(),
            due_us: 5_000,
        };
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
        Request::Claim { game: GAME, expect, owner: ME, salt: 9, floor: Epoch(0), run_id: None }
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
    rig.tell(Event::Message(B, Control::Abort { game: GAME, epoch: old, given: Epoch(0) }));
    rig.pass(1_500_000);
    assert!(!rig.member.is_drained(), "the old owner may tick it on this member's word");
    rig.tell(Event::Message(B, Control::Released { game: GAME, epoch: old }));
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

/// The move was under way when it refused, and an earlier question about the game is lost.
#[test]
fn a_leaving_target_reads_the_record_anew_when_a_commit_comes_for_what_it_has_refused() {
    let mut rig = Rig::new(&[B, C]);
    let old = rig.prepared_by_b();
    rig.spoil = vec![(is_read, Spoil::Held)];
    rig.tell(Event::Hint(Hint::Game(GAME)));
    rig.tell(Event::Terminate { grace_us: 30_000_000 });
    let epoch = rig.committed_by_b(old);
    rig.effects.clear();
    rig.commit_comes(old, epoch);
    assert_eq!(rig.held.len(), 1, "it is not answered yet");
    let (started, base, rewind) = rig.only_start();
    assert!(started > epoch);
    assert_eq!((base, rewind), (old, false), "nobody has ticked since");
    // The answer to the earlier question was late after all.
    rig.answer_held();
    assert!(rig.owns());
    rig.tell(Event::Hint(Hint::Game(GAME)));
    assert!(
        rig.seen(|effect| matches!(effect, Effect::Call(_, Request::Game(GAME)))),
        "hints are followed as ever"
    );
}

/// Nor does it wait for others who have not put back yet what the registry had lost before this member began.
#[test]
fn a_target_that_others_may_still_have_to_greet_claims_what_it_was_given() {
    let unsettled = |id| MemberRecord { settled: String::new(), ..record(id) };
    for others in [[B, C].map(record), [B, C].map(unsettled)] {
        let mut rig = Rig::of(record(ME), others.into());
        rig.member.claims_from = rig.now.plus(100_000);
        let old = rig.prepared_by_b();
        rig.tell(Event::Terminate { grace_us: 30_000_000 });
        let epoch = rig.committed_by_b(old);
        rig.effects.clear();
        rig.commit_comes(old, epoch);
        let (started, base, rewind) = rig.only_start();
        assert!(started > epoch);
        assert_eq!((base, rewind), (old, false));
    }
}

/// Else players of this server look for the game here.
#[test]
fn a_game_whose_move_was_called_off_is_the_old_owners_whomever_the_registry_names() {
    let mut rig = Rig::new(&[B]);
    let old = rig.prepared_by_b();
    rig.tell(Event::Message(B, Control::Abort { game: GAME, epoch: old, given: Epoch(0) }));
    rig.effects.clear();
    rig.committed_by_b(old);
    rig.tell(Event::Hint(Hint::Game(GAME)));
    rig.pass(100_000);
    assert_eq!(rig.member.owner_of(GAME), Some((B, old)));
    assert!(!rig.seen(|effect| matches!(effect, Effect::OwnerOf(GAME, Some((ME, _))))));
}

#[test]
fn a_target_that_refuses_while_the_game_freezes_leaves_it_where_it_is() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.create_and_freeze();
    rig.tell(Event::Message(B, Control::Refused { game: GAME, epoch, reason: "leaving".into() }));
    assert!(
        rig.seen(|effect| *effect == Effect::Send(B, Control::Abort { game: GAME, epoch, given: Epoch(0) }))
    );
    rig.freeze_done();
    assert_eq!(rig.owner_in_registry(), Some(ME));
    assert_eq!(rig.only_start(), (epoch, epoch, false));
}

#[test]
fn an_owner_that_stood_still_goes_on_when_the_registry_still_names_it() {
    let mut rig = Rig::new(&[B]);
    rig.create();
    rig.spoil = vec![(is_read, Spoil::Refused), (is_read, Spoil::Held)];
    rig.tell(Event::Stalled(GAME));
    rig.pass(50_000);
    assert!(!rig.effects.contains(&Effect::GoOn(GAME)), "nobody has said so");
    rig.pass(200_000);
    assert!(!rig.effects.contains(&Effect::GoOn(GAME)));
    rig.answer_held();
    assert!(rig.seen(|effect| *effect == Effect::GoOn(GAME)));
}

#[test]
fn an_owner_that_was_replaced_while_it_stood_still_shows_nothing() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.create();
    let expect = Fence { epoch, owner: Some(ME) };
    rig.ask(Request::Claim { game: GAME, expect, owner: B, salt: 1, floor: Epoch(0), run_id: None });
    rig.tell(Event::Stalled(GAME));
    assert!(!rig.effects.contains(&Effect::GoOn(GAME)));
    assert!(rig.seen(|effect| matches!(effect, Effect::Stop { to: Some((to, _)), .. } if *to == B)));
}

#[test]
fn a_game_that_stood_still_in_a_move_that_fails_goes_on_under_a_fresh_epoch() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.create_and_freeze();
    rig.spoil = vec![(is_read, Spoil::Held), (is_commit, Spoil::Refused)];
    rig.tell(Event::Stalled(GAME));
    rig.freeze_done();
    let (started, base, rewind) = rig.only_start();
    assert!(started > epoch, "the registry was asked whether it may");
    assert_eq!((base, rewind), (epoch, false));
}

#[test]
fn a_busy_target_is_asked_again_in_a_moment() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.create();
    let expect = Fence { epoch, owner: Some(ME) };
    rig.ask(Request::Assign { game: GAME, expect, next: B, reason: Reason::Move });
    rig.tell(Event::Hint(Hint::Game(GAME)));
    let asked = |effect: &Effect| matches!(effect, Effect::Send(to, Control::Prepare { .. }) if *to == B);
    assert!(rig.seen(asked));
    rig.tell(Event::Message(B, Control::Busy { game: GAME, epoch }));
    assert!(!rig.seen(asked));
    rig.pass(100_000);
    assert!(rig.seen(asked));
}

#[test]
fn a_target_that_is_full_says_that_it_is_busy() {
    let mut rig = Rig::new(&[B]);
    for id in 100..300 {
        rig.tell(Event::Message(B, prepare(GameId(id), Epoch(1 << 20))));
    }
    assert!(rig.seen(|effect| matches!(effect, Effect::Send(to, Control::Busy { .. }) if *to == B)));
}

#[test]
fn a_target_that_has_not_been_heard_when_the_game_stands_still_is_given_nothing() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.create_and_freeze();
    rig.pass(150_000);
    rig.freeze_done();
    assert!(rig.effects.contains(&Effect::Send(B, Control::Abort { game: GAME, epoch, given: Epoch(0) })));
    assert_eq!(rig.only_start(), (epoch, epoch, false));
    assert_eq!(rig.owner_in_registry(), Some(ME));
}

#[test]
fn a_target_that_does_not_answer_keeps_no_other_game_from_moving() {
    let mut rig = Rig::new(&[B, C]);
    let games: Vec<GameId> = (100..180).map(GameId).collect();
    for game in &games {
        rig.tell(Event::Create { game: *game, settings: game_settings(), snapshot: world(0) });
    }
    let owned: Vec<(GameId, Epoch)> = rig.member.owned().collect();
    let give = |rig: &mut Rig, (game, epoch): (GameId, Epoch), to: MemberId| {
        let expect = Fence { epoch, owner: Some(ME) };
        rig.ask(Request::Assign { game, expect, next: to, reason: Reason::Move });
        rig.tell(Event::Hint(Hint::Game(game)));
        rig.tell(Event::Message(to, Control::Prepared { game, epoch }));
        let next_due = rig.now.plus(15_000);
        rig.tell(Event::Frozen { game, snapshot: world(60), next_due });
    };
    // B prepares all that it is asked for, and never says that it has started one.
    for game in &owned[..70] {
        give(&mut rig, *game, B);
    }
    rig.effects.clear();
    give(&mut rig, owned[79], C);
    assert!(rig.seen(|effect| matches!(effect, Effect::Send(to, Control::Commit { .. }) if *to == C)));
}

#[test]
fn a_target_revision_that_nobody_vouches_for_any_more_counts_for_nothing() {
    let mut rig = Rig::new(&[B]);
    let published = registry::ClusterRecord { target_revision: "old".into(), ..Default::default() };
    for _ in 0..5 {
        rig.ask(Request::PublishCluster(published.clone()));
        rig.pass(5_000_000);
        assert_eq!(rig.member.target_revision(), "old");
    }
    rig.pass(6_000_000);
    rig.ask(Request::Join(MemberRecord { revision: "new".into(), ..record(C) }));
    rig.pass(500_000);
    assert_eq!(rig.member.target_revision(), "old");
    rig.pass(1_000_000);
    assert_eq!(rig.member.target_revision(), "new");
    rig.ask(Request::PublishCluster(published));
    rig.pass(300_000);
    assert_eq!(rig.member.target_revision(), "old");
}

/// The target of a rollout is slow for a moment. A member of the old revision would only have to move the game again.
#[test]
fn a_leaving_member_waits_for_the_target_revision_before_it_moves_a_game_to_another() {
    let mut rig = Rig::new(&[B]);
    let published = registry::ClusterRecord { target_revision: "a".into(), ..Default::default() };
    rig.ask(Request::PublishCluster(published));
    rig.ask(Request::Join(MemberRecord { revision: "old".into(), ..record(C) }));
    rig.tell(Event::LinkUp(C));
    rig.pass(300_000);
    rig.create();
    rig.tell(Event::Terminate { grace_us: 4_000_000 });
    let asked = |member| move |effect: &Effect| matches!(effect, Effect::Send(to, Control::Prepare { .. }) if *to == member);
    rig.pass(300_000);
    assert!(rig.seen(asked(B)), "the target revision first");
    rig.pass(1_100_000);
    assert!(!rig.seen(asked(C)), "B has not answered, and may yet");
    rig.pass(400_000);
    assert!(rig.seen(asked(C)), "the drain is half over");
}

#[test]
fn a_short_grace_leaves_most_of_its_time_for_moving() {
    for grace in 5..=60u64 {
        let mut rig = Rig::new(&[]);
        rig.create();
        rig.tell(Event::Terminate { grace_us: grace * 1_000_000 });
        let parks = (grace * 1_000_000 - (grace * 250_000).min(3_000_000)).max(1);
        rig.pass(parks - 100_000);
        assert!(!rig.effects.contains(&Effect::Freeze(GAME)), "grace {grace} s");
        rig.pass(200_000);
        assert!(rig.effects.contains(&Effect::Freeze(GAME)), "grace {grace} s");
    }
}

fn aborts(effect: &Effect) -> bool {
    matches!(effect, Effect::Send(to, Control::Abort { .. }) if *to == B)
}

#[test]
fn a_move_that_its_target_calls_off_goes_on_while_the_registry_is_away_and_writes_nothing() {
    let mut rig = Rig::new(&[B]);
    let old = rig.create_and_freeze();
    rig.spoil = vec![(is_commit, Spoil::RequestLost)];
    rig.others.clear();
    let next_due = rig.now.plus(15_000);
    let mut out = Vec::new();
    let snapshot = rig.run_up_to(60);
    rig.member.handle(rig.now, Event::Frozen { game: GAME, snapshot, next_due }, &mut out);
    let [Effect::Call(commit, Request::CommitMove { .. })] = out[..] else { panic!("{out:?}") };
    rig.away = true;
    rig.tell(Event::Reply(commit, Err(RegistryError::Unanswered("away".into()))));
    assert!(rig.effects.iter().any(aborts));
    rig.pass(500_000);
    assert!(!rig.seen(|effect| matches!(effect, Effect::Start { .. })), "the target may run it");
    rig.tell(Event::Message(B, Control::Aborted { game: GAME, epoch: old, given: Epoch(0) }));
    rig.pass(100_000);
    assert_eq!(rig.only_start(), (old, old, false));
    rig.effects.clear();
    rig.pass(2_000_000);
    let writes = |effect: &Effect| {
        matches!(effect, Effect::Call(_, Request::StoreSnapshot { .. } | Request::CommitMove { .. }))
    };
    assert!(!rig.seen(writes));
    rig.spoil.clear();
    rig.away = false;
    rig.pass(1_000_000);
    assert!(rig.seen(|effect| *effect == Effect::Freeze(GAME)));
    rig.freeze_done();
    let (epoch, base, rewind) = rig.only_start();
    assert!(epoch > old);
    assert_eq!((base, rewind, rig.owner_in_registry()), (old, false, Some(ME)));
}

#[test]
fn a_move_that_was_carried_out_and_called_off_is_taken_back_over_the_targets_epoch() {
    let mut rig = Rig::new(&[B]);
    let old = rig.create_and_freeze();
    rig.spoil = vec![(is_commit, Spoil::AnswerLost), (is_bump, Spoil::RequestLost)];
    rig.freeze_done();
    assert_eq!(rig.owner_in_registry(), Some(B));
    rig.tell(Event::Message(B, Control::Aborted { game: GAME, epoch: old, given: Epoch(0) }));
    rig.pass(40_000);
    assert_eq!(rig.only_start(), (old, old, false), "it ticks while the registry has not answered");
    rig.effects.clear();
    rig.pass(200_000);
    assert!(!rig.effects.contains(&Effect::Freeze(GAME)), "the target may have claimed it since");
    let asked = rig.effects.iter().find_map(|effect| match effect {
        Effect::Send(_, Control::Abort { given, .. }) => Some(*given),
        _ => None,
    });
    let given = asked.expect("the target is asked again");
    rig.tell(Event::Message(B, Control::Aborted { game: GAME, epoch: old, given }));
    assert!(rig.seen(|effect| *effect == Effect::Freeze(GAME)));
    rig.freeze_done();
    let (epoch, base, rewind) = rig.only_start();
    assert!(epoch > old);
    assert_eq!((base, rewind, rig.owner_in_registry()), (old, false, Some(ME)));
}

#[test]
fn a_target_that_was_given_a_game_and_cannot_start_it_gives_it_back() {
    let mut rig = Rig::new(&[B]);
    let old = rig.create_and_freeze();
    rig.freeze_done();
    rig.pass(110_000);
    assert!(!rig.effects.iter().any(aborts));
    rig.pass(200_000);
    assert!(rig.effects.iter().any(aborts));
    rig.effects.clear();
    let given = rig.member.view.game(GAME).expect("known").epoch;
    rig.tell(Event::Message(B, Control::Aborted { game: GAME, epoch: old, given }));
    let (epoch, base, rewind) = rig.only_start();
    assert!(epoch > old);
    assert_eq!((base, rewind, rig.owner_in_registry()), (old, false, Some(ME)));
}

#[test]
fn started_ends_a_move_whose_answer_was_lost() {
    let mut rig = Rig::new(&[B]);
    let old = rig.create_and_freeze();
    rig.spoil = vec![(is_commit, Spoil::AnswerLost), (is_bump, Spoil::RequestLost)];
    rig.freeze_done();
    let epoch = Epoch(old.0 + (1 << 16));
    rig.tell(Event::Message(B, Control::Started { game: GAME, epoch }));
    assert!(rig.seen(|effect| matches!(effect, Effect::Stop { to: Some((to, _)), .. } if *to == B)));
}

/// Up to Aborted: B's move to this member is called off though the registry has carried it out.
fn called_off_by_b(rig: &mut Rig) -> (Epoch, Epoch) {
    let old = rig.prepared_by_b();
    let epoch = rig.committed_by_b(old);
    rig.tell(Event::Message(B, Control::Abort { game: GAME, epoch: old, given: Epoch(0) }));
    assert!(rig.seen(
        |effect| *effect == Effect::Send(B, Control::Aborted { game: GAME, epoch: old, given: Epoch(0) })
    ));
    (old, epoch)
}

#[test]
fn what_was_called_off_is_neither_started_nor_claimed_while_the_old_owner_lives() {
    let mut rig = Rig::new(&[B]);
    let (old, epoch) = called_off_by_b(&mut rig);
    rig.commit_comes(old, epoch);
    rig.pass(2_000_000);
    assert!(!rig.owns());
    assert!(!rig.effects.iter().any(|effect| matches!(effect, Effect::Call(_, Request::Claim { .. }))));
    let asks = Effect::Send(B, Control::Aborted { game: GAME, epoch: old, given: Epoch(0) });
    assert!(rig.seen(|effect| *effect == asks), "the old owner may have given it up");
}

#[test]
fn what_was_called_off_is_claimed_with_a_rewind_when_the_old_owner_has_given_it_up() {
    let mut rig = Rig::new(&[B]);
    let (old, epoch) = called_off_by_b(&mut rig);
    rig.pass(200_000);
    rig.tell(Event::Message(B, Control::Released { game: GAME, epoch: old }));
    let (started, _, rewind) = rig.only_start();
    assert!(started > epoch && rewind, "the old owner may have ticked on");
}

#[test]
fn what_was_called_off_is_claimed_with_a_rewind_when_the_old_owner_is_gone() {
    let mut rig = Rig::new(&[B]);
    let (_, epoch) = called_off_by_b(&mut rig);
    rig.tell(Event::LinkDown { member: B, refused: false });
    rig.others.clear();
    rig.pass(4_000_000);
    let (started, _, rewind) = rig.only_start();
    assert!(started > epoch && rewind);
}

#[test]
fn what_was_called_off_is_not_claimed_by_one_that_cannot_have_heard_that_the_old_owner_ceded_it() {
    let mut rig = Rig::new(&[B, C, D]);
    let (old, _) = called_off_by_b(&mut rig);
    for other in [B, C, D] {
        rig.tell(Event::LinkDown { member: other, refused: false });
    }
    rig.others.retain(|other| other.id != B);
    rig.pass(5_000_000);
    assert!(rig.seen(|effect| *effect == Effect::CutOff(true)));
    rig.tell(Event::LinkUp(C));
    rig.pass(100_000);
    assert!(!rig.owns(), "what C knows is on its way");
    let (epoch, unrun) = (Epoch(old.0 + 7), vec![B, ME]);
    rig.tell(Event::Message(C, Control::Ceded { game: GAME, to: C, epoch, held: old, unrun }));
    rig.pass(5_000_000);
    assert!(!rig.owns());
}

#[test]
fn a_move_that_is_called_off_late_leaves_a_game_that_was_parked_since_as_it_is() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.game_of(B);
    let expect = Fence { epoch, owner: Some(B) };
    rig.ask(Request::Park { game: GAME, expect, snapshot: world(20), salt: 1, floor: Epoch(0) });
    rig.tell(Event::Hint(Hint::Game(GAME)));
    rig.pass(20_000);
    rig.tell(Event::Message(B, Control::Abort { game: GAME, epoch, given: Epoch(0) }));
    assert!(rig.effects.contains(&Effect::Send(B, Control::Aborted { game: GAME, epoch, given: Epoch(0) })));
    rig.pass(2_000_000);
    let (_, _, rewind) = rig.only_start();
    assert!(!rewind, "nobody can have run it since");
}

#[test]
fn an_old_owner_that_was_struck_off_the_list_is_not_waited_for_for_ever() {
    let mut rig = Rig::new(&[B]);
    let (_, epoch) = called_off_by_b(&mut rig);
    rig.tell(Event::LinkDown { member: B, refused: false });
    rig.others.clear();
    rig.pass(1_000_000);
    // By another member, to which B owns nothing.
    rig.ask(Request::Leave(B));
    rig.pass(3_000_000);
    let (started, _, rewind) = rig.only_start();
    assert!(started > epoch && rewind);
}

#[test]
fn nothing_is_called_off_while_a_claim_may_bring_it() {
    let mut rig = Rig::new(&[B]);
    let old = rig.prepared_by_b();
    rig.committed_by_b(old);
    rig.spoil = vec![(is_claim, Spoil::Held)];
    rig.tell(Event::Hint(Hint::Game(GAME)));
    while rig.held.is_empty() {
        rig.pass(10_000);
    }
    rig.effects.clear();
    rig.tell(Event::Message(B, Control::Abort { game: GAME, epoch: old, given: Epoch(0) }));
    assert!(!rig.effects.iter().any(|effect| matches!(effect, Effect::Send(_, Control::Aborted { .. }))));
    rig.answer_held();
    assert!(rig.owns());
    assert!(rig.seen(|effect| matches!(effect, Effect::Send(to, Control::Started { .. }) if *to == B)));
}

#[test]
fn an_owner_that_does_not_hold_what_was_called_off_says_so() {
    let mut rig = Rig::new(&[B]);
    rig.tell(Event::Message(B, Control::Aborted { game: GAME, epoch: Epoch(5), given: Epoch(0) }));
    let released = Effect::Send(B, Control::Released { game: GAME, epoch: Epoch(5) });
    assert!(rig.seen(|effect| *effect == released));
}

#[test]
fn an_ownership_that_has_run_no_tick_hands_on_the_chain_that_it_was_given() {
    let mut rig = Rig::new(&[B]);
    let old = rig.prepared_by_b();
    let epoch = rig.committed_by_b(old);
    rig.commit_comes(old, epoch);
    rig.effects.clear();
    let expect = Fence { epoch, owner: Some(ME) };
    rig.ask(Request::Assign { game: GAME, expect, next: B, reason: Reason::Move });
    rig.tell(Event::Hint(Hint::Game(GAME)));
    let freeze = |rig: &mut Rig| {
        rig.tell(Event::Message(B, Control::Prepared { game: GAME, epoch }));
        assert!(rig.effects.contains(&Effect::Freeze(GAME)));
        rig.effects.clear();
        let next_due = rig.now.plus(15_000);
        let snapshot = Snapshot { epoch: old, ..world(20) };
        rig.tell(Event::Frozen { game: GAME, snapshot, next_due });
    };
    rig.spoil = vec![(is_commit, Spoil::Refused)];
    freeze(&mut rig);
    assert_eq!(rig.only_start(), (epoch, old, false), "here");
    rig.pass(2_100_000);
    freeze(&mut rig);
    let bases = rig.effects.iter().filter_map(|effect| match effect {
        Effect::Send(_, Control::Commit { base, .. }) => Some(*base),
        _ => None,
    });
    assert_eq!(bases.collect::<Vec<_>>(), [old], "and there");
}

#[test]
fn nothing_is_called_off_once_a_claim_was_carried_out_unheard() {
    let mut rig = Rig::new(&[B]);
    let old = rig.prepared_by_b();
    rig.committed_by_b(old);
    rig.spoil = vec![(is_claim, Spoil::AnswerLost), (is_claim, Spoil::Refused)];
    rig.tell(Event::Hint(Hint::Game(GAME)));
    while rig.spoil.len() > 1 {
        rig.pass(10_000);
    }
    rig.tell(Event::Hint(Hint::Game(GAME)));
    while !rig.spoil.is_empty() {
        rig.pass(10_000);
    }
    rig.effects.clear();
    rig.tell(Event::Message(B, Control::Abort { game: GAME, epoch: old, given: Epoch(0) }));
    assert!(!rig.effects.iter().any(|effect| matches!(effect, Effect::Send(_, Control::Aborted { .. }))));
    rig.pass(300_000);
    let (_, base, rewind) = rig.only_start();
    assert_eq!((base, rewind), (old, false));
}

#[test]
fn nothing_is_called_off_once_it_was_run_and_moved_on() {
    let mut rig = Rig::new(&[B, C]);
    let old = rig.prepared_by_b();
    let epoch = rig.committed_by_b(old);
    // B has not heard of it, nor that this member runs the game and has moved it to C.
    rig.commit_comes(old, epoch);
    let expect = Fence { epoch, owner: Some(ME) };
    rig.ask(Request::Assign { game: GAME, expect, next: C, reason: Reason::Move });
    rig.tell(Event::Hint(Hint::Game(GAME)));
    rig.tell(Event::Message(C, Control::Prepared { game: GAME, epoch }));
    rig.freeze_done();
    let Reply::Game(record) = rig.ask(Request::Game(GAME)) else { panic!("the game is gone") };
    assert_eq!(record.owner, Some(C));
    rig.tell(Event::Message(C, Control::Started { game: GAME, epoch: record.epoch }));
    assert!(!rig.owns());
    rig.effects.clear();
    rig.tell(Event::Message(B, Control::Abort { game: GAME, epoch: old, given: Epoch(0) }));
    assert!(!rig.effects.iter().any(|effect| matches!(effect, Effect::Send(_, Control::Aborted { .. }))));
}

/// Up to ticking provisionally after a move that was lost; returns the owner's epoch.
fn provisional(rig: &mut Rig) -> Epoch {
    let old = rig.create_and_freeze();
    rig.spoil = vec![(is_commit, Spoil::RequestLost), (is_bump, Spoil::RequestLost)];
    rig.freeze_done();
    rig.tell(Event::Message(B, Control::Aborted { game: GAME, epoch: old, given: Epoch(0) }));
    rig.pass(40_000);
    assert_eq!(rig.only_start(), (old, old, false));
    rig.effects.clear();
    old
}

#[test]
fn an_owner_that_ticks_provisionally_stops_when_its_target_has_taken_the_game_over() {
    let mut rig = Rig::new(&[B]);
    let old = provisional(&mut rig);
    // This member seemed to be gone: the target took the game over from what was stored last, and runs it.
    let expect = Fence { epoch: old, owner: Some(ME) };
    rig.ask(Request::Claim { game: GAME, expect, owner: B, salt: 1, floor: Epoch(0), run_id: None });
    rig.pass(300_000);
    assert!(!rig.owns());
    assert!(!rig.effects.contains(&Effect::Freeze(GAME)));
    assert_eq!(rig.owner_in_registry(), Some(B));
}

#[test]
fn an_owner_that_ticks_provisionally_stops_when_its_target_says_that_it_runs_the_game() {
    let mut rig = Rig::new(&[B]);
    let old = provisional(&mut rig);
    let expect = Fence { epoch: old, owner: Some(ME) };
    rig.ask(Request::CommitMove { game: GAME, expect, to: B, snapshot: world(60), salt: 1, floor: Epoch(0) });
    rig.pass(300_000);
    assert!(rig.owns() && rig.effects.iter().any(aborts), "the record alone does not say");
    let epoch = rig.member.view.game(GAME).expect("known").epoch;
    rig.tell(Event::Message(B, Control::Started { game: GAME, epoch }));
    assert!(!rig.owns());
    assert!(!rig.effects.contains(&Effect::Freeze(GAME)));
}

#[test]
fn an_owner_that_has_written_nothing_releases_a_target_that_it_has_given_up() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.create_and_freeze();
    rig.tell(Event::Message(B, Control::Refused { game: GAME, epoch, reason: "leaving".into() }));
    rig.freeze_done();
    rig.tell(Event::Message(B, Control::Aborted { game: GAME, epoch, given: Epoch(0) }));
    assert!(rig.seen(|effect| *effect == Effect::Send(B, Control::Released { game: GAME, epoch })));
}

#[test]
fn a_fresh_epoch_that_was_granted_before_a_long_stop_is_not_started() {
    let mut rig = Rig::new(&[B, C]);
    rig.create_and_freeze();
    rig.spoil = vec![(is_commit, Spoil::RequestLost), (is_bump, Spoil::Held)];
    rig.freeze_done();
    let Reply::Game(granted) = rig.ask(Request::Game(GAME)) else { panic!("the game is gone") };
    // This member stands still until its lease has lapsed, and is replaced meanwhile.
    let expect = Fence { epoch: granted.epoch, owner: Some(ME) };
    rig.ask(Request::Claim { game: GAME, expect, owner: C, salt: 1, floor: Epoch(0), run_id: None });
    rig.now = rig.now.plus(5_000_000);
    rig.effects.clear();
    rig.answer_held();
    assert!(!rig.effects.iter().any(|effect| matches!(effect, Effect::Start { .. })));
    assert!(rig.seen(|effect| matches!(effect, Effect::Stop { .. })));
}

#[test]
fn a_claim_that_was_carried_out_unheard_is_known_for_its_own_by_who_leaves_meanwhile() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.game_of(B);
    let expect = Fence { epoch, owner: Some(B) };
    rig.ask(Request::Park { game: GAME, expect, snapshot: world(20), salt: 1, floor: Epoch(0) });
    rig.spoil = vec![(is_claim, Spoil::AnswerLost), (is_read, Spoil::Held)];
    rig.tell(Event::Hint(Hint::Game(GAME)));
    while !rig.spoil.is_empty() {
        rig.pass(10_000);
    }
    assert_eq!(rig.owner_in_registry(), Some(ME));
    // Parked games are not for those who leave, so that nothing but the claim itself speaks for it now.
    rig.tell(Event::Terminate { grace_us: 30_000_000 });
    rig.pass(500_000);
    rig.answer_held();
    let (_, _, rewind) = rig.only_start();
    assert!(!rewind, "nobody has run it since");
}
