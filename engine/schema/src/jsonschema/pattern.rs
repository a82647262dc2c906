//! Regular expressions of ECMA-262, as JSON Schema has them, in time that grows with the text alone.
//!
//! The crate `regex` has no lookaround and no backreferences: those are what makes matching exponential, so a
//! pattern with them is refused by name. Everything else is rewritten where the two dialects differ.

use std::fmt::Write as _;

use regex::{Regex, RegexBuilder};

use crate::bounds::MAX_REGEX_BYTES;

const DIGIT: &str = "0-9";
const WORD: &str = "A-Za-z0-9_";
const SPACE: &str =
    r"\t\n\x0B\x0C\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}";

/// Compiles a pattern, or says why it cannot be used.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    let translated = translate(pattern)?;
    let mut builder = RegexBuilder::new(&translated);
    builder
        .size_limit(MAX_REGEX_BYTES)
        .dfa_size_limit(MAX_REGEX_BYTES)
        .nest_limit(64);
    builder.build().map_err(|fault| match fault {
        regex::Error::CompiledTooBig(_) => {
            format!("the pattern takes more than {MAX_REGEX_BYTES} bytes when compiled; repeat less of it")
        }
        _ => "the pattern is not a regular expression of ECMA-262".to_owned(),
    })
}

fn translate(pattern: &str) -> Result<String, String> {
    let mut rest: Vec<char> = pattern.chars().rev().collect();
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut in_class = false;
    while let Some(character) = rest.pop() {
        match character {
            '\\' => escape(&mut rest, in_class, &mut out)?,
            '[' if in_class => out.push_str(r"\["),
            '[' => match (
                rest.last(),
                rest.len().checked_sub(2).and_then(|next| rest.get(next)),
            ) {
                (Some(']'), _) => {
                    rest.pop();
                    out.push_str(r"[^\s\S]");
                }
                (Some('^'), Some(']')) => {
                    rest.truncate(rest.len() - 2);
                    out.push_str(r"[\s\S]");
                }
                _ => {
                    in_class = true;
                    out.push('[');
                }
            },
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            // `&&`, `--` and `~~` are operators in a class of the crate, and characters in ECMA-262.
            '&' | '~' if in_class => out.extend(['\\', character]),
            '-' if in_class && rest.last() == Some(&'-') => out.push_str(r"\-"),
            '.' if !in_class => out.push_str(r"[^\n\r\u{2028}\u{2029}]"),
            '(' if !in_class => group(&rest, &mut out)?,
            _ => out.push(character),
        }
    }
    Ok(out)
}

fn group(rest: &[char], out: &mut String) -> Result<(), String> {
    out.push('(');
    if rest.last() != Some(&'?') {
        return Ok(());
    }
    let next: String = rest.iter().rev().skip(1).take(2).collect();
    let is_look = next.starts_with(['=', '!']) || next.starts_with("<=") || next.starts_with("<!");
    if is_look {
        return Err("the pattern looks ahead or behind, which cannot be matched in linear time".to_owned());
    }
    if next.starts_with(':') || next.starts_with('<') {
        return Ok(());
    }
    Err("the pattern has a group that ECMA-262 does not have".to_owned())
}

fn escape(rest: &mut Vec<char>, in_class: bool, out: &mut String) -> Result<(), String> {
    let Some(escaped) = rest.pop() else {
        return Err("the pattern ends in a backslash".to_owned());
    };
    let class = |set: &str, negated: bool| match (in_class, negated) {
        (true, false) => set.to_owned(),
        (_, true) => format!("[^{set}]"),
        (false, false) => format!("[{set}]"),
    };
    match escaped {
        'd' => out.push_str(&class(DIGIT, false)),
        'D' => out.push_str(&class(DIGIT, true)),
        'w' => out.push_str(&class(WORD, false)),
        'W' => out.push_str(&class(WORD, true)),
        's' => out.push_str(&class(SPACE, false)),
        'S' => out.push_str(&class(SPACE, true)),
        'b' if in_class => out.push_str(r"\x08"),
        'b' => out.push_str(r"(?-u:\b)"),
        'B' => out.push_str(r"(?-u:\B)"),
        't' | 'n' | 'r' | 'f' | 'v' => out.extend(['\\', escaped]),
        '0' if !rest.last().is_some_and(char::is_ascii_digit) => out.push_str(r"\x00"),
        'c' => {
            let letter = rest
                .pop()
                .filter(char::is_ascii_alphabetic)
                .ok_or("a letter belongs behind \\c")?;
            let _ = write!(out, r"\x{:02x}", letter as u32 % 32);
        }
        'x' => {
            let code = hexadecimal(rest, 2).ok_or("two hexadecimal digits belong behind \\x")?;
            let _ = write!(out, r"\x{{{code:x}}}");
        }
        'u' => {
            let _ = write!(out, r"\x{{{:x}}}", unicode(rest)?);
        }
        'p' | 'P' => property(rest, escaped, out)?,
        '1'..='9' | 'k' => {
            return Err(
                "the pattern refers back to a group, which cannot be matched in linear time".to_owned(),
            );
        }
        other if other.is_ascii_punctuation() && other != '_' => out.extend(['\\', other]),
        other if other.is_ascii_alphanumeric() || other == '_' => {
            return Err(format!("\\{other} is no escape of ECMA-262"));
        }
        other => out.push(other),
    }
    Ok(())
}

