//! Ceding: what a leaving member, its targets and all others do while the registry is away, one test for each order of events.

use super::*;

const GRACE_US: u64 = 12_000_000;
/// The last quarter of a longer grace is for parking and ceding.
const UNTIL_CEDING_US: u64 = GRACE_US - 3_000_000;

fn cede_of(effect: &Effect) -> Option<&Control> {
    match effect {
        Effect::Send(_, cede @ Control::Cede { .. }) => Some(cede),
        _ => None,
    }
}

fn cedes_to(to: MemberId) -> impl Fn(&Effect) -> bool {
    move |effect| cede_of(effect).is_some() && matches!(effect, Effect::Send(target, _) if *target == to)
}

fn prepares(to: MemberId) -> impl Fn(&Effect) -> bool {
    move |effect| matches!(effect, Effect::Send(target, Control::Prepare { cedes: true, .. }) if *target == to)
}

fn writes(effect: &Effect) -> bool {
    let Effect::Call(_, request) = effect else { return false };
    matches!(
        request,
        Request::StoreSnapshot { .. }
            | Request::CommitMove { .. }
            | Request::Park { .. }
            | Request::Bump { .. }
            | Request::Create { .. }
            | Request::Claim { .. }
    )
}

fn starts(effect: &Effect) -> bool {
    matches!(effect, Effect::Start { .. })
}

fn refused(epoch: Epoch) -> Control {
    Control::Refused { game: GAME, epoch, reason: "leaving".into() }
}

/// The owner.
impl Rig {
    /// Owns the game, leaves, and has not reached the registry for long; returns its epoch.
    fn leaves_cut_off(&mut self) -> Epoch {
        let epoch = self.create();
        self.pass(500_000);
        self.away = true;
        self.tell(Event::Terminate { grace_us: GRACE_US });
        self.pass(UNTIL_CEDING_US - 10_000);
        assert!(!self.effects.iter().any(|effect| prepares(B)(effect) || prepares(C)(effect)));
        self.effects.clear();
        self.pass(20_000);
        epoch
    }

    fn prepared_by(&mut self, target: MemberId, epoch: Epoch) {
        assert!(self.effects.iter().any(prepares(target)), "{target} is asked");
        self.tell(Event::Message(target, Control::Prepared { game: GAME, epoch }));
        assert!(self.seen(|effect| *effect == Effect::Freeze(GAME)));
    }

    /// Up to the cede to B.
    fn ceded_to_b(&mut self) -> Epoch {
        let epoch = self.leaves_cut_off();
        self.prepared_by(B, epoch);
        self.freeze_done();
        assert!(self.seen(cedes_to(B)));
        epoch
    }
}

#[test]
fn a_leaving_member_that_does_not_reach_the_registry_cedes_for_good() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.leaves_cut_off();
    rig.prepared_by(B, epoch);
    rig.freeze_done();
    let cede = rig.effects.iter().find_map(cede_of).expect("ceded").clone();
    let Control::Cede { held, owner, unrun, base, tick, due_us, off, .. } = cede else { unreachable!() };
    assert_eq!((held, owner, unrun, base), (epoch, Some(ME), vec![ME], epoch));
    assert_eq!((tick, due_us, off), (Tick(60), 15_000, None));
    rig.effects.clear();
    rig.pass(1_000_000);
    assert!(!rig.effects.iter().any(|effect| starts(effect) || writes(effect)));
    assert!(!rig.member.is_drained(), "it has the world until the target says that it runs it");
    assert!(rig.seen(cedes_to(B)), "it is sent again");
    let given = Epoch(epoch.0 + (1 << 16));
    rig.tell(Event::Message(B, Control::Started { game: GAME, epoch: given }));
    let moved = Control::Moved { game: GAME, epoch: given, to: B, tick: Tick(60) };
    assert!(rig.effects.contains(&Effect::SendToEdges(GAME, moved)));
    assert!(rig.seen(|effect| matches!(effect, Effect::Stop { to: Some((to, _)), .. } if *to == B)));
    assert!(rig.member.is_drained());
}

