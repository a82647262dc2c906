//! Finding all that does not read in a manifest. Serde ends at the first mistake; so what was wrong is taken out of the
//! tree, or put in where it is missing, and the rest is read again.
//!
//! A mistake that only comes of a mend is not told: what was taken out is not missing, and what is around it is not
//! judged without it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde::{Deserializer, de::DeserializeOwned};
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::{
    manifest::{
        error::ManifestError,
        mistakes::{MAX_MISTAKES, Mistakes},
        words,
    },
    shape::Shape,
    yaml::{self, Yaml},
};

/// Most times that a tree is mended: some mends need another one around them.
const MOST_MENDS: usize = 3 * MAX_MISTAKES;

/// A tree that a type is read from, and that can be mended.
pub(super) trait Tree: Clone + for<'de> Deserializer<'de> {
    /// A tree of a text in JSON.
    fn of(text: &str) -> Self;
    /// The entry of a list.
    fn entry(&mut self, index: usize) -> Option<&mut Self>;
    /// The field of a mapping.
    fn field(&mut self, name: &str) -> Option<&mut Self>;
    /// Takes an entry or a field out; says whether nothing is left around it.
    fn take_out(&mut self, step: &PathStep) -> Option<bool>;
    /// Puts a field in.
    fn put_in(&mut self, name: &str, value: Self);
}

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PathStep {
    Entry(usize),
    Field(String),
}

type Path = Vec<PathStep>;

/// What was read, if anything could be, and what is wrong.
pub(super) struct Mended<T> {
    /// The type, read from what is left.
    pub(super) read: Option<T>,
    /// What is wrong.
    pub(super) mistakes: Mistakes,
}

/// Reads a type, with all that is wrong.
pub(super) fn read<T: DeserializeOwned, R: Tree>(tree: R, shape: &Shape) -> Mended<T> {
    let mut mender = Mender {
        tree,
        taken: BTreeSet::new(),
        shifts: BTreeMap::new(),
        put: BTreeSet::new(),
        mistakes: Mistakes::default(),
    };
    let mut read = None;
    for _ in 0..MOST_MENDS {
        let looked = shape.check(mender.tree.clone());
        match looked.and_then(|()| serde_path_to_error::deserialize::<_, T>(mender.tree.clone())) {
            Ok(whole) => {
                read = Some(whole);
                break;
            }
            Err(cause) => {
                let path = path_of(cause.path());
                if !mender.mend(path, &cause.into_inner().to_string()) {
                    break;
                }
            }
        }
    }
    let mistakes = mender.mistakes;
    Mended { read, mistakes }
}

fn path_of(path: &serde_path_to_error::Path) -> Path {
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(PathStep::Entry(*index)),
        Segment::Map { key } => Some(PathStep::Field(key.clone())),
        Segment::Enum { variant } => Some(PathStep::Field(variant.clone())),
        Segment::Unknown => None,
    };
    path.iter().map_while(step).collect()
}

struct Mender<R> {
    tree: R,
    /// What was taken out, by its path in the text.
    taken: BTreeSet<Path>,
    /// Entries that were taken out of a list, by the path of the list.
    shifts: BTreeMap<Path, BTreeSet<usize>>,
    /// What was put in.
    put: BTreeSet<Path>,
    mistakes: Mistakes,
}

impl<R: Tree> Mender<R> {
    /// Notes what is wrong, and mends it; says whether that was possible.
    fn mend(&mut self, mut path: Path, message: &str) -> bool {
        let told = self.in_text(&path);
        if let Some(missing) = words::missing(message) {
            let own = with(&told, missing);
            if !self.taken.contains(&own) {
                self.tell(&told, message);
            }
            return self.put_in(&path, missing, own);
        }
        if let Some(unknown) = words::unknown(message)
            && path.last() != Some(&PathStep::Field(unknown.to_owned()))
        {
            path.push(PathStep::Field(unknown.to_owned()));
        }
        let told = self.in_text(&path);
        let comes_of_a_mend = self
            .put
            .iter()
            .chain(&self.taken)
            .any(|mended| mended.starts_with(&told));
        if !comes_of_a_mend {
            self.tell(&told, message);
        }
        !self.mistakes.is_full() && self.take_out(path)
    }

    fn tell(&mut self, path: &[PathStep], message: &str) {
        let error = ManifestError::new(shown(path), words::in_words(message));
        self.mistakes.push(error);
    }

    fn put_in(&mut self, path: &[PathStep], name: &str, own: Path) -> bool {
        if self.mistakes.is_full() || !self.put.insert(own) {
            return false;
        }
        let Some(place) = find(&mut self.tree, path) else {
            return false;
        };
        place.put_in(name, R::of(stand_in(name)));
        true
    }

