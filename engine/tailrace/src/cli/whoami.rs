//! `tailrace whoami`: what the token is, what it may do, and which engine says so.

use serde::Deserialize;

use super::{
    client::{read, route},
    global::Session,
    screen::{ago, ends, facts, now_ms, remark},
};

#[derive(Deserialize)]
struct View {
    tenant: Option<String>,
    id: String,
    scope: String,
    label: Option<String>,
    created_ms: u64,
    expires_ms: Option<u64>,
    engine: Option<String>,
    version: String,
}

/// Asks, and says where the tenant of the command line is not that of the token.
pub fn run(session: &Session) -> anyhow::Result<()> {
    let answer = session.client.get(&route(&["v1", "whoami"]))?;
    session.output.show(&answer, || {
        let view: View = read(&answer)?;
        if let (Some(own), Ok(acting)) = (&view.tenant, session.tenant())
            && own != acting
        {
            remark(&format!(
                "warning: commands act for tenant {acting}, and this token is of tenant {own}"
            ));
        }
        Ok(shown(view, session.client.url(), now_ms()))
    })
}

fn shown(view: View, server: &str, now: u64) -> String {
    let on = match &view.tenant {
        Some(tenant) => format!("on tenant {tenant}"),
        None => "on every tenant, as an operator".to_owned(),
    };
    let engine = view.engine.unwrap_or_else(|| "not known yet".to_owned());
    let mut lines = vec![
        ("server", server.to_owned()),
        ("engine", format!("{engine} (version {})", view.version)),
        ("token", view.id),
        ("scope", format!("{} {on}", view.scope)),
    ];
    lines.extend(view.label.map(|label| ("label", label)));
    lines.push(("made", ago(view.created_ms, now)));
    lines.push(("ends", ends(view.expires_ms, now)));
    facts(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(tenant: Option<&str>) -> View {
        View {
            tenant: tenant.map(str::to_owned),
            id: "8c1f0e5a27b3d946".to_owned(),
            scope: "deploy".to_owned(),
            label: Some("ci".to_owned()),
            created_ms: 0,
            expires_ms: Some(86_400_000),
            engine: None,
            version: "1.2.3".to_owned(),
        }
    }

    #[test]
    fn it_says_what_the_token_may_do_on_whom_and_until_when() {
        let text = shown(view(Some("shop")), "http://here", 0);
        for part in [
            "http://here",
            "1.2.3",
            "8c1f0e5a27b3d946",
            "deploy on tenant shop",
            "ci",
            "in 1d",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(shown(view(None), "", 0).contains("on every tenant"));
    }
}
