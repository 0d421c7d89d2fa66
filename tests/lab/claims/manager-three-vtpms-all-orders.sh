#!/bin/sh
# claim: what the guests of three vTPMs wrote is there after guests, vTPM domains and manager were stopped and started in every order of the three vTPMs
# long-variants: pv pvh
# needs: guests tpm=2 time=1800
. manager-lib
lean_guest
iomem='iomem=["fed40,5"]'
uuid() { echo "$1$1$1$1$1$1$1$1-1111-1111-1111-111111111111"; }
up() { # NUMBER: a vTPM domain and its guest
  vtpm_start "vtpm$1" "$VARIANT" tpm2 "vtpm=[\"backend=vtpmmgr,uuid=$(uuid "$1")\"]" || fail "vTPM $1 came up"
  guest_start "g$1" "$VARIANT" "vtpm=[\"backend=vtpm$1\"]" || fail "guest $1 came up"
}
manager_start "$VARIANT" tpm2 "$iomem" || fail "the manager came up"
for n in 1 2 3; do
  up $n
  raw_guest g$n "guest $n writes into its TPM" "has_tpm; ok $nv_new; ok $nv_write:123456789abcde0$n:0000"
done
# restart "STOPS" "STARTS": everything, in these orders.
restart() {
  for n in $1; do guest_stop g$n; vtpm_stop vtpm$n || fail "vTPM $n stops"; done
  manager_stop || fail "the manager stops"
  manager_start "$VARIANT" tpm2 "$iomem" || fail "the manager came up again"
  for n in $2; do
    up "$n"
    raw_guest "g$n" "stopped in the order $1, started in the order $2: guest $n reads what it wrote" \
      "has_tpm; tpm $nv_read | grep -q 123456789abcde0$n"
  done
}
restart "2 3 1" "3 1 2"
restart "1 2 3" "1 2 3"
restart "1 3 2" "1 3 2"
restart "2 1 3" "2 1 3"
restart "3 1 2" "2 3 1"
restart "3 2 1" "3 2 1"
