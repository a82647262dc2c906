//! The client's stream of a consumer's messages, and whether it stands still though the broker has more.
//!
//! A delivery may go to a connection that is dead, and so may the request for more. Where another delivery follows,
//! its number shows that. Where none follows, nobody would know until the broker delivers again, minutes later.

use std::time::Duration;

use async_nats::jetstream::{
    Message,
    consumer::pull::{self, MessagesError},
};
use futures::{FutureExt as _, StreamExt as _};
use tokio::time::Instant;

/// After so long without a delivery, though the broker has more for it, the consumer is made anew.
const STALLED_AFTER: Duration = Duration::from_secs(5);

/// What the client's stream gives; none at its end.
pub(super) type Pull = Option<Result<Message, MessagesError>>;

/// The client's stream.
pub(super) struct Pulled {
    stream: pull::Stream,
    /// What it gave when it was only looked at.
    held: Option<Pull>,
    /// The broker has had more after this delivery, and since when.
    behind: Option<(u64, Instant)>,
}

impl Pulled {
    pub(super) fn new(stream: pull::Stream) -> Self {
        Self {
            stream,
            held: None,
            behind: None,
        }
    }

    /// Waits for the next.
    pub(super) async fn next(&mut self) -> Pull {
        match self.held.take() {
            Some(held) => held,
            None => self.stream.next().await,
        }
    }

    /// The next, if it has come already.
    pub(super) fn ready(&mut self) -> Option<Pull> {
        self.held.take().or_else(|| self.stream.next().now_or_never())
    }

    /// Whether it stands still: the broker has so many messages after this delivery for a while, and the client holds
    /// none of them.
    pub(super) fn is_stalled(&mut self, delivery: u64, waiting: u64) -> bool {
        match self.behind {
            _ if waiting == 0 => self.behind = None,
            Some((behind, since)) if behind == delivery => {
                return since.elapsed() > STALLED_AFTER && self.is_drained();
            }
            _ => self.behind = Some((delivery, Instant::now())),
        }
        false
    }

    fn is_drained(&mut self) -> bool {
        self.held = self.ready();
        self.held.is_none()
    }
}
