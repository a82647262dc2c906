//! Tokens of subjects that places name: a pattern says how many tokens a subject has, and one beyond them is never there.

use serde_json::Value;

use crate::manifest::{PipelineManifest, error::ManifestError, mistakes::Mistakes};

/// The name of such a place.
const TOKEN: &str = "subject-token";

/// Refuses a place that no subject can have. Tables read subjects of their own.
pub(super) fn check(manifest: &PipelineManifest, found: &mut Mistakes) {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(manifest) else {
        return;
    };
    let tables = fields.remove("tables");
    // The config of a step is the plugin's own.
    fields.remove("steps");
    let events: Vec<String> = manifest
        .patterns_read()
        .map(|(_, pattern)| pattern.to_owned())
        .collect();
    look("", &Value::Object(fields), most_tokens(&events), found);
    for (name, table) in &manifest.tables {
        let most = most_tokens(&table.patterns());
        let own = tables.as_ref().and_then(|tables| tables.get(name.as_str()));
        if let Some(own) = own {
            look(&format!("tables.{name}"), own, most, found);
        }
    }
}

/// The most tokens that a subject may have; none where a pattern leaves it open, or where there is no pattern.
fn most_tokens(patterns: &[String]) -> Option<usize> {
    let counts = patterns.iter().map(|pattern| {
        let is_open = pattern.split('.').next_back() == Some(">");
        (!is_open).then(|| pattern.split('.').count())
    });
    let counts: Option<Vec<usize>> = counts.collect();
    counts?.into_iter().max()
}

fn look(path: &str, value: &Value, most: Option<usize>, found: &mut Mistakes) {
    let Some(most) = most else { return };
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{dot}{name}");
                match value.as_u64().filter(|_| name == TOKEN) {
                    Some(token) if token > most as u64 => {
                        let why =
                            format!("the subjects have at most {most} tokens, so there is no token {token}");
                        found.push(ManifestError::new(path, why));
                    }
                    _ => look(&path, value, Some(most), found),
                }
            }
        }
        Value::Array(entries) => {
            for (index, value) in entries.iter().enumerate() {
                look(&format!("{path}[{index}]"), value, Some(most), found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::manifest::{check::check, parse::parse};

    fn refusal(text: &str) -> Option<String> {
        let manifest = parse(text.as_bytes()).unwrap();
        check(&manifest).err().map(|cause| cause.to_string())
    }

    #[test]
    fn a_token_that_no_subject_has_is_refused_wherever_it_is_named() {
        let with = |key: &str, more: &str| {
            format!(
                "name: p\ninput: {{ subjects: [a.b.*, a.c], key: {key} }}\noutput: {{ subject: o.x }}\n{more}\n"
            )
        };
        assert_eq!(refusal(&with("{ subject-token: 3 }", "")), None);
        for (text, path) in [
            (with("{ subject-token: 4 }", ""), "input.key.subject-token"),
            (
                with("{ first-of: [{ json: /a }, { subject-token: 9 }] }", ""),
                "input.key.first-of[1].subject-token",
            ),
            (
                with(
                    "{ json: /a }",
                    "tables: { t: { subjects: [c.*], key: { subject-token: 3 } } }",
                ),
                "tables.t.key.subject-token",
            ),
        ] {
            let why = refusal(&text).unwrap_or_default();
            assert!(why.starts_with(path), "{text}: {why}");
        }
        let open =
            "name: p\ninput: { subjects: [a.>], key: { subject-token: 9 } }\noutput: { subject: o.x }\n";
        assert_eq!(refusal(open), None);
    }

    #[test]
    fn a_place_that_is_none_is_refused() {
        for (key, path) in [
            ("{ json: /a~2 }", "input.key.json"),
            ("{ json: /a~ }", "input.key.json"),
            ("{ header: 'a b' }", "input.key.header"),
            ("{ header: 'a:b' }", "input.key.header"),
        ] {
            let text =
                format!("name: p\ninput: {{ subjects: [a.>], key: {key} }}\noutput: {{ subject: o.x }}\n");
            let why = refusal(&text).unwrap_or_default();
            assert!(why.starts_with(path), "{key}: {why}");
        }
        let escaped =
            "name: p\ninput: { subjects: [a.>], key: { json: /a~0b~1c } }\noutput: { subject: o.x }\n";
        assert_eq!(refusal(escaped), None);
    }

    #[test]
    fn an_alarm_that_would_be_read_as_an_event_is_refused() {
        let with = |subject: &str| {
            format!(
                "name: p\ninput: {{ subjects: [a.>] }}\noutput: {{ subject: o.x }}\nalarms: [{{ name: late, when: 'lag > 5', notify: {{ subject: {subject} }} }}]\n"
            )
        };
        assert_eq!(refusal(&with("b.alarms")), None);
        let why = refusal(&with("a.alarms")).unwrap_or_default();
        assert!(why.starts_with("alarms[0].notify.subject"), "{why}");
    }
}
