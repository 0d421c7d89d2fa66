//! What an administrator and a program see of `vtpm-hwtpm`.

mod support;

use serde_json::{Value, json};
use std::process::{Command, Output, Stdio};
use support::Tree;

fn run(tree: &Tree, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vtpm-hwtpm"));
    command.arg("--root").arg(tree.path("")).args(words).output().unwrap()
}

fn said(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8(all).unwrap()
}

fn answer(tree: &Tree, words: &[&str]) -> Value {
    let output = run(tree, &[words, &["--json"]].concat());
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn status_names_driver_program_and_the_next_step() {
    let text = said(&run(&Tree::captured("qemu-crb-tpm20.tree"), &["status"]));
    for part in [
        "tpm0           hardware TPM 2.0: /dev/tpm0, held by tpm_crb (device MSFT0101:00 on the acpi bus)",
        "firmware       TPM 2.0 in table TPM2, start method 7 (command response buffer)",
        "reserved       0xfed40000-0xfed40fff",
        "open by        sleep (process 131, /dev/tpm0)",
        "at boot        stays with domain 0",
        "next           stop what has it open",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
}

#[test]
fn status_says_the_same_to_programs() {
    let value = answer(&Tree::captured("qemu-crb-tpm20.tree"), &["status"]);
    assert_eq!(value["domain_0"], true);
    assert_eq!(value["tpms"][0]["driver"], "tpm_crb");
    assert_eq!(value["table"]["control_area"], "0xfed40040");
    assert_eq!(value["users"][0]["pid"], 131);
    assert_eq!(value["kept"]["systemd"], false);
    assert_eq!(value["lines"]["iomem"], "iomem=[\"fed40,1\"]");
    assert!(value["refused"].is_null());
    assert_eq!(value["next"], "stop what has it open");
}

#[test]
fn on_a_machine_without_a_tpm_status_says_so_and_what_can_be_done() {
    let tree = Tree::of("file sys/hypervisor/type\n| xen");
    let output = run(&tree, &["status"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "it was asked, and has answered: {text}");
    for part in [
        "hardware TPM   none\n",
        "firmware       announces no TPM in its ACPI tables\n",
        "at boot        nothing is done\n",
        "refused        this machine has no TPM that its firmware or its kernel knows\n",
        "next           switch it on in the firmware's settings (",
        "--hardware none",
        "--ephemeral",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
    let value = answer(&tree, &["status"]);
    assert_eq!(
        (&value["tpms"], &value["table"], &value["lines"]),
        (&json!([]), &json!(null), &json!(null))
    );
    let (refused, next) = (value["refused"].as_str().unwrap(), value["next"].as_str().unwrap());
    assert!(
        text.contains(&format!("next           {next}\n")) && refused.ends_with(next),
        "{value}"
    );
    assert_eq!(run(&tree, &["release"]).status.code(), Some(1));
}

#[test]
fn lines_prints_two_lines_and_nothing_else() {
    let output = run(&Tree::captured("qemu-tis-tpm20.tree"), &["lines"]);
    assert_eq!(
        said(&output),
        "iomem=[\"fed40,5\"]\nextra=\"tpm2 tpmiomem=0xfed40000+0x5000 tpmstart=6\"\n"
    );
}

#[test]
fn a_refusal_is_exit_code_1_and_one_sentence() {
    let output = run(&Tree::captured("qemu-tis-tpm20.tree"), &["release"]);
    assert_eq!(output.status.code(), Some(1));
    let message = said(&output);
    assert!(message.starts_with("vtpm-hwtpm: the TPM is in use by sleep (process "), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}

#[test]
fn at_boot_nothing_is_done_without_xen_and_without_a_tpm() {
    let bare = Tree::unused("qemu-tis-tpm20.tree");
    bare.add("file sys/hypervisor/type\n| none");
    let guest = Tree::unused("qemu-tis-tpm20.tree");
    guest.add("file sys/hypervisor/uuid\n| 0f8e1a52-7c3d-4b69-9a10-5566778899aa");
    for tree in [bare, guest] {
        let output = run(&tree, &["release", "--at-boot"]);
        assert!(output.status.success() && said(&output).contains("not domain 0"));
        assert!(tree.path("sys/class/tpm/tpm0").exists());
    }
    let none = Tree::of("file sys/hypervisor/type\n| xen\nfile sys/hypervisor/uuid\n| 0000-00");
    let output = run(&none, &["release", "--at-boot"]);
    assert!(output.status.success() && said(&output).contains("no TPM"), "{}", said(&output));
}

#[test]
fn at_boot_the_tpm_is_released_and_what_is_lost_is_said() {
    let tree = Tree::unused("qemu-tis-tpm20.tree");
    let _kernel = tree.kernel();
    let value = answer(&tree, &["release", "--at-boot"]);
    assert_eq!(value["released"]["name"], "tpm0");
    assert_eq!(value["lost"][0]["name"], "hwrng");
    assert!(!tree.path("sys/class/tpm/tpm0").exists());
    assert!(answer(&tree, &["give-back"])["holder"]["driver"] == "tpm_tis");
}

#[test]
fn the_manual_page_s_examples_run() {
    let tree = Tree::unused("qemu-tis-tpm20.tree");
    let _kernel = tree.kernel();
    let folder = tempfile::tempdir().unwrap();
    let program =
        format!("{} --root {}", env!("CARGO_BIN_EXE_vtpm-hwtpm"), tree.path("").display());
    manual::run_examples("vtpm-hwtpm.8", "vtpm-hwtpm", &program, folder.path());
}

#[test]
fn every_mistake_is_one_sentence_that_says_what_to_type() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine"), "text").unwrap();
    for (words, code, says) in [
        (&[][..], 2, "a command is missing; write one of status, release, "),
        (&["relase"], 2, "did you mean release?"),
        (&["release", "--force"], 2, "--force is not known here"),
        (&["keep", "now"], 2, "now is not known here"),
        (&["--root"], 2, "--root <DIR> needs a value"),
        (&["--root", "none", "status"], 2, "cannot be --root <DIR>; name a folder that is there"),
        (&["--root", "mine", "keep"], 2, "cannot be --root <DIR>; name a folder that is there"),
        (&["--root", ".", "lines"], 1, "this machine has no TPM"),
    ] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_vtpm-hwtpm"));
        let done = program.args(words).current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(code), "{words:?}: {said}");
        assert!(said.starts_with("vtpm-hwtpm: ") && said.contains(says), "{words:?}: {said}");
        let helped = said.contains("a command is missing") && said.contains("\nCommands:\n");
        assert!(helped || said.lines().count() == 1, "{words:?}: {said}");
    }
}

#[test]
fn what_nobody_hears_is_done_all_the_same() {
    let tree = Tree::captured("qemu-crb-tpm20.tree");
    for words in [&["status"][..], &["lines", "--json"], &["keep"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vtpm-hwtpm"));
        command.arg("--root").arg(tree.path("")).args(words);
        let (_, closed) = std::io::pipe().unwrap();
        let done = command.stdout(closed).stderr(Stdio::piped()).spawn().unwrap();
        let done = done.wait_with_output().unwrap();
        assert_eq!((done.status.code(), &done.stderr[..]), (Some(0), &b""[..]), "{words:?}");
    }
    assert!(tree.path("etc/systemd/system/vtpm-hwtpm.service").exists());
}
