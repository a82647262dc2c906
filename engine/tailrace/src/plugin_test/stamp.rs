//! What a component says of itself: `name@version`, in a custom section that `plugin build` puts at its end. So a file
//! cannot be uploaded under a version that it was not built as, wherever it was carried to.

/// Name of the section.
const SECTION: &str = "tailrace-plugin";
/// Magic bytes and version of a component.
const HEADER: usize = 8;

/// The component, with the section at its end.
pub fn put(component: &[u8], name: &str, version: &str) -> Vec<u8> {
    let text = format!("{name}@{version}");
    let mut body = Vec::new();
    write_number(&mut body, SECTION.len());
    body.extend_from_slice(SECTION.as_bytes());
    body.extend_from_slice(text.as_bytes());
    let mut stamped = component.to_vec();
    stamped.push(0);
    write_number(&mut stamped, body.len());
    stamped.extend_from_slice(&body);
    stamped
}

/// Name and version of the last such section; none where there is none, or where this is no component.
pub fn read(component: &[u8]) -> Option<(String, String)> {
    let mut rest = component.get(HEADER..)?;
    let mut said = None;
    while let Some((kind, after)) = rest.split_first() {
        let (size, after) = read_number(after)?;
        let (section, after) = after.split_at_checked(size)?;
        if *kind == 0 {
            said = text(section).or(said);
        }
        rest = after;
    }
    let (name, version) = said?.split_once('@')?;
    Some((name.to_owned(), version.to_owned()))
}

fn text(section: &[u8]) -> Option<&str> {
    let (size, rest) = read_number(section)?;
    let (name, text) = rest.split_at_checked(size)?;
    (name == SECTION.as_bytes()).then(|| std::str::from_utf8(text).ok())?
}

/// LEB128, as WebAssembly writes sizes.
fn write_number(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn read_number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = 0_usize;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        number |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

    #[test]
    fn the_last_stamp_counts_and_others_sections_are_passed_over() {
        assert_eq!(read(COMPONENT), None);
        let mut long = COMPONENT.to_vec();
        long.extend([0, 0x83, 0x01, 1, b'x']);
        long.extend([7; 129]);
        assert_eq!(read(&long), None);
        let once = put(&long, "clicks", "0.1.0");
        let twice = put(&once, "clicks", "0.2.0-rc.1");
        assert_eq!(read(&twice), Some(("clicks".into(), "0.2.0-rc.1".into())));
    }

    #[test]
    fn whatever_the_bytes_nothing_panics() {
        let stamped = put(COMPONENT, "a", "1.0.0");
        for end in 0..stamped.len() {
            let _ = read(&stamped[..end]);
        }
        for bytes in [&b""[..], b"\0asm", &[0xff; 40]] {
            assert_eq!(read(bytes), None);
        }
    }
}
