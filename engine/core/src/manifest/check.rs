//! What a manifest must hold by itself, without knowing tenants, plugins or streams: impossible combinations
//! are refused with the path of the field and what would be right.

use std::collections::BTreeSet;

use tailrace_time::rfc3339_ms;

use crate::{
    grant::{Grant, MOST_MEMORY_BYTES},
    manifest::{
        BreakerManifest, DedupManifest, Extract, Fallback, InputManifest, PipelineManifest, Start,
        StepManifest,
        bounds::{MAX_PARTITIONS, check_extract, check_stream, within, within_bytes, within_time},
        cloudevents_rules,
        error::ManifestError,
        input_parts, join_rules,
        mistakes::Mistakes,
        output, partition, schema_rules, sketches, table_rules, token_rules, watermark, window_rules,
    },
    subject,
};

/// Most steps: an event is inside one turn through all of them.
pub const MAX_STEPS: usize = 16;
/// Most collections, and most sketches, of a pipeline.
pub const MAX_NAMED: usize = 32;
/// Longest vector.
pub const MAX_DIMENSIONS: u32 = 4096;

/// Checks a manifest that was parsed; says the first of what is wrong.
pub fn check(manifest: &PipelineManifest) -> Result<(), ManifestError> {
    find(manifest).first()
}

/// Finds what cannot work in a manifest that was parsed.
pub fn find(manifest: &PipelineManifest) -> Mistakes {
    let mut found = Mistakes::default();
    let partitions = u64::from(manifest.partitions);
    found.note(within("partitions", partitions, 1, u64::from(MAX_PARTITIONS)));
    found.note(within("steps", manifest.steps.len() as u64, 0, MAX_STEPS as u64));
    let does_nothing = manifest.steps.is_empty()
        && manifest.sketches.is_empty()
        && manifest.windows.is_empty()
        && manifest.joins.is_empty();
    if does_nothing && manifest.output.is_none() {
        let hint =
            "without steps, sketches, windows and output the pipeline would do nothing; give it one of them";
        found.push(ManifestError::new("steps", hint));
    }
    found.note(within(
        "vectors",
        manifest.vectors.len() as u64,
        0,
        MAX_NAMED as u64,
    ));
    found.note(within(
        "sketches",
        manifest.sketches.len() as u64,
        0,
        MAX_NAMED as u64,
    ));
    found.note(input_parts::check(manifest));
    check_patterns(manifest, &mut found);
    found.note(schema_rules::check(manifest));
    check_input(&manifest.input, &mut found);
    token_rules::check(manifest, &mut found);
    check_steps(manifest, &mut found);
    for (name, vectors) in &manifest.vectors {
        let path = format!("vectors.{name}.dimensions");
        let dimensions = u64::from(vectors.dimensions);
        found.note(within(&path, dimensions, 1, u64::from(MAX_DIMENSIONS)));
    }
    let steps: Vec<_> = manifest.steps.iter().map(|step| &step.name).collect();
    sketches::check(&manifest.sketches, &steps, &mut found);
    window_rules::check(manifest, &mut found);
    table_rules::check(manifest, &mut found);
    join_rules::check(manifest, &mut found);
    cloudevents_rules::check(manifest, &mut found);
    if let Some(breaker) = &manifest.circuit_breaker {
        found.note(check_breaker(breaker));
    }
    crate::manifest::alarm_rules::check(manifest, &mut found);
    if let Some(rate) = &manifest.rate {
        found.note(rate.check());
    }
    if let Some(output) = &manifest.output {
        output::check(output, &manifest.input, &mut found);
    }
    found
}

fn check_patterns(manifest: &PipelineManifest, found: &mut Mistakes) {
    let subjects = &manifest.input.subjects;
    if subjects.is_empty() {
        let hint = "name what is read, as in input: { subjects: [shop.orders.>] }";
        return found.push(ManifestError::new("input.subjects", hint));
    }
    found.note(within("input.subjects", subjects.len() as u64, 1, 32));
    for (index, (path, pattern)) in manifest.patterns_read().enumerate() {
        found.note(check_pattern(
            path,
            pattern,
            subjects.get(..index).unwrap_or_default(),
        ));
    }
}

fn check_pattern(path: String, pattern: &str, before: &[String]) -> Result<(), ManifestError> {
    subject::check_pattern(pattern).map_err(|cause| ManifestError::new(&path, cause.to_string()))?;
    if subject::is_reserved(pattern) {
        return Err(ManifestError::new(
            path,
            format!("{pattern:?} reaches subjects of the engine or the broker; narrow it to your own"),
        ));
    }
    match before.iter().find(|other| subject::overlap(other, pattern)) {
        Some(other) => Err(ManifestError::new(
            path,
            format!("{pattern:?} overlaps {other:?}; name each subject once"),
        )),
        None => Ok(()),
    }
}

