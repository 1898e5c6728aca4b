//! A registry that comes back with what it knew before: restored from a backup, or failed over without its tail.

use super::*;

impl Rig {
    /// A game that was B's when the copy was made, and is this member's by now.
    fn moved_since(&mut self) -> (Store, Epoch) {
        let old = self.game_of(B);
        let copy = self.store.clone();
        let expect = Fence { epoch: old, owner: Some(B) };
        self.tell(Event::LinkDown { member: B, refused: false });
        let reason = Reason::Dead("terminated".into());
        self.ask(Request::Assign { game: GAME, expect, next: ME, reason });
        self.tell(Event::Hint(Hint::Game(GAME)));
        self.pass(300_000);
        let epoch = self.member.owned().next().expect("it was assigned").1;
        assert!(epoch > old);
        self.tell(Event::LinkUp(B));
        self.effects.clear();
        (copy, epoch)
    }

    fn restores(&mut self, copy: Store) {
        self.store = copy;
        self.store.set_run_id("two");
    }

    fn fresh_epoch(&mut self, before: Epoch) {
        self.pass(50_000);
        if self.effects.contains(&Effect::Freeze(GAME)) && self.owner_in_registry() == Some(B) {
            self.freeze_done();
        }
        let Reply::Game(record) = self.ask(Request::Game(GAME)) else { panic!("the game is gone") };
        assert_eq!(record.owner, Some(ME));
        assert!(record.epoch > before && self.member.owned().any(|owned| owned == (GAME, record.epoch)));
        let stops = |effect: &Effect| matches!(effect, Effect::Stop { .. });
        assert!(!self.seen(stops), "it runs on with what it has");
    }
}

#[test]
fn a_running_game_that_the_registry_has_at_a_former_owner_gets_a_fresh_epoch_at_once() {
    let mut rig = Rig::new(&[B]);
    let (copy, epoch) = rig.moved_since();
    rig.restores(copy);
    // Two looks, long before the next snapshot.
    rig.pass(410_000);
    rig.fresh_epoch(epoch);
    rig.pass(210_000);
    assert_eq!(rig.member.record().settled, "two");
}

#[test]
fn a_move_to_whom_a_registry_that_is_behind_calls_the_owner_is_not_taken_for_done() {
    let mut rig = Rig::new(&[B]);
    let (copy, epoch) = rig.moved_since();
    let expect = Fence { epoch, owner: Some(ME) };
    rig.ask(Request::Assign { game: GAME, expect, next: B, reason: Reason::Move });
    rig.tell(Event::Hint(Hint::Game(GAME)));
    rig.tell(Event::Message(B, Control::Prepared { game: GAME, epoch }));
    assert!(rig.seen(|effect| *effect == Effect::Freeze(GAME)));
    rig.restores(copy);
    rig.freeze_done();
    let commit = |effect: &Effect| matches!(effect, Effect::Send(_, Control::Commit { .. }));
    assert!(!rig.effects.iter().any(commit));
    rig.fresh_epoch(epoch);
}

#[test]
fn a_game_that_is_over_is_over_in_a_registry_that_is_behind_as_well() {
    let mut rig = Rig::new(&[B]);
    let (copy, _) = rig.moved_since();
    rig.restores(copy);
    rig.tell(Event::Over(GAME));
    rig.pass(500_000);
    assert_eq!(rig.ask(Request::Game(GAME)), Reply::Gone);
    assert!(!rig.owns());
}

/// C claims what B had, and the registry is taken back to when B had it, some time ago; B is gone. Returns what B had.
fn taken_back(rig: &mut Rig) -> Fence {
    let old = Fence { epoch: rig.game_of(B), owner: Some(B) };
    let copy = rig.store.clone();
    rig.ask(Request::Claim { game: GAME, expect: old, owner: C, salt: 3, floor: Epoch(0), run_id: None });
    rig.others.retain(|other| other.id != B);
    rig.tell(Event::LinkDown { member: B, refused: false });
    rig.pass(3_000_000);
    rig.restores(copy);
    rig.pass(6_000_000);
    old
}

#[test]
fn a_newer_record_than_the_registry_has_counts_as_long_as_its_owner_lives() {
    let mut rig = Rig::new(&[B, C]);
    let old = taken_back(&mut rig);
    assert!(!rig.owns(), "C runs it, and has not put it back yet");
    assert!(!rig.seen(|effect| matches!(effect, Effect::Call(_, Request::Claim { .. }))));
    rig.others.clear();
    rig.tell(Event::LinkDown { member: C, refused: false });
    rig.pass(6_000_000);
    assert!(rig.owns(), "C is gone, and nobody puts back what the registry has lost");
    assert!(rig.member.owned().all(|(_, epoch)| epoch > old.epoch));
}

