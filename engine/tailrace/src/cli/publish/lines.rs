//! The lines of a file or of standard input: read in a thread of its own, and put together to what a request takes.

use std::{
    fs::File,
    io::{BufRead, BufReader, IsTerminal as _, Read as _},
    path::Path,
    sync::mpsc::{Receiver, sync_channel},
};

use anyhow::Context as _;

use crate::cli::screen::remark;

/// Most bytes of a request: half of what the server takes, for JSON makes text longer.
const BATCH_BYTES: usize = 2 << 20;
/// Longest line: no broker takes a larger message.
const MAX_LINE_BYTES: u64 = 64 << 20;
/// Lines that wait to be sent.
const READ_AHEAD: usize = 1_000;

/// Reads in a thread of its own, so that lines which are there can go together.
pub(super) fn read(file: &Path, whole: bool) -> anyhow::Result<Receiver<std::io::Result<Vec<u8>>>> {
    let mut source: Box<dyn BufRead + Send> = if file.as_os_str() == "-" {
        if std::io::stdin().is_terminal() {
            remark("one event a line; Ctrl-D ends");
        }
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        let file = File::open(file).with_context(|| format!("cannot read the events {}", file.display()))?;
        Box::new(BufReader::new(file))
    };
    let (sender, lines) = sync_channel(READ_AHEAD);
    std::thread::spawn(move || {
        loop {
            let read = if whole {
                take_all(&mut source)
            } else {
                take_line(&mut source)
            };
            let Some(line) = read.transpose() else { return };
            let is_last = line.is_err();
            if sender.send(line).is_err() || is_last {
                return;
            }
        }
    });
    Ok(lines)
}

fn take_line(source: &mut dyn BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if source.take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.len() as u64 == MAX_LINE_BYTES {
        return Err(std::io::Error::other("a line is longer than a message may be"));
    }
    while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        line.pop();
    }
    Ok(Some(line))
}

fn take_all(source: &mut dyn BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut all = Vec::new();
    source.take(MAX_LINE_BYTES).read_to_end(&mut all)?;
    Ok((!all.is_empty()).then_some(all))
}

/// Lines that go together, and why no more can be read.
pub(super) struct Batch {
    pub(super) payloads: Vec<Vec<u8>>,
    pub(super) stop: Option<std::io::Error>,
}

/// The lines that are there, and at least one; none at the end. What does not fit any more is `held` for the next.
pub(super) fn next_batch(
    lines: &Receiver<std::io::Result<Vec<u8>>>,
    held: &mut Option<Vec<u8>>,
    most: usize,
) -> Batch {
    let (mut payloads, mut bytes) = (Vec::new(), 0);
    while payloads.len() < most {
        let next = match held.take() {
            Some(line) => Ok(line),
            None if payloads.is_empty() => match lines.recv() {
                Ok(line) => line,
                Err(_) => break,
            },
            None => match lines.try_recv() {
                Ok(line) => line,
                Err(_) => break,
            },
        };
        match next {
            Ok(line) if !payloads.is_empty() && bytes + line.len() > BATCH_BYTES => {
                *held = Some(line);
                break;
            }
            Ok(line) => {
                bytes += line.len();
                payloads.push(line);
            }
            Err(stop) => {
                let stop = Some(stop);
                return Batch { payloads, stop };
            }
        }
    }
    Batch { payloads, stop: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_line_that_is_too_large_still_goes_out() {
        let (sender, lines) = sync_channel(8);
        sender.send(Ok(b"a".to_vec())).unwrap();
        sender.send(Err(std::io::Error::other("too large"))).unwrap();
        let batch = next_batch(&lines, &mut None, 5);
        assert_eq!((batch.payloads.len(), batch.stop.is_some()), (1, true));
    }

    #[test]
    fn lines_that_are_there_go_together_within_bounds() {
        let (sender, lines) = sync_channel(8);
        for size in [1, 2, BATCH_BYTES, 3] {
            sender.send(Ok(vec![b'x'; size])).unwrap();
        }
        drop(sender);
        let (mut held, mut sizes) = (None, Vec::new());
        loop {
            let batch = next_batch(&lines, &mut held, 2).payloads;
            if batch.is_empty() {
                break;
            }
            sizes.push(batch.iter().map(Vec::len).collect::<Vec<_>>());
        }
        assert_eq!(sizes, [vec![1, 2], vec![BATCH_BYTES], vec![3]]);
    }

    #[test]
    fn a_line_ends_with_its_line_and_the_whole_is_one() {
        let mut source: &[u8] = b"a\r\n\nb";
        let mut lines = Vec::new();
        while let Some(line) = take_line(&mut source).unwrap() {
            lines.push(line);
        }
        assert_eq!(lines, [&b"a"[..], b"", b"b"]);
        let mut source: &[u8] = b"a\nb\n";
        assert_eq!(take_all(&mut source).unwrap().unwrap(), b"a\nb\n");
        assert!(take_all(&mut source).unwrap().is_none());
    }
}
