//! The API's description is true: a client that a generator makes of it has every route, and works on a real engine;
//! and thousands of requests that are made of it, right and wrong ones, get no answer that it does not name. Both tools
//! come from PyPI. The console's types, which are made of the same description, are checked with the console.

use std::process::Command;

use anyhow::Context as _;
use serde_json::Value;
use tailrace_tests::{engine::OPERATOR, files};

use crate::Stage;

/// A pipeline from its start to its end, in the client's own types.
const WORK: &str = r#"
import os
from tailrace_client import AuthenticatedClient
from tailrace_client.api.default import (
    delete_v1_tenants_tenant_pipelines_pipeline as delete,
    get_v1_tenants_tenant_pipelines as pipelines,
    get_v1_tenants_tenant_pipelines_pipeline as pipeline,
    get_v1_tenants_tenant_pipelines_pipeline_status as status,
    get_v1_whoami as whoami,
    put_v1_tenants_tenant_pipelines_pipeline as apply,
)
from tailrace_client.models import PipelineManifestInput

client = AuthenticatedClient(base_url=os.environ["TAILRACE_URL"], token=os.environ["TAILRACE_TOKEN"])
me = whoami.sync(client=client)
print(me.tenant, me.scope)
manifest = PipelineManifestInput.from_dict({
    "name": "measured",
    "input": {"subjects": ["shop.events.>"], "key": {"json": "/user"}},
    "sketches": {"amounts": {"kind": "quantiles", "value": {"json": "/amount"}}},
})
applied = apply.sync("shop", "measured", client=client, body=manifest)
print(applied.revision, applied.changed)
print([one.name for one in pipelines.sync("shop", client=client)])
shown = pipeline.sync("shop", "measured", client=client)
print(shown.active.spec.name, shown.active.spec.sketches["amounts"].kind)
print(status.sync("shop", "measured", client=client).active_revision)
print(delete.sync_detailed("shop", "measured", client=client).status_code.value)
print(pipeline.sync("shop", "measured", client=client).code)
"#;

const DONE: &str = "shop admin\n1 True\n['measured']\nmeasured quantiles\n1\n204\nnot-found\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_client_has_every_route_and_works() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let folder = tempfile::tempdir()?;
    let client = folder.path().join("tailrace_client");
    let mut generator = Command::new(files::root().join("tests/tools/openapi-client.sh"));
    generator.arg(&client);
    let python = run(generator).await?;

    let text = std::fs::read_to_string(files::root().join("docs/reference/openapi.json"))?;
    let document: Value = serde_json::from_str(&text)?;
    let paths = document["paths"].as_object().context("it has paths")?;
    let routes: usize = paths
        .values()
        .map(|methods| methods.as_object().map_or(0, serde_json::Map::len))
        .sum();
    let modules = std::fs::read_dir(client.join("api/default"))?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| {
            let module = name.strip_suffix(".py");
            module.is_some_and(|module| module != "__init__")
        })
        .count();
    assert_eq!(modules, routes, "one module a route");

    let mut work = Command::new(python.trim());
    work.args(["-B", "-c", WORK])
        .env("PYTHONPATH", folder.path())
        .env("TAILRACE_URL", stage.engine.url())
        .env("TAILRACE_TOKEN", &stage.engine.token);
    assert_eq!(run(work).await?, DONE);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_gets_an_answer_that_the_description_does_not_name() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let mut requests = Command::new(files::root().join("tests/tools/schemathesis.sh"));
    requests.args([stage.engine.url(), OPERATOR]);
    let said = run(requests).await?;
    assert!(said.contains(" passed") && !said.contains(" failed"), "{said}");
    Ok(())
}

/// Runs a program; gives what it printed.
async fn run(mut command: Command) -> anyhow::Result<String> {
    let done = tokio::task::spawn_blocking(move || command.output()).await??;
    let printed = String::from_utf8(done.stdout)?;
    let said = String::from_utf8_lossy(&done.stderr);
    anyhow::ensure!(done.status.success(), "{said}\n{printed}");
    Ok(printed)
}
