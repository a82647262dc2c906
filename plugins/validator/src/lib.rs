//! x
use tailrace_sdk::prelude::*;
struct Shout;
impl Plugin for Shout {
    type Config = ();
    fn new((): ()) -> Result<Self, String> { Ok(Shout) }
    fn process(&mut self, event: &Event, _host: &mut Host<'_>) -> Result<Verdict, Failure> {
        Ok(Message::new(event.text()?.to_uppercase()).into())
    }
}
export!(Shout);
