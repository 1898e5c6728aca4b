//! Each request on its happy and on its stale path, on both registries, and over each way to a Redis.

use crate::server::Server;
use crate::*;
use registry::memory::Memory;
use registry::{
    CAUSES_COUNTED, ClusterRecord, LogBatch, MOVES_KEPT, MOVES_KNOWN, MoveLedger, MoveTally, OTHER_CAUSES,
    Reason,
};

macro_rules! on_all {
    ($($name:ident)*) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&super::Memory::new()).await;
            })*
        }
        mod redis {
            $(#[tokio::test]
            async fn $name() {
                let server = super::Server::start(&[]);
                super::$name(&server.registry().await).await;
            })*
        }
        mod user {
            $(#[tokio::test]
            async fn $name() {
                let (_server, registry) = crate::ways::user().await;
                super::$name(&registry).await;
            })*
        }
        mod tls {
            $(#[tokio::test]
            async fn $name() {
                let (_server, registry) = crate::ways::tls().await;
                super::$name(&registry).await;
            })*
        }
        mod sentinel {
            $(#[tokio::test]
            async fn $name() {
                let (_servers, registry) = crate::ways::sentinel().await;
                super::$name(&registry).await;
            })*
        }
    };
}

on_all! {
    members_join_renew_and_leave
    an_unknown_member_is_put_back_by_its_renewal
    a_member_that_is_put_back_keeps_its_place
    the_cluster_record_is_published
    each_publication_is_a_beat_and_only_news_are_hinted
    a_move_is_counted_once_by_its_cause
    a_new_target_revision_begins_a_new_count
    the_ledger_of_moves_is_bounded
    a_game_is_created_once
    a_claim_replaces_exactly_the_ownership_it_names
    the_last_assignment_counts
    a_move_is_committed_under_a_new_epoch
    a_bump_takes_over_even_from_the_target
    a_snapshot_is_stored_once_and_never_backwards
    a_log_is_durable_and_leads_on_from_the_snapshot
    a_log_never_has_a_hole
    a_failed_game_goes_on_from_what_is_stored
    failures_count_until_a_world_from_beyond_is_stored
    a_quarantined_game_is_nobodys_until_it_is_released
    a_log_is_written_under_its_ownership_alone
    a_new_world_by_a_grant_ends_the_log
    a_parked_game_waits_for_a_claim
    a_game_ends_once
    a_stale_fence_never_writes
    a_fence_that_differs_in_the_last_bit_is_stale
    epochs_rise_above_floors_and_predecessors
    a_floor_that_was_never_granted_is_ignored
    one_of_many_claims_wins
    a_batch_is_answered_in_order
    changes_are_hinted
}

async fn members(registry: &dyn Registry) -> (Vec<MemberRecord>, ClusterRecord, String) {
    match ask(registry, Request::Members).await {
        Reply::Members { run_id, members, cluster } => (members, cluster, run_id),
        other => panic!("not members: {other:?}"),
    }
}

async fn renew(registry: &dyn Registry, record: MemberRecord) -> (u64, String) {
    match ask(registry, Request::Renew { id: record.id, record, games: Vec::new() }).await {
        Reply::Renewed { renewals, run_id } => (renewals, run_id),
        other => panic!("not renewed: {other:?}"),
    }
}

async fn members_join_renew_and_leave(registry: &dyn Registry) {
    let liar = MemberRecord { renewals: 99, joined: 99, ..member(5) };
    assert_eq!(ask(registry, Request::Join(liar)).await, Reply::Joined { joined: 1 });
    assert_eq!(ask(registry, Request::Join(member(2))).await, Reply::Joined { joined: 2 });
    let (renewals, run_id) = renew(registry, member(5)).await;
    assert_eq!(renewals, 1);
    let draining = MemberRecord { state: MemberState::Draining, players: 77, ..member(5) };
    assert_eq!(renew(registry, draining.clone()).await.0, 2);
    // A repeated join keeps place and count.
    assert_eq!(ask(registry, Request::Join(draining.clone())).await, Reply::Joined { joined: 1 });
    let (known, cluster, other_run_id) = members(registry).await;
    let expected =
        [MemberRecord { renewals: 2, joined: 1, ..draining }, MemberRecord { joined: 2, ..member(2) }];
    assert_eq!(known, expected);
    assert_eq!(cluster, ClusterRecord::default());
    assert_eq!(run_id, other_run_id);
    assert!(!run_id.is_empty());
    for _ in 0..2 {
        assert_eq!(ask(registry, Request::Leave(MemberId(5))).await, Reply::Done);
    }
    assert_eq!(members(registry).await.0.len(), 1);
}

async fn an_unknown_member_is_put_back_by_its_renewal(registry: &dyn Registry) {
    ask(registry, Request::Join(member(1))).await;
    assert_eq!(renew(registry, member(9)).await.0, 1);
    assert_eq!(
        members(registry).await.0,
        [MemberRecord { joined: 1, ..member(1) }, MemberRecord { joined: 2, renewals: 1, ..member(9) }]
    );
}

