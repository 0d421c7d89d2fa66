# The ELF notes that tell Xen's domain builder how to start the image (Xen public/elfnote.h).
# LOADER and XEN_VERSION must begin with "generic" and "xen-3.0" or a PV domain is refused.
.macro NOTE_TEXT type, text
  .balign 4
  .long 4
  .long 8f - 7f
  .long \type
  .asciz "Xen"
7: .asciz "\text"
8: .balign 4
.endm

.macro NOTE_NUMBER type, value
  .balign 4
  .long 4
  .long 8
  .long \type
  .asciz "Xen"
  .quad \value
.endm

.section .note.Xen, "a", @note
NOTE_NUMBER 1, xen_guest_pv_start        # ENTRY
NOTE_NUMBER 2, xen_guest_hypercall_page  # HYPERCALL_PAGE
NOTE_NUMBER 3, 0                         # VIRT_BASE
NOTE_NUMBER 4, 0                         # PADDR_OFFSET
NOTE_TEXT 5, "xen-3.0"                   # XEN_VERSION
NOTE_TEXT 6, "xen-guest"                 # GUEST_OS
NOTE_TEXT 8, "generic"                   # LOADER
NOTE_NUMBER 18, xen_guest_pvh_start      # PHYS32_ENTRY
