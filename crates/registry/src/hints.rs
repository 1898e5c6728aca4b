//! Hints on their way to listeners within this process.
//!
//! Owns the bound: who is too slow loses the oldest hints and is told so, as [`crate::Registry::hints`] says.

use crate::Hint;
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::sync::broadcast::{self, error::RecvError};

/// Hints that a listener may lag behind before it loses the oldest.
pub(crate) const HINTS_KEPT: usize = 1024;

/// One source of hints with any number of listeners.
#[derive(Clone, Debug)]
pub(crate) struct Hints(broadcast::Sender<Hint>);

impl Hints {
    pub(crate) fn new() -> Hints {
        Hints(broadcast::Sender::new(HINTS_KEPT))
    }

    /// To everybody who listens at present, be it nobody.
    pub(crate) fn send(&self, hint: Hint) {
        // An error says that nobody listens, which is fine.
        self.0.send(hint).ok();
    }

    pub(crate) fn listen(&self) -> BoxStream<'static, Hint> {
        // The stream keeps the sender, so that it never ends.
        let start = (self.0.subscribe(), self.clone());
        stream::unfold(start, async |(mut receiver, source)| {
            let hint = match receiver.recv().await {
                Ok(hint) => hint,
                Err(RecvError::Lagged(lost)) => {
                    tracing::debug!(lost, "a listener lost hints");
                    Hint::Lost
                }
                Err(RecvError::Closed) => return None,
            };
            Some((hint, (receiver, source)))
        })
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::GameId;

    #[tokio::test]
    async fn a_slow_listener_is_told_that_it_lost_hints() {
        let hints = Hints::new();
        let mut listener = hints.listen();
        (0..=HINTS_KEPT as u64).for_each(|game| hints.send(Hint::Game(GameId(game))));
        assert_eq!(listener.next().await, Some(Hint::Lost));
        assert_eq!(listener.next().await, Some(Hint::Game(GameId(1))));
    }
}
