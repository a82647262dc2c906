//! Which versions each mode looks at, and in which direction.

use tailrace_schema::{Compatibility, Direction, Format};

use super::schema;

#[test]
fn modes_look_at_the_versions_and_the_directions_that_they_say() {
    let fields = |fields: &str| {
        schema(
            Format::Avro,
            &format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#),
        )
    };
    let a = r#"{"name":"a","type":"int"}"#;
    let a_default = r#"{"name":"a","type":"int","default":0}"#;
    let b_default = r#"{"name":"b","type":"int","default":0}"#;
    // First without a, then with a default, then without the default: fine with the last one, not with the first.
    let first = fields(b_default);
    let second = fields(&format!("{a_default},{b_default}"));
    let third = fields(&format!("{a},{b_default}"));
    let older = [&first, &second];
    for (mode, conflicts) in [
        ("none", vec![]),
        ("backward", vec![]),
        ("backward-transitive", vec![(0, Direction::Backward)]),
        ("forward", vec![]),
        ("forward-transitive", vec![]),
        ("full", vec![]),
        ("full-transitive", vec![(0, Direction::Backward)]),
    ] {
        let mode: Compatibility = mode.parse().expect("a mode");
        let found = mode.conflicts(&third, &older);
        let found: Vec<_> = found
            .iter()
            .map(|conflict| (conflict.with, conflict.direction))
            .collect();
        assert_eq!(found, conflicts, "{mode}");
    }
    let without = fields(a_default);
    let found = Compatibility::Forward.conflicts(
        &without,
        &[&fields(&format!(r#"{a},{{"name":"b","type":"int"}}"#))],
    );
    assert_eq!(found.len(), 1, "the last version cannot read what lacks b");
    assert_eq!(found[0].differences[0].rule, "READER_FIELD_MISSING_DEFAULT_VALUE");
    assert_eq!(found[0].differences[0].place.to_pointer(), "/fields/1");
    assert!("sideways".parse::<Compatibility>().is_err());
    let other = schema(Format::JsonSchema, "true");
    assert_eq!(
        Compatibility::Backward.conflicts(&other, &[&first])[0].differences[0].rule,
        "FORMAT_CHANGED"
    );
}
