//! Keywords of objects.

use super::Comparison;
use super::content::{Content, content_of_object};
use super::parts::{inner, members, resolved, takes_all};
use crate::json::Json;
use crate::jsonschema::documents::Located;

impl<'a> Comparison<'a> {
    pub(super) fn objects(&mut self, to: Located<'a>, from: Located<'a>) {
        let (now, before) = (members(to, "properties"), members(from, "properties"));
        let required = |json: &'a Json| -> Vec<&'a str> {
            json.get("required")
                .map(Json::elements)
                .unwrap_or_default()
                .iter()
                .filter_map(Json::as_str)
                .collect()
        };
        let (required_now, required_before) = (required(to.json), required(from.json));
        for (name, schema) in before {
            let schema = inner(self.writer, from, schema);
            match to
                .json
                .get("properties")
                .and_then(|properties| properties.get(name))
            {
                Some(same) => {
                    let same = inner(self.reader, to, same);
                    self.under(&["properties", name], |comparison| {
                        comparison.schemas(same, schema);
                    });
                    let is_newly =
                        required_now.contains(&name.as_str()) && !required_before.contains(&name.as_str());
                    if is_newly && resolved(self.reader, same).json.get("default").is_none() {
                        self.under(&["required"], |comparison| {
                            comparison.found(
                                "REQUIRED_ATTRIBUTE_ADDED",
                                format!("{name:?} is required now and has no default"),
                            );
                        });
                    }
                }
                None => self.removed_property(to, name, schema),
            }
        }
        for (name, schema) in now {
            if from
                .json
                .get("properties")
                .and_then(|properties| properties.get(name))
                .is_none()
            {
                let schema = inner(self.reader, to, schema);
                let is_required = required_now.contains(&name.as_str());
                self.under(&["properties", name], |comparison| {
                    comparison.added_property(from, name, schema, is_required);
                });
            }
        }
        self.additional(
            to,
            from,
            "additionalProperties",
            ["ADDITIONAL_PROPERTIES_REMOVED", "ADDITIONAL_PROPERTIES_NARROWED"],
        );
        self.required_beside(to, &required_now, &required_before);
        self.patterns(to, from);
        self.property_names(to, from);
        self.dependencies(to, from);
    }

    /// Members that `properties` does not name may be required as well.
    fn required_beside(&mut self, to: Located<'a>, now: &[&str], before: &[&str]) {
        let named = to.json.get("properties");
        for name in now {
            let is_named = named.is_some_and(|named| named.get(name).is_some());
            if !is_named && !before.contains(name) {
                self.under(&["required"], |comparison| {
                    comparison.found("REQUIRED_ATTRIBUTE_ADDED", format!("{name:?} is required now"));
                });
            }
        }
    }

    pub(super) fn removed_property(&mut self, to: Located<'a>, name: &str, before: Located<'a>) {
        let rule = match content_of_object(self.reader, to, name) {
            Content::Open => return,
            Content::Partial(schema) if self.takes(schema, before) => return,
            Content::Partial(_) => "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
            Content::Closed if *before.json == Json::Bool(false) => return,
            Content::Closed => "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL",
        };
        self.under(&["properties"], |comparison| {
            comparison.found(rule, format!("the member {name:?} is gone"));
        });
    }

    pub(super) fn added_property(
        &mut self,
        from: Located<'a>,
        name: &str,
        now: Located<'a>,
        is_required: bool,
    ) {
        match content_of_object(self.writer, from, name) {
            Content::Open if self.takes_all(resolved(self.reader, now)) => {}
            Content::Open => {
                let what = format!("members named {name:?} could be anything before");
                return self.found("PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL", what);
            }
            Content::Partial(before) if !self.takes(now, before) => {
                let what = format!("members named {name:?} could be more before");
                return self.found("PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", what);
            }
            _ => {}
        }
        if is_required && resolved(self.reader, now).json.get("default").is_none() {
            let what = format!("the member {name:?} is new, required and has no default");
            self.found("REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL", what);
        }
    }

    pub(super) fn additional(
        &mut self,
        to: Located<'a>,
        from: Located<'a>,
        keyword: &'static str,
        rules: [&'static str; 2],
    ) {
        let (now, before) = (to.json.get(keyword), from.json.get(keyword));
        let Some(now) = now.filter(|now| !takes_all(now, self.formats.0)) else {
            return;
        };
        let open = Json::Bool(true);
        let rule = match (now, before.unwrap_or(&open)) {
            (Json::Bool(false), Json::Bool(false)) => return,
            (Json::Bool(false), _) => rules[0],
            (_, before) if takes_all(before, false) => rules[1],
            (now, _) => {
                let Some(before) = before else { return };
                let (now, before) = (inner(self.reader, to, now), inner(self.writer, from, before));
                return self.under(&[keyword], |comparison| comparison.schemas(now, before));
            }
        };
        self.under(&[keyword], |comparison| {
            comparison.found(rule, format!("{keyword} lets less through now"));
        });
    }
}
