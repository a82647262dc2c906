//! What the windows of a manifest must hold.

use crate::{
    dead_letter::WINDOWS_STEP,
    manifest::{
        Frame, LateForWindow, PipelineManifest, WindowManifest,
        bounds::{check_extract, within, within_time},
        error::ManifestError,
        mistakes::Mistakes,
        output,
    },
    name::Name,
    units::Span,
};

/// Most windows of a pipeline: each is an entry of state for every event.
const MAX_WINDOWS: u64 = 16;
/// Most members of a result.
const MAX_MEMBERS: u64 = 32;
/// Most hops of a window: a result reads one part for each.
const MAX_HOPS: u64 = 1_500;
/// Shortest window.
const LEAST_MS: u64 = 100;
/// Longest window, gap and grace: a year and a day of leap.
const MOST_MS: u64 = 366 * 24 * 3_600_000;
/// Members of every result.
const RESERVED: [&str; 5] = ["window", "start", "end", "result", "key"];

/// Checks the windows of a pipeline.
pub(super) fn check(manifest: &PipelineManifest, found: &mut Mistakes) {
    found.note(within("windows", manifest.windows.len() as u64, 0, MAX_WINDOWS));
    found.note(output::check_results(manifest));
    if !manifest.windows.is_empty() && manifest.output.is_none() {
        let hint =
            "the results of windows are published there; give it a subject, such as results.{window}.{key}";
        found.push(ManifestError::new("output", hint));
    }
    let mut steps = manifest.steps.iter();
    if let Some(step) =
        steps.position(|step| step.name.as_str() == WINDOWS_STEP && !manifest.windows.is_empty())
    {
        let hint = "`windows` stands for the windows in dead letters; choose another name";
        found.push(ManifestError::new(format!("steps[{step}].name"), hint));
    }
    for (name, window) in &manifest.windows {
        let path = format!("windows.{name}");
        if name.as_str() == output::EVENTS {
            let hint = "`events` stands for the events themselves in output.subject; choose another name";
            found.push(ManifestError::new(&path, hint));
        }
        found.note(check_over(&path, window));
        found.note(check_of(&path, window, manifest));
        found.note(check_groups(&path, window, manifest));
        check_aggregates(&path, window, found);
        found.note(check_times(&path, window));
    }
}

fn check_over(path: &str, window: &WindowManifest) -> Result<(), ManifestError> {
    let over = &window.over;
    let refuse = |field: &str, hint: &str| Err(ManifestError::new(format!("{path}.over{field}"), hint));
    match (over.hopping, over.every) {
        (Some(_), None) => return refuse(".every", "a hopping window needs its step: every: 1m"),
        (None, Some(_)) => return refuse(".every", "only with `hopping`"),
        _ => {}
    }
    if over.session.is_none() && over.at_most.is_some() {
        return refuse(".at-most", "only with `session`");
    }
    let Some(frame) = over.frame() else {
        let hint = "say in one way what the stretches of time are: tumbling, hopping or session";
        return refuse("", hint);
    };
    match frame {
        Frame::Fixed { length_ms, every_ms } => {
            let field = if over.tumbling.is_some() {
                "tumbling"
            } else {
                "hopping"
            };
            within_ms(&format!("{path}.over.{field}"), length_ms)?;
            within_ms(&format!("{path}.over.every"), every_ms)?;
            if !length_ms.is_multiple_of(every_ms) {
                return refuse(".every", "the length is to be a multiple of the step");
            }
            within(&format!("{path}.over.every"), length_ms / every_ms, 1, MAX_HOPS).map_err(|_| {
                let hint = format!("a window has at most {MAX_HOPS} steps; make the step longer");
                ManifestError::new(format!("{path}.over.every"), hint)
            })
        }
        Frame::Session { gap_ms, most_ms } => {
            within_ms(&format!("{path}.over.session"), gap_ms)?;
            within_ms(&format!("{path}.over.at-most"), most_ms)
        }
    }
}

