;; It begins with more memory than the step may have.
;; must: config write limits: { memory: 8MiB }
(module
  (memory (export "memory") 80)
  (global $next (mut i32) (i32.const 4096))
  (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (func $configure (export "tailrace:plugin/transform@0.2.0#configure") (param $config i32) (param $config_len i32) (result i32)
    (i32.const 1100))
  (func $process (export "tailrace:plugin/transform@0.2.0#process")
    (param $sequence i64) (param $time i64)
      (param $subject i32) (param $subject_len i32) (param $key i32) (param $key_len i32)
      (param $headers i32) (param $headers_len i32)
      (param $payload i32) (param $payload_len i32) (result i32)
    (global.set $next (i32.const 4096))
    (i32.const 1024)))
