//! Our side: a guest's page, the backend, the rules and the engine, in this process.

use crate::sides::Tpm;
use anyhow::{Result, anyhow, bail, ensure};
use domain_io::test_utils::{FakePage, FakePort};
use domain_io::{DomainId, EventPort, Sharing, Xenstore};
use flow_tests::{Chain, VTPM};
use std::time::Duration;
use tpm_wire::tpm20::{StartupType, shutdown, startup};
use tpmif::nodes::{self, DeviceId};
use tpmif::peers::Waiting;
use tpmif::{Answer, FrontendEnd};
use vtpm_engine::{Engine, LibTpms, Locality, StartConfig, TpmState, TpmVersion};

const GUEST: DeviceId = DeviceId { frontend: DomainId(1), device: 0 };

/// A new TPM 2.0, stopped in order.
pub(crate) fn manufacture() -> Result<TpmState> {
    let mut engine = LibTpms::start(StartConfig::new(TpmVersion::Tpm20))?;
    for packet in [startup(StartupType::CLEAR), shutdown(StartupType::CLEAR)] {
        let answer = engine.execute(Locality::ZERO, &packet)?;
        ensure!(answer.ends_with(&[0; 4]), "the new TPM answered {answer:02x?}");
    }
    engine.state().ok_or_else(|| anyhow!("the new TPM has no state"))
}

/// A vTPM domain and a frontend's end of its page.
pub(crate) struct Ours {
    end: FrontendEnd<FakePage>,
    port: FakePort,
    chain: Chain,
}

impl Ours {
    /// Starts a vTPM domain with this TPM and connects a frontend.
    pub(crate) fn start(state: TpmState) -> Result<Self> {
        let mut chain = Chain::start_from("tpm2 ephemeral", Some(state));
        ensure!(chain.attach(GUEST).0 == Waiting::Reached, "the backend does not take the device");
        let mut sharing = chain.world.sharing(GUEST.frontend);
        let shared = |error| anyhow!("{error}");
        let (page, grant) = sharing.grant(VTPM).map_err(shared)?;
        let port = sharing.allocate_port(VTPM).map_err(shared)?;
        let mut store = chain.world.store(GUEST.frontend);
        for (name, value) in [
            (nodes::RING_REF, grant.0.to_string()),
            (nodes::EVENT_CHANNEL, port.number().0.to_string()),
            (nodes::PROTOCOL_V2, "1".into()),
            (nodes::STATE, "4".into()),
        ] {
            let path = format!("{}/{name}", GUEST.frontend_dir());
            store.write(&path, &value).map_err(|error| anyhow!("{path}: {error}"))?;
        }
        chain.run(Duration::from_secs(2));
        Ok(Self { end: FrontendEnd::new(page), port, chain })
    }
}

impl Tpm for Ours {
    fn transmit(&mut self, packet: &[u8]) -> Result<Vec<u8>> {
        self.end.submit(0, packet).map_err(|refused| anyhow!("{refused}"))?;
        self.port.notify().map_err(|error| anyhow!("{error}"))?;
        self.chain.turn();
        ensure!(self.port.take_pending(), "the backend sent no event");
        match self.end.answer().map_err(|fault| anyhow!("{fault}"))? {
            Answer::Response(answer) => Ok(answer),
            other => bail!("instead of an answer: {other:?}"),
        }
    }
}
