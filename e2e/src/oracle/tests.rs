//! Recordings with one fault each: exactly its column must turn red. And clean ones, in which none may.

use super::*;
use crate::recording::Recording;
use protocol::{
    Body, Flags, Frame, FrameEvent, FrameHeader, Host, KeyframePlayer, PlayerId, SlotInputs, Welcome,
};

const GAME: GameId = GameId(0x6a);
const OLD: Epoch = Epoch(0x10_0000);
const NEW: Epoch = Epoch(0x20_0000);
const SLOTS: u8 = 8;
const FAULT: Duration = Duration::from_millis(2_000);
const END: Duration = Duration::from_millis(6_000);

/// Where the simple game of these tests is at a tick: player `n` in slot `n` pressed a key in every tenth tick, and
/// player 1 was killed by player 0 in ticks 50 and 90.
fn world(epoch: Epoch, tick: u64, durable: u64) -> Keyframe {
    let kills = [50, 90].iter().filter(|kill| **kill <= tick).count() as u32;
    let player = |slot: u8| KeyframePlayer {
        id: PlayerId(u64::from(slot) + 1),
        slot,
        score: if slot == 0 { kills } else { 0 },
        deaths: if slot == 1 { kills } else { 0 },
        applied: (tick / 10) as u32,
        last_seq: (tick / 10) as u32,
        applied_hash: hash_of((1..=tick as u32 / 10).map(|seq| (seq, 1, 0))),
        ..KeyframePlayer::default()
    };
    let players = vec![player(0), player(1)];
    let (tick, durable) = (Tick(tick), Tick(durable));
    Keyframe { epoch, tick, durable, rules: 1, players, ..Keyframe::default() }
}

