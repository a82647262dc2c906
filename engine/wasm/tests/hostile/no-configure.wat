;; It exports process only.
;; must: refused component
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))
  (func (export "tailrace:plugin/transform@0.2.0#process")
    (param i64 i64 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 0)))
