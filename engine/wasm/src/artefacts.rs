//! Compiled plugins on disk, so that a restart compiles nothing. Keyed by the plugin's digest and by
//! the engine's configuration and version; in a folder of our own that only we can enter, because
//! loading one means to run what it says.
//!
//! A file that is damaged is compiled anew; it is a cache.
//!
//! Why: docs/decisions/0057-artefacts-and-epochs.md

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use sha2::{Digest as _, Sha256};
use tailrace_core::identity::Digest;
use wasmtime::{Engine, component::Component};

/// Length of the checksum before the artefact.
const CHECKSUM_BYTES: usize = 32;

pub(crate) struct Artefacts {
    folder: PathBuf,
    /// Of the engine's version, settings and processor.
    compatibility: u64,
    /// Files begun by this process: two threads may compile the same plugin.
    begun: AtomicU64,
}

impl Artefacts {
    pub(crate) fn new(folder: PathBuf, engine: &Engine) -> std::io::Result<Self> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)?;
        // It may have been there before, made by somebody less careful.
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))?;
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self {
            folder,
            compatibility: hasher.finish(),
            begun: AtomicU64::new(0),
        })
    }

    fn file(&self, digest: Digest) -> PathBuf {
        self.folder
            .join(format!("{digest}-{:016x}.cwasm", self.compatibility))
    }

    /// The compiled plugin, if a sound one is there.
    pub(crate) fn load(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let bytes = std::fs::read(self.file(digest)).ok()?;
        let (checksum, artefact) = bytes.split_first_chunk::<CHECKSUM_BYTES>()?;
        if Sha256::digest(artefact)[..] != checksum[..] {
            tracing::warn!(%digest, "a compiled plugin is damaged; compiling it anew");
            return None;
        }
        open(engine, artefact)
            .inspect_err(
                |cause| tracing::warn!(%digest, %cause, "a compiled plugin does not load; compiling it anew"),
            )
            .ok()
    }

    /// Keeps a compiled plugin. That it cannot be kept is no reason to fail.
    pub(crate) fn save(&self, digest: Digest, artefact: &[u8]) {
        if let Err(cause) = self.try_save(digest, artefact) {
            tracing::warn!(%digest, %cause, "a compiled plugin cannot be kept");
        }
    }

    fn try_save(&self, digest: Digest, artefact: &[u8]) -> std::io::Result<()> {
        let file = self.file(digest);
        // Under a name of its own first: a crash, or another engine, must not leave half a file.
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let temporary = file.with_extension(format!("{}-{number}.tmp", std::process::id()));
        let mut half = std::fs::File::create(&temporary)?;
        half.write_all(&Sha256::digest(artefact))?;
        half.write_all(artefact)?;
        std::fs::rename(&temporary, &file)
    }

    /// Digests of all that is kept, for this engine or for another version of it.
    pub(crate) fn kept(&self) -> Vec<Digest> {
        let mut kept: Vec<_> = self.files().filter_map(|(digest, _)| digest).collect();
        kept.sort_unstable();
        kept.dedup();
        kept
    }

    /// Deletes what is kept of a plugin, whole or half, for this engine or for another version of it.
    pub(crate) fn remove(&self, digest: Digest) {
        for (_, file) in self.files().filter(|(of, _)| *of == Some(digest)) {
            match std::fs::remove_file(&file) {
                Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                    tracing::warn!(%digest, %cause, "a compiled plugin cannot be deleted");
                }
                _ => {}
            }
        }
    }

    /// The files of the folder, each with the digest that its name begins with.
    fn files(&self) -> impl Iterator<Item = (Option<Digest>, PathBuf)> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.map(|entry| {
            let name = entry.file_name();
            let digest = name.to_str().and_then(|name| name.split_once('-'));
            (digest.and_then(|(digest, _)| digest.parse().ok()), entry.path())
        })
    }

    /// A folder in which there is nothing, for a compiler to stand in.
    pub(crate) fn empty_folder(&self) -> std::io::Result<PathBuf> {
        let folder = self.folder.join("empty");
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o500)
            .create(&folder)?;
        Ok(folder)
    }
}

/// A component out of its machine code.
pub(crate) fn open(engine: &Engine, artefact: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes came out of our own compiler, in this process or in a child that runs our own
    // program, and wasmtime checks that it was built and set up like this engine. They reached us
    // through that child's pipe, or through a file that `save` wrote into a folder that only this
    // user can write, whose checksum shows that it has not changed since.
    #[allow(unsafe_code)]
    let component = unsafe { Component::deserialize(engine, artefact) };
    component
}
