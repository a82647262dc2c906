//! `exists`: what an event names must be a row of a table of the pipeline (referential integrity).
//!
//! It is judged last, on what is handed on: names and types are in their final form by then.
//!
//! Why: docs/decisions/0180-a-step-is-granted-tables-where-its-config-names-one.md

use tailrace_sdk::prelude::{Failure, Host};

use crate::{
    config::{Exists, Reference},
    json::{Item, Json},
    pointer::Pointer,
    problem::shown,
};

/// The references of an event.
pub(crate) struct References(Vec<Rule>);

/// A reference, ready to be looked up.
struct Rule {
    table: String,
    each: Option<Pointer>,
    key: Pointer,
    required: bool,
}

impl References {
    pub(crate) fn new(exists: Exists) -> Result<Self, String> {
        let rules = match exists {
            Exists::One(reference) => vec![Rule::new("config.exists", reference)?],
            Exists::Many(references) => {
                let rules = references.into_iter().enumerate();
                rules
                    .map(|(index, reference)| Rule::new(&format!("config.exists[{index}]"), reference))
                    .collect::<Result<_, _>>()?
            }
        };
        if rules.is_empty() {
            return Err("config.exists: name a table at least, or leave it out".to_owned());
        }
        Ok(Self(rules))
    }

    /// Looks up what a payload names.
    pub(crate) fn judge(&self, payload: &Json<'_>, host: &mut Host<'_>) -> Result<(), Failure> {
        self.0.iter().try_for_each(|rule| rule.judge(payload, host))
    }
}

impl Rule {
    fn new(path: &str, reference: Reference) -> Result<Self, String> {
        let pointer =
            |field: &str, text: &str| Pointer::parse(text).map_err(|why| format!("{path}.{field}: {why}"));
        Ok(Self {
            key: pointer("key", &reference.key)?,
            each: reference.each.map(|each| pointer("each", &each)).transpose()?,
            table: reference.table,
            required: reference.required,
        })
    }

    fn judge(&self, payload: &Json<'_>, host: &mut Host<'_>) -> Result<(), Failure> {
        let Some(each) = &self.each else {
            return self.look_up("", payload, host);
        };
        match each.find(payload) {
            None | Some(Json::Null) => self.nothing_at(&each.to_string()),
            Some(Json::List(list)) => {
                for (index, entry) in list.iter().map(Item::value).enumerate() {
                    self.look_up(&format!("{each}/{index}"), entry, host)?;
                }
                Ok(())
            }
            Some(_) => Err(Failure::invalid(
                "wrong-type",
                format!(
                    "{:?} must be a list, whose entries name rows of table {}",
                    each.to_string(),
                    self.table
                ),
            )),
        }
    }

    /// Looks up the key in a value, which itself is at this place.
    fn look_up(&self, at: &str, value: &Json<'_>, host: &mut Host<'_>) -> Result<(), Failure> {
        let place = || format!("{at}{}", self.key);
        let key = match self.key.find(value) {
            None | Some(Json::Null) => return self.nothing_at(&place()),
            Some(Json::Text(text)) => text.to_string(),
            Some(Json::Number(number)) => number.as_str().to_owned(),
            Some(Json::Boolean(truth)) => truth.to_string(),
            Some(Json::List(_) | Json::Object(_)) => {
                let why = format!(
                    "{:?} must be a text, a number or a truth value: it names a row of table {}",
                    place(),
                    self.table
                );
                return Err(Failure::invalid("wrong-type", why));
            }
        };
        if host.table(&self.table).get(&key).is_some() {
            return Ok(());
        }
        let why = format!(
            "{:?} is {:?}, and table {} has no such row",
            place(),
            shown(&key),
            self.table
        );
        Err(Failure::invalid("no-row", why))
    }

    /// As in SQL, what names nothing is not looked up.
    fn nothing_at(&self, place: &str) -> Result<(), Failure> {
        if !self.required {
            return Ok(());
        }
        let why = format!(
            "{place:?} is missing or null, and must name a row of table {}",
            self.table
        );
        Err(Failure::invalid("missing-field", why))
    }
}
