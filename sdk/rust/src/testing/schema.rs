//! The JSON Schema of a plugin's config, held against the file that the plugin bears.

use schemars::JsonSchema;
use serde_json::{Number, Value};

/// Compares the schema of a type with a file, and with `BLESS=1` in the environment writes the file. The test that
/// [`export!`](crate::export!) adds calls it.
#[doc(hidden)]
pub fn check_config_schema<T: JsonSchema>(path: &str) {
    let mut schema = schemars::schema_for!(T).to_value();
    shorten(&mut schema);
    let text = serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &text).unwrap_or_else(|cause| panic!("{path}: {cause}"));
    }
    let known = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        known, text,
        "{path} is not the schema of the type: run the test with BLESS=1"
    );
}

/// A default of 0.1 in a field of type `f32` is 0.10000000149011612 on its way through a value.
fn shorten(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or_default();
            let single = float as f32;
            let is_single = f64::from(single).to_bits() == float.to_bits();
            let short = single.to_string().parse().ok().and_then(Number::from_f64);
            if let Some(short) = short.filter(|_| is_single) {
                *number = short;
            }
        }
        Value::Array(list) => list.iter_mut().for_each(shorten),
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::shorten;

    #[test]
    fn single_floats_are_written_as_they_are_meant() {
        let mut value = json!([{ "default": f64::from(0.1_f32) }, 0.25, 1e300, 7]);
        shorten(&mut value);
        assert_eq!(value, json!([{ "default": 0.1 }, 0.25, 1e300, 7]));
    }
}
