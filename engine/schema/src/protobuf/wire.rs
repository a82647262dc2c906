//! Protobuf's wire format: tags, numbers, lengths. Every length is looked at before anything is taken by it.

use crate::error::Rejection;

/// How the value behind a tag is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    Varint,
    Fixed64,
    Length,
    Start,
    End,
    Fixed32,
}

impl Wire {
    /// What is written so, in words.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Varint => "a varint",
            Self::Fixed64 => "64 bits",
            Self::Length => "bytes with a length",
            Self::Start => "a group",
            Self::End => "the end of a group",
            Self::Fixed32 => "32 bits",
        }
    }
}

/// Reads bytes that begin at some byte of the payload.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    offset: usize,
}

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8], offset: usize) -> Self {
        Self { bytes, at: 0, offset }
    }

    /// The byte of the payload that comes next.
    pub(super) fn place(&self) -> usize {
        self.offset + self.at
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    pub(super) fn fault(&self, what: impl Into<String>) -> Rejection {
        Rejection::at_byte(self.place(), what)
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'b [u8], Rejection> {
        let taken = self
            .at
            .checked_add(length)
            .and_then(|end| self.bytes.get(self.at..end));
        let left = self.bytes.len() - self.at;
        let taken =
            taken.ok_or_else(|| self.fault(format!("{length} bytes are announced and {left} are left")))?;
        self.at += length;
        Ok(taken)
    }

    pub(super) fn varint(&mut self) -> Result<u64, Rejection> {
        let (start, mut number) = (self.place(), 0_u64);
        for shift in (0..70).step_by(7) {
            let byte = self.take(1)?[0];
            if shift == 63 && byte > 1 {
                break;
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Rejection::at_byte(start, "the number has more than 64 bits"))
    }

    pub(super) fn fixed32(&mut self) -> Result<u32, Rejection> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes(std::array::from_fn(|index| bytes[index])))
    }

    pub(super) fn fixed64(&mut self) -> Result<u64, Rejection> {
        let bytes = self.take(8)?;
        Ok(u64::from_le_bytes(std::array::from_fn(|index| bytes[index])))
    }

    /// The bytes of a length-delimited field, and the byte where they begin.
    pub(super) fn delimited(&mut self) -> Result<(&'b [u8], usize), Rejection> {
        let start = self.place();
        let length =
            usize::try_from(self.varint()?).map_err(|_| Rejection::at_byte(start, "no such length"))?;
        let place = self.place();
        Ok((self.take(length)?, place))
    }

    pub(super) fn tag(&mut self) -> Result<(u32, Wire), Rejection> {
        let start = self.place();
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3)
            .ok()
            .filter(|number| (1..1 << 29).contains(number));
        let number = number.ok_or_else(|| Rejection::at_byte(start, "no field has this number"))?;
        let wire = match tag & 7 {
            0 => Wire::Varint,
            1 => Wire::Fixed64,
            2 => Wire::Length,
            3 => Wire::Start,
            4 => Wire::End,
            5 => Wire::Fixed32,
            other => return Err(Rejection::at_byte(start, format!("{other} is no wire type"))),
        };
        Ok((number, wire))
    }

    /// The bytes of a group, up to its end.
    pub(super) fn group(&mut self, number: u32) -> Result<(&'b [u8], usize), Rejection> {
        let (start, place) = (self.at, self.place());
        let mut open = vec![number];
        loop {
            let end = self.at;
            let (number, wire) = self.tag()?;
            match wire {
                Wire::Start if open.len() < crate::bounds::MAX_DEPTH => open.push(number),
                Wire::Start => return Err(self.fault("groups stand too deep")),
                Wire::End if open.pop() != Some(number) => {
                    return Err(self.fault("the group ends as another one"));
                }
                Wire::End if open.is_empty() => return Ok((&self.bytes[start..end], place)),
                Wire::End => {}
                wire => self.skip(number, wire)?,
            }
        }
    }

    /// Passes over a value that nobody knows.
    pub(super) fn skip(&mut self, number: u32, wire: Wire) -> Result<(), Rejection> {
        match wire {
            Wire::Varint => self.varint().map(|_| ()),
            Wire::Fixed64 => self.fixed64().map(|_| ()),
            Wire::Fixed32 => self.fixed32().map(|_| ()),
            Wire::Length => self.delimited().map(|_| ()),
            Wire::Start => self.group(number).map(|_| ()),
            Wire::End => Err(self.fault("a group ends that did not begin")),
        }
    }
}

pub(super) fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(super) fn put_tag(out: &mut Vec<u8>, number: u32, wire: Wire) {
    put_varint(out, u64::from(number) << 3 | wire as u64);
}

pub(super) fn put_delimited(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend(bytes);
}

pub(super) fn zigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

pub(super) fn to_zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}
