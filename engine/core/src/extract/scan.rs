//! One pass over a payload: what stands at the places that are asked for, and whether the whole is one JSON text
//! with one meaning (RFC 8259, and no member twice).
//!
//! The payload is never turned into a tree. The pass keeps its own stack, so depth costs a bit more than a byte a
//! level and no recursion. It does not stop when everything is found: a fault is the same fault wherever it
//! stands.

use std::borrow::Cow;

use smallvec::SmallVec;
use tailrace_payload::without_mark;

use super::{
    fault::{PayloadFault, unreadable},
    names::Names,
    scalar::Scalar,
    strings::{self, Quoted},
    tree::Node,
    wrong::{What, Wrong, wrong},
};

/// Puts what stands at the places of the tree into `found`.
pub(super) fn scan<'p>(
    payload: &'p [u8],
    root: &Node,
    found: &mut [Option<Scalar<'p>>],
) -> Result<(), PayloadFault> {
    let text = std::str::from_utf8(payload)
        .map_err(|cause| unreadable(payload, cause.valid_up_to(), "it is not UTF-8"))?;
    // A mark of the byte order means nothing in UTF-8, and many editors write one.
    let start = payload.len() - without_mark(payload).len();
    let scan = Scan {
        text,
        payload,
        at: start,
        found,
        open: Opened::default(),
        looked: SmallVec::new(),
        names: Names::of(payload),
    };
    scan.run(root).map_err(|wrong| {
        wrong.in_words(payload, |at| {
            let name = strings::quoted(payload, at + 1).map(|name| strings::bytes(payload, name));
            String::from_utf8_lossy(&name.unwrap_or_default()).into_owned()
        })
    })
}

/// What is open, the innermost last: a bit of each object or array.
#[derive(Default)]
struct Opened {
    /// The innermost of them, up to 64; 1 is an object.
    bits: u64,
    depth: usize,
    /// Those around them, 64 each.
    around: Vec<u64>,
}

impl Opened {
    fn push(&mut self, is_object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.around.push(self.bits);
        }
        self.bits = self.bits << 1 | u64::from(is_object);
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.bits >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.bits = self.around.pop().unwrap_or_default();
        }
    }

    /// Whether the innermost is an object; none if nothing is open.
    fn is_object(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.bits & 1 == 1)
    }
}

/// An open object or array that some pointer leads into.
struct Looked<'t> {
    depth: usize,
    node: &'t Node,
    /// The element at hand, of an array.
    index: usize,
}

struct Scan<'p, 't, 'f> {
    text: &'p str,
    payload: &'p [u8],
    at: usize,
    found: &'f mut [Option<Scalar<'p>>],
    open: Opened,
    /// At most as many as a pointer has tokens.
    looked: SmallVec<[Looked<'t>; 4]>,
    names: Names<'p>,
}

