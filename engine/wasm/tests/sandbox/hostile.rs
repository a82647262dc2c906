//! The corpus of hostile plugins, `tests/hostile/*.wat`. The head of each text says what it does and
//! how it must end:
//!
//! - `must: refused TEXT`: by admission, with an error in which this stands;
//! - `must: config TEXT`: admitted, but it cannot be configured;
//! - `must: trap CODE`, `must: failure invalid|transient`, `must: verdict forward`: what its first call
//!   gives;
//! - `limits: fuel=… deadline-ms=… messages=… bytes=… writes=…`: where the usual ones do not do.
//!
//! Whatever a text does, the sandbox must serve an honest plugin right after it, and must not have
//! grown by more than one guest may have.

use std::{fs, path::Path, time::Duration};

use bytes::Bytes;
use tailrace_core::{
    event::Verdict,
    grant::CallLimits,
    ports::plugins::{CallFailure, PluginError, PluginRuntime as _},
};

use super::{
    Sandbox, call,
    guests::{Guest, with_type},
    host::TestHost,
    roomy, verdict,
};

/// What the engine may grow by over a hostile guest: its memory, what may cross the border in one
/// call, the compiler's leftovers, and the other tests that run meanwhile.
const MAX_GROWTH_BYTES: u64 = 384 << 20;
/// Longest text that a guest may have put into an error, a log line or a reason, escaped.
const MAX_TEXT_BYTES: usize = 16 * 1024;

/// A text of the corpus.
struct Hostile {
    name: String,
    text: String,
    must: String,
    limits: CallLimits,
}

impl Hostile {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("readable");
        let head = |key: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(&format!(";; {key}: ")))
        };
        assert!(text.starts_with(";; It "), "{} says what it does", path.display());
        Self {
            name: path.file_stem().expect("a name").to_string_lossy().into_owned(),
            must: head("must").expect("the text says what must happen").to_owned(),
            limits: limits(head("limits").unwrap_or_default()),
            text,
        }
    }

    /// As it would be uploaded.
    fn upload(&self) -> Bytes {
        if self.text.contains("\n(component") || !self.text.contains("transform@0.2.0#process") {
            return Bytes::from(wat::parse_str(&self.text).expect("the text is right"));
        }
        with_type(&self.text)
    }
}

fn limits(line: &str) -> CallLimits {
    let mut limits = roomy();
    for pair in line.split_whitespace() {
        let (key, value) = pair.split_once('=').expect("key=value");
        let number: u64 = value.parse().expect("a number");
        match key {
            "fuel" => limits.fuel = number,
            "deadline-ms" => limits.deadline = Duration::from_millis(number),
            "messages" => limits.messages = u32::try_from(number).expect("in range"),
            "bytes" => limits.bytes = number,
            "writes" => limits.writes = u32::try_from(number).expect("in range"),
            other => panic!("no limit is called {other}"),
        }
    }
    limits
}

/// How a plugin ended, in the words of the corpus.
fn ending(sandbox: &Sandbox, hostile: &Hostile) -> String {
    let admitted = match sandbox.runtime.admit(&hostile.upload()) {
        Ok(admitted) => admitted,
        Err(refusal) => return format!("refused {}", told(&refusal)),
    };
    let plugin = sandbox
        .runtime
        .load(admitted.digest, &admitted.component)
        .expect("what was admitted can be loaded");
    let mut instance = match plugin.instantiate("{}", &hostile.limits) {
        Ok(instance) => instance,
        Err(refusal) => return format!("config {}", told(&refusal)),
    };
    let (first, host) = call(&mut *instance, TestHost::default());
    assert!(
        first.fuel <= hostile.limits.fuel,
        "{}: it took {} fuel",
        hostile.name,
        first.fuel
    );
    assert!(
        instance.memory_bytes() <= hostile.limits.memory_bytes,
        "{}: it has {} bytes",
        hostile.name,
        instance.memory_bytes()
    );
    assert_host_is_sane(&hostile.name, &host);
    let ended = judge(&hostile.name, first.result);
    if ended.starts_with("trap") {
        assert!(instance.is_spent(), "{}: spent after a trap", hostile.name);
    }
    // The one who does not keep to that gets an error, and no more.
    let (again, _) = call(&mut *instance, TestHost::default());
    if instance.is_spent() {
        assert!(again.result.is_err(), "{}: a spent instance ran", hostile.name);
    }
    ended
}

