//! The tokens of a `.proto` file, taken one after the other.

use super::declare::Syntax;
use super::lex::{Token, TokenKind};
use crate::error::{Place, SchemaError};

/// The tokens of a file, and how far they are read.
pub(super) struct Parser {
    pub(super) tokens: Vec<Token>,
    pub(super) at: usize,
    pub(super) syntax: Syntax,
}

impl Parser {
    pub(super) fn fault(&self, what: impl Into<String>) -> SchemaError {
        let token = &self.tokens[self.at];
        SchemaError::new(Place::line(token.line, token.column), what)
    }

    pub(super) fn peek(&self) -> &TokenKind {
        &self.tokens[self.at].kind
    }

    /// The token behind the next ones; the end goes on for ever.
    pub(super) fn ahead(&self, tokens: usize) -> &TokenKind {
        self.tokens
            .get(self.at + tokens)
            .map_or(&TokenKind::End, |token| &token.kind)
    }

    pub(super) fn next(&mut self) -> TokenKind {
        let kind = self.tokens[self.at].kind.clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        kind
    }

    pub(super) fn takes(&mut self, symbol: char) -> bool {
        let is_there = *self.peek() == TokenKind::Symbol(symbol);
        if is_there {
            self.next();
        }
        is_there
    }

    pub(super) fn takes_word(&mut self, word: &str) -> bool {
        let is_there = matches!(self.peek(), TokenKind::Word(next) if next == word);
        if is_there {
            self.next();
        }
        is_there
    }

    pub(super) fn symbol(&mut self, symbol: char) -> Result<(), SchemaError> {
        if self.takes(symbol) {
            Ok(())
        } else {
            Err(self.fault(format!("{symbol:?} is missing")))
        }
    }

    pub(super) fn word(&mut self) -> Result<String, SchemaError> {
        match self.peek() {
            TokenKind::Word(word) => {
                let word = word.clone();
                self.next();
                Ok(word)
            }
            _ => Err(self.fault("a name is missing")),
        }
    }

    pub(super) fn text(&mut self) -> Result<String, SchemaError> {
        let mut bytes = match self.peek() {
            TokenKind::Text(bytes) => bytes.clone(),
            _ => return Err(self.fault("a string is missing")),
        };
        self.next();
        while let TokenKind::Text(more) = self.peek() {
            bytes.extend(more);
            self.next();
        }
        String::from_utf8(bytes).map_err(|_| self.fault("the string is not UTF-8"))
    }

    pub(super) fn integer(&mut self) -> Result<i64, SchemaError> {
        let sign = if self.takes('-') { -1 } else { 1 };
        match *self.peek() {
            TokenKind::Integer(number) => {
                let number = i64::try_from(number).map_err(|_| self.fault("the number is too large"))?;
                self.next();
                Ok(sign * number)
            }
            _ => Err(self.fault("a whole number is missing")),
        }
    }

    /// A name with dots, and perhaps one before it.
    pub(super) fn path(&mut self) -> Result<String, SchemaError> {
        let mut path = if self.takes('.') {
            ".".to_owned()
        } else {
            String::new()
        };
        path += &self.word()?;
        while self.takes('.') {
            path.push('.');
            path += &self.word()?;
        }
        Ok(path)
    }
}
