#!/bin/sh
# claim: a guest that writes nonsense into its own end's nodes, or removes them, stops neither the vTPM domain nor its own next attach
# variants: pv
# long-variants: pvh
# needs: guests time=600
. vtpm-lib
lean_guest
vtpm_start vtpm0 "$VARIANT" "tpm2 ephemeral" || fail "the vTPM domain gets ready"
guest_start g1 pv 'vtpm=["backend=vtpm0"]' || fail "the guest came up"
# Linux has one thread for all that xenbus tells its drivers. While a driver that was cut off in its
# probe waits there for an answer, which it does for up to two minutes, the guest notices nothing: it
# would find its device detached and attached again in one look, and keep the old one.
rest='xenwatch=$(pidof xenwatch)
rest() { sleep 0.1; until head -n 1 /proc/$xenwatch/stack | grep -q xenwatch_thread; do sleep 0.1; done; }
'
again() { # SENTENCE
  GUEST_RUN_SECONDS=150 raw_guest g1 "$1: the guest's xenbus comes to rest" "$rest rest"
  no_ten_seconds "$1: detach" xl vtpm-detach g1 0
  no_ten_seconds "$1: attach" xl vtpm-attach g1 backend=vtpm0
  raw_guest g1 "$1: the guest uses its TPM again" 'sleep 1; has_tpm; ok $random'
  check "$1: the vTPM is still ready" matches '^ready$' vtpm_says vtpm0 state
}
raw_guest g1 "the driver is loaded and nodes are overwritten under it" "$rest"'
has_tpm; rest; at=device/vtpm/0; ok $random
for ref in 4294967295 99999999999999999999 ~1 "" "8 8" 0x8; do xenstore-write $at/ring-ref "$ref"; xenstore-write $at/state 3; rest; done
for port in 4294967295 65535 0 "" x; do xenstore-write $at/event-channel "$port"; xenstore-write $at/state 4; rest; done
for state in 0 1 2 3 4 5 6 7 8 99999999999 "" nonsense 6 1; do xenstore-write $at/state "$state"; rest; done
xenstore-write $at/feature-protocol-v2 0 $at/backend /local/domain/0/backend/vtpm/0/0 $at/backend-id 0 $at/state 3'
again "after nonsense"
raw_guest g1 "nodes are rewritten in a flood" '
at=device/vtpm/0; n=0
while test $n -lt 60; do xenstore-write $at/state 6 $at/state 3 $at/ring-ref $n $at/state 4 $at/state 5; n=$((n + 1)); done'
again "after a flood"
raw_guest g1 "the guest removes its own end" 'xenstore-rm device/vtpm/0'
again "after a removal"
check "the flood left few lines on the vTPM's console" [ "$(console vtpm0 | wc -l)" -lt 200 ]
