//! Confluent's wire format: a zero byte, the id of the schema in four bytes, for Protobuf the way to the message, and
//! then the payload.

use crate::error::Rejection;
use crate::format::Format;

/// The largest list of message numbers: messages do not stand deeper in each other.
const MAX_INDEXES: usize = 32;

/// What stands before a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The id of the schema that the payload was written by.
    pub id: u32,
    /// Protobuf: the message, by its number at the top of the file, then inside each message. Empty otherwise.
    pub message: Vec<usize>,
}

impl Header {
    /// Takes the header off a payload.
    pub fn read(format: Format, bytes: &[u8]) -> Result<(Header, &[u8]), Rejection> {
        let [0, rest @ ..] = bytes else {
            return Err(Rejection::at_byte(
                0,
                "Confluent's wire format begins with a zero byte",
            ));
        };
        let Some((id, rest)) = rest.split_first_chunk::<4>() else {
            return Err(Rejection::at_byte(1, "the id of the schema is cut off"));
        };
        let mut header = Header {
            id: u32::from_be_bytes(*id),
            message: Vec::new(),
        };
        if format != Format::Protobuf {
            return Ok((header, rest));
        }
        let mut rest = rest;
        let place = |rest: &[u8]| bytes.len() - rest.len();
        let count = number(&mut rest)
            .ok_or_else(|| Rejection::at_byte(place(rest), "the message indexes are cut off"))?;
        if count > MAX_INDEXES {
            return Err(Rejection::at_byte(
                5,
                format!("{count} message indexes are more than {MAX_INDEXES}"),
            ));
        }
        for _ in 0..count {
            let index = number(&mut rest);
            let index =
                index.ok_or_else(|| Rejection::at_byte(place(rest), "the message indexes are cut off"))?;
            header.message.push(index);
        }
        if count == 0 {
            // The first message of a file is the most usual, and has this shorter form.
            header.message.push(0);
        }
        Ok((header, rest))
    }

    /// The payload with its header before it.
    pub fn write(&self, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(payload.len() + 5 + 2 * self.message.len());
        bytes.push(0);
        bytes.extend(self.id.to_be_bytes());
        match self.message.as_slice() {
            [] => {}
            [0] => bytes.push(0),
            indexes => {
                put(&mut bytes, indexes.len());
                for index in indexes {
                    put(&mut bytes, *index);
                }
            }
        }
        bytes.extend(payload);
        bytes
    }
}

/// A whole number in zigzag form; none of them is below zero.
fn number(rest: &mut &[u8]) -> Option<usize> {
    let mut number = 0_u64;
    for shift in (0..35).step_by(7) {
        let (byte, next) = rest.split_first()?;
        *rest = next;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return (number & 1 == 0)
                .then(|| usize::try_from(number >> 1).ok())
                .flatten();
        }
    }
    None
}

fn put(bytes: &mut Vec<u8>, number: usize) {
    let mut rest = (number as u64) << 1;
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_go_there_and_back() {
        for message in [vec![0], vec![1], vec![0, 0], vec![3, 200, 0]] {
            let header = Header {
                id: 0x0102_0304,
                message,
            };
            let bytes = header.write(b"payload");
            assert_eq!(bytes[..5], [0, 1, 2, 3, 4]);
            assert_eq!(
                Header::read(Format::Protobuf, &bytes),
                Ok((header, &b"payload"[..]))
            );
        }
        let plain = Header {
            id: 7,
            message: Vec::new(),
        };
        assert_eq!(plain.write(b"x"), [0, 0, 0, 0, 7, b'x']);
        assert_eq!(
            Header::read(Format::Avro, &plain.write(b"x")),
            Ok((plain, &b"x"[..]))
        );
    }

    #[test]
    fn a_header_that_is_cut_or_absurd_is_a_rejection() {
        for bytes in [
            &b""[..],
            b"{}",
            b"\0\0\0\0",
            b"\0\0\0\0\x01",
            b"\0\0\0\0\x01\x02",
            b"\0\0\0\0\x01\x01",
            b"\0\0\0\0\x01\x80\x01",
        ] {
            assert!(Header::read(Format::Protobuf, bytes).is_err(), "{bytes:?}");
        }
    }
}
