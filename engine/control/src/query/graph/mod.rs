//! The flow as a picture: what a pipeline reads, the steps on the way, what it keeps and writes, and
//! what feeds what among a tenant's pipelines. One model, made of what is registered ([`draw`]), and a
//! renderer for each format: JSON is the model itself, [`mermaid`] and [`dot`] are text.
//!
//! Identifiers of nodes in JSON are stable from one call to the next, so that a page can keep its
//! layout. In Mermaid and DOT a node is called `n<index>`, and nothing that a tenant wrote stands
//! outside a quoted label: names are harmless, subjects are not.

pub mod cycle;
pub mod dot;
pub mod draw;
pub mod mermaid;
pub mod model;
#[cfg(test)]
mod tests;
