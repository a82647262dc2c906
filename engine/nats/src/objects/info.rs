//! How an object lies in its bucket: the subjects of its messages, and what its metadata say.

use async_nats::jetstream::object_store::ObjectInfo;
use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use sha2::{Digest as _, Sha256};

/// Everything of a bucket.
pub(super) fn all_subjects(bucket: &str) -> String {
    format!("$O.{bucket}.>")
}

/// Where an object's metadata lie.
pub(super) fn metadata_subject(bucket: &str, name: &str) -> String {
    format!("$O.{bucket}.M.{}", URL_SAFE.encode(name))
}

/// Where the chunks of one upload lie, which its metadata name.
pub(super) fn chunk_subject(bucket: &str, upload: &str) -> String {
    format!("$O.{bucket}.C.{upload}")
}

/// The chunks of all uploads of a name.
pub(super) fn chunks_of_name(bucket: &str, name: &str) -> String {
    chunk_subject(bucket, &format!("{}.*", URL_SAFE.encode(name)))
}

/// An upload of a name; no two have the same `unique`.
pub(super) fn upload(name: &str, unique: &str) -> String {
    format!("{}.{unique}", URL_SAFE.encode(name))
}

/// What a message of a bucket belongs to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The metadata of this object.
    Metadata(String),
    /// An upload of this object.
    Chunk(String),
}

/// Reads a subject; none for one that says nothing of a name, as those of other writers' chunks.
pub(super) fn part(bucket: &str, subject: &str) -> Option<Part> {
    let rest = subject.strip_prefix("$O.")?.strip_prefix(bucket)?;
    if let Some(name) = rest.strip_prefix(".M.") {
        return Some(Part::Metadata(decode(name)?));
    }
    let (name, _) = rest.strip_prefix(".C.")?.split_once('.')?;
    Some(Part::Chunk(decode(name)?))
}

fn decode(name: &str) -> Option<String> {
    String::from_utf8(URL_SAFE.decode(name).ok()?).ok()
}

/// Metadata as they were stored, and where.
pub(super) struct Known {
    pub(super) info: ObjectInfo,
    pub(super) sequence: u64,
}

impl Known {
    /// The subject of the chunks; none for a name that would be a pattern of others.
    pub(super) fn chunks(&self, bucket: &str) -> Option<String> {
        let upload = &self.info.nuid;
        let is_plain = !upload.is_empty() && !upload.contains(['*', '>', ' ']);
        is_plain.then(|| chunk_subject(bucket, upload))
    }
}

/// The digest of an object's bytes, as its metadata bear it.
pub(super) fn digest(bytes: &[u8]) -> String {
    format!("SHA-256={}", URL_SAFE.encode(Sha256::digest(bytes)))
}

/// Whether these are all bytes of the object, and no others.
pub(super) fn is_whole(info: &ObjectInfo, bytes: &[u8]) -> bool {
    // Of an object that says no digest nobody can tell.
    info.size == bytes.len() && info.digest.as_deref() == Some(&digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(text: &str) -> ObjectInfo {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_subject_says_what_it_is_of() {
        let name = "shop/clicks/0/0123/7";
        let read = |subject: &str| part("b", subject);
        assert_eq!(
            read(&metadata_subject("b", name)),
            Some(Part::Metadata(name.to_owned()))
        );
        let chunks = chunk_subject("b", &upload(name, "Xy9"));
        assert_eq!(read(&chunks), Some(Part::Chunk(name.to_owned())));
        // What other clients write.
        assert_eq!(read("$O.b.C.Dj3kX9"), None);
        for subject in ["$O.other.M.YQ==", "$O.b", "$O.b.M.%", "$KV.b.M.YQ==", "$O.b.C."] {
            assert_eq!(read(subject), None, "{subject}");
        }
    }

    #[test]
    fn metadata_of_any_client_are_read() {
        // As async-nats writes them, and as nats.go does.
        let stored = r#"{"name":"a","description":null,"metadata":{"k":"v"},"headers":null,"options":{"link":null,"max_chunk_size":131072},"bucket":"b","nuid":"Dj3kX9","size":3,"chunks":1,"mtime":"2026-11-28T14:13:36.6115Z","digest":"SHA-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0="}"#;
        let known = info(stored);
        assert!(is_whole(&known, b"abc") && !known.deleted);
        assert!(!is_whole(&known, b"abd") && !is_whole(&known, b"ab"));
        let deleted = info(
            r#"{"name":"a","bucket":"b","nuid":"Dj3kX9","size":0,"mtime":"0001-01-01T00:00:00Z","chunks":0,"deleted":true}"#,
        );
        assert!(deleted.deleted && !is_whole(&deleted, b""));
    }

    #[test]
    fn an_upload_that_is_a_pattern_names_no_chunks() {
        for (upload, plain) in [
            ("Dj3kX9", true),
            ("YQ==.x", true),
            (">", false),
            ("a.*", false),
            ("", false),
        ] {
            let text = format!(r#"{{"name":"a","bucket":"b","nuid":"{upload}"}}"#);
            let known = Known {
                info: info(&text),
                sequence: 1,
            };
            assert_eq!(known.chunks("b").is_some(), plain, "{upload}");
        }
    }
}
