//! The windows of a plan: where their values are, and whose group an event is of.

use tailrace_core::{
    event::Header,
    extract::{Extractor, Scalar},
    manifest::{Extract, Frame, LateForWindow, PipelineManifest, WindowManifest},
    name::Name,
    registry::Begun,
    units::Span,
    window::{Part, stored},
};

/// The windows of a plan.
#[derive(Debug, Default)]
pub struct Windows {
    all: Vec<PlannedWindow>,
    places: Extractor,
}

/// A window made ready.
#[derive(Debug)]
pub struct PlannedWindow {
    /// Its name.
    pub name: Name,
    /// As the tenant wrote it.
    pub manifest: WindowManifest,
    /// Its stretches of time.
    pub frame: Frame,
    /// How long it waits for late events.
    pub grace_ms: u64,
    /// The step under which its parts lie; it owns its wake-ups too.
    pub(crate) step: String,
    /// What makes its parts what they are.
    pub(crate) shape: u32,
    /// Which of the members of its group is the key of the events.
    key_at: Option<usize>,
    /// How many of the places are its own.
    values: usize,
}

/// What leaves the last step, or a join.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leaving<'a> {
    /// The event's key, or the value of the join.
    pub(crate) key: &'a str,
    /// Its time in milliseconds.
    pub(crate) time_ms: u64,
    /// The subject that it has there.
    pub(crate) subject: &'a str,
    /// Its headers.
    pub(crate) headers: &'a [Header],
    /// Its payload.
    pub(crate) payload: &'a [u8],
}

impl Windows {
    /// Those of a manifest.
    pub fn of(manifest: &PipelineManifest, begun: &Begun) -> Self {
        let mut places = Vec::new();
        let mut all = Vec::new();
        for (name, window) in &manifest.windows {
            let Some(frame) = window.over.frame() else {
                continue;
            };
            let before = places.len();
            places.extend(window.places().map(|(_, place)| place.clone()));
            places.extend(Part::places(&window.aggregate));
            let key = manifest.key_place(window.of.as_ref());
            let is_key = |place: &Extract| Some(place) == key.as_ref();
            all.push(PlannedWindow {
                name: name.clone(),
                frame,
                grace_ms: window.grace.map_or(0, Span::as_millis),
                step: stored::step(name),
                shape: stored::shape(window, begun.window(name)),
                key_at: window.places().position(|(_, place)| is_key(place)),
                values: places.len() - before,
                manifest: window.clone(),
            });
        }
        let places = Extractor::new(places);
        Self { all, places }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &PlannedWindow> {
        self.all.iter()
    }

    /// The one whose wake-ups are of this owner.
    pub(crate) fn owned_by(&self, owner: &str) -> Option<&PlannedWindow> {
        self.all.iter().find(|window| window.step == owner)
    }

    /// Each window, with the values that an event has for it: first those of its group.
    pub(crate) fn for_each<E>(
        &self,
        origin: Option<&Name>,
        leaving: Leaving<'_>,
        mut each: impl FnMut(&PlannedWindow, &[Option<Scalar<'_>>]) -> Result<(), E>,
    ) -> Result<(), E> {
        let found = self
            .places
            .extract(leaving.subject, leaving.headers, leaving.payload);
        let mut values = &found.values[..];
        for window in &self.all {
            let (own, rest) = values.split_at(window.values);
            values = rest;
            let of = window.manifest.of.as_ref();
            if of.is_none() || of == origin {
                each(window, own)?;
            }
        }
        Ok(())
    }
}

impl PlannedWindow {
    /// How long after its end a window's result waits.
    pub(crate) fn waits_ms(&self) -> u64 {
        match self.manifest.late {
            LateForWindow::Correct => 0,
            LateForWindow::Drop | LateForWindow::DeadLetter => self.grace_ms,
        }
    }

    /// The group of an event with this key, as JSON: all events of a group come to one partition, because a member
    /// that is at the place of the key is the key, whatever a step made of the payload.
    pub(crate) fn group(&self, key: &str, values: &[Option<Scalar<'_>>]) -> String {
        if self.manifest.by.is_none() {
            return json(&[Some(Scalar::Text(key.into()))]);
        }
        let mut values = values[..self.manifest.places().len()].to_vec();
        if let Some(at) = self.key_at {
            let is_key = values[at]
                .clone()
                .and_then(Scalar::into_text)
                .is_some_and(|text| text == key);
            if !is_key {
                values[at] = Some(Scalar::Text(key.into()));
            }
        }
        json(&values)
    }
}

fn json(values: &[Option<Scalar<'_>>]) -> String {
    let shown = values.iter().map(|value| match value {
        Some(Scalar::Text(text)) => serde_json::to_string(text).unwrap_or_default(),
        Some(Scalar::Number(number)) => (*number).to_owned(),
        Some(Scalar::Bool(truth)) => truth.to_string(),
        Some(Scalar::Nested) | None => "null".to_owned(),
    });
    format!("[{}]", shown.collect::<Vec<_>>().join(","))
}
