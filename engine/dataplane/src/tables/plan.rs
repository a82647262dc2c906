//! The tables of a plan: what a message does to which row.

use bytes::Bytes;
use tailrace_core::{
    extract::{Extractor, Scalar},
    manifest::{PipelineManifest, TableManifest, TableScope},
    name::Name,
    ports::broker::Incoming,
    table,
};

use crate::{intake::markers, message::outgoing};

/// Says of a message of a bucket that it deletes a key.
const OPERATION: &str = "KV-Operation";

/// The tables of a plan.
#[derive(Debug, Default)]
pub struct Tables(Vec<PlannedTable>);

/// A table made ready.
#[derive(Debug)]
pub struct PlannedTable {
    /// Its name.
    pub name: Name,
    /// As the tenant wrote it.
    pub manifest: TableManifest,
    /// The step under which its rows lie.
    pub(crate) step: String,
    key: Extractor,
}

/// What a message does to a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowChange {
    /// It is the row of a key now.
    Put {
        /// The key.
        key: String,
        /// The row.
        payload: Bytes,
    },
    /// The key has no row any more.
    Delete {
        /// The key.
        key: String,
    },
    /// Several keys have these rows now, or none: what one commit of another pipeline has changed.
    Several(Vec<(String, Option<Bytes>)>),
    /// Nothing: it is no row, or none of this partition's.
    Nothing,
}

impl Tables {
    /// Those of a manifest.
    pub fn of(manifest: &PipelineManifest) -> Self {
        let planned = manifest.tables.iter().map(|(name, table)| PlannedTable {
            name: name.clone(),
            manifest: table.clone(),
            step: table::step(name),
            key: Extractor::new(vec![table.key.clone().unwrap_or_default()]),
        });
        Self(planned.collect())
    }

    /// The one of this name.
    pub fn named(&self, name: &str) -> Option<&PlannedTable> {
        self.0.iter().find(|table| table.name.as_str() == name)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &PlannedTable> {
        self.0.iter()
    }
}

impl PlannedTable {
    /// Whether each partition holds all of its rows.
    pub fn is_everywhere(&self) -> bool {
        self.manifest.scope == TableScope::Everywhere
    }

    /// What a message does to it, or why it is no row.
    pub fn change(&self, message: &Incoming) -> Result<RowChange, String> {
        if let Some(why) = &message.unreadable {
            return Err(why.clone());
        }
        let marker = markers::of(&message.headers);
        if marker.as_deref() == Some(markers::A_SCHEDULE) {
            return Ok(RowChange::Nothing);
        }
        let key = self.key_of(message)?;
        outgoing::check_key(&key)?;
        if marker.is_some() || self.deletes(message) {
            return Ok(RowChange::Delete { key });
        }
        let payload = message.payload.clone();
        Ok(RowChange::Put { key, payload })
    }

    fn key_of(&self, message: &Incoming) -> Result<String, String> {
        if self.manifest.bucket.is_some() {
            let key = self.manifest.key_in_bucket(&message.subject);
            return key
                .map(str::to_owned)
                .ok_or_else(|| "its subject names no key".to_owned());
        }
        let found = self
            .key
            .extract(&message.subject, &message.headers, &message.payload);
        let key = found
            .values
            .into_iter()
            .next()
            .flatten()
            .and_then(Scalar::into_text);
        key.ok_or_else(|| {
            if let Some(fault) = found.fault {
                return fault.to_string();
            }
            let place = serde_json::to_string(&self.manifest.key).unwrap_or_default();
            format!("it has no key at tables.{}.key {place}", self.name)
        })
    }

    /// What it is called in words for the tenant.
    pub fn upstream_in_words(&self) -> Option<String> {
        let (pipeline, what) = self.manifest.upstream()?;
        Some(format!("{what} of pipeline {pipeline}"))
    }

    /// In a bucket, an empty value is a value.
    fn deletes(&self, message: &Incoming) -> bool {
        if self.manifest.bucket.is_none() {
            return message.payload.is_empty();
        }
        let mut headers = message.headers.iter();
        let operation = headers.find(|header| header.name.eq_ignore_ascii_case(OPERATION));
        operation.is_some_and(|operation| matches!(&*operation.value, "DEL" | "PURGE"))
    }
}

#[cfg(test)]
mod tests {
    use tailrace_core::{event::Header, manifest::parse::parse};