async fn a_member_that_is_put_back_keeps_its_place(registry: &dyn Registry) {
    ask(registry, Request::Join(member(1))).await;
    assert_eq!(ask(registry, Request::Leave(MemberId(1))).await, Reply::Done);
    ask(registry, Request::Join(member(2))).await;
    // It was struck off, and what it had sent before comes late.
    renew(registry, MemberRecord { joined: 1, ..member(1) }).await;
    renew(registry, MemberRecord { joined: 40, ..member(9) }).await;
    assert_eq!(ask(registry, Request::Join(member(3))).await, Reply::Joined { joined: 41 });
    let places = members(registry).await.0.into_iter().map(|member| (member.id.0, member.joined));
    assert_eq!(places.collect::<Vec<_>>(), [(1, 1), (2, 2), (9, 40), (3, 41)]);
}

async fn the_cluster_record_is_published(registry: &dyn Registry) {
    let cluster = ClusterRecord {
        target_revision: "5d4f".into(),
        rules: 2,
        revisions: vec!["5d4f".into(), "1c0e".into()],
        beat: 77,
    };
    assert_eq!(ask(registry, Request::PublishCluster(cluster.clone())).await, Reply::Done);
    assert_eq!(members(registry).await.1, ClusterRecord { beat: 1, ..cluster });
}

async fn publish(registry: &dyn Registry, target_revision: &str) {
    let cluster = ClusterRecord { target_revision: target_revision.into(), ..Default::default() };
    assert_eq!(ask(registry, Request::PublishCluster(cluster)).await, Reply::Done);
}

async fn each_publication_is_a_beat_and_only_news_are_hinted(registry: &dyn Registry) {
    let mut hints = registry.hints();
    for (revision, beat) in [("a", 1), ("a", 2), ("b", 3), ("b", 4)] {
        publish(registry, revision).await;
        let cluster = members(registry).await.1;
        assert_eq!((cluster.target_revision.as_str(), cluster.beat), (revision, beat));
    }
    granted(registry, create(1, 10)).await;
    for expected in [Hint::Members, Hint::Members, Hint::Game(GameId(1))] {
        assert_eq!(next_hint(&mut hints).await, expected);
    }
}

async fn moves(registry: &dyn Registry) -> MoveLedger {
    match ask(registry, Request::Moves).await {
        Reply::Moves(ledger) => ledger,
        other => panic!("not moves: {other:?}"),
    }
}

async fn noted(registry: &dyn Registry, notes: impl IntoIterator<Item = MoveNote>) {
    assert_eq!(ask(registry, Request::NoteMoves(notes.into_iter().collect())).await, Reply::Done);
}

fn tally(count: u64, worst_pause_us: u64) -> MoveTally {
    MoveTally { count, worst_pause_us }
}

async fn a_move_is_counted_once_by_its_cause(registry: &dyn Registry) {
    assert_eq!(moves(registry).await, MoveLedger::default());
    let seen = |note: MoveNote, pause_us, cause: &str| MoveNote { pause_us, cause: cause.into(), ..note };
    let slow = MoveNote { ago_ms: 60_000, ..seen(note(1, 1), 1_000_000, "move") };
    let quick = seen(note(2, 1), 999_999, "move");
    let crash = seen(note(1, 2), u64::from(u32::MAX), "lease \"ü\"");
    noted(registry, [slow.clone(), quick.clone()]).await;
    // As after an answer that was lost.
    noted(registry, [slow.clone(), quick.clone(), crash.clone()]).await;
    let ledger = moves(registry).await;
    let expected = [(crash.cause.clone(), tally(1, crash.pause_us)), ("move".into(), tally(2, 1_000_000))];
    assert_eq!(ledger.ever, expected.into());
    assert_eq!(ledger.rollout, ledger.ever);
    let times: Vec<u64> = ledger.last.iter().map(|noted| noted.at_ms).collect();
    let notes: Vec<MoveNote> = ledger.last.into_iter().map(|noted| noted.note).collect();
    assert_eq!(notes, [crash, quick, slow]);
    assert!(times[0] >= times[1], "{times:?}");
    assert!((60_000..90_000).contains(&(times[1] - times[2])), "{times:?}");
}

async fn a_new_target_revision_begins_a_new_count(registry: &dyn Registry) {
    noted(registry, [note(1, 1)]).await;
    publish(registry, "a").await;
    assert_eq!(moves(registry).await.rollout, [].into());
    noted(registry, [note(1, 2)]).await;
    // Said again, or with other rules: the same rollout.
    publish(registry, "a").await;
    let rules = ClusterRecord { target_revision: "a".into(), rules: 7, ..Default::default() };
    ask(registry, Request::PublishCluster(rules)).await;
    assert_eq!(moves(registry).await.rollout, [("move".into(), tally(1, note(1, 2).pause_us))].into());
    publish(registry, "b").await;
    let ledger = moves(registry).await;
    assert_eq!(ledger.rollout, [].into());
    assert_eq!(ledger.ever.values().map(|tally| tally.count).sum::<u64>(), 2);
    assert_eq!(ledger.last.len(), 2);
}

