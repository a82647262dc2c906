//! What the joins of a manifest must hold.

use crate::{
    manifest::{
        Extract, JoinKind, JoinManifest, JoinSide, PipelineManifest, TableManifest, TableScope,
        bounds::{check_extract, within},
        error::ManifestError,
        mistakes::Mistakes,
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
pub(super) fn check(manifest: &PipelineManifest, found: &mut Mistakes) {
    found.note(within("joins", manifest.joins.len() as u64, 0, MAX_JOINS));
    if !manifest.joins.is_empty() && manifest.output.is_none() && manifest.windows.is_empty() {
        let hint = "the rows of joins are published there; give it a subject, such as results.{join}.{key}";
        found.push(ManifestError::new("output", hint));
    }
    for (name, join) in &manifest.joins {
        let path = format!("joins.{name}");
        found.note(check_name(&path, name, manifest));
        if let Some(table) = manifest.tables.get(&join.right) {
            found.note(check_left(&path, join, manifest));
            found.note(check_with_table(&path, join, table, manifest));
        } else {
            found.note(check_inputs(&path, join, manifest));
            found.note(check_times(&path, join));
            found.note(check_both(&path, join));
            found.note(check_on(&path, join, manifest));
        }
    }
}

fn check_name(path: &str, name: &Name, manifest: &PipelineManifest) -> Result<(), ManifestError> {
    let taken = [
        (
            name.as_str() == output::EVENTS,
            "`events` stands for the events themselves",
        ),
        (manifest.inputs.contains_key(name), "an input has this name"),
        (manifest.windows.contains_key(name), "a window has this name"),
        (manifest.tables.contains_key(name), "a table has this name"),
    ];
    match taken.iter().find(|(is_taken, _)| *is_taken) {
        Some((_, why)) => Err(ManifestError::new(path, format!("{why}; choose another one"))),
        None => Ok(()),
    }
}

fn check_inputs(path: &str, join: &JoinManifest, manifest: &PipelineManifest) -> Result<(), ManifestError> {
    check_left(path, join, manifest)?;
    if !manifest.inputs.contains_key(&join.right) {
        return Err(unknown(&format!("{path}.right"), &join.right, manifest));
    }
    if join.left == join.right {
        let hint = "a join puts two inputs together; name another one";
        return Err(ManifestError::new(format!("{path}.right"), hint));
    }
    Ok(())
}

fn check_left(path: &str, join: &JoinManifest, manifest: &PipelineManifest) -> Result<(), ManifestError> {
    if manifest.inputs.contains_key(&join.left) {
        return Ok(());
    }
    let path = format!("{path}.left");
    if manifest.tables.contains_key(&join.left) {
        return Err(ManifestError::new(
            path,
            "a table is the right side of a join; name an input here",
        ));
    }
    Err(unknown(&path, &join.left, manifest))
}

fn unknown(path: &str, name: &Name, manifest: &PipelineManifest) -> ManifestError {
    let names = manifest.inputs.keys().map(Name::as_str);
    let tables = manifest.tables.keys().map(Name::as_str);
    let (inputs, tables): (Vec<_>, Vec<_>) = (names.collect(), tables.collect());
    let hint = if inputs.is_empty() {
        "a join needs inputs with names; declare them under `inputs`".to_owned()
    } else if tables.is_empty() {
        format!("there is no input {name:?}; `inputs` has {}", inputs.join(", "))
    } else {
        format!(
            "there is no input or table {name:?}; `inputs` has {}, `tables` has {}",
            inputs.join(", "),
            tables.join(", ")
        )
    };
    ManifestError::new(path, hint)
}

/// A row is found by its key, at the moment when an event leaves the last step.
fn check_with_table(
    path: &str,
    join: &JoinManifest,
    table: &TableManifest,
    manifest: &PipelineManifest,
) -> Result<(), ManifestError> {
    let field = |field: &str| format!("{path}.{field}");
    if join.within.is_some() {
        let hint = "an event looks up the row that the table has at the moment; leave `within` out";
        return Err(ManifestError::new(field("within"), hint));
    }
    if join.grace.is_some() {
        let hint = "a join with a table waits for nothing; leave `grace` out";
        return Err(ManifestError::new(field("grace"), hint));
    }
    if join.kind == JoinKind::Full {
        let hint = "a row of a table is told with an event only; write inner or left";
        return Err(ManifestError::new(field("kind"), hint));
    }
    let Some(on) = &join.on else {
        return Ok(());
    };
    if on.right.is_some() {
        let hint = "the rows of a table are found by their keys; leave `right` out";
        return Err(ManifestError::new(field("on.right"), hint));
    }
    match table.scope {
        TableScope::Everywhere => check_extract(&field("on.left"), &Extract::Json(on.left.clone())),
        TableScope::Partition => check_on(path, join, manifest),
    }
}

fn check_both(path: &str, join: &JoinManifest) -> Result<(), ManifestError> {
    match &join.on {
        Some(on) if on.right.is_none() => {
            let hint = "name the place of the value in events of the right input";
            Err(ManifestError::new(format!("{path}.on.right"), hint))
        }
        _ => Ok(()),
    }
}

fn check_times(path: &str, join: &JoinManifest) -> Result<(), ManifestError> {
    let path_of = |field: &str| format!("{path}.within{field}");
    let within = join.within.unwrap_or_default();
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
            "b":{{"subjects":["x.b"],"key":{{"json":"/a"}}}}}},"tables":{{"e":{{"bucket":"e"}},
            "p":{{"bucket":"p","scope":"partition"}}}},"joins":{{"j":{join}}},"output":{{"subject":"out.{{join}}"}}}}"#
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
                r#"{"left":"a","right":"b","on":{"left":"/id"},"within":{"after":"1s"}}"#,
                "joins.j.on.right",
            ),
            (
                4,
                r#"{"left":"a","right":"e","on":{"left":"/b"},"kind":"left"}"#,
                "",
            ),
            (4, r#"{"left":"a","right":"p"}"#, ""),
            (
                4,
                r#"{"left":"a","right":"p","on":{"left":"/b"}}"#,
                "joins.j.on.left",
            ),
            (1, r#"{"left":"a","right":"e","kind":"full"}"#, "joins.j.kind"),
            (1, r#"{"left":"a","right":"e","grace":"1s"}"#, "joins.j.grace"),
            (
                1,
                r#"{"left":"a","right":"e","within":{"after":"1s"}}"#,
                "joins.j.within",
            ),
            (1, r#"{"left":"e","right":"a"}"#, "joins.j.left"),
            (1, r#"{"left":"a","right":"b"}"#, "joins.j.within"),
            (
                1,
                r#"{"left":"a","right":"e","on":{"left":"/b","right":"/b"}}"#,
                "joins.j.on.right",
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
