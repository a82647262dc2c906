//! Which parts of WebAssembly exist in this sandbox, and how much room there is.
//!
//! What is switched off is where the sandbox escapes and aborts of the last years were: garbage
//! collection, exceptions, threads. Component async is not even compiled in; the others' cargo features stay compiled in, because
//! two of those aborts came from builds without them.
//!
//! Why: docs/decisions/0053-closed-list-of-wasm-features.md

use std::sync::Arc;

use tailrace_core::grant::MOST_MEMORY_BYTES;
use wasmtime::{
    CacheStore, Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Strategy,
};

/// Largest linear memory of an instance, whatever its step's limit says. A slot of the pool takes 4 GiB of addresses
/// anyway; what of it is used is bounded by limits and quotas.
pub(crate) const MAX_MEMORY_BYTES: usize = MOST_MEMORY_BYTES as usize;
/// Instances of all steps of all partitions together: 1,000 pipelines of three steps, and room.
const MAX_INSTANCES: u32 = 4_000;
/// Core instances and tables of one component: a Python guest has 40 of each.
pub(crate) const MAX_CORE_PER_COMPONENT: u32 = 48;
/// Linear memories of one component. The pool has one slot an instance.
pub(crate) const MAX_MEMORIES_PER_COMPONENT: u32 = 1;
/// Elements of a table: a Python guest has 50,000.
pub(crate) const MAX_TABLE_ELEMENTS: usize = 60_000;
/// Stack of a guest. Rust guests need 1 MiB of linear memory for theirs; this is wasmtime's own.
const MAX_STACK_BYTES: usize = 512 * 1024;
/// Bytes of a memory that stay resident when a slot is free, so that a new instance starts warm.
const KEEP_RESIDENT_BYTES: usize = 64 * 1024;

/// The engine of the process.
pub(crate) fn engine() -> wasmtime::Result<Engine> {
    let mut config = config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    Engine::new(&config)
}

/// An engine that compiles and never runs: without the pool, which takes more addresses than a
/// compiler may have, and on one thread, so that its bounds are those of one. Neither changes what
/// comes out.
pub(crate) fn compiler() -> wasmtime::Result<Engine> {
    Engine::new(config().parallel_compilation(false))
}

/// The same on all cores, with a store of functions that were compiled before.
pub(crate) fn compiler_with(functions: Arc<dyn CacheStore>) -> wasmtime::Result<Engine> {
    let mut config = config();
    config.enable_incremental_compilation(functions)?;
    Engine::new(&config)
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(true)
        .consume_fuel(true)
        .epoch_interruption(true)
        .concurrency_support(false)
        .max_wasm_stack(MAX_STACK_BYTES)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(20))
        .wasm_component_model(true)
        .wasm_gc(false)
        .wasm_exceptions(false)
        .wasm_threads(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_tail_call(false)
        .wasm_relaxed_simd(false)
        .relaxed_simd_deterministic(true)
        .wasm_function_references(false)
        .wasm_stack_switching(false)
        .wasm_simd(true);
    config
}

/// Address space only: memory is used when a guest touches it.
fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(MAX_INSTANCES)
        .total_core_instances(MAX_INSTANCES * 4)
        .total_memories(MAX_INSTANCES)
        .total_tables(MAX_INSTANCES * 2)
        .max_core_instances_per_component(MAX_CORE_PER_COMPONENT)
        .max_memories_per_component(MAX_MEMORIES_PER_COMPONENT)
        .max_tables_per_component(MAX_CORE_PER_COMPONENT)
        .table_elements(MAX_TABLE_ELEMENTS)
        .max_memory_size(MAX_MEMORY_BYTES)
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES);
    pool
}
