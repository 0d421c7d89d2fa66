//! What SHOW answers.

use super::{AnswerError, Entry, body_of, u64_of};
use crate::builder::PacketBuilder;
use crate::header::HEADER_BYTES;
use crate::reader::Reader;
use crate::tag::Tag;
use alloc::vec::Vec;

/// Bytes of the hash of a saved state that are shown: in upstream's form the key follows them.
const SHOWN_HASH_BYTES: usize = 20;

/// One vTPM. Nothing of it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Show {
    /// What LIST says.
    pub entry: Entry,
    /// State of this older generation is accepted once.
    pub accept_once: Option<u64>,
    /// The first 20 bytes of the hash of the saved state; zeros without.
    pub hash: [u8; SHOWN_HASH_BYTES],
    /// Digest of the vTPM domain's image; empty when not known.
    pub image_hash: Vec<u8>,
    /// Digest of the vTPM domain's security label; empty when there is none.
    pub label_hash: Vec<u8>,
    /// The endorsement key's Name; empty when not known.
    pub ek_name: Vec<u8>,
    /// The endorsement key's public part; empty when not known.
    pub ek_public: Vec<u8>,
}

impl Show {
    /// The body of the answer.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut entry = Vec::new();
        self.entry.encode(&mut entry);
        let packet = PacketBuilder::new(Tag::VTPM_RSP2, 0)
            .bytes(&entry)
            .bytes(&self.accept_once.unwrap_or(0).to_be_bytes())
            .bytes(&self.hash)
            .sized(&self.image_hash)
            .sized(&self.label_hash)
            .sized(&self.ek_name)
            .sized(&self.ek_public)
            .finish();
        packet.get(HEADER_BYTES..).unwrap_or_default().to_vec()
    }

    /// Reads a whole answer; passes over what a later version may add.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn of_answer(answer: &[u8]) -> Result<Self, AnswerError> {
        let mut reader = Reader::new(body_of(answer)?);
        let entry = Entry::decode(&mut reader)?;
        let accepted = u64_of(&mut reader)?;
        let accept_once = (accepted != 0).then_some(accepted);
        let hash = reader.array()?;
        let mut part = || reader.sized().map(<[u8]>::to_vec);
        let (image_hash, label_hash) = (part()?, part()?);
        let (ek_name, ek_public) = (part()?, part()?);
        Ok(Self { entry, accept_once, hash, image_hash, label_hash, ek_name, ek_public })
    }
}
