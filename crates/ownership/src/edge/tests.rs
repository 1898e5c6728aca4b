use super::*;

const ME: MemberId = MemberId(1);
const OLD: MemberId = MemberId(2);
const NEW: MemberId = MemberId(3);
const E1: Epoch = Epoch(1 << 16);
const E2: Epoch = Epoch(2 << 16);
const E3: Epoch = Epoch(3 << 16);

struct Rig {
    edge: Edge,
    now: Time,
}

impl Rig {
    /// Watching, subscribed to OLD, and shown (E1, 10).
    fn watching() -> Rig {
        let mut rig = Rig { edge: Edge::new(ME, GameId(9)), now: Time(1_000_000) };
        assert_eq!(rig.tell(EdgeEvent::Watch), [EdgeEffect::Lookup(GameId(9))]);
        let asked = rig.tell(EdgeEvent::Owner(Some((OLD, E1))));
        assert_eq!(asked, [EdgeEffect::InputsTo(Some(OLD)), EdgeEffect::Subscribe { to: OLD, have: None }]);
        assert_eq!(shown(&rig.keyframe(OLD, E1, 10)), ["reset 10"]);
        rig
    }

    fn tell(&mut self, event: EdgeEvent) -> Vec<EdgeEffect> {
        let mut out = Vec::new();
        self.edge.handle(self.now, event, &mut out);
        out
    }

    fn keyframe(&mut self, from: MemberId, epoch: Epoch, tick: u64) -> Vec<EdgeEffect> {
        self.tell(EdgeEvent::Keyframe { from, epoch, tick: Tick(tick), bytes: Bytes::new() })
    }

    fn frame(&mut self, from: MemberId, epoch: Epoch, tick: u64, after: Epoch) -> Vec<EdgeEffect> {
        self.tell(EdgeEvent::Frame {
            from,
            frame: Kept { after, ..Kept::keyframe(epoch, Tick(tick), Bytes::new()) },
        })
    }

    /// That member says that its answer follows.
    fn answers(&mut self, from: MemberId) {
        let have = self.edge.subscribed[&from].have;
        assert_eq!(self.tell(EdgeEvent::Subscribed { from, have }), []);
    }

    fn wait(&mut self, micros: u64) -> Vec<EdgeEffect> {
        self.now.0 += micros;
        self.tell(EdgeEvent::Wake)
    }
}

fn asks(to: MemberId, epoch: Epoch, tick: u64) -> EdgeEffect {
    EdgeEffect::Subscribe { to, have: Some((epoch, Tick(tick))) }
}

fn shown(effects: &[EdgeEffect]) -> Vec<String> {
    let line = |effect: &EdgeEffect| match effect {
        EdgeEffect::Show { frame, new_epoch } => {
            Some(format!("{}{}", frame.tick, if *new_epoch { " new" } else { "" }))
        }
        EdgeEffect::Reset { tick, rewind, .. } => {
            Some(format!("{} {tick}", if *rewind { "rewind" } else { "reset" }))
        }
        _ => None,
    };
    effects.iter().filter_map(line).collect()
}

#[test]
fn frames_of_a_new_epoch_wait_for_the_last_tick_of_the_old_one() {
    let mut rig = Rig::watching();
    rig.tell(EdgeEvent::MoveSoon { to: NEW });
    assert!(shown(&rig.frame(NEW, E2, 13, E1)).is_empty());
    rig.tell(EdgeEvent::Moved { to: NEW, epoch: E2, tick: Tick(12) });
    assert_eq!(shown(&rig.frame(OLD, E1, 11, E1)), ["11"]);
    let last = rig.frame(OLD, E1, 12, E1);
    assert_eq!(shown(&last), ["12", "13 new"]);
    assert!(last.contains(&EdgeEffect::Unsubscribe(OLD)));
}

#[test]
fn a_chain_that_forked_below_what_was_shown_is_announced_as_a_rewind() {
    let mut rig = Rig::watching();
    rig.frame(OLD, E1, 11, E1);
    rig.tell(EdgeEvent::Owner(Some((NEW, E2))));
    assert!(shown(&rig.frame(NEW, E2, 12, E2)).is_empty(), "tick fits, world does not");
    assert_eq!(shown(&rig.keyframe(NEW, E2, 10)), ["rewind 10"]);
    assert_eq!(shown(&rig.frame(NEW, E2, 11, E2)), ["11", "12"]);
}

#[test]
fn a_lower_epoch_is_never_shown_again() {
    let mut rig = Rig::watching();
    rig.frame(NEW, E2, 11, E1);
    assert_eq!(rig.edge.shown(), Some((E2, Tick(11))));
    assert!(shown(&rig.frame(OLD, E1, 12, E1)).is_empty());
    assert!(shown(&rig.keyframe(OLD, E1, 50)).is_empty());
    rig.wait(STALLED_US);
    assert_eq!(rig.edge.shown(), Some((E2, Tick(11))));
}

