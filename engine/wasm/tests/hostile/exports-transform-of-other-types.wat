;; It exports a process and a configure of other types.
;; must: config not that of tailrace:plugin
(component
  (core module $m (func (export "f")))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (instance $transform (export "configure" (func $f)) (export "process" (func $f)))
  (export "tailrace:plugin/transform@0.2.0" (instance $transform)))
