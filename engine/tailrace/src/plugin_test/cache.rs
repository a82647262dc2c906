//! A folder of the user's cache: tools of languages, and compiled plugins. It may be deleted at any time. It is not in
//! the project, for compiled plugins are machine code, and a project may come from somebody else.

use std::{
    fs::DirEntry,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::cli::error::misuse;

/// Names the folder, instead of one in the user's cache.
const FOLDER: &str = "TAILRACE_CACHE";
/// Compiled plugins that are kept. One with an interpreter in it has some 50 MB.
const MOST_COMPILED: usize = 4;

/// The folder.
pub fn folder() -> anyhow::Result<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let usual = || {
        let own = named("XDG_CACHE_HOME").map(PathBuf::from);
        own.or_else(|| named("HOME").map(|home| PathBuf::from(home).join(".cache")))
    };
    named(FOLDER)
        .map(PathBuf::from)
        .or_else(|| usual().map(|cache| cache.join("tailrace")))
        .ok_or_else(|| {
            misuse(
                "there is no folder for tools: neither HOME nor XDG_CACHE_HOME is set",
                format!("name one in {FOLDER}"),
            )
        })
}

/// The folder of compiled plugins, with the newest of them; none where there is no cache.
pub fn compiled() -> Option<PathBuf> {
    let compiled = folder().ok()?.join("compiled");
    std::fs::create_dir_all(&compiled).ok()?;
    keep_newest(&compiled, MOST_COMPILED);
    Some(compiled)
}

/// The folder of compiled functions of interpreters; none where there is no cache.
pub fn functions() -> Option<PathBuf> {
    Some(folder().ok()?.join("functions"))
}

/// Deletes all files of a folder but the newest. What cannot be deleted stays.
fn keep_newest(folder: &Path, most: usize) {
    let changed = |entry: &DirEntry| {
        let file = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some((file.modified().unwrap_or(SystemTime::UNIX_EPOCH), entry.path()))
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.filter_map(|entry| changed(&entry)).collect();
    files.sort_by(|left, right| right.cmp(left));
    for (_, file) in files.into_iter().skip(most) {
        let _ = std::fs::remove_file(file);
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, time::Duration};

    use super::*;

    #[test]
    fn the_newest_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        for age in 0..6_u64 {
            let file = File::create(folder.path().join(age.to_string())).unwrap();
            let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 - age);
            file.set_modified(changed).unwrap();
        }
        keep_newest(folder.path(), 2);
        assert!(folder.path().join("0").exists() && folder.path().join("1").exists());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