async fn the_ledger_of_moves_is_bounded(registry: &dyn Registry) {
    let known = u64::try_from(MOVES_KNOWN).unwrap();
    let all = || (0..=known).map(|n| MoveNote { cause: format!("{:02}", n % 40), ..note(1, n) });
    noted(registry, all()).await;
    let ledger = moves(registry).await;
    assert_eq!(ledger.last.len(), MOVES_KEPT);
    assert_eq!(ledger.last[0].note.epoch, Epoch(known));
    assert_eq!(ledger.ever.len(), CAUSES_COUNTED + 1);
    assert!(ledger.ever.contains_key("15") && !ledger.ever.contains_key("16"));
    let count = |ledger: &MoveLedger| ledger.ever.values().map(|tally| tally.count).sum::<u64>();
    let others = known + 1 - (0..=known).filter(|n| n % 40 < 16).count() as u64;
    assert_eq!((count(&ledger), ledger.ever[OTHER_CAUSES].count), (known + 1, others));
    // The oldest is not known any more, and pushes out the next.
    noted(registry, all().take(1)).await;
    noted(registry, all().skip(2)).await;
    assert_eq!(count(&moves(registry).await), known + 2);
}

async fn a_game_is_created_once(registry: &dyn Registry) {
    assert_eq!(ask(registry, Request::Game(GameId(1))).await, Reply::Gone);
    let epoch = granted(registry, create(1, 10)).await;
    assert_eq!(epoch.0 & 0xffff, 0xfffe);
    let expected = GameRecord {
        id: GameId(1),
        epoch,
        owner: Some(MemberId(10)),
        base: Epoch(0),
        next: None,
        durable: Tick(0),
        snapshot_tick: Tick(0),
        snapshot_epoch: epoch,
        rules: 3,
        name: settings().name,
        maze: settings().maze_name,
        players: 0,
        bots: 0,
        attempts: 0,
        failures: 0,
        calm_from: Tick(0),
        quarantined: false,
    };
    assert_eq!(record(registry, 1).await, expected);
    assert_eq!(ask(registry, create(1, 11)).await, Reply::Stale(expected.clone()));
    assert_eq!(record(registry, 1).await, expected);
    assert_eq!(listed(registry, Request::Games).await, [1]);
    assert_eq!(listed(registry, Request::GamesOf(MemberId(10))).await, [1]);
    assert_eq!(listed(registry, Request::GamesOf(MemberId(11))).await, NONE);
    assert_eq!(listed(registry, Request::Parked).await, NONE);
}

async fn a_claim_replaces_exactly_the_ownership_it_names(registry: &dyn Registry) {
    let first = granted(registry, create(1, 10)).await;
    let stored = Request::StoreSnapshot { game: GameId(1), expect: fence(first, 10), snapshot: snapshot(50) };
    ask(registry, stored).await;
    let assigned = Request::Assign {
        game: GameId(1),
        expect: fence(first, 10),
        next: MemberId(12),
        reason: Reason::Dead("refused".into()),
    };
    ask(registry, assigned).await;
    assert!(matches!(ask(registry, claim(1, fence(first, 11), 12)).await, Reply::Stale(_)));
    assert!(matches!(
        ask(registry, claim(1, Fence { epoch: first, owner: None }, 12)).await,
        Reply::Stale(_)
    ));
    let (_, _, life) = members(registry).await;
    let meant_for = |life: &str| {
        let mut claim = claim(1, fence(first, 10), 12);
        if let Request::Claim { run_id, .. } = &mut claim {
            *run_id = Some(life.to_owned());
        }
        claim
    };
    assert_eq!(ask(registry, meant_for("of another one")).await, Reply::Another);
    assert_eq!(record(registry, 1).await.owner, Some(MemberId(10)));
    let Reply::Claimed { record: now, settings: what, snapshot: world, .. } =
        ask(registry, meant_for(&life)).await
    else {
        panic!("the claim lost")
    };
    assert_eq!((what, world), (settings(), snapshot(50)));
    assert!(now.epoch > first && now.epoch.high() > first.high());
    assert_eq!((now.owner, now.base, now.next.clone()), (Some(MemberId(12)), first, None));
    assert_eq!((now.durable, now.snapshot_tick, now.attempts), (Tick(50), Tick(50), 1));
    assert_eq!((now.players, now.bots), (5, 0));
    assert_eq!(record(registry, 1).await, now);
    // A repeat is stale: the record tells that it was won.
    assert_eq!(ask(registry, claim(1, fence(first, 10), 12)).await, Reply::Stale(now.clone()));
    assert_eq!(listed(registry, Request::GamesOf(MemberId(12))).await, [1]);
    assert_eq!(listed(registry, Request::GamesOf(MemberId(10))).await, NONE);
    let Reply::Claimed { record: later, .. } = ask(registry, claim(1, fence(now.epoch, 12), 13)).await else {
        panic!("the claim lost")
    };
    assert_eq!(later.attempts, 2);
    assert_eq!(ask(registry, claim(2, fence(first, 10), 12)).await, Reply::Gone);
}