#[test]
fn a_cede_that_is_refused_lets_the_game_go_on_and_another_is_asked() {
    let mut rig = Rig::new(&[B, C]);
    let epoch = rig.leaves_cut_off();
    let (first, second) = if rig.effects.iter().any(prepares(B)) { (B, C) } else { (C, B) };
    rig.prepared_by(first, epoch);
    rig.freeze_done();
    assert!(rig.seen(cedes_to(first)));
    rig.tell(Event::Message(first, refused(epoch)));
    assert!(
        rig.effects
            .iter()
            .any(|effect| matches!(effect, Effect::Start { epoch: of, snapshot: None, .. } if *of == epoch))
    );
    rig.pass(50_000);
    rig.prepared_by(second, epoch);
}

#[test]
fn a_member_that_only_it_can_reach_is_asked_when_all_that_were_known_to_be_ready_refuse() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.create();
    rig.pass(500_000);
    rig.away = true;
    rig.tell(Event::LinkUp(C));
    rig.tell(Event::Terminate { grace_us: GRACE_US });
    rig.pass(UNTIL_CEDING_US + 10_000);
    assert!(rig.seen(prepares(B)));
    rig.tell(Event::Message(B, refused(epoch)));
    rig.pass(50_000);
    assert!(rig.seen(prepares(C)));
}

#[test]
fn a_registry_that_is_back_before_the_game_stands_still_is_handed_it_as_ever() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.leaves_cut_off();
    rig.prepared_by(B, epoch);
    rig.away = false;
    rig.pass(700_000);
    rig.freeze_done();
    assert!(!rig.effects.iter().any(|effect| cede_of(effect).is_some()));
    assert!(rig.seen(
        |effect| matches!(effect, Effect::Send(to, Control::Prepare { cedes: false, .. }) if *to == B)
    ));
}

#[test]
fn a_registry_that_is_back_after_the_cede_was_sent_is_written_nothing_until_the_target_has_answered() {
    let mut rig = Rig::new(&[B]);
    rig.ceded_to_b();
    rig.away = false;
    rig.pass(1_500_000);
    assert!(rig.member.lease_valid(rig.now));
    assert!(!rig.seen(|effect| starts(effect) || writes(effect)));
    assert_eq!(rig.owner_in_registry(), Some(ME));
}

#[test]
fn a_record_that_says_that_the_target_has_taken_the_game_is_an_answer() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.ceded_to_b();
    let expect = Fence { epoch, owner: Some(ME) };
    rig.ask(Request::Bump { game: GAME, expect, owner: B, snapshot: world(60), salt: 1, floor: Epoch(0) });
    rig.away = false;
    rig.pass(1_000_000);
    assert!(rig.seen(|effect| matches!(effect, Effect::Stop { to: Some((to, _)), .. } if *to == B)));
}

#[test]
fn a_late_write_of_the_old_owner_is_not_for_it_to_claim() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.ceded_to_b();
    let given = Epoch(epoch.0 + (1 << 16));
    rig.tell(Event::Message(B, Control::Started { game: GAME, epoch: given }));
    let expect = Fence { epoch, owner: Some(ME) };
    rig.ask(Request::Bump { game: GAME, expect, owner: ME, snapshot: world(50), salt: 1, floor: Epoch(0) });
    rig.away = false;
    rig.pass(1_500_000);
    assert!(!rig.seen(|effect| starts(effect) || writes(effect)));
    assert!(rig.member.is_drained());
}

#[test]
fn a_game_is_taken_back_from_a_target_that_is_proven_dead() {
    let mut rig = Rig::new(&[B]);
    rig.ceded_to_b();
    rig.away = false;
    rig.others.clear();
    rig.tell(Event::LinkDown { member: B, refused: false });
    rig.pass(2_400_000);
    assert!(!rig.seen(|effect| starts(effect) || writes(effect)));
    rig.pass(1_000_000);
    assert!(rig.effects.iter().any(starts));
    assert_eq!(rig.owner_in_registry(), Some(ME));
}

