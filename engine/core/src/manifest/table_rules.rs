//! What the tables of a manifest must hold.

use std::collections::BTreeSet;

use crate::{
    manifest::{
        Extract, PipelineManifest, TableManifest, TableScope,
        bounds::{check_extract, check_stream, within},
        error::ManifestError,
        mistakes::Mistakes,
    },
    name::Name,
    subject,
};

/// Most tables of a pipeline: each is read by a consumer of its own.
const MAX_TABLES: u64 = 8;
/// Most patterns of a table.
const MAX_PATTERNS: u64 = 32;
/// Longest name of a bucket.
const MAX_BUCKET_BYTES: usize = 64;

impl PipelineManifest {
    /// The streams that it reads: that of its events, and those of its tables.
    pub fn streams_read(&self) -> BTreeSet<String> {
        let tables = self.tables.values().filter_map(TableManifest::stream_name);
        self.input.stream.clone().into_iter().chain(tables).collect()
    }

    /// The patterns that its tables read, each with its path in the manifest.
    pub fn table_patterns(&self) -> impl Iterator<Item = (String, String)> {
        self.tables.iter().flat_map(|(name, table)| {
            let is_bucket = table.bucket.is_some();
            let patterns = table.patterns().into_iter().enumerate();
            patterns.map(move |(index, pattern)| {
                let path = if is_bucket {
                    format!("tables.{name}.bucket")
                } else {
                    format!("tables.{name}.subjects[{index}]")
                };
                (path, pattern)
            })
        })
    }
}

/// What somebody should think of before such tables are used.
pub fn remarks(manifest: &PipelineManifest) -> Vec<String> {
    let looks_inside = |table: &TableManifest| table.key.as_ref().is_some_and(Extract::looks_inside);
    let tables = manifest.tables.iter().filter(|(_, table)| looks_inside(table));
    let told = tables.map(|(name, _)| {
        format!(
            "tables.{name}.key is in the payload, so an empty message names no row and deletes none; to delete rows, name them by a token of the subject or a header"
        )
    });
    told.collect()
}

/// Checks the tables of a pipeline.
pub(super) fn check(manifest: &PipelineManifest, found: &mut Mistakes) {
    found.note(within("tables", manifest.tables.len() as u64, 0, MAX_TABLES));
    for (name, table) in &manifest.tables {
        let path = format!("tables.{name}");
        found.note(check_name(&path, name, manifest));
        let is_upstream = table.pipeline.is_some() || table.state.is_some() || table.vectors.is_some();
        found.note(match &table.bucket {
            _ if is_upstream => check_upstream(&path, table, &manifest.name),
            Some(bucket) => check_bucket(&path, bucket, table),
            None => check_subjects(&path, table),
        });
        if table.scope == TableScope::Partition && manifest.input.partition.is_some() {
            let hint = "the partition of a row is not known where the subjects of events name it (input.partition); use everywhere";
            found.push(ManifestError::new(format!("{path}.scope"), hint));
        }
    }
}

fn check_name(path: &str, name: &Name, manifest: &PipelineManifest) -> Result<(), ManifestError> {
    if manifest.inputs.contains_key(name) {
        return Err(ManifestError::new(
            path,
            "an input has this name; choose another one",
        ));
    }
    Ok(())
}

fn check_bucket(path: &str, bucket: &str, table: &TableManifest) -> Result<(), ManifestError> {
    let field = |field: &str| format!("{path}.{field}");
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if bucket.is_empty() || bucket.len() > MAX_BUCKET_BYTES || !bucket.chars().all(plain) {
        let hint = format!("a bucket's name has 1 to {MAX_BUCKET_BYTES} letters, digits, - and _");
        return Err(ManifestError::new(field("bucket"), hint));
    }
    if subject::is_engines_bucket(bucket) {
        return Err(ManifestError::new(
            field("bucket"),
            "this is a bucket of the engine; name one of your own",
        ));
    }
    let given = [
        ("subjects", !table.subjects.is_empty()),
        ("stream", table.stream.is_some()),
        ("key", table.key.is_some()),
    ];
    match given.iter().find(|(_, is_given)| *is_given) {
        Some((name, _)) => Err(ManifestError::new(
            field(name),
            "the bucket says it already; leave it out",
        )),
        None => Ok(()),
    }
}

fn check_upstream(path: &str, table: &TableManifest, own: &Name) -> Result<(), ManifestError> {
    let field = |field: &str| format!("{path}.{field}");
    let Some(pipeline) = &table.pipeline else {
        let hint = "say whose: { pipeline: NAME, state: STEP }, or { pipeline: NAME, vectors: COLLECTION }";
        return Err(ManifestError::new(field("pipeline"), hint));
    };
    if pipeline == own {
        let hint = "this is the pipeline itself; its steps read their own state with the grant state";
        return Err(ManifestError::new(field("pipeline"), hint));
    }
    let given = [
        ("bucket", table.bucket.is_some()),
        ("subjects", !table.subjects.is_empty()),
        ("key", table.key.is_some()),
    ];
    if let Some((name, _)) = given.iter().find(|(_, is_given)| *is_given) {
        let hint = "the table is what another pipeline keeps; leave it out";
        return Err(ManifestError::new(field(name), hint));
    }
    match (&table.state, &table.vectors) {
        (Some(_), Some(_)) => {
            let hint = "a table is the state of a step or a collection of vectors; declare two tables";
            Err(ManifestError::new(field("vectors"), hint))
        }
        (None, None) => {
            let hint = format!("say what of pipeline {pipeline}: state: STEP, or vectors: COLLECTION");
            Err(ManifestError::new(path, hint))
        }
        _ => check_stream(&field("stream"), table.stream.as_deref()),
    }
}