/// As docs/protocol.md says.
fn hash_of(inputs: impl IntoIterator<Item = (u32, u8, u8)>) -> u32 {
    let bytes = inputs
        .into_iter()
        .flat_map(|(seq, keys, action)| seq.to_le_bytes().into_iter().chain([keys, action]));
    bytes.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn body(tick: u64) -> Body {
    let inputs = if tick.is_multiple_of(10) {
        [0, 1].map(|slot| SlotInputs { slot, keys: vec![1] }).into()
    } else {
        Vec::new()
    };
    let killed = [50, 90].contains(&tick);
    let events =
        if killed { vec![FrameEvent::Kill { slot: 1, by: 0, item: 0, kind: 0 }] } else { Vec::new() };
    Body { inputs, residuals: Vec::new(), events }
}

/// Makes one recording; time stands where the last entry was put.
struct Film {
    recording: Recording,
    me: u64,
    ms: u64,
}

impl Film {
    /// Has made all inputs of the game from the start.
    fn of(player: u64) -> Film {
        let mut film = Film { recording: Recording::new(GAME, &format!("bot-{player}")), me: player, ms: 0 };
        film.make(1..=30);
        film
    }

    fn make(&mut self, numbers: impl IntoIterator<Item = u32>) -> &mut Film {
        for seq in numbers {
            self.note(What::Made { seq, keys: 1, action: 0 });
        }
        self
    }

    fn note(&mut self, what: What<'_>) -> &mut Film {
        self.recording.push(Duration::from_millis(self.ms), 0, what);
        self
    }

    fn ask(&mut self, socket: u32) -> &mut Film {
        self.recording.push(Duration::from_millis(self.ms), socket, What::Asked);
        self
    }

    fn say(&mut self, socket: u32, message: ServerMessage) -> &mut Film {
        self.raw(socket, &message.encode())
    }

    fn raw(&mut self, socket: u32, bytes: &[u8]) -> &mut Film {
        self.recording.push(Duration::from_millis(self.ms), socket, What::Message(bytes));
        self
    }

    fn wait(&mut self, ms: u64) -> &mut Film {
        self.ms += ms;
        self
    }

    fn welcome(&mut self, socket: u32) -> &mut Film {
        self.recording.push(Duration::from_millis(self.ms), socket, What::Opened);
        self.say(
            socket,
            ServerMessage::Welcome(Welcome {
                version: 1,
                player: PlayerId(self.me),
                session: socket,
                settings_name: "test".into(),
                maze: String::new(),
                slots: SLOTS,
                edge_name: "edge".into(),
                edge_build: "v1".into(),
                token: vec![1],
            }),
        )
    }

    fn host(&mut self, socket: u32, epoch: Epoch, owner: &str) -> &mut Film {
        let host = Host {
            epoch,
            owner_name: owner.into(),
            owner_build: "v1".into(),
            owner_revision: "r1".into(),
            edge_name: "edge".into(),
            edge_build: "v1".into(),
            edge_revision: "r1".into(),
        };
        self.say(socket, ServerMessage::Host(host))
    }

    fn keyframe(&mut self, socket: u32, epoch: Epoch, tick: u64) -> &mut Film {
        self.say(socket, ServerMessage::Keyframe(world(epoch, tick, tick.saturating_sub(20))))
    }

    /// Frames of these ticks, one every 20 ms; the first carries the epoch if there is one to tell.
    fn frames(
        &mut self,
        socket: u32,
        epoch: Option<Epoch>,
        ticks: impl IntoIterator<Item = u64>,
    ) -> &mut Film {
        let mut epoch = epoch;
        for tick in ticks {
            self.wait(20).frame(socket, epoch.take(), tick, Flags::default());
        }
        self
    }

    fn frame(&mut self, socket: u32, epoch: Option<Epoch>, tick: u64, flags: Flags) -> &mut Film {
        let header = FrameHeader::new(Tick(tick), Tick(tick.saturating_sub(20)), flags, epoch);
        self.raw(socket, &Frame { header, body: body(tick) }.encode(SLOTS))
    }

    fn close(&mut self, socket: u32) -> &mut Film {
        self.recording.push(Duration::from_millis(self.ms), socket, What::Closed(1000, "done"));
        self
    }

    /// Joined, at tick 100 after 2 s: the fault is about to begin.
    fn playing(player: u64) -> Film {
        let mut film = Film::of(player);
        film.welcome(1).host(1, OLD, "pod-a").keyframe(1, OLD, 0).frames(1, None, 1..=100);
        film
    }

    fn done(&mut self) -> Recording {
        self.recording.clone()
    }
}

/// A planned move at tick 120, seen through an edge that stays.
fn stays(player: u64) -> Film {
    let mut film = Film::playing(player);
    film.frames(1, None, 101..=120).host(1, NEW, "pod-b").frames(1, Some(NEW), 121..=300);
    film
}

/// The same move, seen through the edge that leaves: at tick 150 the player takes a second socket.
fn follows(player: u64) -> Film {
    let mut film = Film::playing(player);
    film.frames(1, None, 101..=120).host(1, NEW, "pod-b").frames(1, Some(NEW), 121..=150);
    film.say(1, ServerMessage::GoAway { grace_ms: 1000 }).welcome(2).host(2, NEW, "pod-b");
    film.keyframe(2, NEW, 150);
    for tick in 151..=155 {
        film.frames(1, None, [tick]).frame(2, None, tick, Flags::default());
    }
    film.close(1).frames(2, None, 156..=300);
    film
}

fn verdict(recordings: &[Recording]) -> Verdict {
    judge(recordings, Window { from: FAULT, to: END })
}

/// These and no other columns are red.
fn check(recordings: &[Recording], red: &[(Fault, u64)]) -> Verdict {
    let verdict = verdict(recordings);
    let found: Vec<(Fault, u64)> = verdict
        .faults
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(fault, count)| (*fault, *count))
        .collect();
    assert_eq!(found, red, "{:#?}", verdict.findings);
    verdict
}

#[test]
fn a_planned_move_without_fault_is_green() {
    let verdict = check(&[stays(1).done(), follows(2).done()], &[]);
    assert_eq!((verdict.games, verdict.players, verdict.games_moved), (1, 2, 1));
    assert_eq!((verdict.ticks_missed, verdict.rewinds, verdict.play_lost_ticks), (0, 0, 0));
    assert_eq!(verdict.moves.max, 1.0);
    assert!(verdict.gap_ms.max <= 20.0, "{:?}", verdict.gap_ms);
}

