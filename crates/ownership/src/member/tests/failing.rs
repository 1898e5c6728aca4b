//! Worlds that fail: the game is given back as it is stored, counted, claimed again, and quarantined at last.

use super::*;

/// A tick that no world of the rig comes to: they are at one for each millisecond.
const FAR: u64 = 1_000_000_000;

fn is_fail(request: &Request) -> bool {
    matches!(request, Request::Fail { .. })
}

impl Rig {
    fn held(&mut self) -> GameRecord {
        let Reply::Game(record) = self.ask(Request::Game(GAME)) else { panic!("the game is gone") };
        record
    }

    fn fails(&mut self, epoch: Epoch, tick: u64) {
        self.tell(Event::Failed { game: GAME, epoch, tick: Tick(tick) });
    }

    fn epoch(&self) -> Epoch {
        self.member.owned().next().expect("it owns the game").1
    }
}

#[test]
fn a_game_whose_world_fails_is_given_back_counted_and_claimed_again() {
    let mut rig = Rig::new(&[]);
    let epoch = rig.create();
    rig.fails(epoch, FAR);
    rig.pass(100_000);
    let stop = Effect::Stop { game: GAME, to: None, goes_on: true };
    let stop = rig.effects.iter().position(|effect| *effect == stop).expect("it is nobody's");
    // Players have seen more than is stored: others are asked for it.
    let start = |effect: &Effect| matches!(effect, Effect::Start { rewind: true, snapshot: Some(_), .. });
    assert!(rig.effects.iter().position(start) > Some(stop));
    let record = rig.held();
    assert_eq!((record.owner, record.failures, record.quarantined), (Some(ME), 1, false));
    assert_eq!(record.calm_from, Tick(FAR + Settings::default().calm_ticks));
}

#[test]
fn after_three_failures_nobody_claims_the_game_until_it_is_released() {
    let mut rig = Rig::new(&[]);
    let mut epoch = rig.create();
    for failures in 1..=3 {
        rig.fails(epoch, FAR);
        assert_eq!(rig.held().failures, failures);
        if failures < 3 {
            rig.tell(Event::Hint(Hint::Game(GAME)));
            rig.pass(300_000);
            epoch = rig.epoch();
        }
    }
    assert!(rig.seen(|effect| *effect == Effect::Quarantined(GAME)));
    rig.pass(10_000_000);
    let record = rig.held();
    assert!(!rig.owns() && record.quarantined && record.owner.is_none());
    // Edges that ask are told.
    rig.tell(Event::Lookup(GAME));
    assert!(rig.seen(|effect| *effect == Effect::Quarantined(GAME)));
    let expect = Fence { epoch: record.epoch, owner: None };
    rig.ask(Request::Release { game: GAME, expect, salt: 1, floor: Epoch(0) });
    rig.tell(Event::Hint(Hint::Game(GAME)));
    rig.pass(300_000);
    assert!(rig.owns());
}

#[test]
fn a_world_that_fails_at_a_member_that_is_cut_off_is_not_waited_for() {
    let mut rig = Rig::new(&[B, C]);
    rig.create();
    rig.tell(Event::LinkDown { member: B, refused: false });
    rig.tell(Event::LinkDown { member: C, refused: false });
    rig.pass(2_000_000);
    assert!(rig.seen(|effect| *effect == Effect::Freeze(GAME)), "it is to be parked");
    rig.spoil.push((|request| matches!(request, Request::Park { .. }), Spoil::Refused));
    rig.spoil.push((is_bump, Spoil::Held));
    rig.freeze_done();
    rig.effects.clear();
    // Its first tick after that fails, before anything else happens.
    let (id, reply) = rig.held.pop().expect("it takes a fresh epoch");
    rig.member.handle(rig.now, Event::Reply(id, reply), &mut Vec::new());
    let epoch = rig.epoch();
    rig.fails(epoch, FAR);
    assert!(!rig.seen(|effect| *effect == Effect::Freeze(GAME)), "there is nothing to freeze");
    assert_eq!(rig.held().failures, 1);
}

#[test]
fn failures_far_apart_do_not_add_up() {
    let mut rig = Rig::new(&[]);
    let mut epoch = rig.create();
    for _ in 0..5 {
        rig.fails(epoch, rig.ms());
        assert_eq!(rig.held().failures, 1);
        rig.tell(Event::Hint(Hint::Game(GAME)));
        rig.pass(2_000_000);
        assert_eq!(rig.held().failures, 0);
        epoch = rig.epoch();
    }
}

#[test]
fn a_failure_is_told_until_the_registry_answers() {
    for spoil in [Spoil::Refused, Spoil::RequestLost, Spoil::AnswerLost] {
        let mut rig = Rig::new(&[]);
        let epoch = rig.create();
        rig.spoil = vec![(is_fail, spoil)];
        rig.fails(epoch, FAR);
        assert!(!rig.owns());
        rig.pass(500_000);
        let record = rig.held();
        assert_eq!((record.failures, record.owner), (1, Some(ME)), "counted once, and claimed again");
    }
}

#[test]
fn a_target_is_told_that_nothing_comes_of_the_move() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.create_and_freeze();
    rig.fails(epoch, FAR);
    let abort = Control::Abort { game: GAME, epoch, given: Epoch(0) };
    assert!(rig.seen(|effect| *effect == Effect::Send(B, abort.clone())));
    assert_eq!(rig.held().failures, 1);
}

#[test]
fn what_a_hub_says_of_an_ownership_that_is_over_counts_for_nothing() {
    let mut rig = Rig::new(&[]);
    let epoch = rig.create();
    rig.fails(epoch, FAR);
    rig.tell(Event::Hint(Hint::Game(GAME)));
    rig.pass(300_000);
    rig.fails(epoch, FAR);
    assert!(rig.owns());
    assert_eq!(rig.held().failures, 1);
}

#[test]
fn whoever_claims_a_game_stores_it_at_once() {
    let mut rig = Rig::new(&[]);
    let epoch = rig.game_of(MemberId(9));
    let expect = Fence { epoch, owner: Some(MemberId(9)) };
    let snapshot = world(9);
    rig.ask(Request::Park { game: GAME, expect, snapshot, salt: 1, floor: Epoch(0) });
    rig.tell(Event::Hint(Hint::Game(GAME)));
    let started = |effect: &Effect| matches!(effect, Effect::Start { .. });
    let stores = |effect: &Effect| matches!(effect, Effect::Call(_, Request::StoreSnapshot { .. }));
    while !rig.effects.iter().any(started) {
        rig.pass(10_000);
    }
    let start = rig.effects.iter().position(started);
    let store = rig.effects.iter().position(stores).expect("at the moment of the start");
    assert!(start < Some(store));
}
