//! Payloads as they come, for all who read JSON in them: the engine and plugins. Both pass over the same mark, and name
//! by the same words what is no JSON. [`attribute`] reads what CloudEvents has in headers beside a payload.

pub mod attribute;

/// The byte order mark of UTF-8. It means nothing, so every reader passes it over.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The payload behind its byte order mark, if it has one.
pub fn without_mark(payload: &[u8]) -> &[u8] {
    payload.strip_prefix(BYTE_ORDER_MARK).unwrap_or(payload)
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
pub fn form(payload: &[u8]) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_passed_over_once() {
        assert_eq!(without_mark("\u{feff}{}".as_bytes()), b"{}");
        assert_eq!(without_mark("\u{feff}\u{feff}".as_bytes()), BYTE_ORDER_MARK);
        assert_eq!(without_mark(b"{}"), b"{}");
    }

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
}
