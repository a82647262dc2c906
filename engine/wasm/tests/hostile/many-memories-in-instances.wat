;; It has three instances with a memory each, where one is allowed.
;; must: refused memor
(component
  (core module $m (memory 1))
  (core instance (instantiate $m))
  (core instance (instantiate $m))
  (core module $p (memory 1) (func (export "f")))
  (core instance $i (instantiate $p))
  (func $f (canon lift (core func $i "f")))
  (instance $transform (export "configure" (func $f)) (export "process" (func $f)))
  (export "tailrace:plugin/transform@0.2.0" (instance $transform)))
