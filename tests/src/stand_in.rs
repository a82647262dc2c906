//! A web server that tests can ask what came: it takes every POST, keeps its body, and answers as it is
//! told. One request at a time a connection, each closed after its answer.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// A request that came.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Its path.
    pub path: String,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Taken {
    /// A header of it.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The server; it lives as long as the test's process.
#[derive(Clone)]
pub struct StandIn {
    url: String,
    taken: Arc<Mutex<Vec<Taken>>>,
    answer: Arc<Mutex<String>>,
}

impl StandIn {
    /// Starts one on a free port of the loopback.
    pub fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let stand_in = Self {
            url: format!("http://{}", listener.local_addr()?),
            taken: Arc::default(),
            answer: Arc::new(Mutex::new("200 OK".to_owned())),
        };
        let serving = stand_in.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.serve(&stream));
            }
        });
        Ok(stand_in)
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What came so far.
    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers so from now on, as a status line has it, with further header lines behind it if need be:
    /// `503 Service Unavailable`.
    pub fn answer(&self, status: &str) {
        status.clone_into(&mut self.answer.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn serve(&self, stream: &TcpStream) {
        // Who connects and says nothing is let go.
        let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
        let _ = self.take(stream);
    }

    fn take(&self, stream: &TcpStream) -> anyhow::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut taken = Taken {
            path,
            headers,
            body: Vec::new(),
        };
        let length = taken.header("content-length").unwrap_or("0").parse()?;
        taken.body.resize(length, 0);
        reader.read_exact(&mut taken.body)?;
        self.taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(taken);
        let answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        write!(
            &mut &*stream,
            "HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )?;
        Ok(())
    }
}
