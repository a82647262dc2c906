//! The requests of one connection, and when it must go: no request for too long, a request that takes too
//! long, too many that were broken off (streams that are opened and reset at once cost the client nothing), or
//! too many without a valid token. One rule for HTTP/1 and 2, plain and encrypted.
//!
//! Invariant: an exchange lasts from the headers of its request until its answer is sent or dropped.
//!
//! Why: docs/decisions/0051-one-rule-ends-a-connection.md

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// Requests that a connection may break off beyond those that it let finish.
const BROKEN_OFF: u64 = 100;
/// Answers 401 on one connection: more than any client that is only wrong would ask for.
const UNAUTHORIZED: u64 = 20;

/// Why a connection must go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// No request came.
    Idle,
    /// A request took too long.
    Overdue,
    /// Too many requests were broken off.
    BrokenOff,
    /// Too many had no valid token.
    Unauthorized,
}

/// The exchanges of a connection.
pub(super) struct Exchanges {
    idle: Duration,
    longest: Duration,
    state: Mutex<State>,
    /// Told what the timer cannot know.
    broken: Notify,
}

struct State {
    next: u64,
    /// Numbers and deadlines; streams of events have none. Bounded by the streams of a connection.
    running: Vec<(u64, Option<Instant>)>,
    /// When there was something to do last.
    busy: Instant,
    finished: u64,
    broken_off: u64,
    unauthorized: u64,
}

/// One request with its answer.
pub(super) struct Exchange {
    of: Arc<Exchanges>,
    number: u64,
    is_finished: bool,
}

impl Exchanges {
    pub(super) fn new(idle: Duration, longest: Duration) -> Arc<Self> {
        let state = State {
            next: 0,
            running: Vec::new(),
            busy: Instant::now(),
            finished: 0,
            broken_off: 0,
            unauthorized: 0,
        };
        Arc::new(Self {
            idle,
            longest,
            state: Mutex::new(state),
            broken: Notify::new(),
        })
    }

    /// A request's headers are whole.
    pub(super) fn begin(self: &Arc<Self>) -> Exchange {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.running.push((number, Some(Instant::now() + self.longest)));
        Exchange {
            of: self.clone(),
            number,
            is_finished: false,
        }
    }

    /// Waits until the connection must go.
    pub(super) async fn over(&self) -> Reason {
        loop {
            let broken = self.broken.notified();
            let now = Instant::now();
            if let Some(reason) = self.state().verdict(now, self.idle) {
                return reason;
            }
            // Looked at again at the latest when the connection could have become idle meanwhile.
            let at = self
                .state()
                .next_deadline()
                .map_or(now + self.idle, |deadline| deadline.min(now + self.idle));
            let at = if self.is_quiet() {
                self.state().busy + self.idle
            } else {
                at
            };
            tokio::select! {
                () = broken => {}
                () = tokio::time::sleep_until(at) => {}
            }
        }
    }

    /// Whether no request is under way.
    pub(super) fn is_quiet(&self) -> bool {
        self.state().running.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn verdict(&self, now: Instant, idle: Duration) -> Option<Reason> {
        if self.broken_off > BROKEN_OFF + self.finished {
            return Some(Reason::BrokenOff);
        }
        if self.unauthorized > UNAUTHORIZED {
            return Some(Reason::Unauthorized);
        }
        if self.running.is_empty() {
            return (now >= self.busy + idle).then_some(Reason::Idle);
        }
        self.next_deadline()
            .filter(|deadline| now >= *deadline)
            .map(|_| Reason::Overdue)
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.running.iter().filter_map(|(_, deadline)| *deadline).min()
    }
}

impl Exchange {
    /// It is a stream of events, which ends when its client or the engine does.
    pub(super) fn is_stream(&self) {
        let mut state = self.of.state();
        let own = state
            .running
            .iter_mut()
            .find(|(number, _)| *number == self.number);
        if let Some((_, deadline)) = own {
            *deadline = None;
        }
    }

    /// Its answer is that the token is not valid.
    pub(super) fn is_unauthorized(&self) {
        self.of.state().unauthorized += 1;
    }

    /// Its answer was sent whole.
    pub(super) fn finish(&mut self) {
        self.is_finished = true;
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut state = self.of.state();
        state.running.retain(|(number, _)| *number != self.number);
        state.busy = Instant::now();
        if self.is_finished {
            state.finished += 1;
        } else {
            state.broken_off += 1;
        }
        if state.verdict(state.busy, self.of.idle).is_some() {
            self.of.broken.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(10);
    const LONGEST: Duration = Duration::from_mins(1);

    async fn after(exchanges: &Exchanges) -> (Reason, Duration) {
        let began = Instant::now();
        (exchanges.over().await, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_request_goes_after_the_idle_time() {
        let exchanges = Exchanges::new(IDLE, LONGEST);
        assert_eq!(after(&exchanges).await.0, Reason::Idle);
        let exchange = exchanges.begin();
        let end = async {
            tokio::time::sleep(IDLE * 3).await;
            drop(exchange);
        };
        let ((reason, took), ()) = tokio::join!(after(&exchanges), end);
        assert_eq!(reason, Reason::Idle);
        assert!(
            took >= IDLE * 4,
            "the time runs from the end of the request: {took:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_takes_too_long_takes_its_connection_with_it() {
        let exchanges = Exchanges::new(IDLE, LONGEST);
        let _stuck = exchanges.begin();
        let (reason, took) = after(&exchanges).await;
        assert_eq!(reason, Reason::Overdue);
        assert!(took < LONGEST + IDLE, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_of_events_may_last() {
        let exchanges = Exchanges::new(IDLE, LONGEST);
        let stream = exchanges.begin();
        stream.is_stream();
        let long = tokio::time::timeout(LONGEST * 100, exchanges.over()).await;
        assert!(long.is_err(), "it was closed: {long:?}");
        drop(stream);
        assert_eq!(after(&exchanges).await.0, Reason::Idle);
    }

    #[tokio::test(start_paused = true)]
    async fn who_breaks_off_more_than_it_lets_finish_goes_at_once() {
        let exchanges = Exchanges::new(IDLE, LONGEST);
        for _ in 0..BROKEN_OFF {
            drop(exchanges.begin());
        }
        let mut finished = exchanges.begin();
        finished.finish();
        drop(finished);
        drop(exchanges.begin());
        assert!(!matches!(
            exchanges.state().verdict(Instant::now(), IDLE),
            Some(Reason::BrokenOff)
        ));
        let (gone, ()) = tokio::join!(after(&exchanges), async { drop(exchanges.begin()) });
        assert_eq!(gone, (Reason::BrokenOff, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn who_tries_tokens_goes() {
        let exchanges = Exchanges::new(IDLE, LONGEST);
        for _ in 0..=UNAUTHORIZED {
            let mut exchange = exchanges.begin();
            exchange.is_unauthorized();
            exchange.finish();
        }
        assert_eq!(after(&exchanges).await, (Reason::Unauthorized, Duration::ZERO));
    }
}
