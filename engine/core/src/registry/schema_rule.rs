//! Rules of a tenant that bind subjects to schemas. A pipeline that reads such subjects, and names no schema for them,
//! gets the one of the rule when it is applied.
//!
//! No two rules of a tenant overlap, so a subject has one schema or none. What a manifest says may not contradict them:
//! one of the two would be wrong about what the payloads are.
//!
//! Why: docs/decisions/0157-a-rule-fills-in-a-schema.md

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    manifest::{InputPart, PayloadSchemaManifest, PipelineManifest, SchemaRules, error::ManifestError},
    name::Name,
    subject,
};

/// Payloads on these subjects have this schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SchemaRule {
    /// A subject pattern.
    pub subject: String,
    /// The schema. Without a version, it is the latest one when a pipeline is applied.
    pub schema: PayloadSchemaManifest,
}

/// A schema that a rule has filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FilledSchema {
    /// The field of the manifest.
    pub field: String,
    /// The subject pattern of the rule.
    pub rule: String,
    /// The schema.
    pub schema: Name,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

impl SchemaRule {
    fn overlaps(&self, pattern: &str) -> bool {
        subject::overlap(&self.subject, pattern)
    }

    /// Whether a manifest says the same of the payloads. Which version reads them is the manifest's business.
    fn agrees(&self, schema: &PayloadSchemaManifest) -> bool {
        self.schema.name == schema.name && self.schema.framing == schema.framing
    }
}

/// Fills in the schemas of the inputs that name none, and refuses those that contradict a rule.
pub fn fill_in(
    rules: &[SchemaRule],
    manifest: &mut PipelineManifest,
) -> Result<Vec<FilledSchema>, ManifestError> {
    if rules.is_empty() || manifest.input.schema_rules == SchemaRules::Ignore {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for part in manifest.input_parts() {
        match part.schema {
            Some(own) => check_own(rules, &part, own)?,
            None => found
                .extend(rule_of(rules, &part)?.map(|rule| (part.name.cloned(), part.path("schema"), rule))),
        }
    }
    let filled = found.into_iter().map(|(input, field, rule)| {
        let place = match input.and_then(|name| manifest.inputs.get_mut(&name)) {
            Some(input) => &mut input.schema,
            None => &mut manifest.input.schema,
        };
        *place = Some(rule.schema.clone());
        FilledSchema {
            field,
            rule: rule.subject.clone(),
            schema: rule.schema.name.clone(),
            version: rule.schema.version,
        }
    });
    Ok(filled.collect())
}

/// The pipelines, of these, that read subjects of a rule in another way than it says.
pub fn readers_without<'a>(
    rule: &'a SchemaRule,
    manifests: impl Iterator<Item = &'a PipelineManifest> + 'a,
) -> impl Iterator<Item = &'a Name> + 'a {
    let reads_otherwise = |manifest: &&PipelineManifest| {
        manifest.input.schema_rules == SchemaRules::Apply
            && manifest.input_parts().any(|part| {
                let is_read = part.subjects.iter().any(|pattern| rule.overlaps(pattern));
                is_read && !part.schema.is_some_and(|own| rule.agrees(own))
            })
    };
    manifests.filter(reads_otherwise).map(|manifest| &manifest.name)
}

const WAY_OUT: &str = "or set input.schema-rules: ignore, which reads them as the manifest says";

fn check_own(
    rules: &[SchemaRule],
    part: &InputPart<'_>,
    own: &PayloadSchemaManifest,
) -> Result<(), ManifestError> {
    let mut read = rules
        .iter()
        .filter(|rule| part.subjects.iter().any(|pattern| rule.overlaps(pattern)));
    match read.find(|rule| !rule.agrees(own)) {
        None => Ok(()),
        Some(rule) => {
            let why = format!(
                "payloads on {:?} have {} by a rule of the tenant, and the manifest says {}; name that schema, change the rule (tailrace schema bind), {WAY_OUT}",
                rule.subject,
                in_words(&rule.schema),
                in_words(own)
            );
            Err(ManifestError::new(part.path("schema"), why))
        }
    }
}

fn in_words(schema: &PayloadSchemaManifest) -> String {
    let framing = match schema.framing {
        crate::manifest::Framing::None => "",
        crate::manifest::Framing::Confluent => " with Confluent's header",
    };
    format!("schema {}{framing}", schema.name)
}

