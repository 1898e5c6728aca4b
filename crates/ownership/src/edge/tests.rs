use super::*;

const ME: MemberId = MemberId(1);
const OLD: MemberId = MemberId(2);
const NEW: MemberId = MemberId(3);
const E1: Epoch = Epoch(1 << 16);
const E2: Epoch = Epoch(2 << 16);

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
        self.tell(EdgeEvent::Frame { from, epoch, tick: Tick(tick), after, bytes: Bytes::new() })
    }

    fn wait(&mut self, micros: u64) -> Vec<EdgeEffect> {
        self.now.0 += micros;
        self.tell(EdgeEvent::Wake)
    }
}

fn shown(effects: &[EdgeEffect]) -> Vec<String> {
    let line = |effect: &EdgeEffect| match effect {
        EdgeEffect::Show { tick, new_epoch, .. } => {
            Some(format!("{tick}{}", if *new_epoch { " new" } else { "" }))
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
    rig.frame(NEW, E2, 13, E1);
    rig.tell(EdgeEvent::Link { member: OLD, up: false });
    let asked = rig.wait(ASK_US);
    assert!(asked.contains(&EdgeEffect::Subscribe { to: NEW, have: Some((E1, Tick(10))) }), "{asked:?}");
    rig.frame(NEW, E1, 11, E1);
    assert_eq!(shown(&rig.frame(NEW, E1, 12, E1)), ["12", "13 new"]);
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
fn an_epoch_below_a_players_floor_is_not_shown_to_anybody() {
    let mut rig = Rig::watching();
    rig.tell(EdgeEvent::Floor(E2, Tick(5)));
    assert!(shown(&rig.frame(OLD, E1, 11, E1)).is_empty());
    assert_eq!(shown(&rig.keyframe(NEW, E2, 7)), ["rewind 7"]);
}

#[test]
fn a_keyframe_that_came_before_anybody_watched_is_not_shown() {
    let mut rig = Rig { edge: Edge::new(ME, GameId(9)), now: Time(1_000_000) };
    rig.keyframe(OLD, E1, 10);
    assert!(shown(&rig.tell(EdgeEvent::Watch)).is_empty());
}

#[test]
fn the_first_frame_of_an_ownership_follows_a_keyframe_of_the_world_that_it_began_with() {
    let mut rig = Rig::watching();
    assert_eq!(shown(&rig.keyframe(NEW, E2, 9)), ["rewind 9"]);
    assert_eq!(shown(&rig.frame(NEW, E2, 10, E1)), ["10"]);
}