#[test]
fn a_game_whose_move_was_called_off_is_ceded_to_the_target_of_that_move_first() {
    let mut rig = Rig::new(&[B, C]);
    let old = rig.create_and_freeze();
    rig.spoil = vec![(is_commit, Spoil::AnswerLost), (is_bump, Spoil::RequestLost)];
    rig.freeze_done();
    rig.away = true;
    rig.tell(Event::Message(B, Control::Aborted { game: GAME, epoch: old, given: Epoch(0) }));
    rig.tell(Event::Terminate { grace_us: GRACE_US });
    rig.pass(UNTIL_CEDING_US + 10_000);
    assert!(rig.effects.iter().any(starts), "it ticks provisionally");
    assert!(rig.effects.iter().any(prepares(B)));
    rig.tell(Event::Message(B, refused(old)));
    rig.pass(10_000);
    rig.prepared_by(C, old);
    rig.freeze_done();
    let cede = rig.effects.iter().find_map(cede_of).expect("ceded").clone();
    assert!(matches!(cede, Control::Cede { off: Some(off), held, .. } if (off, held) == (B, old)));
}

#[test]
fn a_game_that_was_given_fresh_epochs_unheard_is_ceded_with_the_last_of_them_that_is_known() {
    let mut rig = Rig::new(&[B, C]);
    let old = rig.create_and_freeze();
    rig.spoil = vec![(is_commit, Spoil::RequestLost), (is_bump, Spoil::AnswerLost)];
    rig.freeze_done();
    rig.tell(Event::Message(B, Control::Aborted { game: GAME, epoch: old, given: Epoch(0) }));
    rig.pass(30_000);
    let Reply::Game(known) = rig.ask(Request::Game(GAME)) else { panic!("the game is gone") };
    rig.spoil = vec![(is_bump, Spoil::AnswerLost)];
    rig.effects.clear();
    while !rig.effects.contains(&Effect::Freeze(GAME)) {
        rig.pass(10_000);
    }
    rig.freeze_done();
    rig.away = true;
    rig.tell(Event::Terminate { grace_us: GRACE_US });
    rig.pass(UNTIL_CEDING_US + 10_000);
    rig.prepared_by(B, old);
    rig.freeze_done();
    let cede = rig.effects.iter().find_map(cede_of).expect("ceded").clone();
    assert!(matches!(cede, Control::Cede { epoch, held, .. } if (epoch, held) == (old, known.epoch)));
}

#[test]
fn a_parking_that_was_not_answered_is_ceded() {
    let mut rig = Rig::new(&[B]);
    let epoch = rig.create();
    rig.tell(Event::LinkDown { member: B, refused: false });
    rig.tell(Event::Terminate { grace_us: GRACE_US });
    rig.pass(UNTIL_CEDING_US);
    assert!(rig.seen(|effect| *effect == Effect::Freeze(GAME)));
    rig.spoil = vec![(|request| matches!(request, Request::Park { .. }), Spoil::RequestLost)];
    rig.away = true;
    let next_due = rig.now.plus(15_000);
    let mut out = Vec::new();
    rig.member.handle(rig.now, Event::Frozen { game: GAME, snapshot: world(60), next_due }, &mut out);
    let [Effect::Call(park, Request::Park { .. })] = out[..] else { panic!("{out:?}") };
    rig.tell(Event::Reply(park, Err(RegistryError::Unanswered("lost".into()))));
    rig.tell(Event::LinkUp(B));
    while !rig.seen(prepares(B)) {
        rig.pass(10_000);
    }
    rig.tell(Event::Message(B, Control::Prepared { game: GAME, epoch }));
    assert!(rig.seen(cedes_to(B)));
}

/// The target.
impl Rig {
    /// B cedes [`GAME`], which it ran up to tick 60 under that epoch.
    fn cede_comes(&mut self, from: MemberId, epoch: Epoch, off: Option<MemberId>) {
        let cede = Control::Cede {
            game: GAME,
            epoch,
            base: epoch,
            held: epoch,
            owner: Some(from),
            unrun: vec![from],
            off,
            settings: game_settings().into(),
            tick: Tick(60),
            snapshot: world(60).world,
            durable: Tick(9),
            due_us: 15_000,
        };
        self.tell(Event::Message(from, cede));
    }

    /// Runs provisionally what B has ceded; returns B's epoch and its own.
    fn took_provisionally(&mut self) -> (Epoch, Epoch) {
        let old = self.game_of(B);
        self.pass(300_000);
        self.away = true;
        self.cede_comes(B, old, None);
        let drawn = self.start().0;
        self.effects.clear();
        (old, drawn)
    }

