//! What every command takes: where the server is, who asks, and how to answer. Flags come before the
//! environment, the environment before `~/.config/tailrace/client.toml`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde::Deserialize;

use super::{
    client::{Client, route},
    error::misuse,
    screen::Output,
};

/// Where the server is unless somebody says otherwise.
pub const DEFAULT_URL: &str = "http://127.0.0.1:8790";

/// Flags that every command takes.
#[derive(Debug, Args)]
pub struct GlobalArgs {
    /// Form of the output.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORM")]
    pub output: Output,
    /// Address of the server [default: http://127.0.0.1:8790].
    #[arg(
        long,
        global = true,
        env = "TAILRACE_URL",
        hide_env_values = true,
        help_heading = "Server"
    )]
    pub url: Option<String>,
    /// Token. Other users of the machine can see a flag, so use the environment variable.
    #[arg(
        long,
        global = true,
        env = "TAILRACE_TOKEN",
        hide_env_values = true,
        help_heading = "Server"
    )]
    pub token: Option<String>,
    /// PEM file with certificate authorities for the server, instead of the public ones.
    #[arg(
        long,
        global = true,
        env = "TAILRACE_CA",
        value_name = "FILE",
        help_heading = "Server"
    )]
    pub ca: Option<PathBuf>,
    /// Tenant [default: the one in ~/.config/tailrace/client.toml].
    #[arg(
        long,
        global = true,
        env = "TAILRACE_TENANT",
        hide_env_values = true,
        help_heading = "Server"
    )]
    pub tenant: Option<String>,
}

/// `~/.config/tailrace/client.toml`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ClientFile {
    /// Address of the server.
    url: Option<String>,
    /// Token to use.
    token: Option<String>,
    /// Certificates that vouch for the server.
    ca: Option<PathBuf>,
    /// Tenant to act for.
    tenant: Option<String>,
}

/// The flags interpreted: a client that knows where and for whom.
pub struct Session {
    /// The server.
    pub client: Client,
    /// How to answer.
    pub output: Output,
    tenant: Option<String>,
}

impl Session {
    /// From flags, environment and file.
    pub fn new(args: GlobalArgs) -> anyhow::Result<Self> {
        Self::with_file(args, ClientFile::load(client_file_path())?)
    }

    fn with_file(args: GlobalArgs, file: ClientFile) -> anyhow::Result<Self> {
        let url = args.url.or(file.url).unwrap_or_else(|| DEFAULT_URL.to_owned());
        let client = Client::new(&url, args.token.or(file.token), args.ca.or(file.ca).as_deref())?;
        Ok(Self {
            client,
            output: args.output,
            tenant: args.tenant.or(file.tenant),
        })
    }

    /// The tenant to act for.
    pub fn tenant(&self) -> anyhow::Result<&str> {
        let unsaid = || {
            misuse(
                "no tenant is given",
                "name one with --tenant or TAILRACE_TENANT, or write `tenant = \"…\"` into ~/.config/tailrace/client.toml",
            )
        };
        self.tenant.as_deref().ok_or_else(unsaid)
    }

    /// Whether flags, environment or file name one.
    pub fn names_a_tenant(&self) -> bool {
        self.tenant.is_some()
    }

    /// A route below the tenant's.
    pub fn tenant_route(&self, rest: &[&str]) -> anyhow::Result<String> {
        Ok(route(&[&["v1", "tenants", self.tenant()?], rest].concat()))
    }

    /// A route below a pipeline's.
    pub fn pipeline_route(&self, pipeline: &str, rest: &[&str]) -> anyhow::Result<String> {
        self.tenant_route(&[&["pipelines", pipeline], rest].concat())
    }
}

impl ClientFile {
    fn load(path: Option<PathBuf>) -> anyhow::Result<Self> {
        let Some(path) = path.filter(|path| path.is_file()) else {
            return Ok(Self::default());
        };
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).map_err(|cause| {
            // The message alone: the excerpt that toml shows could hold the token.
            misuse(
                format!("{} is not valid: {}", path.display(), cause.message()),
                "it may hold url, token, ca and tenant, each a text in quotes",
            )
        })
    }
}

fn client_file_path() -> Option<PathBuf> {
    let config = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let config = config.or_else(|| Some(std::env::home_dir()?.join(".config")));
    Some(config?.join("tailrace").join("client.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_client_file_is_refused_without_showing_its_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("client.toml");
        std::fs::write(&path, "token = \"tr_secret\" x\n").unwrap();
        let error = ClientFile::load(Some(path.clone())).err().unwrap().to_string();
        assert!(!error.contains("tr_secret"), "{error}");
        std::fs::write(&path, "tenant = \"shop\"\n").unwrap();
        assert_eq!(
            ClientFile::load(Some(path)).ok().unwrap().tenant.as_deref(),
            Some("shop")
        );
    }

    #[test]
    fn routes_lie_below_the_tenant() {
        let args = GlobalArgs {
            output: Output::Text,
            url: None,
            token: None,
            ca: None,
            tenant: Some("shop".into()),
        };
        let session = Session::with_file(args, ClientFile::default()).unwrap();
        let route = session
            .pipeline_route("p", &["steps", "s", "state", "a/../b"])
            .unwrap();
        assert_eq!(route, "/v1/tenants/shop/pipelines/p/steps/s/state/a%2F%2E%2E%2Fb");
    }
}
