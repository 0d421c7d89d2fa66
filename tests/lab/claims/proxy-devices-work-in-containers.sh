#!/bin/sh
# claim: tpm2-tools inside a container use the TPM that vtpm-proxy's recipe hands to it, and cannot reach another one's: a container of crun, an OCI runtime, and one of systemd-nspawn in a unit, with vtpm-proxy@ under a credential in clear and one encrypted for the host
# long-variants: crun nspawn
# needs: systemd containers time=400
. proxy-lib
. systemd-lib
check "systemd and what runs containers are unpacked" \
  eval 'systemd_unpacked && tar -x --skip-old-files -f /lab/containers.tar -C /'
modprobe tpm_vtpm_proxy || lab_error "dom0's kernel has the module"
root=/tmp/bundle/rootfs
# A container's files: the programs and libraries of dom0, tpm2-tools among them, and nothing else.
mkdir -p $root/usr $root/etc $root/tmp $root/proc $root/dev $root/sys $root/run
mount --bind /usr $root/usr && ln -s usr/bin $root/bin && ln -s usr/lib $root/lib && ln -s usr/lib64 $root/lib64 ||
  lab_error "there are a container's files"
echo 'ID=lab' >$root/etc/os-release
cp /etc/ld.so.cache /etc/passwd /etc/group /etc/nsswitch.conf $root/etc/

# What runs inside: the number of the other TPM's device is given.
cat >$root/inside <<'END'
#!/bin/sh
export TPM2TOOLS_TCTI=device:/dev/tpmrm0
ls -l /dev/tpm*
tpm2_getrandom --hex 16 && echo && tpm2_pcrread sha256:0 || exit
tpm2_nvdefine -Q -C o -s 7 -a 'authread|authwrite' 0x1500001 && printf 'keep me' | tpm2_nvwrite -Q -i- 0x1500001 || exit
tpm2_createprimary -Q -C o -G ecc -c /tmp/key || exit
if mknod /dev/other c "$1" "$2" 2>/tmp/why; then
  ! cat /dev/other >/dev/null 2>/tmp/why || exit
fi
cat /tmp/why
grep -q 'Operation not permitted' /tmp/why
END
chmod 755 $root/inside
numbers() { printf '%d %d\n' "0x$(stat -c %t "$1")" "0x$(stat -c %T "$1")"; }

case $VARIANT in
crun)
  check "two TPMs are served" eval 'serve web && serve other'
  mount -t cgroup2 cgroup2 /sys/fs/cgroup || lab_error "there are control groups"
  cd /tmp/bundle || lab_error "there is a bundle"
  check "crun writes its default configuration" crun spec
  check "the recipe's entries are added to it" eval '$proxy recipe web --for oci >/tmp/recipe.json &&
jq --slurpfile recipe /tmp/recipe.json --arg other "$(numbers "$(cd /tmp; node other tpmrm)")" "
  .linux.devices = (.linux.devices // []) + \$recipe[0].linux.devices |
  .linux.resources.devices += \$recipe[0].linux.resources.devices |
  .process.terminal = false | .root.readonly = false |
  (.process.capabilities | .bounding, .effective, .permitted) += [\"CAP_MKNOD\"] |
  .process.args = [\"/inside\"] + (\$other | split(\" \"))" config.json >new.json && mv new.json config.json'
  jq -M -c '.linux.devices, .linux.resources.devices' config.json
  # dom0 lives in an initramfs, which pivot_root(2) does not leave.
  check "an OCI runtime starts a container that uses its TPM and no other" stopwatch crun run --no-pivot web-1
  cat /tmp/lab-check.log
  cd /tmp || lab_error "there is a /tmp"
  check "what it kept is in that TPM" matches '^keep me$' tpm2_nvread -T "device:$(node web tpmrm)" 0x1500001
  check "and not in the other" eval '! tpm2_nvread -T "device:$(node other tpmrm)" 0x1500001'
  check "the TPM is there for the next container of that name" $proxy recipe web --for oci
  check "both stop" eval '$proxy stop web && $proxy stop other';;
nspawn)
  ln -sf $proxy /usr/bin/vtpm-proxy
  cp /lab/units/vtpm-proxy@.service /usr/lib/systemd/system/
  mkdir -p /etc/vtpm-proxy "$units/vtpm-proxy@other.service.d"
  check "systemd boots" stopwatch systemd_boot 120
  cat /tmp/lab-check.log
  (umask 077; head -c 32 /dev/urandom >/etc/vtpm-proxy/web.key)
  check "a key is encrypted for this host" eval 'head -c 32 /dev/urandom |
in_systemd systemd-creds encrypt --with-key=host --name=key - /etc/vtpm-proxy/other.cred'
  printf '[Service]\nLoadCredential=\nLoadCredentialEncrypted=key:/etc/vtpm-proxy/other.cred\n' \
    >"$units/vtpm-proxy@other.service.d/key.conf"
  check "systemd reads it" in_systemd systemctl daemon-reload
  up() { in_systemd systemctl start vtpm-proxy@web vtpm-proxy@other || { in_systemd systemctl --no-pager -l status vtpm-proxy@web vtpm-proxy@other; return 1; }; }
  check "both units start, one under a key in clear, one under an encrypted one" up
  unit vtpm-proxy@web StatusText
  check "both are listed" matches '^other .*/dev/tpmrm' $proxy list
  device=$(unit vtpm-proxy@web StatusText | grep -o '/dev/tpmrm[0-9]*')
  other=$(unit vtpm-proxy@other StatusText | grep -o '/dev/tpmrm[0-9]*')
  {
    printf '[Service]\nType=oneshot\nDelegate=yes\nDevicePolicy=closed\nDeviceAllow=%s rw\nDeviceAllow=char-pts rw\n' "$device"
    printf 'ExecStart=/usr/bin/systemd-nspawn --quiet --keep-unit --register=no --console=pipe -D %s --bind=%s:/dev/tpmrm0 /inside %s\n' \
      $root "$device" "$(numbers "$other")"
  } >$units/in-a-container.service
  check "systemd-nspawn's words name the same device" matches "bind=$device:/dev/tpmrm0" $proxy recipe web --for nspawn
  inside() { in_systemd systemctl daemon-reload; in_systemd systemctl start in-a-container && return; in_systemd systemctl --no-pager -l status in-a-container; unit_log in-a-container; return 1; }
  check "systemd-nspawn starts a container that uses its TPM and no other" stopwatch inside
  in_systemd journalctl --no-pager -o cat -u in-a-container | tail -n 30
  check "what it kept is in that TPM" matches '^keep me$' tpm2_nvread -T "device:$device" 0x1500001
  check "and not in the other" eval '! tpm2_nvread -T "device:$other" 0x1500001'
  check "the units are restarted" in_systemd systemctl restart vtpm-proxy@web vtpm-proxy@other
  device=$(unit vtpm-proxy@web StatusText | grep -o '/dev/tpmrm[0-9]*')
  check "what the container kept is there" matches '^keep me$' tpm2_nvread -T "device:$device" 0x1500001
  pid=$(unit vtpm-proxy@web MainPID)
  check "it serves with nothing but what serving needs" in_systemd sh -c "
cat /proc/$pid/status; grep -q '^CapPrm:.0*$' /proc/$pid/status && grep -q '^Seccomp:.2$' /proc/$pid/status"
  check "systemd ends them in order" systemd_off 60
  check "no device is left" no_device '/dev/tpm*';;
esac