    use super::*;

    fn change(
        table: &str,
        subject: &str,
        header: Option<(&str, &str)>,
        payload: &str,
    ) -> Result<RowChange, String> {
        let text = format!(r#"{{"name":"p","input":{{"subjects":["x"]}},"tables":{{"t":{table}}}}}"#);
        let tables = Tables::of(&parse(text.as_bytes()).unwrap());
        let header = header.map(|(name, value)| Header {
            name: name.to_owned(),
            value: value.to_owned(),
        });
        tables.named("t").unwrap().change(&Incoming {
            sequence: 1,
            received_ms: 0,
            subject: subject.to_owned(),
            headers: header.into_iter().collect(),
            payload: payload.to_owned().into(),
            unreadable: None,
        })
    }

    fn put(key: &str, payload: &'static str) -> RowChange {
        RowChange::Put {
            key: key.to_owned(),
            payload: Bytes::from_static(payload.as_bytes()),
        }
    }

    fn delete(key: &str) -> RowChange {
        RowChange::Delete { key: key.to_owned() }
    }

    #[test]
    fn a_message_of_a_bucket_puts_or_deletes_its_key() {
        let bucket = r#"{"bucket":"b"}"#;
        assert_eq!(
            change(bucket, "$KV.b.ann.home", None, "1"),
            Ok(put("ann.home", "1"))
        );
        assert_eq!(change(bucket, "$KV.b.ann", None, ""), Ok(put("ann", "")));
        for operation in ["DEL", "PURGE"] {
            let header = Some(("KV-Operation", operation));
            assert_eq!(change(bucket, "$KV.b.ann", header, ""), Ok(delete("ann")));
        }
        let aged = Some(("Nats-Marker-Reason", "MaxAge"));
        assert_eq!(change(bucket, "$KV.b.ann", aged, ""), Ok(delete("ann")));
        assert!(change(bucket, "other", None, "1").unwrap_err().contains("no key"));
    }

    #[test]
    fn a_message_that_no_client_can_read_is_no_row() {
        let tables = r#"{"name":"p","input":{"subjects":["x"]},"tables":{"t":{"bucket":"b"}}}"#;
        let tables = Tables::of(&parse(tables.as_bytes()).unwrap());
        let unreadable = Incoming {
            sequence: 1,
            received_ms: 0,
            subject: "$KV.b.ann".to_owned(),
            headers: Vec::new(),
            payload: Bytes::from_static(b"1"),
            unreadable: Some("its headers are not UTF-8".to_owned()),
        };
        // Its headers may have said that the row goes.
        let told = tables.named("t").unwrap().change(&unreadable).unwrap_err();
        assert!(told.contains("not UTF-8"), "{told}");
    }

    #[test]
    fn a_message_of_subjects_is_the_row_of_its_key() {
        let by_token = r#"{"subjects":["crm.*"],"key":{"subject-token":2}}"#;
        assert_eq!(change(by_token, "crm.ann", None, "1"), Ok(put("ann", "1")));
        assert_eq!(change(by_token, "crm.ann", None, ""), Ok(delete("ann")));
        let schedule = Some(("Nats-Schedule", "@at 2030-01-01T00:00:00Z"));
        assert_eq!(change(by_token, "crm.ann", schedule, "1"), Ok(RowChange::Nothing));
        let by_member = r#"{"subjects":["crm"],"key":{"json":"/id"}}"#;
        assert_eq!(
            change(by_member, "crm", None, r#"{"id":7}"#),
            Ok(put("7", r#"{"id":7}"#))
        );
        for (payload, why) in [("{}", "/id"), (r#"{"id":1,"id":2}"#, "id"), ("", "/id")] {
            let told = change(by_member, "crm", None, payload).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
        assert_eq!(
            change(r#"{"subjects":["crm.*"]}"#, "crm.a", None, "1"),
            Ok(put("crm.a", "1"))
        );
    }
}
