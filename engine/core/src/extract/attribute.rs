//! Attributes of a CloudEvent, which an event bears as headers (see [`crate::cloudevents`]).

use std::borrow::Cow;

use tailrace_payload::attribute::{from_header, name_of};

use crate::event::Header;

/// The value of an attribute that these headers hold; none where it is absent, empty or does not read.
pub fn attribute_in<'h>(headers: &'h [Header], attribute: &str) -> Option<Cow<'h, str>> {
    let is_it = |header: &&Header| {
        let name = name_of(&header.name);
        name.is_some_and(|name| name.eq_ignore_ascii_case(attribute))
    };
    let header = headers.iter().find(is_it)?;
    let value = from_header(&header.value).ok()?;
    (!value.is_empty()).then_some(value)
}