async fn the_last_assignment_counts(registry: &dyn Registry) {
    let epoch = granted(registry, create(1, 10)).await;
    let assign = |game, expect, next, reason| Request::Assign {
        game: GameId(game),
        expect,
        next: MemberId(next),
        reason,
    };
    let dead = Reason::Dead("two peers: \"connection refused\"\n".into());
    for reason in [Reason::Move, dead, Reason::Dead(String::new())] {
        let next = MemberId(10 + reason_length(&reason));
        assert_eq!(ask(registry, assign(1, fence(epoch, 10), next.0, reason.clone())).await, Reply::Done);
        assert_eq!(record(registry, 1).await.next, Some((next, reason)));
    }
    let before = record(registry, 1).await;
    assert_eq!(before.epoch, epoch);
    assert_eq!(
        ask(registry, assign(1, fence(epoch, 11), 30, Reason::Move)).await,
        Reply::Stale(before.clone())
    );
    assert_eq!(record(registry, 1).await, before);
    assert_eq!(ask(registry, assign(2, fence(epoch, 10), 30, Reason::Move)).await, Reply::Gone);
}

fn reason_length(reason: &Reason) -> u64 {
    match reason {
        Reason::Move => 1,
        Reason::Dead(evidence) => 2 + evidence.len() as u64,
    }
}

async fn a_move_is_committed_under_a_new_epoch(registry: &dyn Registry) {
    let first = granted(registry, create(1, 10)).await;
    let assign = Request::Assign {
        game: GameId(1),
        expect: fence(first, 10),
        next: MemberId(20),
        reason: Reason::Move,
    };
    ask(registry, assign).await;
    let commit = |game, expect| Request::CommitMove {
        game: GameId(game),
        expect,
        to: MemberId(20),
        snapshot: snapshot(77),
        salt: 1,
        floor: Epoch(0),
    };
    let second = granted(registry, commit(1, fence(first, 10))).await;
    assert!(second.high() > first.high());
    let now = record(registry, 1).await;
    assert_eq!((now.epoch, now.owner, now.base, now.next.clone()), (second, Some(MemberId(20)), first, None));
    assert_eq!((now.durable, now.snapshot_tick, now.attempts), (Tick(77), Tick(77), 0));
    assert_eq!((now.players, now.bots), (5, 2));
    assert_eq!(listed(registry, Request::GamesOf(MemberId(20))).await, [1]);
    assert_eq!(listed(registry, Request::GamesOf(MemberId(10))).await, NONE);
    assert_eq!(ask(registry, commit(1, fence(first, 10))).await, Reply::Stale(now));
    assert_eq!(ask(registry, commit(2, fence(first, 10))).await, Reply::Gone);
}

async fn a_bump_takes_over_even_from_the_target(registry: &dyn Registry) {
    let first = granted(registry, create(1, 10)).await;
    let bump = |game, expect, tick| Request::Bump {
        game: GameId(game),
        expect,
        owner: MemberId(10),
        snapshot: snapshot(tick),
        salt: 1,
        floor: Epoch(0),
    };
    let second = granted(registry, bump(1, fence(first, 10), 5)).await;
    let Reply::Claimed { record: targets, .. } = ask(registry, claim(1, fence(second, 10), 20)).await else {
        panic!("the claim lost")
    };
    // An older world than the stored one is what the bump is for.
    let third = granted(registry, bump(1, fence(targets.epoch, 20), 4)).await;
    let now = record(registry, 1).await;
    assert!(first < second && second < targets.epoch && targets.epoch < third);
    assert_eq!((now.owner, now.base, now.durable), (Some(MemberId(10)), targets.epoch, Tick(4)));
    assert_eq!(now.attempts, 0);
    assert_eq!(ask(registry, bump(1, fence(second, 10), 6)).await, Reply::Stale(now.clone()));
    assert_eq!(record(registry, 1).await, now);
    assert_eq!(ask(registry, bump(2, fence(second, 10), 6)).await, Reply::Gone);
}