    /// (epoch, base) of the only start since the effects were looked at last.
    fn start(&self) -> (Epoch, Epoch) {
        let starts = self.effects.iter().filter_map(|effect| match effect {
            Effect::Start { epoch, base, rewind: false, .. } => Some((*epoch, *base)),
            _ => None,
        });
        let starts: Vec<_> = starts.collect();
        assert_eq!(starts.len(), 1, "{starts:?}");
        starts[0]
    }

    /// The registry is back, and the game is to stand still for its epoch; returns that.
    fn asserted(&mut self, drawn: Epoch) -> Epoch {
        self.away = false;
        self.pass(300_000);
        assert!(self.seen(|effect| *effect == Effect::Freeze(GAME)));
        let next_due = self.now.plus(15_000);
        let snapshot = self.run_up_to(90);
        self.tell(Event::Frozen { game: GAME, snapshot, next_due });
        let (epoch, base) = self.start();
        assert!(epoch > drawn);
        assert_eq!((base, self.owner_in_registry()), (drawn, Some(ME)));
        epoch
    }
}

#[test]
fn what_is_ceded_to_one_that_reaches_the_registry_is_granted_before_it_starts() {
    let mut rig = Rig::new(&[B, C]);
    let old = rig.game_of(B);
    rig.pass(300_000);
    rig.cede_comes(B, old, None);
    let (epoch, base) = rig.start();
    let Reply::Game(record) = rig.ask(Request::Game(GAME)) else { panic!("the game is gone") };
    assert_eq!((record.epoch, record.owner, base), (epoch, Some(ME), old));
    assert!(rig.effects.contains(&Effect::Send(B, Control::Started { game: GAME, epoch })));
    assert!(rig.effects.contains(&Effect::Durable(GAME, Tick(60))));
    assert!(!rig.seen(|effect| matches!(effect, Effect::Send(_, Control::Ceded { .. }))));
}

#[test]
fn what_is_ceded_while_the_registry_is_away_runs_under_an_epoch_of_its_own_and_is_put_back() {
    let mut rig = Rig::new(&[B, C]);
    let old = rig.game_of(B);
    rig.pass(300_000);
    rig.away = true;
    rig.pass(2_500_000);
    rig.effects.clear();
    rig.cede_comes(B, old, None);
    let (drawn, base) = rig.start();
    assert!(drawn.high() > old.high());
    assert_eq!(base, old);
    assert!(rig.effects.iter().any(
        |effect| matches!(effect, Effect::Start { durable: Tick(9), snapshot: Some(world), .. } if world.tick == Tick(60))
    ));
    assert!(rig.effects.contains(&Effect::Send(B, Control::Started { game: GAME, epoch: drawn })));
    let word = Control::Ceded { game: GAME, to: ME, epoch: drawn, held: old, unrun: vec![B] };
    assert!(rig.effects.contains(&Effect::Send(C, word)));
    rig.effects.clear();
    rig.pass(3_000_000);
    assert!(
        !rig.seen(|effect| writes(effect) || matches!(effect, Effect::Durable(..) | Effect::TakeSnapshot(_)))
    );
    rig.asserted(drawn);
    assert!(rig.seen(|effect| *effect == Effect::Durable(GAME, Tick(90))));
}

#[test]
fn a_registry_that_does_not_answer_is_waited_for_no_longer_than_a_tick() {
    let mut rig = Rig::new(&[B]);
    let old = rig.game_of(B);
    rig.pass(300_000);
    rig.spoil = vec![(is_bump, Spoil::Held)];
    rig.cede_comes(B, old, None);
    assert!(!rig.effects.iter().any(starts), "it may be answered");
    rig.cede_comes(B, old, None);
    assert!(!rig.effects.iter().any(|effect| matches!(effect, Effect::Send(_, Control::Started { .. }))));
    rig.pass(20_000);
    let drawn = rig.start().0;
    let Reply::Game(late) = rig.ask(Request::Game(GAME)) else { panic!("the game is gone") };
    assert_eq!(late.owner, Some(ME));
    rig.effects.clear();
    rig.answer_held();
    assert!(!rig.effects.iter().any(starts), "nobody ticks under what came too late");
    let epoch = rig.asserted(drawn);
    assert!(epoch > late.epoch);
}

