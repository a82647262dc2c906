//! What the control plane asks of the broker for a tenant it asks in that tenant's NATS account.

use super::tree::Tree;

/// The ports that every account has its own of.
const PORTS: [&str; 5] = ["streams", "input", "commits", "dead_letters", "snapshots"];
/// The engine's own connection is meant by these.
const OF_THE_ENGINE: [&str; 5] = [
    "is_connected()",
    "max_payload()",
    "time_ms()",
    "altered_shared()",
    "denied()",
];

/// Every question that goes to the engine's own account.
pub fn asked_for_the_engine(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (file, text) in tree {
        let text: String = text.split_whitespace().collect();
        for port in PORTS {
            for (at, start) in text.match_indices(&format!(".world.{port}.")) {
                let asked = &text[at + start.len()..];
                if !OF_THE_ENGINE.iter().any(|known| asked.starts_with(known)) {
                    found.push(format!(
                        "{file}: {port} of the engine's own account; ask `World::of` for the tenant's"
                    ));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::house::tree::tree;

    #[test]
    fn a_question_in_the_engines_account_is_found() {
        let files = tree(&[
            (
                "good.rs",
                "self.world_of(tenant).await?.streams.info(name); self.world\n.streams.is_connected()",
            ),
            ("bad.rs", "self.context\n.world\n.commits.read(name)"),
        ]);
        assert_eq!(
            asked_for_the_engine(&files),
            ["bad.rs: commits of the engine's own account; ask `World::of` for the tenant's"]
        );
    }
}
