//! Estimates of sketches for plugins, from what they know of them (see [`Learnt`](crate::effects::learnt::Learnt)).

use tailrace_core::ports::{plugins::HostError, store::StoreError};
use tailrace_sketch::{Kind, Sketch};

use crate::effects::{
    Effects,
    host::{CallHost, MAX_ANSWERS, unknown},
    learnt::take_in,
};

impl CallHost<'_> {
    pub(super) fn quantile(&self, name: &str, q: f64) -> Result<Option<f64>, HostError> {
        if !(0.0..=1.0).contains(&q) {
            return Err(HostError::Misuse(format!(
                "quantile {q} of sketch {name:?} is not between 0 and 1"
            )));
        }
        self.effects.check_readable(name, Some(Kind::Quantiles))?;
        self.learnt(name, |sketch| match sketch {
            Sketch::Quantiles(sketch) => sketch.quantile(q),
            _ => None,
        })
    }

    pub(super) fn estimate(&self, name: &str, item: Option<&str>) -> Result<u64, HostError> {
        let kind = if item.is_some() { Kind::Top } else { Kind::Distinct };
        self.effects.check_readable(name, Some(kind))?;
        self.learnt(name, |sketch| match (sketch, item) {
            (Sketch::Distinct(sketch), None) => sketch.estimate().round() as u64,
            (Sketch::Top(sketch), Some(item)) => sketch.estimate(item),
            _ => 0,
        })
    }

    pub(super) fn top(&self, name: &str, limit: u32) -> Result<Vec<(String, u64)>, HostError> {
        self.effects.check_readable(name, Some(Kind::Top))?;
        self.learnt(name, |sketch| match sketch {
            Sketch::Top(sketch) => {
                let list = sketch.list().into_iter().take(limit.min(MAX_ANSWERS) as usize);
                list.map(|(item, times)| (item.to_owned(), times)).collect()
            }
            _ => Vec::new(),
        })
    }

    pub(super) fn total(&self, name: &str) -> Result<u64, HostError> {
        self.effects.check_readable(name, None)?;
        self.learnt(name, Sketch::count)
    }

    /// A shadow learns from the active revision: its own updates come to nothing.
    fn learnt<T>(&self, name: &str, read: impl FnOnce(&Sketch) -> T) -> Result<T, HostError> {
        self.below.unwrap_or(self.effects).learnt(name, read)
    }
}

impl Effects {
    fn learnt<T>(&self, name: &str, read: impl FnOnce(&Sketch) -> T) -> Result<T, HostError> {
        let mut known = self.learnt.known.borrow_mut();
        if !known.contains_key(name) {
            known.insert(name.to_owned(), self.read_sketch(name)?);
        }
        Ok(read(&known[name]))
    }

    /// From the state store, with the batch under way if it is not there yet.
    fn read_sketch(&self, name: &str) -> Result<Sketch, StoreError> {
        loop {
            let applied = self.state_store.applied()?;
            let found = self.state_store.sketch(name)?;
            // A commit that gets there in between leaves open whether it is in what was found. It is one at most.
            if self.state_store.applied()? != applied {
                continue;
            }
            let mut sketch = found.unwrap_or_else(|| self.empty_sketch(name));
            if let Some(delta) = self
                .committing
                .as_deref()
                .filter(|_| applied.commit < self.learnt.sealed)
            {
                take_in(&mut sketch, delta, name);
            }
            return Ok(sketch);
        }
    }

    fn empty_sketch(&self, name: &str) -> Sketch {
        let declared = self.plan.manifest.sketches.get(name);
        let config = declared.map(tailrace_core::manifest::SketchManifest::config);
        let quantiles = tailrace_sketch::SketchConfig {
            kind: Kind::Quantiles,
            size: None,
        };
        Sketch::new(&config.unwrap_or(quantiles), self.plan.seed)
    }

    fn check_readable(&self, name: &str, kind: Option<Kind>) -> Result<(), HostError> {
        match kind {
            Some(kind) => self.check_sketch(name, kind)?,
            None if self.sketch_kind(name).is_none() => return Err(unknown("sketch", "sketches", name)),
            None => {}
        }
        if self.plan.windowing(name).is_some() {
            return Err(HostError::Misuse(format!(
                "sketch {name:?} has windows or groups, which a plugin cannot read; declare another one without them"
            )));
        }
        Ok(())
    }
}
