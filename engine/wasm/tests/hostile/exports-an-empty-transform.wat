;; It exports a transform with nothing in it.
;; must: refused transform
(component
  (instance $empty)
  (export "tailrace:plugin/transform@0.1.0" (instance $empty)))
