//! The cluster as the registry knows it, for people: asked at most a few times a second, however many ask us.

use crate::demo::Roll;
use crate::moves::Moves;
use ownership::placement::target_revision;
use protocol::MemberId;
use registry::{ClusterRecord, GameRecord, MemberRecord, Registry, RegistryError, Reply, Request};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

/// How old an answer may be for those who ask from time to time.
const FRESH: Duration = Duration::from_millis(100);

/// A registry that does not answer is asked again for so long before somebody is told so: a connection that breaks is replaced
/// within less.
const PATIENCE: Duration = Duration::from_millis(500);

/// After so long.
const AGAIN: Duration = Duration::from_millis(50);

/// Members and games at a moment.
pub struct View {
    members: Vec<MemberRecord>,
    games: Vec<GameRecord>,
    cluster: ClusterRecord,
    slots: u8,
}

/// See the module.
pub struct Overview {
    me: MemberId,
    registry: Arc<dyn Registry>,
    /// Places in a game of this cluster.
    slots: u8,
    moves: Moves,
    /// The demo's button, in a demo.
    roll: Option<Roll>,
    last: Mutex<Option<(Instant, Arc<View>)>>,
}

impl Overview {
    /// Of the cluster of `me`, as this registry and these moves have it.
    pub fn new(
        me: MemberId,
        registry: Arc<dyn Registry>,
        slots: u8,
        moves: Moves,
        roll: Option<Roll>,
    ) -> Overview {
        Overview { me, registry, slots, moves, roll, last: Mutex::new(None) }
    }

    /// Members and games now, or a moment ago.
    ///
    /// # Errors
    /// When the registry does not answer, asked several times.
    pub async fn get(&self) -> Result<Arc<View>, RegistryError> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.younger_than(FRESH).await {
                Err(_) if Instant::now() < until => sleep(AGAIN).await,
                answer => return answer,
            }
        }
    }

    /// Members and games now.
    ///
    /// # Errors
    /// When the registry does not answer.
    pub async fn look(&self) -> Result<Arc<View>, RegistryError> {
        self.younger_than(Duration::ZERO).await
    }

    async fn younger_than(&self, age: Duration) -> Result<Arc<View>, RegistryError> {
        let mut last = self.last.lock().await;
        if let Some((at, view)) = &*last
            && at.elapsed() < age
        {
            return Ok(view.clone());
        }
        let asked = Instant::now();
        let mut replies = self.registry.call_all(vec![Request::Members, Request::Games]).await.into_iter();
        let (members, cluster) = match replies.next() {
            Some(Ok(Reply::Members { members, cluster, .. })) => (members, cluster),
            other => return Err(unexpected(other)),
        };
        let games = match replies.next() {
            Some(Ok(Reply::Games(games))) => games,
            other => return Err(unexpected(other)),
        };
        let view = Arc::new(View { members, games, cluster, slots: self.slots });
        *last = Some((asked, view.clone()));
        Ok(view)
    }

    /// As `/api/cluster` and `/api/events` show it.
    pub fn cluster_json(&self, view: &View) -> Value {
        json!({
            "demo": self.roll.is_some(),
            "rolling": self.roll.as_ref().is_some_and(Roll::is_on),
            "me": self.me,
            "target_revision": target_revision(&view.cluster, view.members.iter()),
            "operator_beat": view.cluster.beat,
            "members": view.members_json(),
            "games": view.games_json(),
            "moves": self.moves_json(),
        })
    }

    /// As `/api/moves` shows them, newest first.
    pub fn moves_json(&self) -> Vec<Value> {
        let moves = self.moves.list().into_iter().map(|note| {
            json!({
                "game": note.game, "from": note.from, "to": note.to, "epoch": note.epoch, "tick": note.tick,
                "pause_us": note.pause_us, "between_us": note.between_us, "bytes": note.bytes,
                "cause": note.cause, "ago_ms": note.ago_ms,
            })
        });
        moves.collect()
    }
}

/// What changes all the time and is no news: how long ago moves were, how far games are, and that the operator lives.
pub fn without_time(mut cluster: Value) -> Value {
    for (list, field) in [("moves", "ago_ms"), ("games", "tick")] {
        for entry in cluster[list].as_array_mut().into_iter().flatten() {
            entry[field] = Value::Null;
        }
    }
    cluster["operator_beat"] = Value::Null;
    cluster
}

fn unexpected(reply: Option<Result<Reply, RegistryError>>) -> RegistryError {
    match reply {
        Some(Err(error)) => error,
        other => RegistryError::Refused(format!("an answer to another question: {other:?}")),
    }
}

impl View {
    /// In order of joining.
    fn members_json(&self) -> Vec<Value> {
        self.members
            .iter()
            .map(|member| {
                json!({
                    "id": member.id, "name": member.name, "address": member.address, "revision": member.revision,
                    "build": member.build, "state": member.state, "games": member.games, "players": member.players,
                    "joined": member.joined, "rules": [member.rules_min, member.rules_max],
                })
            })
            .collect()
    }

    /// As `/api/games` shows them, by name.
    pub fn games_json(&self) -> Vec<Value> {
        let mut games: Vec<_> = self.games.iter().collect();
        games.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        games.into_iter().map(|game| self.game_json(game)).collect()
    }

    fn game_json(&self, game: &GameRecord) -> Value {
        let owner = game.owner.and_then(|owner| self.members.iter().find(|member| member.id == owner)).map(|member| {
            json!({ "id": member.id, "name": member.name, "build": member.build, "revision": member.revision })
        });
        json!({
            "id": game.id, "name": game.name, "maze": game.maze, "players": game.players, "bots": game.bots,
            "slots": self.slots, "epoch": game.epoch, "tick": game.snapshot_tick, "rules": game.rules, "owner": owner,
            "quarantined": game.quarantined,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::Bell;
    use async_trait::async_trait;
    use futures_util::stream::BoxStream;
    use registry::Hint;
    use registry::memory::Memory;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Its connection breaks, and so many calls fail before there is another one.
    struct Broken(Memory, AtomicU32);

    #[async_trait]
    impl Registry for Broken {
        async fn call(&self, request: Request) -> Result<Reply, RegistryError> {
            self.0.call(request).await
        }

        async fn call_all(&self, requests: Vec<Request>) -> Vec<Result<Reply, RegistryError>> {
            let fails = |left: u32| left.checked_sub(1);
            match self.1.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fails) {
                Ok(_) => requests.iter().map(|_| Err(RegistryError::Refused("lost".into()))).collect(),
                Err(_) => self.0.call_all(requests).await,
            }
        }

        fn hints(&self) -> BoxStream<'static, Hint> {
            self.0.hints()
        }
    }

    fn overview(failures: u32) -> Overview {
        let registry = Arc::new(Broken(Memory::new(), failures.into()));
        Overview::new(MemberId(1), registry, 8, Moves::new(Bell::default()), None)
    }

    #[tokio::test]
    async fn a_connection_that_breaks_for_a_moment_is_not_told_to_those_who_ask() {
        assert!(overview(3).get().await.is_ok());
        assert!(overview(u32::MAX).get().await.is_err());
    }
}
