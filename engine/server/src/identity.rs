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
        // What is no text is no name either, and has the same way out.
        let bytes = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let text = String::from_utf8_lossy(&bytes);
        return EngineId::new(text.trim()).with_context(|| {
            format!(
                "{} does not hold an engine's name; remove the file and one is made",
                file.display()
            )
        });
    }
    let made = EngineId::new(&format!("e-{:012x}", random.next_u64() >> 16))?;
    // A disk that is full must not leave an empty file behind: that would be taken for a damaged name.
    let half = file.with_extension("tmp");
    std::fs::write(&half, format!("{made}\n"))
        .and_then(|()| std::fs::rename(&half, &file))
        .with_context(|| format!("cannot write {}", file.display()))?;
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
    }

    #[test]
    fn what_is_no_name_is_told_with_the_file_and_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        for damaged in [&b"not a name!"[..], b"", b"e-\xff\xfe\x00", &[0; 16]] {
            std::fs::write(&file, damaged).unwrap();
            let told = format!("{:#}", engine_id(folder.path(), &SystemRandom).unwrap_err());
            assert!(told.contains(file.to_str().unwrap()), "{told}");
            assert!(told.contains("remove the file and one is made"), "{told}");
        }
        std::fs::remove_file(&file).unwrap();
        engine_id(folder.path(), &SystemRandom).unwrap();
    }
}