fn hexadecimal(rest: &mut Vec<char>, digits: usize) -> Option<u32> {
    let text: String = rest.iter().rev().take(digits).collect();
    let is_hex = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let code = u32::from_str_radix(&text, 16).ok().filter(|_| is_hex)?;
    rest.truncate(rest.len() - digits);
    Some(code)
}

fn unicode(rest: &mut Vec<char>) -> Result<u32, String> {
    const MISSING: &str = "four hexadecimal digits belong behind \\u";
    if rest.last() == Some(&'{') {
        let text: String = rest
            .iter()
            .rev()
            .skip(1)
            .take_while(|character| **character != '}')
            .collect();
        let code = u32::from_str_radix(&text, 16).map_err(|_| MISSING)?;
        rest.truncate(rest.len().saturating_sub(text.chars().count() + 2));
        return Ok(code);
    }
    let high = hexadecimal(rest, 4).ok_or(MISSING)?;
    let follows = rest.iter().rev().take(2).collect::<String>() == "\\u";
    if !(0xd800..0xdc00).contains(&high) || !follows {
        return Ok(high);
    }
    rest.truncate(rest.len() - 2);
    let low = hexadecimal(rest, 4).ok_or(MISSING)?;
    Ok(0x1_0000 + ((high - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff))
}

fn property(rest: &mut Vec<char>, escaped: char, out: &mut String) -> Result<(), String> {
    if rest.last() != Some(&'{') {
        return Err(format!("\\{escaped} needs the name of a property in braces"));
    }
    let name: String = rest
        .iter()
        .rev()
        .skip(1)
        .take_while(|character| **character != '}')
        .collect();
    rest.truncate(rest.len().saturating_sub(name.chars().count() + 2));
    let _ = write!(out, "\\{escaped}{{{name}}}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_ecma_262() {
        for (pattern, text, matches) in [
            (r"^\d$", "7", true),
            (r"^\d$", "৪", false),
            (r"^\w$", "é", false),
            (r"^\W$", "é", true),
            (r"^\s$", "\u{feff}", true),
            (r"^\S$", "\u{a0}", false),
            (r"^[\d\s]+$", "1 2", true),
            (r"^[^\d]$", "x", true),
            (r"^[\D]$", "1", false),
            (r"^\cC$", "\u{3}", true),
            (r"^[]$", "", false),
            (r"^[^]$", "\n", true),
            (r"^.$", "\u{2028}", false),
            (r"^.$", "😀", true),
            (r"^\ud83d\ude00$", "😀", true),
            (r"^\u{1F600}$", "😀", true),
            (r"^[[a&&b]$", "&", true),
            (r"^\p{Letter}+$", "Żółw", true),
            (r"^a\/b\-c$", "a/b-c", true),
            (r"a$", "a\n", false),
        ] {
            let regex = compile(pattern).unwrap_or_else(|fault| panic!("{pattern}: {fault}"));
            assert_eq!(regex.is_match(text), matches, "{pattern} {text:?}");
        }
    }

    #[test]
    fn what_cannot_be_linear_or_is_no_expression_is_refused_by_name() {
        for (pattern, word) in [
            ("(?=a)", "ahead"),
            ("(?<!a)b", "behind"),
            (r"(a)\1", "refers back"),
            (r"(?<n>a)\k<n>", "refers back"),
            ("(((((a{100}){100}){100}){100}){100})", "compiled"),
            (r"\a", "escape"),
            ("(", "ECMA-262"),
            (r"\p", "property"),
            ("(?i)a", "group"),
            ("a\\", "backslash"),
        ] {
            let fault = compile(pattern).expect_err(pattern);
            assert!(fault.contains(word), "{pattern}: {fault}");
        }
    }
}
