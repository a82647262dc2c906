//! By seeds: commits of the source, snapshots that take the records before them away, a source that is made anew, and
//! crashes of the reader in the middle of everything. Where all was read, the rows are the state.

use std::{collections::BTreeMap, sync::Arc};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tailrace_core::identity::partition_of;
use tailrace_testing::{
    broker::{MemoryBroker, Options},
    link::Link,
    no_plugins::NoPlugins,
    registry::MemoryRegistry,
    store::MemoryStore,
    world::world,
};

use super::{
    reader::{self, Reader},
    source::{self, STEP, Source},
};

/// Keys of the source; few, so that they change and go.
const KEYS: u64 = 12;
/// More than a piece of a load holds, and than a part of a record.
const MANY: u64 = 700;

fn key(random: &mut StdRng, number: u32, most: u64) -> String {
    loop {
        let key = format!("k{}", random.random_range(0..most));
        if partition_of(&key, source::PARTITIONS) == number {
            return key;
        }
    }
}

async fn change(source: &mut Source, random: &mut StdRng, step: &str) {
    let number = random.random_range(0..source::PARTITIONS);
    let (writes, most) = match random.random_range(0..20) {
        0 => (600, MANY),
        _ => (random.random_range(1..5), KEYS),
    };
    let writes: Vec<(String, Option<String>)> = (0..writes)
        .map(|_| {
            let value = random.random_range(0..3) > 0;
            let value = value.then(|| format!("{}", random.random_range(0..u64::MAX)));
            (key(random, number, most), value)
        })
        .collect();
    let writes = writes.iter().map(|(key, value)| (key.as_str(), value.as_deref()));
    let writes: Vec<_> = writes.collect();
    source.commit(number, step, &writes).await;
}

async fn run(seed: u64) -> (u64, u64) {
    let random = &mut StdRng::seed_from_u64(seed);
    let broker = MemoryBroker::new(Options::default());
    let registry = MemoryRegistry::new(Link::new(None));
    let store = Arc::new(MemoryStore::default());
    let world = world(&broker, &registry, store, Arc::new(NoPlugins));
    let mut source = Source::set(&world).await;
    source.part_bytes = 4 << 10;
    let is_everywhere = seed.is_multiple_of(2);
    let scope = if is_everywhere { "everywhere" } else { "partition" };
    for _ in 0..random.random_range(0..20) {
        change(&mut source, random, STEP).await;
    }
    if random.random_range(0..2) == 0 {
        source.snapshot(random.random_range(0..source::PARTITIONS)).await;
    }
    let declared = format!("{{pipeline: learner, state: {STEP}, stream: TR_shop_learner, scope: {scope}}}");
    let mut reader = Reader::set(&world, &declared);
    let (mut crashes, mut lives) = (0, 0);
    for _ in 0..60 {
        match random.random_range(0..20) {
            0..8 => change(&mut source, random, STEP).await,
            8 => change(&mut source, random, "other").await,
            9..11 => source.snapshot(random.random_range(0..source::PARTITIONS)).await,
            11..14 => drop(reader.work(random.random_range(0..4)).await),
            14..16 => reader.commit(),
            16..18 => {
                reader.crash();
                crashes += 1;
            }
            18 => reader.catch_up(broker.last_sequence("TR_shop_learner")).await,
            _ if random.random_range(0..3) == 0 => {
                source.delete().await;
                source.make_anew().await;
                lives += 1;
            }
            _ => {}
        }
    }
    reader.catch_up(broker.last_sequence("TR_shop_learner")).await;
    let state = source.state();
    for number in 0..reader::PARTITIONS {
        let holds = |key: &str| is_everywhere || partition_of(key, reader::PARTITIONS) == number;
        let expected: BTreeMap<_, _> = state.clone().into_iter().filter(|(key, _)| holds(key)).collect();
        assert_eq!(reader.rows(number), expected, "seed {seed}, partition {number}");
    }
    (crashes, lives)
}

#[tokio::test(start_paused = true)]
async fn the_rows_are_the_state_of_the_source_whatever_dies() {
    let (mut crashes, mut lives) = (0, 0);
    for seed in 0..80 {
        let happened = run(seed).await;
        crashes += happened.0;
        lives += happened.1;
    }
    assert!(crashes > 80 && lives > 10, "{crashes} crashes, {lives} lives");
}