#[test]
fn the_answer_to_an_earlier_fresh_epoch_is_not_taken_for_that_of_a_later_one() {
    let mut rig = Rig::new(&[B]);
    let (_, drawn) = rig.took_provisionally();
    rig.away = false;
    rig.spoil = vec![(is_bump, Spoil::Held), (is_bump, Spoil::Held)];
    for (tick, held) in [(90, 1), (120, 2)] {
        while !rig.seen(|effect| *effect == Effect::Freeze(GAME)) {
            rig.pass(10_000);
        }
        let (snapshot, next_due) = (rig.run_up_to(tick), rig.now.plus(15_000));
        rig.tell(Event::Frozen { game: GAME, snapshot, next_due });
        assert_eq!(rig.held.len(), held);
    }
    rig.effects.clear();
    let (earlier, granted) = rig.held.remove(0);
    assert!(matches!(granted, Ok(Reply::Granted { .. })));
    rig.tell(Event::Reply(earlier, granted));
    assert!(
        !rig.seen(|effect| starts(effect) || matches!(effect, Effect::Durable(..))),
        "the registry has tick 90 only"
    );
    rig.answer_held();
    let (epoch, base) = rig.start();
    assert!(epoch > drawn && base == drawn);
    let Reply::Game(record) = rig.ask(Request::Game(GAME)) else { panic!("the game is gone") };
    assert_eq!((record.epoch, record.owner), (epoch, Some(ME)));
}

#[test]
fn a_fresh_epoch_of_the_old_owner_that_is_late_is_taken_over() {
    let mut rig = Rig::new(&[B]);
    let (old, drawn) = rig.took_provisionally();
    let expect = Fence { epoch: old, owner: Some(B) };
    rig.ask(Request::Bump { game: GAME, expect, owner: B, snapshot: world(50), salt: 1, floor: Epoch(0) });
    rig.asserted(drawn);
}

#[test]
fn a_parking_of_the_old_owner_that_is_late_is_taken_over() {
    let mut rig = Rig::new(&[B]);
    let (old, drawn) = rig.took_provisionally();
    let expect = Fence { epoch: old, owner: Some(B) };
    rig.ask(Request::Park { game: GAME, expect, snapshot: world(50), salt: 1, floor: Epoch(0) });
    rig.asserted(drawn);
}

#[test]
fn a_claim_by_another_ends_what_was_ceded() {
    let mut rig = Rig::new(&[B, C]);
    let (old, _) = rig.took_provisionally();
    let expect = Fence { epoch: old, owner: Some(B) };
    rig.ask(Request::Claim { game: GAME, expect, owner: C, salt: 1, floor: Epoch(0), run_id: None });
    rig.away = false;
    rig.pass(300_000);
    assert!(rig.seen(|effect| matches!(effect, Effect::Stop { to: Some((to, _)), .. } if *to == C)));
    assert!(!rig.owns());
    rig.cede_comes(B, old, None);
    assert!(!rig.effects.iter().any(starts), "it has run it already");
    assert!(rig.seen(|effect| matches!(effect, Effect::Send(to, Control::Started { .. }) if *to == B)));
}

#[test]
fn what_another_has_claimed_already_is_not_started() {
    let mut rig = Rig::new(&[B, C]);
    let old = rig.game_of(B);
    rig.pass(300_000);
    let expect = Fence { epoch: old, owner: Some(B) };
    rig.ask(Request::Claim { game: GAME, expect, owner: C, salt: 1, floor: Epoch(0), run_id: None });
    let Reply::Game(record) = rig.ask(Request::Game(GAME)) else { panic!("the game is gone") };
    let answer = Effect::Send(B, Control::Started { game: GAME, epoch: record.epoch });
    rig.cede_comes(B, old, None);
    assert!(!rig.effects.iter().any(starts));
    assert!(rig.seen(|effect| *effect == answer), "the old owner has to stop");
    rig.pass(300_000);
    rig.cede_comes(B, old, None);
    assert!(rig.seen(|effect| *effect == answer));
    assert!(!rig.owns());
}

#[test]
fn a_member_that_says_that_it_has_claimed_the_game_ends_what_was_ceded() {
    let mut rig = Rig::new(&[B, C]);
    let (_, drawn) = rig.took_provisionally();
    rig.tell(Event::Message(C, Control::Started { game: GAME, epoch: Epoch(drawn.0 + (1 << 16)) }));
    assert!(rig.seen(|effect| matches!(effect, Effect::Stop { to: Some((to, _)), .. } if *to == C)));
}

