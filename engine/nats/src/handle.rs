//! What is asked of the broker by those who outlive the question: subscriptions, guards, buckets. The client behind it
//! may be replaced (see [`crate::client`]), so whoever keeps a handle asks it each time.

use std::{
    sync::{Arc, PoisonError, RwLock, Weak},
    time::Duration,
};

use async_nats::{Client, jetstream};
use serde_json::Value;
use tailrace_core::ports::broker::BrokerError;

use crate::api;

/// The client as it is now.
#[derive(Clone)]
pub(crate) struct NatsHandle(Arc<RwLock<Now>>);

/// A handle that keeps nobody connected.
pub(crate) struct WeakHandle(Weak<RwLock<Now>>);

struct Now {
    /// How many clients were before this one.
    generation: u64,
    client: Client,
    jetstream: jetstream::Context,
}

impl Now {
    fn of(generation: u64, client: Client, patience: Duration) -> Self {
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(patience);
        Self {
            generation,
            client,
            jetstream,
        }
    }
}

impl NatsHandle {
    /// Each question to JetStream may take as long as `patience`.
    pub(crate) fn new(client: Client, patience: Duration) -> Self {
        Self(Arc::new(RwLock::new(Now::of(0, client, patience))))
    }

    pub(crate) fn client(&self) -> Client {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .client
            .clone()
    }

    pub(crate) fn jetstream(&self) -> jetstream::Context {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .jetstream
            .clone()
    }

    /// What was opened over the client of another generation is of no use any more.
    pub(crate) fn generation(&self) -> u64 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).generation
    }

    pub(crate) fn weak(&self) -> WeakHandle {
        WeakHandle(Arc::downgrade(&self.0))
    }

    /// Asks `$JS.API.<subject>`.
    pub(crate) async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        subject: &str,
        body: &Value,
    ) -> Result<T, BrokerError> {
        let payload = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let answer = self
            .client()
            .request(format!("$JS.API.{subject}"), payload.into())
            .await;
        api::parse(
            &answer
                .map_err(|cause| BrokerError::Unreachable(cause.to_string()))?
                .payload,
        )
    }
}

impl WeakHandle {
    /// Whether somebody still asks.
    pub(crate) fn is_wanted(&self) -> bool {
        self.0.strong_count() > 0
    }

    pub(crate) fn client(&self) -> Option<Client> {
        Some(NatsHandle(self.0.upgrade()?).client())
    }

    /// From now on this client is asked.
    pub(crate) fn replace(&self, client: Client, patience: Duration) {
        if let Some(now) = self.0.upgrade() {
            let mut now = now.write().unwrap_or_else(PoisonError::into_inner);
            *now = Now::of(now.generation + 1, client, patience);
        }
    }
}
