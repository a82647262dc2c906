;; It wants a function that state does not have.
;; must: refused transform
(component (import "tailrace:plugin/state@0.2.0" (instance (export "steal" (func)))))
