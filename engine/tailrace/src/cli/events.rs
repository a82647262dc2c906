//! Server-sent events, as the server writes them: a name and one line of JSON each. Comments, which keep
//! the connection alive, are passed over.

use std::io::{BufRead as _, BufReader, Read};

use anyhow::Context as _;
use serde_json::{Value, value::RawValue};

/// Longest line: a result is as large as a message may be, and escaped.
const MAX_LINE_BYTES: u64 = 128 << 20;

/// A stream of events.
pub struct Events<R>(BufReader<R>);

impl<R: Read> Events<R> {
    /// In what comes from a server.
    pub fn new(source: R) -> Self {
        Self(BufReader::new(source))
    }

    /// The next event, by name; none at the end.
    pub fn next(&mut self) -> anyhow::Result<Option<(String, Value)>> {
        let event = self.next_raw()?;
        let read = |(name, data): (String, Box<RawValue>)| Ok((name, serde_json::from_str(data.get())?));
        event.map(read).transpose()
    }

    /// The same, with its data as the server wrote them.
    pub fn next_raw(&mut self) -> anyhow::Result<Option<(String, Box<RawValue>)>> {
        let (mut name, mut data) = (String::new(), String::new());
        while let Some(line) = self.line()? {
            if let Some(rest) = line.strip_prefix("event:") {
                rest.trim_start().clone_into(&mut name);
            } else if let Some(rest) = line.strip_prefix("data:") {
                rest.trim_start().clone_into(&mut data);
            } else if line.is_empty() && !data.is_empty() {
                let value = serde_json::from_str(&data).context("the stream holds what is no JSON")?;
                return Ok(Some((name, value)));
            }
        }
        Ok(None)
    }

    fn line(&mut self) -> anyhow::Result<Option<String>> {
        let mut line = String::new();
        let read = (&mut self.0).take(MAX_LINE_BYTES).read_line(&mut line);
        if read.context("the stream broke off")? == 0 {
            return Ok(None);
        }
        anyhow::ensure!(
            line.ends_with('\n'),
            "the stream broke off, or holds a line without an end"
        );
        line.truncate(line.trim_end_matches(['\r', '\n']).len());
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_and_comments_passed_over() {
        let text = ":\n\nevent: shown\ndata: {\"of\":4}\n\n: alive\n\nevent:line\r\ndata:1\r\n\r\n";
        let mut events = Events::new(text.as_bytes());
        let (name, data) = events.next().unwrap().unwrap();
        assert_eq!((name.as_str(), &data["of"]), ("shown", &4.into()));
        let (name, data) = events.next().unwrap().unwrap();
        assert_eq!((name.as_str(), data), ("line", 1.into()));
        assert!(events.next().unwrap().is_none());
    }

    #[test]
    fn a_stream_that_breaks_off_and_a_line_without_an_end_are_errors() {
        for text in [
            "event: x\ndata: {".to_owned(),
            "x".repeat(2 << 20),
            "data: nonsense\n\n".to_owned(),
        ] {
            assert!(Events::new(text.as_bytes()).next().is_err());
        }
    }
}
