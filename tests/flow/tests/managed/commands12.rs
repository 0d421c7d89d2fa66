//! Every ordinal of a TPM 1.2 without parameters: which of them write.

use super::writes::saves;
use flow_tests::packets::tpm12::command;
use flow_tests::{Guest, Machine};

/// Ordinals that need no parameters and change what is permanent (1.2 Part 2, 17), in an order in which
/// each has something to change.
const WRITE: [(u32, &str); 4] = [
    (0x5D, "ForceClear"),
    (0x6F, "PhysicalEnable"),
    (0x70, "PhysicalDisable"),
    (0x98, "SaveState"),
];

/// DisableForceClear and SetTempDeactivated: until the next boot, which is not permanent, others do
/// less.
const HINDER: [u32; 2] = [0x5E, 0x73];

#[test]
fn no_refused_command_of_a_tpm_12_writes_and_of_those_without_parameters_these_do() {
    let mut machine = Machine::default();
    let mut chain = machine.start("loglevel=info").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    let writes = |ordinal| WRITE.iter().any(|(write, _)| *write == ordinal);
    for ordinal in (0..0x200).filter(|at| !writes(*at) && !HINDER.contains(at)) {
        let before = (machine.commits(), machine.written());
        guest.send(&mut chain, &command(ordinal).finish());
        assert_eq!((machine.commits(), machine.written()), before, "{ordinal:#x}");
    }
    for (ordinal, name) in WRITE {
        let packet = command(ordinal).finish();
        assert_eq!(saves(&machine, &mut chain, &mut guest, &packet), 1, "{name}");
    }
}
