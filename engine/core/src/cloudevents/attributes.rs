//! The attributes of a CloudEvent: names and values that the specification takes.

use std::collections::{BTreeMap, btree_map::Entry};

use tailrace_schema::is_iri_reference;
use tailrace_time::rfc3339_ms;

use super::fault::{CloudEventFault, shown};
use crate::manifest::{CloudeventsMode, MAX_ATTRIBUTE_BYTES, is_attribute_name};

/// What every event has, in the order in which an envelope is written.
pub(super) const REQUIRED: [&str; 4] = ["specversion", "id", "source", "type"];
/// What an event may have besides.
const OPTIONAL: [&str; 4] = ["datacontenttype", "dataschema", "subject", "time"];
/// The version that is read and written.
const VERSION: &str = "1.0";
/// Most attributes of an event. The specification has nine, and extensions are few.
const MAX_ATTRIBUTES: usize = 64;
/// All names and values: they are headers, of which the broker takes 64 KiB in all, and percent-encoding makes three
/// bytes of one.
const MAX_BYTES: usize = 16 * 1024;

/// Names with their values, each once. A value is the attribute as text, whatever its type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    all: BTreeMap<String, String>,
    bytes: usize,
}

impl Attributes {
    /// The value of one; none where it is absent or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.all.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Gives one a value, in place of what it had.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.all.insert(name.to_owned(), value.into());
    }

    /// Gives one a value where it has none.
    pub fn set_if_absent(&mut self, name: &str, value: impl FnOnce() -> String) {
        if self.get(name).is_none() {
            self.set(name, value());
        }
    }

    /// Takes one away.
    pub fn remove(&mut self, name: &str) {
        self.all.remove(name);
    }

    /// Adds one that a publisher wrote at a place.
    pub(super) fn add(&mut self, name: &str, value: String, place: &str) -> Result<(), CloudEventFault> {
        check_name(name, place)?;
        if value.chars().any(char::is_control) {
            return Err(CloudEventFault::at(place, "the value holds a control character"));
        }
        self.bytes += name.len() + value.len();
        let count = self.all.len() + 1;
        if count > MAX_ATTRIBUTES || self.bytes > MAX_BYTES {
            let why = format!(
                "the event has more than {MAX_ATTRIBUTES} attributes, or more than {MAX_BYTES} bytes of them; put the rest into its data"
            );
            return Err(CloudEventFault::at(place, why));
        }
        match self.all.entry(name.to_owned()) {
            Entry::Vacant(free) => {
                free.insert(value);
                Ok(())
            }
            Entry::Occupied(_) => Err(CloudEventFault::at(
                place,
                "the attribute is there twice, and readers would disagree which of them counts",
            )),
        }
    }

    /// Whether the attributes of the specification hold what it says.
    fn check_values(&self, mode: CloudeventsMode) -> Result<(), CloudEventFault> {
        for (name, is_one, why) in FORMS {
            if let Some(value) = self.get(name).filter(|value| !is_one(value)) {
                let why = format!("{:?} is there: {why}", shown(value));
                return Err(CloudEventFault::at(&place_of(mode, name), why));
            }
        }
        Ok(())
    }

    /// Whether everything is there that every event has.
    pub(super) fn check_complete(&self, mode: CloudeventsMode) -> Result<(), CloudEventFault> {
        for name in REQUIRED {
            if self.get(name).is_none() {
                let place = place_of(mode, name);
                let why = "an attribute is missing or empty that every CloudEvent has";
                return Err(CloudEventFault::at(&place, why));
            }
        }
        match self.get("specversion") {
            Some(VERSION) => self.check_values(mode),
            other => {
                let found = shown(other.unwrap_or_default());
                let why = format!("the version is {found:?}, and {VERSION:?} is read");
                Err(CloudEventFault::at(&place_of(mode, "specversion"), why))
            }
        }
    }
}

/// What an attribute of the specification holds: whether a text is one, and how it is called.
type Form = (&'static str, fn(&str) -> bool, &'static str);

/// Letters beyond ASCII pass in references, as many publishers write them.
const FORMS: [Form; 3] = [
    (
        "source",
        is_iri_reference,
        "it is no URI reference, such as /orders or https://shop.example/orders",
    ),
    (
        "dataschema",
        is_iri_reference,
        "it is no URI, such as https://shop.example/order.json",
    ),
    (
        "time",
        |text| rfc3339_ms(text).is_ok(),
        "it is no time of RFC 3339, such as 2026-11-29T12:00:00Z",
    ),
];

/// Whether the specification itself has the attribute: those are texts. Extensions may be numbers and truth values.
pub(super) fn is_text_by_the_specification(name: &str) -> bool {
    REQUIRED.contains(&name) || OPTIONAL.contains(&name)
}

/// The place of an attribute in a message.
pub(super) fn place_of(mode: CloudeventsMode, name: &str) -> String {
    match mode {
        CloudeventsMode::Binary => format!("header ce-{name}"),
        CloudeventsMode::Structured => format!("/{name}"),
    }
}

fn check_name(name: &str, place: &str) -> Result<(), CloudEventFault> {
    if !is_attribute_name(name) {
        let why = format!("an attribute's name has 1 to {MAX_ATTRIBUTE_BYTES} letters a to z and digits");
        return Err(CloudEventFault::at(place, why));
    }
    Ok(())
}
