#!/bin/bash
# claim: the power is cut while a TPM of vtpm-proxy is written to: it starts again from its directory, and no acknowledged write is lost
# long-variants: ten
# needs: boots time=900
. vtpm-lib
eval "$(raw_tpm)"
. proxy-lib
cuts=10
cd /lab/kept || lab_error "there is a kept disk"
[ -f key ] || { proxy_key key; sync; }
last() { sed -n "s/^acked \([0-9]*\)$/\1/p" /lab/said | tail -n 1; }
# An index that the protection against guessing does not count.
define=${define/00040004/02040004}
write=8002:0000002c:00000137:01500001:01500001:0000000a:40000009:0000:00:0001:73:0008
nv_read=8002:00000024:0000014e:01500001:01500001:0000000a:40000009:0000:00:0001:73:0008:0000
nv_write() { ok "$write:$(printf %016x "$1"):0000"; }
nv_number() { echo $((16#$(tpm $nv_read | cut -c 33-48))); }

modprobe tpm_vtpm_proxy || lab_error "dom0's kernel has the module"
if [ "$BOOT" != 1 ]; then
  [ -f state-cut/state ] || fail "the state is there"
  ls -l state-cut
fi
serve cut || fail "it gets ready at boot $BOOT: $(cat cut.log)"
if [ "$BOOT" = 1 ]; then
  ok $define && nv_write 0 || fail "the index is written"
  echo "acked 0"
else
  found=$(nv_number) acknowledged=$(last)
  echo "found $found after cut $((BOOT - 1)); acknowledged $acknowledged"
  [ "$found" -ge "$acknowledged" ] || fail "an acknowledged write is lost: $found, not $acknowledged"
  [ "$found" -le $((acknowledged + 2)) ] || fail "nobody wrote $found"
fi
if [ "$BOOT" -gt $cuts ]; then
  echo "figure: cuts $cuts, acknowledged writes $(grep -c ^acked /lab/said), lost 0"
  exit 0
fi
cut_power 0 3
number=${found:-0}
while nv_write $((number + 1)); do number=$((number + 1)); echo "acked $number"; done
lab_error "the power was not cut"