    /// Takes out what is at a path, and what would be left empty around it. What is left of an entry of a list stays:
    /// what it lacks is told too.
    fn take_out(&mut self, mut path: Path) -> bool {
        loop {
            let told = self.in_text(&path);
            let Some(last) = path.pop() else { return false };
            if let Some(PathStep::Entry(index)) = told.last() {
                let list = self.in_text(&path);
                self.shifts.entry(list).or_default().insert(*index);
            }
            self.taken.insert(told);
            let around = find(&mut self.tree, &path);
            let Some(is_empty) = around.and_then(|around| around.take_out(&last)) else {
                return false;
            };
            let is_done = !is_empty || matches!(last, PathStep::Entry(_));
            if is_done || !matches!(path.last(), Some(PathStep::Field(_))) {
                return true;
            }
        }
    }

    /// A path in the mended tree, as it is in the text.
    fn in_text(&self, path: &[PathStep]) -> Path {
        let mut told = Path::new();
        for step in path {
            told.push(match step {
                PathStep::Entry(index) => {
                    let taken = self.shifts.get(&told).into_iter().flatten();
                    PathStep::Entry(taken.fold(*index, |index, taken| index + usize::from(*taken <= index)))
                }
                field @ PathStep::Field(_) => field.clone(),
            });
        }
        told
    }
}

fn with(path: &[PathStep], field: &str) -> Path {
    let mut path = path.to_vec();
    path.push(PathStep::Field(field.to_owned()));
    path
}

fn find<'a, R: Tree>(tree: &'a mut R, path: &[PathStep]) -> Option<&'a mut R> {
    path.iter().try_fold(tree, |place, step| match step {
        PathStep::Entry(index) => place.entry(*index),
        PathStep::Field(name) => place.field(name),
    })
}

fn shown(path: &[PathStep]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            PathStep::Entry(index) => {
                let _ = write!(text, "[{index}]");
            }
            PathStep::Field(name) if text.is_empty() => text.push_str(name),
            PathStep::Field(name) => {
                text.push('.');
                text.push_str(name);
            }
        }
    }
    if text.is_empty() { ".".to_owned() } else { text }
}

/// Something that reads, for a field that is missing.
fn stand_in(field: &str) -> &'static str {
    match field {
        "name" | "left" | "right" | "subject" | "stream" => r#""x""#,
        "plugin" => r#""x@1.0.0""#,
        "input" => r#"{"subjects":["x"]}"#,
        "subjects" => r#"["x"]"#,
        "kind" => r#""distinct""#,
        "over" => r#"{"tumbling":"1m"}"#,
        "aggregate" => r#"{"x":"count"}"#,
        "when" => r#""events-per-second > 0""#,
        "window" | "per" | "after" => r#""1h""#,
        "dimensions" | "limit" => "1",
        _ => "null",
    }
}

impl Tree for Value {
    fn of(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
    fn entry(&mut self, index: usize) -> Option<&mut Self> {
        self.get_mut(index)
    }
    fn field(&mut self, name: &str) -> Option<&mut Self> {
        self.get_mut(name)
    }
    fn take_out(&mut self, step: &PathStep) -> Option<bool> {
        match (self, step) {
            (Self::Array(entries), PathStep::Entry(index)) if *index < entries.len() => {
                entries.remove(*index);
                Some(entries.is_empty())
            }
            (Self::Object(fields), PathStep::Field(name)) => {
                fields.remove(name)?;
                Some(fields.is_empty())
            }
            _ => None,
        }
    }
    fn put_in(&mut self, name: &str, value: Self) {
        if let Self::Object(fields) = self {
            fields.insert(name.to_owned(), value);
        }
    }
}

impl Tree for Yaml {
    fn of(text: &str) -> Self {
        yaml::parse(text).unwrap_or(Self::List(Vec::new()))
    }
    fn entry(&mut self, index: usize) -> Option<&mut Self> {
        match self {
            Self::List(entries) => entries.get_mut(index),
            _ => None,
        }
    }
    fn field(&mut self, name: &str) -> Option<&mut Self> {
        match self {
            Self::Map(fields) => fields
                .iter_mut()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value),
            _ => None,
        }
    }
    fn take_out(&mut self, step: &PathStep) -> Option<bool> {
        match (self, step) {
            (Self::List(entries), PathStep::Entry(index)) if *index < entries.len() => {
                entries.remove(*index);
                Some(entries.is_empty())
            }
            (Self::Map(fields), PathStep::Field(name)) => {
                let index = fields.iter().position(|(known, _)| known == name)?;
                fields.remove(index);
                Some(fields.is_empty())
            }
            _ => None,
        }
    }
    fn put_in(&mut self, name: &str, value: Self) {
        if let Self::Map(fields) = self {
            fields.retain(|(known, _)| known != name);
            fields.push((name.to_owned(), value));
        }
    }
}
