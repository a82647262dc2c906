//! Options of files, messages, fields and enums. Only features change how a message is read or written.

use super::cursor::Parser;
use super::declare::{Features, Presence};
use super::lex::TokenKind;
use crate::error::SchemaError;

/// An option: its name with dots, and its value where it is a word, a number or a text.
pub(super) type Setting = (String, String);

impl Parser {
    /// Passes over a block in braces.
    pub(super) fn skip_block(&mut self) -> Result<(), SchemaError> {
        self.symbol('{')?;
        let mut open = 1;
        while open > 0 {
            match self.next() {
                TokenKind::Symbol('{') => open += 1,
                TokenKind::Symbol('}') => open -= 1,
                TokenKind::End => return Err(self.fault("the block does not end")),
                _ => {}
            }
        }
        Ok(())
    }

    /// An option, without the word before it and the semicolon behind.
    pub(super) fn setting(&mut self) -> Result<Setting, SchemaError> {
        let mut name = String::new();
        loop {
            if self.takes('(') {
                let path = self.path()?;
                name.extend(["(", &path, ")"]);
                self.symbol(')')?;
            } else {
                name += &self.word()?;
            }
            if !self.takes('.') {
                break;
            }
            name.push('.');
        }
        self.symbol('=')?;
        let value = match self.peek().clone() {
            TokenKind::Symbol('{') => {
                let start = self.at;
                self.skip_block()?;
                return Ok((name, self.words(start)));
            }
            TokenKind::Text(_) => self.text()?,
            TokenKind::Word(word) => {
                self.next();
                word
            }
            TokenKind::Integer(number) => {
                self.next();
                number.to_string()
            }
            _ => {
                // A sign, and a number or `inf`: a default.
                self.takes('-');
                self.next();
                String::new()
            }
        };
        Ok((name, value))
    }

    /// The words of a value in braces: `features = { field_presence: IMPLICIT }`.
    fn words(&self, start: usize) -> String {
        let words = self.tokens[start..self.at]
            .iter()
            .filter_map(|token| match &token.kind {
                TokenKind::Word(word) => Some(word.as_str()),
                _ => None,
            });
        words.collect::<Vec<_>>().join(" ")
    }
}

/// Notes the features that an option sets.
pub(super) fn apply(features: &mut Features, (name, value): &Setting) {
    if name == "features" {
        let words: Vec<&str> = value.split(' ').collect();
        for pair in words.chunks(2) {
            if let [name, value] = pair {
                feature(features, name, value);
            }
        }
    } else if let Some(name) = name.strip_prefix("features.") {
        feature(features, name, value);
    }
}

fn feature(features: &mut Features, name: &str, value: &str) {
    match (name, value) {
        ("field_presence", "EXPLICIT") => features.presence = Some(Presence::Explicit),
        ("field_presence", "IMPLICIT") => features.presence = Some(Presence::Implicit),
        ("field_presence", "LEGACY_REQUIRED") => features.presence = Some(Presence::Required),
        ("enum_type", value) => features.open_enum = Some(value == "OPEN"),
        ("repeated_field_encoding", value) => features.packed = Some(value == "PACKED"),
        ("message_encoding", value) => features.delimited = Some(value == "DELIMITED"),
        _ => {}
    }
}
