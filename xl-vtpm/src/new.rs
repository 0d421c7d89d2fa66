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
    println!("Next: xl-vtpm create {}", config_gen::as_typed(&file));
    Ok(())
}