/// The rule that all subjects of an input fall under; none if none of them does.
fn rule_of<'r>(
    rules: &'r [SchemaRule],
    part: &InputPart<'_>,
) -> Result<Option<&'r SchemaRule>, ManifestError> {
    let mut first: Option<&SchemaRule> = None;
    let mut without: Option<usize> = None;
    for (index, pattern) in part.subjects.iter().enumerate() {
        let refuse = |why: String| Err(ManifestError::new(part.path(&format!("subjects[{index}]")), why));
        let Some(rule) = rules.iter().find(|rule| rule.overlaps(pattern)) else {
            without = without.or(Some(index));
            continue;
        };
        let named = in_words(&rule.schema);
        if !subject::covers(&rule.subject, pattern) {
            return refuse(format!(
                "{pattern:?} takes in more than {:?}, whose payloads have {named} by a rule of the tenant; read them apart, as one of `inputs`, {WAY_OUT}",
                rule.subject
            ));
        }
        match first {
            Some(first) if first.schema != rule.schema => {
                return refuse(format!(
                    "payloads on {pattern:?} have {named} by a rule of the tenant, and others of the input {}; read them apart, as one of `inputs`, {WAY_OUT}",
                    in_words(&first.schema)
                ));
            }
            _ => first = first.or(Some(rule)),
        }
    }
    match (first, without) {
        (Some(rule), Some(index)) => {
            let pattern = &part.subjects[index];
            let why = format!(
                "no rule of the tenant says what payloads on {pattern:?} are, and others of the input have {} by the rule of {:?}; read them apart, as one of `inputs`, {WAY_OUT}",
                in_words(&rule.schema),
                rule.subject
            );
            Err(ManifestError::new(part.path(&format!("subjects[{index}]")), why))
        }
        (first, _) => Ok(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{check::check, parse::parse};

    fn rules(all: &[(&str, &str)]) -> Vec<SchemaRule> {
        let rule = |(subject, schema): &(&str, &str)| SchemaRule {
            subject: (*subject).to_owned(),
            schema: serde_json::from_str(schema).unwrap(),
        };
        all.iter().map(rule).collect()
    }

    const ORDER: &str = r#"{"name":"order","framing":"confluent"}"#;
    const REFUND: &str = r#"{"name":"refund","version":2}"#;

    fn filled(rules: &[SchemaRule], input: &str) -> Result<Vec<(String, PipelineManifest)>, ManifestError> {
        let text = format!("name: p\n{input}\noutput: {{ subject: out }}\n");
        let mut manifest = parse(text.as_bytes()).unwrap();
        check(&manifest).unwrap();
        let filled = fill_in(rules, &mut manifest)?;
        check(&manifest).unwrap();
        Ok(filled
            .into_iter()
            .map(|filled| (filled.field, manifest.clone()))
            .collect())
    }

    #[test]
    fn an_input_that_names_no_schema_gets_that_of_its_rule() {
        let rules = rules(&[("orders.>", ORDER), ("refunds.*", REFUND)]);
        let one = filled(&rules, "input: { subjects: [\"orders.eu.>\", orders.us] }").unwrap();
        assert_eq!(one[0].0, "input.schema");
        assert_eq!(one[0].1.input.schema.as_ref(), Some(&rules[0].schema));
        let inputs = "inputs: { a: { subjects: [\"orders.>\"] }, b: { subjects: [refunds.x] }, c: { subjects: [other] } }";
        let named = filled(&rules, inputs).unwrap();
        let fields: Vec<_> = named.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["inputs.a.schema", "inputs.b.schema"]);
        let manifest = &named[0].1;
        let schema = |name: &str| manifest.inputs[&Name::new(name).unwrap()].schema.clone();
        assert_eq!(schema("b").as_ref(), Some(&rules[1].schema));
        assert_eq!((schema("c"), &manifest.input.schema), (None, &None));
        // Again, it is what is there.
        let mut again = manifest.clone();
        assert_eq!(fill_in(&rules, &mut again), Ok(Vec::new()));
        assert_eq!(again, *manifest);
    }

    #[test]
    fn what_no_rule_is_about_stays_as_it_is() {
        let rules = rules(&[("orders.>", ORDER)]);
        for input in [
            "input: { subjects: [other] }",
            "input: { subjects: [\"orders.>\"], schema: { name: order, version: 3, framing: confluent } }",
            "input: { subjects: [\"orders.>\"], schema-rules: ignore }",
            "input: { subjects: [\"orders.*\"], schema: { name: order, framing: confluent } }",
        ] {
            assert_eq!(filled(&rules, input).unwrap(), [], "{input}");
        }
    }

    #[test]
    fn contradictions_are_refused_where_they_are_written() {
        let rules = rules(&[("orders.eu.>", ORDER), ("refunds", REFUND)]);
        for (input, path, word) in [
            (
                "input: { subjects: [\"orders.>\"] }",
                "input.subjects[0]",
                "takes in more than",
            ),
            (
                "input: { subjects: [orders.eu.x, other] }",
                "input.subjects[1]",
                "no rule",
            ),
            (
                "input: { subjects: [orders.eu.x, refunds] }",
                "input.subjects[1]",
                "schema refund",
            ),
            (
                "input: { subjects: [orders.eu.x], schema: { name: refund } }",
                "input.schema",
                "schema order with Confluent's header",
            ),
            (
                "input: { subjects: [orders.eu.x], schema: { name: order } }",
                "input.schema",
                "the manifest says schema order;",
            ),
            (
                "inputs: { a: { subjects: [refunds], schema: { name: order } } }",
                "inputs.a.schema",
                "schema refund",
            ),
        ] {
            let fault = filled(&rules, input).unwrap_err();
            assert_eq!(fault.path, path, "{fault}");
            assert!(fault.message.contains(word), "{fault}");
        }
    }

    #[test]
    fn readers_that_do_otherwise_are_found() {
        let rules = rules(&[("orders.>", ORDER)]);
        let manifests = [
            "name: none\ninput: { subjects: [orders.x] }",
            "name: same\ninput: { subjects: [orders.x], schema: { name: order, framing: confluent } }",
            "name: ignores\ninput: { subjects: [orders.x], schema-rules: ignore }",
            "name: wide\ninput: { subjects: [\"*.x\"], schema: { name: order } }",
            "name: other\ninput: { subjects: [other] }",
        ]
        .map(|text| parse(text.as_bytes()).unwrap());
        let found: Vec<_> = readers_without(&rules[0], manifests.iter())
            .map(Name::as_str)
            .collect();
        assert_eq!(found, ["none", "wide"]);
    }
}
