//! `new`.

use crate::arguments::New;
use crate::exit::Exit;

/// Writes the configuration files of a guest's vTPM, by the same means as vtpm-config-gen.
pub(crate) fn run(options: &New, json: bool) -> Result<(), Exit> {
    let arguments = config_gen::Arguments {
        guest: Some(options.guest.clone()),
        guest_config: Some(options.guest_config.clone()),
        tpm: Some(options.tpm.clone()),
        uuid: options.uuid.clone(),
        ephemeral: options.ephemeral,
        hardware: options.hardware.clone(),
        allocated: options.allocated,
        output: Some(options.output.clone()),
        force: options.force,
        dry_run: options.dry_run,
        json,
        file: None,
    };
    let said = config_gen::run(&arguments).map_err(|error| Exit::not_done(format!("{error:#}")))?;
    if json {
        print!("{said}");
        return Ok(());
    }
    // The long list of xl commands at its end is what `create` does.
    print!("{}", said.split("\nTo start everything:").next().unwrap_or(&said));
    let file = options.output.join(format!("{}.cfg", options.guest)).display().to_string();
    println!("Next: xl-vtpm create {}", as_typed(&file));
    Ok(())
}

/// As a shell has to be given it.
fn as_typed(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:=@%".contains(c);
    if path.chars().all(plain) { path.into() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

#[test]
fn a_path_with_spaces_can_be_typed_as_it_is_said() {
    assert_eq!(as_typed("/etc/xen/vtpm/g-1.cfg"), "/etc/xen/vtpm/g-1.cfg");
    assert_eq!(as_typed("o 2/g.cfg"), "'o 2/g.cfg'");
    assert_eq!(as_typed("it's"), r"'it'\''s'");
}
