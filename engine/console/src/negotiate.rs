//! What a browser takes and has: its `Accept-Encoding` and its `If-None-Match`.

use crate::file::File;

/// The bytes to send, and the name of their encoding if they are encoded.
pub(crate) fn body(file: &File, accept: &str) -> (&'static [u8], Option<&'static str>) {
    match (file.brotli, file.gzip) {
        (Some(bytes), _) if takes(accept, "br") => (bytes, Some("br")),
        (_, Some(bytes)) if takes(accept, "gzip") => (bytes, Some("gzip")),
        _ => (file.plain, None),
    }
}

/// Whether `Accept-Encoding` names an encoding without refusing it. A `*` is not believed: browsers name theirs.
fn takes(accept: &str, encoding: &str) -> bool {
    accept.split(',').any(|offer| {
        let mut parts = offer.split(';').map(str::trim);
        let named = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let refused = parts.any(|part| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0))
        });
        named && !refused
    })
}

/// Whether `If-None-Match` names this tag. The comparison is weak (RFC 9110, section 13.1.2).
pub(crate) fn has(if_none_match: &str, tag: &str) -> bool {
    if_none_match.split(',').map(str::trim).any(|known| {
        let known = known.strip_prefix("W/").unwrap_or(known);
        known == "*" || known == tag
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_taken_if_it_is_named_and_not_refused() {
        assert!(takes("gzip, deflate, br", "br"));
        assert!(takes("BR;q=0.5", "br"));
        assert!(!takes("gzip, br;q=0", "br"));
        assert!(!takes("br; q=0.0", "br"));
        assert!(!takes("", "gzip"));
        assert!(!takes("*", "gzip"));
        assert!(!takes("brotli", "br"));
    }

    #[test]
    fn a_tag_is_known_in_a_list_weak_or_as_any() {
        assert!(has("\"a\"", "\"a\""));
        assert!(has("\"b\", W/\"a\"", "\"a\""));
        assert!(has("*", "\"a\""));
        assert!(!has("\"b\"", "\"a\""));
        assert!(!has("", "\"a\""));
    }
}
