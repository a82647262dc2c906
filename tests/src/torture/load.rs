//! The load: numbered events of fifty users, published without pause and acknowledged, through every
//! fault. Each bears its number as `Nats-Msg-Id`, so that a retry after an unknown outcome adds nothing,
//! and a window holds each user at most once and is acknowledged whole before the next, so that no retry
//! changes the order of a user's events.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use rand::{SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use serde_json::json;
use tailrace_core::tasks;
use tailrace_nats::async_nats::jetstream::{self, message::PublishMessage, stream};
use tokio::task::JoinHandle;

use crate::access::Access;

/// The input stream.
pub const STREAM: &str = "SHOP";
/// Where its events are published.
const SUBJECT: &str = "shop.events.x";
/// Users that events belong to.
pub const USERS: usize = 50;
/// Events under way at once; fewer than there are users, for each is of another one.
const WINDOW: usize = 20;
/// Pause between windows: about 900 events a second, which leaves the machine to the engine.
const PAUSE: Duration = Duration::from_millis(20);
/// An acknowledgement that takes longer is lost; the event is sent again.
const ACK_WITHIN: Duration = Duration::from_secs(2);
/// Pause before it is sent again.
const RETRY_AFTER: Duration = Duration::from_millis(100);
/// Tries before the load gives up: with the two times above more than ten minutes, longer than any fault.
const TRIES: u32 = 6_000;
/// How long the broker remembers identifiers: longer than any fault lasts.
const REMEMBERED: Duration = Duration::from_mins(20);

/// The name of a user.
pub fn user(number: usize) -> String {
    format!("u{number}")
}

/// A publisher at work.
pub struct Load {
    ending: Arc<AtomicBool>,
    published: Arc<AtomicU64>,
    task: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Load {
    /// Makes the input stream and begins to publish.
    pub async fn start(broker: &Access, seed: u64) -> anyhow::Result<Self> {
        let mut jetstream = jetstream::new(broker.client.clone());
        jetstream.set_timeout(ACK_WITHIN);
        jetstream
            .create_stream(stream::Config {
                name: STREAM.to_owned(),
                subjects: vec!["shop.events.>".to_owned()],
                duplicate_window: REMEMBERED,
                num_replicas: broker.replicas,
                ..stream::Config::default()
            })
            .await?;
        let (ending, published) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let publisher = Publisher {
            jetstream,
            published: published.clone(),
        };
        let task = tasks::spawn(publisher.run(StdRng::seed_from_u64(seed), ending.clone()));
        Ok(Self {
            ending,
            published,
            task: Some(task),
        })
    }

    /// Events that are acknowledged.
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    /// Publishes one more event of every user, and ends.
    pub async fn finish(&mut self) -> anyhow::Result<()> {
        self.ending.store(true, Ordering::Release);
        let task = self.task.take().context("the load has ended already")?;
        task.await?
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

struct Publisher {
    jetstream: jetstream::Context,
    published: Arc<AtomicU64>,
}

impl Publisher {
    async fn run(self, mut random: StdRng, ending: Arc<AtomicBool>) -> anyhow::Result<()> {
        let mut users: Vec<usize> = (0..USERS).collect();
        while !ending.load(Ordering::Acquire) {
            users.shuffle(&mut random);
            self.window(&users[..WINDOW]).await?;
            tokio::time::sleep(PAUSE).await;
        }
        self.window(&users).await
    }

    async fn window(&self, users: &[usize]) -> anyhow::Result<()> {
        let first = self.published.load(Ordering::Acquire);
        let mut open: Vec<(u64, usize)> = (first..).zip(users.iter().copied()).collect();
        for _ in 0..TRIES {
            let sent = open
                .iter()
                .map(|(number, user)| async { (*number, *user, self.send(*number, *user).await) });
            let answers = futures::future::join_all(sent).await;
            open = answers
                .into_iter()
                .filter(|(_, _, stored)| !stored)
                .map(|(number, user, _)| (number, user))
                .collect();
            if open.is_empty() {
                self.published.fetch_add(users.len() as u64, Ordering::AcqRel);
                return Ok(());
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
        anyhow::bail!(
            "the broker took no event in {TRIES} tries; the first is {:?}",
            open[0]
        )
    }

    /// Whether it is known to be stored; if not, it may be.
    async fn send(&self, number: u64, user_number: usize) -> bool {
        let payload = json!({ "user": user(user_number), "n": number, "do": "count" }).to_string();
        let message = PublishMessage::build()
            .payload(payload.into())
            .message_id(number.to_string());
        match self.jetstream.send_publish(SUBJECT, message).await {
            Ok(ack) => ack.await.is_ok(),
            Err(_) => false,
        }
    }
}
