#!/bin/sh
# claim: Debian's dpkg installs the packages, what they bring starts a manager and gives a guest its TPM, and removal and purge leave running domains and state disks alone
# variants: files
# long-variants: bookworm trixie
# needs: guests dpkg time=300
# needs bookworm: time=900
# needs trixie: release=trixie time=900
. toolstack-lib
xlv() { xl-vtpm "$@"; }
state() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null; }
disks=/var/lib/xen/vtpm
# In place of what the lab brings without a package.
rm -rf /lab/images /lab/tools /lab/hotplug
check "dpkg installs both packages" dpkg --install /lab/deb/xen-vtpm_*.deb /lab/deb/vtpm-proxy_*.deb
cat /tmp/lab-check.log
[ "$VARIANT" = files ] ||
  check "and once more over themselves" dpkg --install /lab/deb/xen-vtpm_*.deb /lab/deb/vtpm-proxy_*.deb
for name in xen-vtpm vtpm-proxy; do check "$name is installed" [ "$(state $name)" = installed ]; done
check "all that dpkg unpacked is there unchanged" dpkg --verify xen-vtpm vtpm-proxy
[ ! -s /tmp/lab-check.log ] || { cat /tmp/lab-check.log; fail "dpkg finds nothing changed"; }
for program in xl-vtpm vtpm-config-gen vtpm-inspect vtpmmgr-ctl vtpm-hwtpm vtpm-rewire vtpm-proxy; do
  check "$program is on the path, and runs" "$program" --help
done

for page in rollback recovery custody; do
  check "the page that messages name is there: $page.md" test -s /usr/share/doc/xen-vtpm/$page.md
done

if [ "$VARIANT" = files ]; then
  head -c 4096 /dev/urandom >$disks/g1-vtpm.img
else
  lean_guest
  guest_config g1 pv >/tmp/g1.cfg
  check "the files are written" xlv new g1 --guest-config /tmp/g1.cfg --hardware none
  check "the manager starts" xlv manager start --timeout 90
  check "a guest and its vTPM start" xlv create /etc/xen/vtpm/g1.cfg --timeout 90
  guest_wait g1 || fail "the guest came up"
  raw_guest g1 "it has its TPM" "has_tpm; ok \$random"
fi
before=$(cksum $disks/*)
for how in remove purge; do
  check "$how" dpkg --$how xen-vtpm vtpm-proxy
  cat /tmp/lab-check.log
  check "$how leaves the state disks as they are" test "$(ls $disks/*)" = "$(echo "$before" | sed 's/.* //')"
  check "and no program" test ! -e /usr/sbin/xl-vtpm -a ! -e /usr/bin/vtpm-proxy -a ! -e /usr/lib/xen/boot/vtpm-stubdom.gz
done
for name in xen-vtpm vtpm-proxy; do check "dpkg knows $name no more" [ -z "$(state $name)" ]; done
if [ "$VARIANT" = files ]; then
  check "not a byte of a state disk changed" test "$(cksum $disks/*)" = "$before"
else
  raw_guest g1 "the guest goes on with its TPM" "has_tpm; ok \$random"
fi
