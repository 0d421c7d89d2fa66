#!/bin/sh
# claim: the power is cut while a guest writes into its TPM, or while all starts: manager, vTPM and guest start again, no acknowledged write is lost, a sealed secret unseals
# long-variants: tis-two tis tis-starting crb tpm12
# needs: boots guests tpm=2 time=3600
# needs tis-two: time=900
# needs crb: tpm-device=crb
# needs tpm12: tpm=1.2
TPM_VERSION=2.0; cuts=5
case $VARIANT in tis-two) cuts=2;; tis) cuts=20;; tpm12) TPM_VERSION=1.2;; esac
. machine-lib
last() { sed -n "s/^$1 \([0-9]*\)$/\1/p" /lab/said | tail -n 1; }
count() { grep -c "^$1" /lab/said; }

if [ "$BOOT" != 1 ]; then
  lean_guest
  [ "$(count 'the power goes')" = $((BOOT - 1)) ] || lab_error "not every boot before this one ended by a cut"
  if [ "$VARIANT" = tis-starting ] && [ "$BOOT" -le $cuts ]; then
    echo "the power goes while all starts"
    cut_power 1 30
  fi
fi
machine_up
if [ "$BOOT" = 1 ]; then
  guest_seals g1
  guest_numbers_begin g1
  found=0
else
  found=$(guest_number g1) || fail "the guest reads its number: $found"
  acknowledged=$(last acked) tried=$(last try)
  echo "found $found after cut $((BOOT - 1)); acknowledged $acknowledged, tried $tried"
  [ "$found" -ge "$acknowledged" ] || fail "an acknowledged write is lost: $found, not $acknowledged"
  # What the guest says last may be on its way when the power goes.
  [ "$found" -le $((tried + 1)) ] || fail "nobody wrote $found; the last was $tried"
  raw_guest g1 "the secret unseals" "has_tpm; tpm $raw_unseal | grep -q $raw_secret"
fi
if [ "$BOOT" -gt $cuts ]; then
  echo "figure: cuts $cuts, starts $(($(count found) + 1)), acknowledged lost 0, of $(count acked) acknowledged"
  [ "$(count 'second try')" = 0 ] || echo "figure: guests that xl gave up at first: $(count 'second try')"
  exit 0
fi
guest_counts_on g1 "$found"
if [ "$VARIANT" != tis-starting ] || [ "$BOOT" = 1 ]; then
  echo "the power goes while the guest writes"
  cut_power 0 4
fi
sleep 60
lab_error "the power was not cut"
