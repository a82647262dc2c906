//! Applying the rules of an object: names first, then what is unknown, then each value.

use serde_json::{Map, Value};

use crate::{
    config::Unknown,
    problem::Problem,
    rules::{Alias, FieldRule, ObjectRule},
};

impl ObjectRule {
    /// Brings an object into form; whether anything had to change.
    pub(crate) fn apply(&self, object: &mut Map<String, Value>) -> Result<bool, Problem> {
        let mut is_changed = false;
        for field in &self.fields {
            is_changed |= field.rename(object)?;
        }
        is_changed |= self.settle_unknown(object)?;
        for field in &self.fields {
            is_changed |= field
                .apply(object)
                .map_err(|problem| problem.in_field(&field.name))?;
        }
        Ok(is_changed)
    }

    fn settle_unknown(&self, object: &mut Map<String, Value>) -> Result<bool, Problem> {
        if self.unknown == Unknown::Keep {
            return Ok(false);
        }
        let before = object.len();
        if self.unknown == Unknown::Drop {
            object.retain(|name, _| self.knows(name));
        } else if let Some(name) = object.keys().find(|name| !self.knows(name)) {
            return Err(Problem::new("unknown-field", "is not in the schema").in_field(name));
        }
        Ok(object.len() < before)
    }

    fn knows(&self, name: &str) -> bool {
        self.fields
            .binary_search_by(|field| field.name.as_str().cmp(name))
            .is_ok()
    }
}

impl FieldRule {
    /// Moves a value from an alias to the field's own name.
    fn rename(&self, object: &mut Map<String, Value>) -> Result<bool, Problem> {
        let mut is_changed = false;
        for alias in &self.aliases {
            let Some(value) = alias.take(object) else {
                continue;
            };
            if object.contains_key(&self.name) {
                let problem =
                    Problem::new("ambiguous-field", format!("is also there as {:?}", alias.shown()));
                return Err(problem.in_field(&self.name));
            }
            object.insert(self.name.clone(), value);
            is_changed = true;
        }
        Ok(is_changed)
    }

    fn apply(&self, object: &mut Map<String, Value>) -> Result<bool, Problem> {
        match object.get_mut(&self.name) {
            Some(value) if !value.is_null() || self.value.nullable => self.value.apply(value),
            held => {
                let is_null = held.is_some();
                self.fill(object, is_null)
            }
        }
    }

    /// There is no value: the default, if there is one.
    fn fill(&self, object: &mut Map<String, Value>, is_null: bool) -> Result<bool, Problem> {
        if let Some(default) = &self.default {
            object.insert(self.name.clone(), default.clone());
            return Ok(true);
        }
        if self.required {
            return Err(Problem::new(
                "missing-field",
                if is_null { "is null" } else { "is missing" },
            ));
        }
        object.remove(&self.name);
        Ok(is_null)
    }
}

impl Alias {
    fn take(&self, object: &mut Map<String, Value>) -> Option<Value> {
        match self {
            Self::Beside(name) => object.remove(name),
            Self::Inside(way, name) => {
                let mut inner = object;
                for step in way {
                    inner = inner.get_mut(step)?.as_object_mut()?;
                }
                inner.remove(name)
            }
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Beside(name) => name.clone(),
            Self::Inside(way, name) => format!("/{}/{name}", way.join("/")),
        }
    }
}