async fn a_snapshot_is_stored_once_and_never_backwards(registry: &dyn Registry) {
    let epoch = granted(registry, create(1, 10)).await;
    let store =
        |game, expect, tick| Request::StoreSnapshot { game: GameId(game), expect, snapshot: snapshot(tick) };
    // Beyond 2^53, where doubles round.
    let late = 1 << 60;
    for (tick, stored) in [(50, 50), (50, 50), (49, 50), (late, late), (late + 1, late + 1), (late, late + 1)]
    {
        assert_eq!(ask(registry, store(1, fence(epoch, 10), tick)).await, Reply::Done);
        let now = record(registry, 1).await;
        assert_eq!((now.durable, now.snapshot_tick, now.epoch), (Tick(stored), Tick(stored), epoch));
    }
    let Reply::Claimed { snapshot: world, record: claimed, .. } =
        ask(registry, claim(1, fence(epoch, 10), 11)).await
    else {
        panic!("the claim lost")
    };
    assert_eq!(world, snapshot(late + 1));
    assert_eq!(ask(registry, store(1, fence(epoch, 10), late + 2)).await, Reply::Stale(claimed.clone()));
    // What the claim found is no new world; the next tick is.
    ask(registry, store(1, fence(claimed.epoch, 11), late + 1)).await;
    assert_eq!(record(registry, 1).await.attempts, 1);
    ask(registry, store(1, fence(claimed.epoch, 11), late + 2)).await;
    assert_eq!(record(registry, 1).await.attempts, 0);
    assert_eq!(ask(registry, store(2, fence(epoch, 10), 1)).await, Reply::Gone);
}

fn stored(expect: Fence, tick: u64) -> Request {
    Request::StoreSnapshot { game: GameId(1), expect, snapshot: snapshot(tick) }
}

fn fail(expect: Fence, calm_from: u64, limit: u8) -> Request {
    Request::Fail { game: GameId(1), expect, calm_from: Tick(calm_from), limit, salt: 7, floor: Epoch(0) }
}

async fn failed(registry: &dyn Registry, expect: Fence, calm_from: u64, limit: u8) -> GameRecord {
    let Reply::Game(now) = ask(registry, fail(expect, calm_from, limit)).await else { panic!("stale") };
    assert_eq!(record(registry, 1).await, now);
    now
}

async fn a_failed_game_goes_on_from_what_is_stored(registry: &dyn Registry) {
    let epoch = granted(registry, create(1, 10)).await;
    let own = fence(epoch, 10);
    ask(registry, stored(own, 5)).await;
    ask(registry, append(own, 5, batch(epoch, 9, &[7]))).await;
    let now = failed(registry, own, 100, 3).await;
    assert_eq!((now.owner, now.base, now.durable), (None, epoch, Tick(9)));
    assert_eq!((now.failures, now.calm_from, now.quarantined), (1, Tick(100), false));
    assert!(now.epoch > epoch);
    assert_eq!(listed(registry, Request::Parked).await, [1]);
    // Its owner has lost it.
    for late in [stored(own, 6), fail(own, 100, 3), append(own, 9, batch(epoch, 10, &[]))] {
        assert_eq!(ask(registry, late).await, Reply::Stale(now.clone()));
    }
    let parked = Fence { epoch: now.epoch, owner: None };
    let (claimed, world, log) = claimed(registry, parked, 11).await;
    assert_eq!((world, log), (snapshot(5), vec![batch(epoch, 9, &[7])]));
    assert_eq!((claimed.failures, claimed.attempts), (1, 1));
}

async fn failures_count_until_a_world_from_beyond_is_stored(registry: &dyn Registry) {
    let mut own = fence(granted(registry, create(1, 10)).await, 10);
    for (failures, calm_from) in [(1, 100), (2, 90)] {
        let now = failed(registry, own, calm_from, 3).await;
        assert_eq!((now.failures, now.calm_from), (failures, Tick(100)));
        let (claimed, ..) = claimed(registry, Fence { epoch: now.epoch, owner: None }, 10).await;
        own = fence(claimed.epoch, 10);
        ask(registry, stored(own, 97 + u64::from(failures))).await;
        assert_eq!(record(registry, 1).await.failures, failures);
    }
    ask(registry, stored(own, 100)).await;
    let now = record(registry, 1).await;
    assert_eq!((now.failures, now.calm_from), (0, Tick(0)));
    assert_eq!(failed(registry, own, 200, 3).await.failures, 1);
}

async fn a_quarantined_game_is_nobodys_until_it_is_released(registry: &dyn Registry) {
    let epoch = granted(registry, create(1, 10)).await;
    let now = failed(registry, fence(epoch, 10), 100, 1).await;
    assert!(now.quarantined);
    let parked = Fence { epoch: now.epoch, owner: None };
    assert_eq!(ask(registry, claim(1, parked, 11)).await, Reply::Stale(now.clone()));
    let release =
        |expect| Request::Release { game: GameId(1), expect, salt: 7, floor: Epoch(now.epoch.0 + (9 << 16)) };
    assert_eq!(ask(registry, release(fence(epoch, 10))).await, Reply::Stale(now.clone()));
    let Reply::Game(free) = ask(registry, release(parked)).await else { panic!("stale") };
    assert_eq!(record(registry, 1).await, free);
    assert_eq!((free.owner, free.failures, free.quarantined), (None, 0, false));
    assert!(free.epoch.0 > now.epoch.0 + (9 << 16));
    let expect = Fence { epoch: free.epoch, owner: None };
    let (claimed, ..) = claimed(registry, expect, 11).await;
    // It can also be ended.
    let now = failed(registry, fence(claimed.epoch, 11), 100, 1).await;
    let end = Request::End { game: GameId(1), expect: Fence { epoch: now.epoch, owner: None } };
    assert_eq!(ask(registry, end).await, Reply::Done);
    assert_eq!(ask(registry, release(Fence { epoch: now.epoch, owner: None })).await, Reply::Gone);
}

