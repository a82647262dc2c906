;; It wants files.
;; must: refused WASI
(module (import "wasi_snapshot_preview1" "path_open" (func)))
