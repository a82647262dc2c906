//! What the joins of a manifest must hold.

use crate::{
    manifest::{
        Extract, JoinManifest, JoinSide, PipelineManifest,
        bounds::{check_extract, within},
        error::ManifestError,
        output,
    },
    name::Name,
    units::Span,
};

/// Most joins of a pipeline: each keeps every event of its inputs.
const MAX_JOINS: u64 = 8;
/// Longest time between two events of a join: what is kept for it is state.
const MOST_MS: u64 = 31 * 24 * 3_600_000;

/// Checks the joins of a pipeline.
pub(super) fn check(manifest: &PipelineManifest) -> Result<(), ManifestError> {
    within("joins", manifest.joins.len() as u64, 0, MAX_JOINS)?;
    if !manifest.joins.is_empty() && manifest.output.is_none() && manifest.windows.is_empty() {
        let hint = "the rows of joins are published there; give it a subject, such as results.{join}.{key}";
        return Err(ManifestError::new("output", hint));
    }
    for (name, join) in &manifest.joins {
        let path = format!("joins.{name}");
        check_name(&path, name, manifest)?;
        check_inputs(&path, join, manifest)?;
        check_times(&path, join)?;
        check_on(&path, join, manifest)?;
    }
    Ok(())
}

fn check_name(path: &str, name: &Name, manifest: &PipelineManifest) -> Result<(), ManifestError> {
    let taken = [
        (
            name.as_str() == output::EVENTS,
            "`events` stands for the events themselves",
        ),
        (manifest.inputs.contains_key(name), "an input has this name"),
        (manifest.windows.contains_key(name), "a window has this name"),
    ];
    match taken.iter().find(|(is_taken, _)| *is_taken) {
        Some((_, why)) => Err(ManifestError::new(path, format!("{why}; choose another one"))),
        None => Ok(()),
    }
}

fn check_inputs(path: &str, join: &JoinManifest, manifest: &PipelineManifest) -> Result<(), ManifestError> {
    for (field, name) in [("left", &join.left), ("right", &join.right)] {
        if !manifest.inputs.contains_key(name) {
            let named: Vec<_> = manifest.inputs.keys().map(Name::as_str).collect();
            let hint = if named.is_empty() {
                "a join needs two inputs with names; declare them under `inputs`".to_owned()
            } else {
                format!("there is no input {name:?}; `inputs` has {}", named.join(", "))
            };
            return Err(ManifestError::new(format!("{path}.{field}"), hint));
        }
    }
    if join.left == join.right {
        let hint = "a join puts two inputs together; name another one";
        return Err(ManifestError::new(format!("{path}.right"), hint));
    }
    Ok(())
}

fn check_times(path: &str, join: &JoinManifest) -> Result<(), ManifestError> {
    let path_of = |field: &str| format!("{path}.within{field}");
    let within = &join.within;
    if within.before.is_none() && within.after.is_none() {
        let hint = "say how far apart two events may be, as in { after: 10m }; without it all would be kept for ever";
        return Err(ManifestError::new(path_of(""), hint));
    }
    let times = [
        (path_of(".before"), within.before),
        (path_of(".after"), within.after),
        (format!("{path}.grace"), join.grace),
    ];
    for (path, span) in times {
        let ms = span.map_or(0, Span::as_millis);
        if ms > MOST_MS {
            let [span, most] = [ms, MOST_MS].map(Span::from_millis);
            return Err(ManifestError::new(path, format!("{span} is more than {most}")));
        }
    }
    Ok(())
}

/// Events that belong together must come to one partition.
fn check_on(path: &str, join: &JoinManifest, manifest: &PipelineManifest) -> Result<(), ManifestError> {
    for (side, field) in [(JoinSide::Left, "left"), (JoinSide::Right, "right")] {
        let Some(pointer) = join.on(side) else {
            continue;
        };
        let place = Extract::Json(pointer.to_owned());
        let path = format!("{path}.on.{field}");
        check_extract(&path, &place)?;
        let name = join.input(side);
        let mut parts = manifest.input_parts();
        let is_key = parts.any(|part| part.name == Some(name) && *part.key == place);
        if !is_key && manifest.partitions > 1 {
            let hint = format!(
                "events with the same value may come to different partitions; make this place the key of input {name}, or set partitions: 1"
            );
            return Err(ManifestError::new(path, hint));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::manifest::{check::check as check_all, parse::parse};

    fn refused_at(partitions: u32, join: &str) -> String {
        let text = format!(
            r#"{{"name":"p","partitions":{partitions},"inputs":{{"a":{{"subjects":["x.a"],"key":{{"json":"/id"}}}},
            "b":{{"subjects":["x.b"],"key":{{"json":"/a"}}}}}},"joins":{{"j":{join}}},"output":{{"subject":"out.{{join}}"}}}}"#
        );
        match parse(text.as_bytes()).and_then(|manifest| check_all(&manifest)) {
            Ok(()) => String::new(),
            Err(error) => error.path,
        }
    }

    #[test]
    fn what_cannot_be_a_join_is_refused_where_it_is_wrong() {
        for (partitions, join, path) in [
            (4, r#"{"left":"a","right":"b","within":{"after":"10m"}}"#, ""),
            (
                4,
                r#"{"left":"a","right":"b","on":{"left":"/id","right":"/a"},"within":{"before":"1s"},"kind":"full"}"#,
                "",
            ),
            (
                4,
                r#"{"left":"a","right":"b","on":{"left":"/id","right":"/b"},"within":{"before":"1s"}}"#,
                "joins.j.on.right",
            ),
            (
                1,
                r#"{"left":"a","right":"b","on":{"left":"/id","right":"/b"},"within":{"before":"1s"}}"#,
                "",
            ),
            (
                1,
                r#"{"left":"a","right":"b","on":{"left":"id","right":"/b"},"within":{"before":"1s"}}"#,
                "joins.j.on.left.json",
            ),
            (1, r#"{"left":"a","right":"b","within":{}}"#, "joins.j.within"),
            (
                1,
                r#"{"left":"a","right":"b","within":{"after":"40d"}}"#,
                "joins.j.within.after",
            ),
            (
                1,
                r#"{"left":"c","right":"b","within":{"after":"1s"}}"#,
                "joins.j.left",
            ),
            (
                1,
                r#"{"left":"a","right":"a","within":{"after":"1s"}}"#,
                "joins.j.right",
            ),
        ] {
            assert_eq!(refused_at(partitions, join), path, "{join}");
        }
    }
}