#[test]
fn a_game_that_the_registry_has_lost_is_created_by_whom_it_was_ceded_to() {
    let mut rig = Rig::new(&[B]);
    let (_, drawn) = rig.took_provisionally();
    rig.store = Store::new("two");
    rig.asserted(drawn);
}

#[test]
fn a_game_that_its_old_owner_has_put_back_late_is_taken_over() {
    let mut rig = Rig::new(&[B]);
    let (old, drawn) = rig.took_provisionally();
    rig.store = Store::new("two");
    let snapshot = Snapshot { epoch: old, ..world(60) };
    rig.ask(Request::Create {
        game: GAME,
        owner: B,
        settings: game_settings(),
        snapshot,
        salt: 1,
        floor: old,
    });
    rig.asserted(drawn);
}

#[test]
fn a_cede_that_comes_again_is_answered_and_not_started_again() {
    let mut rig = Rig::new(&[B]);
    let (old, drawn) = rig.took_provisionally();
    rig.cede_comes(B, old, None);
    assert!(!rig.effects.iter().any(starts));
    assert!(rig.seen(|effect| *effect == Effect::Send(B, Control::Started { game: GAME, epoch: drawn })));
}

#[test]
fn a_leaving_member_refuses_what_is_ceded() {
    let mut rig = Rig::new(&[B]);
    let old = rig.game_of(B);
    rig.tell(Event::Terminate { grace_us: GRACE_US });
    rig.cede_comes(B, old, None);
    assert!(!rig.owns());
    assert!(rig.seen(|effect| matches!(effect, Effect::Send(to, Control::Refused { .. }) if *to == B)));
}

#[test]
fn what_is_ceded_to_one_that_was_cut_off_when_the_registry_went_away_is_taken() {
    let mut rig = Rig::new(&[B, C]);
    let old = rig.game_of(B);
    for other in [B, C] {
        rig.tell(Event::LinkDown { member: other, refused: false });
    }
    rig.pass(1_000_000);
    assert!(rig.seen(|effect| *effect == Effect::CutOff(true)));
    rig.away = true;
    rig.pass(3_000_000);
    rig.tell(Event::LinkUp(B));
    let snapshot = world(50).world;
    let (settings, edges) = (game_settings(), Vec::new());
    let prepare =
        Control::Prepare { game: GAME, epoch: old, settings, tick: Tick(50), snapshot, edges, cedes: true };
    rig.tell(Event::Message(B, prepare));
    rig.tell(Event::Restored { game: GAME, epoch: old, error: None });
    assert!(rig.seen(|effect| *effect == Effect::Send(B, Control::Prepared { game: GAME, epoch: old })));
    rig.cede_comes(B, old, None);
    assert!(rig.owns());
    rig.start();
}

#[test]
fn a_claim_of_its_own_that_is_late_is_taken_over_by_whom_the_game_was_ceded_to() {
    let mut rig = Rig::new(&[B]);
    let (old, drawn) = rig.took_provisionally();
    let expect = Fence { epoch: old, owner: Some(B) };
    rig.ask(Request::Claim { game: GAME, expect, owner: ME, salt: 1, floor: Epoch(0), run_id: None });
    rig.asserted(drawn);
}

#[test]
fn what_was_ceded_is_ceded_on_by_one_that_leaves_too() {
    let mut rig = Rig::new(&[B, C]);
    let (old, drawn) = rig.took_provisionally();
    rig.tell(Event::LinkDown { member: B, refused: false });
    rig.tell(Event::Terminate { grace_us: GRACE_US });
    rig.pass(UNTIL_CEDING_US + 10_000);
    rig.prepared_by(C, drawn);
    let snapshot = rig.run_up_to(90);
    rig.tell(Event::Frozen { game: GAME, snapshot, next_due: rig.now });
    let cede = rig.effects.iter().find_map(cede_of).expect("ceded").clone();
    let Control::Cede { epoch, held, owner, unrun, .. } = cede else { unreachable!() };
    assert_eq!((epoch, held, owner, unrun), (drawn, old, Some(B), vec![B, ME]));
    rig.tell(Event::Message(C, refused(drawn)));
    assert_eq!(rig.start(), (drawn, drawn), "it goes on provisionally");
}

