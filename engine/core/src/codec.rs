//! Payloads that have a schema: as they come and go, and as JSON.
//!
//! With Confluent's header a payload names the version that has written it. Any version that the tenant has at that
//! moment is one, so a publisher may use a new version without a change of the pipeline.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use bytes::Bytes;
use tailrace_schema::{Format, Header, Rejection, Schema};
use tokio::sync::watch;

use crate::{
    manifest::{Framing, PayloadSchemaManifest},
    name::Name,
    registry::{Registry, parsed_schema},
    text::plain,
};

/// Longest reason of a refusal.
const MAX_REASON_CHARS: usize = 1_000;

/// Where versions are found.
pub type Registered = watch::Receiver<Option<Arc<Registry>>>;

/// Reads and writes payloads of a schema.
#[derive(Debug)]
pub struct Codec {
    /// Which schema and version, in words.
    named: String,
    tenant: Name,
    id: u32,
    framing: Framing,
    schema: Arc<Schema>,
    registered: Registered,
    /// Versions that have written payloads, by their id.
    writers: RwLock<BTreeMap<u32, Arc<Schema>>>,
}

impl Codec {
    /// For the version that a manifest names.
    pub fn of(
        tenant: &Name,
        manifest: &PayloadSchemaManifest,
        registered: &Registered,
    ) -> Result<Self, String> {
        let registry = registered.borrow().clone().unwrap_or_default();
        let PayloadSchemaManifest { name, version, .. } = manifest;
        let unknown =
            || format!("there is no schema {name}; push it first: tailrace schema push {name} -f FILE");
        let number = version.ok_or_else(unknown)?;
        let key = (tenant.clone(), name.clone(), number);
        let version = registry.schema_versions.get(&key);
        let version = version.ok_or_else(|| {
            format!("there is no version {number} of schema {name}; see: tailrace schema show {name}")
        })?;
        let mut schema = parsed_schema(&registry, tenant, version)?;
        if let Some(message) = &manifest.message {
            schema = schema
                .for_message(message)
                .map_err(|fault| format!("schema {name}: {fault}"))?;
        }
        let schema = Arc::new(schema);
        Ok(Self {
            named: format!("schema {name}, version {number}"),
            tenant: tenant.clone(),
            id: version.id,
            framing: manifest.framing,
            schema: schema.clone(),
            registered: registered.clone(),
            writers: RwLock::new([(version.id, schema)].into()),
        })
    }

