//! Writing JSON: what was not changed as it came, the rest in its shortest form.

use std::fmt;

use super::value::{Item, Json, Member, Object};

/// As JSON writes it.
impl fmt::Display for Json<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("null"),
            Self::Boolean(truth) => truth.fmt(formatter),
            Self::Number(number) => number.fmt(formatter),
            Self::Text(text) => write_text(text, formatter),
            Self::List(list) => {
                formatter.write_str("[")?;
                for (place, item) in list.iter().enumerate() {
                    if place > 0 {
                        formatter.write_str(",")?;
                    }
                    item.fmt(formatter)?;
                }
                formatter.write_str("]")
            }
            Self::Object(object) => object.fmt(formatter),
        }
    }
}

impl fmt::Display for Item<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.raw {
            Some(raw) => formatter.write_str(raw),
            None => self.value.fmt(formatter),
        }
    }
}

impl fmt::Display for Object<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("{")?;
        for (place, member) in self.written().into_iter().enumerate() {
            if place > 0 {
                formatter.write_str(",")?;
            }
            member.fmt(formatter)?;
        }
        formatter.write_str("}")
    }
}

impl fmt::Display for Member<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_text(&self.name, formatter)?;
        formatter.write_str(":")?;
        match self.raw {
            Some(raw) => formatter.write_str(raw),
            None => self.value.fmt(formatter),
        }
    }
}

fn write_text(text: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let needs_no_escape = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().all(needs_no_escape) {
        return write!(formatter, "\"{text}\"");
    }
    let written = serde_json::to_string(text).map_err(|_| fmt::Error)?;
    formatter.write_str(&written)
}
