//! Reading a bucket: one object, and which there are.

use std::collections::{BTreeMap, BTreeSet};

use async_nats::jetstream::object_store::ObjectInfo;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use tailrace_core::ports::broker::BrokerError;

use super::{
    Objects,
    info::{Known, Part, all_subjects, is_whole, metadata_subject, part},
};
use crate::{
    api::{self, code},
    error::unreachable,
    stream_info::StreamInfo,
};

/// Most bytes of one direct get, or one chunk if that is larger: the connection is shared with the commits.
pub(super) const MAX_BYTES: usize = 1 << 20;
/// Most messages of one direct get; small chunks come from brokers with a low `max_payload`.
const MAX_MESSAGES: usize = 256;
/// How often an object may be replaced while it is read.
const MAX_REPLACED: usize = 5;
/// Questions for metadata at once.
const QUESTIONS: usize = 16;

/// An object that was read whole.
pub(crate) struct Object {
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) bytes: Vec<u8>,
}

/// What a bucket holds.
#[derive(Default)]
pub(crate) struct Listed {
    /// Names of the objects.
    pub(crate) objects: BTreeSet<String>,
    /// Names of which there are chunks only: an upload is under way, or was cut off.
    pub(crate) cut_off: BTreeSet<String>,
}

impl Objects<'_> {
    /// Reads an object; none where there is none, or none whole.
    pub(crate) async fn get(&self, name: &str) -> Result<Option<Object>, BrokerError> {
        for _ in 0..MAX_REPLACED {
            let Some(known) = self.look(name).await?.filter(|known| !known.info.deleted) else {
                return Ok(None);
            };
            if let Some(bytes) = self.read(&known).await? {
                let metadata = known.info.metadata.into_iter().collect();
                return Ok(Some(Object { metadata, bytes }));
            }
            let now = self.look(name).await?;
            if now.is_some_and(|now| now.sequence == known.sequence) {
                tracing::error!(
                    bucket = self.bucket,
                    name,
                    "an object is damaged: its chunks are not what its metadata say"
                );
                return Ok(None);
            }
        }
        Err(unreachable(&format!("object {name} is replaced again and again")))
    }

    /// An object's metadata as they stand, also those of one that was deleted.
    pub(super) async fn look(&self, name: &str) -> Result<Option<Known>, BrokerError> {
        let subject = metadata_subject(self.bucket, name);
        let stored = match self.broker.last_of(&self.stream(), &subject).await {
            Err(cause) if api::is(&cause, code::STREAM_NOT_FOUND) => return Ok(None),
            stored => stored?,
        };
        let Some(stored) = stored else { return Ok(None) };
        let info = serde_json::from_slice::<ObjectInfo>(&stored.payload).map_err(|cause| {
            unreachable(&format!("the metadata of object {name} cannot be read: {cause}"))
        })?;
        Ok(Some(Known {
            info,
            sequence: stored.sequence,
        }))
    }

    /// An object's bytes; none where they are not what its metadata say.
    async fn read(&self, known: &Known) -> Result<Option<Vec<u8>>, BrokerError> {
        let Some(subject) = known.chunks(self.bucket) else {
            return Ok(None);
        };
        let bytes = self.by_direct_gets(&subject, known.info.size).await?;
        if let Some(bytes) = bytes.filter(|bytes| is_whole(&known.info, bytes)) {
            return Ok(Some(bytes));
        }
        let bytes = self.one_by_one(&subject, known.info.size).await?;
        Ok(Some(bytes).filter(|bytes| is_whole(&known.info, bytes)))
    }

    /// Many chunks a question; none where nobody answers direct gets.
    async fn by_direct_gets(&self, subject: &str, size: usize) -> Result<Option<Vec<u8>>, BrokerError> {
        let mut bytes = Vec::new();
        let mut sequence = 0;
        // What passes the size is wrong already.
        while bytes.len() <= size {
            let request = json!({
                "seq": sequence + 1,
                "next_by_subj": subject,
                "batch": MAX_MESSAGES,
                "max_bytes": MAX_BYTES,
            });
            let Some(batch) = self.broker.direct_batch(&self.stream(), &request).await? else {
                return Ok(None);
            };
            let Some(last) = batch.messages.last() else { break };
            sequence = last.sequence;
            for message in &batch.messages {
                bytes.extend_from_slice(&message.payload);
            }
            if batch.pending == 0 {
                break;
            }
        }
        Ok(Some(bytes))
    }

    /// A chunk a question.
    async fn one_by_one(&self, subject: &str, size: usize) -> Result<Vec<u8>, BrokerError> {
        let mut bytes = Vec::new();
        let mut sequence = 0;
        while bytes.len() <= size {
            let request = json!({ "seq": sequence + 1, "next_by_subj": subject });
            let Some(chunk) = self.broker.ask_leader(&self.stream(), &request).await? else {
                break;
            };
            sequence = chunk.sequence;
            bytes.extend_from_slice(&chunk.payload);
        }
        Ok(bytes)
    }

    /// What the bucket holds. Marks of deletion that engines before this one left are cleared away where they
    /// are met.
    pub(crate) async fn list(&self) -> Result<Listed, BrokerError> {
        let mut listed = Listed::default();
        let mut uploaded = BTreeSet::new();
        for subject in self.subjects(&all_subjects(self.bucket)).await? {
            match part(self.bucket, &subject) {
                Some(Part::Metadata(name)) => listed.objects.insert(name),
                Some(Part::Chunk(name)) => uploaded.insert(name),
                None => false,
            };
        }
        listed.cut_off = uploaded.difference(&listed.objects).cloned().collect();
        // Of those only the metadata tell whether they are objects: of another writer, or deleted.
        let unclear: Vec<String> = listed.objects.difference(&uploaded).cloned().collect();
        let looked = stream::iter(unclear.into_iter().map(|name| self.unless_object(name)));
        let gone: Vec<Option<String>> = looked.buffer_unordered(QUESTIONS).try_collect().await?;
        for name in gone.into_iter().flatten() {
            listed.objects.remove(&name);
        }
        Ok(listed)
    }

    /// Gives the name back, unless it is an object's.
    async fn unless_object(&self, name: String) -> Result<Option<String>, BrokerError> {
        match self.look(&name).await? {
            Some(known) if !known.info.deleted => Ok(None),
            Some(mark) => {
                let subject = metadata_subject(self.bucket, &name);
                self.purge(&subject, Some(mark.sequence)).await?;
                Ok(Some(name))
            }
            None => Ok(Some(name)),
        }
    }

    /// All subjects that a pattern covers, page by page.
    pub(super) async fn subjects(&self, pattern: &str) -> Result<Vec<String>, BrokerError> {
        let stream = format!("STREAM.INFO.{}", self.stream());
        let mut found = Vec::new();
        loop {
            let request = json!({ "subjects_filter": pattern, "offset": found.len() });
            let info: StreamInfo = match self.broker.ask(&stream, &request).await {
                Err(cause) if api::is(&cause, code::STREAM_NOT_FOUND) => return Ok(found),
                info => info?,
            };
            let page = info.state.subjects.unwrap_or_default();
            let is_last = page.is_empty() || found.len() + page.len() >= info.total;
            found.extend(page.into_keys());
            if is_last {
                return Ok(found);
            }
        }
    }

    /// Purges a subject; with `until`, what lies there up to that sequence.
    pub(super) async fn purge(&self, subject: &str, until: Option<u64>) -> Result<(), BrokerError> {
        let mut request = json!({ "filter": subject });
        if let Some(until) = until {
            request["seq"] = json!(until + 1);
        }
        let purged = self
            .broker
            .ask::<serde_json::Value>(&format!("STREAM.PURGE.{}", self.stream()), &request)
            .await;
        match purged {
            Err(cause) if !api::is(&cause, code::STREAM_NOT_FOUND) => Err(cause),
            _ => Ok(()),
        }
    }
}
