//! Attributes as headers `ce-…`.

use tailrace_payload::attribute::{PREFIX, from_header, name_of, to_header};

use super::{
    attributes::{Attributes, place_of},
    fault::CloudEventFault,
};
use crate::{event::Header, manifest::CloudeventsMode};

const CONTENT_TYPE: &str = "content-type";

/// Headers that neither are attributes nor say what the payload is: the attribute `datacontenttype` says that of the
/// data.
pub fn without_headers(mut headers: Vec<Header>) -> Vec<Header> {
    headers.retain(|header| !is_attribute(header) && !is_content_type(header));
    headers
}

/// Whether a header is an attribute.
pub(super) fn is_attribute(header: &Header) -> bool {
    name_of(&header.name).is_some()
}

/// What a message says that its payload is.
pub(super) fn content_type(headers: &[Header]) -> Option<&str> {
    let header = headers.iter().find(|header| is_content_type(header))?;
    Some(header.value.trim())
}

/// The attributes that headers hold.
pub(super) fn read(headers: &[Header]) -> Result<Attributes, CloudEventFault> {
    let mut attributes = Attributes::default();
    for header in headers {
        let Some(name) = name_of(&header.name) else {
            continue;
        };
        let name = name.to_ascii_lowercase();
        let place = place_of(CloudeventsMode::Binary, &name);
        let value =
            from_header(&header.value).map_err(|fault| CloudEventFault::at(&place, fault.to_string()))?;
        attributes.add(&name, value.into_owned(), &place)?;
    }
    if let Some(media) = content_type(headers).filter(|media| !media.chars().any(char::is_control)) {
        attributes.set_if_absent("datacontenttype", || media.to_owned());
    }
    Ok(attributes)
}

impl Attributes {
    /// As headers.
    pub fn to_headers(&self) -> impl Iterator<Item = Header> {
        self.iter().map(|(name, value)| Header {
            name: format!("{PREFIX}{name}"),
            value: to_header(value).into_owned(),
        })
    }
}

fn is_content_type(header: &Header) -> bool {
    header.name.eq_ignore_ascii_case(CONTENT_TYPE)
}
