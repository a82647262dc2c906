//! Bodies on their way: a request's must keep coming, an answer's holds its exchange open until it is sent.

use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

use super::exchanges::Exchange;

type BoxError = Box<dyn Error + Send + Sync>;

/// A request's body came too slowly.
#[derive(Debug)]
pub(crate) struct TooSlow;

impl std::fmt::Display for TooSlow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the body came too slowly")
    }
}

impl Error for TooSlow {}

impl TooSlow {
    /// Whether it is behind an error.
    pub(crate) fn is_behind(cause: &(dyn Error + 'static)) -> bool {
        let mut next = Some(cause);
        while let Some(cause) = next {
            if cause.is::<Self>() {
                return true;
            }
            next = cause.source();
        }
        false
    }
}

/// How fast a body must come: at each moment it must be through that had `grace` and the time that its
/// bytes need at the rate. So a pause is forgiven to who was faster before, and dripping ends soon.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) grace: Duration,
    pub(super) bytes_a_second: u64,
}

impl Pace {
    fn allows(&self, received_bytes: u64) -> Duration {
        let millis = received_bytes.saturating_mul(1_000) / self.bytes_a_second.max(1);
        self.grace.saturating_add(Duration::from_millis(millis))
    }
}

/// A request's body that must keep coming.
pub(super) struct Paced<B = Incoming> {
    body: B,
    pace: Pace,
    received_bytes: u64,
    /// Since somebody waits for it.
    waited: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<B> Paced<B> {
    pub(super) fn new(body: B, pace: Pace) -> Self {
        Self {
            body,
            pace,
            received_bytes: 0,
            waited: None,
        }
    }

    /// Whether it is late. Ready only if it is.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (began, timer) = self.waited.get_or_insert_with(|| {
            let now = Instant::now();
            (now, Box::pin(tokio::time::sleep_until(now)))
        });
        let due = *began + self.pace.allows(self.received_bytes);
        if timer.deadline() != due {
            timer.as_mut().reset(due);
        }
        timer.as_mut().poll(cx)
    }
}

impl<B> HttpBody for Paced<B>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            ready!(self.poll_late(cx));
            return Poll::Ready(Some(Err(TooSlow.into())));
        };
        let frame = frame.map(|frame| frame.map_err(Into::into));
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            self.received_bytes += data.len() as u64;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body with its exchange.
pub(super) struct Held {
    body: Body,
    exchange: Exchange,
}

impl Held {
    pub(super) fn new(body: Body, exchange: Exchange) -> Self {
        Self { body, exchange }
    }
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() {
            self.exchange.finish();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Who knows the length does not ask for the end.
        if self.body.is_end_stream() {
            self.exchange.finish();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    const PACE: Pace = Pace {
        grace: Duration::from_secs(10),
        bytes_a_second: 1_000,
    };

    /// How far a body came that brings `bytes` every `pause`.
    async fn received(bytes: usize, pause: Duration, most: usize) -> (usize, bool) {
        let drips = stream::unfold(0, move |number| async move {
            tokio::time::sleep(pause).await;
            (number < most).then(|| (Ok::<_, BoxError>(Bytes::from(vec![0; bytes])), number + 1))
        });
        let mut body = Paced::new(Body::from_stream(drips), PACE);
        let mut received = 0;
        loop {
            let next = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
            match next {
                Some(Ok(frame)) => received += frame.data_ref().map_or(0, Bytes::len),
                Some(Err(cause)) => return (received, TooSlow::is_behind(&*cause)),
                None => return (received, false),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_is_cut_off_and_one_that_keeps_the_rate_is_not() {
        let second = Duration::from_secs(1);
        assert_eq!(
            received(1, second, 1_000).await,
            (10, true),
            "the grace and no more"
        );
        assert_eq!(received(2_000, second, 100).await, (200_000, false));
        // It was faster before, so it may pause for as long as its bytes would have needed.
        assert_eq!(
            received(60_000, second * 60, 3).await,
            (0, true),
            "but not before the first"
        );
    }
}
