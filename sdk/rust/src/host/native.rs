//! The port of a plugin in a native test: the memory of a [`TestHost`](crate::testing::TestHost), as
//! one of its steps sees it.

use crate::{Entry, Frequency, Level, Neighbour, testing::Memory};

pub(crate) struct NativePort<'a> {
    memory: &'a mut Memory,
    step: usize,
}

impl<'a> NativePort<'a> {
    pub(crate) fn new(memory: &'a mut Memory, step: usize) -> Self {
        Self { memory, step }
    }

    pub(crate) fn reborrow(&mut self) -> NativePort<'_> {
        NativePort {
            memory: self.memory,
            step: self.step,
        }
    }

    pub(crate) fn state_get(&mut self, key: &str) -> Option<Vec<u8>> {
        self.memory.states.get(self.step, key).map(<[u8]>::to_vec)
    }

    pub(crate) fn state_set(&mut self, key: &str, value: &[u8], ttl_ms: Option<u64>) {
        self.memory.states.set(self.step, key, value, ttl_ms);
    }

    pub(crate) fn state_delete(&mut self, key: &str) {
        self.memory.states.delete(self.step, key);
    }

    pub(crate) fn state_scan(&mut self, prefix: &str, after: Option<&str>, limit: u32) -> Vec<Entry> {
        self.memory.states.scan(self.step, prefix, after, limit)
    }

    pub(crate) fn vector_get(&mut self, collection: &str, id: &str) -> Option<Vec<f32>> {
        self.memory.collections.get(collection, id).map(<[f32]>::to_vec)
    }

    pub(crate) fn vector_set(&mut self, collection: &str, id: &str, vector: &[f32]) {
        self.memory.collections.set(collection, id, Some(vector));
    }

    pub(crate) fn vector_delete(&mut self, collection: &str, id: &str) {
        self.memory.collections.set(collection, id, None);
    }

    pub(crate) fn vectors_nearest(&mut self, collection: &str, query: &[f32], k: u32) -> Vec<Neighbour> {
        self.memory.collections.nearest(collection, query, k)
    }

    pub(crate) fn sketch_observe(&mut self, name: &str, value: f64) {
        self.memory.sketches.observe(name, value);
    }

    pub(crate) fn sketch_distinct(&mut self, name: &str, item: &str) {
        self.memory.sketches.distinct(name, item);
    }

    pub(crate) fn sketch_count(&mut self, name: &str, item: &str, times: u64) {
        self.memory.sketches.count(name, item, times);
    }

    pub(crate) fn sketch_quantile(&mut self, name: &str, q: f64) -> Option<f64> {
        self.memory.sketches.committed.quantile(name, q)
    }

    pub(crate) fn sketch_estimate(&mut self, name: &str, item: Option<&str>) -> u64 {
        self.memory.sketches.committed.estimate(name, item)
    }

    pub(crate) fn sketch_top(&mut self, name: &str, limit: u32) -> Vec<Frequency> {
        self.memory.sketches.committed.top(name, limit)
    }

    pub(crate) fn sketch_total(&mut self, name: &str) -> u64 {
        self.memory.sketches.total(name)
    }

    pub(crate) fn timer_set(&mut self, name: &str, at_ms: u64, payload: &[u8]) {
        self.memory.timers.set(self.step, name, at_ms, payload);
    }

    pub(crate) fn timer_cancel(&mut self, name: &str) {
        self.memory.timers.cancel(self.step, name);
    }

    pub(crate) fn timer_get(&mut self, name: &str) -> Option<u64> {
        self.memory.timers.get(self.step, name)
    }

    pub(crate) fn watermark(&mut self) -> u64 {
        self.memory.states.now_ms()
    }

    pub(crate) fn table_get(&mut self, table: &str, key: &str) -> Option<Vec<u8>> {
        let row = self.memory.rows.get(&(table.to_owned(), key.to_owned()));
        row.cloned()
    }

    pub(crate) fn log(&mut self, level: Level, message: &str) {
        self.memory.logs.push((level, message.to_owned()));
    }
}