fn judge(name: &str, result: Result<Verdict, CallFailure>) -> String {
    match result {
        Ok(Verdict::Forward) => "verdict forward".to_owned(),
        Ok(other) => format!("verdict {other:?}"),
        Err(CallFailure::Trap(trap)) => {
            assert_plain(name, &trap.message);
            trap.backtrace.iter().for_each(|frame| assert_plain(name, frame));
            format!("trap {}", trap.code.as_str())
        }
        Err(CallFailure::Invalid(rejection)) => {
            assert_plain(name, &rejection.code);
            assert_plain(name, &rejection.reason);
            "failure invalid".to_owned()
        }
        Err(CallFailure::Transient(reason)) => {
            assert_plain(name, &reason);
            "failure transient".to_owned()
        }
        Err(CallFailure::Engine(cause)) => panic!("{name}: the engine is blamed: {cause}"),
    }
}

/// A refusal as the tenant reads it: its own fault, one short line, nothing of the host's.
fn told(refusal: &PluginError) -> String {
    assert!(
        !matches!(refusal, PluginError::Engine(_)),
        "the engine is blamed: {refusal}"
    );
    let text = refusal.to_string();
    assert_plain("a refusal", &text);
    for of_host in ["/root", "/home", "/work", ".rs:", "src/"] {
        assert!(!text.contains(of_host), "a refusal shows the host: {text}");
    }
    text
}

fn assert_plain(name: &str, text: &str) {
    assert!(
        text.len() <= MAX_TEXT_BYTES,
        "{name}: {} bytes of text",
        text.len()
    );
    let obeyed = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    assert!(!text.chars().any(obeyed), "{name}: {text:?}");
}

fn assert_host_is_sane(name: &str, host: &TestHost) {
    let lines: Vec<_> = host
        .calls
        .iter()
        .filter(|call| call.starts_with("log "))
        .collect();
    assert!(
        lines.len() <= roomy().log_lines as usize,
        "{name}: {} lines",
        lines.len()
    );
    for line in lines {
        assert_plain(name, line);
        assert!(!line.contains('\n'), "{name}: {line:?}");
    }
}

/// Memory of this process that is in use.
fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("it says so");
    line.trim()
        .trim_end_matches(" kB")
        .parse::<u64>()
        .expect("a number")
        * 1024
}

#[test]
fn every_hostile_plugin_ends_as_it_must_and_the_next_one_does_not_notice() {
    let sandbox = Sandbox::shared();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hostile");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the corpus is there")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    assert!(files.len() >= 70, "{} texts", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let hostile = Hostile::read(&file);
        let before = resident_bytes();
        let ended = ending(&sandbox, &hostile);
        let (kind, about) = hostile.must.split_once(' ').unwrap_or((&hostile.must, ""));
        let as_it_must = ended.starts_with(kind) && ended.contains(about);
        if !as_it_must {
            wrong.push(format!("{}: must be {}, was {ended}", hostile.name, hostile.must));
        }
        let grown = resident_bytes().saturating_sub(before);
        if grown > MAX_GROWTH_BYTES {
            wrong.push(format!("{}: the engine grew by {grown} bytes", hostile.name));
        }
        let honest = &mut *sandbox.instance(&Guest::forward(), &roomy());
        assert_eq!(verdict(honest), Verdict::Forward, "after {}", hostile.name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn bytes_that_are_cut_off_or_made_up_are_refused() {
    let sandbox = Sandbox::shared();
    let whole = sandbox
        .runtime
        .admit(&Guest::forward().module())
        .expect("admitted")
        .component;
    for length in (0..whole.len()).step_by(7) {
        let refusal = sandbox.runtime.admit(&whole.slice(..length)).err();
        told(&refusal.unwrap_or_else(|| panic!("{length} bytes of a component were admitted")));
    }
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for length in 0..2_000_usize {
        let mut bytes = if length % 2 == 0 {
            b"\0asm\x01\0\0\0".to_vec()
        } else {
            b"\0asm\x0d\0\x01\0".to_vec()
        };
        for _ in 0..length % 257 {
            // xorshift64: Marsaglia, 2003.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            bytes.push(random as u8);
        }
        let refusal = sandbox.runtime.admit(&Bytes::from(bytes)).err();
        told(&refusal.unwrap_or_else(|| panic!("made-up bytes were admitted")));
    }
}
