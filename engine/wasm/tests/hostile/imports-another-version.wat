;; It wants an interface that does not exist yet.
;; must: refused version 0.1.0
(component (import "tailrace:plugin/state@0.2.0" (instance (export "get" (func)))))
