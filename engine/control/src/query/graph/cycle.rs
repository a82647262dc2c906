//! Whether a pipeline would feed itself, directly or through others of its tenant. A pipeline reads one
//! stream, which is at most one pipeline's own; so one walks back from feeder to feeder, and either comes
//! to a stream from outside, or to the pipeline again.

use std::collections::BTreeSet;

use tailrace_core::{
    identity::PipelineId,
    manifest::{OutputManifest, PipelineManifest},
    name::Name,
    registry::Registry,
    subject,
};

/// The pipelines of the circle that applying `manifest` would close, in the order of the flow, the pipeline
/// itself first and last; none if it closes none.
pub fn closed_by(registry: &Registry, id: &PipelineId, manifest: &PipelineManifest) -> Option<Vec<Name>> {
    let mut chain = vec![id.pipeline.clone()];
    let mut seen = BTreeSet::new();
    let mut reader = manifest;
    loop {
        let stream = reader.input.stream.as_deref()?;
        let (feeder, fed_by) = if stream == subject::stream_name(id) {
            (id, manifest)
        } else {
            let mut own = registry.pipelines_of(&id.tenant);
            let (feeder, pipeline) = own.find(|(other, _)| stream == subject::stream_name(other))?;
            (feeder, &pipeline.active.manifest)
        };
        if !feeds(fed_by, reader) {
            return None;
        }
        chain.push(feeder.pipeline.clone());
        if feeder == id {
            chain.reverse();
            return Some(chain);
        }
        // A circle that is there already, and that this pipeline is not a part of.
        if !seen.insert(feeder) {
            return None;
        }
        reader = fed_by;
    }
}

fn feeds(feeder: &PipelineManifest, reader: &PipelineManifest) -> bool {
    let Some(written) = feeder.output.as_ref().map(OutputManifest::pattern) else {
        return false;
    };
    let mut read = reader.input.subjects.iter();
    read.any(|pattern| subject::overlap(&written, pattern))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use tailrace_core::{
        manifest::parse::parse,
        registry::{Begun, Pipeline, Revision},
    };

    fn id(name: &str) -> PipelineId {
        PipelineId {
            tenant: Name::new("shop").unwrap(),
            pipeline: Name::new(name).unwrap(),
        }
    }

    fn manifest(name: &str, stream: &str, reads: &str, writes: &str) -> PipelineManifest {
        let text = format!(
            "name: {name}\ninput: {{ stream: {stream}, subjects: [\"{reads}\"] }}\nsteps: [{{ name: s, plugin: p@1.0.0 }}]\noutput: {{ subject: \"{writes}\" }}\n"
        );
        parse(text.as_bytes()).unwrap()
    }

    fn registry(manifests: Vec<PipelineManifest>) -> Registry {
        let mut registry = Registry::default();
        for manifest in manifests {
            let active = Revision {
                number: 1,
                plugins: std::collections::BTreeMap::new(),
                applied_ms: 1,
                rolled_back_to: None,
                begun: Begun::default(),
                manifest: manifest.clone(),
            };
            let pipeline = Pipeline::new(active, 1);
            registry
                .pipelines
                .insert(id(manifest.name.as_str()), Arc::new(pipeline));
        }
        registry
    }

    fn names(chain: Option<Vec<Name>>) -> Option<Vec<String>> {
        chain.map(|chain| chain.iter().map(Name::to_string).collect())
    }

    #[test]
    fn a_circle_through_several_pipelines_is_named_in_the_order_of_the_flow() {
        let others = registry(vec![
            manifest("b", "TR_shop_a", "shop.a.>", "shop.b.x"),
            manifest("c", "TR_shop_b", "shop.b.*", "shop.c.{key}"),
        ]);
        let closing = manifest("a", "TR_shop_c", "shop.c.>", "shop.a.{key}");
        let found = names(closed_by(&others, &id("a"), &closing));
        assert_eq!(found, Some(["a", "b", "c", "a"].map(str::to_owned).to_vec()));
        // Another subject of the same stream is no circle.
        let beside = manifest("a", "TR_shop_c", "shop.c.>", "shop.else.{key}");
        assert_eq!(closed_by(&others, &id("a"), &beside), None);
    }

    #[test]
    fn a_pipeline_that_reads_its_own_stream_is_a_circle_of_one() {
        let own = manifest("a", "TR_shop_a", "shop.a.x", "shop.a.{key}");
        let found = names(closed_by(&Registry::default(), &id("a"), &own));
        assert_eq!(found, Some(vec!["a".to_owned(), "a".to_owned()]));
    }

    #[test]
    fn chains_and_circles_of_others_are_no_circle_of_this_one() {
        let others = registry(vec![
            manifest("b", "TR_shop_c", "shop.c.>", "shop.b.x"),
            manifest("c", "TR_shop_b", "shop.b.>", "shop.c.x"),
        ]);
        let behind = manifest("a", "TR_shop_c", "shop.c.>", "shop.a.x");
        assert_eq!(closed_by(&others, &id("a"), &behind), None);
        let outside = manifest("a", "SHOP", "shop.events.>", "shop.a.x");
        assert_eq!(closed_by(&others, &id("a"), &outside), None);
        let foreign = manifest("a", "TR_bank_a", "shop.events.>", "shop.a.x");
        assert_eq!(closed_by(&others, &id("a"), &foreign), None);
    }
}
