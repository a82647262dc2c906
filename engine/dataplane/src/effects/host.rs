//! The host interfaces of `wit/`, on the uncommitted effects of the partition; for a shadow, on its own
//! effects above those of the active revision.

use std::collections::BTreeMap;

use tailrace_core::{
    delta::StateValue,
    ports::{
        plugins::{Host, HostError, LogLevel},
        store::{Collection, Entries, Neighbour, StoreError},
    },
    state_deletion::MAX_KEY_BYTES,
};
use tailrace_sketch::{Kind, Update, hash_item};

use crate::effects::{Effects, journal::Undo};

/// Most lines of a call; a step's own limit is at most that, and the sandbox holds it.
const MAX_LINES: usize = 1_000;
/// Most entries that one scan gives, and most neighbours of one search.
pub(super) const MAX_ANSWERS: u32 = 10_000;

/// What one call of a plugin reads and writes.
pub(crate) struct CallHost<'a> {
    /// Where its writes go.
    pub(crate) effects: &'a mut Effects,
    /// For a shadow: the active revision's effects, read where it has written nothing itself.
    pub(crate) below: Option<&'a Effects>,
    /// The partition of the event.
    pub(crate) partition: u32,
}

impl Host for CallHost<'_> {
    fn state_get(&mut self, key: &str) -> Result<Option<Vec<u8>>, HostError> {
        let value = self.read(key)?;
        Ok(value
            .filter(|value| value.is_live(self.effects.now_ms))
            .map(|value| value.value))
    }

    fn state_set(&mut self, key: &str, value: Vec<u8>, ttl_ms: Option<u64>) -> Result<(), HostError> {
        check_key("state key", key)?;
        if self.effects.full.state {
            self.check_growth(key, value.len())?;
        }
        let expires_ms = ttl_ms.map(|ttl| self.effects.ends_after(ttl));
        self.effects.write(key, Some(StateValue { value, expires_ms }));
        Ok(())
    }

    fn state_delete(&mut self, key: &str) -> Result<(), HostError> {
        check_key("state key", key)?;
        self.effects.write(key, None);
        Ok(())
    }

    fn state_scan(
        &mut self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(String, Vec<u8>)>, HostError> {
        let limit = limit.min(MAX_ANSWERS) as usize;
        if limit == 0 {
            return Ok(Vec::new());
        }
        let entries = self.scan(prefix, after, limit)?;
        Ok(entries
            .into_iter()
            .map(|(key, value)| (key, value.value))
            .collect())
    }

    fn vector_get(&mut self, collection: &str, id: &str) -> Result<Option<Vec<f32>>, HostError> {
        let own = self.effects.collection(collection)?;
        Ok(self.vector(own, collection, id).map(<[f32]>::to_vec))
    }

    fn vector_set(&mut self, collection: &str, id: &str, vector: Vec<f32>) -> Result<(), HostError> {
        check_key("vector id", id)?;
        self.effects.check_vector(collection, &vector)?;
        if self.effects.full.vectors && self.effects.collection(collection)?.get(id).is_none() {
            return Err(HostError::VectorQuota);
        }
        self.effects.replace(collection, id, Some(vector))
    }

    fn vector_delete(&mut self, collection: &str, id: &str) -> Result<(), HostError> {
        check_key("vector id", id)?;
        self.effects.replace(collection, id, None)
    }

    fn vectors_nearest(
        &mut self,
        collection: &str,
        query: &[f32],
        k: u32,
    ) -> Result<Vec<Neighbour>, HostError> {
        self.effects.check_vector(collection, query)?;
        let own = self.effects.collection(collection)?;
        Ok(self.nearest(own, collection, query, k.min(MAX_ANSWERS) as usize))
    }

    fn sketch_observe(&mut self, name: &str, value: f64) -> Result<(), HostError> {
        self.effects.check_sketch(name, Kind::Quantiles)?;
        if !value.is_finite() {
            return Err(HostError::Misuse(format!(
                "sketch {name:?} cannot observe {value}: give a finite number"
            )));
        }
        self.effects.push_update(name, Update::Observe(value));
        Ok(())
    }

    fn sketch_distinct(&mut self, name: &str, item: &str) -> Result<(), HostError> {
        self.effects.check_sketch(name, Kind::Distinct)?;
        let hash = hash_item(self.effects.plan.seed, item);
        self.effects.push_update(name, Update::Distinct(hash));
        Ok(())
    }

    fn sketch_count(&mut self, name: &str, item: &str, times: u64) -> Result<(), HostError> {
        self.effects.check_sketch(name, Kind::Top)?;
        check_key("counted item", item)?;
        self.effects.push_update(
            name,
            Update::Count {
                item: item.to_owned(),
                times,
            },
        );
        Ok(())
    }

    fn sketch_quantile(&mut self, name: &str, q: f64) -> Result<Option<f64>, HostError> {
        self.quantile(name, q)
    }

    fn sketch_estimate(&mut self, name: &str, item: Option<&str>) -> Result<u64, HostError> {
        self.estimate(name, item)
    }

    fn sketch_top(&mut self, name: &str, limit: u32) -> Result<Vec<(String, u64)>, HostError> {
        self.top(name, limit)
    }

    fn sketch_total(&mut self, name: &str) -> Result<u64, HostError> {
        self.total(name)
    }

    fn timer_set(&mut self, name: &str, at_ms: u64, payload: Vec<u8>) -> Result<(), HostError> {
        self.set_timer(name, at_ms, payload)
    }

    fn timer_cancel(&mut self, name: &str) -> Result<(), HostError> {
        self.cancel_timer(name)
    }

    fn timer_get(&mut self, name: &str) -> Result<Option<u64>, HostError> {
        self.timer_at(name)
    }

    fn watermark(&self) -> u64 {
        self.effects.now_ms
    }

    fn table_get(&mut self, table: &str, key: &str) -> Result<Option<Vec<u8>>, HostError> {
        self.table_row(table, key)
    }

    fn log(&mut self, level: LogLevel, message: &str) {
        if self.effects.lines.len() < MAX_LINES {
            self.effects.lines.push((level, message.to_owned()));
        }
    }
}