#[test]
fn a_periodic_keyframe_does_not_break_a_chain_that_goes_on() {
    let mut rig = Rig::watching();
    assert!(shown(&rig.keyframe(OLD, E1, 12)).is_empty());
    assert_eq!(shown(&rig.frame(OLD, E1, 11, E1)), ["11"]);
    assert_eq!(shown(&rig.frame(OLD, E1, 12, E1)), ["12"]);
    assert_eq!(shown(&rig.frame(OLD, E1, 13, E1)), ["13"]);
}

#[test]
fn missing_ticks_are_asked_of_the_target_after_three_ticks() {
    let mut rig = Rig::watching();
    rig.tell(EdgeEvent::MoveSoon { to: NEW });
    rig.answers(NEW);
    rig.frame(NEW, E2, 13, E1);
    assert_eq!(rig.wait(STALLED_US - 1), []);
    assert!(rig.wait(1).contains(&asks(NEW, E1, 10)));
    rig.answers(NEW);
    rig.frame(NEW, E1, 11, E1);
    assert_eq!(shown(&rig.frame(NEW, E1, 12, E1)), ["12", "13 new"]);
}

#[test]
fn missing_ticks_are_asked_of_the_target_as_soon_as_the_old_owners_link_dies() {
    let mut rig = Rig::watching();
    rig.tell(EdgeEvent::MoveSoon { to: NEW });
    rig.answers(NEW);
    rig.frame(OLD, E1, 11, E1);
    rig.tell(EdgeEvent::Moved { to: NEW, epoch: E2, tick: Tick(12) });
    assert_eq!(rig.frame(NEW, E2, 13, E1), []);
    assert_eq!(rig.tell(EdgeEvent::Link { member: OLD, up: false }), [asks(NEW, E1, 11)]);
    rig.answers(NEW);
    assert_eq!(shown(&rig.frame(NEW, E1, 12, E1)), ["12", "13 new"]);
}

#[test]
fn who_answered_before_there_was_something_to_lead_on_from_is_asked_again() {
    let mut rig = Rig { edge: Edge::new(ME, GameId(9)), now: Time(1_000_000) };
    rig.tell(EdgeEvent::Watch);
    rig.tell(EdgeEvent::Owner(Some((OLD, E1))));
    assert!(
        rig.tell(EdgeEvent::Owner(Some((NEW, E2)))).contains(&EdgeEffect::Subscribe { to: NEW, have: None })
    );
    rig.answers(OLD);
    let began = rig.keyframe(OLD, E1, 10);
    assert_eq!(shown(&began), ["reset 10"]);
    assert!(!began.contains(&EdgeEffect::Unsubscribe(OLD)), "its last ticks may be on the way");
    rig.answers(NEW);
    assert_eq!(rig.keyframe(NEW, E2, 12), []);
    let gone = rig.tell(EdgeEvent::NotOwner { from: OLD, owner: Some(NEW) });
    assert_eq!(gone, [asks(NEW, E1, 10)], "nobody else can bring them");
    rig.answers(NEW);
    rig.frame(NEW, E1, 11, E1);
    assert_eq!(shown(&rig.frame(NEW, E2, 12, E1)), ["12 new"]);
}

#[test]
fn what_a_slow_link_brings_late_is_waited_for_when_the_target_does_not_have_it() {
    let mut rig = Rig::watching();
    rig.tell(EdgeEvent::MoveSoon { to: NEW });
    rig.answers(NEW);
    rig.frame(NEW, E2, 13, E1);
    assert!(rig.wait(STALLED_US).contains(&asks(NEW, E1, 10)));
    rig.answers(NEW);
    assert_eq!(shown(&rig.keyframe(NEW, E2, 13)), [""; 0]);
    assert_eq!(shown(&rig.wait(STALLED_US)), [""; 0]);
    rig.frame(OLD, E1, 11, E1);
    assert_eq!(shown(&rig.frame(OLD, E1, 12, E1)), ["12", "13 new"]);
}

#[test]
fn what_the_old_owner_has_sent_is_waited_for_though_the_new_one_relays_what_was_before() {
    let mut rig = Rig::watching();
    rig.tell(EdgeEvent::Owner(Some((NEW, E3))));
    // The old owner had a fresh epoch; the new one has not got its last tick, and has begun with a world of the registry.
    let first = rig.frame(NEW, E2, 11, E1);
    assert_eq!(shown(&first), ["11 new"]);
    assert!(!first.contains(&EdgeEffect::Unsubscribe(OLD)));
    assert!(rig.wait(STALLED_US).contains(&asks(NEW, E2, 11)));
    rig.answers(NEW);
    assert!(shown(&rig.keyframe(NEW, E3, 13)).is_empty());
    assert!(shown(&rig.frame(NEW, E3, 13, E2)).is_empty());
    assert_eq!(shown(&rig.frame(OLD, E2, 12, E2)), ["12", "13 new"]);
}

