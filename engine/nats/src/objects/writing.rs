//! Storing an object, and deleting one.

use std::collections::{BTreeMap, VecDeque};

use async_nats::{
    HeaderMap, HeaderValue,
    header::{NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_ROLLUP},
    jetstream::{
        context::{PublishAckFuture, PublishErrorKind},
        object_store::{ObjectInfo, ObjectOptions},
    },
};
use bytes::Bytes;
use serde_json::{Value, json};
use tailrace_core::ports::broker::{BrokerError, Streams as _};

use super::{
    Objects,
    info::{Known, chunk_subject, chunks_of_name, digest, metadata_subject, upload},
};
use crate::error::{failed, unreachable};

/// Size of a chunk, where the broker takes messages of that size.
const CHUNK: usize = 128 << 10;
/// Chunks under way at once: enough that the way to the broker and back is not waited for each time.
const WINDOW: usize = 8;
/// How often an upload begins again because another one of the same name was faster.
const MAX_TRIES: usize = 5;

/// What came of writing metadata.
enum Written {
    /// They are stored under this sequence.
    Stored(u64),
    /// Somebody else has written or deleted the object since it was looked at.
    Overtaken,
}

impl Objects<'_> {
    /// Stores an object in place of what has that name.
    pub(crate) async fn put(
        &self,
        name: &str,
        metadata: BTreeMap<String, String>,
        bytes: &Bytes,
    ) -> Result<(), BrokerError> {
        self.bring_bucket().await?;
        let mut known = self.look(name).await?;
        for _ in 0..MAX_TRIES {
            let mut info = self.info(name, metadata.clone(), bytes);
            let stored = self.upload(&mut info, bytes, known.as_ref()).await;
            if let Ok(Written::Stored(sequence)) = stored {
                return self.clear(&info, sequence, known.as_ref()).await;
            }
            let now = self.look(name).await?;
            if let Some(now) = now.as_ref().filter(|now| now.info.nuid == info.nuid) {
                // Its answer was lost.
                return self.clear(&info, now.sequence, known.as_ref()).await;
            }
            self.forget(&info).await;
            stored?;
            if now.as_ref().is_some_and(|now| is_same(&now.info, &info)) {
                return Ok(());
            }
            known = now;
        }
        let cause = format!("object {name} is written by others at the same time, again and again");
        Err(unreachable(&cause))
    }

    /// Deletes an object, and what uploads of its name have left. Fine if there is none.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), BrokerError> {
        let uploads = chunks_of_name(self.bucket, name);
        let Some(known) = self.look(name).await? else {
            return self.purge(&uploads, None).await;
        };
        // The chunks first: a deletion that is cut off leaves an object that is listed, and is deleted again.
        if let Some(chunks) = known.chunks(self.bucket) {
            self.purge(&chunks, None).await?;
        }
        // What was stored since is of an upload that goes on, and stays.
        let until = Some(known.sequence);
        self.purge(&uploads, until).await?;
        self.purge(&metadata_subject(self.bucket, name), until).await
    }

    /// Deletes what was stored of an object up to a sequence of the bucket, and what uploads of its name have left
    /// until then. What was stored since stays.
    pub(crate) async fn delete_until(&self, name: &str, until: u64) -> Result<(), BrokerError> {
        // To the broker a purge up to nothing is one of everything.
        if until == 0 {
            return Ok(());
        }
        let known = self.look(name).await?;
        let chunks = known.and_then(|known| known.chunks(self.bucket));
        let uploads = chunks_of_name(self.bucket, name);
        for subject in chunks.into_iter().chain([uploads]) {
            self.purge(&subject, Some(until)).await?;
        }
        self.purge(&metadata_subject(self.bucket, name), Some(until))
            .await
    }

    /// The last sequence that the bucket gave; 0 where there is none.
    pub(crate) async fn last_sequence(&self) -> Result<u64, BrokerError> {
        match self.broker.stream(&self.stream()).await {
            Err(BrokerError::NoStream(_)) => Ok(0),
            facts => Ok(facts?.last_sequence),
        }
    }

    fn failed(&self, cause: &(dyn std::error::Error + 'static)) -> BrokerError {
        failed(cause, &self.stream())
    }

    /// Makes the bucket, unless it is there.
    async fn bring_bucket(&self) -> Result<(), BrokerError> {
        match self.broker.stream(&self.stream()).await {
            Err(BrokerError::NoStream(_)) => {}
            known => return known.map(drop),
        }
        let config = json!({
            "name": self.stream(),
            "subjects": [format!("$O.{}.C.>", self.bucket), format!("$O.{}.M.>", self.bucket)],
            "retention": "limits",
            "storage": "file",
            "discard": "new",
            "allow_rollup_hdrs": true,
            "allow_direct": true,
        });
        self.broker
            .create_stream::<Value>(&self.stream(), config)
            .await
            .map(drop)
    }

    /// The metadata of a new upload.
    fn info(&self, name: &str, metadata: BTreeMap<String, String>, bytes: &Bytes) -> ObjectInfo {
        let inbox = self.broker.client().new_inbox();
        let unique = inbox.rsplit('.').next().unwrap_or(&inbox);
        ObjectInfo {
            name: name.to_owned(),
            description: None,
            metadata: metadata.into_iter().collect(),
            headers: None,
            options: None,
            bucket: self.bucket.to_owned(),
            nuid: upload(name, unique),
            size: bytes.len(),
            chunks: 0,
            // Readers take the time of the message.
            modified: None,
            digest: Some(digest(bytes)),
            deleted: false,
        }
    }

    /// Sends chunks, then metadata.
    async fn upload(
        &self,
        info: &mut ObjectInfo,
        bytes: &Bytes,
        known: Option<&Known>,
    ) -> Result<Written, BrokerError> {
        // Asked for each time: a broker may be started again with another limit.
        let size = CHUNK.min(self.broker.max_payload());
        info.chunks = self.send_chunks(&info.nuid, bytes, size).await?;
        info.options = Some(ObjectOptions {
            link: None,
            max_chunk_size: Some(size),
        });
        self.send_metadata(info, known.map_or(0, |known| known.sequence))
            .await
    }

    /// Says how many there were. An object without bytes has one as well: by its chunks it is told from one that
    /// was deleted.
    async fn send_chunks(&self, upload: &str, bytes: &Bytes, size: usize) -> Result<usize, BrokerError> {
        let subject = chunk_subject(self.bucket, upload);
        let mut under_way: VecDeque<PublishAckFuture> = VecDeque::with_capacity(WINDOW);
        let (mut sent, mut rest) = (0, bytes.clone());
        while sent == 0 || !rest.is_empty() {
            if under_way.len() == WINDOW
                && let Some(oldest) = under_way.pop_front()
            {
                oldest.await.map_err(|cause| self.failed(&cause))?;
            }
            let chunk = rest.split_to(size.min(rest.len()));
            let ack = self.broker.jetstream().publish(subject.clone(), chunk).await;
            under_way.push_back(ack.map_err(|cause| self.failed(&cause))?);
            sent += 1;
        }
        for ack in under_way {
            ack.await.map_err(|cause| self.failed(&cause))?;
        }
        Ok(sent)
    }

    async fn send_metadata(&self, info: &ObjectInfo, expected: u64) -> Result<Written, BrokerError> {
        let mut headers = HeaderMap::new();
        // They take the place of those before.
        headers.insert(NATS_ROLLUP, "sub");
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(expected));
        let payload = serde_json::to_vec(info).map_err(|cause| unreachable(&cause))?;
        let subject = metadata_subject(self.bucket, &info.name);
        let ack = self
            .broker
            .jetstream()
            .publish_with_headers(subject, headers, payload.into())
            .await;
        match ack.map_err(|cause| self.failed(&cause))?.await {
            Ok(stored) => Ok(Written::Stored(stored.sequence)),
            Err(cause) if cause.kind() == PublishErrorKind::WrongLastSequence => Ok(Written::Overtaken),
            Err(cause) => Err(self.failed(&cause)),
        }
    }

    /// Clears away what the object that is stored now, under this sequence, has replaced: what it was before, and
    /// what other uploads have left. An upload that began since has its chunks behind that sequence. One that
    /// began before is overtaken.
    async fn clear(
        &self,
        info: &ObjectInfo,
        sequence: u64,
        before: Option<&Known>,
    ) -> Result<(), BrokerError> {
        let own = chunk_subject(self.bucket, &info.nuid);
        let mut gone = self.subjects(&chunks_of_name(self.bucket, &info.name)).await?;
        gone.extend(before.and_then(|before| before.chunks(self.bucket)));
        for subject in gone.iter().filter(|subject| **subject != own) {
            self.purge(subject, Some(sequence)).await?;
        }
        Ok(())
    }

    /// Clears an upload away that came to nothing. Where that fails, it is found by its name later.
    async fn forget(&self, info: &ObjectInfo) {
        let chunks = chunk_subject(self.bucket, &info.nuid);
        if let Err(cause) = self.purge(&chunks, None).await {
            tracing::debug!(bucket = self.bucket, name = info.name, %cause, "the chunks of an upload stay for now");
        }
    }
}

/// Whether two uploads are of the same object.
fn is_same(one: &ObjectInfo, other: &ObjectInfo) -> bool {
    !one.deleted && (one.size, &one.digest, &one.metadata) == (other.size, &other.digest, &other.metadata)
}
