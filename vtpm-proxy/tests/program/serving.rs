//! What a kernel sees of a process that serves.

use crate::double::{Place, Served, set_locality, snapshot};
use crate::index::{define_index, write_index};
use rustix::process::{Resource, getrlimit};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::{Duration, Instant};
use tpm_wire::tpm20::{self, CommandCode, HashAlgorithm};
use tpm_wire::{Header, PacketBuilder, Tag};

#[test]
fn a_kernels_start_up_of_a_tpm20_is_answered_command_by_command() {
    let place = Place::new();
    let served = place.serve(&[]);
    for command in crate::double::start_up_of_a_tpm20() {
        served.ask(&command);
    }
    served.stop();
}

#[test]
fn a_kernels_start_up_of_a_tpm12_is_answered_command_by_command() {
    let place = Place::new();
    let served = place.serve(&["--tpm", "1.2"]);
    let capability = |area: u32, sub: u32| {
        PacketBuilder::new(Tag::RQU_COMMAND, 0x65).u32(area).u32(4).u32(sub).finish()
    };
    served.ask(&set_locality(Tag::RQU_COMMAND, 0));
    // time-outs, durations (TPM_CAP_PROP_TIS_TIMEOUT, _DURATION), ContinueSelfTest, PCR 0, the version
    assert_eq!(served.ask(&capability(5, 0x115)).len(), 4 + 16);
    assert_eq!(served.ask(&capability(5, 0x120)).len(), 4 + 12);
    served.ask(&PacketBuilder::new(Tag::RQU_COMMAND, 0x53).finish());
    assert_eq!(served.ask(&PacketBuilder::new(Tag::RQU_COMMAND, 0x15).u32(0).finish()).len(), 20);
    served.stop();
}

#[test]
fn the_drivers_locality_is_acknowledged_in_the_form_of_its_version_and_changes_nothing_else() {
    let place = Place::new();
    let served = place.serve(&[]);
    let acknowledged = [0x80, 1, 0, 0, 0, 10, 0, 0, 0, 0];
    for locality in [0, 1, 4, 0, 255, 0] {
        assert_eq!(served.send(&set_locality(Tag::SESSIONS, locality)), acknowledged);
        served.ask(&tpm20::get_random(8));
    }
    // PCR 20 is for locality 2 and above: what the driver names does not open it.
    served.ask(&set_locality(Tag::SESSIONS, 2));
    let extend = tpm20::pcr_extend(20, &[(HashAlgorithm::SHA256, vec![1; 32])]);
    let (header, _) =
        Header::parse(&served.send(&extend)).map(|(header, rest)| (header, rest.len())).unwrap();
    assert_eq!(header.code, 0x907, "TPM_RC_LOCALITY");
    served.stop();
}

#[test]
fn a_client_that_hangs_up_in_the_middle_of_a_command_ends_it_in_order() {
    let place = Place::new();
    let mut served = place.serve(&[]);
    served.ask(&define_index());
    served.ask(&write_index(1));
    served.post(&create_primary_rsa());
    served.hang_up();
    let output = served.end();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(said, "vtpm-proxy: the other end of standard input was closed\n");
    let again = place.serve(&[]);
    assert_eq!(again.index_value(), 1);
    assert!(again.was_orderly());
    again.stop();
}

/// TPM2_CreatePrimary of an RSA-2048 key: long enough to be in the middle of it.
fn create_primary_rsa() -> Vec<u8> {
    let public = [
        &[0, 1, 0, 0x0b, 0, 3, 0, 0x72, 0, 0][..],
        &[0, 6, 0, 0x80, 0, 0x43, 0, 0x10, 8, 0, 0, 0, 0, 0, 0, 0],
    ];
    tpm20::authorised(CommandCode(0x131), 0x4000_0001, b"")
        .sized(&[0; 4])
        .sized(&public.concat())
        .u16(0)
        .u32(0)
        .finish()
}

#[test]
fn garbage_of_every_length_gets_a_whole_answer_each() {
    let place = Place::new();
    let served = place.serve(&[]);
    let mut random = 1_u32;
    for length in (1..64).chain([100, 1000, 4087, 4088, 4089, 4095, 4096]) {
        let mut packet: Vec<u8> = (0..length)
            .map(|_| {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                random.to_be_bytes()[0]
            })
            .collect();
        for tag in [None, Some([0x80, 1]), Some([0x80, 2]), Some([0, 0xc1])] {
            if let (Some(tag), Some(first)) = (tag, packet.get_mut(..2)) {
                first.copy_from_slice(&tag);
            }
            let answer = served.send(&packet);
            assert!(Header::parse(&answer).is_ok(), "{packet:02x?} got {answer:02x?}");
        }
    }
    served.ask(&tpm20::get_random(16));
    served.stop();
}

