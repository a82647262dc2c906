//! The tables of the pipeline.

use serde::de::DeserializeOwned;

use super::Port;
use crate::Failure;

/// A table of the pipeline, read only. A row is the newest value of its key, as the bucket or the stream of the table has
/// it. The engine has read the table up to its end before the first event.
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
///         match host.table("customers").get(&event.key) {
///             Some(_) => Ok(Verdict::Forward),
///             None => Err(Failure::invalid("unknown-customer", "there is no such customer")),
///         }
///     }
/// }
///
/// let mut host = TestHost::of::<Example>(())?;
/// host.set_row("customers", "ada", br#"{"tier":"gold"}"#.to_vec());
/// assert!(host.send(Event::new("shop.orders", "").with_key("ada")).is_ok());
/// assert!(host.send(Event::new("shop.orders", "").with_key("eve")).is_err());
/// # Ok::<(), String>(())
/// ```
pub struct Table<'a> {
    port: Port<'a>,
    name: &'a str,
}

/// Looks rows up.
///
/// ```
/// use tailrace_sdk::prelude::*;
///
/// #[derive(serde::Deserialize)]
/// struct Customer {
///     tier: String,
/// }
///
/// fn tier(host: &mut Host<'_>, customer: &str) -> Result<String, Failure> {
///     let found: Option<Customer> = host.table("customers").get_json(customer)?;
///     Ok(found.map_or_else(|| "none".to_owned(), |customer| customer.tier))
/// }
/// ```
impl<'a> Table<'a> {
    pub(super) fn new(port: Port<'a>, name: &'a str) -> Self {
        Self { port, name }
    }

    /// Returns the row of a key.
    pub fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        self.port.table_get(self.name, key)
    }

    /// Returns the row of a key, read as JSON. One that is no such JSON fails as `invalid-row`.
    pub fn get_json<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, Failure> {
        let Some(row) = self.get(key) else {
            return Ok(None);
        };
        serde_json::from_slice(&row).map(Some).map_err(|cause| {
            let name = self.name;
            Failure::invalid(
                "invalid-row",
                format!("the row of table {name} with the key {key:?}: {cause}"),
            )
        })
    }
}
