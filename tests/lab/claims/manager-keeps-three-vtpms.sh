#!/bin/sh
# claim: what the guests of three vTPMs wrote is there after guests, vTPM domains and manager were restarted, in another order
# needs: guests tpm=2 time=600
. manager-lib
lean_guest
iomem='iomem=["fed40,5"]'
uuid() { echo "$1$1$1$1$1$1$1$1-1111-1111-1111-111111111111"; }
up() { # NUMBER: a vTPM domain and its guest
  vtpm_start "vtpm$1" pv tpm2 "vtpm=[\"backend=vtpmmgr,uuid=$(uuid "$1")\"]" || fail "vTPM $1 came up"
  guest_start "g$1" pv "vtpm=[\"backend=vtpm$1\"]" || fail "guest $1 came up"
}
manager_start pv tpm2 "$iomem" || fail "the manager came up"
manager_channel || fail "a way to the manager"
for n in 1 2 3; do
  up $n
  raw_guest g$n "guest $n writes into its TPM" "has_tpm; ok $nv_new; ok $nv_write:123456789abcde0$n:0000"
done
[ "$(ctl list | grep -c ' 2\.0 ')" = 3 ] || fail "the manager knows three vTPMs"
ctl list
for n in 2 3 1; do guest_stop g$n; vtpm_stop vtpm$n || fail "vTPM $n stops"; done
xl vtpm-detach 0 0
manager_stop || fail "the manager stops"
manager_start pv tpm2 "$iomem" || fail "the manager came up again"
manager_channel || fail "a way to the new manager"
for n in 3 1 2; do
  up $n
  raw_guest g$n "guest $n reads what it wrote" "has_tpm; tpm $nv_read | grep -q 123456789abcde0$n"
done
# One guest more, with TPM tools.
unset GUEST_RAMDISK GUEST_MEMORY GUEST_EXTRA
guest_stop g2
guest_start g9 pv 'vtpm=["backend=vtpm2"]' || fail "another guest of vTPM 2 came up"
key() { sed -n '/-BEGIN/,/-END/p'; }
ctl show "$(uuid 2)" | key >/tmp/named
raw_guest g9 "tpm2-tools make an endorsement key" 'has_tpm; tpm2 createek -G rsa -c ek.ctx -u ek.pem -f pem >&2; cat ek.pem'
printf '%s\n' "$vtpm_answer" | key >/tmp/made
[ -s /tmp/named ] || fail "the manager names no endorsement key"
check "it is the key that dom0's command shows" cmp /tmp/named /tmp/made
guest_stop g9; guest_stop g1; guest_stop g3
for n in 1 2 3; do vtpm_stop vtpm$n || fail "vTPM $n ends"; done
manager_stop || fail "the manager ends"
for domain in vtpm2 vtpmmgr; do
  used=$(console "$domain" | sed -n 's/.*in use were //p' | tail -n 1)
  [ -n "$used" ] || fail "$domain says what it used"
  echo "figure: in use by $domain were $used"
done
