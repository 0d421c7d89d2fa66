#!/bin/sh
# claim: faults, panics, overflows and lack of memory end in one line on the console and the crash state, never in a restart
# variants: pv pvh
. hello-lib
crash_expected=1
crashed() { xl list "$1" | tail -n 1 | grep -q -- '---.*c-'; }
one_line() { [ "$(console "$1" | grep -c '^FATAL')" = 1 ]; }
dies() { # TEST REGEX
  hello_create "$1" "$VARIANT" "test=$1" || fail "xl creates a domain"
  check "$1 is reported" wait_console "$1" "^FATAL: .*$2" 10
  check "in one line" one_line "$1"
  check "and the domain is crashed" lab_until 5 crashed "$1"
  xl destroy "$1"
}
dies panic 'panic at .*fatal\.rs:[0-9]+:[0-9]+: asked to'
dies overflow 'attempt to add with overflow'
dies no-memory 'memory allocation of 65536 bytes failed'
dies null 'null pointer'
dies write-code 'write to read-only memory'
dies write-constants 'write to read-only memory'
dies run-stack 'data was run as code'
dies run-heap 'data was run as code'
if [ "$VARIANT" = pvh ]; then
  dies stack 'stack overflow'
else
  # Xen cannot deliver the fault of a PV domain whose stack is full: it crashes the domain itself.
  hello_create stack pv "test=stack" || fail "xl creates a domain"
  check "a stack overflow crashes a PV domain" lab_until 10 crashed stack
  check "and Xen's log says so" matches 'domain_crash|Domain .* crashed' xl dmesg
fi
