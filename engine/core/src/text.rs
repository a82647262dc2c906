//! Text of a guest on its way to people: logs, live views, dead letters, error answers. Whatever a guest writes,
//! it stays one short line of plain text, so it can neither flood nor forge what stands around it.

/// At most so many characters, with those that would be obeyed shown instead.
pub fn plain(text: &str, most: usize) -> String {
    text.chars().take(most).flat_map(shown).collect()
}

fn shown(c: char) -> impl Iterator<Item = char> {
    let escaped = is_obeyed(c).then(|| c.escape_default());
    let itself = (!is_obeyed(c)).then_some(c);
    escaped.into_iter().flatten().chain(itself)
}

/// Control characters, breaks of lines and paragraphs, and those that change the direction of what
/// follows, with which a line can be made to read as another (Trojan Source, 2021).
fn is_obeyed(c: char) -> bool {
    let breaks_or_turns = matches!(c,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || breaks_or_turns
}
