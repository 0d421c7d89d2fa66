//! Authorisation sessions: HMACs over every command and answer, encryption of the first parameter
//! (Part 1, 19.6 and 21).

use super::codes::{NULL, START_AUTH_SESSION};
use super::salt::Salt;
use super::template::{AES, CFB};
use crate::bytes::Bytes;
use crate::crypto::{decrypt, encrypt, hmac_sha256, kdf_a, same, sha256};
use crate::error::CustodyError;
use crate::link::{Link, parse};
use alloc::vec::Vec;
use tpm_wire::tpm20::{CommandCode, HashAlgorithm};
use tpm_wire::{Malformed, PacketBuilder, Reader, Tag};
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 32;

/// Session attributes (Part 2, 8.4).
const CONTINUE: u8 = 0x01;
const DECRYPT: u8 = 0x20;
const ENCRYPT: u8 = 0x40;
const AUDIT: u8 = 0x80;

/// What a session is for (Part 2, 6.11 `TPM_SE`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionKind {
    Hmac = 0,
    Policy = 1,
}

/// A running session.
pub(super) struct Session {
    pub(super) handle: u32,
    key: Zeroizing<Vec<u8>>,
    nonce_tpm: Vec<u8>,
}

/// What is kept from listeners. It is always the first parameter, which must be a `TPM2B`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrecy {
    None,
    Command,
    Answer,
}

/// A command that goes through one session.
pub(super) struct Call<'a> {
    pub(super) step: &'static str,
    pub(super) code: CommandCode,
    /// Handles and the Names of what they stand for.
    pub(super) handles: &'a [(u32, &'a [u8])],
    pub(super) parameters: Zeroizing<Vec<u8>>,
    /// The authorisation of the first handle, when the session authorises it; `None` when the
    /// session only vouches for the answer.
    pub(super) auth: Option<&'a [u8]>,
    pub(super) secrecy: Secrecy,
    /// Whether the answer has a handle in front of its parameters.
    pub(super) gives_handle: bool,
}

/// A verified answer.
pub(super) struct Answer {
    pub(super) handle: u32,
    pub(super) parameters: Zeroizing<Vec<u8>>,
}

impl Session {
    /// Starts a session salted to the loaded key `tpm_key`, or unsalted.
    pub(super) fn start(
        link: &mut Link<'_, '_>,
        kind: SessionKind,
        salt: Option<(u32, Salt)>,
    ) -> Result<Self, CustodyError> {
        let step = "TPM2_StartAuthSession";
        let nonce: [u8; NONCE_BYTES] = link.random()?;
        let (tpm_key, salt) = salt.map_or((NULL, None), |(key, salt)| (key, Some(salt)));
        let encrypted = salt.as_ref().map_or(&[][..], |salt| &salt.encrypted);
        let content = Bytes::new()
            .u32(tpm_key)
            .u32(NULL)
            .sized(&nonce)
            .sized(encrypted)
            .u8(kind as u8)
            .u16(AES)
            .u16(128)
            .u16(CFB)
            .u16(HashAlgorithm::SHA256.0);
        let response = link.plain(step, START_AUTH_SESSION, &content.finish())?;
        let handle = response.handle(step)?;
        link.remember(handle);
        let nonce_tpm = parse(step, &response.body, |reader| {
            let (_handle, nonce) = (reader.u32()?, reader.sized()?.to_vec());
            reader.end()?;
            Ok(nonce)
        })?;
        let key = salt.map(|salt| kdf_a(salt.value.as_ref(), "ATH", &nonce_tpm, &nonce).to_vec());
        Ok(Self { handle, key: Zeroizing::new(key.unwrap_or_default()), nonce_tpm })
    }

    /// Sends a command through the session and verifies its answer. What the command loaded is
    /// flushed at the end also when the answer is not believed.
    ///
    /// # Errors
    /// [`CustodyError`]; the session is of no more use after [`CustodyError::NotAuthentic`].
    pub(super) fn exchange(
        &mut self,
        link: &mut Link<'_, '_>,
        call: Call<'_>,
    ) -> Result<Answer, CustodyError> {
        let nonce: [u8; NONCE_BYTES] = link.random()?;
        let exchange = Exchange { session: self, nonce, key: self.keyed(call.auth), call };
        let (command, exchange) = exchange.command();
        let response = link.transmit(exchange.call.step, &command)?;
        let step = exchange.call.step;
        if exchange.call.gives_handle {
            link.remember(response.handle(step)?);
        }
        if response.tag != Tag::SESSIONS {
            return Err(CustodyError::NotAuthentic { step });
        }
        let read = parse(step, &response.body, |reader| exchange.read(reader))?;
        let nonce_tpm = read.nonce_tpm.clone();
        let answer = exchange.verify(read)?;
        self.nonce_tpm = nonce_tpm;
        Ok(answer)
    }