fn check_subjects(path: &str, table: &TableManifest) -> Result<(), ManifestError> {
    if table.subjects.is_empty() {
        let hint = "say where the rows come from: { bucket: NAME }, { subjects: [crm.customers.*] }, or { pipeline: NAME, state: STEP }";
        return Err(ManifestError::new(path, hint));
    }
    within(
        &format!("{path}.subjects"),
        table.subjects.len() as u64,
        1,
        MAX_PATTERNS,
    )?;
    for (index, pattern) in table.subjects.iter().enumerate() {
        let path = format!("{path}.subjects[{index}]");
        subject::check_pattern(pattern).map_err(|cause| ManifestError::new(&path, cause.to_string()))?;
        if subject::is_reserved(pattern) {
            let hint = format!(
                "{pattern:?} reaches subjects of the engine or the broker; for a key-value bucket write bucket: NAME"
            );
            return Err(ManifestError::new(path, hint));
        }
        let before = &table.subjects[..index];
        if let Some(other) = before.iter().find(|other| subject::overlap(other, pattern)) {
            let hint = format!("{pattern:?} overlaps {other:?}; name each subject once");
            return Err(ManifestError::new(path, hint));
        }
    }
    check_stream(&format!("{path}.stream"), table.stream.as_deref())?;
    let Some(key) = &table.key else {
        return Ok(());
    };
    let path = format!("{path}.key");
    if key.needs_attributes() {
        let hint = "rows are not read as CloudEvents; name a header, a token of the subject, or a place in the payload";
        return Err(ManifestError::new(path, hint));
    }
    check_extract(&path, key)
}

#[cfg(test)]
mod tests {
    use crate::manifest::{check::check as check_all, parse::parse};

    fn refused_at(more: &str, table: &str) -> String {
        let text = format!(
            r#"{{"name":"p","partitions":2,"inputs":{{"a":{{"subjects":["x.*.a"],"key":{{"json":"/id"}}}}}},
            "input":{{{more}}},"tables":{{"t":{table}}},"output":{{"subject":"out.{{key}}"}}}}"#
        );
        match parse(text.as_bytes()).and_then(|manifest| check_all(&manifest)) {
            Ok(()) => String::new(),
            Err(error) => error.path,
        }
    }

    #[test]
    fn what_cannot_be_a_table_is_refused_where_it_is_wrong() {
        for (table, path) in [
            (r#"{"bucket":"customers"}"#, ""),
            (r#"{"bucket":"customers","scope":"partition"}"#, ""),
            (r#"{"subjects":["crm.*"],"key":{"subject-token":2}}"#, ""),
            ("{}", "tables.t"),
            (r#"{"bucket":"a.b"}"#, "tables.t.bucket"),
            (r#"{"bucket":"tailrace-registry"}"#, "tables.t.bucket"),
            (r#"{"bucket":"b","subjects":["x"]}"#, "tables.t.subjects"),
            (r#"{"bucket":"b","key":{"json":"/id"}}"#, "tables.t.key"),
            (r#"{"bucket":"b","stream":"KV_b"}"#, "tables.t.stream"),
            (r#"{"subjects":["$KV.b.>"]}"#, "tables.t.subjects[0]"),
            (r#"{"subjects":["x..y"]}"#, "tables.t.subjects[0]"),
            (r#"{"subjects":["x.>","x.y"]}"#, "tables.t.subjects[1]"),
            (r#"{"subjects":["x"],"stream":"a b"}"#, "tables.t.stream"),
            (r#"{"subjects":["x"],"key":{"json":"id"}}"#, "tables.t.key.json"),
            (r#"{"pipeline":"learner","state":"count"}"#, ""),
            (
                r#"{"pipeline":"learner","vectors":"items","scope":"partition"}"#,
                "",
            ),
            (
                r#"{"pipeline":"learner","state":"count","stream":"TR_t_learner"}"#,
                "",
            ),
            (r#"{"pipeline":"learner"}"#, "tables.t"),
            (r#"{"state":"count"}"#, "tables.t.pipeline"),
            (r#"{"pipeline":"p","state":"count"}"#, "tables.t.pipeline"),
            (
                r#"{"pipeline":"learner","state":"a","vectors":"b"}"#,
                "tables.t.vectors",
            ),
            (
                r#"{"pipeline":"learner","state":"a","bucket":"b"}"#,
                "tables.t.bucket",
            ),
            (
                r#"{"pipeline":"learner","state":"a","subjects":["x"]}"#,
                "tables.t.subjects",
            ),
            (
                r#"{"pipeline":"learner","state":"a","key":{"json":"/id"}}"#,
                "tables.t.key",
            ),
            (
                r#"{"subjects":["x"],"key":{"cloudevent":"subject"}}"#,
                "tables.t.key",
            ),
        ] {
            assert_eq!(refused_at("", table), path, "{table}");
        }
        let named = r#""partition":{"subject-token":2}"#;
        let scoped = r#"{"bucket":"b","scope":"partition"}"#;
        assert_eq!(refused_at(named, scoped), "tables.t.scope");
    }

    #[test]
    fn the_key_of_a_row_of_a_bucket_is_behind_its_name() {
        let text = r#"{"name":"p","input":{"subjects":["x"]},"tables":{"t":{"bucket":"b"}},"output":{"subject":"o"}}"#;
        let manifest = parse(text.as_bytes()).unwrap();
        let table = manifest.tables.values().next().unwrap();
        assert_eq!(table.key_in_bucket("$KV.b.ann.home"), Some("ann.home"));
        assert_eq!(table.key_in_bucket("$KV.bc.ann"), None);
        assert_eq!(table.stream_name().as_deref(), Some("KV_b"));
    }
}