#[test]
fn late_frames_of_an_older_socket_and_a_catch_up_on_a_newer_one_are_green() {
    let mut film = Film::playing(1);
    // The newer socket is ahead by the move; it begins with an old keyframe of the same history.
    film.frames(1, None, 101..=118).welcome(2).keyframe(2, OLD, 110).frames(2, None, 111..=120);
    film.frames(2, Some(NEW), 121..=122).frames(1, None, 119..=120).close(1).frames(2, None, 123..=300);
    let verdict = check(&[film.done()], &[]);
    assert_eq!(verdict.ticks_missed, 0);
}

#[test]
fn an_announced_rewind_to_a_durable_tick_is_green_and_measured() {
    let mut film = Film::playing(1);
    film.wait(1_500).keyframe(1, NEW, 85);
    film.wait(20).frame(1, None, 86, Flags { rewind: true, ..Flags::default() }).frames(1, None, 87..=200);
    let verdict = check(&[film.done()], &[]);
    assert_eq!((verdict.rewinds, verdict.play_lost_ticks, verdict.ticks_missed), (1, 15, 0));
    assert_eq!(verdict.rewinds_in_place, 1);
    assert_eq!(verdict.gap_ms.max, 1_500.0);
    assert_eq!(verdict.served_gap_ms.max, 1_500.0);
}

#[test]
fn a_rewind_on_a_new_socket_after_the_old_one_was_cut_is_none_in_place() {
    let mut cut = Film::playing(1);
    cut.close(1).wait(700).welcome(2).keyframe(2, NEW, 95);
    cut.wait(20).frame(2, None, 96, Flags { rewind: true, ..Flags::default() }).frames(2, None, 97..=300);
    let verdict = check(&[cut.done()], &[(Fault::SocketLost, 1)]);
    assert_eq!((verdict.rewinds, verdict.rewinds_in_place), (1, 0));
    assert_eq!(
        (verdict.gap_ms.max, verdict.served_gap_ms.max),
        (700.0, 0.0),
        "nobody had a server all the time"
    );
}

#[test]
fn who_was_on_a_broken_server_or_lost_the_way_there_is_not_counted_as_served() {
    let mut film = Film::playing(1);
    film.wait(3_500).welcome(2).keyframe(2, NEW, 100).wait(20).frames(2, None, 101..=300);
    let recordings = [film.done()];
    let served = |servers: &[&str], ways| {
        let servers = servers.iter().map(|server| server.to_string()).collect();
        let window = Window { from: FAULT, to: END };
        judge_broken(&recordings, window, &Broken { servers, ways }).served_gap_ms.max
    };
    assert_eq!(served(&[], false), 3_500.0, "it was silent, and lived");
    assert_eq!(served(&[], true), 0.0);
    assert_eq!(served(&["edge"], false), 0.0);
    assert_eq!(served(&["another"], false), 3_500.0);
}

#[test]
fn an_input_of_the_very_tick_that_a_rewind_keyframe_is_of_was_not_durable() {
    let mut film = Film::playing(1);
    // The old owner had applied an input at tick 90; the new one ran tick 90 anew, without it.
    let mut anew = world(NEW, 90, 80);
    let eight = world(OLD, 80, 0).players[0].applied_hash;
    for player in &mut anew.players {
        (player.applied, player.last_seq, player.applied_hash) = (8, 8, eight);
    }
    film.wait(500).say(1, ServerMessage::Keyframe(anew));
    film.wait(20).frame(1, None, 91, Flags { rewind: true, ..Flags::default() }).frames(1, None, 92..=200);
    check(&[film.done()], &[]);
}

#[test]
fn an_input_after_the_durable_tick_may_be_void_though_the_new_epoch_begins_with_the_next_tick() {
    let mut film = Film::playing(1);
    // The new owner went on from tick 84; its first keyframe to get here is of the tick after the last one that was shown.
    let mut anew = world(NEW, 101, 84);
    let eight = world(OLD, 80, 0).players[0].applied_hash;
    for player in &mut anew.players {
        (player.applied, player.last_seq, player.applied_hash) = (8, 8, eight);
    }
    film.wait(300).say(1, ServerMessage::Keyframe(anew)).frames(1, None, 102..=300);
    check(&[film.done()], &[]);
}

