//! The JSON Schema of a plugin's config, held against the file that the plugin bears.

use schemars::JsonSchema;

/// Compares the schema of a type with a file, and with `BLESS=1` in the environment writes the file. The test that
/// [`export!`](crate::export!) adds calls it.
pub fn check_config_schema<T: JsonSchema>(path: &str) {
    let schema = schemars::schema_for!(T);
    let text = serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &text).unwrap_or_else(|cause| panic!("{path}: {cause}"));
    }
    let known = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(known, text, "{path} is not the schema of the type: run the test with BLESS=1");
}
