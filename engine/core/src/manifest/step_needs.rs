//! What a step lacks to run its plugin: grants of what the plugin imports, and tables that its config names.
//!
//! A plugin whose schema says where configs name tables asks for those alone. So it needs the grant `tables` only in a
//! step that names one, though its component imports them always. Any other plugin may ask for any table, so it needs
//! the grant in each pipeline that has some. The host stops a call for a table without the grant.
//!
//! Why: docs/decisions/0180-a-step-is-granted-tables-where-its-config-names-one.md

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    grant::Grant,
    manifest::{StepManifest, TableManifest},
    name::Name,
    schema::ConfigSchema,
};

/// What a step lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// The place in the step, as `grants`.
    pub place: String,
    /// What is wrong with the plugin there: it follows the plugin's name.
    pub trouble: String,
    /// What to do.
    pub way_out: String,
}

/// Checks that a step, with its config settled, has what its plugin needs.
pub fn check(
    step: &StepManifest,
    imports: &BTreeSet<Grant>,
    schema: Option<&ConfigSchema>,
    tables: &BTreeMap<Name, TableManifest>,
) -> Result<(), Lack> {
    let named = schema.and_then(|schema| schema.tables(&step.config));
    let is_declared = |name: &str| tables.keys().any(|table| table.as_str() == name);
    let mut unknown = named.iter().flatten().filter(|table| !is_declared(&table.name));
    if let Some(table) = unknown.next() {
        let shown: String = table.name.chars().take(64).collect();
        return Err(Lack {
            place: format!("config{}", table.path),
            trouble: format!("is to look up table {shown:?}, which the pipeline does not declare"),
            way_out: "add it under `tables`".to_owned(),
        });
    }
    let asks_tables = named.map_or(!tables.is_empty(), |named| !named.is_empty());
    let is_needed = |import: &&Grant| **import != Grant::Tables || asks_tables;
    let needed: Vec<&Grant> = imports.iter().filter(is_needed).collect();
    let missing: Vec<&Grant> = needed
        .iter()
        .filter(|import| !step.grants.contains(import))
        .copied()
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Lack {
        place: "grants".to_owned(),
        trouble: format!("imports {}, which the step is not granted", listed(&missing)),
        way_out: format!("write grants: [{}]", listed(&needed)),
    })
}

fn listed(grants: &[&Grant]) -> String {
    let names = grants.iter().map(|grant| format!("{grant:?}").to_lowercase());
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::parse::parse;

    const LISTING: &str = r#"{"x-tables":["/exists/table"]}"#;

    /// What a step of this pipeline lacks whose plugin imports `log` and `tables`.
    fn lack(step: &str, tables: &str, schema: Option<&str>) -> Option<String> {
        let text = format!(
            r#"{{"name":"p","input":{{"subjects":["x"]}},"tables":{tables},"output":{{"subject":"o"}},
            "steps":[{{"name":"s","plugin":"v@1.0.0",{step}}}]}}"#
        );
        let manifest = parse(text.as_bytes()).unwrap();
        let imports = BTreeSet::from([Grant::Log, Grant::Tables]);
        let schema = schema.map(|schema| ConfigSchema::parse(schema.as_bytes()).unwrap());
        let checked = check(&manifest.steps[0], &imports, schema.as_ref(), &manifest.tables);
        let lack = checked.err()?;
        Some(format!("{}: {}; {}", lack.place, lack.trouble, lack.way_out))
    }

    #[test]
    fn the_grant_of_tables_is_needed_where_they_are_asked_for() {
        let (none, some) = ("{}", r#"{"t":{"bucket":"b"}}"#);
        let (log, both) = (r#""grants":["log"]"#, r#""grants":["log","tables"]"#);
        let naming = r#""grants":["log"],"config":{"exists":{"table":"t"}}"#;
        let whole = "grants: imports tables, which the step is not granted; write grants: [log, tables]";
        for (step, tables, schema, expected) in [
            (log, none, None, None),
            (log, some, None, Some(whole)),
            (both, some, None, None),
            // What does not name a table does not ask for one.
            (log, some, Some(LISTING), None),
            (naming, some, Some(LISTING), Some(whole)),
            (naming, some, Some("{}"), Some(whole)),
            (
                naming,
                none,
                Some(LISTING),
                Some(
                    "config.exists.table: is to look up table \"t\", which the pipeline does not declare; add it under `tables`",
                ),
            ),
        ] {
            assert_eq!(
                lack(step, tables, schema).as_deref(),
                expected,
                "{step} {tables} {schema:?}"
            );
        }
    }
}
