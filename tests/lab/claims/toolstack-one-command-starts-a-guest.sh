#!/bin/sh
# claim: xl-vtpm create starts manager, vTPM and guest from generated files, and what the guest wrote is there the next time
# variants: pv
# long-variants: pvh pv-xen-4.20 pv-c-xenstored
# needs: guests time=300
# needs pv-xen-4.20: release=trixie
# needs pv-c-xenstored: dom0-args=lab.xenstored=c
. toolstack-lib
lean_guest
mkdir -p $lab_guests
# TPM2_NV_DefineSpace, TPM2_NV_Write and TPM2_NV_Read of eight bytes by the owner.
define=8002:0000002d:0000012a:40000001:00000009:40000009:0000:00:0000:0000:000e:01500002:000b:00020002:0000:0008
write=8002:0000002b:00000137:40000001:01500002:00000009:40000009:0000:00:0000:0008
read=8002:00000023:0000014e:40000001:01500002:00000009:40000009:0000:00:0000:0008:0000
guest_config g1 pv >/tmp/g1.cfg
cat >/tmp/story.toml <<END
[host]
output = "/etc/xen/vtpm"
images = "/lab/images"
type = "${VARIANT%%-*}"
[manager]
hardware = "none"
[[guest]]
name = "g1"
config = "/tmp/g1.cfg"
END
check "the files are written" /lab/tools/vtpm-config-gen /tmp/story.toml
cfg=/etc/xen/vtpm/g1.cfg
check "one command starts everything" xlv create $cfg --timeout 90
cat /tmp/lab-check.log
guest_wait g1 || fail "the guest came up"
raw_guest g1 "it writes into its TPM" "has_tpm; ok $define; ok $write:123456789abcde01:0000"
check "the vTPM is listed" matches '^g1 .* 4 .* 2\.0  ready  +([0-9]+|-) g1-vtpm ' xlv list
cat /tmp/lab-check.log
# Stock xl's heading and line without their padding; ours have the guest's name before them and four more columns in them.
stock() { xl vtpm-list g1 | awk '{ $1 = $1; print }'; }
ours() { xlv list g1 | awk '{ $1 = ""; for (n = 9; n < 13; n++) $n = ""; $1 = $1; print }' | awk '{ $1 = $1; print }'; }
same_columns() { stock >/tmp/stock && ours >/tmp/ours && [ -s /tmp/stock ] && diff /tmp/stock /tmp/ours; }
check "with what stock xl lists, in its columns" same_columns
# A guest may write there what it likes.
check "a guest says in bytes that are no text how it is" \
  xenstore-write "/local/domain/$(xl domid g1)/data/vtpm/state" '\xff\xfe'
check "the vTPM is listed all the same" matches '^g1 .* 4 .* 2\.0  ready ' xlv list
check "guest and vTPM are ended" xlv shutdown g1
check "and gone" toolstack_gone g1 g1-vtpm
# The word of a vtpm line that stock xl passes over, with the uuid behind it.
sed -i 's/backend=g1-vtpm/&,tpm2/' $cfg
check "a line that stock xl would half read is warned of, and works" \
  matches 'warning: .*g1.cfg:[0-9]+:[0-9]+: stock xl passes over' xlv create $cfg --timeout 90
guest_wait g1 || fail "the guest came up again"
raw_guest g1 "it finds what it wrote" "has_tpm; tpm $read | grep -q 123456789abcde01"
# A vTPM domain that ends by other means is taken away by the process that was left behind.
guest_stop g1
check "its vTPM domain is ended by stock xl" xl shutdown g1-vtpm
check "and taken away" wait_gone g1-vtpm 10
check "the manager is stopped" xlv manager stop
check "nothing is left" no_domains
