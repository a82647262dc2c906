//! The two faults: of a schema, found when it is pushed, and of a payload, found when it arrives. Each has a place.

use std::fmt;

/// A name with its article: `an int64`, `a uint64`.
pub(crate) fn with_article(name: &str) -> String {
    let article = if name.starts_with(['a', 'e', 'i', 'o']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {name}")
}

/// A schema that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct SchemaError {
    /// Where in the schema.
    pub place: Place,
    /// What is wrong, and the way out.
    pub what: String,
}

impl SchemaError {
    /// A fault at a place.
    pub fn new(place: Place, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { place, what }
    }

    /// The same fault, in one of the documents that the schema refers to.
    #[must_use]
    pub fn within(mut self, document: &str) -> Self {
        if self.place.document.is_none() {
            self.place.document = Some(document.to_owned());
        }
        self
    }
}

/// A payload that is not what its schema says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct Rejection {
    /// Where in the payload.
    pub place: Place,
    /// What is wrong.
    pub what: String,
}

/// What is wrong with a member that its object has already.
pub(crate) const TWICE: &str = "the member stands there twice";

impl Rejection {
    /// Whether an object has a member twice.
    pub fn is_of_a_member_twice(&self) -> bool {
        self.what == TWICE
    }

    /// A fault of the value at hand. Its place is completed on the way out, by [`Rejection::under`].
    pub fn new(what: impl Into<String>) -> Self {
        let (place, what) = (Place::default(), what.into());
        Self { place, what }
    }

    /// A fault at a byte of the payload.
    pub fn at_byte(byte: usize, what: impl Into<String>) -> Self {
        let (place, what) = (Place::byte(byte), what.into());
        Self { place, what }
    }

    /// The same fault, seen from the value that contains it.
    #[must_use]
    pub fn under(mut self, segment: impl fmt::Display) -> Self {
        self.place.inner.push(segment.to_string());
        self
    }
}

/// Where something is: a JSON pointer, a byte, a line; in the schema itself or in a document that it refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    document: Option<String>,
    /// Segments of the pointer, the innermost first: it grows as the readers return.
    inner: Vec<String>,
    byte: Option<usize>,
    line: Option<(usize, usize)>,
}

impl Place {
    /// A byte of the payload or the text.
    pub fn byte(byte: usize) -> Self {
        let byte = Some(byte);
        Self {
            byte,
            ..Self::default()
        }
    }

    /// A line and a column of the text, both from 1.
    pub fn line(line: usize, column: usize) -> Self {
        let line = Some((line, column));
        Self {
            line,
            ..Self::default()
        }
    }

    /// Segments of a pointer, the outermost first.
    pub fn segments<S: fmt::Display>(segments: impl IntoIterator<Item = S>) -> Self {
        let mut inner: Vec<String> = segments.into_iter().map(|segment| segment.to_string()).collect();
        inner.reverse();
        Self {
            inner,
            ..Self::default()
        }
    }

    /// Whether it is this keyword of a JSON Schema, or an entry of its list, and no member of that name.
    pub(crate) fn is_keyword(&self, keyword: &str) -> bool {
        let mut inner = self
            .inner
            .iter()
            .skip_while(|segment| segment.parse::<usize>().is_ok());
        let named = ["properties", "patternProperties", "dependentSchemas", "$defs"];
        inner.next().is_some_and(|segment| segment == keyword)
            && inner.next().is_none_or(|outer| !named.contains(&outer.as_str()))
    }

    /// A JSON pointer as it is written.
    pub fn pointer(pointer: &str) -> Self {
        Self::segments(
            pointer
                .split('/')
                .skip(1)
                .map(|part| part.replace("~1", "/").replace("~0", "~")),
        )
    }

    /// The JSON pointer; empty for the whole.
    pub fn to_pointer(&self) -> String {
        let escaped = self
            .inner
            .iter()
            .rev()
            .map(|part| part.replace('~', "~0").replace('/', "~1"));
        escaped.fold(String::new(), |pointer, part| pointer + "/" + &part)
    }

    /// The byte, where one is known.
    pub fn at_byte(&self) -> Option<usize> {
        self.byte
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(document) = &self.document {
            write!(f, "{document}: ")?;
        }
        match (self.line, self.byte, self.inner.is_empty()) {
            (Some((line, column)), _, _) => write!(f, "line {line}, column {column}"),
            (None, Some(byte), true) => write!(f, "byte {byte}"),
            (None, Some(byte), false) => write!(f, "{} (byte {byte})", self.to_pointer()),
            (None, None, true) => write!(f, "at the top"),
            (None, None, false) => write!(f, "{}", self.to_pointer()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_grows_outwards_and_is_escaped() {
        let rejection = Rejection::at_byte(7, "no").under("a/b").under(3).under("x~");
        assert_eq!(rejection.place.to_pointer(), "/x~0/3/a~1b");
        assert_eq!(rejection.to_string(), "/x~0/3/a~1b (byte 7): no");
        assert_eq!(Place::pointer("/x~0/3/a~1b").to_pointer(), "/x~0/3/a~1b");
        assert_eq!(Place::default().to_string(), "at the top");
    }
}