impl CallHost<'_> {
    /// An entry as the current event sees it, expired or not.
    fn read(&self, key: &str) -> Result<Option<StateValue>, StoreError> {
        self.read_in(&self.effects.step, key)
    }

    pub(crate) fn read_in(&self, step: &str, key: &str) -> Result<Option<StateValue>, StoreError> {
        let effects = &*self.effects;
        let below = || self.below.and_then(|below| below.written(step, key));
        match effects.written(step, key).or_else(below) {
            Some(value) => Ok(value.cloned()),
            None => effects.state_store.get(step, key),
        }
    }

    fn scan(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Entries, StoreError> {
        let below = self.below.into_iter().flat_map(Effects::layers);
        let layers = below.chain(self.effects.layers());
        self.effects
            .scan_in(&self.effects.step, layers, prefix, after, limit)
    }

    /// The tenant has no room for more state: what takes no more than before is let through.
    fn check_growth(&self, key: &str, value_bytes: usize) -> Result<(), HostError> {
        let before = self.read(key)?.map(|before| before.value.len());
        if before.is_some_and(|before_bytes| value_bytes <= before_bytes) {
            return Ok(());
        }
        Err(HostError::StateQuota)
    }

    /// A vector as the current event sees it.
    fn vector<'a>(&'a self, own: &'a dyn Collection, name: &str, id: &str) -> Option<&'a [f32]> {
        let Some(below) = self.below else {
            return own.get(id);
        };
        let written = self.effects.current.vectors.get(name);
        match written.and_then(|writes| writes.get(id)) {
            Some(vector) => vector.as_deref(),
            None => below.collections.get(name)?.get(id),
        }
    }

    /// The nearest as the current event sees them.
    fn nearest(&self, own: &dyn Collection, name: &str, query: &[f32], k: usize) -> Vec<Neighbour> {
        let Some(below) = self.below.and_then(|below| below.collections.get(name)) else {
            return own.nearest(query, k);
        };
        let written = self.effects.current.vectors.get(name);
        let hidden = written.map_or(0, BTreeMap::len);
        let mut found = below.nearest(query, k.saturating_add(hidden));
        found.retain(|neighbour| written.is_none_or(|written| !written.contains_key(&neighbour.id)));
        found.extend(own.nearest(query, k));
        found.sort_by(|one, other| {
            let nearer = other.score.total_cmp(&one.score);
            nearer.then_with(|| one.id.cmp(&other.id))
        });
        found.truncate(k);
        found
    }
}

impl Effects {
    fn collection(&self, name: &str) -> Result<&dyn Collection, HostError> {
        self.collections
            .get(name)
            .map(|collection| &**collection)
            .ok_or_else(|| unknown("collection", "vectors", name))
    }

    fn replace(&mut self, name: &str, id: &str, vector: Option<Vec<f32>>) -> Result<(), HostError> {
        let collection = self
            .collections
            .get_mut(name)
            .ok_or_else(|| unknown("collection", "vectors", name))?;
        let before = collection.replace(id, vector.as_deref());
        self.write_bytes += id.len() + vector.as_ref().map_or(0, |vector| vector.len() * 4);
        let writes = self.current.vectors.entry(name.to_owned()).or_default();
        let written = writes.insert(id.to_owned(), vector);
        self.journal.push(Undo::Vector {
            collection: name.to_owned(),
            id: id.to_owned(),
            before,
            written,
        });
        Ok(())
    }

    fn check_vector(&self, name: &str, vector: &[f32]) -> Result<(), HostError> {
        let dimensions = self.collection(name)?.dimensions();
        if vector.len() != dimensions {
            let given = vector.len();
            return Err(HostError::Misuse(format!(
                "collection {name:?} has {dimensions} dimensions, the vector has {given}"
            )));
        }
        if vector.iter().any(|number| !number.is_finite()) {
            return Err(HostError::Misuse(format!(
                "a vector for collection {name:?} holds a number that is not finite"
            )));
        }
        Ok(())
    }

    pub(super) fn check_sketch(&self, name: &str, kind: Kind) -> Result<(), HostError> {
        match self.sketch_kind(name) {
            Some(declared) if declared == kind => Ok(()),
            Some(declared) => Err(HostError::Misuse(format!(
                "sketch {name:?} is declared as {declared}, not as {kind}"
            ))),
            None => Err(unknown("sketch", "sketches", name)),
        }
    }
}

fn check_key(what: &str, key: &str) -> Result<(), HostError> {
    if key.len() > MAX_KEY_BYTES {
        return Err(HostError::Misuse(format!(
            "a {what} has at most {MAX_KEY_BYTES} bytes, not {}",
            key.len()
        )));
    }
    Ok(())
}

pub(crate) fn unknown(what: &str, section: &str, name: &str) -> HostError {
    let shown: String = name.chars().take(64).collect();
    HostError::Misuse(format!(
        "the pipeline declares no {what} {shown:?}; add it under `{section}`"
    ))
}
