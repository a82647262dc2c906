//! The least that a request costs on this machine at this moment: a byte to another thread over TCP and back.
//! Beside the latency of queries it tells what is the machine's, whose cores the load takes too.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// One connection to a thread that sends back what it gets; the thread ends with the connection.
pub struct Echo(TcpStream);

impl Echo {
    /// Starts it. A child of the bench's priority, as the engine is.
    pub fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        let (mut server, _) = listener.accept()?;
        for end in [&client, &server] {
            end.set_nodelay(true)?;
        }
        thread::Builder::new().name("echo".to_owned()).spawn(move || {
            let mut byte = [0];
            while server.read_exact(&mut byte).is_ok() && server.write_all(&byte).is_ok() {}
        })?;
        Ok(Self(client))
    }

    /// There and back.
    pub fn ask(&mut self) -> anyhow::Result<Duration> {
        let began = Instant::now();
        self.0.write_all(&[1])?;
        self.0.read_exact(&mut [0])?;
        Ok(began.elapsed())
    }
}
