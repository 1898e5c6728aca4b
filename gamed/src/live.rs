//! Changes of the cluster for pages that listen: one look at the registry for all of them, and only while there are any.
//!
//! Owns when to look and what counts as a change. A listener that is slow gets the newest state, never a queue: each has
//! one place in a `watch`. Streams end some time after the member starts to leave; the page then comes back elsewhere.

use crate::leaving::Leaving;
use crate::limits;
use crate::metrics::Metrics;
use crate::overview::{Overview, View, without_time};
use futures_util::FutureExt;
use futures_util::stream::{self, Stream, StreamExt};
use registry::{Registry, RegistryError};
use serde_json::Value;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::debug;
use warp::sse::Event;

/// Rung when something changed that the registry does not know of: a move, the demo's button, a new listener.
#[derive(Clone, Default)]
pub struct Bell(watch::Sender<()>);

impl Bell {
    /// Makes the next look come soon.
    pub fn ring(&self) {
        self.0.send_replace(());
    }
}

/// A state of the cluster.
struct State {
    /// What makes it another one.
    news: Value,
    text: String,
}

impl State {
    fn of(overview: &Overview, view: &View) -> State {
        let cluster = overview.cluster_json(view);
        State { text: cluster.to_string(), news: without_time(cluster) }
    }

    fn event(&self) -> Event {
        Event::default().data(&self.text)
    }
}

/// See the module.
#[derive(Clone)]
pub struct Live {
    overview: Arc<Overview>,
    /// The newest one that differs from the one before; none until somebody listens.
    state: watch::Sender<Option<Arc<State>>>,
    bell: Bell,
    /// How many there are.
    listeners: u32,
    places: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    leaving: Leaving,
}

/// A listener's place; counted as long as it is kept.
struct Place {
    _permit: OwnedSemaphorePermit,
    metrics: Arc<Metrics>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.metrics.listeners.dec();
    }
}

