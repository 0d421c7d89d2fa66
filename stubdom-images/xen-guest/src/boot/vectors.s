# One entry of 16 bytes per exception and mode. All of them are fatal and none returns; they build
# the same frame (vector, error code, rip, cs, rflags, rsp, ss) and call Rust with its address.

.macro PUSH_VECTOR number
  .if (\number == 8) || (\number == 10) || (\number == 11) || (\number == 12) || (\number == 13) || (\number == 14) || (\number == 17) || (\number == 21)
  .else
    push 0                   # the CPU pushed no error code
  .endif
  push \number
  jmp fatal_exception
.endm

.section .text.xen_guest_start, "ax", @progbits
.code64
.balign 16
.global xen_guest_pvh_vectors
xen_guest_pvh_vectors:
.set number, 0
.rept 32
  .balign 16
  PUSH_VECTOR number
  .set number, number + 1
.endr

# Xen's bounce frame has rcx and r11 on top (Xen arch/x86/x86_64/entry.S, create_bounce_frame).
.balign 16
.global xen_guest_pv_vectors
xen_guest_pv_vectors:
.set number, 0
.rept 32
  .balign 16
  pop rcx
  pop r11
  PUSH_VECTOR number
  .set number, number + 1
.endr

fatal_exception:
  cld
  mov rdi, rsp
  and rsp, -16
  call {exception}
  ud2
