//! All that is wrong with a manifest, each with its place in the text.

use std::fmt;

use crate::{
    manifest::error::ManifestError,
    yaml::places::{Place, Position},
};

/// Most mistakes that are told at once: who mends them asks again.
pub const MAX_MISTAKES: usize = 20;

/// Collects what is wrong.
#[derive(Debug, Clone, Default)]
pub struct Mistakes(Vec<ManifestError>);

impl Mistakes {
    /// Takes a mistake in, if there is one.
    pub fn note(&mut self, checked: Result<(), ManifestError>) {
        if let Err(mistake) = checked {
            self.push(mistake);
        }
    }

    /// Takes a mistake in. The same one twice is one.
    pub fn push(&mut self, mistake: ManifestError) {
        if self.0.len() < MAX_MISTAKES && !self.0.contains(&mistake) {
            self.0.push(mistake);
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether no more are taken in.
    pub fn is_full(&self) -> bool {
        self.0.len() >= MAX_MISTAKES
    }

    /// Whether a mistake hangs on none of these: it is in another field of the manifest, and the input, the partitions
    /// and the manifest as a whole, on which others stand, are well.
    pub(super) fn stands_apart(&self, other: &ManifestError) -> bool {
        let top = |path: &str| path.split(['.', '[']).next().unwrap_or_default().to_owned();
        let fields: Vec<String> = self.0.iter().map(|mistake| top(&mistake.path)).collect();
        let is_ground = |field: &String| matches!(&**field, "" | "input" | "inputs" | "partitions");
        !fields.iter().any(is_ground) && !fields.contains(&top(&other.path))
    }

    /// They, in the order in which they were found.
    pub fn into_inner(self) -> Vec<ManifestError> {
        self.0
    }

    /// The first of them, if there is one.
    pub fn first(self) -> Result<(), ManifestError> {
        self.0.into_iter().next().map_or(Ok(()), Err)
    }

    /// Nothing, or all of them with their places.
    pub fn refuse(&self, places: Option<&Place>) -> Result<(), Refusal> {
        if self.is_empty() {
            return Ok(());
        }
        let mut refusal = Refusal {
            mistakes: self.0.iter().cloned().map(Mistake::from).collect(),
        };
        refusal.find(places);
        Err(refusal)
    }
}

/// A mistake, and where it is in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// What is wrong, and in which field.
    pub error: ManifestError,
    /// Where the field is, or the nearest thing around it; none where there is no text.
    pub position: Option<Position>,
}

impl From<ManifestError> for Mistake {
    fn from(error: ManifestError) -> Self {
        let position = None;
        Self { error, position }
    }
}

/// Why a manifest is refused: at least one mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    mistakes: Vec<Mistake>,
}

impl Refusal {
    /// One mistake, at a place that the reader of the text knows.
    pub fn at(error: ManifestError, position: Position) -> Self {
        let position = Some(position);
        let mistakes = vec![Mistake { error, position }];
        Self { mistakes }
    }

    /// The mistake that was found first.
    pub fn first(&self) -> &ManifestError {
        &self.mistakes[0].error
    }

    /// All of them.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// Finds the places of those that have none yet, and puts all in the order of the text.
    pub fn find(&mut self, places: Option<&Place>) {
        let Some(places) = places else { return };
        for mistake in &mut self.mistakes {
            let path = &mistake.error.path;
            mistake.position.get_or_insert_with(|| places.of_path(path));
        }
        self.mistakes.sort_by_key(|mistake| mistake.position);
    }
}

impl From<ManifestError> for Refusal {
    fn from(error: ManifestError) -> Self {
        let mistakes = vec![error.into()];
        Self { mistakes }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)?;
        match self.position {
            Some(Position { line, column }) => write!(f, ", at line {line}, column {column}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            let between = if index == 0 { "" } else { "; " };
            write!(f, "{between}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}
