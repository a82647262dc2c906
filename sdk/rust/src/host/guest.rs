//! The port of a plugin in its sandbox: each function is one import, and an import that no function
//! of the plugin reaches is dropped by the linker. Keep it free of tables and trait objects.

use std::marker::PhantomData;

use crate::{
    Entry, Frequency, Level, Neighbour,
    bindings::tailrace::plugin::{log, sketches, state, tables, timers, vectors},
};

pub(crate) struct GuestPort<'a> {
    event: PhantomData<&'a mut ()>,
}

impl GuestPort<'_> {
    pub(crate) fn new() -> Self {
        Self { event: PhantomData }
    }

    pub(crate) fn reborrow(&mut self) -> GuestPort<'_> {
        GuestPort::new()
    }

    pub(crate) fn state_get(&mut self, key: &str) -> Option<Vec<u8>> {
        state::get(key)
    }

    pub(crate) fn state_set(&mut self, key: &str, value: &[u8], ttl_ms: Option<u64>) {
        state::set(key, value, ttl_ms);
    }

    pub(crate) fn state_delete(&mut self, key: &str) {
        state::delete(key);
    }

    pub(crate) fn state_scan(&mut self, prefix: &str, after: Option<&str>, limit: u32) -> Vec<Entry> {
        state::scan(prefix, after, limit)
    }

    pub(crate) fn vector_get(&mut self, collection: &str, id: &str) -> Option<Vec<f32>> {
        vectors::get(collection, id)
    }

    pub(crate) fn vector_set(&mut self, collection: &str, id: &str, vector: &[f32]) {
        vectors::set(collection, id, vector);
    }

    pub(crate) fn vector_delete(&mut self, collection: &str, id: &str) {
        vectors::delete(collection, id);
    }

    pub(crate) fn vectors_nearest(&mut self, collection: &str, query: &[f32], k: u32) -> Vec<Neighbour> {
        vectors::nearest(collection, query, k)
    }

    pub(crate) fn sketch_observe(&mut self, name: &str, value: f64) {
        sketches::observe(name, value);
    }

    pub(crate) fn sketch_distinct(&mut self, name: &str, item: &str) {
        sketches::distinct(name, item);
    }

    pub(crate) fn sketch_count(&mut self, name: &str, item: &str, times: u64) {
        sketches::count(name, item, times);
    }

    pub(crate) fn sketch_quantile(&mut self, name: &str, q: f64) -> Option<f64> {
        sketches::quantile(name, q)
    }

    pub(crate) fn sketch_estimate(&mut self, name: &str, item: Option<&str>) -> u64 {
        sketches::estimate(name, item)
    }

    pub(crate) fn sketch_top(&mut self, name: &str, limit: u32) -> Vec<Frequency> {
        sketches::top(name, limit)
    }

    pub(crate) fn sketch_total(&mut self, name: &str) -> u64 {
        sketches::total(name)
    }

    pub(crate) fn timer_set(&mut self, name: &str, at_ms: u64, payload: &[u8]) {
        timers::set(name, at_ms, payload);
    }

    pub(crate) fn timer_cancel(&mut self, name: &str) {
        timers::cancel(name);
    }

    pub(crate) fn timer_get(&mut self, name: &str) -> Option<u64> {
        timers::get(name)
    }

    pub(crate) fn watermark(&mut self) -> u64 {
        timers::watermark()
    }

    pub(crate) fn table_get(&mut self, table: &str, key: &str) -> Option<Vec<u8>> {
        tables::get(table, key)
    }

    pub(crate) fn log(&mut self, level: Level, message: &str) {
        log::log(level, message);
    }
}
