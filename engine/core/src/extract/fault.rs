//! Why a payload is not one JSON text with one meaning.
//!
//! The reason is that of the whole payload: it does not depend on what was found before the fault.

use std::fmt;

use crate::text::plain;

/// Characters of the payload that a reason repeats.
const SHOWN_CHARS: usize = 40;

/// What is wrong with a payload that was read as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayloadFault {
    /// An object has two members of one name: readers disagree which of them counts.
    Duplicate {
        /// The name.
        name: String,
        /// Byte of the payload at which it stands the second time.
        at: usize,
    },
    /// It is no JSON.
    Unreadable(String),
}

impl fmt::Display for PayloadFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate { name, at } => write!(
                formatter,
                "an object of the payload has the member {:?} twice, the second time at byte {at}",
                name.chars().take(SHOWN_CHARS).collect::<String>()
            ),
            Self::Unreadable(reason) => formatter.write_str(reason),
        }
    }
}

/// How payloads begin that are something else than JSON.
const FORMS: [(&[u8], &str); 12] = [
    (&[0x1f, 0x8b], "compressed with gzip"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "compressed with zstd"),
    (&[0x04, 0x22, 0x4d, 0x18], "compressed with lz4"),
    (b"\xff\x06\x00\x00sNaPpY", "compressed with snappy"),
    (b"\xfd7zXZ\x00", "compressed with xz"),
    (b"BZh", "compressed with bzip2"),
    (&[0xff, 0xfe, 0x00, 0x00], "UTF-32 text"),
    (&[0x00, 0x00, 0xfe, 0xff], "UTF-32 text"),
    (&[0xff, 0xfe], "UTF-16 text"),
    (&[0xfe, 0xff], "UTF-16 text"),
    (b"Obj\x01", "an Avro file"),
    (b"PAR1", "a Parquet file"),
];

/// What the payload is instead of JSON, where its first bytes say so.
pub(super) fn form(payload: &[u8]) -> Option<String> {
    let known = FORMS.iter().find(|(start, _)| payload.starts_with(start));
    let form = known.map(|(_, form)| *form);
    let form = form.or_else(|| zlib(payload)).or_else(|| wide_text(payload))?;
    let way_out = if form.starts_with("compressed") {
        "publish it uncompressed"
    } else {
        "publish JSON in UTF-8"
    };
    Some(format!("the payload is {form}, not JSON; {way_out}"))
}

/// RFC 1950: the method is deflate, and the first two bytes are a multiple of 31. Text may begin so, too.
fn zlib(payload: &[u8]) -> Option<&'static str> {
    let [0x78, flags, ..] = payload else { return None };
    let is_header = (0x7800 + u16::from(*flags)) % 31 == 0;
    (is_header && std::str::from_utf8(payload).is_err()).then_some("compressed with zlib")
}

/// JSON in a wider encoding, without a mark of its byte order.
fn wide_text(payload: &[u8]) -> Option<&'static str> {
    let begins = |byte: &u8| b"{[\"-0123456789tfn \t\r\n".contains(byte);
    match payload {
        [0, 0, 0, first, ..] | [first, 0, 0, 0, ..] if begins(first) => Some("UTF-32 text"),
        [0, first, ..] | [first, 0, ..] if begins(first) => Some("UTF-16 text"),
        _ => None,
    }
}

/// The payload is no JSON from this byte on.
pub(super) fn unreadable(payload: &[u8], at: usize, what: &str) -> PayloadFault {
    let reason = form(payload).unwrap_or_else(|| format!("the payload is no JSON: {what} at byte {at}"));
    PayloadFault::Unreadable(reason)
}

/// A byte that cannot stand there: named by the word that begins with it, such as `NaN`.
pub(super) fn unexpected(payload: &[u8], at: usize) -> PayloadFault {
    let rest = &payload[at.min(payload.len())..];
    let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'.');
    let length = rest.iter().take_while(|byte| is_of_word(byte)).count().max(1);
    let word = &rest[..length.min(rest.len()).min(SHOWN_CHARS)];
    match word {
        [] => unreadable(payload, at, "it ends too early"),
        word => {
            let word = plain(&String::from_utf8_lossy(word), SHOWN_CHARS);
            unreadable(payload, at, &format!("unexpected `{word}`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_json_is_named_by_its_first_bytes() {
        let utf_16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
        for (payload, name) in [
            (vec![0x1f, 0x8b, 8, 0], "gzip"),
            (vec![0x28, 0xb5, 0x2f, 0xfd, 0x24], "zstd"),
            (vec![0x78, 0x9c, 0xab], "zlib"),
            (vec![0x78, 0x01, 0xab], "zlib"),
            (vec![0xff, 0xfe, b'{', 0], "UTF-16"),
            (vec![0xfe, 0xff, 0, b'{'], "UTF-16"),
            (utf_16("{\"user\":1}"), "UTF-16"),
            (vec![0, b'{', 0, b'}'], "UTF-16"),
            (vec![b'{', 0, 0, 0, b'}', 0, 0, 0], "UTF-32"),
            (vec![0xff, 0xfe, 0, 0, b'{', 0, 0, 0], "UTF-32"),
            (b"BZh91AY".to_vec(), "bzip2"),
        ] {
            let form = form(&payload);
            assert!(form.as_ref().is_some_and(|form| form.contains(name)), "{form:?}");
        }
        for payload in [
            &b"{}"[..],
            b"",
            b"x",
            b"xyz",
            b"\xef\xbb\xbf{}",
            b"null",
            b"x^2",
            b"\x08\x00",
        ] {
            assert_eq!(form(payload), None, "{payload:?}");
        }
    }

    #[test]
    fn a_word_that_cannot_stand_there_is_shown_and_not_more() {
        let shown = |payload: &[u8], at| unexpected(payload, at).to_string();
        assert_eq!(
            shown(b"{\"x\":NaN}", 5),
            "the payload is no JSON: unexpected `NaN` at byte 5"
        );
        assert_eq!(
            shown(b"{\"x\":-Infinity}", 5),
            "the payload is no JSON: unexpected `-Infinity` at byte 5"
        );
        assert_eq!(
            shown(b"{\"x\":", 5),
            "the payload is no JSON: it ends too early at byte 5"
        );
        assert_eq!(
            shown(b"\r\n", 0),
            "the payload is no JSON: unexpected `\\r` at byte 0"
        );
        assert!(shown("x".repeat(10_000).as_bytes(), 0).len() < 120);
    }
}