/// What a window is of must be there.
fn check_of(path: &str, window: &WindowManifest, manifest: &PipelineManifest) -> Result<(), ManifestError> {
    let path = format!("{path}.of");
    let named = manifest.inputs.keys().chain(manifest.joins.keys());
    let named: Vec<_> = named.map(Name::as_str).collect();
    let hint = match &window.of {
        None if manifest.joins.is_empty() => return Ok(()),
        None => format!("say what is aggregated, one of {}", named.join(", ")),
        Some(name) if named.contains(&name.as_str()) => return Ok(()),
        Some(name) if named.is_empty() => {
            format!("there is no {name:?}, since the pipeline has one input; leave this out")
        }
        Some(name) => format!("there is no {name:?}; it is one of {}", named.join(", ")),
    };
    Err(ManifestError::new(path, hint))
}

/// All events of a group must come to one partition.
fn check_groups(
    path: &str,
    window: &WindowManifest,
    manifest: &PipelineManifest,
) -> Result<(), ManifestError> {
    within(&format!("{path}.by"), window.places().len() as u64, 0, 8)?;
    for (name, place) in window.places() {
        check_member(&format!("{path}.by.{name}"), name, window)?;
        check_extract(&format!("{path}.by.{name}"), place)?;
    }
    let key = manifest.key_place(window.of.as_ref());
    let names_the_key = window.places().any(|(_, place)| key.as_ref() == Some(place));
    if window.by.is_none() || names_the_key || manifest.partitions == 1 {
        return Ok(());
    }
    let key = key.map(|key| serde_json::to_string(&key).unwrap_or_default());
    let hint = match key {
        Some(key) => format!(
            "events of one group may come to different partitions; group by the key too ({key}), make this place the key, or set partitions: 1"
        ),
        None => "the inputs have their keys at different places; say with `of` which one is meant, or set partitions: 1".to_owned(),
    };
    Err(ManifestError::new(format!("{path}.by"), hint))
}

fn check_aggregates(path: &str, window: &WindowManifest, found: &mut Mistakes) {
    let path = format!("{path}.aggregate");
    found.note(within(&path, window.aggregate.len() as u64, 1, MAX_MEMBERS));
    for (name, aggregate) in &window.aggregate {
        let path = format!("{path}.{name}");
        found.note(check_member(&path, name, window));
        if window.places().any(|(other, _)| other == name) {
            let hint = "`by` has this name; a result has it once";
            found.push(ManifestError::new(&path, hint));
        }
        aggregate.check(&path, found);
    }
}

fn check_member(path: &str, name: &str, window: &WindowManifest) -> Result<(), ManifestError> {
    let is_reserved = RESERVED.contains(&name) && (name != "key" || window.by.is_none());
    if is_reserved {
        let hint = format!("every result has a member {name:?} of its own; choose another name");
        return Err(ManifestError::new(path, hint));
    }
    if name.is_empty() || name.len() > 64 || name.chars().any(char::is_control) {
        return Err(ManifestError::new(path, "a name has 1 to 64 characters"));
    }
    Ok(())
}

fn check_times(path: &str, window: &WindowManifest) -> Result<(), ManifestError> {
    let field = |name: &str| format!("{path}.{name}");
    if let Some(grace) = window.grace {
        within_time(&field("grace"), grace.as_millis(), 0, MOST_MS)?;
    }
    if window.late == LateForWindow::Correct && window.over.session.is_some() {
        let hint = "a session is not corrected: an event may join two of them; wait with `grace`";
        return Err(ManifestError::new(field("late"), hint));
    }
    let waits = window.grace.is_some_and(|grace| !grace.0.is_zero());
    if window.late == LateForWindow::Correct && !waits {
        let hint = "nothing is left to correct where a window is forgotten at its end; say how long it is kept with `grace`, as in grace: 1h";
        return Err(ManifestError::new(field("late"), hint));
    }
    let Some(early) = window.early else { return Ok(()) };
    let Some(length) = window.over.tumbling else {
        return Err(ManifestError::new(field("early"), "only with `tumbling`"));
    };
    let times = length.as_millis() / early.as_millis().max(1);
    if early.as_millis() < LEAST_MS || !(1..=1_000).contains(&times) {
        let hint = "it is at least 100ms, at most the window's length, and at least a thousandth of that";
        return Err(ManifestError::new(field("early"), hint));
    }
    Ok(())
}

