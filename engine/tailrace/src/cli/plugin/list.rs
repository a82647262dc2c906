//! `tailrace plugin list`.

use serde::Deserialize;

use crate::cli::{
    client::read,
    global::Session,
    screen::{ago, now_ms, size, table_or},
};

#[derive(Deserialize)]
struct VersionView {
    plugin: String,
    digest: String,
    size_bytes: u64,
    imports: Vec<String>,
    uploaded_ms: u64,
}

/// Lists the uploaded versions.
pub fn run(session: &Session) -> anyhow::Result<()> {
    let answer = session.client.get(&session.tenant_route(&["plugins"])?)?;
    session.output.show(&answer, || {
        let versions: Vec<VersionView> = read(&answer)?;
        let row = |version: VersionView| {
            let digest: String = version.digest.chars().take(12).collect();
            vec![
                version.plugin,
                size(version.size_bytes),
                version.imports.join(" "),
                ago(version.uploaded_ms, now_ms()),
                digest,
            ]
        };
        Ok(table_or(
            "there are no plugins yet",
            &["plugin", "size>", "imports", "uploaded", "digest"],
            versions.into_iter().map(row).collect(),
        ))
    })
}
