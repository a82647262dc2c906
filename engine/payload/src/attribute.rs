//! Values of the attributes of CloudEvents 1.0 in headers, as the bindings of HTTP and NATS write them: bytes of UTF-8,
//! of which all but visible ASCII is percent-encoded. A value in double quotes, as HTTP has them, is taken out of them
//! first.
//!
//! A value is read once: `%2525` is `%25`. What reads in two ways is refused, and so is what no attribute may hold: text
//! that is not UTF-8, and control characters, which would break out of whatever line shows them.

use std::{borrow::Cow, fmt};

/// Before the name of an attribute, in the name of its header.
pub const PREFIX: &str = "ce-";

/// The attribute that a header of this name holds, as it is written there; none if it holds none.
pub fn name_of(header: &str) -> Option<&str> {
    let (prefix, name) = header.split_at_checked(PREFIX.len())?;
    prefix.eq_ignore_ascii_case(PREFIX).then_some(name)
}

/// Why a header holds no value of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeFault {
    /// A percent sign without two hexadecimal digits behind it.
    Percent {
        /// Its byte, from 0.
        at: usize,
    },
    /// Its bytes are not UTF-8.
    NoText,
    /// It holds a control character.
    Control,
    /// It begins with a quote that does not end.
    Quote,
}

impl fmt::Display for AttributeFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent { at } => write!(
                formatter,
                "the `%` at byte {at} needs two hexadecimal digits behind it; write %25 for the sign itself"
            ),
            Self::NoText => formatter.write_str("its bytes are not UTF-8"),
            Self::Control => formatter.write_str("it holds a control character"),
            Self::Quote => {
                formatter.write_str("its double quotes do not end where it ends; write %22 for one")
            }
        }
    }
}

impl std::error::Error for AttributeFault {}

/// The value that a header holds.
pub fn from_header(header: &str) -> Result<Cow<'_, str>, AttributeFault> {
    let header = header.trim_matches([' ', '\t']);
    let unquoted = unquoted(header)?;
    let value = decoded(unquoted)?;
    if value.chars().any(char::is_control) {
        return Err(AttributeFault::Control);
    }
    Ok(value)
}

/// The value as a header holds it.
pub fn to_header(value: &str) -> Cow<'_, str> {
    if value.bytes().all(is_plain) {
        return Cow::Borrowed(value);
    }
    let mut header = String::with_capacity(value.len() + 16);
    for byte in value.bytes() {
        if is_plain(byte) {
            header.push(char::from(byte));
        } else {
            header.push('%');
            header.extend([byte >> 4, byte & 15].map(digit));
        }
    }
    Cow::Owned(header)
}

/// Visible ASCII without the quote and the percent sign.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'%')
}

fn digit(half: u8) -> char {
    char::from_digit(u32::from(half), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}

fn unquoted(header: &str) -> Result<Cow<'_, str>, AttributeFault> {
    let Some(inner) = header.strip_prefix('"') else {
        return Ok(Cow::Borrowed(header));
    };
    let mut value = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' if characters.as_str().is_empty() => return Ok(Cow::Owned(value)),
            '"' => break,
            '\\' => value.push(characters.next().ok_or(AttributeFault::Quote)?),
            other => value.push(other),
        }
    }
    Err(AttributeFault::Quote)
}

fn decoded(text: Cow<'_, str>) -> Result<Cow<'_, str>, AttributeFault> {
    if !text.contains('%') {
        return Ok(text);
    }
    let encoded = text.as_bytes();
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut at = 0;
    while let Some(byte) = encoded.get(at) {
        if *byte == b'%' {
            bytes.push(escaped(encoded, at).ok_or(AttributeFault::Percent { at })?);
            at += 3;
        } else {
            bytes.push(*byte);
            at += 1;
        }
    }
    String::from_utf8(bytes)
        .map(Cow::Owned)
        .map_err(|_| AttributeFault::NoText)
}

/// The byte that the escape at `at` stands for.
fn escaped(encoded: &[u8], at: usize) -> Option<u8> {
    let half = |byte: u8| char::from(byte).to_digit(16);
    let (high, low) = (half(*encoded.get(at + 1)?)?, half(*encoded.get(at + 2)?)?);
    u8::try_from(high << 4 | low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_what_the_binding_writes() {
        for (value, header) in [
            ("order/17?x=1&y=~", "order/17?x=1&y=~"),
            ("Euro € 😀", "Euro%20%E2%82%AC%20%F0%9F%98%80"),
            ("50%", "50%25"),
            ("a\"b", "a%22b"),
            ("%41", "%2541"),
            ("", ""),
        ] {
            assert_eq!(to_header(value), header);
            assert_eq!(from_header(header).as_deref(), Ok(value));
        }
    }

    #[test]
    fn what_others_write_is_read_too() {
        for (header, value) in [
            // Digits in lower case, characters that needed no escape, and those that were not escaped.
            ("%e2%82%ac", "€"),
            ("%41%2f", "A/"),
            ("Euro €", "Euro €"),
            (" padded\t", "padded"),
            ("\"a \\\"b\\\\ %25\"", "a \"b\\ %"),
            // Decoded once.
            ("%2525", "%25"),
        ] {
            assert_eq!(from_header(header).as_deref(), Ok(value), "{header}");
        }
    }

    #[test]
    fn hostile_headers_are_refused_for_what_they_are() {
        use AttributeFault::{Control, NoText, Percent, Quote};
        for (header, fault) in [
            ("%", Percent { at: 0 }),
            ("ab%4", Percent { at: 2 }),
            ("100% sure", Percent { at: 3 }),
            ("%zz", Percent { at: 0 }),
            ("%+1", Percent { at: 0 }),
            ("%4€", Percent { at: 0 }),
            // A header of the broker's own, smuggled in.
            ("x%0D%0ANats-Msg-Id:%201", Control),
            ("%00", Control),
            ("%7f", Control),
            ("%C2%85", Control),
            ("a\u{1}b", Control),
            // Overlong, cut off, surrogates, beyond Unicode.
            ("%C0%AF", NoText),
            ("%E2%82", NoText),
            ("%ED%A0%80", NoText),
            ("%F4%90%80%80", NoText),
            ("%FF", NoText),
            ("\"open", Quote),
            ("\"", Quote),
            ("\"a\"b\"", Quote),
            ("\"a\\", Quote),
        ] {
            assert_eq!(from_header(header), Err(fault), "{header}");
        }
    }

    #[test]
    fn every_text_without_control_characters_goes_there_and_back() {
        let texts = (' '..='\u{2ff}').chain(['\u{ffff}', '\u{10ffff}', '\u{feff}']);
        for character in texts.filter(|character| !character.is_control()) {
            let text = format!("a{character}{character}b");
            let header = to_header(&text).into_owned();
            assert!(header.bytes().all(|byte| byte.is_ascii_graphic()), "{header}");
            assert_eq!(from_header(&header).as_deref(), Ok(&*text));
        }
    }
}
