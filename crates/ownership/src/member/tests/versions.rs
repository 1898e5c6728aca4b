//! Members of which each steps other rules versions: a rollout of new rules, and a roll-back.

use super::*;
use registry::ClusterRecord;

fn stepping(id: MemberId, rules_min: u16, rules_max: u16) -> MemberRecord {
    MemberRecord { rules_min, rules_max, ..record(id) }
}

fn of_rules(rules: u16) -> GameSettings {
    GameSettings { rules, ..game_settings() }
}

fn is_prepare_to(to: MemberId) -> impl Fn(&Effect) -> bool {
    move |effect| matches!(effect, Effect::Send(target, Control::Prepare { .. }) if *target == to)
}

fn refusal(effect: &Effect) -> Option<&str> {
    match effect {
        Effect::Send(_, Control::Refused { reason, .. }) => Some(reason),
        Effect::CreateFailed(_, reason) => Some(reason),
        _ => None,
    }
}

impl Rig {
    fn game_of_rules(&mut self, owner: MemberId, rules: u16) -> Epoch {
        let settings = of_rules(rules);
        let request =
            Request::Create { game: GAME, owner, settings, snapshot: world(9), salt: 1, floor: Epoch(0) };
        let Reply::Granted { epoch } = self.ask(request) else { panic!("the game exists") };
        epoch
    }

    fn refused(&mut self, event: Event, sentence: &str) {
        self.effects.clear();
        self.tell(event);
        let reasons: Vec<&str> = self.effects.iter().filter_map(refusal).collect();
        assert!(matches!(reasons[..], [reason] if reason.contains(sentence)), "{reasons:?}");
        assert!(!self.owns());
    }

    fn claims(&mut self) -> bool {
        self.seen(|effect| matches!(effect, Effect::Call(_, Request::Claim { .. })))
    }

    fn publish(&mut self, rules: u16) {
        let cluster = ClusterRecord { target_revision: "a".into(), rules, ..ClusterRecord::default() };
        self.ask(Request::PublishCluster(cluster));
        self.pass(1_000_000);
    }
}

#[test]
fn a_game_that_this_member_does_not_step_is_refused_however_it_comes() {
    for rules in [1, 4] {
        let mut rig = Rig::of(stepping(ME, 2, 3), vec![stepping(B, 1, 4)]);
        let epoch = rig.game_of_rules(B, rules);
        let snapshot = world(9).world;
        let prepare = |cedes| Control::Prepare {
            game: GAME,
            epoch,
            settings: of_rules(rules),
            tick: Tick(9),
            snapshot: snapshot.clone(),
            edges: Vec::new(),
            cedes,
        };
        rig.refused(Event::Message(B, prepare(false)), "cannot step the game's rules");
        rig.refused(Event::Message(B, prepare(true)), "cannot step the game's rules");
        let cede = Control::Cede {
            game: GAME,
            epoch,
            base: epoch,
            held: epoch,
            owner: Some(B),
            unrun: vec![B],
            off: None,
            settings: of_rules(rules).into(),
            tick: Tick(60),
            snapshot: world(60).world,
            durable: Tick(9),
            due_us: 15_000,
        };
        rig.refused(Event::Message(B, cede), "cannot step the game's rules");
        let game = GameId(8);
        let create = Event::Create { game, settings: of_rules(rules), snapshot: world(0) };
        rig.refused(create, "cannot run that version of the rules");
    }
}

#[test]
fn a_game_whose_owner_is_dead_or_that_is_parked_waits_for_a_member_that_steps_it() {
    for parked in [false, true] {
        for (rules, claims) in [(1, false), (2, true), (3, true), (4, false)] {
            let mut rig = Rig::of(stepping(ME, 2, 3), vec![stepping(B, 1, 4)]);
            let epoch = rig.game_of_rules(B, rules);
            let expect = Fence { epoch, owner: Some(B) };
            if parked {
                rig.ask(Request::Park { game: GAME, expect, snapshot: world(9), salt: 1, floor: Epoch(0) });
            } else {
                rig.tell(Event::LinkDown { member: B, refused: false });
                rig.others.clear();
            }
            rig.pass(20_000_000);
            assert_eq!((rig.claims(), rig.owns()), (claims, claims), "rules {rules}, parked: {parked}");
            let Reply::Game(record) = rig.ask(Request::Game(GAME)) else { panic!("the game is gone") };
            assert_eq!(record.rules, rules);
            if !claims {
                assert_eq!(record.owner, (!parked).then_some(B), "it waits as it is");
            }
        }
    }
}

