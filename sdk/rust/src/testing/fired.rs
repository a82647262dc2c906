//! What came of a timer.

use crate::{Failure, Message, Timer};

/// A timer that has fired, and what came of it.
///
/// ```
/// use tailrace_sdk::{prelude::*, testing::TestHost};
///
/// struct Example;
///
/// impl Plugin for Example {
///     type Config = ();
///     fn new((): ()) -> Result<Self, String> {
///         Ok(Example)
///     }
///     fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
///         host.timers().set("end", event.time + 10, b"");
///         Ok(Verdict::Drop)
///     }
///     fn on_timer(&mut self, timer: &Timer, _host: &mut Host<'_>) -> Result<Vec<Message>, Failure> {
///         Ok(vec![Message::new(timer.key.as_bytes())])
///     }
/// }
///
/// let mut host = TestHost::of::<Example>(())?;
/// host.send(Event::new("shop.visits", "").with_key("ada")).unwrap();
/// let fired = host.advance_to(10);
/// assert_eq!((fired[0].step.as_str(), fired[0].timer.name.as_str()), ("plugin", "end"));
/// assert_eq!(fired[0].messages()[0].payload, b"ada");
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Fired {
    /// The step that had set it.
    pub step: String,
    /// The timer.
    pub timer: Timer,
    /// The messages that left the chain, or why the timer failed.
    pub result: Result<Vec<Message>, Failure>,
}

/// Looks at the messages.
///
/// ```
/// use tailrace_sdk::{Message, testing::Fired};
///
/// fn payloads(fired: &[Fired]) -> Vec<&[u8]> {
///     let messages = fired.iter().flat_map(Fired::messages);
///     messages.map(|message| &message.payload[..]).collect()
/// }
/// assert!(payloads(&[]).is_empty());
/// ```
impl Fired {
    /// Returns the messages that left the chain. A timer that failed has none.
    pub fn messages(&self) -> &[Message] {
        self.result.as_deref().unwrap_or_default()
    }
}
