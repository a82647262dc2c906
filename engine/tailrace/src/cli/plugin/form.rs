//! An upload with what it is tried with beside it, as a form (RFC 7578). The plugin comes last, so that
//! its file is read while it is sent.

use std::io::{Cursor, Read};

use tailrace_core::ports::clock::Random;

/// A form around a file.
pub struct Form {
    boundary: String,
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Form {
    /// With these parts beside the file, which is the part `plugin`.
    pub fn new(parts: &[(&str, Vec<u8>)], random: &dyn Random) -> Self {
        // 128 random bits: no content has them by chance.
        let boundary = format!("tailrace-{:016x}{:016x}", random.next_u64(), random.next_u64());
        let heading =
            |name: &str| format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        let mut before = Vec::new();
        for (name, content) in parts {
            before.extend_from_slice(heading(name).as_bytes());
            before.extend_from_slice(content);
            before.extend_from_slice(b"\r\n");
        }
        before.extend_from_slice(heading("plugin").as_bytes());
        let after = format!("\r\n--{boundary}--\r\n").into_bytes();
        Self {
            boundary,
            before,
            after,
        }
    }

    /// Its media type.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// The whole of it around a file of so many bytes, and its length.
    pub fn around(self, file: impl Read, length: u64) -> (impl Read, u64) {
        let whole = length + (self.before.len() + self.after.len()) as u64;
        let body = Cursor::new(self.before)
            .chain(file)
            .chain(Cursor::new(self.after));
        (body, whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tailrace_server::system::SystemRandom;

    #[test]
    fn a_form_is_as_long_as_it_says_and_ends_with_its_boundary() {
        let form = Form::new(&[("config", b"{}".to_vec())], &SystemRandom);
        let boundary = form.boundary.clone();
        assert!(form.content_type().ends_with(&boundary));
        let (mut body, length) = form.around(&b"\0asm"[..], 4);
        let mut whole = Vec::new();
        body.read_to_end(&mut whole).unwrap();
        assert_eq!(whole.len() as u64, length);
        let text = String::from_utf8(whole).unwrap();
        assert!(
            text.contains("name=\"config\"\r\n\r\n{}\r\n--") && text.contains("name=\"plugin\"\r\n\r\n\0asm"),
            "{text}"
        );
        assert!(text.ends_with(&format!("\r\n--{boundary}--\r\n")), "{text}");
    }
}
