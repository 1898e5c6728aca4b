//! Which rules version new games get (rule 15), and which games wait for a server that steps theirs. Pure.
//!
//! What goes wrong without: the first game that is created after a rollout has rules that the old image does not step, and
//! a roll-back minutes later strands it. So the version is raised only when a rollout has been complete for some time.
//! After that a roll-back puts it back at once, and strands only games that were created meanwhile.

use super::observe::{Observed, RegistryView};
use super::status::Counts;
use api::{ConditionType, State};
use k8s_openapi::jiff::Timestamp;
use ownership::placement::rules_for_new_games;
use registry::MemberRecord;
use std::collections::BTreeSet;

/// The version for new games; 0 where nobody can say: no server runs, and none has.
pub fn for_new_games(observed: &Observed, now: Timestamp) -> u16 {
    let status = observed.status().rules.and_then(|rules| u16::try_from(rules).ok()).unwrap_or(0);
    let RegistryView::Seen { members, cluster, .. } = &observed.registry else { return status };
    // A registry that lost what it had says nothing.
    let known = if cluster.rules == 0 { status } else { cluster.rules };
    let wanted = if is_complete_for_long(observed, now) { u16::MAX } else { known };
    let all = living(observed, members).map(|member| (member.rules_min, member.rules_max));
    rules_for_new_games(wanted, all).unwrap_or(known)
}

/// All game servers have been of the newest revision for as long as the spec says.
fn is_complete_for_long(observed: &Observed, now: Timestamp) -> bool {
    let conditions = observed.status().conditions;
    let progressing = conditions.iter().find(|it| it.type_ == ConditionType::Progressing.as_str());
    let Some(complete) = progressing.filter(|it| it.status == State::False.as_str()) else { return false };
    let since = now.as_second() - complete.last_transition_time.0.as_second();
    Counts::of(observed).at_rest() && since >= observed.cluster.spec.rollout.rules_delay_seconds.into()
}

/// A sentence about games that no server here steps, where there are such games.
pub fn waiting(observed: &Observed) -> Option<String> {
    let RegistryView::Seen { members, games, .. } = &observed.registry else { return None };
    let steps = |rules: u16| {
        living(observed, members).any(|member| (member.rules_min..=member.rules_max).contains(&rules))
    };
    // Without any server all games wait, and Available says why.
    living(observed, members).next()?;
    let waiting: Vec<u16> = games.iter().map(|game| game.rules).filter(|rules| !steps(*rules)).collect();
    let versions: BTreeSet<String> = waiting.iter().map(u16::to_string).collect();
    let versions = Vec::from_iter(versions).join(", ");
    (!waiting.is_empty()).then(|| {
        format!(
            "Games that no server here can run: {}, of rules version {versions}. They are kept in Redis and go on \
             where a server comes that steps it: set an image that does.",
            waiting.len()
        )
    })
}

/// Members whose pods exist. One that died is registered until its games run elsewhere, and nobody may be there to run them.
fn living<'a>(observed: &Observed, members: &'a [MemberRecord]) -> impl Iterator<Item = &'a MemberRecord> {
    let uids: BTreeSet<String> = observed.pods.iter().filter_map(|pod| pod.metadata.uid.clone()).collect();
    members.iter().filter(move |member| uids.contains(&member.pod_uid))
}