#[test]
fn a_chain_is_broken_when_all_have_said_that_they_cannot_lead_on() {
    let mut rig = Rig::watching();
    rig.tell(EdgeEvent::MoveSoon { to: NEW });
    rig.answers(NEW);
    rig.frame(NEW, E2, 13, E1);
    rig.wait(STALLED_US);
    rig.answers(NEW);
    assert_eq!(shown(&rig.keyframe(NEW, E2, 13)), [""; 0]);
    assert_eq!(shown(&rig.tell(EdgeEvent::Link { member: OLD, up: false })), ["reset 13"]);
}

#[test]
fn a_chain_is_broken_when_nobody_leads_on_for_long() {
    let mut rig = Rig::watching();
    assert_eq!(shown(&rig.keyframe(OLD, E1, 13)), [""; 0]);
    assert_eq!(shown(&rig.wait(PATIENCE_US - 1)), [""; 0]);
    assert_eq!(shown(&rig.wait(1)), ["reset 13"]);
}

#[test]
fn a_keyframe_below_what_was_asked_for_does_not_say_that_its_sender_cannot_lead_on() {
    let mut rig = Rig::watching();
    rig.frame(OLD, E1, 11, E1);
    rig.tell(EdgeEvent::MoveSoon { to: NEW });
    rig.answers(NEW);
    // The target is a tick behind.
    rig.keyframe(NEW, E1, 9);
    rig.frame(NEW, E1, 10, E1);
    rig.tell(EdgeEvent::Link { member: OLD, up: false });
    rig.frame(NEW, E2, 13, E1);
    assert_eq!(shown(&rig.keyframe(NEW, E2, 13)), [""; 0]);
    assert!(rig.wait(STALLED_US).contains(&asks(NEW, E1, 11)));
}

#[test]
fn a_tick_that_was_run_again_under_a_higher_epoch_is_a_rewind_at_once() {
    let mut rig = Rig::watching();
    assert_eq!(rig.frame(NEW, E2, 10, E1), []);
    assert_eq!(shown(&rig.keyframe(NEW, E2, 10)), ["rewind 10"]);
}

#[test]
fn whoever_comes_to_an_edge_that_nobody_watched_starts_anew() {
    let mut rig = Rig::watching();
    rig.tell(EdgeEvent::Unwatch);
    assert_eq!(
        rig.tell(EdgeEvent::Watch),
        [EdgeEffect::InputsTo(Some(OLD)), EdgeEffect::Subscribe { to: OLD, have: None }]
    );
    assert_eq!(shown(&rig.keyframe(OLD, E1, 300)), ["reset 300"]);
}

#[test]
fn of_too_many_frames_that_wait_the_next_ones_are_kept() {
    let mut rig = Rig::watching();
    for tick in 12..200 {
        rig.frame(OLD, E1, tick, E1);
    }
    assert_eq!(shown(&rig.frame(OLD, E1, 11, E1)).len(), HELD_MAX);
}

#[test]
fn a_registry_that_is_ahead_of_the_new_owner_is_not_asked_in_a_loop() {
    let mut rig = Rig::watching();
    let mut lookups = 0;
    for _ in 0..100 {
        rig.now.0 += 1_000;
        let mut effects = rig.tell(EdgeEvent::Owner(Some((NEW, E2))));
        effects.extend(rig.tell(EdgeEvent::NotOwner { from: NEW, owner: None }));
        lookups += effects.iter().filter(|effect| matches!(effect, EdgeEffect::Lookup(_))).count();
    }
    assert_eq!(lookups, 5);
}

#[test]
fn silence_makes_the_edge_look_the_owner_up() {
    let mut rig = Rig::watching();
    assert!(rig.wait(LOST_US).contains(&EdgeEffect::Lookup(GameId(9))));
    assert!(!rig.wait(20_000).contains(&EdgeEffect::Lookup(GameId(9))));
    let again = rig.tell(EdgeEvent::Owner(Some((NEW, E2))));
    assert!(again.contains(&EdgeEffect::Subscribe { to: NEW, have: Some((E1, Tick(10))) }));
}

#[test]
fn a_keyframe_that_came_before_anybody_watched_is_not_shown() {
    let mut rig = Rig { edge: Edge::new(ME, GameId(9)), now: Time(1_000_000) };
    rig.keyframe(OLD, E1, 10);
    assert!(shown(&rig.tell(EdgeEvent::Watch)).is_empty());
}
