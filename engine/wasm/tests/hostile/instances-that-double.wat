;; It is a kilobyte in which every level instantiates the one below twice, 24 levels deep.
;; must: refused instan
(component
  (component $c0 (core module $m) (core instance (instantiate $m)))
  (component $c1
    (alias outer 1 $c0 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c2
    (alias outer 1 $c1 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c3
    (alias outer 1 $c2 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c4
    (alias outer 1 $c3 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c5
    (alias outer 1 $c4 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c6
    (alias outer 1 $c5 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c7
    (alias outer 1 $c6 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c8
    (alias outer 1 $c7 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c9
    (alias outer 1 $c8 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c10
    (alias outer 1 $c9 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c11
    (alias outer 1 $c10 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c12
    (alias outer 1 $c11 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c13
    (alias outer 1 $c12 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c14
    (alias outer 1 $c13 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c15
    (alias outer 1 $c14 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c16
    (alias outer 1 $c15 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c17
    (alias outer 1 $c16 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c18
    (alias outer 1 $c17 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c19
    (alias outer 1 $c18 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c20
    (alias outer 1 $c19 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c21
    (alias outer 1 $c20 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c22
    (alias outer 1 $c21 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (component $c23
    (alias outer 1 $c22 (component $below))
    (instance (instantiate $below))
    (instance (instantiate $below)))
  (instance (instantiate $c23))
  (core module $p (func (export "f")))
  (core instance $i (instantiate $p))
  (func $f (canon lift (core func $i "f")))
  (instance $transform (export "configure" (func $f)) (export "process" (func $f)))
  (export "tailrace:plugin/transform@0.2.0" (instance $transform)))