fn within_ms(path: &str, ms: u64) -> Result<(), ManifestError> {
    if (LEAST_MS..=MOST_MS).contains(&ms) {
        return Ok(());
    }
    let [span, least, most] = [ms, LEAST_MS, MOST_MS].map(Span::from_millis);
    Err(ManifestError::new(
        path,
        format!("{span} is outside {least} to {most}"),
    ))
}

#[cfg(test)]
mod tests {
    use crate::manifest::{check::check as check_all, parse::parse};

    fn error(partitions: u32, window: &str) -> String {
        let text = format!(
            r#"{{"name":"p","partitions":{partitions},"input":{{"subjects":["a.>"],"key":{{"json":"/user"}}}},
            "windows":{{"w":{window}}},"output":{{"subject":"b.{{window}}"}}}}"#
        );
        match parse(text.as_bytes()).and_then(|manifest| check_all(&manifest)) {
            Ok(()) => String::new(),
            Err(error) => error.path,
        }
    }

    #[test]
    fn what_cannot_be_a_window_is_refused_where_it_is_wrong() {
        let count = r#""aggregate":{"n":"count"}"#;
        for (window, path) in [
            (format!(r#"{{"over":{{"tumbling":"1m"}},{count}}}"#), ""),
            (
                format!(r#"{{"over":{{"hopping":"1h","every":"1m"}},{count}}}"#),
                "",
            ),
            (format!(r#"{{"over":{{"session":"30m"}},{count}}}"#), ""),
            (format!(r#"{{"over":{{}},{count}}}"#), "windows.w.over"),
            (
                format!(r#"{{"over":{{"tumbling":"1m","session":"1m"}},{count}}}"#),
                "windows.w.over",
            ),
            (
                format!(r#"{{"over":{{"hopping":"1m"}},{count}}}"#),
                "windows.w.over.every",
            ),
            (
                format!(r#"{{"over":{{"hopping":"1m","every":"7s"}},{count}}}"#),
                "windows.w.over.every",
            ),
            (
                format!(r#"{{"over":{{"hopping":"30d","every":"1s"}},{count}}}"#),
                "windows.w.over.every",
            ),
            (
                format!(r#"{{"over":{{"tumbling":"1m","at-most":"1h"}},{count}}}"#),
                "windows.w.over.at-most",
            ),
            (
                format!(r#"{{"over":{{"tumbling":"1ms"}},{count}}}"#),
                "windows.w.over.tumbling",
            ),
            (
                r#"{"over":{"tumbling":"1m"},"aggregate":{}}"#.to_owned(),
                "windows.w.aggregate",
            ),
            (
                r#"{"over":{"tumbling":"1m"},"aggregate":{"start":"count"}}"#.to_owned(),
                "windows.w.aggregate.start",
            ),
            (
                format!(r#"{{"over":{{"session":"1m"}},"late":"correct",{count}}}"#),
                "windows.w.late",
            ),
            (
                format!(r#"{{"over":{{"session":"1m"}},"early":"1s",{count}}}"#),
                "windows.w.early",
            ),
        ] {
            assert_eq!(error(1, &window), path, "{window}");
        }
    }

    #[test]
    fn a_group_lies_in_one_partition() {
        let by =
            |by: &str| format!(r#"{{"over":{{"tumbling":"1m"}},"by":{by},"aggregate":{{"n":"count"}}}}"#);
        for (partitions, groups, path) in [
            (4, "null", ""),
            (4, r#"{"user":{"json":"/user"},"shop":{"json":"/shop"}}"#, ""),
            (1, r#"{"shop":{"json":"/shop"}}"#, ""),
            (4, r#"{"shop":{"json":"/shop"}}"#, "windows.w.by"),
            (4, "{}", "windows.w.by"),
            (1, "{}", ""),
        ] {
            assert_eq!(error(partitions, &by(groups)), path, "{groups}");
        }
    }
}