#[test]
fn a_move_that_was_called_off_and_carried_out_is_taken_over_once_its_target_has_said_so_again() {
    let mut rig = Rig::new(&[B, C]);
    let old = rig.game_of(B);
    rig.pass(300_000);
    let expect = Fence { epoch: old, owner: Some(B) };
    rig.ask(Request::CommitMove { game: GAME, expect, to: C, snapshot: world(50), salt: 1, floor: Epoch(0) });
    rig.cede_comes(B, old, Some(C));
    let drawn = rig.start().0;
    rig.effects.clear();
    rig.pass(1_000_000);
    assert!(rig.owns());
    assert!(!rig.effects.contains(&Effect::Freeze(GAME)), "C may have run it");
    rig.tell(Event::Message(C, Control::Aborted { game: GAME, epoch: drawn, given: Epoch(0) }));
    rig.asserted(drawn);
}

#[test]
fn a_move_that_was_called_off_and_carried_out_is_taken_over_from_a_target_that_is_gone() {
    let mut rig = Rig::new(&[B, C]);
    let old = rig.game_of(B);
    rig.pass(300_000);
    let expect = Fence { epoch: old, owner: Some(B) };
    rig.ask(Request::CommitMove { game: GAME, expect, to: C, snapshot: world(50), salt: 1, floor: Epoch(0) });
    rig.cede_comes(B, old, Some(C));
    let drawn = rig.start().0;
    rig.effects.clear();
    rig.tell(Event::LinkDown { member: C, refused: true });
    rig.tell(Event::Message(B, Control::Unreachable { member: C }));
    rig.asserted(drawn);
}

#[test]
fn what_another_has_claimed_from_the_target_of_a_move_that_was_called_off_is_not_taken_over() {
    let mut rig = Rig::new(&[B, C]);
    let old = rig.game_of(B);
    rig.pass(300_000);
    let expect = Fence { epoch: old, owner: Some(B) };
    rig.ask(Request::Claim { game: GAME, expect, owner: C, salt: 1, floor: Epoch(0), run_id: None });
    rig.away = true;
    rig.cede_comes(B, old, Some(C));
    rig.tell(Event::LinkDown { member: C, refused: true });
    rig.tell(Event::Message(B, Control::Unreachable { member: C }));
    rig.away = false;
    rig.pass(300_000);
    assert!(!rig.effects.contains(&Effect::Freeze(GAME)), "C may have run it");
}

/// All others.
fn ceded_to_c(held: Epoch) -> Control {
    let epoch = Epoch(held.0 + (1 << 16));
    Control::Ceded { game: GAME, to: C, epoch, held, unrun: vec![B] }
}

impl Rig {
    /// B is gone, as this member and C have seen.
    fn b_is_gone(&mut self) {
        self.tell(Event::LinkDown { member: B, refused: true });
        self.tell(Event::Message(C, Control::Unreachable { member: B }));
    }
}

#[test]
fn what_was_ceded_is_left_to_its_new_owner_as_long_as_that_one_lives() {
    let mut rig = Rig::new(&[B, C]);
    let old = rig.game_of(B);
    rig.pass(300_000);
    rig.tell(Event::Message(C, ceded_to_c(old)));
    let owner = Some((C, Epoch(old.0 + (1 << 16))));
    assert!(rig.seen(|effect| *effect == Effect::OwnerOf(GAME, owner)));
    assert_eq!(rig.member.owner_of(GAME), owner);
    rig.b_is_gone();
    let expect = Fence { epoch: old, owner: Some(B) };
    rig.ask(Request::Assign { game: GAME, expect, next: ME, reason: Reason::Dead("terminated".into()) });
    rig.pass(3_000_000);
    assert!(!rig.effects.iter().any(|effect| matches!(effect, Effect::Call(_, Request::Claim { .. }))));
    // A write of B's that was late changes nothing.
    rig.ask(Request::Park { game: GAME, expect, snapshot: world(50), salt: 1, floor: Epoch(0) });
    rig.pass(3_000_000);
    assert!(!rig.owns());
    rig.tell(Event::LinkDown { member: C, refused: false });
    rig.others.clear();
    rig.pass(4_000_000);
    assert!(rig.owns());
}