/// Why nobody can listen.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// No place.
    #[error("{0} pages listen here already; ask /api/cluster from time to time instead")]
    Full(u32),
    /// No state to begin with.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl Live {
    /// Nobody listens yet, and so many may; 0: any number. `bell` is rung by whoever knows of changes.
    pub fn new(
        overview: Arc<Overview>,
        bell: Bell,
        listeners: u32,
        metrics: Arc<Metrics>,
        leaving: Leaving,
    ) -> Live {
        let most = if listeners == 0 { Semaphore::MAX_PERMITS } else { listeners as usize };
        let places = Arc::new(Semaphore::new(most));
        Live { overview, state: watch::Sender::new(None), bell, listeners, places, metrics, leaving }
    }

    /// The state now, and each that follows.
    ///
    /// # Errors
    /// With a sentence, when there is no place or no state.
    pub async fn listen(
        &self,
    ) -> Result<impl Stream<Item = Result<Event, Infallible>> + Send + use<>, LiveError> {
        let permit = self.places.clone().try_acquire_owned().map_err(|_| LiveError::Full(self.listeners))?;
        self.metrics.listeners.inc();
        let place = Place { _permit: permit, metrics: self.metrics.clone() };
        // In this order: what changes between the two is told, too.
        let receiver = self.state.subscribe();
        self.bell.ring();
        let first = Arc::new(State::of(&self.overview, &*self.overview.get().await?));
        let event = first.event().retry(limits::EVENT_RETRY);
        let changes = stream::unfold((receiver, first, place), async |(mut receiver, told, place)| {
            loop {
                receiver.changed().await.ok()?;
                let state = receiver.borrow_and_update().clone();
                if let Some(state) = state.filter(|state| state.news != told.news) {
                    return Some((state.event(), (receiver, state, place)));
                }
            }
        });
        let events = stream::iter([event]).chain(changes).take_until(self.leaving.clone().late());
        Ok(events.map(Ok))
    }

    /// Looks at the cluster for those that listen, until cancelled.
    pub async fn run(self, registry: Arc<dyn Registry>, cancel: CancellationToken) {
        let mut rung = self.bell.0.subscribe();
        let work = async {
            // Whoever came before this rang in vain.
            let mut goes_on = true;
            while goes_on {
                self.watch(&*registry, &mut rung).await;
                self.state.send_replace(None);
                goes_on = rung.changed().await.is_ok();
            }
        };
        cancel.run_until_cancelled(work).await;
    }

    /// Until nobody listens any more.
    async fn watch(&self, registry: &dyn Registry, rung: &mut watch::Receiver<()>) {
        let mut hints = registry.hints();
        while self.state.receiver_count() > 0 {
            let looked = Instant::now();
            match self.overview.look().await {
                Ok(view) => {
                    let state = State::of(&self.overview, &view);
                    self.state.send_if_modified(|known| {
                        let news = known.as_ref().is_none_or(|known| known.news != state.news);
                        if news {
                            *known = Some(Arc::new(state));
                        }
                        news
                    });
                }
                // Whoever listens keeps the last state; the games say by themselves that the registry is away.
                Err(error) => debug!(%error, "no look at the cluster"),
            }
            tokio::select! {
                _ = hints.next() => {}
                _ = rung.changed() => {}
                () = sleep(limits::EVENT_POLL) => {}
            }
            // All that is hinted meanwhile is seen by one look.
            sleep_until(looked + limits::EVENT_PAUSE).await;
            while let Some(Some(_)) = hints.next().now_or_never() {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moves::Moves;
    use protocol::MemberId;
    use registry::memory::Memory;
    use registry::{ClusterRecord, Request};

    /// Over this registry, and its end.
    fn live(registry: &Memory) -> (Live, CancellationToken) {
        let (bell, metrics) = (Bell::default(), Arc::new(Metrics::new()));
        let registry: Arc<dyn Registry> = Arc::new(registry.clone());
        let overview = Overview::new(MemberId(1), registry.clone(), 8, Moves::new(bell.clone()), None);
        let live = Live::new(Arc::new(overview), bell, LISTENERS, metrics, Leaving::default());
        let cancel = CancellationToken::new();
        tokio::spawn(live.clone().run(registry, cancel.clone()));
        (live, cancel)
    }

    const LISTENERS: u32 = 20;

    async fn publish(registry: &Memory, revision: u32) {
        let record = ClusterRecord { target_revision: format!("r{revision}"), ..ClusterRecord::default() };
        registry.call(Request::PublishCluster(record)).await.expect("memory answers");
    }

    #[tokio::test]
    async fn only_so_many_pages_listen_at_once() {
        let (live, cancel) = live(&Memory::new());
        let mut pages = Vec::new();
        for _ in 0..LISTENERS {
            pages.push(live.listen().await.expect("a place"));
        }
        assert!(matches!(live.listen().await, Err(LiveError::Full(LISTENERS))));
        assert_eq!(live.metrics.listeners.get(), i64::from(LISTENERS));
        pages.pop();
        assert!(live.listen().await.is_ok());
        cancel.cancel();
    }

    #[tokio::test]
    async fn a_page_that_takes_nothing_for_a_while_gets_the_newest_state() {
        let registry = Memory::new();
        let (live, cancel) = live(&registry);
        let (mut slow, mut quick) = (
            Box::pin(live.listen().await.expect("a place")),
            Box::pin(live.listen().await.expect("a place")),
        );
        for revision in 1..=3 {
            publish(&registry, revision).await;
            let wanted = format!("\"target_revision\":\"r{revision}\"");
            while let Some(Ok(event)) = quick.next().await
                && !event.to_string().contains(&wanted)
            {}
        }
        let mut told = Vec::new();
        while let Some(Some(Ok(event))) = slow.next().now_or_never() {
            told.push(event.to_string());
        }
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("\"target_revision\":\"\"") && told[1].contains("r3"), "{told:?}");
        cancel.cancel();
    }

    #[tokio::test]
    async fn a_page_is_let_go_some_time_after_the_member_starts_to_leave() {
        let (live, cancel) = live(&Memory::new());
        let mut page = Box::pin(live.listen().await.expect("a place"));
        assert!(page.next().await.is_some());
        let grace = std::time::Duration::from_secs(10);
        live.leaving.begin(crate::leaving::Goodbye::of(1, grace), Instant::now() + grace);
        while page.next().await.is_some() {}
        cancel.cancel();
    }
}