fn batch(epoch: Epoch, upto: u64, ticks: &[u64]) -> LogBatch {
    let ticks = ticks.iter().map(|tick| (Tick(*tick), vec![*tick as u8; 3].into())).collect();
    LogBatch { epoch, upto: Tick(upto), ticks }
}

fn append(expect: Fence, after: u64, batch: LogBatch) -> Request {
    Request::Append { game: GameId(1), expect, after: Tick(after), batch }
}

async fn claimed(
    registry: &dyn Registry,
    expect: Fence,
    owner: u64,
) -> (GameRecord, Snapshot, Vec<LogBatch>) {
    match ask(registry, claim(1, expect, owner)).await {
        Reply::Claimed { record, snapshot, log, .. } => (record, snapshot, log),
        other => panic!("the claim lost: {other:?}"),
    }
}

async fn a_log_is_durable_and_leads_on_from_the_snapshot(registry: &dyn Registry) {
    let epoch = granted(registry, create(1, 10)).await;
    let own = fence(epoch, 10);
    let (first, idle, second) = (batch(epoch, 3, &[1, 3]), batch(epoch, 8, &[]), batch(epoch, 12, &[11]));
    for (after, batch) in [(0, &first), (3, &idle), (8, &second)] {
        // Repeats, also of what has been followed.
        for _ in 0..2 {
            assert_eq!(ask(registry, append(own, after, batch.clone())).await, Reply::Done);
        }
        let now = record(registry, 1).await;
        assert_eq!((now.durable, now.snapshot_tick), (batch.upto, Tick(0)));
    }
    assert_eq!(ask(registry, append(own, 0, first.clone())).await, Reply::Done);
    // A snapshot within the log, and one of a batch's last tick.
    let rest = vec![idle.clone(), second.clone()];
    for (tick, left) in [(2, [vec![first.clone()], rest.clone()].concat()), (3, rest)] {
        let store = Request::StoreSnapshot { game: GameId(1), expect: own, snapshot: snapshot(tick) };
        assert_eq!(ask(registry, store).await, Reply::Done);
        let now = record(registry, 1).await;
        assert_eq!((now.durable, now.snapshot_tick), (Tick(12), Tick(tick)));
        if tick == 3 {
            let (record, world, log) = claimed(registry, own, 11).await;
            assert_eq!(record.durable, Tick(12));
            assert_eq!((world, log), (snapshot(3), left));
        }
    }
    // The log goes on under the new ownership; a claim alone loses nothing of it.
    let now = record(registry, 1).await;
    let third = batch(now.epoch, 13, &[13]);
    assert_eq!(ask(registry, append(fence(now.epoch, 11), 12, third.clone())).await, Reply::Done);
    let (record, _, log) = claimed(registry, fence(now.epoch, 11), 12).await;
    assert_eq!((record.durable, log), (Tick(13), vec![idle, second, third]));
}

async fn a_log_never_has_a_hole(registry: &dyn Registry) {
    let epoch = granted(registry, create(1, 10)).await;
    let own = fence(epoch, 10);
    let before = record(registry, 1).await;
    let behind = ask(registry, append(own, 1, batch(epoch, 3, &[2]))).await;
    assert_eq!(behind, Reply::Behind(before.clone()));
    assert_eq!(record(registry, 1).await, before);
    // An owner that does not know that its last batch arrived sends more.
    ask(registry, append(own, 0, batch(epoch, 3, &[2]))).await;
    let more = batch(epoch, 5, &[2, 4]);
    assert_eq!(ask(registry, append(own, 0, more.clone())).await, Reply::Done);
    let (record, _, log) = claimed(registry, own, 11).await;
    assert_eq!((record.durable, log), (Tick(5), vec![batch(epoch, 3, &[2]), more]));
}

async fn a_log_is_written_under_its_ownership_alone(registry: &dyn Registry) {
    let epoch = granted(registry, create(1, 10)).await;
    let held = record(registry, 1).await;
    for wrong in [fence(epoch, 11), fence(Epoch(epoch.0 + 1), 10)] {
        assert_eq!(ask(registry, append(wrong, 0, batch(epoch, 1, &[1]))).await, Reply::Stale(held.clone()));
    }
    ask(registry, Request::End { game: GameId(1), expect: fence(epoch, 10) }).await;
    assert_eq!(ask(registry, append(fence(epoch, 10), 0, batch(epoch, 1, &[1]))).await, Reply::Gone);
}

