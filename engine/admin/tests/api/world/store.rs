//! The local store: every partition has the same canned image, or one that a test holds and changes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, mpsc::Receiver},
    time::Duration,
};

use tailrace_core::{
    delta::{Delta, StateValue},
    identity::{PartitionId, PipelineId},
    manifest::PipelineSpec,
    name::Name,
    ports::store::{Applied, Collection, Entries, Image, LocalStore, StoreError, Weight},
    series::{Group, Held, Slice},
    vectors::{Metric, Search},
};
use tailrace_sketch::{Sketch, TenantSeed};

use super::{Fake, HOST_PATH};

impl LocalStore for Fake {
    fn open(&self, _: &PartitionId, _: &PipelineSpec, _: TenantSeed) -> Result<Arc<dyn Image>, StoreError> {
        Ok(Arc::new(CannedImage))
    }
    fn existing(&self, place: &PartitionId) -> Result<Option<Arc<dyn Image>>, StoreError> {
        if !self.images.lock().unwrap().contains_key(&place.partition) {
            return Ok(Some(Arc::new(CannedImage)));
        }
        let fake = self.myself.upgrade().expect("it is asked, so it is there");
        Ok(Some(Arc::new(LiveImage {
            fake,
            partition: place.partition,
        })))
    }
    fn wipe(&self, _: &PartitionId) -> Result<(), StoreError> {
        Ok(())
    }
    fn remove(&self, _: &PipelineId) -> Result<(), StoreError> {
        self.act();
        Ok(())
    }
    fn size_bytes(&self, _: &Name) -> Result<u64, StoreError> {
        Ok(0)
    }
}

/// Longest that a merge waits for the test.
const PATIENCE: Duration = Duration::from_secs(30);

/// Word that the next merge waits for.
pub type Gate = Mutex<Option<Receiver<()>>>;

/// What every partition holds.
struct CannedImage;

const STATE: [(&str, &[u8]); 4] = [
    ("a/b", b"slash"),
    ("binary", &[0, 0xff]),
    ("json", b"{\"n\":1.50}"),
    ("text", b"plain"),
];

fn value(bytes: &[u8]) -> StateValue {
    StateValue {
        value: bytes.to_vec(),
        expires_ms: Some(99),
    }
}

impl Image for CannedImage {
    fn applied(&self) -> Result<Applied, StoreError> {
        Ok(Applied::default())
    }
    fn weight(&self) -> Weight {
        Weight::default()
    }
    fn apply(&self, _: &Delta, _: Applied) -> Result<(), StoreError> {
        Ok(())
    }
    fn get(&self, _: &str, key: &str) -> Result<Option<StateValue>, StoreError> {
        if key == "damaged" {
            return Err(StoreError::Io(format!("{HOST_PATH}: input/output error")));
        }
        Ok(STATE
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, bytes)| value(bytes)))
    }
    fn scan(&self, _: &str, prefix: &str, after: Option<&str>, limit: usize) -> Result<Entries, StoreError> {
        let wanted = STATE
            .iter()
            .filter(|(key, _)| key.starts_with(prefix) && after.is_none_or(|after| *key > after));
        Ok(wanted
            .take(limit)
            .map(|(key, bytes)| ((*key).to_owned(), value(bytes)))
            .collect())
    }
    fn expired(&self, _: u64, _: usize) -> Result<Vec<(String, String)>, StoreError> {
        Ok(Vec::new())
    }
    fn vector(&self, _: &str, id: &str) -> Result<Option<Vec<f32>>, StoreError> {
        Ok((id == "u1").then(|| vec![0.5, -1.0]))
    }
    fn collection(&self, _: &str, _: usize, _: Metric, _: Search) -> Result<Box<dyn Collection>, StoreError> {
        Err(StoreError::Io("fake".to_owned()))
    }
    fn sketch(&self, _: &str) -> Result<Option<Sketch>, StoreError> {
        Ok(None)
    }
    fn sketch_slice(&self, _: &str, _: &Slice) -> Result<Vec<(Option<Group>, Sketch)>, StoreError> {
        Ok(Vec::new())
    }

    fn sketch_windows(&self, _: &str) -> Result<Option<Held>, StoreError> {
        Ok(None)
    }

    fn content_hash(&self) -> Result<[u8; 32], StoreError> {
        Ok([0; 32])
    }
    fn export(&self, _: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>) -> Result<Applied, StoreError> {
        Ok(Applied::default())
    }
    fn import(&self, _: &mut dyn Iterator<Item = Vec<u8>>) -> Result<Applied, StoreError> {
        Ok(Applied::default())
    }
}

/// What a partition holds while a test changes it.
#[derive(Default)]
pub struct Content {
    version: u64,
    pub state: BTreeMap<String, Vec<u8>>,
    pub vectors: BTreeMap<String, Vec<f32>>,
}

