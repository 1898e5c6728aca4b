//! The cluster as the registry knows it, for people: asked at most a few times a second, however many ask us.

use registry::{GameRecord, MemberRecord, Registry, RegistryError, Reply, Request};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How old an answer may be: the lobby shows changes within twice this.
const FRESH: Duration = Duration::from_millis(100);

/// Members and games at a moment.
pub struct View {
    members: Vec<MemberRecord>,
    games: Vec<GameRecord>,
    slots: u8,
}

/// See the module.
pub struct Overview {
    registry: Arc<dyn Registry>,
    slots: u8,
    last: Mutex<Option<(Instant, Arc<View>)>>,
}

impl Overview {
    /// Asks this registry. `slots`: places in a game of this cluster.
    pub fn new(registry: Arc<dyn Registry>, slots: u8) -> Overview {
        Overview { registry, slots, last: Mutex::new(None) }
    }

    /// Members and games now, or a moment ago.
    ///
    /// # Errors
    /// When the registry does not answer.
    pub async fn get(&self) -> Result<Arc<View>, RegistryError> {
        let mut last = self.last.lock().await;
        if let Some((at, view)) = &*last
            && at.elapsed() < FRESH
        {
            return Ok(view.clone());
        }
        let mut replies = self.registry.call_all(vec![Request::Members, Request::Games]).await.into_iter();
        let members = match replies.next() {
            Some(Ok(Reply::Members { members, .. })) => members,
            other => return Err(unexpected(other)),
        };
        let games = match replies.next() {
            Some(Ok(Reply::Games(games))) => games,
            other => return Err(unexpected(other)),
        };
        let view = Arc::new(View { members, games, slots: self.slots });
        *last = Some((Instant::now(), view.clone()));
        Ok(view)
    }
}

fn unexpected(reply: Option<Result<Reply, RegistryError>>) -> RegistryError {
    match reply {
        Some(Err(error)) => error,
        other => RegistryError::Refused(format!("an answer to another question: {other:?}")),
    }
}

impl View {
    /// As `/api/cluster` shows them, in order of joining.
    pub fn members_json(&self) -> Vec<Value> {
        self.members
            .iter()
            .map(|member| {
                json!({
                    "id": member.id, "name": member.name, "address": member.address, "revision": member.revision,
                    "build": member.build, "state": member.state, "games": member.games, "players": member.players,
                    "joined": member.joined,
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
            "id": game.id, "name": game.name, "players": game.players, "slots": self.slots, "epoch": game.epoch,
            "tick": game.snapshot_tick, "owner": owner,
        })
    }
}
