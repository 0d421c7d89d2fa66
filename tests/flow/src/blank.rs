//! TPMs as they leave manufacture, made once per process.

use crate::chain::alone;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::OnceLock;
use tpm_wire::TpmVersion;
use vtpm_engine::{LibTpms, StartConfig, TpmState};
use vtpm_service::{Arguments, NotKept, Origin, Service, StateKeeper};

/// Where the state was last put.
#[derive(Clone, Default)]
struct Shelf(Rc<RefCell<Option<TpmState>>>);

impl StateKeeper<LibTpms> for Shelf {
    fn keep(&mut self, engine: &mut LibTpms) -> Result<(), NotKept> {
        if let Some(state) = engine.take_changed_state() {
            *self.0.borrow_mut() = Some(state);
        }
        Ok(())
    }
}

/// The state of a TPM that a vTPM domain has made and stopped in order. To be asked while no TPM
/// runs; the first call per version makes it.
pub(crate) fn blank_state(version: TpmVersion) -> TpmState {
    static TPM12: OnceLock<TpmState> = OnceLock::new();
    static TPM20: OnceLock<TpmState> = OnceLock::new();
    match version {
        TpmVersion::Tpm12 => TPM12.get_or_init(|| manufacture("ephemeral")),
        TpmVersion::Tpm20 => TPM20.get_or_init(|| manufacture("tpm2 ephemeral")),
    }
    .clone()
}

fn manufacture(line: &str) -> TpmState {
    let _alone = alone();
    let arguments = Arguments::parse(line.split(' ')).expect("a sound command line").0;
    let engine = LibTpms::start(StartConfig::new(arguments.version)).expect("an engine");
    let shelf = Shelf::default();
    let service = Service::start(engine, shelf.clone(), arguments, Origin::New);
    service.expect("a vTPM").shutdown().expect("an orderly stop");
    shelf.0.take().expect("a kept state")
}