/// The contents that a test holds, by partition, of whatever pipeline.
pub type Images = Mutex<BTreeMap<u32, Content>>;

type Interruption = Box<dyn FnOnce(&Fake) + Send>;

/// What happens when images have been read so many times more.
#[derive(Default)]
pub struct Interrupt(Mutex<Option<(u64, Interruption)>>);

impl Fake {
    /// The partition holds this from now on: its image is made anew.
    pub fn hold(&self, partition: u32, content: Content) {
        let mut content = content;
        content.version = self.next_version();
        self.images.lock().unwrap().insert(partition, content);
    }

    /// The partition's content changes.
    pub fn commit(&self, partition: u32, change: impl FnOnce(&mut Content)) {
        let version = self.next_version();
        let mut images = self.images.lock().unwrap();
        let content = images.get_mut(&partition).expect("the test holds it");
        change(content);
        content.version = version;
    }

    /// When images have been read so many times more, this happens.
    pub fn while_reading(&self, after: u64, act: impl FnOnce(&Fake) + Send + 'static) {
        *self.interrupt.0.lock().unwrap() = Some((after, Box::new(act)));
    }

    /// The next merge of groups or windows waits for word from here.
    pub fn merge_when(&self, gate: Receiver<()>) {
        *self.gate.lock().unwrap() = Some(gate);
    }

    /// What has not happened yet will not.
    pub fn undisturbed(&self) {
        *self.interrupt.0.lock().unwrap() = None;
    }

    fn is_read(&self) {
        let mut waiting = self.interrupt.0.lock().unwrap();
        match waiting.take() {
            Some((0, act)) => {
                drop(waiting);
                act(self);
            }
            Some((left, act)) => *waiting = Some((left - 1, act)),
            None => {}
        }
    }
}

struct LiveImage {
    fake: Arc<Fake>,
    partition: u32,
}

impl LiveImage {
    fn read<T>(&self, read: impl FnOnce(&Content) -> T) -> T {
        let found = {
            let images = self.fake.images.lock().unwrap();
            read(&images[&self.partition])
        };
        self.fake.is_read();
        found
    }
}

fn kept(bytes: &[u8]) -> StateValue {
    StateValue {
        value: bytes.to_vec(),
        expires_ms: None,
    }
}

impl Image for LiveImage {
    fn version(&self) -> Option<u64> {
        Some(self.fake.images.lock().unwrap()[&self.partition].version)
    }
    fn applied(&self) -> Result<Applied, StoreError> {
        Ok(Applied::default())
    }
    fn weight(&self) -> Weight {
        Weight::default()
    }
    fn apply(&self, _: &Delta, _: Applied) -> Result<(), StoreError> {
        Ok(())
    }
    fn get(&self, _: &str, key: &str) -> Result<Option<StateValue>, StoreError> {
        Ok(self.read(|content| content.state.get(key).map(|bytes| kept(bytes))))
    }
    fn scan(&self, _: &str, prefix: &str, after: Option<&str>, limit: usize) -> Result<Entries, StoreError> {
        Ok(self.read(|content| {
            let wanted = content
                .state
                .iter()
                .filter(|(key, _)| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after));
            wanted
                .take(limit)
                .map(|(key, bytes)| (key.clone(), kept(bytes)))
                .collect()
        }))
    }
    fn expired(&self, _: u64, _: usize) -> Result<Vec<(String, String)>, StoreError> {
        Ok(Vec::new())
    }
    fn vector(&self, _: &str, id: &str) -> Result<Option<Vec<f32>>, StoreError> {
        Ok(self.read(|content| content.vectors.get(id).cloned()))
    }
    fn collection(&self, _: &str, _: usize, _: Metric, _: Search) -> Result<Box<dyn Collection>, StoreError> {
        Err(StoreError::Io("fake".to_owned()))
    }
    fn sketch(&self, _: &str) -> Result<Option<Sketch>, StoreError> {
        Ok(None)
    }
    fn sketch_slice(&self, _: &str, _: &Slice) -> Result<Vec<(Option<Group>, Sketch)>, StoreError> {
        let gate = self.fake.gate.lock().unwrap().take();
        if let Some(gate) = gate {
            gate.recv_timeout(PATIENCE).expect("the test lets it go on");
        }
        Ok(Vec::new())
    }
    fn sketch_windows(&self, _: &str) -> Result<Option<Held>, StoreError> {
        Ok(None)
    }
    fn content_hash(&self) -> Result<[u8; 32], StoreError> {
        Ok([0; 32])
    }
    fn export(&self, _: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>) -> Result<Applied, StoreError> {
        Ok(Applied::default())
    }
    fn import(&self, _: &mut dyn Iterator<Item = Vec<u8>>) -> Result<Applied, StoreError> {
        Ok(Applied::default())
    }
}