#[test]
fn an_owner_that_lives_and_has_put_back_all_that_it_had_does_not_run_what_the_registry_lacks() {
    let mut rig = Rig::new(&[B, C]);
    let old = taken_back(&mut rig);
    assert!(!rig.owns());
    rig.others[0].settled = "two".into();
    rig.pass(2_000_000);
    assert!(rig.owns(), "C has lost the world, or never had it");
    assert!(rig.member.owned().all(|(_, epoch)| epoch > old.epoch));
}

#[test]
fn a_move_that_the_registry_has_lost_is_taken_back_from_a_target_that_is_gone() {
    for empty in [true, false] {
        let mut rig = Rig::new(&[B, C]);
        rig.create_and_freeze();
        let copy = rig.store.clone();
        rig.freeze_done();
        assert_eq!(rig.owner_in_registry(), Some(B));
        rig.restores(if empty { Store::new("") } else { copy });
        rig.others.retain(|other| other.id != B);
        rig.tell(Event::LinkDown { member: B, refused: false });
        rig.effects.clear();
        rig.pass(6_000_000);
        assert!(rig.owns(), "nobody else has its last world");
        assert!(rig.seen(|effect| matches!(effect, Effect::Start { snapshot: None, rewind: false, .. })));
    }
}

#[test]
fn nothing_is_claimed_from_a_registry_that_others_have_not_put_their_games_back_into() {
    for (settles, after) in [(true, 300_000), (false, 1_300_000)] {
        let mut rig = Rig::new(&[B, C]);
        let old = rig.game_of(B);
        rig.pass(300_000);
        rig.others.retain(|other| other.id != B);
        rig.store.set_run_id("two");
        let record = MemberRecord { settled: "two".into(), ..record(B) };
        rig.ask(Request::Renew { id: B, record, games: Vec::new() });
        rig.pass(300_000);
        let expect = Fence { epoch: old, owner: Some(B) };
        rig.ask(Request::Assign { game: GAME, expect, next: ME, reason: Reason::Dead("terminated".into()) });
        rig.tell(Event::LinkDown { member: B, refused: false });
        rig.tell(Event::Hint(Hint::Game(GAME)));
        rig.pass(100_000);
        assert!(!rig.owns(), "it may be C's by now");
        if settles {
            rig.others[0].settled = "two".into();
            let record = rig.others[0].clone();
            rig.ask(Request::Renew { id: C, record, games: Vec::new() });
        }
        rig.pass(after - 100_000);
        assert!(rig.owns(), "C had its time to put it back: {settles}");
    }
}

/// The record is read before the list of members, which says that the registry is another one.
#[test]
fn nothing_is_claimed_from_a_record_before_it_is_known_to_be_of_the_same_registry() {
    let mut rig = Rig::new(&[B, C]);
    let old = rig.game_of(B);
    rig.pass(300_000);
    rig.others.retain(|other| other.id != B);
    rig.store.set_run_id("two");
    let expect = Fence { epoch: old, owner: Some(B) };
    rig.ask(Request::Assign { game: GAME, expect, next: ME, reason: Reason::Dead("terminated".into()) });
    rig.tell(Event::LinkDown { member: B, refused: false });
    rig.spoil = vec![(is_members, Spoil::Held)];
    rig.tell(Event::Hint(Hint::Game(GAME)));
    rig.pass(250_000);
    assert!(!rig.owns(), "no list of members has come yet");
    rig.answer_held();
    rig.pass(800_000);
    assert!(!rig.owns(), "it may be C's by now");
    rig.pass(600_000);
    assert!(rig.owns());
}

/// Nobody could put anything back.
#[test]
fn the_time_in_which_a_registry_that_is_another_one_does_not_answer_does_not_count() {
    let mut rig = Rig::new(&[B, C]);
    let old = rig.game_of(B);
    rig.pass(300_000);
    rig.others.retain(|other| other.id != B);
    rig.store.set_run_id("two");
    rig.pass(300_000);
    let expect = Fence { epoch: old, owner: Some(B) };
    rig.ask(Request::Assign { game: GAME, expect, next: ME, reason: Reason::Dead("terminated".into()) });
    rig.tell(Event::LinkDown { member: B, refused: false });
    rig.away = true;
    rig.pass(2_000_000);
    rig.away = false;
    rig.pass(800_000);
    assert!(!rig.owns(), "it may be C's by now");
    rig.pass(600_000);
    assert!(rig.owns());
}

#[test]
fn who_stood_still_and_finds_the_registry_behind_waits_for_whom_may_have_replaced_it() {
    let mut rig = Rig::new(&[B]);
    let (copy, epoch) = rig.moved_since();
    rig.restores(copy);
    rig.tell(Event::Stalled(GAME));
    rig.pass(700_000);
    assert!(!rig.seen(|effect| *effect == Effect::GoOn(GAME)));
    rig.pass(600_000);
    assert!(rig.effects.contains(&Effect::GoOn(GAME)));
    rig.fresh_epoch(epoch);
}

