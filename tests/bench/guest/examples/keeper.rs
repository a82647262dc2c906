//! A plugin that keeps a vector under each event's key. Apart from the other, so that the other needs no
//! grant `vectors`.
#![allow(missing_docs, reason = "the export macro's functions are the contract's")]

use tailrace_sdk::prelude::*;

/// Where the vectors are.
const COLLECTION: &str = "keys";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Numbers of a vector.
    dimensions: usize,
}

struct Keeper(Config);

impl Plugin for Keeper {
    type Config = Config;

    fn new(config: Config) -> Result<Self, String> {
        Ok(Self(config))
    }

    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        let vector = vec![event.sequence as f32; self.0.dimensions];
        host.vectors(COLLECTION).set(&event.key, &vector);
        Ok(Verdict::Forward)
    }
}

export!(Keeper);
