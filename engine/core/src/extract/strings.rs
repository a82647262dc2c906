//! The texts of JSON: where they end, and what they say once their escapes are read.

use std::borrow::Cow;

use super::wrong::{What, Wrong, wrong};

/// A text between its quotes. Few bytes, for there is one of each name of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quoted {
    /// Its first byte.
    start: u32,
    /// The byte of the quote behind it.
    end: u32,
    /// Whether it is written with escapes.
    pub(super) has_escapes: bool,
}

impl Quoted {
    /// Its first byte.
    pub(super) fn start(self) -> usize {
        self.start as usize
    }

    /// The byte of the quote behind it.
    pub(super) fn end(self) -> usize {
        self.end as usize
    }
}

/// Goes over the text whose first byte, behind the quote, is at `start`.
#[inline]
pub(super) fn quoted(payload: &[u8], start: usize) -> Result<Quoted, Wrong> {
    let mut at = start;
    let mut has_escapes = false;
    loop {
        at += plain_bytes(&payload[at..]);
        match payload.get(at) {
            Some(b'"') => {
                return Ok(Quoted {
                    start: start as u32,
                    end: at as u32,
                    has_escapes,
                });
            }
            Some(b'\\') => {
                has_escapes = true;
                at += escape(payload, at)?;
            }
            Some(_) => return Err(wrong(at, What::Control)),
            None => return Err(wrong(at, What::Unexpected)),
        }
    }
}

/// How many bytes come before one that means something in a text: a quote, a backslash or a control character.
#[inline]
fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // Eight bytes at a time: the high bit of each that is zero, or below a space (Mycroft, 1987).
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let mut count = 0;
    let mut words = bytes.chunks_exact(8);
    for word in &mut words {
        let word = u64::from_le_bytes(word.try_into().unwrap_or_default());
        let quotes = zeros(word ^ (ONES * u64::from(b'"')));
        let backslashes = zeros(word ^ (ONES * u64::from(b'\\')));
        let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let special = quotes | backslashes | controls;
        if special != 0 {
            return count + (special.trailing_zeros() / 8) as usize;
        }
        count += 8;
    }
    let is_plain = |byte: &&u8| !matches!(byte, b'"' | b'\\' | 0..0x20);
    count + words.remainder().iter().take_while(is_plain).count()
}

/// Bytes of the escape at `at`.
fn escape(payload: &[u8], at: usize) -> Result<usize, Wrong> {
    match payload.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
        Some(b'u') if hexadecimal(payload, at + 2).is_some() => Ok(6),
        Some(_) => Err(wrong(at, What::Escape)),
        None => Err(wrong(at + 1, What::Unexpected)),
    }
}

fn hexadecimal(payload: &[u8], at: usize) -> Option<u32> {
    let digits = payload.get(at..at + 4)?;
    digits.iter().try_fold(0, |value, digit| {
        Some(value * 16 + char::from(*digit).to_digit(16)?)
    })
}

/// The text as bytes. Half of a surrogate pair, which JSON can write and Unicode does not have, comes as three
/// bytes that are not UTF-8, so that two such texts can still be told apart.
#[inline]
pub(super) fn bytes(payload: &[u8], text: Quoted) -> Cow<'_, [u8]> {
    let raw = &payload[text.start()..text.end()];
    if text.has_escapes {
        Cow::Owned(without_escapes(raw))
    } else {
        Cow::Borrowed(raw)
    }
}

fn without_escapes(raw: &[u8]) -> Vec<u8> {
    let mut read = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(byte) = raw.get(at) {
        if *byte != b'\\' {
            read.push(*byte);
            at += 1;
            continue;
        }
        at += 2;
        match raw.get(at - 1) {
            Some(b'b') => read.push(8),
            Some(b'f') => read.push(12),
            Some(b'n') => read.push(b'\n'),
            Some(b'r') => read.push(b'\r'),
            Some(b't') => read.push(b'\t'),
            Some(b'u') => {
                let unit = hexadecimal(raw, at).unwrap_or_default();
                at += 4;
                let low = low_half(raw, at).filter(|_| (0xd800..0xdc00).contains(&unit));
                let code = low.map_or(unit, |low| 0x10000 + ((unit - 0xd800) << 10) + low);
                at += if low.is_some() { 6 } else { 0 };
                push(&mut read, code);
            }
            Some(byte) => read.push(*byte),
            None => break,
        }
    }
    read
}

/// The second half of a surrogate pair, where it is written there.
fn low_half(raw: &[u8], at: usize) -> Option<u32> {
    let is_escape = raw.get(at..at + 2)? == b"\\u";
    let unit = hexadecimal(raw, at + 2).filter(|_| is_escape)?;
    (0xdc00..0xe000).contains(&unit).then(|| unit - 0xdc00)
}

/// UTF-8, and the same scheme for half of a pair.
fn push(read: &mut Vec<u8>, code: u32) {
    if let Some(character) = char::from_u32(code) {
        let mut buffer = [0; 4];
        read.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
    } else {
        read.extend([
            0xe0 | (code >> 12) as u8,
            0x80 | (code >> 6 & 0x3f) as u8,
            0x80 | (code & 0x3f) as u8,
        ]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(quoted_text: &str) -> Option<Vec<u8>> {
        let payload = quoted_text.as_bytes();
        let text = quoted(payload, 1).ok()?;
        assert_eq!(text.end() + 1, payload.len());
        Some(bytes(payload, text).into_owned())
    }

    #[test]
    fn escapes_are_read() {
        for (written, said) in [
            (r#""plain""#, "plain"),
            (r#""a\"b\\c\/d""#, "a\"b\\c/d"),
            (r#""\b\f\n\r\t""#, "\u{8}\u{c}\n\r\t"),
            (r#""\u0075ser""#, "user"),
            (r#""\u00e4\u20AC""#, "\u{e4}\u{20ac}"),
            (r#""\ud83d\ude00!""#, "\u{1f600}!"),
        ] {
            assert_eq!(read(written), Some(said.as_bytes().to_vec()), "{written}");
        }
    }

    #[test]
    fn half_a_pair_is_no_unicode_and_not_any_other_half() {
        let halves = [r#""\ud83d""#, r#""\ude00""#, r#""\ud83dx""#, r#""\ud83d\u0041""#];
        let read: Vec<_> = halves.iter().map(|half| read(half).unwrap()).collect();
        assert!(read.iter().all(|half| std::str::from_utf8(half).is_err()));
        assert_ne!(read[0], read[1]);
    }

    #[test]
    fn what_json_does_not_have_is_refused() {
        for wrong in [
            r#""\x""#,
            r#""\u12""#,
            r#""\u12g4""#,
            "\"\n\"",
            "\"\u{1f}\"",
            "\"",
            "\"\\",
            "\"\\u",
        ] {
            assert!(quoted(wrong.as_bytes(), 1).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn texts_are_those_that_serde_reads(text in "\\PC{0,40}[\\x00-\\x1f\"\\\\]?\\PC{0,20}") {
            let written = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(read(&written), Some(text.into_bytes()));
        }

        #[test]
        fn the_end_is_found_wherever_it_is(before in "[a-z\u{e4}]{0,40}", after in "[a-z]{0,20}") {
            let payload = format!("\"{before}\"{after}");
            prop_assert_eq!(quoted(payload.as_bytes(), 1).unwrap().end(), before.len() + 1);
        }
    }
}
