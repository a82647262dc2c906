//! What tenants send, read and make by hand.

use async_trait::async_trait;
use tailrace_core::{
    life::Life,
    name::Name,
    ports::{
        broker::BrokerError,
        messages::{MessagePage, Messages, NewMessage, ReadFrom, SendError, StoredAt},
        tenant_streams::{TenantStream, TenantStreamError, TenantStreamFacts, TenantStreams},
    },
    subject,
};

use super::{MemoryBroker, log::Stream};
use crate::link::Service;

impl MemoryBroker {
    fn take(&self, message: NewMessage) -> Result<StoredAt, SendError> {
        let NewMessage {
            subject,
            headers,
            payload,
            ..
        } = message;
        let mut streams = self.0.log.lock();
        let holds = |stream: &Stream| {
            let mut subjects = stream.subjects.iter();
            subjects.any(|pattern| subject::covers(pattern, &subject))
        };
        let holder = streams.held.iter().find(|(_, stream)| holds(stream));
        let stream = holder.map(|(name, _)| name.clone()).ok_or(SendError::Untaken)?;
        let sequence = streams.append(&stream, &subject, headers, payload);
        drop(streams);
        self.note_write();
        self.0.log.tell();
        Ok(StoredAt {
            stream,
            sequence,
            duplicate: false,
        })
    }
}

#[async_trait]
impl Messages for MemoryBroker {
    async fn send(&self, messages: Vec<NewMessage>) -> Vec<Result<StoredAt, SendError>> {
        let mut sent = Vec::with_capacity(messages.len());
        for message in messages {
            let broker = self.clone();
            let taken = self.0.link.change(Service::Streams, move || broker.take(message));
            sent.push(taken.await.unwrap_or_else(|cause| Err(SendError::Broker(cause))));
        }
        sent
    }

    async fn read(
        &self,
        stream: &str,
        pattern: &str,
        from: ReadFrom,
        limit: usize,
        _: usize,
    ) -> Result<MessagePage, BrokerError> {
        self.0.link.request(Service::Streams).await?;
        let streams = self.0.log.lock();
        let held = streams.held.get(stream);
        let held = held.ok_or_else(|| BrokerError::NoStream(stream.to_owned()))?;
        let is_after = |message: &super::Stored| match from {
            ReadFrom::Sequence(sequence) => message.sequence >= sequence,
            ReadFrom::Time(ms) => message.received_ms >= ms,
        };
        let patterns = [pattern.to_owned()];
        let wanted: Vec<_> = held
            .from(0, &patterns)
            .filter(|message| is_after(message))
            .collect();
        Ok(MessagePage {
            pending: wanted.len().saturating_sub(limit) as u64,
            messages: wanted
                .into_iter()
                .take(limit)
                .map(super::Stored::incoming)
                .collect(),
        })
    }
}

fn facts_of(stream: &Stream) -> Option<TenantStreamFacts> {
    let first = stream.messages.first();
    Some(TenantStreamFacts {
        wanted: stream.tenant.clone()?,
        created: stream.created.clone(),
        messages: stream.messages.len() as u64,
        bytes: stream
            .messages
            .iter()
            .map(|message| message.payload.len() as u64)
            .sum(),
        first_sequence: first.map_or(stream.last_sequence + 1, |message| message.sequence),
        last_sequence: stream.last_sequence,
    })
}

impl MemoryBroker {
    fn put_tenants(&self, wanted: TenantStream) -> Result<TenantStreamFacts, TenantStreamError> {
        let name = subject::tenant_stream_name(&wanted.tenant, &wanted.name);
        let mut streams = self.0.log.lock();
        let overlaps = |subjects: &[String]| {
            let mut subjects = subjects.iter();
            subjects.any(|held| wanted.subjects.iter().any(|new| subject::overlap(held, new)))
        };
        let mut others = streams.held.iter().filter(|(other, _)| **other != name);
        if others.any(|(_, stream)| overlaps(&stream.subjects)) {
            return Err(TenantStreamError::Overlaps);
        }
        let stream = streams.make(&name, Vec::new);
        let is_own = |known: &TenantStream| known.tenant == wanted.tenant && known.life == wanted.life;
        if !stream.tenant.as_ref().is_none_or(is_own) {
            return Err(TenantStreamError::Taken);
        }
        stream.subjects.clone_from(&wanted.subjects);
        stream.tenant = Some(wanted);
        let made = facts_of(stream).ok_or(TenantStreamError::Taken);
        drop(streams);
        self.note_write();
        made
    }
}

#[async_trait]
impl TenantStreams for MemoryBroker {
    async fn put(&self, wanted: &TenantStream) -> Result<TenantStreamFacts, TenantStreamError> {
        let (broker, wanted) = (self.clone(), wanted.clone());
        let made = self
            .0
            .link
            .change(Service::Streams, move || broker.put_tenants(wanted));
        made.await?
    }

    async fn of(&self, tenant: &Name, life: Life) -> Result<Vec<TenantStreamFacts>, BrokerError> {
        self.0.link.request(Service::Streams).await?;
        let streams = self.0.log.lock();
        let mut found: Vec<_> = streams
            .held
            .values()
            .filter_map(facts_of)
            .filter(|known| known.wanted.tenant == *tenant && known.wanted.life == life)
            .collect();
        found.sort_by(|one, other| one.created.cmp(&other.created));
        Ok(found)
    }

    async fn remove(&self, tenant: &Name, life: Life, name: &Name) -> Result<(), BrokerError> {
        let own = self.of(tenant, life).await?;
        if !own.iter().any(|known| known.wanted.name == *name) {
            return Ok(());
        }
        let (broker, stream) = (self.clone(), subject::tenant_stream_name(tenant, name));
        let removed = self.0.link.change(Service::Removal, move || {
            broker.note_write();
            broker.lose_stream(&stream);
        });
        removed.await
    }
}
