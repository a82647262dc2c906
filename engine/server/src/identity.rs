//! The engine's own name: made once and kept in its data folder, so that an engine which comes back
//! takes up the partitions whose local state stores are there.

use std::path::Path;

use anyhow::Context as _;
use tailrace_core::{identity::EngineId, ports::clock::Random};

const FILE: &str = "engine-id";

/// The name in the folder; made if there is none.
pub fn engine_id(data_dir: &Path, random: &dyn Random) -> anyhow::Result<EngineId> {
    let file = data_dir.join(FILE);
    if file.exists() {
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        return EngineId::new(text.trim()).with_context(|| {
            format!(
                "{} does not hold an engine's name; remove the file and one is made",
                file.display()
            )
        });
    }
    let made = EngineId::new(&format!("e-{:012x}", random.next_u64() >> 16))?;
    std::fs::write(&file, format!("{made}\n")).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemRandom;

    #[test]
    fn an_engine_keeps_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let first = engine_id(folder.path(), &SystemRandom).unwrap();
        assert_eq!(engine_id(folder.path(), &SystemRandom).unwrap(), first);
        std::fs::write(folder.path().join(FILE), "not a name!").unwrap();
        assert!(engine_id(folder.path(), &SystemRandom).is_err());
    }
}
