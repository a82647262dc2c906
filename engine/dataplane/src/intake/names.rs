//! Which of several inputs an event is of, as a plugin sees it: in a header of the engine's.

use tailrace_core::{event::Header, name::Name};

/// Says of an event which input it is of.
const HEADER: &str = "Tr-Input";

/// Whether a header is this one.
pub(super) fn is_name(header: &Header) -> bool {
    header.name.eq_ignore_ascii_case(HEADER)
}

/// The event bears the name of its input.
pub(super) fn bear(headers: &mut Vec<Header>, name: &Name) {
    headers.push(Header {
        name: HEADER.to_owned(),
        value: name.to_string(),
    });
}
