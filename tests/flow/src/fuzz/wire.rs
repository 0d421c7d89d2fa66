//! Bytes and texts that peers send, to everything that reads them.

use tpm_wire::tpm20::{self, Property};
use tpm_wire::{Header, Reader};
use tpmif::nodes::{self, DeviceId};
use tpmif::{Uuid, XenbusState};

/// The bytes are a packet, an answer and a text at once.
///
/// # Panics
/// When a reader accepts what is not so.
pub fn wire(data: &[u8]) {
    packet(data);
    answers(data);
    texts(&String::from_utf8_lossy(data));
}

fn packet(data: &[u8]) {
    if let Ok((header, body)) = Header::parse(data) {
        assert_eq!(body.len() + tpm_wire::HEADER_BYTES, data.len());
        assert_eq!(data[..2], header.tag.0.to_be_bytes());
        let _ = header.tag.command_family();
    }
    let mut reader = Reader::new(data);
    while reader.sized().is_ok() {}
    assert!(reader.rest().len() <= data.len());
}

fn answers(data: &[u8]) {
    if let Ok(random) = tpm20::random_bytes(data) {
        assert!(data.ends_with(random) || data.starts_with(&[0x80, 0x02]));
    }
    if let Ok(Some(digest)) = tpm20::pcr_digest(data) {
        assert!(digest.len() < data.len());
    }
    let banks = tpm20::active_banks(data).unwrap_or_default();
    assert!(banks.len() * 3 <= data.len());
    let _ = (tpm20::pcr_allocated(data), tpm20::acknowledged(data));
    let _ = tpm20::property(data, Property::LOCKOUT_COUNTER);
}

fn texts(text: &str) {
    if let Some(uuid) = Uuid::parse(text) {
        assert_eq!(uuid.to_string(), text.to_ascii_lowercase());
    }
    if let Some(state) = XenbusState::parse(text) {
        assert_eq!(state.as_str(), text);
    }
    if let Some(number) = nodes::number(text) {
        let digits = text.trim_start_matches('0');
        assert_eq!(number.to_string(), if digits.is_empty() { "0" } else { digits });
    }
    if let Some(id) = DeviceId::of_backend_path(text) {
        assert_eq!(DeviceId::of_backend_path(&id.backend_dir()), Some(id));
    }
    if let Some(id) = DeviceId::of_frontend_path(text) {
        assert_eq!(DeviceId::of_frontend_path(&id.frontend_dir()), Some(id));
    }
}