/// D has stood still meanwhile, and links again.
#[test]
fn what_was_ceded_to_one_that_was_struck_off_since_is_claimed_though_somebody_speaks_of_it_again() {
    let d = MemberId(4);
    let mut rig = Rig::new(&[B, C, d]);
    let old = rig.game_of(B);
    rig.pass(300_000);
    rig.tell(Event::Message(C, ceded_to_c(old)));
    let expect = Fence { epoch: old, owner: Some(B) };
    rig.ask(Request::Assign { game: GAME, expect, next: d, reason: Reason::Dead("terminated".into()) });
    for other in [B, C, d] {
        rig.tell(Event::LinkDown { member: other, refused: false });
    }
    rig.others.retain(|other| other.id == d);
    let struck = |effect: &Effect| matches!(effect, Effect::Call(_, Request::Leave(member)) if *member == C);
    while !rig.seen(struck) {
        rig.pass(10_000);
    }
    rig.pass(300_000);
    assert!(!rig.owns(), "it is for D to claim first");
    rig.tell(Event::LinkUp(d));
    rig.tell(Event::Message(d, ceded_to_c(old)));
    rig.pass(1_000_000);
    assert!(rig.owns());
}

#[test]
fn what_was_ceded_and_put_back_is_like_any_other_game() {
    let mut rig = Rig::new(&[B, C]);
    let old = rig.game_of(B);
    rig.pass(300_000);
    rig.tell(Event::Message(C, ceded_to_c(old)));
    let expect = Fence { epoch: old, owner: Some(B) };
    let bump = Request::Bump { game: GAME, expect, owner: C, snapshot: world(90), salt: 1, floor: Epoch(0) };
    let Reply::Granted { epoch } = rig.ask(bump) else { panic!("stale") };
    rig.pass(300_000);
    assert_eq!(rig.member.owner_of(GAME), Some((C, epoch)));
    rig.tell(Event::Message(B, ceded_to_c(old)));
    assert_eq!(rig.member.owner_of(GAME), Some((C, epoch)), "that is past");
}

#[test]
fn who_says_that_a_member_is_gone_says_first_what_it_has_ceded() {
    let mut rig = Rig::new(&[B, C]);
    let old = rig.game_of(B);
    rig.pass(300_000);
    rig.tell(Event::Message(C, ceded_to_c(old)));
    rig.effects.clear();
    rig.tell(Event::LinkDown { member: B, refused: true });
    let place = |wanted: &Effect| rig.effects.iter().position(|effect| effect == wanted);
    let word = place(&Effect::Send(C, ceded_to_c(old))).expect("said");
    let gone = place(&Effect::Send(C, Control::Unreachable { member: B })).expect("said");
    assert!(word < gone);
    rig.effects.clear();
    let newcomer = MemberId(9);
    rig.tell(Event::LinkUp(newcomer));
    let to_it = rig.effects.iter().filter_map(|effect| match effect {
        Effect::Send(to, control) if *to == newcomer => Some(control.clone()),
        _ => None,
    });
    assert_eq!(to_it.collect::<Vec<_>>(), [ceded_to_c(old), Control::Unreachable { member: B }]);
}

#[test]
fn a_target_that_has_called_a_move_off_says_so_to_whom_the_game_was_ceded() {
    let mut rig = Rig::new(&[B, C]);
    let old = rig.game_of(B);
    rig.pass(300_000);
    rig.tell(Event::Message(B, Control::Abort { game: GAME, epoch: old, given: Epoch(0) }));
    let expect = Fence { epoch: old, owner: Some(B) };
    rig.ask(Request::CommitMove {
        game: GAME,
        expect,
        to: ME,
        snapshot: world(50),
        salt: 1,
        floor: Epoch(0),
    });
    rig.pass(300_000);
    let epoch = Epoch(old.0 + (1 << 16));
    let word = Control::Ceded { game: GAME, to: C, epoch, held: old, unrun: vec![B, ME] };
    rig.tell(Event::Message(C, word));
    assert!(rig.seen(
        |effect| *effect == Effect::Send(C, Control::Aborted { game: GAME, epoch, given: Epoch(0) })
    ));
    rig.tell(Event::Message(B, Control::Released { game: GAME, epoch: old }));
    rig.pass(1_000_000);
    assert!(!rig.effects.iter().any(|effect| matches!(effect, Effect::Call(_, Request::Claim { .. }))));
}
