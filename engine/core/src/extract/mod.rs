//! Finding the key, the time and the sketches' values in an event: one pass over the payload, for all places at
//! once. The payload is never turned into a tree.
//!
//! The pass goes over the whole payload, also behind the last place. So a payload with a fault has the same fault
//! for every pipeline that looks into it, whatever the order of its members, and nothing of it is believed.

mod attribute;
mod fault;
mod names;
mod scalar;
mod scan;
mod strings;
mod tree;
mod wrong;

use std::borrow::Cow;

pub use attribute::attribute_in;
pub use fault::PayloadFault;
pub use scalar::Scalar;
use scan::scan;
use tree::Node;

use crate::{event::Header, manifest::Extract};

/// Whether a text is one JSON text with one meaning.
pub fn check_json(text: &[u8]) -> Result<(), PayloadFault> {
    scan(text, &Node::default(), &mut [])
}

/// Several places to look at, prepared once a pipeline revision.
#[derive(Debug, Default)]
pub struct Extractor {
    /// Those that are one place each: a place with a fallback is several.
    places: Vec<Extract>,
    /// How many of them each place is; empty where each is one.
    widths: Vec<usize>,
    root: Node,
    json_slots: usize,
}

impl Extractor {
    /// Prepares for these places; results come in the same order.
    pub fn new(places: Vec<Extract>) -> Self {
        let widths: Vec<usize> = places.iter().map(|place| place.places().len()).collect();
        let has_fallbacks = widths.iter().any(|width| *width != 1);
        let places: Vec<Extract> = places.into_iter().flat_map(Extract::into_places).collect();
        let mut root = Node::default();
        let mut json_slots = 0;
        for (slot, place) in places.iter().enumerate() {
            if let Extract::Json(pointer) = place {
                root.insert(pointer, slot);
                json_slots += 1;
            }
        }
        Self {
            places,
            widths: if has_fallbacks { widths } else { Vec::new() },
            root,
            json_slots,
        }
    }

    /// Looks at all places of an event.
    pub fn extract<'e>(&self, subject: &'e str, headers: &'e [Header], payload: &'e [u8]) -> Extraction<'e> {
        let mut values = vec![None; self.places.len()];
        let mut fault = None;
        if self.json_slots > 0 && !payload.is_empty() {
            fault = scan(payload, &self.root, &mut values).err();
            if fault.is_some() {
                values.fill(None);
            }
        }
        for (slot, place) in self.places.iter().enumerate() {
            let text = match place {
                Extract::Json(_) | Extract::FirstOf(_) => continue,
                Extract::Subject => Some(Cow::Borrowed(subject)),
                Extract::SubjectToken(token) => (*token as usize)
                    .checked_sub(1)
                    .and_then(|index| subject.split('.').nth(index))
                    .map(Cow::Borrowed),
                Extract::Header(name) => headers
                    .iter()
                    .find(|h| h.name.eq_ignore_ascii_case(name))
                    .map(|h| Cow::Borrowed(h.value.as_str())),
                Extract::Cloudevent(name) => attribute_in(headers, name),
            };
            values[slot] = text.map(Scalar::Text);
        }
        if !self.widths.is_empty() {
            values = first_of_each(values, &self.widths);
        }
        Extraction { values, fault }
    }
}

/// Of the places that stand for one, the first with a single value.
fn first_of_each<'e>(values: Vec<Option<Scalar<'e>>>, widths: &[usize]) -> Vec<Option<Scalar<'e>>> {
    let mut values = values.into_iter();
    let first = |width: &usize| {
        let mut own = values.by_ref().take(*width).flatten();
        let first = own.find(|value| !matches!(value, Scalar::Nested));
        own.for_each(drop);
        first
    };
    widths.iter().map(first).collect()
}

