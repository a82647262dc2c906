//! A host that answers from a table in memory: what is measured with it is the boundary and not a store.

use std::collections::HashMap;

use tailrace_core::ports::{
    plugins::{Host, HostError, LogLevel},
    store::Neighbour,
};

/// Such a host.
pub struct Table {
    state: HashMap<String, Vec<u8>>,
    vector: Vec<f32>,
    observed: u64,
}

impl Table {
    /// With 64 bytes of state under every key of the guests, and one vector of 64 dimensions.
    pub fn new() -> Self {
        Self {
            state: HashMap::from([("key".to_owned(), vec![7; 64])]),
            vector: vec![0.5; 64],
            observed: 0,
        }
    }
}

impl Host for Table {
    fn state_get(&mut self, key: &str) -> Result<Option<Vec<u8>>, HostError> {
        Ok(self.state.get(key).cloned())
    }
    fn state_set(&mut self, key: &str, value: Vec<u8>, _: Option<u64>) -> Result<(), HostError> {
        self.state.insert(key.to_owned(), value);
        Ok(())
    }
    fn state_delete(&mut self, _: &str) -> Result<(), HostError> {
        Ok(())
    }
    fn state_scan(&mut self, _: &str, _: Option<&str>, _: u32) -> Result<Vec<(String, Vec<u8>)>, HostError> {
        Ok(Vec::new())
    }
    fn vector_get(&mut self, _: &str, _: &str) -> Result<Option<Vec<f32>>, HostError> {
        Ok(Some(self.vector.clone()))
    }
    fn vector_set(&mut self, _: &str, _: &str, _: Vec<f32>) -> Result<(), HostError> {
        Ok(())
    }
    fn vector_delete(&mut self, _: &str, _: &str) -> Result<(), HostError> {
        Ok(())
    }
    fn vectors_nearest(&mut self, _: &str, _: &[f32], _: u32) -> Result<Vec<Neighbour>, HostError> {
        Ok(Vec::new())
    }
    fn sketch_observe(&mut self, _: &str, _: f64) -> Result<(), HostError> {
        self.observed += 1;
        Ok(())
    }
    fn sketch_distinct(&mut self, _: &str, _: &str) -> Result<(), HostError> {
        self.observed += 1;
        Ok(())
    }
    fn sketch_count(&mut self, _: &str, _: &str, _: u64) -> Result<(), HostError> {
        self.observed += 1;
        Ok(())
    }
    fn sketch_quantile(&mut self, _: &str, _: f64) -> Result<Option<f64>, HostError> {
        Ok(None)
    }
    fn sketch_estimate(&mut self, _: &str, _: Option<&str>) -> Result<u64, HostError> {
        Ok(0)
    }
    fn sketch_top(&mut self, _: &str, _: u32) -> Result<Vec<(String, u64)>, HostError> {
        Ok(Vec::new())
    }
    fn sketch_total(&mut self, _: &str) -> Result<u64, HostError> {
        Ok(0)
    }
    fn timer_set(&mut self, _: &str, _: u64, _: Vec<u8>) -> Result<(), HostError> {
        Ok(())
    }
    fn timer_cancel(&mut self, _: &str) -> Result<(), HostError> {
        Ok(())
    }
    fn timer_get(&mut self, _: &str) -> Result<Option<u64>, HostError> {
        Ok(None)
    }
    fn table_get(&mut self, _: &str, _: &str) -> Result<Option<Vec<u8>>, HostError> {
        Ok(None)
    }
    fn watermark(&self) -> u64 {
        0
    }
    fn log(&mut self, _: LogLevel, _: &str) {}
}
