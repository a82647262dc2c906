//! A node: a nats-server with ports and a folder of its own.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::Context as _;

use super::split::Listens;

use crate::{cluster::FILE_STORE_BYTES, files, ports, signal};

/// The user that may move the leader of the meta group.
pub(super) const SYSTEM: (&str, &str) = ("system", "of-the-tests");

/// A node.
pub(super) struct Member {
    pub(super) name: String,
    port: u16,
    monitor: u16,
    folder: PathBuf,
    process: Option<Child>,
    is_frozen: std::sync::atomic::AtomicBool,
}

impl Member {
    /// Starts the node of this number, with its folder below this one.
    pub(super) fn start(folder: &Path, index: usize, listens: &Listens) -> anyhow::Result<Self> {
        let name = format!("n{index}");
        let own = folder.join(&name);
        std::fs::create_dir(&own)?;
        let (port, monitor) = (ports::free()?, ports::free()?);
        let (user, password) = SYSTEM;
        let text = format!(
            "server_name: {name}\nlisten: \"127.0.0.1:{port}\"\nhttp: \"127.0.0.1:{monitor}\"\nlog_file: \"{log}\"\njetstream {{ store_dir: \"{store}\", max_file_store: {FILE_STORE_BYTES} }}\naccounts {{ $SYS {{ users: [{{ user: {user}, password: {password} }}] }} }}\n{cluster}\n",
            log = own.join("nats-server.log").display(),
            store = own.join("jetstream").display(),
            cluster = listens.configuration(),
        );
        std::fs::write(own.join("nats-server.conf"), text)?;
        Ok(Self {
            name,
            port,
            monitor,
            process: Some(spawn(&own)?),
            folder: own,
            is_frozen: false.into(),
        })
    }

    pub(super) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// A page of its monitoring.
    pub(super) fn monitor(&self, page: &str) -> String {
        format!("http://127.0.0.1:{}/{page}", self.monitor)
    }

    pub(super) fn runs(&self) -> bool {
        self.process.is_some() && !self.is_frozen.load(std::sync::atomic::Ordering::Acquire)
    }

    pub(super) fn pid(&self) -> anyhow::Result<u32> {
        let process = self.process.as_ref().context("the node does not run")?;
        Ok(process.id())
    }

    pub(super) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    pub(super) fn restart(&mut self, emptied: bool) -> anyhow::Result<()> {
        self.kill();
        if emptied {
            std::fs::remove_dir_all(self.folder.join("jetstream"))?;
        }
        self.process = Some(spawn(&self.folder)?);
        Ok(())
    }

    pub(super) fn freeze(&self, is_frozen: bool) -> anyhow::Result<()> {
        self.is_frozen
            .store(is_frozen, std::sync::atomic::Ordering::Release);
        signal::send(self.pid()?, if is_frozen { "STOP" } else { "CONT" })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(folder: &Path) -> anyhow::Result<Child> {
    let program = files::nats_server()?;
    Command::new(&program)
        .arg("--config")
        .arg(folder.join("nats-server.conf"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))
}