#[test]
fn an_input_after_the_durable_tick_may_be_void_in_a_later_world_that_a_new_socket_begins_with() {
    let mut film = Film::playing(1);
    // The new owner went on from tick 84 and ran 85 to 95 itself: the input of tick 90 has not reached it again.
    let mut anew = world(NEW, 95, 84);
    let eight = world(OLD, 80, 0).players[0].applied_hash;
    for player in &mut anew.players {
        (player.applied, player.last_seq, player.applied_hash) = (8, 8, eight);
    }
    film.wait(100).welcome(2).say(2, ServerMessage::Keyframe(anew)).close(1);
    film.frame(2, None, 96, Flags { rewind: true, ..Flags::default() }).frames(2, None, 97..=300);
    check(&[film.done()], &[(Fault::SocketLost, 1)]);
}

#[test]
fn what_the_new_owner_has_made_durable_says_nothing_about_what_the_old_one_ran() {
    let mut film = Film::playing(1);
    // As above; and 94 has become durable since.
    let mut anew = world(NEW, 95, 94);
    let eight = world(OLD, 80, 0).players[0].applied_hash;
    for player in &mut anew.players {
        (player.applied, player.last_seq, player.applied_hash) = (8, 8, eight);
    }
    film.wait(100).welcome(2).say(2, ServerMessage::Keyframe(anew)).close(1);
    film.frame(2, None, 96, Flags { rewind: true, ..Flags::default() }).frames(2, None, 97..=300);
    check(&[film.done()], &[(Fault::SocketLost, 1)]);
}

#[test]
fn a_gap_is_measured_for_each_player_and_only_in_the_window() {
    let mut slow = Film::of(1);
    // 700 ms before the window, 300 ms in it.
    slow.welcome(1).keyframe(1, OLD, 0).wait(700).frames(1, None, 1..=80).wait(300).frames(1, None, 81..=260);
    let verdict = check(&[slow.done(), stays(2).done()], &[]);
    assert_eq!(verdict.gap_ms, Spread { median: 20.0, p99: 320.0, max: 320.0 });
}

#[test]
fn a_game_whose_players_get_no_more_frames_is_lost() {
    let mut film = Film::playing(1);
    film.frames(1, None, 101..=120);
    let mut other = Film::playing(2);
    other.frames(1, None, 101..=120);
    let verdict = check(&[film.done(), other.done()], &[(Fault::GameLost, 1)]);
    assert!(verdict.gap_ms.max > 3_000.0, "the gap goes on to the end of the watch");
}

#[test]
fn a_game_that_nobody_ever_got_a_frame_of_is_lost() {
    check(&[Film::of(1).done()], &[(Fault::GameLost, 1)]);
}

#[test]
fn a_player_without_frames_in_a_game_that_goes_on_is_cut_off() {
    check(&[stays(1).done(), Film::playing(2).done()], &[(Fault::CutOff, 1)]);
}

#[test]
fn a_player_under_another_id_has_rejoined() {
    let mut film = Film::playing(1);
    film.me = 2;
    film.welcome(2).make(1..=30).keyframe(2, OLD, 100).frames(2, None, 101..=300);
    check(&[film.done()], &[(Fault::Rejoined, 1)]);
}

#[test]
fn a_player_that_is_not_in_the_world_any_more_has_to_rejoin() {
    let mut film = Film::playing(2);
    let mut without = world(OLD, 100, 80);
    without.players.truncate(1);
    film.welcome(2).say(2, ServerMessage::Keyframe(without)).frames(2, None, 101..=300);
    check(&[film.done()], &[(Fault::Rejoined, 1)]);
}

#[test]
fn a_score_that_falls_is_lost_even_when_only_a_kill_event_told_of_it() {
    let mut film = Film::playing(1);
    let mut poorer = world(NEW, 120, 100);
    poorer.players[0].score = 1;
    film.frames(1, None, 101..=120).say(1, ServerMessage::Keyframe(poorer)).frames(1, None, 121..=300);
    check(&[film.done()], &[(Fault::ScoreLost, 1)]);
}

