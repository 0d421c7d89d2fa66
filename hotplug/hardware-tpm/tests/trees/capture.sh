#!/bin/sh
# capture.sh: prints, as root in domain 0, what vtpm-hwtpm reads of a machine's sys and proc. The tests
# build a tree from it (support/mod.rs); a report about a machine that is not understood is best made
# of it. Each line is one of
#   link PATH TARGET     a symbolic link
#   file PATH            a file; its lines follow, each behind "| "
#   hex PATH BYTES       a file that is no text
cd / || exit
link() { for path; do [ ! -L "$path" ] || printf 'link %s %s\n' "$path" "$(readlink "$path")"; done; }
file() { for path; do [ ! -f "$path" ] || { echo "file $path"; sed 's/^/| /' "$path" 2>/dev/null; }; done; }
hex() { for path; do [ ! -f "$path" ] || echo "hex $path $(od -v -An -tx1 "$path" | tr -d ' \n')"; done; }

file sys/hypervisor/type sys/hypervisor/uuid
link sys/class/tpm/*
for device in sys/bus/acpi/devices/* sys/bus/pnp/devices/* sys/bus/platform/devices/*; do
  real=$(readlink -f "$device")
  real=${real#/}
  link "$device"
  case $(cat "$device/modalias" "$device/id" 2>/dev/null) in
    *MSFT0101*|*PNP0[Cc]31*) link "$real"/*; file "$real/modalias" "$real/id" "$real/resources";;
  esac
done
for chip in sys/class/tpm/*; do
  real=$(readlink -f "$chip")
  real=${real#/}
  link "$real/device" "$real/device/driver" "$real/device/subsystem"
  file "$real/tpm_version_major" "$real/dev"
done
for driver in sys/bus/*/drivers/tpm*; do
  [ -d "$driver" ] || continue
  link "$driver"/*
  for way in bind unbind; do echo "file $driver/$way"; done
done
hex sys/firmware/acpi/tables/TPM2 sys/firmware/acpi/tables/TCPA
file proc/iomem sys/class/misc/hw_random/rng_current sys/class/misc/hw_random/rng_available
file sys/kernel/security/integrity/ima/runtime_measurements_count
for process in proc/[0-9]*; do
  found=
  for open in "$process"/fd/*; do
    case $(readlink "$open") in */tpm*) link "$open"; found=1;; esac
  done
  [ -z "$found" ] || file "$process/comm"
done
