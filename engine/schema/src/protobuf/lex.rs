//! From the text of a `.proto` file to tokens, each with its line and column.

use crate::error::{Place, SchemaError};

/// A token and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    Word(String),
    Integer(u64),
    Float,
    Text(Vec<u8>),
    Symbol(char),
    End,
}

/// All tokens of a text, the end included.
pub(super) fn lex(text: &str) -> Result<Vec<Token>, SchemaError> {
    let mut lexer = Lexer {
        rest: text,
        line: 1,
        column: 1,
    };
    let mut tokens = Vec::new();
    loop {
        lexer.space()?;
        let (line, column) = (lexer.line, lexer.column);
        let kind = lexer.token()?;
        let is_end = kind == TokenKind::End;
        tokens.push(Token { kind, line, column });
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    rest: &'t str,
    line: usize,
    column: usize,
}

impl<'t> Lexer<'t> {
    fn fault(&self, what: impl Into<String>) -> SchemaError {
        SchemaError::new(Place::line(self.line, self.column), what)
    }

    fn advance(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(bytes);
        for character in taken.chars() {
            (self.line, self.column) = if character == '\n' {
                (self.line + 1, 1)
            } else {
                (self.line, self.column + 1)
            };
        }
        self.rest = rest;
        taken
    }

    fn space(&mut self) -> Result<(), SchemaError> {
        loop {
            let blank = self.rest.len() - self.rest.trim_start().len();
            self.advance(blank);
            if self.rest.starts_with("//") {
                let end = self.rest.find('\n').unwrap_or(self.rest.len());
                self.advance(end);
            } else if self.rest.starts_with("/*") {
                let end = self
                    .rest
                    .find("*/")
                    .ok_or_else(|| self.fault("the comment does not end"))?;
                self.advance(end + 2);
            } else if blank == 0 {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<TokenKind, SchemaError> {
        let Some(first) = self.rest.chars().next() else {
            return Ok(TokenKind::End);
        };
        let while_some = |is: fn(char) -> bool| self.rest.find(|next| !is(next)).unwrap_or(self.rest.len());
        if first.is_ascii_alphabetic() || first == '_' {
            let end = while_some(|next| next.is_ascii_alphanumeric() || next == '_');
            return Ok(TokenKind::Word(self.advance(end).to_owned()));
        }
        let is_fraction = first == '.' && self.rest[1..].starts_with(|next: char| next.is_ascii_digit());
        if first.is_ascii_digit() || is_fraction {
            return self.number();
        }
        if first == '"' || first == '\'' {
            return self.text(first);
        }
        if !first.is_ascii_punctuation() {
            return Err(self.fault(format!("{first:?} is no part of a .proto file")));
        }
        self.advance(1);
        Ok(TokenKind::Symbol(first))
    }

    fn number(&mut self) -> Result<TokenKind, SchemaError> {
        let mut end = 0;
        let bytes = self.rest.as_bytes();
        while let Some(byte) = bytes.get(end) {
            let is_sign = matches!(byte, b'+' | b'-')
                && matches!(bytes[end - 1], b'e' | b'E')
                && !self.rest.starts_with("0x");
            if !byte.is_ascii_alphanumeric() && *byte != b'.' && !is_sign {
                break;
            }
            end += 1;
        }
        let digits = &self.rest[..end];
        let parsed = if let Some(digits) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            u64::from_str_radix(digits, 16).ok()
        } else if digits.len() > 1
            && digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
        {
            u64::from_str_radix(digits, 8).ok()
        } else {
            digits.parse().ok()
        };
        let kind = match parsed {
            Some(number) => TokenKind::Integer(number),
            None if digits.trim_end_matches(['f', 'F']).parse::<f64>().is_ok() => TokenKind::Float,
            None => return Err(self.fault(format!("{digits} is no number"))),
        };
        self.advance(end);
        Ok(kind)
    }

    fn text(&mut self, quote: char) -> Result<TokenKind, SchemaError> {
        let mut text = Vec::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '\n' => break,
                '\\' => match characters.next() {
                    // Only names and paths matter here, and they have no other escapes.
                    Some((_, escaped)) => text.extend(escaped.encode_utf8(&mut [0; 4]).as_bytes()),
                    None => break,
                },
                character if character == quote => {
                    self.advance(at + 1);
                    return Ok(TokenKind::Text(text));
                }
                character => text.extend(character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        Err(self.fault("the string does not end on its line"))
    }
}
