//! What Xen's tools say of one failure: many lines, one of which names the cause.

/// The lines, the one with the cause first; the others stay in their order.
#[must_use]
pub fn cause_first(said: &str) -> Vec<&str> {
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut lines: Vec<&str> = lines.collect();
    // A script's own sentence (libxl_device.c, device_hotplug_child_death_cb), else the first error: what comes
    // after that follows from it, and what stands before it is a warning.
    let with = |mark| lines.iter().position(|line: &&str| line.contains(mark));
    if let Some(cause) = with(": script: ").or_else(|| with("error")) {
        lines[..=cause].rotate_right(1);
    }
    lines
}

/// The backends' paths of devices that libxl could not remove, although the call succeeded (libxl_device.c,
/// device_backend_cleanup and its callers: "unable to remove device with path ...").
pub(crate) fn not_removed(said: &str) -> Vec<String> {
    let paths =
        said.lines().filter_map(|line| line.split_once("unable to remove device with path "));
    paths.map(|(_, path)| path.trim().to_owned()).collect()
}

#[test]
fn a_device_that_was_not_removed_is_known_by_its_path() {
    let said = "libxl: error: libxl_device.c:1131:device_backend_callback: Domain 7:unable to remove device with path \
                /local/domain/0/backend/vbd/7/51712\nlibxl: error: libxl_domain.c:1530:devices_destroy_cb: Domain \
                7:libxl__devices_destroy failed\n";
    assert_eq!(not_removed(said), ["/local/domain/0/backend/vbd/7/51712"]);
    assert!(not_removed("libxl: error: something else\n").is_empty());
}

#[test]
fn the_line_that_names_the_cause_comes_first() {
    let script = "libxl: error: libxl_exec.c:117:libxl_report_child_exitstatus: /s/block add [7] exited with error status 1\n\
                  libxl: error: libxl_device.c:1259:device_hotplug_child_death_cb: script: /v.img is not there\n\n\
                  libxl: error: libxl_create.c:1643:domcreate_attach_devices: unable to add disk devices\n";
    let lines = cause_first(script);
    assert!(lines[0].ends_with("script: /v.img is not there") && lines[1].contains("[7] exited"));
    assert!(lines.len() == 3 && lines[2].ends_with("unable to add disk devices"));
    let kernel = "libxl: warning: libxl.c:1:f: it is old\nxc: error: panic: no loader found: Invalid kernel\n\
                  libxl: error: libxl_dom.c:571:libxl__build_dom: xc_dom_parse_image failed";
    let lines = cause_first(kernel);
    assert!(lines[0].starts_with("xc: error: panic") && lines[1].contains("warning"), "{lines:?}");
    assert_eq!(cause_first("one\ntwo\n"), ["one", "two"]);
    assert!(cause_first(" \n").is_empty());
}