#[test]
fn a_round_begins_with_no_kills_and_one_that_was_won_stays_won() {
    for (wins, broken) in [(1, None), (0, Some((Fault::ScoreLost, 1)))] {
        let mut film = Film::playing(2);
        for (tick, event) in [
            (101, FrameEvent::RoundOver { winner: 0, ticks: 1 }),
            (102, FrameEvent::RoundStart { ticks: 9_000 }),
        ] {
            let header = FrameHeader::new(Tick(tick), Tick(tick - 20), Flags::default(), None);
            // Who has kills acts in this very tick.
            let inputs = vec![SlotInputs { slot: 0, keys: vec![1] }];
            let body = Body { events: vec![event], inputs, ..Body::default() };
            film.wait(20).raw(1, &Frame { header, body }.encode(SLOTS));
        }
        let mut next = world(OLD, 102, 82);
        next.round.number = 1;
        (next.players[0].score, next.players[0].wins) = (0, wins);
        film.say(1, ServerMessage::Keyframe(next)).frames(1, None, 103..=300);
        check(&[film.done()], broken.as_slice());
    }
}

#[test]
fn a_tick_left_out_is_a_jump_and_a_tick_missed() {
    let mut film = Film::playing(1);
    film.frames(1, None, (101..=120).chain(123..=300));
    assert_eq!(check(&[film.done()], &[(Fault::Jump, 1)]).ticks_missed, 2);
}

#[test]
fn a_keyframe_that_jumps_ahead_is_a_jump_unless_skipped_was_said() {
    let mut film = Film::playing(1);
    film.wait(20).keyframe(1, OLD, 110).frames(1, None, 111..=300);
    assert_eq!(check(&[film.done()], &[(Fault::Jump, 1)]).ticks_missed, 9);

    let mut film = Film::playing(1);
    film.say(1, ServerMessage::Skipped { from: Tick(101), to: Tick(108) });
    film.wait(20).keyframe(1, OLD, 110).frames(1, None, 111..=300);
    let verdict = check(&[film.done()], &[]);
    assert_eq!((verdict.ticks_missed, verdict.ticks_skipped), (9, 9));
}

#[test]
fn a_newer_socket_that_starts_too_late_misses_ticks() {
    let mut film = Film::playing(1);
    film.close(1).wait(100).welcome(2).keyframe(2, OLD, 106).frames(2, None, 107..=300);
    assert_eq!(check(&[film.done()], &[(Fault::SocketLost, 1)]).ticks_missed, 5);
}

#[test]
fn a_frame_before_any_keyframe_is_a_jump() {
    let mut film = Film::of(1);
    film.welcome(1).frames(1, None, [1]).keyframe(1, OLD, 1).frames(1, None, 2..=300);
    check(&[film.done()], &[(Fault::Jump, 1)]);
}

#[test]
fn a_tick_that_comes_twice_on_a_socket_went_back() {
    let mut film = Film::playing(1);
    film.frames(1, None, (101..=120).chain(120..=300));
    check(&[film.done()], &[(Fault::WentBack, 1)]);
}

#[test]
fn a_keyframe_that_goes_back_in_its_epoch_went_back() {
    let mut film = Film::playing(1);
    film.wait(20).keyframe(1, OLD, 95).frames(1, None, 96..=300);
    check(&[film.done()], &[(Fault::WentBack, 1)]);
}

#[test]
fn a_rewind_without_its_flag_went_back() {
    let mut film = Film::playing(1);
    film.wait(500).keyframe(1, NEW, 85).frames(1, None, 86..=200);
    check(&[film.done()], &[(Fault::WentBack, 1)]);
}

#[test]
fn a_lower_epoch_on_the_same_socket_fell() {
    let mut film = Film::playing(1);
    film.frames(1, Some(NEW), 101..=120).frames(1, Some(OLD), [121]).frames(1, Some(NEW), 122..=300);
    let verdict = verdict(&[film.done()]);
    assert!(verdict.count(Fault::EpochFell) >= 1, "{:#?}", verdict.findings);
}

#[test]
fn a_newer_socket_that_said_hello_before_the_move_may_lead_up_to_it() {
    let mut film = Film::playing(1);
    film.frames(1, None, 101..=110).welcome(2).frames(1, Some(NEW), 111..=112).keyframe(2, OLD, 100);
    film.frames(2, None, 101..=110).frames(2, Some(NEW), 111..=113).close(1).frames(2, None, 114..=300);
    let verdict = check(&[film.done()], &[]);
    assert_eq!(verdict.ticks_missed, 0);
}

