//! The log of owned games.

use super::*;
use crate::Ran;
use registry::LogBatch;

impl Rig {
    /// The hub has run these ticks; players did something in the last one.
    fn runs(&mut self, epoch: Epoch, after: u64, upto: u64) {
        let ticks = vec![(Tick(upto), Bytes::from_static(b"x"))];
        let (after, upto) = (Tick(after), Tick(upto));
        self.tell(Event::Ran(vec![Ran { game: GAME, epoch, after, upto, busy: upto, ticks }]));
    }

    /// The hub has run this tick, and nothing happened in it.
    fn idles(&mut self, epoch: Epoch, tick: u64, people: bool) {
        let ran = Ran::tick(GAME, epoch, Tick(tick), Bytes::new(), people);
        self.tell(Event::Ran(vec![ran]));
    }

    fn record(&mut self) -> GameRecord {
        let Reply::Game(record) = self.ask(Request::Game(GAME)) else { panic!("the game is gone") };
        record
    }

    /// The newest tick that players were told is durable since this was asked last.
    fn told(&mut self) -> Option<Tick> {
        let told = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Durable(GAME, tick) => Some(*tick),
            _ => None,
        });
        self.effects.clear();
        told
    }

    /// What a member that takes the game over is given.
    fn claimed(&mut self) -> (Snapshot, Vec<LogBatch>) {
        let record = self.record();
        let expect = Fence { epoch: record.epoch, owner: record.owner };
        let claim = Request::Claim { game: GAME, expect, owner: B, salt: 1, floor: Epoch(0), run_id: None };
        let Reply::Claimed { snapshot, log, .. } = self.ask(claim) else { panic!("it holds that") };
        (snapshot, log)
    }
}

fn is_append(request: &Request) -> bool {
    matches!(request, Request::Append { .. })
}

#[test]
fn what_has_run_is_durable_when_the_registry_says_so() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.create();
    rig.spoil = vec![(is_append, Spoil::Held)];
    rig.runs(epoch, 0, 3);
    assert_eq!(rig.told(), None);
    // As long as the answer is awaited, what runs gathers.
    rig.runs(epoch, 3, 5);
    rig.runs(epoch, 5, 8);
    assert!(!rig.seen(|effect| matches!(effect, Effect::Call(_, Request::Append { .. }))));
    rig.answer_held();
    assert_eq!(rig.told(), Some(Tick(3)));
    rig.runs(epoch, 8, 9);
    assert_eq!(rig.told(), Some(Tick(9)));
    let (snapshot, log) = rig.claimed();
    assert_eq!(snapshot.tick, Tick(0));
    assert_eq!(
        log.iter().map(|batch| (batch.epoch, batch.upto)).collect::<Vec<_>>(),
        [(epoch, Tick(3)), (epoch, Tick(9))]
    );
    let ticks: Vec<Tick> = log.iter().flat_map(|batch| batch.ticks.iter().map(|(tick, _)| *tick)).collect();
    assert_eq!(ticks, [3, 5, 8, 9].map(Tick), "none is left out");
}

#[test]
fn a_game_that_nothing_happens_in_is_durable_now_and_then() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.create();
    rig.runs(epoch, 0, 3);
    assert_eq!(rig.told(), Some(Tick(3)));
    for tick in 4..28 {
        rig.idles(epoch, tick, false);
    }
    assert_eq!(rig.told(), None);
    rig.idles(epoch, 28, false);
    assert_eq!(rig.told(), Some(Tick(28)));
    // What happens is not kept waiting, and makes durable what led to it.
    rig.idles(epoch, 29, false);
    rig.runs(epoch, 29, 30);
    assert_eq!(rig.told(), Some(Tick(30)));
    // People see what comes of what they did before: it counts when it is durable.
    rig.idles(epoch, 31, true);
    assert_eq!(rig.told(), Some(Tick(31)));
    rig.idles(epoch, 32, false);
    assert_eq!(rig.told(), None);
    let (_, log) = rig.claimed();
    assert_eq!(log.last().map(|batch| batch.upto), Some(Tick(31)));
}

