//! Applying the rules of an object: names first, then what is unknown, then each value.

use std::convert::Infallible;

use crate::{
    config::Unknown,
    json::{Json, Member, Object, order},
    problem::Problem,
    rules::{Alias, FieldRule, ObjectRule},
};

impl ObjectRule {
    /// Brings an object into form; whether anything had to change.
    pub(crate) fn apply(&self, object: &mut Object<'_>) -> Result<bool, Problem> {
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

    fn settle_unknown(&self, object: &mut Object<'_>) -> Result<bool, Problem> {
        if self.unknown == Unknown::Keep {
            return Ok(false);
        }
        let before = object.len();
        if self.unknown == Unknown::Drop {
            object.retain(|name| self.place(name).is_some());
        } else if let Some(name) = object.names().find(|name| self.place(name).is_none()) {
            return Err(Problem::new("unknown-field", "is not in the schema").in_field(name));
        }
        Ok(object.len() < before)
    }

    /// Which of the fields has this name.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.fields
            .binary_search_by(|field| order(&field.name, name))
            .ok()
    }
}

impl FieldRule {
    /// Moves a value from an alias to the field's own name.
    fn rename(&self, object: &mut Object<'_>) -> Result<bool, Problem> {
        let mut is_changed = false;
        for alias in &self.aliases {
            let Some(member) = alias.take(object) else {
                continue;
            };
            if object.has(&self.name) {
                let problem =
                    Problem::new("ambiguous-field", format!("is also there as {:?}", alias.shown()));
                return Err(problem.in_field(&self.name));
            }
            object.insert(member.renamed(&self.name));
            is_changed = true;
        }
        Ok(is_changed)
    }

    fn apply(&self, object: &mut Object<'_>) -> Result<bool, Problem> {
        match object.get_mut(&self.name) {
            Some(member) if !member.value().is_null() || self.value.nullable => {
                member.change(|value| self.value.apply(value))
            }
            held => {
                let is_null = held.is_some();
                self.fill(object, is_null)
            }
        }
    }

    /// There is no value: the default, if there is one.
    fn fill(&self, object: &mut Object<'_>, is_null: bool) -> Result<bool, Problem> {
        if let Some(default) = &self.default {
            object.set(&self.name, default.clone());
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
    /// A field beside keeps its place; one that is lifted out comes last.
    fn take<'a>(&self, object: &mut Object<'a>) -> Option<Member<'a>> {
        match self {
            Self::Beside(name) => object.remove(name),
            Self::Inside(way, name) => take_inside(object, way, name).map(Member::last),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Beside(name) => name.clone(),
            Self::Inside(way, name) => format!("/{}/{name}", way.join("/")),
        }
    }
}

/// Takes a field out of the object at the end of the way. Everything on the way has changed then.
fn take_inside<'a>(object: &mut Object<'a>, way: &[String], name: &str) -> Option<Member<'a>> {
    let Some((step, rest)) = way.split_first() else {
        return object.remove(name);
    };
    let mut taken = None;
    let change = object.get_mut(step)?.change(|value| {
        if let Json::Object(inner) = value {
            taken = take_inside(inner, rest, name);
        }
        Ok::<_, Infallible>(taken.is_some())
    });
    let Ok(_) = change;
    taken
}