#[test]
fn what_was_heard_before_a_member_stood_still_once_more_says_nothing() {
    let mut rig = Rig::new(&[B]);
    let expect = Fence { epoch: rig.create(), owner: Some(ME) };
    rig.spoil.push((|request| matches!(request, Request::Game(_)), Spoil::Held));
    rig.tell(Event::Stalled(GAME));
    rig.now = rig.now.plus(5_000_000);
    rig.ask(Request::Claim { game: GAME, expect, owner: B, salt: 3, floor: Epoch(0), run_id: None });
    rig.answer_held();
    assert!(!rig.seen(|effect| *effect == Effect::GoOn(GAME)));
}

#[test]
fn a_parked_game_that_the_registry_has_lost_is_not_left_to_whom_it_names() {
    let mut rig = Rig::new(&[B]);
    let (copy, _) = rig.moved_since();
    rig.restores(copy);
    rig.tell(Event::Terminate { grace_us: 1_000_000 });
    rig.tell(Event::LinkDown { member: B, refused: false });
    rig.others.clear();
    rig.pass(600_000);
    assert!(rig.effects.contains(&Effect::Freeze(GAME)));
    rig.freeze_done();
    rig.pass(300_000);
    assert!(!rig.seen(|effect| matches!(effect, Effect::Stop { to: Some((B, _)), .. })));
    let Reply::Game(record) = rig.ask(Request::Game(GAME)) else { panic!("the game is gone") };
    assert_ne!(record.owner, Some(B));
}

impl Rig {
    /// The registry has nothing of the game any more.
    fn loses(&mut self, epoch: Epoch) {
        let expect = Fence { epoch, owner: Some(ME) };
        assert_eq!(self.ask(Request::End { game: GAME, expect }), Reply::Done);
        self.effects.clear();
    }
}

#[test]
fn a_single_game_that_the_registry_has_lost_is_put_back_at_the_next_look() {
    let mut rig = Rig::new(&[B]);
    // Worlds are not stored by themselves.
    rig.member.settings.snapshot_us = 1 << 60;
    let epoch = rig.create();
    rig.pass(1_000_000);
    rig.loses(epoch);
    rig.pass(410_000);
    assert!(rig.seen(|effect| *effect == Effect::Freeze(GAME)));
    rig.freeze_done();
    let Reply::Game(record) = rig.ask(Request::Game(GAME)) else { panic!("the game is gone") };
    assert!(record.owner == Some(ME) && record.epoch > epoch);
    let stored = |effect: &Effect| matches!(effect, Effect::Call(_, Request::StoreSnapshot { .. }));
    rig.effects.clear();
    rig.pass(2_000_000);
    assert!(!rig.seen(stored), "the registry lacks nothing");
}

#[test]
fn who_stood_still_and_finds_its_game_missing_waits_for_whom_may_have_replaced_it() {
    for replaced in [true, false] {
        let mut rig = Rig::new(&[B]);
        let epoch = rig.create();
        rig.pass(1_000_000);
        rig.loses(epoch);
        rig.tell(Event::Stalled(GAME));
        rig.pass(900_000);
        assert!(!rig.seen(|effect| matches!(effect, Effect::GoOn(_) | Effect::Freeze(_))));
        if replaced {
            rig.game_of(B);
            rig.pass(300_000);
            assert!(!rig.owns());
            assert_eq!(rig.owner_in_registry(), Some(B));
        } else {
            rig.pass(300_000);
            assert!(rig.seen(|effect| *effect == Effect::GoOn(GAME)));
            rig.pass(900_000);
            rig.freeze_done();
            assert_eq!(rig.owner_in_registry(), Some(ME));
        }
    }
}

/// What the registry may have lost is not told to those who would go on from it.
#[test]
fn what_was_stored_while_the_lease_had_lapsed_is_told_only_of_the_registry_that_has_it() {
    #[derive(Clone, Copy, PartialEq, Debug)]
    enum Then {
        Same,
        Another,
        Restored,
    }
    for then in [Then::Same, Then::Another, Then::Restored] {
        let mut rig = Rig::new(&[]);
        rig.create();
        let copy = rig.store.clone();
        rig.spoil = vec![(|request| matches!(request, Request::StoreSnapshot { .. }), Spoil::Held)];
        while rig.held.is_empty() {
            rig.pass(10_000);
        }
        let stored = Tick(rig.ms());
        rig.away = true;
        while rig.member.lease_valid(rig.now) {
            rig.pass(10_000);
        }
        rig.effects.clear();
        rig.answer_held();
        let told = |effect: &Effect| *effect == Effect::Durable(GAME, stored);
        assert!(!rig.seen(told), "somebody may have replaced this member");
        match then {
            Then::Same => {}
            Then::Another => rig.store.set_run_id("two"),
            Then::Restored => rig.restores(copy),
        }
        rig.away = false;
        while !rig.member.lease_valid(rig.now) {
            rig.pass(10_000);
        }
        rig.pass(100_000);
        assert_eq!(rig.seen(told), then == Then::Same, "{then:?}");
    }
}