#[test]
fn a_state_that_cannot_be_kept_gets_no_answer_and_ends_it_with_the_last_one_untouched() {
    let place = Place::new();
    let served = place.serve(&[]);
    served.ask(&define_index());
    served.ask(&write_index(1));
    // Nothing can be written there any more, whoever tries.
    std::fs::create_dir(place.path("state").join("state.new")).unwrap();
    let before = snapshot(&place.path("state"));
    assert_eq!(served.send(&write_index(2)), [0_u8; 0]);
    let output = served.end();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.starts_with("vtpm-proxy: ") && said.contains("cannot keep the TPM's state in "),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(snapshot(&place.path("state")) == before, "the directory changed");
    std::fs::remove_dir(place.path("state").join("state.new")).unwrap();
    let again = place.serve(&[]);
    assert_eq!(again.index_value(), 1);
    again.stop();
}

#[test]
fn killed_at_any_moment_it_has_what_it_acknowledged_at_the_next_start() {
    let place = Place::new();
    let served = place.serve(&[]);
    served.ask(&define_index());
    served.ask(&write_index(0));
    served.stop();
    let mut acknowledged = 0;
    for round in 0..20_u64 {
        let mut served = place.serve(&[]);
        let found = served.index_value();
        assert!(found == acknowledged || found == acknowledged + 1, "{found} after {acknowledged}");
        acknowledged = found;
        let count = round % 5;
        for _ in 0..count {
            acknowledged += 1;
            served.ask(&write_index(acknowledged));
        }
        // One more is under way, for a time that differs each round.
        served.post(&write_index(acknowledged + 1));
        std::thread::sleep(Duration::from_micros(round * 37));
        served.process.kill().unwrap();
        assert_eq!(served.end().status.signal(), Some(9));
    }
}

#[test]
fn a_process_that_serves_has_no_capability_left_and_filters_its_calls() {
    let place = Place::new();
    let served = place.serve(&[]);
    served.ask(&tpm20::get_random(8));
    let file = format!("/proc/{}/status", served.process.id());
    let field = |name: &str| {
        let lines = std::fs::read_to_string(&file).unwrap();
        let line = lines.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().to_owned()
    };
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(field(set), "0000000000000000", "{set}");
    }
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", served.process.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let only_0 = getrlimit(Resource::Core).maximum == Some(0);
    assert!(core.split_whitespace().nth(4) == Some("1") || only_0, "{core}");
    assert_eq!((field("Seccomp:").as_str(), field("NoNewPrivs:").as_str()), ("2", "1"));
    let end = Instant::now() + Duration::from_secs(60);
    while field("Threads:") != "1" {
        assert!(Instant::now() < end, "the thread that announced has not ended");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(entries_open_for_writing(served.process.id()), [""; 0]);
    served.stop();
}

/// `vtpm-proxy stop` signals the process that an entry names.
fn entries_open_for_writing(process: u32) -> Vec<String> {
    let open = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let entries = open.flatten().filter_map(|open| {
        let file = std::fs::read_link(open.path()).ok()?.into_os_string().into_string().ok()?;
        file.ends_with(".json").then(|| (open.file_name().into_string().unwrap(), file))
    });
    let entries: Vec<_> = entries.collect();
    assert!(!entries.is_empty(), "its own is held");
    let written = entries.into_iter().filter(|(number, _)| {
        let info = std::fs::read_to_string(format!("/proc/{process}/fdinfo/{number}")).unwrap();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
        u32::from_str_radix(flags, 8).unwrap() & 3 != 0
    });
    written.map(|(_, file)| file).collect()
}

#[test]
fn systemd_is_told_when_it_is_ready_and_it_goes_on_serving() {
    let place = Place::new();
    let systemd = std::os::unix::net::UnixDatagram::bind(place.path("notify")).unwrap();
    systemd.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut command = place.run(&["--state", "=state", "--key-file", "=key", "--stdin"]);
    command.env("NOTIFY_SOCKET", place.path("notify"));
    let served = Served::start(command);
    let mut bytes = [0; 100];
    let count = systemd.recv(&mut bytes).unwrap();
    assert_eq!(&bytes[..count], b"READY=1\nSTATUS=serving on standard input\n");
    served.ask(&tpm20::get_random(8));
    served.stop();
}

#[test]
fn a_completion_script_names_every_command_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vtpm-proxy"));
        let text = command.args(["completion", shell]).output().unwrap().stdout;
        let text = String::from_utf8(text).unwrap();
        for word in ["run", "relay", "list", "recipe", "stop", "host-tpm", "credential", "link"] {
            assert!(text.contains(word), "{shell} lacks {word}");
        }
    }
    let ask = "source <(\"$0\" completion bash); COMP_WORDS=(vtpm-proxy relay --l) COMP_CWORD=2\n\
               _vtpm_proxy vtpm-proxy --l relay; echo \"${COMPREPLY[*]}\"";
    let done = Command::new("bash").args(["-c", ask, env!("CARGO_BIN_EXE_vtpm-proxy")]).output();
    assert_eq!(done.unwrap().stdout, b"--link\n", "an option behind a command");
}
