//! The generator of `docs/reference/openapi.json`: the description that the API serves. The console's types are
//! made from that file, so a route that changes breaks the console's build.

use crate::{openapi::document, routes::routes};

#[test]
fn the_description_is_in_the_reference() {
    let text = document(&routes())
        .to_pretty_json()
        .expect("a description is JSON");
    tailrace_reference::file("openapi.json", &text);
}