    /// The session's key followed by an authorisation, whose trailing zeros do not count (Part 1,
    /// 19.6.5).
    fn keyed(&self, auth: Option<&[u8]>) -> Zeroizing<Vec<u8>> {
        let auth = auth.unwrap_or_default();
        let end = auth.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let auth = auth.get(..end).unwrap_or_default();
        Zeroizing::new([&self.key[..], auth].concat())
    }
}

struct Exchange<'s, 'a> {
    session: &'s Session,
    nonce: [u8; NONCE_BYTES],
    key: Zeroizing<Vec<u8>>,
    call: Call<'a>,
}

/// An answer as it came.
struct Read {
    handle: u32,
    parameters: Zeroizing<Vec<u8>>,
    nonce_tpm: Vec<u8>,
    attributes: u8,
    hmac: Vec<u8>,
}

impl<'s, 'a> Exchange<'s, 'a> {
    fn attributes(&self) -> u8 {
        let secrecy = match self.call.secrecy {
            Secrecy::None if self.call.auth.is_none() => AUDIT,
            Secrecy::None => 0,
            Secrecy::Command => DECRYPT,
            Secrecy::Answer => ENCRYPT,
        };
        CONTINUE | secrecy
    }

    fn command(mut self) -> (Vec<u8>, Self) {
        if self.call.secrecy == Secrecy::Command {
            let mask = kdf_a(&self.key, "CFB", &self.nonce, &self.session.nonce_tpm);
            on_first_parameter(&mut self.call.parameters, |text| encrypt(&mask, text));
        }
        let attributes = self.attributes();
        let names = self.call.handles.iter().flat_map(|(_, name)| name.iter().copied());
        let names: Vec<u8> = names.collect();
        let digest = sha256(&[&self.call.code.0.to_be_bytes(), &names, &self.call.parameters]);
        let parts = [&digest[..], &self.nonce, &self.session.nonce_tpm, &[attributes]];
        let hmac = self.authentication(&parts);
        let authorisation =
            Bytes::new().u32(self.session.handle).sized(&self.nonce).u8(attributes).sized(&hmac);
        let start = PacketBuilder::new(Tag::SESSIONS, self.call.code.0);
        let start = self.call.handles.iter().fold(start, |packet, (handle, _)| packet.u32(*handle));
        let packet = Bytes::new().sized32(&authorisation.finish()).finish();
        (start.bytes(&packet).bytes(&self.call.parameters).finish(), self)
    }

    /// Empty where there is no key, as in an unsalted session for an empty authorisation.
    fn authentication(&self, parts: &[&[u8]]) -> Vec<u8> {
        if self.key.is_empty() { Vec::new() } else { hmac_sha256(&self.key, parts).to_vec() }
    }

    fn read(&self, reader: &mut Reader<'_>) -> Result<Read, Malformed> {
        let handle = if self.call.gives_handle { reader.u32()? } else { 0 };
        let length = usize::try_from(reader.u32()?).map_err(|_| Malformed::Short)?;
        let parameters = Zeroizing::new(reader.bytes(length)?.to_vec());
        let nonce_tpm = reader.sized()?.to_vec();
        let (attributes, hmac) = (reader.u8()?, reader.sized()?.to_vec());
        reader.end()?;
        Ok(Read { handle, parameters, nonce_tpm, attributes, hmac })
    }

    fn verify(self, read: Read) -> Result<Answer, CustodyError> {
        let Read { handle, mut parameters, nonce_tpm, attributes, hmac } = read;
        let success = [0; 4];
        let digest = sha256(&[&success, &self.call.code.0.to_be_bytes(), &parameters]);
        let expected = self.authentication(&[&digest, &nonce_tpm, &self.nonce, &[attributes]]);
        if !same(&hmac, &expected) {
            return Err(CustodyError::NotAuthentic { step: self.call.step });
        }
        if self.call.secrecy == Secrecy::Answer {
            let mask = kdf_a(&self.key, "CFB", &nonce_tpm, &self.nonce);
            on_first_parameter(&mut parameters, |text| decrypt(&mask, text));
        }
        Ok(Answer { handle, parameters })
    }
}

/// Works on the bytes behind the first parameter's length, as far as they are there.
fn on_first_parameter(parameters: &mut [u8], work: impl FnOnce(&mut [u8])) {
    let Some((length, rest)) = parameters.split_first_chunk_mut::<2>() else { return };
    if let Some(text) = rest.get_mut(..usize::from(u16::from_be_bytes(*length))) {
        work(text);
    }
}
