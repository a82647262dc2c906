//! What can happen to the engine's folder while the engine is down, and how it is done.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use rand::{Rng as _, rngs::StdRng, seq::IndexedRandom as _};

/// Bytes that are altered, at most.
const MOST_FLIPS: u32 = 200;

/// What happens to the folder.
#[derive(Debug, Clone, Copy)]
pub enum Damage {
    /// All of it is gone.
    Deleted,
    /// sled's `db` loses its end.
    Truncated,
    /// Bytes of sled's `db` are altered.
    Flipped,
    /// Bytes of any file of the database are altered.
    FlippedAnywhere,
    /// Bytes of a compiled plugin are altered.
    FlippedPlugin,
    /// A file is where the database's folder was.
    Replaced,
    /// A file is where the folder of all databases was.
    AllReplaced,
}

impl Damage {
    /// Each.
    pub const ALL: [Self; 7] = [
        Self::Deleted,
        Self::Truncated,
        Self::Flipped,
        Self::FlippedAnywhere,
        Self::FlippedPlugin,
        Self::Replaced,
        Self::AllReplaced,
    ];

    /// Does it to the folder of an engine that is down; tells what exactly.
    pub fn inflict(self, folder: &Path, random: &mut StdRng) -> anyhow::Result<String> {
        let database = folder.join("state/shop");
        match self {
            Self::Deleted => fs::remove_dir_all(folder)?,
            Self::Truncated => return truncate(&database.join("db"), random),
            Self::Flipped => return flip(&database.join("db"), random),
            Self::FlippedAnywhere => return flip(&any_file(&database, random)?, random),
            Self::FlippedPlugin => return flip(&any_file(&folder.join("artefacts"), random)?, random),
            Self::Replaced => replace(&database)?,
            Self::AllReplaced => replace(&folder.join("state"))?,
        }
        Ok("as its name says".to_owned())
    }
}

fn truncate(file: &Path, random: &mut StdRng) -> anyhow::Result<String> {
    let opened = fs::File::options().write(true).open(file)?;
    let bytes = opened.metadata()?.len();
    let left = random.random_range(0..bytes);
    opened.set_len(left)?;
    Ok(format!("{} cut from {bytes} to {left} bytes", name(file)))
}

/// Alters some bytes; each really becomes another.
fn flip(file: &Path, random: &mut StdRng) -> anyhow::Result<String> {
    let mut bytes = fs::read(file)?;
    let flips = random.random_range(1..=MOST_FLIPS);
    for _ in 0..flips {
        let place = random.random_range(0..bytes.len());
        bytes[place] ^= random.random_range(1..=u8::MAX);
    }
    fs::write(file, &bytes)?;
    Ok(format!(
        "{flips} of {} bytes of {} altered",
        bytes.len(),
        name(file)
    ))
}

fn replace(folder: &Path) -> anyhow::Result<()> {
    fs::remove_dir_all(folder)?;
    Ok(fs::write(folder, "no folder")?)
}

/// One of its files that holds something.
fn any_file(folder: &Path, random: &mut StdRng) -> anyhow::Result<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_file() && metadata.len() > 0 {
            files.push(entry.path());
        }
    }
    files.sort();
    let file = files.choose(random);
    file.cloned()
        .with_context(|| format!("no file in {}", folder.display()))
}

fn name(file: &Path) -> String {
    file.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
