;; It wants an interface that does not exist yet.
;; must: refused version 0.2.0
(component (import "tailrace:plugin/state@0.3.0" (instance (export "get" (func)))))
