#!/bin/sh
# claim: xl-vtpm does nothing in a dry run, takes back what it did when a start fails, and takes no garbage for an argument
# variants: pv
# long-variants: pvh
# needs: time=200
. toolstack-lib
mkdir -p /tmp/cfg && cd /tmp/cfg || lab_error "no folder"
printf 'name="g1"\nkernel="none"\nmemory=64\ntype="pv"\n' >mine.cfg
cp /lab/images/vtpm-stubdom.gz /tmp/cfg/other-kernel.gz # a guest that runs and needs no disk
printf 'name="g2"\nkernel="/tmp/cfg/other-kernel.gz"\nextra="ephemeral"\nmemory=8\ntype="pv"\n' >other.cfg
cat >story.toml <<END
[host]
output = "/etc/xen/vtpm"
images = "/lab/images"
disks = "/tmp/cfg/disks"
type = "$VARIANT"
[manager]
hardware = "none"
[[guest]]
name = "g1"
config = "mine.cfg"
[[guest]]
name = "g2"
config = "other.cfg"
ephemeral = true
END
check "the files are written" /lab/tools/vtpm-config-gen story.toml
refused() { ! xlv "$@"; }
g1=/etc/xen/vtpm/g1.cfg g2=/etc/xen/vtpm/g2.cfg
check "a dry run says what would be done" \
  matches 'start the vTPM domain g1-vtpm from /etc/xen/vtpm/g1-vtpm.cfg' xlv create $g1 --dry-run
check "and does nothing" no_domains
check "not even a disk image" test ! -e disks
check "a start that fails says what failed and that a TPM's disk stays" \
  matches 'could not start the guest g1 .*disks/g1-vtpm.img stays' xlv create $g1 --timeout 90
check "no domain is left" no_domains
mv /lab/images/vtpm-stubdom.gz /lab/images/moved
check "a vTPM whose image is gone does not start" matches 'could not start the vTPM domain g2-vtpm' xlv create $g2
mv /lab/images/moved /lab/images/vtpm-stubdom.gz
check "no domain, either" no_domains
check "an ephemeral vTPM needs no manager" xlv create $g2 --timeout 90
check "a guest that runs is not started again" refused create $g2
check "its vTPM is listed as JSON" test "$(xlv list g2 --json | jq -r '.vtpms[0].health')" = ready
check "garbage is no vTPM to be detached" refused detach g2 garbage
check "a vTPM of nobody is not attached" refused attach g2 backend=nobody
check "nor one that serves already" matches 'g2-vtpm serves g2 \(domain [0-9]+\) already' xlv attach g2 backend=g2-vtpm
check "nor domain 0" matches 'Domain-0 holds no TPM' xlv attach g2 backend=Domain-0
check "a vTPM's file is not taken for a guest's" matches "is a vTPM domain's" xlv create /etc/xen/vtpm/g2-vtpm.cfg
uuid=$(xlv list g2 --json | jq -r '.vtpms[0].uuid')
check "the vTPM is taken from the running guest" xlv detach g2 "$uuid"
check "and given back" xlv attach g2 "backend=g2-vtpm,uuid=$uuid"
[ "$(xlv list g2 --json | jq '.vtpms|length')" = 1 ] || fail "the guest has one vTPM"
check "guest and vTPM are ended" xlv shutdown g2
check "no domain is left at the end" no_domains
check "no loop device, either" no_loops
