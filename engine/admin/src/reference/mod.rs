//! The generators of `docs/reference`: the HTTP API and its OpenAPI description, from the table of routes; the metrics,
//! from the tables of metrics and of numbers for alarms.

mod http_api;
mod metrics;
mod openapi;
mod parameters;
mod quotas;
mod routes;
