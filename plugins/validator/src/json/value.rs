//! A JSON value, and an object's fields by name. One holds the other, so they share a file.

use std::{borrow::Cow, cmp::Ordering};

use serde_json::Value;

use super::number::Number;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Boolean(bool),
    Number(Number<'a>),
    Text(Cow<'a, str>),
    List(Vec<Item<'a>>),
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
            Value::Number(number) => Self::Number(number.into()),
            Value::String(text) => Self::Text(text.into()),
            Value::Array(list) => Self::List(list.into_iter().map(|value| Item::of(value.into())).collect()),
            Value::Object(fields) => {
                let fields = fields.into_iter();
                let fields = fields.map(|(name, value)| (name.into(), None, value.into()));
                // A map has no name twice.
                Self::Object(Object::new(fields.collect()).unwrap_or_default())
            }
        }
    }
}

/// An entry of a list, beside what it was read from as long as nothing in it changes.
#[derive(Debug, Clone)]
pub(crate) struct Item<'a> {
    pub(super) raw: Option<&'a str>,
    pub(super) value: Json<'a>,
}

impl<'a> Item<'a> {
    /// An entry that was not read.
    pub(crate) fn of(value: Json<'a>) -> Self {
        Self { raw: None, value }
    }

    pub(crate) fn value(&self) -> &Json<'a> {
        &self.value
    }

    /// Lets the value be changed; `act` says whether it was.
    pub(crate) fn change<E>(
        &mut self,
        act: impl FnOnce(&mut Json<'a>) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let is_changed = act(&mut self.value)?;
        if is_changed {
            self.raw = None;
        }
        Ok(is_changed)
    }
}

/// How it is written does not matter.
impl PartialEq for Item<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// A field of an object, beside what its value was read from as long as nothing in it changes.
#[derive(Debug, Clone)]
pub(crate) struct Member<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) raw: Option<&'a str>,
    pub(super) value: Json<'a>,
    /// Where it is written among the others.
    pub(super) place: usize,
}

/// Neither where nor how it is written matters.
impl PartialEq for Member<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.value == other.value
    }
}

impl<'a> Member<'a> {
    pub(crate) fn value(&self) -> &Json<'a> {
        &self.value
    }

    /// Lets the value be changed; `act` says whether it was.
    pub(crate) fn change<E>(
        &mut self,
        act: impl FnOnce(&mut Json<'a>) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let is_changed = act(&mut self.value)?;
        if is_changed {
            self.raw = None;
        }
        Ok(is_changed)
    }

    /// The same under another name.
    #[must_use]
    pub(crate) fn renamed(self, name: &str) -> Self {
        let name = name.to_owned().into();
        Self { name, ..self }
    }

    /// The same behind all others.
    #[must_use]
    pub(crate) fn last(self) -> Self {
        Self {
            place: usize::MAX,
            ..self
        }
    }
}

/// Fields in the order of their names, each there once. One list is one allocation, where a tree has
/// one for each name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Object<'a>(Vec<Member<'a>>);

impl<'a> Object<'a> {
    /// The object of these fields, each with what its value was read from; the name that is there twice
    /// otherwise.
    pub(crate) fn new(fields: Vec<(Cow<'a, str>, Option<&'a str>, Json<'a>)>) -> Result<Self, Cow<'a, str>> {
        let placed = fields.into_iter().enumerate();
        let mut members: Vec<_> = placed
            .map(|(place, (name, raw, value))| Member {
                name,
                raw,
                value,
                place,
            })
            .collect();
        members.sort_unstable_by(|left, right| order(&left.name, &right.name));
        let is_twice = |pair: &[Member<'_>]| order(&pair[0].name, &pair[1].name).is_eq();
        match members.windows(2).position(is_twice) {
            Some(place) => Err(members.swap_remove(place).name),
            None => Ok(Self(members)),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Json<'a>> {
        let place = self.place(name).ok()?;
        Some(&self.0[place].value)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Member<'a>> {
        let place = self.place(name).ok()?;
        Some(&mut self.0[place])
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<Member<'a>> {
        let place = self.place(name).ok()?;
        Some(self.0.remove(place))
    }

    /// Sets a field, where it is or behind all others.
    pub(crate) fn set(&mut self, name: &str, value: Json<'a>) {
        match self.place(name) {
            Ok(place) => {
                self.0[place].raw = None;
                self.0[place].value = value;
            }
            Err(_) => self.insert(Member {
                name: name.to_owned().into(),
                raw: None,
                value,
                place: usize::MAX,
            }),
        }
    }

    /// Puts a field in that is not there yet.
    pub(crate) fn insert(&mut self, member: Member<'a>) {
        match self.place(&member.name) {
            Ok(place) => self.0[place] = member,
            Err(place) => self.0.insert(place, member),
        }
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|member| keep(&member.name));
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|member| &*member.name)
    }

    /// In the order in which they are written; those that came later are last, by name.
    pub(super) fn written(&self) -> Vec<&Member<'a>> {
        let mut members: Vec<_> = self.0.iter().collect();
        members.sort_by_key(|member| member.place);
        members
    }

    /// Where a name is, or would be.
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|held| order(&held.name, name))
    }
}

/// The order of texts, byte by byte where it is asked for: names mostly differ in their first byte, and a
/// call of `memcmp` for each pair was an eighth of the plugin's time.
pub(crate) fn order(left: &str, right: &str) -> Ordering {
    left.bytes().cmp(right.bytes())
}
