//! A vTPM's endorsement key, as other programs read it.

use pem_rfc7468::LineEnding;

/// The public key of [`crate::Show`] in PEM, as `openssl pkey -pubin` takes it (RFC 7468, 13); `None`
/// when the manager does not know it.
#[must_use]
pub fn endorsement_pem(public: &[u8]) -> Option<String> {
    if public.is_empty() {
        return None;
    }
    pem_rfc7468::encode_string("PUBLIC KEY", LineEnding::LF, public).ok()
}
