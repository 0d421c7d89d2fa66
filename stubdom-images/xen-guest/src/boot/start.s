# The two entry points. Both end in Rust on the image's own stack.

# Filled by Xen: from the note for PV, through an MSR for PVH. int3 until then.
.section .text.xen_guest_hypercall_page, "ax", @progbits
.balign 4096
.global xen_guest_hypercall_page
xen_guest_hypercall_page:
.fill 4096, 1, 0xcc

# The stack grows down towards a page that is never mapped.
.section .bss.xen_guest_stack, "aw", @nobits
.balign 4096
.global xen_guest_stack_guard
xen_guest_stack_guard: .skip 4096
.skip 65536
.global xen_guest_stack_top
xen_guest_stack_top:

# First page tables of PVH: 1 GiB one to one in 2 MiB pages, refined later.
.global xen_guest_pvh_l4
.global xen_guest_pvh_l3
.global xen_guest_pvh_l2
.balign 4096
xen_guest_pvh_l4: .skip 4096
xen_guest_pvh_l3: .skip 4096
xen_guest_pvh_l2: .skip 4096

.section .rodata.xen_guest_gdt, "a", @progbits
.balign 8
boot_gdt:
  .quad 0
  .quad 0x00af9b000000ffff   # 0x08: 64-bit code
  .quad 0x00cf93000000ffff   # 0x10: data
boot_gdtr:
  .word 23
  .long boot_gdt

.section .text.xen_guest_start, "ax", @progbits

# PV: already in 64-bit mode; rsi = start_info (Xen public/xen.h).
.code64
.global xen_guest_pv_start
xen_guest_pv_start:
  cld
  lea rsp, [rip + xen_guest_stack_top]
  xor ebp, ebp
  mov rdi, rsi
  call {pv_main}
  ud2

# PVH: 32-bit flat protected mode without paging; ebx = hvm_start_info (Xen docs/misc/pvh.pandoc).
.code32
.global xen_guest_pvh_start
xen_guest_pvh_start:
  cld
  mov esp, offset xen_guest_stack_top
  mov esi, ebx

  mov edi, offset xen_guest_pvh_l2
  mov eax, 0x83              # present, writable, 2 MiB
  xor ecx, ecx
2:
  mov [edi + ecx*8], eax
  mov dword ptr [edi + ecx*8 + 4], 0
  add eax, 0x200000
  inc ecx
  cmp ecx, 512
  jb 2b
  mov eax, offset xen_guest_pvh_l2
  or eax, 3
  mov edi, offset xen_guest_pvh_l3
  mov [edi], eax
  mov eax, offset xen_guest_pvh_l3
  or eax, 3
  mov edi, offset xen_guest_pvh_l4
  mov [edi], eax
  mov cr3, edi

  mov eax, 0x620             # PAE, OSFXSR, OSXMMEXCPT: C code uses SSE2; OSXSAVE stays clear, so no AVX
  mov cr4, eax
  mov ecx, 0xc0000080        # EFER
  rdmsr
  or eax, 0x900              # LME, NXE
  wrmsr
  mov eax, cr0
  and eax, 0xfffffff3        # clear EM and TS: SSE does not trap
  or eax, 0x80010023         # PG, WP, NE, MP, PE
  mov cr0, eax
  lgdt [boot_gdtr]
  .byte 0xea                 # far jump to 0x08
  .long 3f
  .word 8
.code64
3:
  mov eax, 16
  mov ds, eax
  mov es, eax
  mov ss, eax
  xor eax, eax
  mov fs, eax
  mov gs, eax
  xor ebp, ebp
  mov edi, esi
  lea rsp, [rip + xen_guest_stack_top]
  call {pvh_main}
  ud2
