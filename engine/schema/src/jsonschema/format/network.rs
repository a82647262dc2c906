//! Addresses: of mail, of hosts, of the internet protocol.

use std::net::{Ipv4Addr, Ipv6Addr};

pub(crate) fn is_ipv4(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

pub(crate) fn is_ipv6(text: &str) -> bool {
    text.parse::<Ipv6Addr>().is_ok()
}

/// RFC 1123. A label in Punycode must at least decode to something that is not plain ASCII.
pub(crate) fn is_hostname(text: &str) -> bool {
    (1..=253).contains(&text.len()) && text.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let is_plain = (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-');
    let third = label.as_bytes().get(2..4) == Some(b"--");
    is_plain
        && (!third
            || label
                .get(..4)
                .is_some_and(|start| start.eq_ignore_ascii_case("xn--")))
}

pub(crate) fn is_email(text: &str) -> bool {
    text.is_ascii() && is_idn_email(text)
}

pub(crate) fn is_idn_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    is_local(local) && is_domain(domain)
}

fn is_local(local: &str) -> bool {
    if let Some(quoted) = local.strip_prefix('"') {
        return quoted.len() > 1 && is_quoted(quoted);
    }
    let is_atom = |character: char| {
        character.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(character) || !character.is_ascii()
    };
    local
        .split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(is_atom))
}

fn is_quoted(text: &str) -> bool {
    let mut characters = text.chars();
    loop {
        match characters.next() {
            Some('"') => return characters.next().is_none(),
            Some('\\') => match characters.next() {
                Some(' '..='~') => {}
                _ => return false,
            },
            Some(character) if character >= ' ' && character != '\u{7f}' => {}
            _ => return false,
        }
    }
}

fn is_domain(domain: &str) -> bool {
    if let Some(literal) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return literal
            .strip_prefix("IPv6:")
            .map_or_else(|| is_ipv4(literal), is_ipv6);
    }
    let is_wide = |label: &str| {
        !label.is_ascii()
            && label
                .chars()
                .all(|character| character.is_alphanumeric() || character == '-')
    };
    !domain.is_empty() && domain.split('.').all(|label| is_label(label) || is_wide(label))
}
