#!/bin/sh
# What ./x demo runs in the lab's dom0: one vTPM domain, one stock Linux guest, and the guest's TPM
# at work. Prints what it does and what comes back, and ends at the first thing that fails. With the word
# "bold", headings are for a terminal.
. lab-lib
bold= plain=
[ "${1:-}" != bold ] || { bold=$(printf '\033[1m') plain=$(printf '\033[0m'); }

step() { printf '\n%s\n' "$bold--- $*$plain"; }
give_up() { printf '\n%s\n' "${bold}FAILED: $*$plain"; exit 5; }
# shown WHERE COMMAND: as it is typed there.
shown() { printf '%s\n' "$bold$1#$plain $2"; }
# in_guest COMMAND: shows it as typed in the guest, and its answer.
in_guest() {
  shown guest "$1"
  guest_run guest1 "export TPM2TOOLS_TCTI=device:/dev/tpm0; set -e; cd /tmp; $1" ||
    give_up "the guest's command ended with $?"
}

step "this is real Xen"
xl info | grep -E '^(xen_version|virt_caps|total_memory|free_memory)' || give_up "xl does not answer"

step "a disk and a configuration for the vTPM domain, in the form the documents give (an ephemeral TPM leaves the disk alone)"
truncate -s 2M /tmp/vtpm0.img
cat >/tmp/vtpm0.cfg <<END
kernel="/lab/images/vtpm-stubdom.gz"
memory=8
disk=["file:/tmp/vtpm0.img,hda,w"]
name="vtpm0"
extra="tpm2 ephemeral"
on_reboot="destroy"
on_crash="destroy"
END
cat /tmp/vtpm0.cfg
shown dom0 'xl create vtpm0.cfg'
xl create -q /tmp/vtpm0.cfg || give_up "xl did not create the vTPM domain"
domid=$(xl domid vtpm0) || give_up "the vTPM domain is gone"
wait_node "/local/domain/$domid/data/vtpm/state" '^ready$' 20 || { console vtpm0; give_up "the vTPM is not ready"; }
console vtpm0

step "a stock Debian guest, its configuration with: vtpm=[\"backend=vtpm0\"]"
guest_start guest1 pv 'vtpm=["backend=vtpm0"]' || give_up "the guest did not start"
xl list
shown dom0 'xl vtpm-list guest1'
xl vtpm-list guest1

step "the guest loads its own xen-tpmfront and uses its TPM"
in_guest 'uname -r; modprobe xen-tpmfront; ls -l /dev/tpm0'
in_guest 'tpm2_getcap properties-fixed | grep -A2 -E "PT_(FAMILY_INDICATOR|REVISION|MANUFACTURER)"'
in_guest 'tpm2_getrandom --hex 16; echo'
in_guest 'tpm2_pcrextend 16:sha256=$(echo measured | sha256sum | cut -d" " -f1); tpm2_pcrread sha256:16'
in_guest 'tpm2_createprimary -Q -C e -G ecc -a "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign" -c key.ctx
echo "sign me" >text
tpm2_sign -Q -c key.ctx -g sha256 -o signature text
tpm2_verifysignature -c key.ctx -g sha256 -m text -s signature
tpm2_flushcontext -t
echo "the signature is good"'
in_guest 'tpm2_nvdefine -Q -C o -s 16 0x1500001
printf "kept by the vTPM" | tpm2_nvwrite -Q -C o -i- 0x1500001
test "$(tpm2_nvread -C o -s 16 0x1500001)" = "kept by the vTPM"
echo "NV gives back what was written"'
in_guest 'if dmesg | grep -iE "tpm.*(error|fail)"; then exit 1; fi; echo "the kernel logged no error of its TPM"'

step "the guest goes, its TPM is told"
guest_stop guest1
console vtpm0 | tail -n 4
xl shutdown -w vtpm0 >/dev/null || give_up "the vTPM domain did not stop"
