//! A place in a payload, as a JSON Pointer (RFC 6901).

use std::fmt;

use crate::json::{Item, Json};

/// A JSON Pointer.
pub(crate) struct Pointer {
    text: String,
    way: Vec<String>,
}

impl Pointer {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let way = match text.strip_prefix('/') {
            Some(way) => way.split('/').map(unescaped).collect(),
            None if text.is_empty() => Vec::new(),
            None => return Err(format!("{text:?} is no place in a payload; write /{text}")),
        };
        let text = text.to_owned();
        Ok(Self { text, way })
    }

    /// The value at this place.
    pub(crate) fn find<'j, 'a>(&self, json: &'j Json<'a>) -> Option<&'j Json<'a>> {
        self.way.iter().try_fold(json, |json, name| match json {
            Json::Object(object) => object.get(name),
            Json::List(list) => list.get(index(name)?).map(Item::value),
            _ => None,
        })
    }
}

/// `01` and `+1` are no indices.
fn index(name: &str) -> Option<usize> {
    let is_plain = name == "0" || name.starts_with(|first: char| matches!(first, '1'..='9'));
    name.parse().ok().filter(|_| is_plain)
}

fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

impl fmt::Display for Pointer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::Pointer;
    use crate::json::parse;

    #[test]
    fn a_pointer_finds_what_rfc_6901_says() {
        let payload = parse(r#"{"a":{"b/c":1,"~":2,"":3},"l":[4,[5]],"1":6}"#).unwrap();
        for (pointer, found) in [
            ("/a/b~1c", Some("1")),
            ("/a/~0", Some("2")),
            ("/a/", Some("3")),
            ("/l/0", Some("4")),
            ("/l/1/0", Some("5")),
            ("/1", Some("6")),
            ("/l/01", None),
            ("/l/2", None),
            ("/l/-", None),
            ("/a/b", None),
            ("/1/x", None),
        ] {
            let value = Pointer::parse(pointer).unwrap();
            let value = value.find(&payload).map(ToString::to_string);
            assert_eq!(value.as_deref(), found, "{pointer}");
        }
        assert_eq!(Pointer::parse("").unwrap().find(&payload), Some(&payload));
        assert!(Pointer::parse("a").is_err_and(|why| why.contains("write /a")));
    }
}