#[test]
fn a_lower_epoch_on_a_newer_socket_fell() {
    let mut film = Film::playing(1);
    film.frames(1, Some(NEW), 101..=120).welcome(2).keyframe(2, OLD, 120);
    film.frames(2, Some(NEW), 121..=300);
    check(&[film.done()], &[(Fault::EpochFell, 1)]);
}

#[test]
fn an_older_socket_that_goes_on_under_the_lower_epoch_after_the_move_fell() {
    let mut film = Film::playing(1);
    film.frames(1, None, 101..=120).welcome(2).keyframe(2, OLD, 120).frames(2, Some(NEW), 121..=122);
    // The old owner ticks 121 as well.
    film.frames(1, None, [121]).close(1).frames(2, None, 123..=300);
    check(&[film.done()], &[(Fault::EpochFell, 1)]);
}

#[test]
fn two_names_for_the_owner_of_an_epoch_are_two_owners_across_players() {
    let mut other = Film::playing(2);
    other.frames(1, None, 101..=120).host(1, NEW, "pod-c").frames(1, Some(NEW), 121..=300);
    check(&[stays(1).done(), other.done()], &[(Fault::TwoOwners, 1)]);
}

#[test]
fn an_owner_that_is_not_known_yet_is_not_a_second_one() {
    let mut other = Film::playing(2);
    other.frames(1, None, 101..=120).host(1, NEW, "").frames(1, Some(NEW), 121..=300).host(1, NEW, "pod-b");
    check(&[stays(1).done(), other.done()], &[]);
}

#[test]
fn different_frames_of_one_tick_and_epoch_are_two_histories() {
    let mut other = Film::playing(2);
    other.frames(1, None, 101..=120).host(1, NEW, "pod-b").frames(1, Some(NEW), 121..=129).wait(20);
    let header = FrameHeader::new(Tick(130), Tick(110), Flags::default(), None);
    other.raw(1, &Frame { header, body: body(131) }.encode(SLOTS)).frames(1, None, 131..=300);
    check(&[stays(1).done(), other.done()], &[(Fault::TwoHistories, 1)]);
}

#[test]
fn different_keyframes_of_one_tick_and_epoch_are_two_histories() {
    let mut other = Film::playing(2);
    let mut wrong = world(NEW, 150, 130);
    wrong.players[1].deaths = 7;
    other.frames(1, None, 101..=120).frames(1, Some(NEW), 121..=150).welcome(2);
    other.say(2, ServerMessage::Keyframe(wrong)).frames(2, None, 151..=300).close(1);
    check(&[follows(1).done(), other.done()], &[(Fault::TwoHistories, 1)]);
}

#[test]
fn headers_may_differ_between_edges() {
    let mut other = Film::playing(2);
    other.frames(1, None, 101..=120).host(1, NEW, "pod-b").frames(1, Some(NEW), 121..=129);
    other.wait(20).frame(1, None, 130, Flags { moving: true, registry_away: true, ..Flags::default() });
    other.frames(1, None, 131..=300);
    check(&[stays(1).done(), other.done()], &[]);
}

#[test]
fn a_rewind_behind_what_was_shown_as_durable_loses_durable_ticks() {
    let mut film = Film::playing(1);
    // At tick 100 everything up to 80 was durable.
    film.wait(500).say(1, ServerMessage::Keyframe(world(NEW, 70, 60)));
    film.wait(20).frame(1, None, 71, Flags { rewind: true, ..Flags::default() }).frames(1, None, 72..=200);
    check(&[film.done()], &[(Fault::DurableLost, 1)]);
}

#[test]
fn applied_inputs_that_vanish_without_a_rewind_are_lost() {
    let mut film = Film::playing(1);
    let mut forgot = world(NEW, 120, 100);
    forgot.players[0] = KeyframePlayer { applied: 3, last_seq: 3, ..forgot.players[0].clone() };
    forgot.players[0].applied_hash = world(OLD, 30, 0).players[0].applied_hash;
    film.frames(1, None, 101..=120).say(1, ServerMessage::Keyframe(forgot)).frames(1, None, 121..=300);
    check(&[film.done()], &[(Fault::DurableLost, 1)]);
}

