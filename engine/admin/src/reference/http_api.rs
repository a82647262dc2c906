//! `http-api.md`: every route of the table, with its parameters, its body, its answer and its errors.
//!
//! Method, path, audience, parameters and kinds of body come from the table. [`about`](super::routes::about)
//! adds the meaning; a route that it does not know fails the test.

use std::fmt::Write as _;

use tailrace_core::{codes::ApiCode, registry::Role};
use tailrace_reference::{page, sentence};

use super::{
    parameters::meaning,
    quotas,
    routes::{About, about, group},
};
use crate::{
    access::Audience,
    input::{MAX_BODY_BYTES, MAX_EVENTS_BYTES, MAX_PLUGIN_BYTES},
    route::Route,
    routes::routes,
};

const HEAD: &str = "# HTTP API

`GET /openapi.json` serves the same table as an OpenAPI description. The default address is `127.0.0.1:8790`.

## Tokens

A request carries its token as `Authorization: Bearer <token>`. A token belongs to a tenant or to an operator, and it
has one of three scopes:

| scope | a tenant's token | an operator's token |
| --- | --- | --- |
| `read` | reads everything of its tenant | reads every tenant, the audit log and the metrics |
| `deploy` | also changes plugins and pipelines | also changes plugins and pipelines of every tenant |
| `admin` | also creates and revokes tokens of its tenant | also changes tenants, quotas and operators' tokens |

A higher scope includes the lower ones. A tenant's token gets 404 for the path of another tenant, so it learns nothing
about that tenant.

## Bodies and answers

Bodies and answers are JSON unless a route says otherwise. Times are milliseconds since 1970 (`…_ms`). A route
below `/v1/` refuses a query parameter that it does not know. The other routes ignore it: a probe may add one.

Each answer has the header `tr-request-id`. The log of the engine shows the same id.

## Errors

An error is `application/problem+json` (RFC 9457):

```json
{
  \"type\": \"{type}\",
  \"title\": \"Not Found\",
  \"status\": 404,
  \"detail\": \"there is no pipeline \\\"clicks\\\"\",
  \"code\": \"not-found\"
}
```

`code` never changes its meaning, so a program may compare it. `type` links to the explanation of the code on the
[page of errors](errors.md). `field` names the wrong field of a pipeline manifest.

These errors may come from any route that fits the condition:

| condition | codes |
| --- | --- |
| every route | {every} |
| a route with a token | {token} |
| a route with a name in its path | {path} |
| a route with query parameters | {query} |
| a route with a body | {body} |
| a route that asks the broker | {broker} |
| a route that changes something | {change} |

The sections below list only further errors.

";

#[test]
fn the_page_of_the_api_is_the_one_of_the_routes() {
    let mut text = head();
    let mut groups: Vec<&str> = Vec::new();
    for route in routes() {
        let group = group(route.path);
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    for group_name in groups {
        let _ = writeln!(text, "## {group_name}\n");
        if group_name == "Tenants" {
            let _ = writeln!(
                text,
                "### Quotas\n\nA tenant has these quotas:\n\n{}",
                quotas::table()
            );
        }
        for route in routes().iter().filter(|route| group(route.path) == group_name) {
            section(&mut text, route);
        }
    }
    page("http-api.md", &text);
}

fn head() -> String {
    let every = [
        ApiCode::RateLimited,
        ApiCode::Timeout,
        ApiCode::MethodNotAllowed,
        ApiCode::Internal,
    ];
    let body = [ApiCode::InvalidBody, ApiCode::TooLarge];
    HEAD.replace("{type}", &crate::problem::page_of(ApiCode::NotFound))
        .replace("{every}", &codes(&every))
        .replace(
            "{token}",
            &codes(&[ApiCode::Unauthorized, ApiCode::Forbidden, ApiCode::NotFound]),
        )
        .replace(
            "{path}",
            &codes(&[ApiCode::InvalidName, ApiCode::InvalidPath, ApiCode::NotFound]),
        )
        .replace("{query}", &codes(&[ApiCode::InvalidQuery]))
        .replace("{body}", &codes(&body))
        .replace(
            "{broker}",
            &codes(&[ApiCode::BrokerUnavailable, ApiCode::AccountUnavailable]),
        )
        .replace("{change}", &codes(&[ApiCode::AuditUnavailable]))
}

fn codes(codes: &[ApiCode]) -> String {
    let link = |code: &ApiCode| format!("[`{0}`](errors.md#{0})", code.as_str());
    codes.iter().map(link).collect::<Vec<_>>().join(", ")
}

fn section(text: &mut String, route: &Route) {
    let About {
        does,
        body,
        answer,
        fails,
    } = about(route.method, route.path);
    let said = format!("{} {does}", sentence(&capital(route.summary)));
    let said = said.trim_end();
    let _ = writeln!(text, "### {} {}\n\n{said}\n", route.method, route.path);
    let _ = writeln!(text, "- Access: {}", access(route.audience));
    for name in route.queries {
        let _ = writeln!(text, "- Query `{name}`: {}", meaning(route.path, name));
    }
    if !route.bodies.is_empty() {
        let kinds: Vec<_> = route.bodies.iter().map(|kind| format!("`{kind}`")).collect();
        let most = if route.path.contains("/versions/") {
            MAX_PLUGIN_BYTES
        } else if route.brings_data {
            MAX_EVENTS_BYTES
        } else {
            MAX_BODY_BYTES
        };
        let _ = writeln!(
            text,
            "- Body ({}, at most {} MiB): {body}",
            kinds.join(" or "),
            most >> 20
        );
    }
    let _ = writeln!(text, "- Answer: {answer}");
    if route.is_query {
        text.push_str("- Caching: the answer has an `ETag`. A request with `If-None-Match` gets 304 while nothing changed.\n");
    }
    if !fails.is_empty() {
        let _ = writeln!(text, "- Errors: {}", codes(fails));
    }
    text.push('\n');
}

fn access(audience: Audience) -> String {
    match audience {
        Audience::Public => "everybody, without a token".to_owned(),
        Audience::Bearer => "any valid token".to_owned(),
        Audience::Operator(Role::Admin) => "an operator's token of scope `admin`".to_owned(),
        Audience::Operator(role) => format!("an operator's token of scope `{}` or higher", role.as_str()),
        Audience::Tenant(Role::Admin) => {
            "a token of scope `admin`, of the tenant or of an operator".to_owned()
        }
        Audience::Tenant(role) => format!(
            "a token of scope `{}` or higher, of the tenant or of an operator",
            role.as_str()
        ),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

#[test]
fn every_code_of_the_api_is_named_on_the_page() {
    let mut text = head();
    for route in routes() {
        section(&mut text, &route);
    }
    for code in ApiCode::ALL {
        let link = format!("errors.md#{})", code.as_str());
        assert!(text.contains(&link), "no route names {}", code.as_str());
    }
}
