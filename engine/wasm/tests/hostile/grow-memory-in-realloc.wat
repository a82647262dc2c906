;; It grows its memory when it is asked for room.
;; must: config no step may have more
(module
  (memory (export "memory") 2)
  (global $next (mut i32) (i32.const 4096))
  (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (drop (memory.grow (i32.const 65534)))
    (i32.const 4096))
  (func $configure (export "tailrace:plugin/transform@0.2.0#configure") (param $config i32) (param $config_len i32) (result i32)
    (i32.const 1100))
  (func $process (export "tailrace:plugin/transform@0.2.0#process")
    (param $sequence i64) (param $time i64)
      (param $subject i32) (param $subject_len i32) (param $key i32) (param $key_len i32)
      (param $headers i32) (param $headers_len i32)
      (param $payload i32) (param $payload_len i32) (result i32)
    (global.set $next (i32.const 4096))
    (i32.const 1024)))
