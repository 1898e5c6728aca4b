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
