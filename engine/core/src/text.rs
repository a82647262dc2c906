//! Text of a guest on its way to people: logs, live views, dead letters, error answers. Whatever a guest writes,
//! it stays one short line of plain text, so it can neither flood nor forge what stands around it.

/// At most so many characters, with control characters shown and not obeyed.
pub fn plain(text: &str, most: usize) -> String {
    text.chars().take(most).flat_map(shown).collect()
}

fn shown(c: char) -> impl Iterator<Item = char> {
    let escaped = c.is_control().then(|| c.escape_default());
    let itself = (!c.is_control()).then_some(c);
    escaped.into_iter().flatten().chain(itself)
}
