;; It wants an interface whose name is a path.
;; must: refused nothing else
(module (import "../../../etc/passwd" "f" (func)))