async fn a_new_world_by_a_grant_ends_the_log(registry: &dyn Registry) {
    let epoch = granted(registry, create(1, 10)).await;
    ask(registry, append(fence(epoch, 10), 0, batch(epoch, 12, &[1, 12]))).await;
    // As it was parked, though the log runs further.
    let parked = granted(registry, park(1, fence(epoch, 10))).await;
    let held = record(registry, 1).await;
    assert_eq!(held.durable, Tick(9));
    let (record, world, log) = claimed(registry, Fence { epoch: parked, owner: None }, 11).await;
    assert_eq!((world, log), (snapshot(9), Vec::new()));
    let next = batch(record.epoch, 10, &[10]);
    assert_eq!(ask(registry, append(fence(record.epoch, 11), 9, next)).await, Reply::Done);
}

fn park(game: u64, expect: Fence) -> Request {
    Request::Park { game: GameId(game), expect, snapshot: snapshot(9), salt: 2, floor: Epoch(0) }
}

async fn a_parked_game_waits_for_a_claim(registry: &dyn Registry) {
    let first = granted(registry, create(1, 10)).await;
    granted(registry, create(2, 10)).await;
    let second = granted(registry, park(1, fence(first, 10))).await;
    let now = record(registry, 1).await;
    assert_eq!((now.owner, now.epoch, now.base, now.durable), (None, second, first, Tick(9)));
    assert_eq!(listed(registry, Request::Parked).await, [1]);
    assert_eq!(listed(registry, Request::GamesOf(MemberId(10))).await, [2]);
    assert_eq!(ask(registry, park(1, fence(first, 10))).await, Reply::Stale(now));
    assert_eq!(ask(registry, park(3, fence(first, 10))).await, Reply::Gone);
    let parked = Fence { epoch: second, owner: None };
    assert!(matches!(ask(registry, claim(1, fence(second, 10), 10)).await, Reply::Stale(_)));
    assert!(matches!(ask(registry, claim(1, parked, 10)).await, Reply::Claimed { .. }));
    assert_eq!(listed(registry, Request::Parked).await, NONE);
    assert_eq!(listed(registry, Request::GamesOf(MemberId(10))).await, [1, 2]);
}

async fn a_game_ends_once(registry: &dyn Registry) {
    let epoch = granted(registry, create(1, 10)).await;
    let end = |owner| Request::End { game: GameId(1), expect: fence(epoch, owner) };
    assert!(matches!(ask(registry, end(11)).await, Reply::Stale(_)));
    assert_eq!(ask(registry, end(10)).await, Reply::Done);
    assert_eq!(ask(registry, end(10)).await, Reply::Gone);
    assert_eq!(ask(registry, Request::Game(GameId(1))).await, Reply::Gone);
    assert_eq!(listed(registry, Request::Games).await, NONE);
    assert_eq!(listed(registry, Request::GamesOf(MemberId(10))).await, NONE);
}

/// Every request that is fenced.
fn fenced(expect: Fence) -> Vec<Request> {
    let (game, salt, floor, owner) = (GameId(1), 3, Epoch(0), MemberId(10));
    vec![
        Request::Claim { game, expect, owner, salt, floor, run_id: None },
        Request::Assign { game, expect, next: owner, reason: Reason::Move },
        Request::CommitMove { game, expect, to: owner, snapshot: snapshot(99), salt, floor },
        Request::Bump { game, expect, owner, snapshot: snapshot(99), salt, floor },
        Request::StoreSnapshot { game, expect, snapshot: snapshot(99) },
        Request::Park { game, expect, snapshot: snapshot(99), salt, floor },
        Request::End { game, expect },
    ]
}

async fn a_stale_fence_never_writes(registry: &dyn Registry) {
    let old = granted(registry, create(1, 10)).await;
    let Reply::Claimed { record: now, .. } = ask(registry, claim(1, fence(old, 10), 20)).await else {
        panic!("the claim lost")
    };
    let wrong = [
        fence(old, 10),
        fence(old, 20),
        fence(now.epoch, 10),
        Fence { epoch: now.epoch, owner: None },
        fence(Epoch(0), 20),
        fence(Epoch(u64::MAX), 20),
    ];
    for expect in wrong {
        for request in fenced(expect) {
            assert_eq!(ask(registry, request.clone()).await, Reply::Stale(now.clone()), "{request:?}");
            assert_eq!(record(registry, 1).await, now, "{request:?}");
        }
    }
    let Reply::Claimed { snapshot: world, .. } = ask(registry, claim(1, fence(now.epoch, 20), 30)).await
    else {
        panic!("the claim lost")
    };
    assert_eq!(world, Snapshot { epoch: old, ..snapshot(0) });
}

async fn a_fence_that_differs_in_the_last_bit_is_stale(registry: &dyn Registry) {
    let epoch = granted(registry, create(1, 10)).await;
    for near in [Epoch(epoch.0 + 1), Epoch(epoch.0 - 1)] {
        for request in fenced(fence(near, 10)) {
            assert!(matches!(ask(registry, request).await, Reply::Stale(_)));
        }
    }
}

