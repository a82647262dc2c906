//! On which subjects messages may come into a stream: those that it takes itself, or that come from elsewhere, as its
//! transforms leave them.

use serde::Deserialize;
use serde_json::Value;
use tailrace_core::subject;

/// A change of subjects.
#[derive(Deserialize, Debug, Clone)]
pub(crate) struct Transform {
    #[serde(default)]
    src: String,
    #[serde(default)]
    dest: String,
}

/// Another stream that messages come from.
#[derive(Deserialize, Debug, Clone, Default)]
pub(crate) struct Source {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    filter_subject: String,
    #[serde(default)]
    subject_transforms: Option<Vec<Transform>>,
    /// How it is reached in another account or domain.
    #[serde(default)]
    external: Option<Value>,
    /// What that stream may hold; none where that is not known.
    #[serde(skip)]
    pub(crate) held: Option<Vec<String>>,
}

/// Patterns of all that may come into a stream of these subjects and sources, a mirror's among them, with this transform
/// of its own. Where another stream decides, that is anything.
pub(crate) fn may_hold<'a>(
    subjects: &[String],
    sources: impl Iterator<Item = &'a Source>,
    transform: Option<&Transform>,
) -> Vec<String> {
    let mut held = Vec::new();
    for subject in subjects {
        let changed = transform.filter(|transform| subject::overlap(transform.src(), subject));
        held.extend(changed.map(Transform::results));
        if changed.is_none_or(|transform| !subject::covers(transform.src(), subject)) {
            held.push(subject.clone());
        }
    }
    for pattern in sources.flat_map(Source::gives) {
        let changed = transform.filter(|transform| subject::overlap(transform.src(), &pattern));
        held.extend(changed.map(Transform::results));
        held.push(pattern);
    }
    held.sort_unstable();
    held.dedup();
    held
}

impl Source {
    /// Whether that stream alone decides what comes, and it can be asked.
    pub(crate) fn takes_all(&self) -> bool {
        let transforms = self.subject_transforms.as_ref();
        let is_bare = transforms.is_none_or(Vec::is_empty) && self.filter_subject.is_empty();
        is_bare && self.external.is_none() && !self.name.is_empty()
    }

    /// Patterns of what comes from it.
    pub(crate) fn gives(&self) -> Vec<String> {
        match &self.subject_transforms {
            Some(transforms) if !transforms.is_empty() => transforms.iter().map(Transform::results).collect(),
            _ if self.filter_subject.is_empty() => self.held.clone().unwrap_or_else(|| vec![">".to_owned()]),
            _ => vec![self.filter_subject.clone()],
        }
    }
}

impl Transform {
    fn src(&self) -> &str {
        if self.src.is_empty() { ">" } else { &self.src }
    }

    /// A pattern of what comes out. What is computed may be any token, or several.
    fn results(&self) -> String {
        // Without a destination it only says what is taken.
        let dest = if self.dest.is_empty() {
            self.src()
        } else {
            &self.dest
        };
        let mut tokens = Vec::new();
        for token in dest.split('.') {
            let is_whole = token.contains("{{") && token.contains("}}");
            let function = token.to_ascii_lowercase();
            let is_one = is_whole && !function.contains("split") && !function.contains("slice");
            match token {
                _ if is_one || token.starts_with('$') => tokens.push("*"),
                _ if token.contains("{{") => {
                    tokens.push(">");
                    break;
                }
                _ => tokens.push(token),
            }
        }
        tokens.join(".")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn held(config: &Value) -> Vec<String> {
        let read = |field: &str| config.get(field).cloned().unwrap_or_default();
        let subjects: Option<Vec<String>> = serde_json::from_value(read("subjects")).expect("subjects");
        let mirror: Option<Source> = serde_json::from_value(read("mirror")).expect("a mirror");
        let sources: Option<Vec<Source>> = serde_json::from_value(read("sources")).expect("sources");
        let transform: Option<Transform> =
            serde_json::from_value(read("subject_transform")).expect("a transform");
        let sources = mirror.iter().chain(sources.iter().flatten());
        may_hold(&subjects.unwrap_or_default(), sources, transform.as_ref())
    }

    #[test]
    fn a_transform_moves_what_it_covers() {
        assert_eq!(held(&json!({ "subjects": ["a.>", "b"] })), ["a.>", "b"]);
        let transform = |src: &str, dest: &str| json!({ "src": src, "dest": dest });
        let moved = |of: Value| held(&json!({ "subjects": ["a.>"], "subject_transform": of }));
        assert_eq!(moved(transform("a.>", "z.>")), ["z.>"]);
        assert_eq!(moved(transform("", "z.>")), ["z.>"]);
        assert_eq!(moved(transform("a.x.*", "z.*")), ["a.>", "z.*"]);
        assert_eq!(moved(transform("b.>", "z.>")), ["a.>"]);
        assert_eq!(
            moved(transform("a.*.*", "z.{{wildcard(2)}}.$1")),
            ["a.>", "z.*.*"]
        );
        assert_eq!(moved(transform("a.*", "z.{{split(1,-)}}.x")), ["a.>", "z.>"]);
        assert_eq!(moved(transform("a.*", "z.{{partition(3,1)}}")), ["a.>", "z.*"]);
    }

    #[test]
    fn what_comes_from_elsewhere_comes_as_it_is_taken() {
        assert_eq!(held(&json!({ "mirror": { "name": "A" } })), [">"]);
        assert_eq!(
            held(&json!({ "mirror": { "name": "A", "filter_subject": "a.x" } })),
            ["a.x"]
        );
        let sources = json!({ "sources": [
            { "name": "A", "subject_transforms": [{ "src": "a.>", "dest": "z.>" }, { "src": "b", "dest": "" }] },
            { "name": "B", "filter_subject": "c.>" },
        ] });
        assert_eq!(held(&sources), ["b", "c.>", "z.>"]);
        let source = |value: Value| serde_json::from_value::<Source>(value).expect("a source");
        let mut all = source(json!({ "name": "A" }));
        assert!(all.takes_all());
        all.held = Some(vec!["a.>".to_owned()]);
        assert_eq!(may_hold(&[], [&all].into_iter(), None), ["a.>"]);
        let elsewhere = json!({ "name": "A", "external": { "api": "$JS.hub.API" } });
        assert!(!source(elsewhere).takes_all());
        assert!(!source(json!({ "name": "A", "filter_subject": "a" })).takes_all());
    }
}
