//! `format` as an assertion, where it was asked for. `idn-hostname` is not checked: its tables of characters would be
//! larger than all of this. A name that is not known asserts nothing, as the standard has it.

mod network;
mod time;
mod uri;

pub(super) use uri::is_iri_reference;

use super::pattern;

/// Whether a text has a format.
pub(super) type Check = fn(&str) -> bool;

/// The check of a format, if it is one that this engine asserts.
pub(super) fn check(name: &str) -> Option<Check> {
    Some(match name {
        "date-time" => time::is_date_time,
        "date" => time::is_date,
        "time" => time::is_time,
        "duration" => time::is_duration,
        "email" => network::is_email,
        "idn-email" => network::is_idn_email,
        "hostname" => network::is_hostname,
        "ipv4" => network::is_ipv4,
        "ipv6" => network::is_ipv6,
        "uri" => uri::is_uri,
        "uri-reference" => uri::is_uri_reference,
        "iri" => uri::is_iri,
        "iri-reference" => uri::is_iri_reference,
        "uri-template" => uri::is_uri_template,
        "uuid" => is_uuid,
        "json-pointer" => is_json_pointer,
        "relative-json-pointer" => is_relative_json_pointer,
        "regex" => is_regex,
        _ => return None,
    })
}

fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

fn is_json_pointer(text: &str) -> bool {
    let is_escaped = |(at, _): (usize, &str)| matches!(text.as_bytes().get(at + 1), Some(b'0' | b'1'));
    (text.is_empty() || text.starts_with('/')) && text.match_indices('~').all(is_escaped)
}

fn is_relative_json_pointer(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let is_number = number == "0" || (!number.is_empty() && !number.starts_with('0'));
    is_number && (rest == "#" || is_json_pointer(rest))
}

/// What looks behind or refers back is an expression too, though no `pattern` may be one.
fn is_regex(text: &str) -> bool {
    pattern::compile(text).map_or_else(
        |fault| fault.contains("linear") || fault.contains("bytes"),
        |_| true,
    )
}