async fn epochs_rise_above_floors_and_predecessors(registry: &dyn Registry) {
    // A registry that lost its data and whose clock is far behind what members have seen.
    let seen = Epoch((1 << 46) << 16 | 0xffff);
    let Request::Create { game, owner, settings, snapshot, salt, .. } = create(1, 10) else { unreachable!() };
    let first =
        granted(registry, Request::Create { game, owner, settings, snapshot, salt, floor: seen }).await;
    assert_eq!(first.high(), seen.high() + 1);
    let Reply::Claimed { record: now, .. } = ask(registry, claim(1, fence(first, 10), 11)).await else {
        panic!("the claim lost")
    };
    assert_eq!(now.epoch.high(), first.high() + 1);
}

async fn a_floor_that_was_never_granted_is_ignored(registry: &dyn Registry) {
    let Request::Create { game, owner, settings, snapshot, salt, .. } = create(1, 10) else { unreachable!() };
    let floor = Epoch(u64::MAX);
    let epoch = granted(registry, Request::Create { game, owner, settings, snapshot, salt, floor }).await;
    assert!(epoch.high() < registry::memory::HIGHEST_FLOOR);
}

async fn one_of_many_claims_wins(registry: &dyn Registry) {
    let epoch = granted(registry, create(1, 10)).await;
    let claims = (20..36).map(|owner| registry.call(claim(1, fence(epoch, 10), owner)));
    let answers = futures_util::future::join_all(claims).await;
    let won: Vec<_> = answers
        .iter()
        .filter_map(|answer| match answer.as_ref().unwrap() {
            Reply::Claimed { record, .. } => Some(record.clone()),
            Reply::Stale(_) => None,
            other => panic!("neither won nor lost: {other:?}"),
        })
        .collect();
    assert_eq!(won, [record(registry, 1).await]);
}

async fn a_batch_is_answered_in_order(registry: &dyn Registry) {
    let (a, b) = (granted(registry, create(1, 10)).await, granted(registry, create(0xf << 60, 10)).await);
    let answers = registry
        .call_all(vec![
            Request::Games,
            Request::StoreSnapshot { game: GameId(1), expect: fence(b, 11), snapshot: snapshot(1) },
            Request::StoreSnapshot { game: GameId(1), expect: fence(a, 10), snapshot: snapshot(1) },
            Request::GamesOf(MemberId(10)),
            Request::Game(GameId(2)),
            Request::Renew {
                id: MemberId(10),
                record: member(10),
                games: vec![(GameId(1), a), (GameId(0xf << 60), b)],
            },
            Request::Parked,
        ])
        .await;
    let answers: Vec<Reply> = answers.into_iter().map(Result::unwrap).collect();
    assert!(matches!(&answers[0], Reply::Games(games) if games.len() == 2));
    assert!(matches!(&answers[1], Reply::Stale(_)));
    assert!(matches!(&answers[2], Reply::Done));
    assert!(matches!(&answers[3], Reply::Games(games) if games.len() == 2));
    assert!(matches!(&answers[4], Reply::Gone));
    assert!(matches!(&answers[5], Reply::Renewed { renewals: 1, .. }));
    assert!(matches!(&answers[6], Reply::Games(games) if games.is_empty()));
    assert_eq!(registry.call_all(Vec::new()).await, []);
}

async fn changes_are_hinted(registry: &dyn Registry) {
    let mut hints = registry.hints();
    let game = Hint::Game(GameId(1));
    ask(registry, Request::Join(member(1))).await;
    assert_eq!(next_hint(&mut hints).await, Hint::Members);
    // A renewal that changes nothing, and a stale claim, are not worth a look.
    renew(registry, member(1)).await;
    let epoch = granted(registry, create(1, 1)).await;
    assert_eq!(next_hint(&mut hints).await, game);
    ask(registry, claim(1, fence(epoch, 2), 2)).await;
    renew(registry, MemberRecord { state: MemberState::Draining, ..member(1) }).await;
    assert_eq!(next_hint(&mut hints).await, Hint::Members);
    let assign =
        Request::Assign { game: GameId(1), expect: fence(epoch, 1), next: MemberId(2), reason: Reason::Move };
    ask(registry, assign).await;
    assert_eq!(next_hint(&mut hints).await, game);
    // A world is worth a look where people or bots came or went: not at 45, which is as many of both as at 0.
    for (tick, news) in [(45, false), (46, true), (51, true), (51, false), (50, false)] {
        let store =
            Request::StoreSnapshot { game: GameId(1), expect: fence(epoch, 1), snapshot: snapshot(tick) };
        ask(registry, store).await;
        if news {
            assert_eq!(next_hint(&mut hints).await, game, "tick {tick}");
        }
    }
    ask(registry, Request::Leave(MemberId(1))).await;
    assert_eq!(next_hint(&mut hints).await, Hint::Members);
    // Nobody left: nothing changed.
    ask(registry, Request::Leave(MemberId(1))).await;
    ask(registry, Request::End { game: GameId(1), expect: fence(epoch, 1) }).await;
    assert_eq!(next_hint(&mut hints).await, game);
}
