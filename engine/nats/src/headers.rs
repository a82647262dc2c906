//! Headers, between the broker's form and the engine's. Whatever bytes come in, nothing panics.

use async_nats::{HeaderMap, HeaderName, HeaderValue};
use tailrace_core::event::Header;

/// As the engine has them. Values that are not UTF-8 were replaced by the client already.
pub(crate) fn to_engine(headers: Option<&HeaderMap>) -> Vec<Header> {
    let each = |(name, values): (&HeaderName, &Vec<HeaderValue>)| {
        let name = name.to_string();
        values
            .iter()
            .map(move |value| Header {
                name: name.clone(),
                value: value.to_string(),
            })
            .collect::<Vec<_>>()
    };
    let mut all: Vec<Header> = headers
        .into_iter()
        .flat_map(HeaderMap::iter)
        .flat_map(each)
        .collect();
    // The map has no order of its own; equal events must look equal at every delivery.
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all
}

/// As the broker takes them. What it could not take was refused before it came here.
pub(crate) fn to_broker(headers: &[Header]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for header in headers {
        if let (Ok(name), Ok(value)) = (
            header.name.parse::<HeaderName>(),
            header.value.parse::<HeaderValue>(),
        ) {
            map.append(name, value);
        }
    }
    map
}
