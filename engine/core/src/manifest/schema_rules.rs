//! The schemas of a manifest, and what it must hold of them.

use crate::manifest::{Decode, PayloadSchemaManifest, PipelineManifest, error::ManifestError};

impl PipelineManifest {
    /// The schemas that it names, each with its path.
    pub fn schemas(&self) -> impl Iterator<Item = (String, &PayloadSchemaManifest)> {
        let input = self.input.schema.as_ref();
        let input = input.map(|schema| ("input.schema".to_owned(), schema));
        let named = self.inputs.iter().filter_map(|(name, input)| {
            let schema = input.schema.as_ref()?;
            Some((format!("inputs.{name}.schema"), schema))
        });
        let output = self.output.as_ref().and_then(|output| output.schema.as_ref());
        let output = output.map(|schema| ("output.schema".to_owned(), schema));
        input.into_iter().chain(named).chain(output)
    }

    /// The same, to fill in what was left out.
    pub fn schemas_mut(&mut self) -> impl Iterator<Item = &mut PayloadSchemaManifest> {
        let input = self.input.schema.as_mut();
        let named = self.inputs.values_mut().filter_map(|input| input.schema.as_mut());
        let output = self.output.as_mut().and_then(|output| output.schema.as_mut());
        input.into_iter().chain(named).chain(output)
    }
}

pub(super) fn check(manifest: &PipelineManifest) -> Result<(), ManifestError> {
    for (path, schema) in manifest.schemas() {
        if schema.version == Some(0) {
            return Err(ManifestError::new(
                format!("{path}.version"),
                "versions are counted from 1",
            ));
        }
    }
    let reads_schemas = manifest.schemas().any(|(path, _)| path != "output.schema");
    if manifest.input.decode == Decode::Raw && !reads_schemas {
        let hint = "without a schema there is nothing to decode; name one under input.schema";
        return Err(ManifestError::new("input.decode", hint));
    }
    let nobody_decodes =
        manifest.steps.is_empty() && !manifest.windows.is_empty() || !manifest.joins.is_empty();
    if manifest.input.decode == Decode::Raw && nobody_decodes {
        let hint = "windows and joins read JSON, and raw hands the bytes on as they came; leave it out, or let a step make JSON of them before windows";
        return Err(ManifestError::new("input.decode", hint));
    }
    let has_results = !manifest.windows.is_empty() || !manifest.joins.is_empty();
    let output = manifest.output.as_ref().filter(|output| output.schema.is_some());
    if output.is_some() && has_results {
        let hint = "it is the schema of events, and the results of windows and joins are JSON of their own; publish them from a pipeline behind this one";
        return Err(ManifestError::new("output.schema", hint));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::manifest::{check::check as check_all, parse::parse};

    fn refused_at(input: &str, rest: &str) -> String {
        let text = format!(
            r#"{{"name":"p","input":{{"subjects":["x"]{input}}},"output":{{"subject":"out"{rest}}}}}"#
        );
        match parse(text.as_bytes()).and_then(|manifest| check_all(&manifest)) {
            Ok(()) => String::new(),
            Err(error) => error.path,
        }
    }

    #[test]
    fn schemas_that_cannot_be_are_refused_where_they_are_wrong() {
        for (input, rest, path) in [
            (r#","schema":{"name":"order"},"decode":"raw""#, "", ""),
            (
                r#","schema":{"name":"order","version":2,"framing":"confluent","message":"shop.Order"}"#,
                r#","schema":{"name":"receipt"}"#,
                "",
            ),
            (
                r#","schema":{"name":"order","version":0}"#,
                "",
                "input.schema.version",
            ),
            (r#","decode":"raw""#, "", "input.decode"),
            (
                r#","schema":{"name":"order"},"decode":"raw""#,
                r#"},"windows":{"w":{"over":{"tumbling":"1m"},"aggregate":{"n":"count"}}"#,
                "input.decode",
            ),
            ("", r#","schema":{"name":"Order"}"#, "output.schema.name"),
            (
                "",
                r#","schema":{"name":"order"}},"windows":{"w":{"over":{"tumbling":"1m"},"aggregate":{"n":"count"}}"#,
                "output.schema",
            ),
        ] {
            assert_eq!(refused_at(input, rest), path, "{input} {rest}");
        }
    }
}