    /// The media type of the payloads that it writes.
    pub fn media_type(&self) -> &'static str {
        match (self.framing, self.schema.format()) {
            (Framing::Confluent, _) => "application/octet-stream",
            (Framing::None, Format::JsonSchema) => "application/json",
            (Framing::None, Format::Avro) => "application/avro",
            (Framing::None, Format::Protobuf) => "application/protobuf",
        }
    }

    /// The payload as JSON. Where it is JSON already, no byte is copied or changed.
    pub fn decode(&self, payload: &Bytes) -> Result<Bytes, String> {
        self.decoded(payload)
            .map_err(|rejection| self.told("payload", &rejection))
    }

    fn decoded(&self, payload: &Bytes) -> Result<Bytes, Rejection> {
        let format = self.schema.format();
        let (writer, message, body) = match self.framing {
            Framing::None => (
                self.schema.clone(),
                self.schema.message().to_vec(),
                payload.clone(),
            ),
            Framing::Confluent => {
                let (Header { id, message }, body) = Header::read(format, payload)?;
                (self.writer(id)?, message, payload.slice_ref(body))
            }
        };
        if format == Format::JsonSchema && writer.format() == format {
            self.schema.validate(&body)?;
            return Ok(body);
        }
        self.schema
            .decode_written(&writer, &message, &body)
            .map(Bytes::from)
    }

    /// The payload that a JSON text is.
    pub fn encode(&self, json: &[u8]) -> Result<Bytes, String> {
        let body = self.schema.encode(json);
        let body = body.map_err(|rejection| self.told("message", &rejection))?;
        let payload = match self.framing {
            Framing::None => body,
            Framing::Confluent => {
                let (id, message) = (self.id, self.schema.message().to_vec());
                Header { id, message }.write(&body)
            }
        };
        Ok(payload.into())
    }

    /// Why something does not fit. It goes into a header, and names in a schema may be of any length.
    fn told(&self, what: &str, rejection: &Rejection) -> String {
        let why = plain(&rejection.to_string(), MAX_REASON_CHARS);
        format!("the {what} does not fit {}: {why}", self.named)
    }

    /// The version with this id.
    fn writer(&self, id: u32) -> Result<Arc<Schema>, Rejection> {
        let known = self.writers.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(&id) {
            return Ok(known.clone());
        }
        drop(known);
        let registry = self.registered.borrow().clone().unwrap_or_default();
        let mut versions = registry.all_schema_versions_of(&self.tenant);
        let version = versions.find(|version| version.id == id);
        let unknown = || {
            Rejection::at_byte(
                1,
                format!(
                    "no version of the tenant's schemas has the id {id}; push the one that the publisher uses"
                ),
            )
        };
        let parsed = parsed_schema(&registry, &self.tenant, version.ok_or_else(unknown)?);
        let parsed = Arc::new(parsed.map_err(Rejection::new)?);
        let mut writers = self.writers.write().unwrap_or_else(PoisonError::into_inner);
        writers.insert(id, parsed.clone());
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        identity::Digest,
        life::Life,
        registry::{SchemaReference, SchemaVersion},
    };

    const FIRST: &str = r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"long"}]}"#;
    const SECOND: &str = r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"long"},{"name":"user","type":"string","default":"nobody"}]}"#;

    fn version(schema: &str, number: u32, format: Format, text: &str) -> SchemaVersion {
        SchemaVersion {
            schema: Name::new(schema).unwrap(),
            version: number,
            id: 100 + number,
            life: Life::UNNAMED,
            tenant_life: Life::UNNAMED,
            deleting: false,
            format,
            assert_formats: false,
            text: text.to_owned(),
            references: Vec::new(),
            digest: Digest::of(text.as_bytes()),
            created_ms: 0,
        }
    }

    fn registered(
        versions: impl IntoIterator<Item = SchemaVersion>,
    ) -> (watch::Sender<Option<Arc<Registry>>>, Registered) {
        let mut registry = Registry::default();
        for version in versions {
            let key = (tenant(), version.schema.clone(), version.version);
            registry.schema_versions.insert(key, Arc::new(version));
        }
        watch::channel(Some(Arc::new(registry)))
    }

    fn tenant() -> Name {
        Name::new("shop").unwrap()
    }

    fn manifest(text: &str) -> PayloadSchemaManifest {
        serde_json::from_str(text).unwrap()
    }

    fn codec(text: &str, registered: &Registered) -> Result<Codec, String> {
        Codec::of(&tenant(), &manifest(text), registered)
    }

    #[test]
    fn a_payload_of_another_version_is_read_as_this_one() {
        let versions = [(1, FIRST), (2, SECOND)];
        let (sender, seen) =
            registered(versions.map(|(number, text)| version("order", number, Format::Avro, text)));
        let read = codec(r#"{"name":"order","version":2,"framing":"confluent"}"#, &seen).unwrap();
        let old = Bytes::from_static(&[0, 0, 0, 0, 101, 14]);
        assert_eq!(read.decode(&old).unwrap(), r#"{"id":7,"user":"nobody"}"#);
        let new = read.encode(br#"{"id":7,"user":"ann"}"#).unwrap();
        assert_eq!(new, &b"\0\0\0\0\x66\x0e\x06ann"[..]);
        assert_eq!(read.decode(&new).unwrap(), r#"{"id":7,"user":"ann"}"#);
        // A version that is pushed later is known at once.
        let third = Bytes::from_static(&[0, 0, 0, 0, 103, 14]);
        let unknown = read.decode(&third).unwrap_err();
        assert!(
            unknown.contains("byte 1") && unknown.contains("id 103"),
            "{unknown}"
        );
        let (later, _) = registered([version("receipt", 3, Format::Avro, FIRST)]);
        sender.send_replace(later.borrow().clone());
        assert_eq!(read.decode(&third).unwrap(), r#"{"id":7,"user":"nobody"}"#);
    }

    #[test]
    fn json_stays_as_it_came_and_what_does_not_fit_is_refused_with_the_place() {
        let text = r#"{"required":["id"],"properties":{"id":{"type":"integer"}}}"#;
        let (_sender, seen) = registered([version("order", 1, Format::JsonSchema, text)]);
        let read = codec(r#"{"name":"order","version":1}"#, &seen).unwrap();
        let payload = Bytes::from_static(b" {\"id\": 1.0e0 }\n");
        let json = read.decode(&payload).unwrap();
        assert_eq!((json.as_ptr(), json.len()), (payload.as_ptr(), payload.len()));
        let refused = read.decode(&Bytes::from_static(br#"{"id":"x"}"#)).unwrap_err();
        assert!(
            refused.starts_with("the payload does not fit schema order, version 1: /id"),
            "{refused}"
        );
        assert!(
            read.encode(b"{}")
                .unwrap_err()
                .starts_with("the message does not fit")
        );
    }

    #[test]
    fn a_reason_has_an_end_however_long_the_names_are() {
        let long = "x".repeat(100_000);
        let text = format!(r#"{{"properties":{{"{long}":{{"type":"integer"}}}}}}"#);
        let (_sender, seen) = registered([version("order", 1, Format::JsonSchema, &text)]);
        let read = codec(r#"{"name":"order","version":1}"#, &seen).unwrap();
        let payload = format!(r#"{{"{long}":"?"}}"#);
        assert!(read.decode(&payload.into()).unwrap_err().len() < 2_000);
    }

    #[test]
    fn a_message_of_a_file_can_be_chosen() {
        let text = "syntax = \"proto3\"; message A { int64 a = 1; } message B { string b = 1; }";
        let (_sender, seen) = registered([version("file", 1, Format::Protobuf, text)]);
        let framed = r#"{"name":"file","version":1,"message":"B","framing":"confluent"}"#;
        let read = codec(framed, &seen).unwrap();
        let written = read.encode(br#"{"b":"x"}"#).unwrap();
        assert_eq!(written, &b"\0\0\0\0\x65\x02\x02\x0a\x01x"[..]);
        assert_eq!(read.decode(&written).unwrap(), r#"{"b":"x"}"#);
        let missing = codec(r#"{"name":"file","version":1,"message":"C"}"#, &seen).unwrap_err();
        assert!(missing.contains("no message C"), "{missing}");
    }

    #[test]
    fn a_version_that_is_gone_is_named() {
        let mut broken = version("order", 1, Format::JsonSchema, "{}");
        broken.references = vec![SchemaReference {
            name: "x".to_owned(),
            schema: Name::new("gone").unwrap(),
            version: 4,
        }];
        let (_sender, seen) = registered([broken]);
        for (text, word) in [
            (r#"{"name":"none"}"#, "there is no schema none; push it first"),
            (r#"{"name":"order","version":2}"#, "no version 2 of schema order"),
            (r#"{"name":"order","version":1}"#, "no version 4 of a schema gone"),
        ] {
            let why = codec(text, &seen).unwrap_err();
            assert!(why.contains(word), "{why}");
        }
    }
}
