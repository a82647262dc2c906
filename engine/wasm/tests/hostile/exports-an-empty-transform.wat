;; It exports a transform with nothing in it.
;; must: refused transform
(component
  (instance $empty)
  (export "tailrace:plugin/transform@0.2.0" (instance $empty)))
