//! The quotas of a tenant with their defaults, for the page of the API.

use std::fmt::Write as _;

use serde_json::Value;
use tailrace_core::registry::Quotas;

/// A table of all quotas, from their default.
pub(super) fn table() -> String {
    let Quotas {
        // A quota that is missing here does not compile.
        plugins: _,
        pipelines: _,
        partitions: _,
        rates: _,
        weight: _,
        plugin_bytes: _,
        compile_seconds: _,
        state_bytes: _,
        vector_bytes: _,
        streams: _,
        stream_bytes: _,
        schemas: _,
        schema_rules: _,
        memory_bytes: _,
    } = Quotas::default();
    let defaults = serde_json::to_value(Quotas::default()).expect("quotas are JSON");
    let mut text = String::from("| quota | default | meaning |\n| --- | --- | --- |\n");
    for (name, value) in defaults.as_object().into_iter().flatten() {
        let default = match value {
            Value::Object(rates) if rates.is_empty() => "none".to_owned(),
            other => format!("`{other}`"),
        };
        let _ = writeln!(text, "| `{name}` | {default} | {} |", meaning(name));
    }
    text
}

fn meaning(name: &str) -> &'static str {
    match name {
        "plugins" => "The most plugin versions.",
        "pipelines" => "The most pipelines.",
        "partitions" => "The most partitions of all pipelines together.",
        "rates" => {
            "Rate limits of all pipelines together: `events`, `outputs`, `output-bytes` and `fuel`. Each is a [rate](pipeline.md#rate)."
        }
        "schemas" => "The most versions of all schemas together.",
        "schema-rules" => "The most rules that bind subjects to schemas.",
        "memory-bytes" => {
            "The most linear memory that a step gives its plugin (`limits.memory`), at most 1 GiB."
        }
        "streams" => "The most streams that the tenant makes.",
        "stream-bytes" => "The most bytes that those streams may hold together.",
        "weight" => {
            "The tenant's share of the guest threads, from 1 to 1,000. Twice the weight gets twice the time."
        }
        "plugin-bytes" => "The most bytes of all plugin versions together.",
        "compile-seconds" => "The most seconds of compilation of its uploads in an hour, on each engine.",
        "state-bytes" => "The most bytes of keys and values of state, over all engines.",
        "vector-bytes" => "The most bytes of ids and numbers of vectors, over all engines.",
        _ => panic!("the page of the API does not explain the quota {name}"),
    }
}
