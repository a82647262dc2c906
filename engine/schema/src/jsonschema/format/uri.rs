//! URIs (RFC 3986), IRIs (RFC 3987) and templates of them (RFC 6570), by their grammar.

use super::network::is_ipv6;

pub(crate) fn is_uri(text: &str) -> bool {
    text.is_ascii() && is_iri(text)
}

pub(crate) fn is_uri_reference(text: &str) -> bool {
    text.is_ascii() && is_iri_reference(text)
}

pub(crate) fn is_iri(text: &str) -> bool {
    scheme(text).is_some_and(|(_, rest)| is_behind_scheme(rest))
}

pub(crate) fn is_iri_reference(text: &str) -> bool {
    // A colon in the first segment of a path makes what is before it a scheme, or the text no reference.
    let first = text.split(['/', '?', '#']).next().unwrap_or_default();
    is_iri(text) || (!first.contains(':') && is_behind_scheme(text))
}

fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme.then_some((scheme, rest))
}

fn is_behind_scheme(text: &str) -> bool {
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (text, query) = text.split_once('?').unwrap_or((text, ""));
    let (authority, path) = match text.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", text),
    };
    is_authority(authority) && is_of(path, ":@/") && is_of(query, ":@/?") && is_of(fragment, ":@/?")
}

fn is_authority(authority: &str) -> bool {
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (host, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let Some((literal, port)) = rest.split_once(']') else {
                return false;
            };
            let is_future = literal
                .strip_prefix(['v', 'V'])
                .and_then(|rest| rest.split_once('.'))
                .is_some_and(|(version, rest)| {
                    !version.is_empty()
                        && version.bytes().all(|byte| byte.is_ascii_hexdigit())
                        && !rest.is_empty()
                        && is_of(rest, ":")
                });
            if !is_ipv6(literal) && !is_future {
                return false;
            }
            ("", port)
        }
        None => host.find(':').map_or((host, ""), |colon| host.split_at(colon)),
    };
    let is_port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    is_of(user, ":") && is_of(host, "") && is_port
}

/// Whether all characters are unreserved, sub-delimiters, percent-encoded or of the further ones.
fn is_of(text: &str, further: &str) -> bool {
    let bytes = text.as_bytes();
    text.char_indices().all(|(at, character)| match character {
        '%' => bytes
            .get(at + 1..at + 3)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)),
        character if character.is_ascii() => {
            character.is_ascii_alphanumeric()
                || "-._~!$&'()*+,;=".contains(character)
                || further.contains(character)
        }
        character => character > '\u{9f}',
    })
}

pub(crate) fn is_uri_template(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        if !is_literal(&rest[..at]) || rest.as_bytes()[at] == b'}' {
            return false;
        }
        let Some(end) = rest[at..].find('}') else {
            return false;
        };
        if !is_expression(&rest[at + 1..at + end]) {
            return false;
        }
        rest = &rest[at + end + 1..];
    }
    is_literal(rest)
}

fn is_literal(text: &str) -> bool {
    !text.contains([' ', '"', '\'', '<', '>', '\\', '^', '`', '|'])
        && text.chars().all(|character| character > '\u{1f}')
}

fn is_expression(text: &str) -> bool {
    let variables = text
        .strip_prefix(['+', '#', '.', '/', ';', '?', '&', '=', ',', '!', '@', '|'])
        .unwrap_or(text);
    variables.split(',').all(|variable| {
        let variable = variable.strip_suffix('*').unwrap_or(variable);
        let (name, length) = variable.split_once(':').unwrap_or((variable, "1"));
        let is_length = (1..=4).contains(&length.len())
            && length.bytes().all(|byte| byte.is_ascii_digit())
            && !length.starts_with('0');
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.%".contains(&byte);
        is_length && !name.is_empty() && name.bytes().all(is_name)
    })
}
