//! What a manifest must hold of CloudEvents.

use crate::manifest::{
    DedupManifest, Extract, OutputCloudeventsManifest, PipelineManifest, bounds::check_text,
    error::ManifestError, mistakes::Mistakes, output::check_result_tokens,
};

/// Longest type and longest source of what is published.
const MAX_TYPE_BYTES: usize = 256;
const MAX_SOURCE_BYTES: usize = 1_024;

pub(super) fn check(manifest: &PipelineManifest, found: &mut Mistakes) {
    for part in manifest.input_parts() {
        if part.cloudevents.is_none() {
            found.note(check_place(&part.path("key"), part.key));
            if let Some(time) = part.time {
                found.note(check_place(&part.path("time"), &time.place));
            }
        }
    }
    let has_some = manifest.input_parts().any(|part| part.cloudevents.is_some());
    if !has_some {
        for (path, place) in other_places(manifest) {
            found.note(check_place(&path, &place));
        }
    }
    let output = manifest.output.as_ref();
    if let Some(declared) = output.and_then(|output| output.cloudevents.as_ref()) {
        found.note(check_output(declared, manifest));
    }
}

/// Only CloudEvents have attributes.
fn check_place(path: &str, place: &Extract) -> Result<(), ManifestError> {
    if !place.needs_attributes() {
        return Ok(());
    }
    let hint = "only CloudEvents have attributes; say that events are such: input: { cloudevents: data }";
    Err(ManifestError::new(format!("{path}.cloudevent"), hint))
}

/// Places that are looked at in the events of all inputs.
fn other_places(manifest: &PipelineManifest) -> Vec<(String, Extract)> {
    let mut places = Vec::new();
    if let Some(per) = &manifest.input.watermark.per {
        places.push(("input.watermark.per".to_owned(), per.clone()));
    }
    if let Some(place) = manifest.input.dedup.as_ref().and_then(DedupManifest::place) {
        places.push(("input.dedup".to_owned(), place));
    }
    for (name, sketch) in &manifest.sketches {
        let own = [("value", &sketch.value), ("by", &sketch.by)];
        let own = own
            .into_iter()
            .filter_map(|(field, place)| Some((field, place.clone()?)));
        places.extend(own.map(|(field, place)| (format!("sketches.{name}.{field}"), place)));
    }
    for (name, window) in &manifest.windows {
        let by = window
            .places()
            .map(|(member, place)| (format!("by.{member}"), place.clone()));
        let measured = window.aggregate.iter().flat_map(|(member, aggregate)| {
            let path = format!("aggregate.{member}");
            aggregate.places().map(move |place| (path.clone(), place.clone()))
        });
        let own = by.chain(measured);
        places.extend(own.map(|(field, place)| (format!("windows.{name}.{field}"), place)));
    }
    places
}

fn check_output(
    declared: &OutputCloudeventsManifest,
    manifest: &PipelineManifest,
) -> Result<(), ManifestError> {
    let path = "output.cloudevents.type";
    check_text(path, &declared.event_type, MAX_TYPE_BYTES)?;
    check_result_tokens(path, &declared.event_type, manifest)?;
    let Some(source) = &declared.source else {
        return Ok(());
    };
    let path = "output.cloudevents.source";
    check_text(path, source, MAX_SOURCE_BYTES)?;
    if source.contains(char::is_whitespace) {
        let hint = "a source is a URI reference, such as /shop/receipts; write %20 for a space";
        return Err(ManifestError::new(path, hint));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::manifest::{check::check as check_all, parse::parse};

    fn refused_at(input: &str, rest: &str) -> String {
        let text =
            format!("name: p\ninput: {{ subjects: [x] {input} }}\noutput: {{ subject: out {rest} }}\n");
        match parse(text.as_bytes()).and_then(|manifest| check_all(&manifest)) {
            Ok(()) => String::new(),
            Err(error) => error.path,
        }
    }

    #[test]
    fn places_of_attributes_need_cloudevents() {
        let fallback = "key: { first-of: [{ cloudevent: subject }, { json: /user }] }";
        for (input, path) in [
            (format!("cloudevents: data, {fallback}"), ""),
            (fallback.to_owned(), "input.key.cloudevent"),
            ("time: { cloudevent: time }".to_owned(), "input.time.cloudevent"),
            (
                "cloudevents: envelope, time: { cloudevent: time, on-unreadable: reject }".to_owned(),
                "",
            ),
            (
                "cloudevents: data, dedup: { cloudevent: id, window: 1h }".to_owned(),
                "",
            ),
            (
                "dedup: { cloudevent: id, window: 1h }".to_owned(),
                "input.dedup.cloudevent",
            ),
            (
                "cloudevents: data, dedup: { cloudevent: id, json: /id, window: 1h }".to_owned(),
                "input.dedup",
            ),
            (
                "cloudevents: data, key: { cloudevent: Subject }".to_owned(),
                "input.key.cloudevent",
            ),
            (
                "cloudevents: data, key: { cloudevent: data }".to_owned(),
                "input.key.cloudevent",
            ),
            (
                "key: { first-of: [{ json: /a }] }".to_owned(),
                "input.key.first-of",
            ),
            (
                "key: { first-of: [{ json: /a }, { first-of: [subject, { json: /a }] }] }".to_owned(),
                "input.key.first-of[1]",
            ),
            (
                "key: { first-of: [{ json: /a }, { json: b }] }".to_owned(),
                "input.key.first-of[1].json",
            ),
        ] {
            assert_eq!(refused_at(&format!(", {input}"), ""), path, "{input}");
        }
    }

    #[test]
    fn an_input_with_a_name_may_bring_them_alone() {
        let inputs = |more: &str| {
            let text = format!(
                "name: p\ninputs:\n  a: {{ subjects: [x.a], key: {{ cloudevent: subject }}{more} }}\n  b: {{ subjects: [x.b] }}\nsketches: {{ s: {{ kind: distinct, value: {{ cloudevent: source }} }} }}\n"
            );
            let checked = parse(text.as_bytes()).and_then(|manifest| check_all(&manifest));
            checked.err().map(|error| error.path)
        };
        assert_eq!(inputs(", cloudevents: data"), None);
        assert_eq!(inputs("").as_deref(), Some("inputs.a.key.cloudevent"));
    }

    #[test]
    fn outputs_that_cannot_be_are_refused_where_they_are_wrong() {
        for (output, path) in [
            ("{ type: shop.receipt }", ""),
            ("{ type: shop.receipt, mode: structured, source: /shop }", ""),
            ("{ type: \"\" }", "output.cloudevents.type"),
            ("{ type: \"a\\tb\" }", "output.cloudevents.type"),
            ("{ type: \"shop.{window}\" }", "output.cloudevents.type"),
            ("{ type: a, source: \"\" }", "output.cloudevents.source"),
            ("{ type: a, source: \"a b\" }", "output.cloudevents.source"),
            ("{ mode: binary }", "output.cloudevents"),
            ("{ type: a, mode: both }", "output.cloudevents.mode"),
        ] {
            assert_eq!(
                refused_at("", &format!(", cloudevents: {output}")),
                path,
                "{output}"
            );
        }
    }
}
