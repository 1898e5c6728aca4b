//! When what happened, counted from the fault: what the cluster said, and what players were shown.
//!
//! Owns the list of steps and their order. Reads recordings and watches; judges nothing.

use super::Done;
use crate::cluster::PodEnd;
use crate::oracle;
use crate::recording::{Recording, What};
use crate::report::Step;
use protocol::ServerMessage;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use tokio::time::Instant;

/// All steps that happened, in order of their first time. `start` is time 0 of the recordings.
pub(super) fn of(
    recordings: &[Recording],
    start: Instant,
    done: &Done,
    ends: &BTreeMap<String, PodEnd>,
) -> Vec<Step> {
    let from = done.at.duration_since(start);
    let ms = |at: Duration| at.saturating_sub(from).as_secs_f64() * 1e3;
    let ms_of = |at: Instant| at.saturating_duration_since(done.at).as_secs_f64() * 1e3;

    let mut steps: Vec<Step> = Vec::new();
    for (name, at) in &done.steps {
        steps.extend(Step::of(name, "", [ms_of(*at)]));
    }
    let pods = |of: fn(&PodEnd) -> Option<Instant>| ends.values().filter_map(of).map(ms_of);
    steps.extend(Step::of("deletionTimestamp on a watch", "pods", pods(|end| end.deleting)));
    steps.extend(Step::of("process ended, on a watch", "pods", pods(|end| end.exited)));
    steps.extend(Step::of("pod gone", "pods", pods(|end| end.gone)));

    let all = oracle::moves(recordings);
    let moves = || all.iter().filter(|[_, after]| after.first >= from);
    let moving = moves().filter_map(|[before, _]| before.moving).filter(|at| *at >= from);
    steps.extend(Step::of("frames say that the game will move", "games", moving.map(ms)));
    steps.extend(Step::of(
        "last frame of the old owner",
        "games",
        moves().map(|[before, _]| ms(before.last)),
    ));
    steps.extend(Step::of(
        "first frame of the new owner",
        "games",
        moves().map(|[_, after]| ms(after.first)),
    ));
    let sockets = sockets(recordings, from);
    let away = sockets.iter().filter_map(|socket| socket.sent_away);
    steps.extend(Step::of("players are sent to another server", "sockets", away.map(ms)));
    let closed = sockets.iter().filter(|socket| ends.contains_key(&socket.server));
    let closed = closed.filter_map(|socket| socket.closed);
    steps.extend(Step::of("sockets on leaving servers closed", "sockets", closed.map(ms)));
    steps.sort_by(|a, b| a.first_ms.total_cmp(&b.first_ms));

    let between = |[before, after]: &[oracle::EpochTimes; 2]| {
        after.first.saturating_sub(before.last).as_secs_f64() * 1e3
    };
    steps.extend(Step::of("(between last and first frame)", "games", moves().map(between)));
    steps
}

/// A socket and what became of it after some moment.
#[derive(Default)]
struct Socket {
    server: String,
    sent_away: Option<Duration>,
    closed: Option<Duration>,
}

fn sockets(recordings: &[Recording], from: Duration) -> Vec<Socket> {
    let mut all = Vec::new();
    for recording in recordings {
        let mut sockets: HashMap<u32, Socket> = HashMap::new();
        for entry in recording.entries() {
            let socket = sockets.entry(entry.socket).or_default();
            match entry.what {
                What::Message(bytes) => match ServerMessage::decode(bytes) {
                    Ok(ServerMessage::Welcome(welcome)) => socket.server = welcome.edge_name,
                    Ok(ServerMessage::GoAway { .. }) if entry.at >= from => {
                        socket.sent_away.get_or_insert(entry.at);
                    }
                    _ => {}
                },
                What::Closed(..) if entry.at >= from => socket.closed = Some(entry.at),
                _ => {}
            }
        }
        all.extend(sockets.into_values());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Epoch, GameId, Keyframe, Tick, Welcome};

    #[test]
    fn a_timeline_counts_from_the_fault_and_only_what_happened_after_it() {
        let recording = |game, second_ms| {
            let mut recording = Recording::new(GameId(game), "bot");
            let welcome = Welcome {
                version: 1,
                player: protocol::PlayerId(1),
                session: 1,
                settings_name: String::new(),
                maze: String::new(),
                slots: 8,
                edge_name: "old".into(),
                edge_build: String::new(),
                token: Vec::new(),
            };
            recording.push(Duration::ZERO, 1, What::Message(&ServerMessage::Welcome(welcome).encode()));
            for (epoch, ms) in [(1u64, 0), (1, 900), (2, second_ms)] {
                let keyframe = Keyframe { epoch: Epoch(epoch), tick: Tick(ms / 20), ..Keyframe::default() };
                let message = ServerMessage::Keyframe(keyframe).encode();
                recording.push(Duration::from_millis(ms), 1, What::Message(&message));
            }
            let away = ServerMessage::GoAway { grace_ms: 1_000 }.encode();
            recording.push(Duration::from_millis(1_010), 1, What::Message(&away));
            recording.push(Duration::from_millis(1_010 + game), 1, What::Closed(1000, "replaced"));
            recording
        };
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut done = Done::new(String::new(), at(910));
        done.steps.push(("kubectl returned", at(920)));
        let end = PodEnd { deleting: Some(at(915)), gone: Some(at(2_910)), ..PodEnd::default() };
        let ends = BTreeMap::from([("old".to_owned(), end)]);
        let recordings = [recording(1, 950), recording(2, 1_000), recording(3, 905)];
        let steps = of(&recordings, start, &done, &ends);
        let found: Vec<_> = steps
            .iter()
            .map(|step| (step.step.as_str(), step.count, step.first_ms.round(), step.last_ms.round()))
            .collect();
        assert_eq!(
            found,
            [
                ("last frame of the old owner", 2, 0.0, 0.0),
                ("deletionTimestamp on a watch", 1, 5.0, 5.0),
                ("kubectl returned", 1, 10.0, 10.0),
                ("first frame of the new owner", 2, 40.0, 90.0),
                ("players are sent to another server", 3, 100.0, 100.0),
                ("sockets on leaving servers closed", 3, 101.0, 103.0),
                ("pod gone", 1, 2_000.0, 2_000.0),
                ("(between last and first frame)", 2, 50.0, 100.0),
            ]
        );
    }
}