fn check_input(input: &InputManifest, found: &mut Mistakes) {
    found.note(check_stream("input.stream", input.stream.as_deref()));
    found.note(check_extract("input.key", &input.key));
    found.note(partition::check(input));
    if let Some(time) = &input.time {
        found.note(check_extract("input.time", &time.place));
    }
    found.note(watermark::check(&input.watermark));
    if let Some(dedup) = &input.dedup {
        found.note(check_dedup(dedup));
    }
    found.note(match &input.start {
        Start::Sequence(0) => Err(ManifestError::new("input.start.sequence", "sequences begin at 1")),
        Start::Time(text) => check_time("input.start.time", text),
        _ => Ok(()),
    });
}

fn check_time(path: &str, text: &str) -> Result<(), ManifestError> {
    match rfc3339_ms(text) {
        Ok(_) => Ok(()),
        Err(why) => Err(ManifestError::new(path, format!("{text:?} {why}"))),
    }
}

fn check_dedup(dedup: &DedupManifest) -> Result<(), ManifestError> {
    let path = "input.dedup";
    let Some(place) = dedup.place() else {
        let hint = "say in one way where the identifier is: json, header, subject-token or cloudevent";
        return Err(ManifestError::new(path, hint));
    };
    // The publisher's own identifier is the one header of the broker's that may be named.
    let published = matches!(&place, Extract::Header(name) if name.eq_ignore_ascii_case("nats-msg-id"));
    if !published {
        check_extract(path, &place)?;
    }
    within_time(
        "input.dedup.window",
        dedup.window.as_millis(),
        1_000,
        7 * 24 * 3_600_000,
    )
}

fn check_breaker(breaker: &BreakerManifest) -> Result<(), ManifestError> {
    let ratio = breaker.dead_letter_ratio;
    if !(0.0..=1.0).contains(&ratio) {
        let path = "circuit-breaker.dead-letter-ratio";
        return Err(ManifestError::new(
            path,
            format!("{ratio} is no share; write 0.2 for a fifth"),
        ));
    }
    within_time(
        "circuit-breaker.window",
        breaker.window.as_millis(),
        1_000,
        24 * 3_600_000,
    )
}

fn check_steps(manifest: &PipelineManifest, found: &mut Mistakes) {
    let mut names = BTreeSet::new();
    for (index, step) in manifest.steps.iter().enumerate() {
        let path = format!("steps[{index}]");
        if !names.insert(&step.name) {
            let hint = format!("{:?} is taken by another step", step.name);
            found.push(ManifestError::new(format!("{path}.name"), hint));
        }
        check_limits(&path, step, found);
        if step.on_error.payload.is_some() && step.on_error.then != Fallback::Forward {
            let hint = "a payload to go on with needs `then: forward`";
            found.push(ManifestError::new(format!("{path}.on-error.payload"), hint));
        }
        if step.grants.contains(&Grant::Vectors) && manifest.vectors.is_empty() {
            let hint = "the step is granted vectors, but the pipeline declares no collection under `vectors`";
            found.push(ManifestError::new(format!("{path}.grants"), hint));
        }
        if step.grants.contains(&Grant::Tables) && manifest.tables.is_empty() {
            let hint = "the step is granted tables, but the pipeline declares none under `tables`";
            found.push(ManifestError::new(format!("{path}.grants"), hint));
        }
    }
}

/// A check of one number: its path, and between what it lies.
type Bound = fn(&str, u64, u64, u64) -> Result<(), ManifestError>;