impl<'p, 't> Scan<'p, 't, '_> {
    fn run(mut self, root: &'t Node) -> Result<(), Wrong> {
        let mut node = Some(root);
        loop {
            let is_scalar = self.begin_value(node)?;
            let first = if is_scalar { None } else { self.first()? };
            let next = match first {
                Some(first) => Some(first),
                None => self.next()?,
            };
            match next {
                Some(next) => node = next,
                None => return self.expect_end(),
            }
        }
    }

    /// Reads a scalar, or the beginning of an object or array; whether it was a scalar.
    fn begin_value(&mut self, node: Option<&'t Node>) -> Result<bool, Wrong> {
        self.skip_blanks();
        let is_object = match self.peek() {
            Some(b'{') => true,
            Some(b'[') => false,
            _ => {
                self.scalar(node)?;
                return Ok(true);
            }
        };
        self.at += 1;
        self.open.push(is_object);
        if is_object {
            self.names.begin();
        }
        if let Some(node) = node {
            self.take(node, &Scalar::Nested);
            self.looked.push(Looked {
                depth: self.open.depth,
                node,
                index: 0,
            });
        }
        Ok(false)
    }

    /// The node of the first value in the object or array that was just opened; none if it is empty.
    fn first(&mut self) -> Result<Option<Option<&'t Node>>, Wrong> {
        self.skip_blanks();
        match (self.open.is_object(), self.peek()) {
            (Some(true), Some(b'}')) | (Some(false), Some(b']')) => {
                self.close()?;
                Ok(None)
            }
            (Some(true), _) => Ok(Some(self.member()?)),
            _ => Ok(Some(self.element(0))),
        }
    }

    /// The node of the value behind one that has ended; none at the end of the outermost.
    fn next(&mut self) -> Result<Option<Option<&'t Node>>, Wrong> {
        while let Some(is_object) = self.open.is_object() {
            self.skip_blanks();
            match (is_object, self.peek()) {
                (true, Some(b',')) => {
                    self.at += 1;
                    self.skip_blanks();
                    return Ok(Some(self.member()?));
                }
                (false, Some(b',')) => {
                    self.at += 1;
                    return Ok(Some(self.element(1)));
                }
                (true, Some(b'}')) | (false, Some(b']')) => self.close()?,
                _ => return Err(wrong(self.at, What::Unexpected)),
            }
        }
        Ok(None)
    }

    fn close(&mut self) -> Result<(), Wrong> {
        self.at += 1;
        if self.looked().is_some() {
            self.looked.pop();
        }
        let was_object = self.open.is_object();
        self.open.pop();
        if was_object == Some(true) {
            self.names.end()?;
        }
        Ok(())
    }

    /// The innermost open object or array, where a pointer leads into it.
    fn looked(&mut self) -> Option<&mut Looked<'t>> {
        let depth = self.open.depth;
        self.looked.last_mut().filter(|looked| looked.depth == depth)
    }

    /// Reads a member's name and the colon; gives the node of its value.
    fn member(&mut self) -> Result<Option<&'t Node>, Wrong> {
        if self.peek() != Some(b'"') {
            return Err(wrong(self.at, What::Unexpected));
        }
        let name = strings::quoted(self.payload, self.at + 1)?;
        self.names.enter(name)?;
        self.at = name.end() + 1;
        self.skip_blanks();
        if self.peek() != Some(b':') {
            return Err(wrong(self.at, What::Unexpected));
        }
        self.at += 1;
        let payload = self.payload;
        let Some(looked) = self.looked() else {
            return Ok(None);
        };
        Ok(looked.node.member(&strings::bytes(payload, name)))
    }

    /// The node of an array's element, so many behind the one before.
    fn element(&mut self, behind: usize) -> Option<&'t Node> {
        let looked = self.looked()?;
        looked.index += behind;
        looked.node.element(looked.index)
    }

    fn scalar(&mut self, node: Option<&'t Node>) -> Result<(), Wrong> {
        let start = self.at;
        let node = node.filter(|node| !node.slots.is_empty());
        let value = match self.peek() {
            Some(b'"') => {
                let text = strings::quoted(self.payload, start + 1)?;
                self.at = text.end() + 1;
                node.map(|_| self.text(text)).transpose()?.map(Scalar::Text)
            }
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                node.map(|_| Scalar::Number(&self.text[start..self.at]))
            }
            Some(b't') => self.word("true").map(|()| Some(Scalar::Bool(true)))?,
            Some(b'f') => self.word("false").map(|()| Some(Scalar::Bool(false)))?,
            Some(b'n') => self.word("null").map(|()| None)?,
            _ => return Err(wrong(start, What::Unexpected)),
        };
        if let (Some(node), Some(value)) = (node, value) {
            self.take(node, &value);
        }
        Ok(())
    }

    fn text(&self, text: Quoted) -> Result<Cow<'p, str>, Wrong> {
        if !text.has_escapes {
            return Ok(Cow::Borrowed(&self.text[text.start()..text.end()]));
        }
        let read = String::from_utf8(strings::bytes(self.payload, text).into_owned());
        let half = |_| wrong(text.start(), What::HalfPair);
        read.map(Cow::Owned).map_err(half)
    }

    fn number(&mut self) -> Result<(), Wrong> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let whole = self.at;
        let is_right = match self.digits() {
            0 => false,
            1 => true,
            _ => self.payload[whole] != b'0',
        };
        let is_right = is_right && self.fraction() && self.exponent();
        if is_right && !matches!(self.peek(), Some(b'a'..=b'z' | b'A'..=b'Z' | b'.' | b'_')) {
            return Ok(());
        }
        Err(wrong(start, What::Unexpected))
    }

    fn digits(&mut self) -> usize {
        let rest = &self.payload[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    fn fraction(&mut self) -> bool {
        if self.peek() != Some(b'.') {
            return true;
        }
        self.at += 1;
        self.digits() > 0
    }

    fn exponent(&mut self) -> bool {
        if !matches!(self.peek(), Some(b'e' | b'E')) {
            return true;
        }
        self.at += 1;
        if matches!(self.peek(), Some(b'+' | b'-')) {
            self.at += 1;
        }
        self.digits() > 0
    }

    fn word(&mut self, word: &str) -> Result<(), Wrong> {
        let rest = &self.payload[self.at..];
        let is_longer = rest.get(word.len()).is_some_and(u8::is_ascii_alphanumeric);
        if !rest.starts_with(word.as_bytes()) || is_longer {
            return Err(wrong(self.at, What::Unexpected));
        }
        self.at += word.len();
        Ok(())
    }

    fn take(&mut self, node: &Node, value: &Scalar<'p>) {
        for slot in &node.slots {
            self.found[*slot] = Some(value.clone());
        }
    }

    fn peek(&self) -> Option<u8> {
        self.payload.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn expect_end(mut self) -> Result<(), Wrong> {
        self.skip_blanks();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(wrong(self.at, What::Unexpected)),
        }
    }
}

#[cfg(test)]
mod tests;