/// What stands at the places of an event.
#[derive(Debug, PartialEq)]
pub struct Extraction<'e> {
    /// In the order of the places; what is missing or null is `None`.
    pub values: Vec<Option<Scalar<'e>>>,
    /// Why nothing of the payload is believed, where a place looks into it. An empty payload has no fault: there
    /// is nothing in it.
    pub fault: Option<PayloadFault>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extractor(places: &[&str]) -> Extractor {
        let places = places.iter().map(|pointer| Extract::Json((*pointer).to_owned()));
        Extractor::new(places.collect())
    }

    fn text(text: &str) -> Scalar<'_> {
        Scalar::Text(text.into())
    }

    #[test]
    fn pointers_reach_into_objects_and_arrays() {
        let json = r#"{"a/b":{"c":[10,{"d":"x"}]},"n":-1.5,"t":true,"z":null,"o":{}}"#;
        let places = [
            "/a~1b/c/1/d",
            "/a~1b/c/0",
            "/n",
            "/t",
            "/z",
            "/o",
            "/none",
            "/a~1b/c",
        ];
        let extractor = extractor(&places);
        let found = extractor.extract("a.b", &[], json.as_bytes());
        assert_eq!(
            found.values,
            [
                Some(text("x")),
                Some(Scalar::Number("10")),
                Some(Scalar::Number("-1.5")),
                Some(Scalar::Bool(true)),
                None,
                Some(Scalar::Nested),
                None,
                Some(Scalar::Nested),
            ]
        );
        assert_eq!(found.fault, None);
    }

    #[test]
    fn numbers_keep_their_digits() {
        let extractor = extractor(&["/id"]);
        for number in [
            "18446744073709551616",
            "18446744073709551617",
            "-99999999999999999999999999999999999999999999",
            "1.0",
            "1.00000000000000000000000000000000000000001",
            "1e3",
            "1E400",
            "-0",
        ] {
            let payload = format!("{{\"id\":{number}}}");
            let mut found = extractor.extract("a", &[], payload.as_bytes());
            let id = found.values.remove(0).and_then(Scalar::into_text);
            assert_eq!(id.as_deref(), Some(number));
        }
    }

    #[test]
    fn nesting_beyond_reason_is_skipped_without_recursion() {
        let deep = format!(
            r#"{{"a":{}{},"user":"u1"}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        let extractor = extractor(&["/user"]);
        assert_eq!(
            extractor.extract("a", &[], deep.as_bytes()).values,
            [Some(text("u1"))]
        );
    }

    #[test]
    fn of_a_payload_with_a_fault_nothing_is_believed() {
        let extractor = extractor(&["/user"]);
        for payload in [
            &b"\0"[..],
            b"nonsense",
            b"{\"user\"",
            b"[1,2",
            b"{\"user\":}",
            b"\xff\xfe",
            b"{\"user\":\"alice\",\"user\":\"bob\"}",
            b"{\"user\":\"alice\",\"x\":NaN}",
            b"{\"user\":\"alice\"}}",
        ] {
            let found = extractor.extract("a", &[], payload);
            assert_eq!(found.values, [None], "{payload:?}");
            assert!(found.fault.is_some(), "{payload:?}");
        }
        let empty = extractor.extract("a", &[], b"");
        assert_eq!((empty.values, empty.fault), (vec![None], None));
    }

    #[test]
    fn a_payload_that_nobody_looks_into_has_no_fault() {
        let extractor = Extractor::new(vec![Extract::Subject]);
        let found = extractor.extract("a", &[], &[0x1f, 0x8b]);
        assert_eq!((found.values, found.fault), (vec![Some(text("a"))], None));
    }

    #[test]
    fn where_one_place_is_empty_the_next_holds() {
        let json = |pointer: &str| Extract::Json(pointer.to_owned());
        let subject = Extract::Cloudevent("subject".to_owned());
        let extractor = Extractor::new(vec![
            json("/n"),
            Extract::FirstOf(vec![subject.clone(), json("/user"), json("/id")]),
            Extract::SubjectToken(1),
            Extract::FirstOf(vec![json("/nested"), json("/id")]),
            Extract::FirstOf(vec![json("/none"), subject]),
        ]);
        let ce = |value: &str| Header {
            name: "CE-Subject".into(),
            value: value.into(),
        };
        let payload = br#"{"n":1,"user":null,"id":7,"nested":{}}"#;
        for (headers, second, last) in [
            (vec![ce("%e2%82%ac")], Some(text("€")), Some(text("€"))),
            (vec![ce("")], Some(Scalar::Number("7")), None),
            (vec![ce("%0a")], Some(Scalar::Number("7")), None),
            (vec![], Some(Scalar::Number("7")), None),
        ] {
            let found = extractor.extract("a.b", &headers, payload);
            let number = Some(Scalar::Number("7"));
            assert_eq!(
                found.values,
                [Some(Scalar::Number("1")), second, Some(text("a")), number, last]
            );
        }
    }

    #[test]
    fn subjects_and_headers_are_places_too() {
        let places = vec![
            Extract::SubjectToken(2),
            Extract::SubjectToken(9),
            Extract::SubjectToken(0),
            Extract::Header("user".into()),
            Extract::Subject,
        ];
        let headers = [Header {
            name: "User".into(),
            value: "u1".into(),
        }];
        let extractor = Extractor::new(places);
        let found = extractor.extract("a.b", &headers, b"");
        assert_eq!(
            found.values,
            [Some(text("b")), None, None, Some(text("u1")), Some(text("a.b"))]
        );
    }
}
