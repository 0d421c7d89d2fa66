#!/bin/sh
# tss-esapi's integration tests in a guest, by the raw device of Linux's stock xen-tpmfront. On swtpm they are
# run on the host.
. suites-lib
mkdir -p /suite && cp /lab/tss-esapi-tests /suite/
suites_guest "tpm2 ephemeral platform=open" /suite
suites_take ours
suites_run tss-esapi ours 3000 'cd /tmp; TEST_TCTI=device:/dev/tpm0 /suite/tss-esapi-tests --test-threads=1'
