//! Headers that a tenant gives to a message, by a plugin or by hand: the broker must carry them as they stand, and
//! none may be the broker's or the engine's own.
//!
//! Why: docs/decisions/0056-bounds-of-one-shared-connection.md

use crate::event::Header;

/// Longest name and longest value of a header.
const MAX_NAME_BYTES: usize = 128;
const MAX_VALUE_BYTES: usize = 4_096;

/// All headers of a message: JetStream takes 64 KiB of them, its own and the engine's included, and
/// refuses the whole batch for one message with more.
pub const MAX_HEADERS_BYTES: usize = 60 * 1024;

/// Checks each header by itself.
pub fn check_each_header(headers: &[Header]) -> Result<(), String> {
    headers.iter().try_for_each(check)
}

/// Checks what all headers take together.
pub fn check_headers(headers: &[Header]) -> Result<(), String> {
    let bytes = headers_bytes(headers);
    if bytes > MAX_HEADERS_BYTES {
        return Err(format!(
            "the headers have {bytes} bytes, and at most {MAX_HEADERS_BYTES} are taken"
        ));
    }
    Ok(())
}

/// What headers take on the wire.
pub fn headers_bytes(headers: &[Header]) -> usize {
    headers
        .iter()
        .map(|header| header.name.len() + header.value.len() + 4)
        .sum()
}

/// Whether a header may have this name.
pub fn is_header_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b':';
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(plain)
}

fn check(header: &Header) -> Result<(), String> {
    let shown: String = header.name.chars().take(64).collect();
    let name = header.name.to_ascii_lowercase();
    if name.starts_with("nats-") || name.starts_with("tr-") {
        return Err(format!(
            "the header {shown:?} is the broker's or the engine's own"
        ));
    }
    if !is_header_name(&name) {
        return Err(format!(
            "{shown:?} is no header name: use 1 to {MAX_NAME_BYTES} visible ASCII characters without a colon"
        ));
    }
    if header.value.len() > MAX_VALUE_BYTES || header.value.chars().any(char::is_control) {
        return Err(format!(
            "the value of header {shown:?} has a control character, or more than {MAX_VALUE_BYTES} bytes"
        ));
    }
    Ok(())
}
