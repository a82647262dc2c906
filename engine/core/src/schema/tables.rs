//! The tables that a config names. A schema says where: `x-tables` lists places in the config, as JSON pointers in which
//! `*` stands for each entry of a list.

use serde_json::Value;

/// A table that a config names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedTable {
    /// Where, as `.exists[0].table`.
    pub path: String,
    /// Its name, which may be none.
    pub name: String,
}

/// The tables that a config names. None where the schema does not say.
pub(super) fn named(schema: &Value, config: &Value) -> Option<Vec<NamedTable>> {
    let places = schema.get("x-tables")?.as_array()?;
    let mut found = Vec::new();
    for place in places.iter().filter_map(Value::as_str) {
        let way: Vec<&str> = place.split('/').skip(1).collect();
        find(config, &way, String::new(), &mut found);
    }
    Some(found)
}

fn find(value: &Value, way: &[&str], path: String, found: &mut Vec<NamedTable>) {
    let Some((next, rest)) = way.split_first() else {
        if let Value::String(name) = value {
            let name = name.clone();
            found.push(NamedTable { path, name });
        }
        return;
    };
    match value {
        Value::Array(list) if *next == "*" => {
            for (index, entry) in list.iter().enumerate() {
                find(entry, rest, format!("{path}[{index}]"), found);
            }
        }
        Value::Object(fields) => {
            if let Some(value) = fields.get(*next) {
                find(value, rest, format!("{path}.{next}"), found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_tables_of_a_config_are_those_at_the_places_that_the_schema_lists() {
        let listed = json!({ "x-tables": ["/exists/table", "/exists/*/table", 5] });
        let named = |config: Value| {
            let found = named(&listed, &config).unwrap().into_iter();
            found
                .map(|table| format!("{} {}", table.path, table.name))
                .collect::<Vec<_>>()
        };
        let one = json!({ "exists": { "table": "a" } });
        assert_eq!(named(one), [".exists.table a"]);
        let many = json!({ "exists": [{ "table": "a" }, {}, { "table": "b" }] });
        assert_eq!(named(many), [".exists[0].table a", ".exists[2].table b"]);
        for none in [json!(null), json!({}), json!({ "exists": { "table": 5 } })] {
            assert!(named(none).is_empty());
        }
        assert_eq!(super::named(&json!({}), &json!({})), None);
    }
}
