//! Conditions: which there are, and how one is set without losing the time at which it last turned.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// What a condition speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionType {
    /// Players can play: at least one game server is ready.
    Available,
    /// Pods are being replaced, added or removed.
    Progressing,
    /// The registry answers the operator.
    RegistryAvailable,
    /// Something does not work and will not repair itself, or was repaired a short while ago and will happen again.
    Degraded,
}

impl ConditionType {
    /// As it stands in the object.
    pub fn as_str(self) -> &'static str {
        match self {
            ConditionType::Available => "Available",
            ConditionType::Progressing => "Progressing",
            ConditionType::RegistryAvailable => "RegistryAvailable",
            ConditionType::Degraded => "Degraded",
        }
    }
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does.
    True,
    /// It does not.
    False,
    /// Nobody can say.
    Unknown,
}

impl State {
    /// As it stands in the object.
    pub fn as_str(self) -> &'static str {
        match self {
            State::True => "True",
            State::False => "False",
            State::Unknown => "Unknown",
        }
    }
}

impl From<bool> for State {
    fn from(holds: bool) -> Self {
        if holds { State::True } else { State::False }
    }
}

/// Sets one condition among `conditions`. `reason` is a CamelCase word, `message` a sentence, `generation` the one of the
/// object that was looked at. The time of transition changes only where the state does.
pub fn set_condition(
    conditions: &mut Vec<Condition>,
    type_: ConditionType,
    state: State,
    reason: &str,
    message: String,
    generation: i64,
    now: &Time,
) {
    let found = conditions.iter().position(|c| c.type_ == type_.as_str());
    let turned = match found.map(|at| &conditions[at]) {
        Some(old) if old.status == state.as_str() => old.last_transition_time.clone(),
        _ => now.clone(),
    };
    let new = Condition {
        type_: type_.as_str().into(),
        status: state.as_str().into(),
        reason: reason.into(),
        message,
        observed_generation: Some(generation),
        last_transition_time: turned,
    };
    match found {
        Some(at) => conditions[at] = new,
        None => conditions.push(new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Time {
        serde_json::from_value(serde_json::json!(format!("2026-01-01T00:00:{second:02}Z"))).unwrap()
    }

    #[test]
    fn time_of_transition_changes_only_with_the_state() {
        let mut all = Vec::new();
        let mut set = |state, reason: &str, now| {
            set_condition(
                &mut all,
                ConditionType::Available,
                state,
                reason,
                "A sentence.".into(),
                1,
                &at(now),
            );
            (all.len(), all[0].last_transition_time.clone(), all[0].reason.clone())
        };
        assert_eq!(set(State::True, "Ready", 1), (1, at(1), "Ready".into()));
        assert_eq!(set(State::True, "StillReady", 2), (1, at(1), "StillReady".into()));
        assert_eq!(set(State::False, "NoPods", 3), (1, at(3), "NoPods".into()));
    }
}
