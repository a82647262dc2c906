//! `tailrace pipeline schema`: what a manifest may hold, as JSON Schema.

use tailrace_core::manifest::parse::json_schema;

use crate::cli::screen::out;

/// Prints it; the same in text and JSON.
pub fn print() -> anyhow::Result<()> {
    out(&text()?);
    Ok(())
}

fn text() -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(&json_schema())? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_that_of_the_engine() {
        let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/pipeline.schema.json");
        let printed = text().unwrap();
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(committed, &printed).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(committed).unwrap(),
            printed,
            "run with BLESS=1 to renew it"
        );
    }
}
