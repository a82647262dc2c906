//! From bytes to values. The grammar is RFC 8259's and no more; a fault has the byte where it is.

use std::collections::HashSet;

use super::value::Json;
use crate::bounds::{MAX_DEPTH, MAX_VALUES};
use crate::error::{Rejection, TWICE};

/// Reads one JSON text in UTF-8. A byte order mark is passed over.
pub fn read(bytes: &[u8]) -> Result<Json, Rejection> {
    let start = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    if let Err(fault) = std::str::from_utf8(bytes) {
        return Err(Rejection::at_byte(fault.valid_up_to(), "the text is not UTF-8"));
    }
    let mut reader = Reader {
        bytes,
        at: start,
        values: 0,
    };
    let value = reader.value(0)?;
    reader.space();
    if reader.at < bytes.len() {
        return Err(reader.fault("something follows the JSON value"));
    }
    Ok(value)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    values: usize,
}

impl Reader<'_> {
    fn fault(&self, what: impl Into<String>) -> Rejection {
        Rejection::at_byte(self.at, what)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn takes(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn value(&mut self, depth: usize) -> Result<Json, Rejection> {
        self.values += 1;
        if depth > MAX_DEPTH {
            return Err(self.fault(format!("JSON of more than {MAX_DEPTH} levels")));
        }
        if self.values > MAX_VALUES {
            return Err(self.fault(format!("JSON of more than {MAX_VALUES} values")));
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(_) => Err(self.fault("no JSON value begins so")),
            None => Err(self.fault("the JSON ends in the middle")),
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, Rejection> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.fault("no JSON value begins so"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn array(&mut self, depth: usize) -> Result<Json, Rejection> {
        self.at += 1;
        let mut elements = Vec::new();
        self.space();
        if self.takes(b']') {
            return Ok(Json::Array(elements));
        }
        loop {
            let element = self
                .value(depth + 1)
                .map_err(|fault| fault.under(elements.len()))?;
            elements.push(element);
            self.space();
            if self.takes(b']') {
                return Ok(Json::Array(elements));
            }
            if !self.takes(b',') {
                return Err(self.fault("a comma or the end of the array is missing"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, Rejection> {
        self.at += 1;
        let mut members: Vec<(String, Json)> = Vec::new();
        // Only large objects pay for a table.
        let mut names: HashSet<String> = HashSet::new();
        self.space();
        if self.takes(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            let at = self.at;
            let name = match self.peek() {
                Some(b'"') => self.string()?,
                _ => return Err(self.fault("the name of a member is missing")),
            };
            if members.len() == 16 {
                names = members.iter().map(|(name, _)| name.clone()).collect();
            }
            let is_double = if members.len() < 16 {
                members.iter().any(|(member, _)| *member == name)
            } else {
                !names.insert(name.clone())
            };
            if is_double {
                return Err(Rejection::at_byte(at, TWICE).under(name));
            }
            self.space();
            if !self.takes(b':') {
                return Err(self.fault("the colon behind the name is missing").under(name));
            }
            let value = self.value(depth + 1).map_err(|fault| fault.under(&name))?;
            members.push((name, value));
            self.space();
            if self.takes(b'}') {
                return Ok(Json::Object(members));
            }
            if !self.takes(b',') {
                return Err(self.fault("a comma or the end of the object is missing"));
            }
        }
    }

    fn number(&mut self) -> Result<Json, Rejection> {
        let start = self.at;
        self.takes(b'-');
        if !self.takes(b'0') {
            self.digits()?;
        }
        if self.takes(b'.') {
            self.digits()?;
        }
        if self.takes(b'e') || self.takes(b'E') {
            if !self.takes(b'-') {
                self.takes(b'+');
            }
            self.digits()?;
        }
        let digits: String = self.bytes[start..self.at]
            .iter()
            .map(|byte| char::from(*byte))
            .collect();
        Ok(Json::Number(digits.into_boxed_str()))
    }

    fn digits(&mut self) -> Result<(), Rejection> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            Err(self.fault("a digit is missing"))
        } else {
            Ok(())
        }
    }

    fn string(&mut self) -> Result<String, Rejection> {
        self.at += 1;
        let mut text: Vec<u8> = Vec::new();
        loop {
            let start = self.at;
            while self
                .peek()
                .is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\')
            {
                self.at += 1;
            }
            text.extend(&self.bytes[start..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    // The whole payload is UTF-8, and a string begins and ends between characters.
                    return String::from_utf8(text).map_err(|_| self.fault("the text is not UTF-8"));
                }
                Some(b'\\') => {
                    let character = self.escape()?;
                    text.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(_) => return Err(self.fault("a control character in a string must be escaped")),
                None => return Err(self.fault("the JSON ends in a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Rejection> {
        self.at += 1;
        let escape = self.peek();
        self.at += 1;
        Ok(match escape {
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.code_point(),
            _ => {
                self.at -= 1;
                return Err(self.fault("no such escape in JSON"));
            }
        })
    }

    fn code_point(&mut self) -> Result<char, Rejection> {
        let high = self.unit()?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high).ok_or_else(|| self.fault("half of a surrogate pair"));
        }
        if !(self.takes(b'\\') && self.takes(b'u')) {
            return Err(self.fault("half of a surrogate pair"));
        }
        let low = self.unit()?;
        if !(0xdc00..0xe000).contains(&low) {
            return Err(self.fault("half of a surrogate pair"));
        }
        let code_point = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        char::from_u32(code_point).ok_or_else(|| self.fault("no such character"))
    }

    fn unit(&mut self) -> Result<u32, Rejection> {
        let digits = self.bytes.get(self.at..self.at + 4).unwrap_or_default();
        let is_hex = digits.len() == 4 && digits.iter().all(u8::is_ascii_hexdigit);
        let text = std::str::from_utf8(digits).ok().filter(|_| is_hex);
        let unit = text.and_then(|text| u32::from_str_radix(text, 16).ok());
        let unit = unit.ok_or_else(|| self.fault("four hexadecimal digits are missing"))?;
        self.at += 4;
        Ok(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::super::write::write;
    use super::*;

    #[test]
    fn what_came_is_what_goes() {
        for text in [
            r#"{"b":1.0,"a":[12345678901234567890123,-0.10e+5,true,null],"":"é\n\u0001\"\\"}"#,
            "[]",
            "{}",
            "0",
            "\"\"",
        ] {
            let value = read(text.as_bytes()).expect("JSON");
            assert_eq!(String::from_utf8(write(&value)).unwrap(), text);
        }
        assert_eq!(read(br#""\ud83d\ude00\/""#), Ok(Json::text("😀/")));
    }

    #[test]
    fn faults_have_their_place() {
        for (text, place) in [
            (&b"{\"a\":[1,{\"b\":tru}]}"[..], "/a/1/b (byte 13)"),
            (b"{\"a\":1,\"a\":2}", "/a (byte 7)"),
            (b"[1,]", "/1 (byte 3)"),
            (b"01", "byte 1"),
            (b"1.", "byte 2"),
            (b"\"\\ud800\"", "byte 7"),
            (b"\"\x01\"", "byte 1"),
            (b"\"\xff\"", "byte 1"),
            (b"", "byte 0"),
            (b"{\"a\" 1}", "/a (byte 5)"),
        ] {
            let fault = read(text).expect_err("a fault");
            assert_eq!(fault.place.to_string(), place, "{text:?}: {}", fault.what);
        }
        let members: Vec<String> = (0..40)
            .chain([30])
            .map(|member| format!("\"m{member}\":0"))
            .collect();
        let fault = read(format!("{{{}}}", members.join(",")).as_bytes()).expect_err("m30 twice");
        assert_eq!(fault.place.to_pointer(), "/m30");
    }

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        let deep = "[".repeat(100_000);
        assert!(
            read(deep.as_bytes())
                .expect_err("too deep")
                .what
                .contains("levels")
        );
        let wide = format!("[{}0]", "0,".repeat(MAX_VALUES));
        assert!(
            read(wide.as_bytes())
                .expect_err("too many")
                .what
                .contains("values")
        );
    }
}
