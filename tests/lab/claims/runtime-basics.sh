#!/bin/sh
# claim: command line, log levels, xenstore, watches, heap, clock, waiting, random bytes and the ground for C code are as documented
# variants: pv pvh
. hello-lib
tests=command-line,levels,store,watch,heap,memory,clock,wait,entropy,c-code,disk-missing
hello_create all "$VARIANT" "test=$tests 'two words' a=\\\"b  c\\\"" || fail "xl creates the domain"
check "every proof holds" hello_verdict all
check "quotes keep blanks together" lab_console_has all '^word 1 is \[two words\]'
check "quotes inside a word, too" lab_console_has all '^word 2 is \[a=b  c\]'
check "a chosen level is shown" lab_console_has all '^DEBUG: shown debug line'
check "a line below the level is not" [ -z "$(console all | grep hidden)" ]
check "control characters do not reach the terminal" lab_console_has all '^control characters: \[\?\?\]'
canary() { console "$1" | sed -n 's/^canary \(0x[0-9a-f]*\).*/\1/p'; }
hello_create again "$VARIANT" "test=c-code" || fail "xl creates another domain"
check "proofs hold there" hello_verdict again
[ -n "$(canary all)" ] && [ "$(canary all)" != "$(canary again)" ] || fail "each start has its own stack canary"