/// A world in which player 1 is said to have had these inputs applied, instead of the twelve `(seq, 1, 0)` that it made.
fn with_inputs(inputs: &[(u32, u8, u8)], last_seq: u32) -> Keyframe {
    let mut world = world(OLD, 120, 100);
    let player = &mut world.players[0];
    (player.applied, player.last_seq) = (inputs.len() as u32, last_seq);
    player.applied_hash = hash_of(inputs.iter().copied());
    world
}

fn check_inputs(inputs: &[(u32, u8, u8)], last_seq: u32, red: &[(Fault, u64)]) {
    let mut film = Film::playing(1);
    film.frames(1, None, 101..=120).ask(1).say(1, ServerMessage::Keyframe(with_inputs(inputs, last_seq)));
    film.frames(1, None, 121..=300);
    check(&[film.done()], red);
}

fn made(seq: u32) -> (u32, u8, u8) {
    (seq, 1, 0)
}

#[test]
fn inputs_that_were_applied_as_made_are_green() {
    check_inputs(&(1..=12).map(made).collect::<Vec<_>>(), 12, &[]);
}

#[test]
fn an_input_that_was_left_out_is_wrong() {
    let inputs: Vec<_> = (1..=5).chain(7..=13).map(made).collect();
    check_inputs(&inputs, 13, &[(Fault::InputsWrong, 1)]);
    // Even where the hash agrees: one more number was taken than was applied.
    check_inputs(&(1..=12).map(made).collect::<Vec<_>>(), 13, &[(Fault::InputsWrong, 1)]);
}

#[test]
fn an_input_that_was_applied_twice_is_wrong() {
    let inputs: Vec<_> = (1..=6).chain(6..=11).map(made).collect();
    check_inputs(&inputs, 12, &[(Fault::InputsWrong, 1)]);
}

#[test]
fn inputs_in_another_order_are_wrong() {
    let inputs: Vec<_> = (1..=5).chain([7, 6]).chain(8..=12).map(made).collect();
    check_inputs(&inputs, 12, &[(Fault::InputsWrong, 1)]);
}

#[test]
fn other_keys_or_another_action_are_wrong() {
    let mut inputs: Vec<_> = (1..=12).map(made).collect();
    inputs[7].1 = 9;
    check_inputs(&inputs, 12, &[(Fault::InputsWrong, 1)]);
    inputs[7] = (8, 1, 2);
    check_inputs(&inputs, 12, &[(Fault::InputsWrong, 1)]);
}

#[test]
fn more_inputs_than_were_made_are_wrong() {
    check_inputs(&(1..=31).map(made).collect::<Vec<_>>(), 31, &[(Fault::InputsWrong, 1)]);
}

#[test]
fn an_input_that_is_not_applied_by_the_time_the_player_goes_home_is_lost() {
    for (made, red) in [(30, None), (31, Some((Fault::InputLost, 1)))] {
        let mut film = Film::playing(1);
        film.make(31..=made).frames(1, None, 101..=290);
        film.frames(1, None, 291..=300).wait(300).note(What::Rested);
        check(&[film.done()], red.as_slice());
    }
}

#[test]
fn what_became_of_inputs_counts_also_after_the_window() {
    for (keys, applied, red) in
        [(1, 31, None), (1, 30, Some(Fault::InputLost)), (2, 31, Some(Fault::InputsWrong))]
    {
        let mut film = Film::playing(1);
        film.frames(1, None, 101..=300).wait(100).make([31]).frames(1, None, 301..=309).ask(1);
        let mut last = world(OLD, 309, 280);
        (last.players[0].applied, last.players[0].last_seq) = (applied, applied);
        last.players[0].applied_hash = hash_of((1..applied).map(made).chain([(applied, keys, 0)]));
        film.say(1, ServerMessage::Keyframe(last)).note(What::Rested).close(1);
        check(&[film.done()], red.map(|fault| (fault, 1)).as_slice());
    }
}

#[test]
fn an_input_that_is_asked_for_when_it_is_durable_is_lost() {
    let mut film = Film::playing(1);
    film.frames(1, None, 101..=120).make(5..=30).frames(1, None, 121..=300);
    check(&[film.done()], &[(Fault::InputLost, 1)]);
}