#[test]
fn what_happened_while_an_append_failed_is_not_taken_for_idle() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.create();
    rig.spoil = vec![(is_append, Spoil::RequestLost)];
    rig.runs(epoch, 0, 3);
    assert_eq!(rig.told(), None);
    rig.idles(epoch, 4, false);
    assert_eq!(rig.told(), Some(Tick(4)));
}

#[test]
fn an_append_that_was_not_answered_comes_again_with_what_followed() {
    for spoil in [Spoil::AnswerLost, Spoil::RequestLost, Spoil::Refused] {
        let mut rig = Rig::new(&[B]);
        let epoch = rig.create();
        rig.spoil = vec![(is_append, spoil)];
        rig.runs(epoch, 0, 3);
        assert_eq!(rig.told(), None);
        rig.runs(epoch, 3, 5);
        assert_eq!(rig.told(), Some(Tick(5)));
        let (_, log) = rig.claimed();
        assert_eq!(log.last().map(|batch| batch.upto), Some(Tick(5)));
        assert!(log.iter().any(|batch| batch.ticks.iter().any(|(tick, _)| *tick == Tick(3))));
    }
}

#[test]
fn an_owner_that_was_replaced_learns_it_from_its_log() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.create();
    rig.claimed();
    rig.runs(epoch, 0, 3);
    assert!(!rig.owns());
    assert!(rig.seen(|effect| matches!(effect, Effect::Stop { to: Some((B, _)), .. })));
}

#[test]
fn a_hole_in_the_log_waits_for_a_stored_world() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.create();
    // Ticks 1 to 3 have not been handed in.
    rig.runs(epoch, 3, 5);
    assert!(!rig.seen(|effect| matches!(effect, Effect::Call(_, Request::Append { .. }))));
    let stored = |rig: &mut Rig| {
        let before = rig.record().snapshot_tick;
        while rig.record().snapshot_tick == before {
            rig.pass(100_000);
        }
        rig.record().snapshot_tick.0
    };
    let tick = stored(&mut rig);
    rig.runs(epoch, 5, tick + 2);
    assert_eq!(rig.record().durable, Tick(tick + 2));
}

#[test]
fn a_registry_that_has_lost_its_last_ticks_gets_a_world() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.create();
    rig.runs(epoch, 0, 3);
    let backup = rig.store.clone();
    rig.runs(epoch, 3, 6);
    rig.store = backup;
    rig.runs(epoch, 6, 9);
    let record = rig.record();
    assert!(record.snapshot_tick > Tick(9) && record.epoch == epoch, "{record:?}");
    let tick = record.snapshot_tick.0;
    rig.runs(epoch, 9, tick + 1);
    assert_eq!(rig.record().durable, Tick(tick + 1), "and the log goes on from there");
}

#[test]
fn a_log_that_waits_for_the_registry_for_long_keeps_the_last_ticks() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.create();
    rig.away = true;
    for after in 0..1000 {
        rig.runs(epoch, after, after + 1);
    }
    assert_eq!(rig.told(), None);
    assert!(rig.member.logged() <= 250, "{} ticks wait", rig.member.logged());
}

#[test]
fn a_claimed_game_is_run_again_up_to_its_last_durable_tick() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.game_of(B);
    let expect = Fence { epoch, owner: Some(B) };
    let batch = LogBatch { epoch, upto: Tick(14), ticks: vec![(Tick(12), Bytes::from_static(b"x"))] };
    rig.ask(Request::Append { game: GAME, expect, after: Tick(9), batch: batch.clone() });
    rig.tell(Event::LinkDown { member: B, refused: false });
    rig.others.clear();
    rig.pass(3_500_000);
    assert!(rig.effects.iter().any(|effect| matches!(
        effect,
        Effect::Start { base, snapshot: Some(snapshot), log, durable: Tick(14), rewind: true, .. }
            if *base == epoch && snapshot.tick == Tick(9) && *log == [batch.clone()]
    )));
}
