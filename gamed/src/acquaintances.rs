//! Members that this one has links to, as they say who they are, and others that they introduce.
//!
//! What goes wrong without: a member that joins when the registry is about to go away, or has just come back empty, is known
//! to those alone who reached the registry meanwhile. Games move to it, and the players at the others wait for frames.

use protocol::MemberId;
use protocol::peer::{Introduction, MAX_INTRODUCED};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

/// A link to a member that was introduced, and that the registry does not list, is tried for so long.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// See the module.
pub struct Acquaintances {
    me: Introduction,
    known: Mutex<Known>,
    made: Notify,
}

#[derive(Default)]
struct Known {
    /// A link stands to these, who have said so themselves.
    linked: BTreeMap<MemberId, Introduction>,
    /// Addresses that others gave, and when they did last.
    introduced: HashMap<MemberId, (String, Instant)>,
}

impl Acquaintances {
    /// None. `me`: as others are to know this member.
    pub fn new(me: Introduction) -> Acquaintances {
        Acquaintances { me, known: Mutex::default(), made: Notify::new() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This member itself, and those that it has links to, for `reader`.
    pub fn list(&self, reader: MemberId) -> Vec<Introduction> {
        let known = self.known();
        let others = known.linked.values().filter(|other| other.id != reader);
        std::iter::once(&self.me).chain(others).take(MAX_INTRODUCED).cloned().collect()
    }

    /// `from`, a link to which stands, names these.
    pub fn introduced(&self, now: Instant, from: MemberId, members: Vec<Introduction>) {
        let mut known = self.known();
        for member in members {
            if member.id == from {
                known.linked.insert(from, member);
            } else if member.id != self.me.id {
                known.introduced.insert(member.id, (member.address, now));
            }
        }
        self.made.notify_one();
    }

    /// The link to that member broke.
    pub fn lost(&self, member: MemberId) {
        self.known().linked.remove(&member);
    }

    /// Somebody was introduced since this was awaited last.
    pub async fn made(&self) {
        self.made.notified().await;
    }

    /// Whom to keep links to: those `listed` by the registry, and those that it may not know yet. Who was listed once is
    /// wanted as long as the list says.
    pub fn wanted(
        &self,
        now: Instant,
        listed: &[(MemberId, String)],
        is_up: impl Fn(MemberId) -> bool,
    ) -> Vec<(MemberId, String)> {
        let mut known = self.known();
        known.introduced.retain(|member, (_, since)| {
            let is_listed = listed.iter().any(|(listed, _)| listed == member);
            !is_listed && (is_up(*member) || now - *since < PATIENCE)
        });
        let introduced = known.introduced.iter().map(|(member, (address, _))| (*member, address.clone()));
        listed.iter().cloned().chain(introduced).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u64) -> Introduction {
        let [address, name, build, revision] =
            ["10.0.0.9:7946", "pod", "v1", "r"].map(|text| format!("{text} of {id}"));
        Introduction { id: MemberId(id), address, name, build, revision }
    }

    #[tokio::test]
    async fn who_is_introduced_is_wanted_for_a_while_or_as_long_as_it_answers_or_as_the_registry_says() {
        let [one, two, three, four] = [1, 2, 3, 4].map(member);
        let (known, start) = (Acquaintances::new(one.clone()), Instant::now());
        let wanted = |now: Instant, listed: &[(MemberId, String)], up: &[MemberId]| {
            let mut wanted = known.wanted(now, listed, |member| up.contains(&member));
            wanted.sort();
            wanted.into_iter().map(|(member, _)| member.0).collect::<Vec<_>>()
        };
        assert_eq!(known.list(two.id), std::slice::from_ref(&one));
        known.introduced(start, two.id, vec![two.clone(), one.clone(), three.clone(), four.clone()]);
        known.made().await;
        assert_eq!(known.list(three.id), [one.clone(), two.clone()], "what others say is theirs to tell");
        assert_eq!(known.list(two.id), std::slice::from_ref(&one));
        let two_listed = [(two.id, two.address.clone())];
        assert_eq!(wanted(start, &two_listed, &[]), [2, 3, 4], "neither itself nor two twice");

        let later = start + PATIENCE;
        assert_eq!(wanted(later, &two_listed, &[three.id]), [2, 3], "four did not answer");
        let all = [two_listed.clone(), [(three.id, three.address.clone())]].concat();
        assert_eq!(wanted(later, &all, &[three.id]), [2, 3]);
        assert_eq!(
            wanted(later, &two_listed, &[three.id]),
            [2],
            "the registry has known three, and does not any more"
        );

        known.lost(two.id);
        assert_eq!(known.list(three.id), [one]);
    }
}