#[test]
fn the_answer_to_a_keyframe_please_may_lie_back_also_across_a_move() {
    let mut film = Film::playing(1);
    film.frames(1, None, 101..=110).ask(1).keyframe(1, OLD, 90);
    film.frames(1, None, 91..=120).host(1, NEW, "pod-b").frames(1, Some(NEW), 121..=125);
    film.ask(1).keyframe(1, OLD, 110).frames(1, None, 111..=120).frames(1, Some(NEW), 121..=300);
    assert_eq!(check(&[film.done()], &[]).ticks_missed, 0);
    // One answer for each question.
    film.wait(20).ask(1).keyframe(1, NEW, 290).frames(1, None, 291..=295).keyframe(1, NEW, 290);
    film.frames(1, None, 291..=300);
    let verdict = judge(&[film.done()], Window { from: FAULT, to: Duration::from_secs(60) });
    assert_eq!(verdict.count(Fault::WentBack), 1, "{:#?}", verdict.findings);
}

#[test]
fn a_socket_that_ends_before_another_one_has_frames_is_lost() {
    let mut film = Film::playing(1);
    film.frames(1, None, 101..=120).welcome(2).keyframe(2, OLD, 120).close(1).frames(2, None, 121..=300);
    let verdict = check(&[film.done()], &[(Fault::SocketLost, 1)]);
    assert_eq!(verdict.ticks_missed, 0, "nothing was missed, by luck");
}

#[test]
fn a_new_socket_that_ends_while_the_old_one_has_frames_is_no_loss() {
    let mut film = Film::playing(1);
    film.frames(1, None, 101..=120).welcome(2).close(2).frames(1, None, 121..=300);
    check(&[film.done()], &[]);
}

#[test]
fn an_epoch_that_an_owner_gave_itself_is_no_move() {
    let mut film = Film::playing(1);
    film.frames(1, None, 101..=120).host(1, NEW, "pod-a").frames(1, Some(NEW), 121..=300);
    let recordings = [film.done()];
    assert_eq!(check(&recordings, &[]).games_moved, 0);
    assert!(moves(&recordings).is_empty());
    assert_eq!(moves(&[stays(1).done()]).len(), 1);
}

#[test]
fn players_that_are_sent_away_are_counted_by_server() {
    let verdict = check(&[follows(1).done(), follows(2).done()], &[]);
    let away = &verdict.sent_away[0];
    assert_eq!((away.server.as_str(), away.sockets, away.most_at_once), ("edge", 2, 2));
}

#[test]
fn noise_is_unreadable() {
    let mut film = stays(1);
    film.raw(1, &[0xff, 1, 2]);
    check(&[film.done()], &[(Fault::Unreadable, 1)]);
}

#[test]
fn nothing_after_the_window_is_judged() {
    let mut film = stays(1);
    film.wait(2_000).raw(1, &[0xff]).raw(1, &[0xff]);
    check(&[film.done()], &[]);
}

#[test]
fn percentiles_are_nearest_rank() {
    assert_eq!(Spread::of((1..=200).map(f64::from)), Spread { median: 100.0, p99: 198.0, max: 200.0 });
    assert_eq!(Spread::of([3.0]), Spread { median: 3.0, p99: 3.0, max: 3.0 });
    assert_eq!(Spread::of([]), Spread::default());
}

#[test]
fn epochs_are_timed_across_players_and_named_by_their_owners() {
    let mut film = stays(1);
    film.wait(20).frame(1, None, 301, Flags { moving: true, ..Flags::default() });
    let times = epochs(&[film.done(), follows(2).done()]);
    assert_eq!(times.len(), 2);
    assert_eq!((times[0].epoch, times[0].owner.as_deref()), (OLD, Some("pod-a")));
    assert_eq!(times[0].last, Duration::from_millis(2_400));
    assert_eq!((times[1].epoch, times[1].owner.as_deref()), (NEW, Some("pod-b")));
    assert_eq!(times[1].first, Duration::from_millis(2_420));
    assert_eq!(times[1].moving, Some(Duration::from_millis(6_020)));
    assert_eq!(first_go_away(&[follows(2).done()], FAULT), Some(Duration::from_millis(3_000)));
}
