//! A JSON value, and an object's fields by name. One holds the other, so they share a file.

use std::{borrow::Cow, cmp::Ordering, fmt};

use serde::{Serialize, Serializer};
use serde_json::{Number, Value};

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Boolean(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Object<'a>),
}

impl Json<'_> {
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl From<Value> for Json<'static> {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(truth) => Self::Boolean(truth),
            Value::Number(number) => Self::Number(number),
            Value::String(text) => Self::Text(text.into()),
            Value::Array(list) => Self::List(list.into_iter().map(Self::from).collect()),
            Value::Object(fields) => {
                let fields = fields
                    .into_iter()
                    .map(|(name, value)| (name.into(), value.into()));
                // A map has no name twice.
                Self::Object(Object::new(fields.collect()).unwrap_or_default())
            }
        }
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Boolean(truth) => serializer.serialize_bool(*truth),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(list) => serializer.collect_seq(list),
            Self::Object(object) => serializer.collect_map(object.fields()),
        }
    }
}

/// As JSON writes it.
impl fmt::Display for Json<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        formatter.write_str(&text)
    }
}

/// Fields in the order of their names, each there once. One list is one allocation, where a tree has
/// one for each name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Object<'a> {
    /// The object of these fields; the name that is there twice otherwise.
    pub(crate) fn new(mut fields: Vec<(Cow<'a, str>, Json<'a>)>) -> Result<Self, Cow<'a, str>> {
        fields.sort_unstable_by(|(left, _), (right, _)| order(left, right));
        let is_twice = |pair: &[(Cow<'_, str>, Json<'_>)]| order(&pair[0].0, &pair[1].0).is_eq();
        match fields.windows(2).position(is_twice) {
            Some(place) => Err(fields.swap_remove(place).0),
            None => Ok(Self(fields)),
        }
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Json<'a>> {
        let place = self.place(name).ok()?;
        Some(&mut self.0[place].1)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<Json<'a>> {
        let place = self.place(name).ok()?;
        Some(self.0.remove(place).1)
    }

    /// Sets a field, whether it is there or not.
    pub(crate) fn insert(&mut self, name: &str, value: Json<'a>) {
        match self.place(name) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (name.to_owned().into(), value)),
        }
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|(name, _)| keep(name));
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &Json<'a>)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// Where a name is, or would be.
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(held, _)| order(held, name))
    }
}

/// The order of texts, byte by byte where it is asked for: names mostly differ in their first byte, and a
/// call of `memcmp` for each pair was an eighth of the plugin's time.
pub(crate) fn order(left: &str, right: &str) -> Ordering {
    left.bytes().cmp(right.bytes())
}