fn check_limits(path: &str, step: &StepManifest, found: &mut Mistakes) {
    let limits = &step.limits;
    let bounds: [(&str, Bound, u64, u64, u64); 9] = [
        ("limits.fuel", within, limits.fuel, 1_000, 100_000_000_000),
        (
            "limits.memory",
            within_bytes,
            limits.memory.0,
            64 * 1024,
            MOST_MEMORY_BYTES,
        ),
        (
            "limits.deadline",
            within_time,
            limits.deadline.as_millis(),
            1,
            10_000,
        ),
        ("limits.messages", within, u64::from(limits.messages), 1, 500),
        ("limits.bytes", within_bytes, limits.bytes.0, 1, 16 << 20),
        ("limits.writes", within, u64::from(limits.writes), 0, 10_000),
        ("limits.log-lines", within, u64::from(limits.log_lines), 0, 1_000),
        (
            "on-error.retries",
            within,
            u64::from(step.on_error.retries),
            0,
            100,
        ),
        (
            "on-error.backoff",
            within_time,
            step.on_error.backoff.as_millis(),
            1,
            60_000,
        ),
    ];
    for (field, bound, value, least, most) in bounds {
        found.note(bound(&format!("{path}.{field}"), value, least, most));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::parse::parse;

    const GOOD: &str = r#"{"name":"p","input":{"subjects":["a.>"],"key":{"json":"/user"}},
        "steps":[{"name":"s","plugin":"v@1.0.0"}],"output":{"subject":"b.{key}"}}"#;

    fn error(from: &str, to: &str) -> ManifestError {
        assert!(GOOD.contains(from), "{from}");
        let manifest = parse(GOOD.replacen(from, to, 1).as_bytes()).unwrap();
        check(&manifest).unwrap_err()
    }

    #[test]
    fn a_minimal_pipeline_passes() {
        check(&parse(GOOD.as_bytes()).unwrap()).unwrap();
    }

    #[test]
    fn a_pipeline_needs_no_steps_where_it_measures_or_hands_on() {
        let input = r#""name":"p","input":{"subjects":["a.>"]}"#;
        for rest in [
            r#""sketches":{"s":{"kind":"distinct"}}"#,
            r#""output":{"subject":"b"},"steps":[]"#,
        ] {
            check(&parse(format!("{{{input},{rest}}}").as_bytes()).unwrap()).unwrap();
        }
        let idle = check(&parse(format!("{{{input}}}").as_bytes()).unwrap()).unwrap_err();
        assert_eq!(idle.path, "steps");
    }

    #[test]
    fn impossible_pipelines_are_refused_where_they_are_wrong() {
        let cases = [
            (r#""a.>""#, r#""a..b""#, "input.subjects[0]"),
            (r#""a.>""#, r#"">""#, "input.subjects[0]"),
            (r#""a.>""#, r#""tr.x.y.dead""#, "input.subjects[0]"),
            (r#""a.>""#, r#""a.>","a.b""#, "input.subjects[1]"),
            ("/user", "user", "input.key.json"),
            ("b.{key}", "a.{key}", "output.subject"),
            ("b.{key}", "b.x{key}", "output.subject"),
            ("b.{key}", "b.*", "output.subject"),
            ("b.{key}", "$JS.API.{key}", "output.subject"),
            (r#""name":"p""#, r#""name":"p","partitions":0"#, "partitions"),
            (
                r#""v@1.0.0""#,
                r#""v@1.0.0","grants":["vectors"]"#,
                "steps[0].grants",
            ),
            (
                r#""v@1.0.0""#,
                r#""v@1.0.0","limits":{"memory":"2GiB"}"#,
                "steps[0].limits.memory",
            ),
            (
                r#"{"json":"/user"}"#,
                r#"{"json":"/user"},"dedup":{"json":"/id","header":"Id","window":"1h"}"#,
                "input.dedup",
            ),
            (
                r#"{"json":"/user"}"#,
                r#"{"json":"/user"},"dedup":{"json":"/id","window":"1ms"}"#,
                "input.dedup.window",
            ),
            (
                r#""name":"p""#,
                r#""name":"p","circuit-breaker":{"dead-letter-ratio":20}"#,
                "circuit-breaker.dead-letter-ratio",
            ),
            (
                r#""v@1.0.0""#,
                r#""v@1.0.0","on-error":{"payload":{}}"#,
                "steps[0].on-error.payload",
            ),
            (
                r#"{"json":"/user"}"#,
                r#"{"json":"/user"},"start":{"time":"2026-11-01T00:00:00"}"#,
                "input.start.time",
            ),
            (
                r#"{"json":"/user"}"#,
                r#"{"json":"/user"},"time":{"json":"ts","unit":"s"}"#,
                "input.time.json",
            ),
            (r#""name":"p""#, r#""name":"p","rate":{"over":"drop"}"#, "rate"),
            (
                r#""name":"p""#,
                r#""name":"p","rate":{"events":{"limit":0}}"#,
                "rate.events.limit",
            ),
            (
                r#""name":"p""#,
                r#""name":"p","rate":{"output-bytes":{"limit":"1MiB","per":"1ms"}}"#,
                "rate.output-bytes.per",
            ),
            (
                r#""v@1.0.0"}"#,
                r#""v@1.0.0"},{"name":"s","plugin":"v@1.0.0"}"#,
                "steps[1].name",
            ),
        ];
        for (from, to, path) in cases {
            let error = error(from, to);
            assert_eq!(error.path, path, "{error}");
        }
    }
}
