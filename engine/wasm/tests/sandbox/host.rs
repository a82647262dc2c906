//! A host that remembers what it was asked, and fails when it is told to.

use tailrace_core::ports::{
    plugins::{Host, HostError, LogLevel},
    store::{Neighbour, StoreError},
};

/// Calls that are remembered, and how much of each: a flood of them must not drown the test.
const MAX_CALLS: usize = 100;
const MAX_CALL_TEXT: usize = 1_000;
/// `configure` has two seconds, and nothing in the tests more.
const STALL: std::time::Duration = std::time::Duration::from_secs(3);

/// What the host does when it is called.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Willing,
    /// The guest's fault.
    Misuse,
    /// The store's fault.
    Broken,
    /// A bug of ours.
    Panics,
    /// Its log takes longer than any deadline that the sandbox has seen.
    Stalls,
}

/// Answers with fixed values and writes down every call.
#[derive(Default)]
pub struct TestHost {
    pub calls: Vec<String>,
    pub mood: Mood,
}

impl TestHost {
    pub fn in_mood(mood: Mood) -> Self {
        Self {
            calls: Vec::new(),
            mood,
        }
    }

    fn note(&mut self, call: &str) -> Result<(), HostError> {
        if self.calls.len() < MAX_CALLS {
            self.calls.push(call.chars().take(MAX_CALL_TEXT).collect());
        }
        match self.mood {
            Mood::Willing | Mood::Stalls => Ok(()),
            Mood::Misuse => Err(HostError::Misuse(
                "no collection \"users\" is declared".to_owned(),
            )),
            Mood::Broken => Err(StoreError::Io("disk on fire".to_owned()).into()),
            Mood::Panics => panic!("a bug in the host"),
        }
    }
}

impl Host for TestHost {
    fn state_get(&mut self, key: &str) -> Result<Option<Vec<u8>>, HostError> {
        self.note(&format!("state.get {key}"))?;
        Ok(Some(b"stored".to_vec()))
    }
    fn state_set(&mut self, key: &str, value: Vec<u8>, ttl_ms: Option<u64>) -> Result<(), HostError> {
        self.note(&format!("state.set {key} {value:?} {ttl_ms:?}"))
    }
    fn state_delete(&mut self, key: &str) -> Result<(), HostError> {
        self.note(&format!("state.delete {key}"))
    }
    fn state_scan(
        &mut self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(String, Vec<u8>)>, HostError> {
        self.note(&format!("state.scan {prefix} {after:?} {limit}"))?;
        Ok(vec![
            ("first".to_owned(), vec![1]),
            ("second".to_owned(), vec![2]),
        ])
    }
    fn vector_get(&mut self, collection: &str, id: &str) -> Result<Option<Vec<f32>>, HostError> {
        self.note(&format!("vectors.get {collection} {id}"))?;
        Ok(None)
    }
    fn vector_set(&mut self, collection: &str, id: &str, vector: Vec<f32>) -> Result<(), HostError> {
        self.note(&format!("vectors.set {collection} {id} {vector:?}"))
    }
    fn vector_delete(&mut self, collection: &str, id: &str) -> Result<(), HostError> {
        self.note(&format!("vectors.delete {collection} {id}"))
    }
    fn vectors_nearest(
        &mut self,
        collection: &str,
        query: &[f32],
        k: u32,
    ) -> Result<Vec<Neighbour>, HostError> {
        self.note(&format!("vectors.nearest {collection} {query:?} {k}"))?;
        Ok(vec![Neighbour {
            id: "film".to_owned(),
            score: 0.5,
        }])
    }
    fn sketch_observe(&mut self, name: &str, value: f64) -> Result<(), HostError> {
        self.note(&format!("sketches.observe {name} {value}"))
    }
    fn sketch_distinct(&mut self, name: &str, item: &str) -> Result<(), HostError> {
        self.note(&format!("sketches.distinct {name} {item}"))
    }
    fn sketch_count(&mut self, name: &str, item: &str, times: u64) -> Result<(), HostError> {
        self.note(&format!("sketches.count {name} {item} {times}"))
    }
    fn sketch_quantile(&mut self, name: &str, q: f64) -> Result<Option<f64>, HostError> {
        self.note(&format!("sketches.quantile {name} {q}"))?;
        Ok(Some(0.5))
    }
    fn sketch_estimate(&mut self, name: &str, item: Option<&str>) -> Result<u64, HostError> {
        self.note(&format!("sketches.estimate {name} {item:?}"))?;
        Ok(3)
    }
    fn sketch_top(&mut self, name: &str, limit: u32) -> Result<Vec<(String, u64)>, HostError> {
        self.note(&format!("sketches.top {name} {limit}"))?;
        Ok(vec![("film".to_owned(), 9)])
    }
    fn sketch_total(&mut self, name: &str) -> Result<u64, HostError> {
        self.note(&format!("sketches.total {name}"))?;
        Ok(11)
    }
    fn timer_set(&mut self, name: &str, at_ms: u64, payload: Vec<u8>) -> Result<(), HostError> {
        self.note(&format!("timers.set {name} {at_ms} {payload:?}"))
    }
    fn timer_cancel(&mut self, name: &str) -> Result<(), HostError> {
        self.note(&format!("timers.cancel {name}"))
    }
    fn timer_get(&mut self, name: &str) -> Result<Option<u64>, HostError> {
        self.note(&format!("timers.get {name}"))?;
        Ok(Some(7))
    }
    fn table_get(&mut self, table: &str, key: &str) -> Result<Option<Vec<u8>>, HostError> {
        self.note(&format!("tables.get {table} {key}"))?;
        Ok(Some(b"row".to_vec()))
    }
    fn watermark(&self) -> u64 {
        0
    }
    fn log(&mut self, level: LogLevel, message: &str) {
        self.calls.push(format!("log {level:?} {message}"));
        if self.mood == Mood::Stalls {
            std::thread::sleep(STALL);
        }
    }
}
