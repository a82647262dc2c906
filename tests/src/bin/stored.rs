//! `stored FILE.tar.gz`: lets an engine store what the tests of later versions read. See `tests/tools/stored.sh`.

use anyhow::Context as _;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let archive = std::env::args_os().nth(1).context("usage: stored FILE.tar.gz")?;
    tailrace_tests::stored::make(archive.as_ref()).await
}