#[test]
fn a_dead_owners_word_for_a_member_that_does_not_step_the_game_is_not_followed() {
    let mut rig = Rig::of(stepping(ME, 1, 1), vec![stepping(B, 1, 2)]);
    let expect = Fence { epoch: rig.game_of_rules(B, 2), owner: Some(B) };
    rig.ask(Request::Assign { game: GAME, expect, next: ME, reason: Reason::Dead("terminated".into()) });
    rig.pass(5_000_000);
    assert!(!rig.claims());
}

#[test]
fn a_game_moves_only_to_a_member_that_steps_it() {
    // In a roll-back: B is of the old build, C of the new one, as this member.
    let mut rig = Rig::of(stepping(ME, 1, 2), vec![stepping(B, 1, 1), stepping(C, 1, 2)]);
    rig.tell(Event::Create { game: GAME, settings: of_rules(2), snapshot: world(0) });
    let epoch = rig.member.owned().next().expect("created").1;
    let expect = Fence { epoch, owner: Some(ME) };
    rig.ask(Request::Assign { game: GAME, expect, next: B, reason: Reason::Move });
    rig.pass(1_000_000);
    assert!(!rig.effects.iter().any(is_prepare_to(B)), "whoever assigned it there");
    rig.tell(Event::Terminate { grace_us: 30_000_000 });
    rig.pass(1_000_000);
    assert!(!rig.effects.iter().any(is_prepare_to(B)) && rig.seen(is_prepare_to(C)));
}

#[test]
fn a_leaving_member_parks_what_nobody_else_steps_and_moves_the_rest() {
    let mut rig = Rig::of(stepping(ME, 1, 2), vec![stepping(B, 1, 1)]);
    let game = GameId(8);
    rig.tell(Event::Create { game, settings: of_rules(1), snapshot: world(0) });
    rig.tell(Event::Create { game: GAME, settings: of_rules(2), snapshot: world(0) });
    rig.tell(Event::Terminate { grace_us: 12_000_000 });
    rig.pass(8_900_000);
    let prepared = |effect: &Effect, wanted: GameId| matches!(effect, Effect::Send(_, Control::Prepare { game, .. }) if *game == wanted);
    assert!(rig.effects.iter().any(|effect| prepared(effect, game)));
    assert!(!rig.effects.iter().any(|effect| prepared(effect, GAME)));
    assert!(rig.owns(), "it goes on until shortly before the end");
    rig.pass(400_000);
    assert!(rig.seen(|effect| *effect == Effect::Freeze(GAME)));
    rig.freeze_done();
    assert_eq!(rig.owner_in_registry(), None);
}

#[test]
fn without_the_registry_only_a_member_that_steps_the_game_is_asked_to_go_on_with_it() {
    let mut rig = Rig::of(stepping(ME, 1, 2), vec![stepping(B, 1, 1), stepping(C, 2, 2)]);
    rig.tell(Event::Create { game: GAME, settings: of_rules(2), snapshot: world(0) });
    let epoch = rig.member.owned().next().expect("created").1;
    rig.pass(500_000);
    rig.away = true;
    rig.tell(Event::Terminate { grace_us: 12_000_000 });
    // C, which could take it, will not; nor is B asked then.
    for _ in 0..12 {
        rig.pass(1_000_000);
        if rig.effects.iter().any(is_prepare_to(C)) {
            rig.tell(Event::Message(C, Control::Refused { game: GAME, epoch, reason: "leaving".into() }));
        }
    }
    assert!(rig.effects.iter().any(is_prepare_to(C)));
    assert!(!rig.effects.iter().any(is_prepare_to(B)));
}

#[test]
fn a_new_game_gets_the_published_rules_as_far_as_all_living_members_step_them() {
    let mut rig = Rig::of(stepping(ME, 1, 2), vec![stepping(B, 1, 1)]);
    rig.pass(1_000_000);
    assert_eq!(rig.member.rules_for_new_games(), 1, "nobody has said, and not all step 2");
    rig.publish(2);
    assert_eq!(rig.member.rules_for_new_games(), 1, "it would be lost to B");
    // B is dead.
    rig.tell(Event::LinkDown { member: B, refused: false });
    rig.others.clear();
    rig.pass(10_000_000);
    assert_eq!(rig.member.rules_for_new_games(), 2);
    rig.publish(1);
    assert_eq!(rig.member.rules_for_new_games(), 1);
    // The operator is gone for good: what it said last holds.
    rig.pass(60_000_000);
    assert_eq!(rig.member.rules_for_new_games(), 1);
    let mut alone = Rig::of(stepping(ME, 1, 2), Vec::new());
    alone.pass(1_000_000);
    assert_eq!(alone.member.rules_for_new_games(), 2);
    alone.publish(7);
    assert_eq!(alone.member.rules_for_new_games(), 2, "it steps no other");
}
